//! The two halves of a borrowed stream, and what they have in common with the owned ones.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use raddle_io_driver::{Interest, Ready};

use super::TcpStream;

/// The reading half of a borrowed [`TcpStream`]; see [`TcpStream::split`].
#[derive(Debug)]
pub struct ReadHalf<'a>(pub(super) &'a TcpStream);

/// The writing half of a borrowed [`TcpStream`]; see [`TcpStream::split`].
#[derive(Debug)]
pub struct WriteHalf<'a>(pub(super) &'a TcpStream);

impl AsRef<TcpStream> for ReadHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}

impl AsRef<TcpStream> for WriteHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}

/// What every reading half can do: the reading part of `TcpStream`.
macro_rules! reading_methods {
    ($half:ty) => {
        impl $half {
            /// [`TcpStream::read`].
            ///
            /// # Errors
            /// As there.
            pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                std::future::poll_fn(|cx| self.as_ref().poll_recv(cx, buffer)).await
            }

            /// [`TcpStream::read_vectored`].
            ///
            /// # Errors
            /// As there.
            pub async fn read_vectored(
                &mut self,
                buffers: &mut [IoSliceMut<'_>],
            ) -> io::Result<usize> {
                std::future::poll_fn(|cx| self.as_ref().poll_recv_vectored(cx, buffers)).await
            }

            /// [`TcpStream::read_exact`], which is not cancel-safe.
            ///
            /// # Errors
            /// As there.
            pub async fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                crate::net::tcp_stream::read_exact(self.as_ref(), buffer).await
            }

            /// [`TcpStream::peek`].
            ///
            /// # Errors
            /// As there.
            pub async fn peek(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.as_ref().peek(buffer).await
            }

            /// [`TcpStream::poll_peek`].
            ///
            /// # Errors
            /// As there.
            pub fn poll_peek(
                &mut self,
                cx: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                self.as_ref().poll_peek(cx, buffer)
            }

            /// [`TcpStream::readable`].
            ///
            /// # Errors
            /// As there.
            pub async fn readable(&self) -> io::Result<()> {
                self.as_ref().readable().await
            }

            /// [`TcpStream::try_read`].
            ///
            /// # Errors
            /// As there.
            pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
                self.as_ref().try_read(buffer)
            }

            /// [`TcpStream::try_read_vectored`].
            ///
            /// # Errors
            /// As there.
            pub fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.as_ref().try_read_vectored(buffers)
            }
        }
        common_methods!($half);
    };
}

/// What every writing half can do: the writing part of `TcpStream`.
macro_rules! writing_methods {
    ($half:ty) => {
        impl $half {
            /// [`TcpStream::write`].
            ///
            /// # Errors
            /// As there.
            pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                std::future::poll_fn(|cx| self.as_ref().poll_send(cx, bytes)).await
            }

            /// [`TcpStream::write_vectored`].
            ///
            /// # Errors
            /// As there.
            pub async fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
                std::future::poll_fn(|cx| self.as_ref().poll_send_vectored(cx, buffers)).await
            }

            /// [`TcpStream::write_all`], which is not cancel-safe.
            ///
            /// # Errors
            /// As there.
            pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
                crate::net::tcp_stream::write_all(self.as_ref(), bytes).await
            }

            /// [`TcpStream::writable`].
            ///
            /// # Errors
            /// As there.
            pub async fn writable(&self) -> io::Result<()> {
                self.as_ref().writable().await
            }

            /// [`TcpStream::try_write`].
            ///
            /// # Errors
            /// As there.
            pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
                self.as_ref().try_write(bytes)
            }

            /// [`TcpStream::try_write_vectored`].
            ///
            /// # Errors
            /// As there.
            pub fn try_write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
                self.as_ref().try_write_vectored(buffers)
            }
        }
        common_methods!($half);
    };
}

/// What every half can do.
macro_rules! common_methods {
    ($half:ty) => {
        impl $half {
            /// [`TcpStream::ready`].
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
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                self.as_ref().local_addr()
            }

            /// The address of the other end.
            ///
            /// # Errors
            /// `NotConnected` if the connection has gone.
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                self.as_ref().peer_addr()
            }
        }
    };
}

pub(super) use {common_methods, reading_methods, writing_methods};

reading_methods!(ReadHalf<'_>);
writing_methods!(WriteHalf<'_>);
