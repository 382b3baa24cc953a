//! Sockets and pipes that wait without blocking a thread.
//!
//! | you want to | take |
//! |---|---|
//! | serve connections | [`serve`], or [`TcpListener`] and a loop |
//! | connect | [`TcpStream::connect`] |
//! | set options first | [`TcpSocket`] |
//! | send datagrams | [`UdpSocket`] |
//! | talk within one machine | [`UnixStream`], [`UnixListener`], [`UnixDatagram`], [`unix::pipe`] |
//! | watch another descriptor | [`io::AsyncFd`](crate::io::AsyncFd) |
//! | read and write in two tasks | [`TcpStream::split`], [`TcpStream::into_split`] |
//! | resolve a name | [`lookup_host`], or give the name to `connect` |
//!
//! Names, order of arguments and behavior follow Tokio's. Reading and writing are inherent methods
//! (`read`, `write_all`, …); the streams also implement the traits of `futures_io`, with the Cargo
//! feature `tokio-io` those of `tokio::io`, and with the feature `hyper` those of `hyper::rt`.
//!
//! Errors of the system say which operation failed, on which address; the system's own number is found by
//! [`io::raw_os_error`](crate::io::raw_os_error).
//!
//! Sockets belong to the runtime in whose context they are made, and may be used from anywhere.
//! Each operation spends one unit of the task's budget ([`raddle_sync::budget`]), so a connection
//! that is always ready cannot starve its neighbors.
//!
//! # Panics
//! Making a socket outside a runtime panics, and says how to enter one.
//!
//! # Examples
//! ```
//! use raddle::net::{TcpListener, TcpStream};
//!
//! # raddle::block_on(async {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let address = listener.local_addr()?;
//! let server = raddle::spawn(async move {
//!     let (mut stream, _peer) = listener.accept().await?;
//!     let mut buffer = [0; 64];
//!     let n = stream.read(&mut buffer).await?;
//!     stream.write_all(&buffer[..n]).await
//! });
//!
//! let mut stream = TcpStream::connect(address).await?;
//! stream.write_all(b"hello").await?;
//! let mut echo = [0; 5];
//! stream.read_exact(&mut echo).await?;
//! assert_eq!(&echo, b"hello");
//! server.await.unwrap()
//! # }).unwrap();
//! ```

mod addr;
pub(crate) mod budget;
mod connect;
mod device;
mod futures_io;
mod resolve;
mod serve;
mod socket;
mod split;
mod split_owned;
mod stream;
mod tcp_halves;
mod tcp_listener;
mod tcp_options;
mod tcp_socket;
mod tcp_stream;
#[cfg(feature = "tokio-io")]
mod tokio_io;
mod transfer;
mod udp;
mod udp_options;
pub mod unix;

pub use addr::ToSocketAddrs;
pub use raddle_io_driver::{Datagram, Datagrams, Interest, Ready};
pub use resolve::lookup_host;
pub use serve::{Listener, Serve, Served, serve};
pub use tcp_listener::TcpListener;
pub use tcp_socket::TcpSocket;
pub use tcp_stream::TcpStream;
pub use udp::UdpSocket;
pub use unix::datagram::UnixDatagram;
pub use unix::listener::UnixListener;
pub use unix::stream::UnixStream;

/// The halves of a split [`TcpStream`].
pub mod tcp {
    pub use super::tcp_halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
}
