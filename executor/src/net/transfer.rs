//! Moving bytes: one attempt, for each kind of stream, and the polls around it, which are the same for all.
//!
//! A poll that is asked for nothing returns at once; any other spends a unit of the budget, and waits where the driver
//! says. They take `&self`, so the slot rule (one waiting task per direction) is kept by those who call: they own the
//! stream, or their half of it.

use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::task::{Context, Poll};

use raddle_io_driver::Registered;

/// What can be tried on a stream; reads, with the waiting around them.
pub(super) trait Attempt: AsFd + Sized {
    /// Whether a write that moves less than it was asked for says that the next would block.
    ///
    /// TCP only. A pipe counts pages, and a Unix socket messages: a byte may fit where many do not.
    const SHORT_IS_LAST: bool;

    fn poll_read(
        io: &Registered<Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>>;

    #[cfg_attr(not(any(feature = "hyper", feature = "tokio-io")), allow(dead_code))]
    fn poll_read_uninit(
        io: &Registered<Self>,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>>;

    fn poll_read_vectored(
        io: &Registered<Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>>;

    fn write_some(&self, bytes: &[u8]) -> io::Result<usize>;
    fn write_some_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize>;

    /// `asked_for` bytes as the driver wants to know them: zero if a short write says nothing.
    fn measure(asked_for: usize) -> usize {
        if Self::SHORT_IS_LAST { asked_for } else { 0 }
    }
}

impl Attempt for TcpStream {
    const SHORT_IS_LAST: bool = true;

    fn poll_read(
        io: &Registered<Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        io.poll_receive(cx, buffer)
    }

    fn poll_read_uninit(
        io: &Registered<Self>,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        io.poll_receive_uninit(cx, buffer)
    }

    fn poll_read_vectored(
        io: &Registered<Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        io.poll_receive_vectored(cx, buffers)
    }

    fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        (&mut &*self).write(bytes)
    }

    fn write_some_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        (&mut &*self).write_vectored(buffers)
    }
}

/// Reads that foresee nothing: a Unix socket ends one early where a descriptor was passed, a pipe in packet mode where a
/// packet ends.
macro_rules! reads {
    () => {
        fn poll_read(
            io: &Registered<Self>,
            cx: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            io.poll_read_io(cx, |io| Ok(rustix::io::read(io, &mut *buffer)?))
        }

        fn poll_read_uninit(
            io: &Registered<Self>,
            cx: &mut Context<'_>,
            buffer: &mut [MaybeUninit<u8>],
        ) -> Poll<io::Result<usize>> {
            io.poll_read_io(cx, |io| Ok(rustix::io::read(io, &mut *buffer)?.0.len()))
        }

        fn poll_read_vectored(
            io: &Registered<Self>,
            cx: &mut Context<'_>,
            buffers: &mut [IoSliceMut<'_>],
        ) -> Poll<io::Result<usize>> {
            let taken = buffers.len().min(MOST_BUFFERS);
            io.poll_read_io(cx, |io| Ok(rustix::io::readv(io, &mut buffers[..taken])?))
        }
    };
}

impl Attempt for UnixStream {
    const SHORT_IS_LAST: bool = false;

    reads!();

    fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        (&mut &*self).write(bytes)
    }

    fn write_some_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        (&mut &*self).write_vectored(buffers)
    }
}

/// A pipe.
impl Attempt for OwnedFd {
    const SHORT_IS_LAST: bool = false;

    reads!();

    fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self, bytes)?)
    }

    fn write_some_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let taken = buffers.len().min(MOST_BUFFERS);
        Ok(rustix::io::writev(self, &buffers[..taken])?)
    }
}

/// How many buffers one call takes, on Linux and most other systems.
const MOST_BUFFERS: usize = 1_024;

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
                $crate::net::budget::spend(cx, |cx| <$raw>::poll_read(&self.io, cx, buffer))
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
                $crate::net::budget::spend(cx, |cx| <$raw>::poll_read_uninit(&self.io, cx, buffer))
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
                $crate::net::budget::spend(cx, |cx| {
                    <$raw>::poll_read_vectored(&self.io, cx, buffers)
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
