//! Moving bytes: one attempt, for each kind of stream, and the polls around it, which are the same for all.
//!
//! A poll that is asked for nothing returns at once; any other spends a unit of the budget, and waits where the driver
//! says. They take `&self`, so the slot rule (one waiting task per direction) is kept by those who call: they own the
//! stream, or their half of it.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::net::{RecvFlags, recv};

/// What can be tried on a stream.
pub(super) trait Attempt {
    /// Whether a call that moves less than it was asked for says that the next would block.
    ///
    /// TCP only. A Unix socket ends a read early where a descriptor was passed, and a pipe counts pages: a byte may fit
    /// where many do not.
    const SHORT_IS_LAST: bool;

    fn read_some(&self, buffer: &mut [u8]) -> io::Result<usize>;
    #[cfg_attr(not(any(feature = "hyper", feature = "tokio-io")), allow(dead_code))]
    fn read_some_uninit(&self, buffer: &mut [MaybeUninit<u8>]) -> io::Result<usize>;
    fn read_some_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize>;
    fn write_some(&self, bytes: &[u8]) -> io::Result<usize>;
    fn write_some_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize>;

    /// `asked_for` bytes as the driver wants to know them: zero if a short transfer says nothing.
    fn measure(asked_for: usize) -> usize {
        if Self::SHORT_IS_LAST { asked_for } else { 0 }
    }
}

macro_rules! attempts_of_a_socket {
    ($socket:ty, $short_is_last:literal) => {
        impl Attempt for $socket {
            const SHORT_IS_LAST: bool = $short_is_last;

            fn read_some(&self, buffer: &mut [u8]) -> io::Result<usize> {
                (&mut &*self).read(buffer)
            }

            fn read_some_uninit(&self, buffer: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
                Ok(recv(self, buffer, RecvFlags::empty())?.1)
            }

            fn read_some_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                (&mut &*self).read_vectored(buffers)
            }

            fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
                (&mut &*self).write(bytes)
            }

            fn write_some_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
                (&mut &*self).write_vectored(buffers)
            }
        }
    };
}

attempts_of_a_socket!(TcpStream, true);
attempts_of_a_socket!(UnixStream, false);

/// A pipe.
impl Attempt for OwnedFd {
    const SHORT_IS_LAST: bool = false;

    fn read_some(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(self, buffer)?)
    }

    fn read_some_uninit(&self, buffer: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
        Ok(rustix::io::read(self, buffer)?.0.len())
    }

    fn read_some_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        Ok(rustix::io::readv(self, buffers)?)
    }

    fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self, bytes)?)
    }

    fn write_some_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(rustix::io::writev(self, buffers)?)
    }
}

/// How many bytes one call can move between the socket and buffers of these lengths. The system
/// takes no more than `IOV_MAX` buffers at once (1,024, and 16 at least); moving less than all of a
/// longer list does not mean that the next call would block.
pub(super) fn total(lengths: impl ExactSizeIterator<Item = usize>) -> usize {
    const CERTAINLY_TAKEN: usize = 16;
    if lengths.len() > CERTAINLY_TAKEN { 0 } else { lengths.sum() }
}

/// The polls of what has a field `io: Registered<$raw>` and a method `failure`, for reading.
macro_rules! receiving {
    ($end:ident, $raw:ty) => {
        impl $end {
            #[inline]
            pub(crate) fn poll_recv(
                &self,
                cx: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                if buffer.is_empty() {
                    return Poll::Ready(Ok(0));
                }
                let room = <$raw>::measure(buffer.len());
                let read = |io: &$raw| io.read_some(buffer);
                $crate::net::budget::spend(cx, |cx| self.io.poll_read_stream(cx, room, read))
                    .map_err(|error| self.failure($crate::net::stream::READING, error))
            }

            /// Reads into memory that was never written. The number returned is that of the bytes written.
            #[cfg(any(feature = "hyper", feature = "tokio-io"))]
            #[allow(dead_code)] // hyper asks TCP only.
            #[inline]
            pub(crate) fn poll_recv_uninit(
                &self,
                cx: &mut Context<'_>,
                buffer: &mut [std::mem::MaybeUninit<u8>],
            ) -> Poll<io::Result<usize>> {
                if buffer.is_empty() {
                    return Poll::Ready(Ok(0));
                }
                let room = <$raw>::measure(buffer.len());
                let read = |io: &$raw| io.read_some_uninit(buffer);
                $crate::net::budget::spend(cx, |cx| self.io.poll_read_stream(cx, room, read))
                    .map_err(|error| self.failure($crate::net::stream::READING, error))
            }

            #[inline]
            pub(crate) fn poll_recv_vectored(
                &self,
                cx: &mut Context<'_>,
                buffers: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                if buffers.iter().all(|buffer| buffer.is_empty()) {
                    return Poll::Ready(Ok(0));
                }
                let room = $crate::net::transfer::total(buffers.iter().map(|buffer| buffer.len()));
                let read = |io: &$raw| io.read_some_vectored(buffers);
                $crate::net::budget::spend(cx, |cx| {
                    self.io.poll_read_stream(cx, <$raw>::measure(room), read)
                })
                .map_err(|error| self.failure($crate::net::stream::READING, error))
            }

            pub(crate) async fn recv_exact(&self, mut buffer: &mut [u8]) -> io::Result<usize> {
                let length = buffer.len();
                while !buffer.is_empty() {
                    match std::future::poll_fn(|cx| self.poll_recv(cx, buffer)).await? {
                        0 => {
                            let error = io::ErrorKind::UnexpectedEof.into();
                            return Err(self.failure($crate::net::stream::READING, error));
                        }
                        n => buffer = &mut buffer[n..],
                    }
                }
                Ok(length)
            }
        }
    };
}

/// [`receiving`], for writing.
macro_rules! sending {
    ($end:ident, $raw:ty) => {
        impl $end {
            #[inline]
            pub(crate) fn poll_send(
                &self,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                if bytes.is_empty() {
                    return Poll::Ready(Ok(0));
                }
                let length = <$raw>::measure(bytes.len());
                let write = |io: &$raw| io.write_some(bytes);
                $crate::net::budget::spend(cx, |cx| self.io.poll_write_stream(cx, length, write))
                    .map_err(|error| self.failure($crate::net::stream::WRITING, error))
            }

            #[inline]
            pub(crate) fn poll_send_vectored(
                &self,
                cx: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                if buffers.iter().all(|buffer| buffer.is_empty()) {
                    return Poll::Ready(Ok(0));
                }
                let length =
                    $crate::net::transfer::total(buffers.iter().map(|buffer| buffer.len()));
                let write = |io: &$raw| io.write_some_vectored(buffers);
                $crate::net::budget::spend(cx, |cx| {
                    self.io.poll_write_stream(cx, <$raw>::measure(length), write)
                })
                .map_err(|error| self.failure($crate::net::stream::WRITING, error))
            }

            pub(crate) async fn send_all(&self, mut bytes: &[u8]) -> io::Result<()> {
                while !bytes.is_empty() {
                    match std::future::poll_fn(|cx| self.poll_send(cx, bytes)).await? {
                        0 => {
                            let error = io::ErrorKind::WriteZero.into();
                            return Err(self.failure($crate::net::stream::WRITING, error));
                        }
                        n => bytes = &bytes[n..],
                    }
                }
                Ok(())
            }
        }
    };
}

pub(super) use {receiving, sending};
