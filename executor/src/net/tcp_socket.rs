//! A TCP socket that neither listens nor is connected yet: the place to set options before.

use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use raddle_io_driver::{Handle, Registered};
use rustix::io::Errno;
use rustix::net::{AddressFamily, sockopt};

use super::device::device_options;
use super::resolve::failed;
use super::socket::naming;
use super::tcp_options::tcp_options;
use super::{TcpListener, TcpStream, socket};
use crate::scheduler::context::io_handle;

/// A TCP socket on which options are set before it connects or listens.
///
/// [`TcpStream::connect`] and [`TcpListener::bind`] serve most needs without it.
///
/// # Examples
/// ```
/// use raddle::net::{TcpSocket, TcpStream};
///
/// # raddle::block_on(async {
/// let socket = TcpSocket::new_v4()?;
/// socket.set_reuseaddr(true)?;
/// socket.bind("127.0.0.1:0".parse().unwrap())?;
/// let listener = socket.listen(16)?;
/// let stream = TcpStream::connect(listener.local_addr()?).await?;
/// # drop(stream); std::io::Result::Ok(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct TcpSocket {
    fd: OwnedFd,
}

device_options!(TcpSocket);

impl TcpSocket {
    /// A socket for IPv4.
    ///
    /// # Errors
    /// What the system says, usually that descriptors have run out.
    pub fn new_v4() -> io::Result<Self> {
        Self::open(AddressFamily::INET, "IPv4")
    }

    /// A socket for IPv6.
    ///
    /// # Errors
    /// As for [`new_v4`](Self::new_v4), or that the system has no IPv6.
    pub fn new_v6() -> io::Result<Self> {
        Self::open(AddressFamily::INET6, "IPv6")
    }

    fn open(family: AddressFamily, name: &str) -> io::Result<Self> {
        let fd = socket::open(family).map_err(|error| {
            failed("opening", format_args!("a socket for TCP over {name}"), error)
        })?;
        Ok(Self { fd })
    }

    pub(super) fn for_address(address: SocketAddr) -> io::Result<Self> {
        if address.is_ipv4() { Self::new_v4() } else { Self::new_v6() }
    }

    /// Allows binding to an address whose last connections are still winding down (`SO_REUSEADDR`).
    ///
    /// # Errors
    /// What the system says.
    pub fn set_reuseaddr(&self, on: bool) -> io::Result<()> {
        sockopt::set_socket_reuseaddr(self, on).map_err(naming("setting SO_REUSEADDR of", self))
    }

    /// Whether [`set_reuseaddr`](Self::set_reuseaddr) is on.
    ///
    /// # Errors
    /// What the system says.
    pub fn reuseaddr(&self) -> io::Result<bool> {
        sockopt::socket_reuseaddr(self).map_err(naming("reading SO_REUSEADDR of", self))
    }

    /// Lets several sockets bind to one address; the system spreads connections over those that
    /// listen (`SO_REUSEPORT`). Linux and Android.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn set_reuseport(&self, on: bool) -> io::Result<()> {
        sockopt::set_socket_reuseport(self, on).map_err(naming("setting SO_REUSEPORT of", self))
    }

    /// Whether [`set_reuseport`](Self::set_reuseport) is on. Linux and Android.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn reuseport(&self) -> io::Result<bool> {
        sockopt::socket_reuseport(self).map_err(naming("reading SO_REUSEPORT of", self))
    }

    /// Takes over a stream of the standard library that is not connected yet, and puts it in
    /// non-blocking mode.
    ///
    /// # Errors
    /// What the system says.
    pub fn from_std_stream(stream: net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true).map_err(naming("taking over", &stream))?;
        Ok(Self { fd: stream.into() })
    }

    /// How many bytes the system may hold for sending. It takes this as advice (Linux doubles it).
    ///
    /// # Errors
    /// What the system says.
    pub fn set_send_buffer_size(&self, size: u32) -> io::Result<()> {
        sockopt::set_socket_send_buffer_size(self, size as usize)
            .map_err(naming("setting SO_SNDBUF of", self))
    }

    /// How many received bytes the system may hold. It takes this as advice (Linux doubles it).
    ///
    /// # Errors
    /// What the system says.
    pub fn set_recv_buffer_size(&self, size: u32) -> io::Result<()> {
        sockopt::set_socket_recv_buffer_size(self, size as usize)
            .map_err(naming("setting SO_RCVBUF of", self))
    }

    /// How many bytes the system will hold for sending.
    ///
    /// # Errors
    /// What the system says.
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        sockopt::socket_send_buffer_size(self)
            .map(saturating)
            .map_err(naming("reading SO_SNDBUF of", self))
    }

    /// How many received bytes the system will hold.
    ///
    /// # Errors
    /// What the system says.
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        sockopt::socket_recv_buffer_size(self)
            .map(saturating)
            .map_err(naming("reading SO_RCVBUF of", self))
    }

    /// The error that is pending on the socket, which this clears.
    ///
    /// # Errors
    /// What the system says of the question.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        let pending =
            sockopt::socket_error(self).map_err(naming("asking for the error of", self))?;
        Ok(pending.err().map(io::Error::from))
    }

    /// Gives the socket a local address; port 0 lets the system choose one.
    ///
    /// # Errors
    /// What the system says, naming the address: `AddrInUse`, `PermissionDenied`, ….
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        rustix::net::bind(&self.fd, &address)
            .map_err(|error| failed("binding", address, error.into()))
    }

    /// Connects to `address`.
    ///
    /// # Cancel safety
    /// Dropping the future closes the socket.
    ///
    /// # Errors
    /// What the system says, naming the address: `ConnectionRefused`, `TimedOut`, ….
    ///
    /// # Panics
    /// Outside a runtime.
    pub async fn connect(self, address: SocketAddr) -> io::Result<TcpStream> {
        self.connect_on(&io_handle(), address).await
    }

    pub(super) async fn connect_on(
        self,
        handle: &Handle,
        address: SocketAddr,
    ) -> io::Result<TcpStream> {
        let attempt = async {
            match rustix::net::connect(&self.fd, &address) {
                // Interrupted: the attempt goes on without us.
                Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            // Registered only now: a socket that was never connected counts as hung up.
            let stream = net::TcpStream::from(self.fd);
            let registered = Registered::new_connecting_stream(stream, handle)?;
            registered.writable().await?;
            match registered.get_ref().take_error()? {
                None => Ok(TcpStream::new(registered, address)),
                Some(error) => Err(error),
            }
        };
        attempt.await.map_err(|error| failed("connecting to", address, error))
    }

    /// Listens for connections, of which `backlog` may wait to be accepted.
    ///
    /// # Errors
    /// What the system says, naming the address.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        let handle = io_handle();
        rustix::net::listen(&self.fd, i32::try_from(backlog).unwrap_or(i32::MAX))
            .map_err(naming("listening on", &self))?;
        let listener = net::TcpListener::from(self.fd);
        TcpListener::new(listener, &handle)
    }

    /// The address given by [`bind`](Self::bind), with the port that was chosen.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let address = rustix::net::getsockname(&self.fd);
        address.and_then(SocketAddr::try_from).map_err(naming("asking for the address of", self))
    }
}

tcp_options!(TcpSocket);

/// The system counts buffers in positive numbers of 31 bits.
fn saturating(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for TcpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
