//! The two halves of a stream, each free to go its own way.

/// `OwnedReadHalf`, `OwnedWriteHalf` and `ReuniteError` of a stream.
macro_rules! owned_halves {
    ($stream:ident, $addr:ty) => {
        #[doc = concat!("The reading half of a [`", stringify!($stream), "`]; see [`", stringify!($stream), "::into_split`].")]
        ///
        /// Dropping it does not tell the peer anything while the writing half is there.
        #[derive(Debug)]
        pub struct OwnedReadHalf {
            stream: Arc<$stream>,
        }

        #[doc = concat!("The writing half of a [`", stringify!($stream), "`]; see [`", stringify!($stream), "::into_split`].")]
        ///
        /// Dropping it ends the sending direction: the peer reads the end of the stream.
        #[derive(Debug)]
        pub struct OwnedWriteHalf {
            stream: Arc<$stream>,
            /// Nothing is left to be ended on drop.
            finished: bool,
        }

        fn reunite(reader: OwnedReadHalf, writer: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
            if !Arc::ptr_eq(&reader.stream, &writer.stream) {
                return Err(ReuniteError(reader, writer));
            }
            writer.forget();
            Ok(Arc::into_inner(reader.stream).expect("a stream has two halves, and both are here"))
        }

        impl OwnedReadHalf {
            pub(in crate::net) fn of(stream: $stream) -> (Self, OwnedWriteHalf) {
                let stream = Arc::new(stream);
                (Self { stream: stream.clone() }, OwnedWriteHalf { stream, finished: false })
            }

            /// Makes one stream again of two halves.
            ///
            /// # Errors
            /// [`ReuniteError`] gives both back if they are not of the same stream.
            pub fn reunite(self, other: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
                reunite(self, other)
            }
        }

        impl OwnedWriteHalf {
            /// Makes one stream again of two halves.
            ///
            /// # Errors
            /// [`ReuniteError`] gives both back if they are not of the same stream.
            pub fn reunite(self, other: OwnedReadHalf) -> Result<$stream, ReuniteError> {
                reunite(other, self)
            }

            /// Drops this half without ending the sending direction.
            pub fn forget(mut self) {
                self.finished = true;
            }

            /// Ends the sending direction now.
            pub(in crate::net) fn finish_sending(&mut self) -> io::Result<()> {
                let outcome = self.stream.finish_sending();
                self.finished |= outcome.is_ok();
                outcome
            }
        }

        impl Drop for OwnedWriteHalf {
            fn drop(&mut self) {
                if !self.finished {
                    // A connection that has gone needs no ending.
                    let _ = self.stream.finish_sending();
                }
            }
        }

        impl AsRef<$stream> for OwnedReadHalf {
            fn as_ref(&self) -> &$stream {
                &self.stream
            }
        }

        impl AsRef<$stream> for OwnedWriteHalf {
            fn as_ref(&self) -> &$stream {
                &self.stream
            }
        }

        $crate::net::split::reading_methods!(OwnedReadHalf, $stream, $addr);
        $crate::net::split::writing_methods!(OwnedWriteHalf, $stream, $addr);

        /// Two halves that are not of the same stream.
        #[derive(Debug)]
        pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

        impl fmt::Display for ReuniteError {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the two halves are not of the same stream")
            }
        }

        impl Error for ReuniteError {}
    };
}

pub(super) use owned_halves;
