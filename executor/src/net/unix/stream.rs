//! A Unix stream socket.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::unix::net;
use std::path::Path;
use std::task::{Context, Poll};

use raddle_io_driver::{Interest, Ready, Registered};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix};

use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, SocketAddr, WriteHalf};
use super::{abstract_name, printed, printed_address};
use crate::io::failure::failed;
use crate::net::socket::{self, naming};
use crate::net::stream::{descriptor_traits, readiness_methods, std_conversions, stream_methods};
use crate::net::transfer::{Attempt as _, receiving, sending};
use crate::scheduler::context::io_handle;

/// A connection between two processes of one machine, or within one.
///
/// Reading and writing take `&mut self`, because one task at a time can wait in each direction; to
/// do both in different tasks, [`split`](Self::split) it. Dropping it closes the connection.
///
/// # Examples
/// ```
/// use raddle::net::UnixStream;
///
/// # raddle::block_on(async {
/// let (mut one, mut other) = UnixStream::pair()?;
/// one.write_all(b"hello").await?;
/// let mut buffer = [0; 5];
/// other.read_exact(&mut buffer).await?;
/// assert_eq!(&buffer, b"hello");
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub struct UnixStream {
    pub(super) io: Registered<net::UnixStream>,
}

impl UnixStream {
    /// Connects to the socket that listens at `path`, or at an abstract name (see the
    /// [module](crate::net::unix)).
    ///
    /// # Cancel safety
    /// Dropping the future gives the attempt up and closes the socket.
    ///
    /// # Errors
    /// What the system says, naming the path: `NotFound`, `ConnectionRefused`; on Linux
    /// `WouldBlock` if the listener's queue is full, for the system does not tell when it no longer
    /// is: try again after a while.
    ///
    /// # Panics
    /// Outside a runtime.
    pub async fn connect<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        let (handle, path) = (io_handle(), path.as_ref());
        let naming = |error| failed("connecting to", printed(path), error);
        let address = match abstract_name(path) {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Some(name) => SocketAddrUnix::new_abstract_name(name),
            _ => SocketAddrUnix::new(path),
        };
        let address = address.map_err(|error| naming(error.into()))?;
        let socket = socket::open(AddressFamily::UNIX).map_err(naming)?;
        match rustix::net::connect(&socket, &address) {
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => {}
            Err(error) => return Err(naming(error.into())),
        }
        // Registered only now: a socket that was never connected counts as hung up.
        let io = Registered::new_connecting_stream(net::UnixStream::from(socket), &handle);
        let io = io.map_err(naming)?;
        io.writable().await.map_err(naming)?;
        match io.get_ref().take_error() {
            Ok(None) => Ok(Self { io }),
            Ok(Some(error)) | Err(error) => Err(naming(error)),
        }
    }

    /// Two connected sockets.
    ///
    /// # Errors
    /// What the system says, usually that descriptors have run out.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        let naming = |error| failed("making", "a pair of Unix streams", error);
        let (one, other) = net::UnixStream::pair().map_err(naming)?;
        Ok((Self::from_std(one)?, Self::from_std(other)?))
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
    /// What the system says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr().map_err(naming("asking for the peer of", self))
    }

    /// Who is at the other end. Linux and Android.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn peer_cred(&self) -> io::Result<super::UCred> {
        super::UCred::of(&self.io).map_err(naming("asking for the peer's credentials on", self))
    }

    /// `error`, saying what met it and on which connection: that to the peer, or, if the peer has no name, that of
    /// our own.
    #[cold]
    pub(in crate::net) fn failure(&self, operation: &'static str, error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::WouldBlock {
            return error;
        }
        let named = |address: io::Result<SocketAddr>| address.ok().filter(|it| !it.is_unnamed());
        let socket = self.io.get_ref();
        match (named(socket.peer_addr()), named(socket.local_addr())) {
            (Some(peer), _) => failed(operation, printed_address(&peer), error),
            (_, Some(local)) => {
                failed(operation, format_args!("the peer of {}", printed_address(&local)), error)
            }
            _ => failed(operation, "a Unix socket without a name", error),
        }
    }
}

stream_methods!(UnixStream, net::UnixStream);
receiving!(UnixStream, net::UnixStream);
sending!(UnixStream, net::UnixStream);
readiness_methods!(UnixStream, poll_read_ready, poll_write_ready);
std_conversions!(UnixStream, net::UnixStream);
descriptor_traits!(UnixStream);
