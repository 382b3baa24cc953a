//! A TCP socket that accepts connections.

use std::io;
use std::net::{self, SocketAddr};
use std::task::{Context, Poll, ready};

use raddle_io_driver::{Handle, Interest, Registered};

use super::budget::{spend, spending};
use super::resolve::{failed, no_address, resolve};
use super::socket::naming;
use super::stream::{descriptor_traits, std_conversions};
use super::{TcpSocket, TcpStream, ToSocketAddrs, socket};

/// How many connections may wait to be accepted, unless [`TcpSocket::listen`] says otherwise.
const BACKLOG: u32 = 1024;

/// A TCP socket that accepts connections.
///
/// # Examples
/// ```no_run
/// use raddle::net::TcpListener;
///
/// # raddle::block_on(async {
/// let listener = TcpListener::bind("127.0.0.1:8080").await?;
/// loop {
///     match listener.accept().await {
///         Ok((mut stream, peer)) => drop(raddle::spawn(async move {
///             let _ = stream.write_all(format!("hello, {peer}\n").as_bytes()).await;
///         })),
///         // Out of descriptors, perhaps: give the open connections time to end.
///         Err(error) => {
///             eprintln!("accepting: {error}");
///             raddle::time::sleep(std::time::Duration::from_millis(20)).await;
///         }
///     }
/// }
/// # #[allow(unreachable_code)] std::io::Result::Ok(()) }).unwrap();
/// ```
pub struct TcpListener {
    io: Registered<net::TcpListener>,
}

impl TcpListener {
    pub(super) fn new(listener: net::TcpListener, handle: &Handle) -> io::Result<Self> {
        Ok(Self { io: Registered::new(listener, handle)? })
    }

    /// Listens on the first of the given addresses that can be had, with `SO_REUSEADDR` set and
    /// room for 1,024 connections waiting. Port 0 lets the system choose.
    ///
    /// # Cancel safety
    /// Nothing is listening if the future is dropped before it completes.
    ///
    /// # Errors
    /// That of the last address tried, which the message names: `AddrInUse`, `PermissionDenied`, ….
    /// Resolving a name has errors of its own, see [`lookup_host`](super::lookup_host).
    ///
    /// # Panics
    /// Outside a runtime.
    pub async fn bind<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        let mut failure = None;
        for address in resolve(address).await? {
            match Self::bind_one(address) {
                Ok(listener) => return Ok(listener),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| no_address("binding")))
    }

    fn bind_one(address: SocketAddr) -> io::Result<Self> {
        let naming = |error| failed("listening on", address, error);
        let socket = TcpSocket::for_address(address).map_err(naming)?;
        socket.set_reuseaddr(true).map_err(naming)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    }

    /// Waits for a connection. It belongs to the runtime of this listener, and is in non-blocking
    /// mode. Any number of tasks may accept at once.
    ///
    /// # Cancel safety
    /// A connection is either returned or still in the queue.
    ///
    /// # Errors
    /// When descriptors or memory run out, the system's error comes back at once, from each call
    /// until there are some again: wait a little before the next one. The connection stays in the
    /// queue meanwhile, and the listener goes on working. A connection that broke before it was
    /// accepted is not an error; the next one is taken. One that the I/O driver has no room for is
    /// closed, and its error returned; one that the system cannot watch gets that error from its
    /// first operation that has to wait. Errors name the address listened on; the system's number is
    /// what [`raw_os_error`](crate::io::raw_os_error) finds.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = spending(self.io.async_io(Interest::READABLE, accept_whole)).await;
        self.welcome(accepted)
    }

    /// [`accept`](Self::accept) for a hand-written future. Only the waker of the last call is kept.
    ///
    /// # Errors
    /// As for [`accept`](Self::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let accepted = ready!(spend(cx, |cx| self.io.poll_read_io(cx, accept_whole)));
        Poll::Ready(self.welcome(accepted))
    }

    fn welcome(
        &self,
        accepted: io::Result<(net::TcpStream, SocketAddr)>,
    ) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = accepted.map_err(naming("accepting on", self))?;
        let registered = Registered::new_stream(stream, self.io.handle());
        let registered = registered.map_err(naming("accepting on", self))?;
        Ok((TcpStream::new(registered, peer), peer))
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr().map_err(naming("asking for the address of", self))
    }

    /// How many routers the answers may pass.
    ///
    /// # Errors
    /// What the system says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.get_ref().ttl().map_err(naming("reading IP_TTL of", self))
    }

    /// Sets how many routers the answers may pass.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.io.get_ref().set_ttl(ttl).map_err(naming("setting IP_TTL of", self))
    }
}

std_conversions!(TcpListener, net::TcpListener);
descriptor_traits!(TcpListener);

/// One connection off the queue; those that broke while they waited are skipped, as they leave it.
fn accept_whole(listener: &net::TcpListener) -> io::Result<(net::TcpStream, SocketAddr)> {
    loop {
        match socket::accept(listener) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            outcome => return outcome,
        }
    }
}
