//! What TCP and Unix streams have in common: reading, writing, and waiting until either is worth a try.
//!
//! A stream has a field `io: Registered<_>` and a method `failure`; the polls are those of `transfer.rs`.

use std::io;

/// Reading, in the words of an error.
pub(super) const READING: &str = "reading from";
/// Writing, in the words of an error.
pub(super) const WRITING: &str = "writing to";

/// Ends the sending direction, for traits that call it closing: a connection that has gone already is closed well
/// enough.
pub(super) fn finished(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        outcome => outcome,
    }
}

/// The public methods of a stream that do not depend on its kind.
macro_rules! stream_methods {
    ($stream:ident, $std:ty) => {
        impl $stream {
            /// Waits until there is something to read, and reads it: at most what fits `buffer`. 0
            /// means that the peer has finished sending, or that `buffer` is empty; then it does
            /// not wait.
            ///
            /// # Cancel safety
            /// Nothing is read unless the future completes.
            ///
            /// # Errors
            /// What the system says, naming the address: `ConnectionReset`, ….
            ///
            /// # Examples
            /// ```
            #[doc = concat!(
                                                "# async fn example(stream: &mut raddle::net::",
                                                stringify!($stream),
                                                ") -> std::io::Result<()> {"
                                            )]
            /// let mut buffer = [0; 1024];
            /// while let n @ 1.. = stream.read(&mut buffer).await? {
            ///     println!("{n} bytes");
            /// }
            /// # Ok(()) }
            /// ```
            pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                std::future::poll_fn(|cx| self.poll_recv(cx, buffer)).await
            }

            /// [`read`](Self::read) into several buffers, each filled before the next.
            ///
            /// # Cancel safety
            /// Nothing is read unless the future completes.
            ///
            /// # Errors
            /// As for [`read`](Self::read).
            pub async fn read_vectored(
                &mut self,
                buffers: &mut [IoSliceMut<'_>],
            ) -> io::Result<usize> {
                std::future::poll_fn(|cx| self.poll_recv_vectored(cx, buffers)).await
            }

            /// Reads until `buffer` is full.
            ///
            /// # Cancel safety
            /// None: if the future is dropped, what it has read is lost.
            ///
            /// # Errors
            /// [`io::ErrorKind::UnexpectedEof`] if the peer finishes before that, and what
            /// [`read`](Self::read) meets.
            pub async fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.recv_exact(buffer).await
            }

            /// Waits until there is room, and writes: at least one byte, unless `bytes` is empty;
            /// then it does not wait.
            ///
            /// # Cancel safety
            /// Nothing is written unless the future completes.
            ///
            /// # Errors
            /// What the system says, naming the address: `BrokenPipe`, `ConnectionReset`, ….
            pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                std::future::poll_fn(|cx| self.poll_send(cx, bytes)).await
            }

            /// [`write`](Self::write) from several buffers, one after the other.
            ///
            /// # Cancel safety
            /// Nothing is written unless the future completes.
            ///
            /// # Errors
            /// As for [`write`](Self::write).
            pub async fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
                std::future::poll_fn(|cx| self.poll_send_vectored(cx, buffers)).await
            }

            /// Writes all of `bytes`.
            ///
            /// # Cancel safety
            /// None: if the future is dropped, some of `bytes` may have been written.
            ///
            /// # Errors
            /// As for [`write`](Self::write).
            pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
                self.send_all(bytes).await
            }

            /// Reads what is there, without waiting.
            ///
            /// # Errors
            /// [`io::ErrorKind::WouldBlock`] if nothing is; others as for [`read`](Self::read).
            pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
                let outcome = self.io.try_io(Interest::READABLE, |mut io| io.read(buffer));
                outcome.map_err(|error| self.failure($crate::net::stream::READING, error))
            }

            /// [`try_read`](Self::try_read) into several buffers.
            ///
            /// # Errors
            /// As for [`try_read`](Self::try_read).
            pub fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                let read = |mut io: &$std| io.read_vectored(buffers);
                let outcome = self.io.try_io(Interest::READABLE, read);
                outcome.map_err(|error| self.failure($crate::net::stream::READING, error))
            }

            /// Writes what there is room for, without waiting.
            ///
            /// # Errors
            /// [`io::ErrorKind::WouldBlock`] if there is none; others as for [`write`](Self::write).
            pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
                let outcome = self.io.try_io(Interest::WRITABLE, |mut io| io.write(bytes));
                outcome.map_err(|error| self.failure($crate::net::stream::WRITING, error))
            }

            /// [`try_write`](Self::try_write) from several buffers.
            ///
            /// # Errors
            /// As for [`try_write`](Self::try_write).
            pub fn try_write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
                let write = |mut io: &$std| io.write_vectored(buffers);
                let outcome = self.io.try_io(Interest::WRITABLE, write);
                outcome.map_err(|error| self.failure($crate::net::stream::WRITING, error))
            }

            /// Ends one direction or both. After `Shutdown::Write` the peer reads the end of the
            /// stream; what it sends can still be read.
            ///
            /// # Errors
            /// `NotConnected` if the connection has gone; others as the system says.
            pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                let outcome = self.io.get_ref().shutdown(how);
                outcome.map_err(|error| self.failure("shutting down the connection to", error))
            }

            /// Two halves for one task, or for two that are polled together.
            ///
            /// Where `raddle::io::AsyncReadExt` is in scope, `stream.split()` is the method of that trait, which takes the
            /// stream and puts a lock between its halves. Name the type there: `TcpStream::split(&mut stream)`.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(
                                                "# async fn example(stream: &mut raddle::net::",
                                                stringify!($stream),
                                                ") -> std::io::Result<()> {"
                                            )]
            /// let (mut reader, mut writer) = stream.split();
            /// let mut buffer = [0; 1024];
            /// while let n @ 1.. = reader.read(&mut buffer).await? {
            ///     writer.write_all(&buffer[..n]).await?;
            /// }
            /// # Ok(()) }
            /// ```
            pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
                (ReadHalf(self), WriteHalf(self))
            }

            /// Two halves for two tasks. Dropping the write half ends that direction, so the peer
            /// reads the end of the stream; the connection is closed when both are gone.
            pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
                OwnedReadHalf::of(self)
            }

            /// The error that is pending on the socket, which this clears.
            ///
            /// # Errors
            /// What the system says of the question.
            pub fn take_error(&self) -> io::Result<Option<io::Error>> {
                let naming = $crate::net::socket::naming("asking for the error of", self);
                self.io.get_ref().take_error().map_err(naming)
            }

            /// Ends the sending direction, for traits that call it closing.
            pub(crate) fn finish_sending(&self) -> io::Result<()> {
                $crate::net::stream::finished(self.shutdown(Shutdown::Write))
            }
        }
    };
}

/// What every socket can do that waits for its own operations: `ready` and its kin, `try_io`, `async_io`.
macro_rules! readiness_methods {
    ($socket:ident, $reading:ident, $writing:ident) => {
        impl $socket {
            /// Waits until one of the things in `interest` is ready, and says what is. A following
            /// `try_*` may still answer `WouldBlock`: then wait again.
            ///
            /// # Cancel safety
            /// Nothing is lost: readiness stays until an operation has found that it would block.
            ///
            /// # Errors
            /// That the runtime has shut down.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                Ok($crate::net::budget::spending(self.io.ready(interest)).await?.ready())
            }

            /// Waits until reading is worth a try; see [`ready`](Self::ready).
            ///
            /// # Errors
            /// As for [`ready`](Self::ready).
            pub async fn readable(&self) -> io::Result<()> {
                self.ready(Interest::READABLE).await.map(drop)
            }

            /// Waits until writing is worth a try; see [`ready`](Self::ready).
            ///
            /// # Errors
            /// As for [`ready`](Self::ready).
            pub async fn writable(&self) -> io::Result<()> {
                self.ready(Interest::WRITABLE).await.map(drop)
            }

            /// [`readable`](Self::readable) for a hand-written future. Only the waker of the last
            /// call is kept.
            ///
            /// # Errors
            /// As for [`ready`](Self::ready).
            pub fn $reading(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                let poll =
                    |cx: &mut Context<'_>| self.io.registration().poll_read_ready(cx).map_ok(drop);
                $crate::net::budget::spend(cx, poll)
            }

            /// [`writable`](Self::writable) for a hand-written future. Only the waker of the last
            /// call is kept.
            ///
            /// # Errors
            /// As for [`ready`](Self::ready).
            pub fn $writing(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                let poll =
                    |cx: &mut Context<'_>| self.io.registration().poll_write_ready(cx).map_ok(drop);
                $crate::net::budget::spend(cx, poll)
            }

            /// Tries `operation`, a system call on this socket, if `interest` is thought to be
            /// ready. It must answer `WouldBlock` if and only if the system does.
            ///
            /// # Errors
            /// [`io::ErrorKind::WouldBlock`] if nothing is ready, and those of `operation`.
            pub fn try_io<R>(
                &self,
                interest: Interest,
                operation: impl FnOnce() -> io::Result<R>,
            ) -> io::Result<R> {
                self.io.try_io(interest, |_| operation())
            }

            /// Tries `operation`, a system call on this socket, until it does not block, and waits
            /// for `interest` in between. It must answer `WouldBlock` if and only if the system
            /// does.
            ///
            /// # Cancel safety
            /// If the future is dropped before it completes, `operation` has not succeeded.
            ///
            /// # Errors
            /// Those of `operation`, and those of [`ready`](Self::ready).
            pub async fn async_io<R>(
                &self,
                interest: Interest,
                mut operation: impl FnMut() -> io::Result<R>,
            ) -> io::Result<R> {
                $crate::net::budget::spending(self.io.async_io(interest, |_| operation())).await
            }
        }
    };
}

/// A socket as the file descriptor it is, and as it is printed.
macro_rules! descriptor_traits {
    ($socket:ident) => {
        impl std::os::fd::AsFd for $socket {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.io.as_fd()
            }
        }

        impl std::os::fd::AsRawFd for $socket {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.io.as_raw_fd()
            }
        }

        impl std::fmt::Debug for $socket {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.io.get_ref().fmt(f)
            }
        }
    };
}

/// To the standard library's kind of socket and back.
macro_rules! std_conversions {
    ($socket:ident, $std:ty $(, $field:ident: $value:expr)?) => {
        impl $socket {
            /// Takes over a socket of the standard library, and puts it in non-blocking mode.
            ///
            /// # Errors
            /// What the system says.
            ///
            /// # Panics
            /// Outside a runtime.
            #[track_caller]
            pub fn from_std(socket: $std) -> io::Result<Self> {
                let handle = $crate::scheduler::context::io_handle();
                let number = std::os::fd::AsRawFd::as_raw_fd(&socket);
                let naming = |error| {
                    let descriptor = format_args!("descriptor {number}");
                    $crate::io::failure::failed("taking over", descriptor, error)
                };
                socket.set_nonblocking(true).map_err(naming)?;
                let io = Registered::new(socket, &handle).map_err(naming)?;
                Ok(Self { io $(, $field: $value)? })
            }

            /// Gives the socket back to the standard library, still in non-blocking mode.
            ///
            /// # Errors
            /// None at present.
            pub fn into_std(self) -> io::Result<$std> {
                Ok(self.io.into_inner())
            }
        }

        impl TryFrom<$std> for $socket {
            type Error = io::Error;

            /// The same as `from_std`.
            #[track_caller]
            fn try_from(socket: $std) -> io::Result<Self> {
                Self::from_std(socket)
            }
        }
    };
}

pub(super) use {descriptor_traits, readiness_methods, std_conversions, stream_methods};
