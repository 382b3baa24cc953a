//! The halves of a split [`TcpStream`](super::TcpStream).

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use raddle_io_driver::{Interest, Ready};

use super::TcpStream;
use super::split::borrowed_halves;
use super::split_owned::owned_halves;

borrowed_halves!(TcpStream, SocketAddr);
owned_halves!(TcpStream, SocketAddr);

impl ReadHalf<'_> {
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
}

impl OwnedReadHalf {
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
}
