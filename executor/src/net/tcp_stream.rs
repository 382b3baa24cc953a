//! A TCP connection.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use raddle_io_driver::{Interest, Ready, Registered};
use rustix::net::sockopt;

use super::ToSocketAddrs;
use super::budget::{spend, spending};
use super::connect::connect_to_first;
use super::resolve::resolve;
use super::socket::naming;
use super::stream::{
    READING, descriptor_traits, readiness_methods, std_conversions, stream_methods,
};
use super::tcp::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use super::tcp_options::tcp_options;
use super::transfer::{Attempt as _, receiving, sending};
use crate::io::failure::{failed, failed_with};
use crate::scheduler::context::io_handle;

/// A TCP connection.
///
/// Reading and writing take `&mut self`, because one task at a time can wait in each direction; to
/// do both in different tasks, [`split`](Self::split) it. What takes `&self` can be called by any
/// number of tasks.
///
/// Dropping it closes the connection.
///
/// # Examples
/// ```no_run
/// use raddle::net::TcpStream;
///
/// # raddle::block_on(async {
/// let mut stream = TcpStream::connect("example.com:80").await?;
/// stream.write_all(b"GET / HTTP/1.0\r\nHost: example.com\r\n\r\n").await?;
/// let mut page = vec![0; 64 * 1024];
/// let n = stream.read(&mut page).await?;
/// println!("{}", String::from_utf8_lossy(&page[..n]));
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub struct TcpStream {
    io: Registered<net::TcpStream>,
    /// For errors: after a reset the system no longer knows. `None` if we never asked.
    peer: Option<SocketAddr>,
}

impl TcpStream {
    pub(super) fn new(io: Registered<net::TcpStream>, peer: SocketAddr) -> Self {
        Self { io, peer: Some(peer) }
    }

    /// Connects to the first of the given addresses that answers. Addresses given as such are tried
    /// in order, each to its end. If a *name* has several, IPv6 and IPv4 take turns, and an attempt
    /// that has not ended after 250 ms does not hold up the next: whichever answers first is kept,
    /// and the others are given up ("happy eyeballs", RFC 8305).
    ///
    /// # Cancel safety
    /// Dropping the future gives the attempts up and closes the sockets.
    ///
    /// # Errors
    /// That of the attempt that failed last, which the message names: `ConnectionRefused`,
    /// `TimedOut`, …. Resolving a name has errors of its own, see
    /// [`lookup_host`](super::lookup_host).
    ///
    /// # Panics
    /// Outside a runtime.
    pub async fn connect<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        let handle = io_handle();
        connect_to_first(&handle, resolve(address).await?).await
    }

    /// Waits for something to read, and copies it without taking it: the next read sees it again.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        spending(self.io.async_io(Interest::READABLE, |io| io.peek(buffer)))
            .await
            .map_err(|error| self.failure(READING, error))
    }

    /// [`peek`](Self::peek) for a hand-written future. It waits where [`read`](Self::read) does:
    /// only the waker of the last call is kept.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn poll_peek(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        spend(cx, |cx| self.io.poll_read_io(cx, |io| io.peek(buffer)))
            .map_err(|error| self.failure(READING, error))
    }

    /// The address of this end.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr().map_err(naming("asking for the address of", self))
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// `NotConnected` if the connection has gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr().map_err(naming("asking for the peer of", self))
    }

    /// `error`, saying what met it and on which connection. No system call, unless the stream came from the standard
    /// library: then the system may have forgotten the peer, and the connection is that of our own address.
    #[cold]
    pub(super) fn failure(&self, operation: &'static str, error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::WouldBlock {
            return error;
        }
        match self.peer.map_or_else(|| self.io.get_ref().peer_addr(), Ok) {
            Ok(peer) => failed_with(operation, peer, error),
            Err(_) => match self.io.get_ref().local_addr() {
                Ok(local) => failed(operation, format_args!("the peer of {local}"), error),
                Err(_) => failed(operation, "a peer that is gone", error),
            },
        }
    }
}

stream_methods!(TcpStream, net::TcpStream);
receiving!(TcpStream, net::TcpStream);
sending!(TcpStream, net::TcpStream);
readiness_methods!(TcpStream, poll_read_ready, poll_write_ready);
tcp_options!(TcpStream);
std_conversions!(TcpStream, net::TcpStream, peer: None);
descriptor_traits!(TcpStream);
