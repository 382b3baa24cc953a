//! Halves of a stream, one that reads and one that writes: what they can do, whatever stream they are of.
//!
//! The macros define the types where they are invoked: `tcp_halves.rs`, `unix/halves.rs`. Those of `split_owned.rs` are
//! free to go their own way; the ones here borrow the stream.

/// What every reading half can do: the reading part of `TcpStream`.
macro_rules! reading_methods {
    ($half:ty, $stream:ident, $addr:ty) => {
        impl $half {
            #[doc = concat!("[`", stringify!($stream), "::read`].")]
            ///
            /// # Errors
            /// As there.
            pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                std::future::poll_fn(|cx| self.as_ref().poll_recv(cx, buffer)).await
            }

            #[doc = concat!("[`", stringify!($stream), "::read_vectored`].")]
            ///
            /// # Errors
            /// As there.
            pub async fn read_vectored(
                &mut self,
                buffers: &mut [IoSliceMut<'_>],
            ) -> io::Result<usize> {
                std::future::poll_fn(|cx| self.as_ref().poll_recv_vectored(cx, buffers)).await
            }

            #[doc = concat!("[`", stringify!($stream), "::read_exact`], which is not cancel-safe.")]
            ///
            /// # Errors
            /// As there.
            pub async fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.as_ref().recv_exact(buffer).await
            }

            #[doc = concat!("[`", stringify!($stream), "::readable`].")]
            ///
            /// # Errors
            /// As there.
            pub async fn readable(&self) -> io::Result<()> {
                self.as_ref().readable().await
            }

            #[doc = concat!("[`", stringify!($stream), "::try_read`].")]
            ///
            /// # Errors
            /// As there.
            pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
                self.as_ref().try_read(buffer)
            }

            #[doc = concat!("[`", stringify!($stream), "::try_read_vectored`].")]
            ///
            /// # Errors
            /// As there.
            pub fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.as_ref().try_read_vectored(buffers)
            }
        }
        $crate::net::split::common_methods!($half, $stream, $addr);
    };
}

/// What every writing half can do: the writing part of `TcpStream`.
macro_rules! writing_methods {
    ($half:ty, $stream:ident, $addr:ty) => {
        impl $half {
            #[doc = concat!("[`", stringify!($stream), "::write`].")]
            ///
            /// # Errors
            /// As there.
            pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                std::future::poll_fn(|cx| self.as_ref().poll_send(cx, bytes)).await
            }

            #[doc = concat!("[`", stringify!($stream), "::write_vectored`].")]
            ///
            /// # Errors
            /// As there.
            pub async fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
                std::future::poll_fn(|cx| self.as_ref().poll_send_vectored(cx, buffers)).await
            }

            #[doc = concat!("[`", stringify!($stream), "::write_all`], which is not cancel-safe.")]
            ///
            /// # Errors
            /// As there.
            pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
                self.as_ref().send_all(bytes).await
            }

            #[doc = concat!("[`", stringify!($stream), "::writable`].")]
            ///
            /// # Errors
            /// As there.
            pub async fn writable(&self) -> io::Result<()> {
                self.as_ref().writable().await
            }

            #[doc = concat!("[`", stringify!($stream), "::try_write`].")]
            ///
            /// # Errors
            /// As there.
            pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
                self.as_ref().try_write(bytes)
            }

            #[doc = concat!("[`", stringify!($stream), "::try_write_vectored`].")]
            ///
            /// # Errors
            /// As there.
            pub fn try_write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
                self.as_ref().try_write_vectored(buffers)
            }
        }
        $crate::net::split::common_methods!($half, $stream, $addr);
    };
}

/// What every half can do.
macro_rules! common_methods {
    ($half:ty, $stream:ident, $addr:ty) => {
        impl $half {
            #[doc = concat!("[`", stringify!($stream), "::ready`].")]
            ///
            /// # Errors
            /// As there.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                self.as_ref().ready(interest).await
            }

            /// The address of this end.
            ///
            /// # Errors
            /// What the system says.
            pub fn local_addr(&self) -> io::Result<$addr> {
                self.as_ref().local_addr()
            }

            /// The address of the other end.
            ///
            /// # Errors
            /// `NotConnected` if the connection has gone.
            pub fn peer_addr(&self) -> io::Result<$addr> {
                self.as_ref().peer_addr()
            }
        }
    };
}

/// `ReadHalf` and `WriteHalf` of a borrowed stream.
macro_rules! borrowed_halves {
    ($stream:ident, $addr:ty) => {
        #[doc = concat!(
            "The reading half of a borrowed [`", stringify!($stream), "`]; see [`", stringify!($stream), "::split`]."
        )]
        #[derive(Debug)]
        pub struct ReadHalf<'a>(pub(in crate::net) &'a $stream);

        #[doc = concat!(
            "The writing half of a borrowed [`", stringify!($stream), "`]; see [`", stringify!($stream), "::split`]."
        )]
        #[derive(Debug)]
        pub struct WriteHalf<'a>(pub(in crate::net) &'a $stream);

        impl AsRef<$stream> for ReadHalf<'_> {
            fn as_ref(&self) -> &$stream {
                self.0
            }
        }

        impl AsRef<$stream> for WriteHalf<'_> {
            fn as_ref(&self) -> &$stream {
                self.0
            }
        }

        $crate::net::split::reading_methods!(ReadHalf<'_>, $stream, $addr);
        $crate::net::split::writing_methods!(WriteHalf<'_>, $stream, $addr);
    };
}

pub(super) use {borrowed_halves, common_methods, reading_methods, writing_methods};
