//! A UDP socket.

use std::io;
use std::net::{self, SocketAddr};
use std::task::{Context, Poll};

use raddle_io_driver::{Datagrams, Interest, Ready, Registered};

use super::ToSocketAddrs;
use super::budget::{spend, spending};
use super::resolve::{failed, no_address, resolve};
use super::socket::naming;
use super::stream::{descriptor_traits, readiness_methods, std_conversions};
use crate::scheduler::context::io_handle;

const SENDING: &str = "sending to";
const RECEIVING: &str = "receiving on";

/// A UDP socket.
///
/// All methods take `&self`, and any number of tasks may send and receive at once; share it with an
/// [`Arc`](std::sync::Arc). Connected or not, each call moves a whole datagram. One that does not
/// fit the buffer is cut off, and the rest is lost, as the system has it; [`recv_many`](Self::recv_many) tells.
///
/// # Examples
/// ```
/// use raddle::net::UdpSocket;
///
/// # raddle::block_on(async {
/// let server = UdpSocket::bind("127.0.0.1:0").await?;
/// let client = UdpSocket::bind("127.0.0.1:0").await?;
/// client.connect(server.local_addr()?).await?;
/// client.send(b"ping").await?;
///
/// let mut buffer = [0; 1500];
/// let (n, peer) = server.recv_from(&mut buffer).await?;
/// server.send_to(&buffer[..n], peer).await?;
/// assert_eq!(client.recv(&mut buffer).await?, 4);
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub struct UdpSocket {
    pub(super) io: Registered<net::UdpSocket>,
}

impl UdpSocket {
    /// Binds to the first of the given addresses that can be had. Port 0 lets the system choose.
    ///
    /// # Cancel safety
    /// Nothing is bound if the future is dropped before it completes.
    ///
    /// # Errors
    /// That of the last address tried, which the message names: `AddrInUse`, `PermissionDenied`, ….
    /// Resolving a name has errors of its own, see [`lookup_host`](super::lookup_host).
    ///
    /// # Panics
    /// Outside a runtime.
    pub async fn bind<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        let handle = io_handle();
        let mut failure = None;
        for address in resolve(address).await? {
            let bound = net::UdpSocket::bind(address).and_then(|socket| {
                socket.set_nonblocking(true)?;
                Registered::new(socket, &handle)
            });
            match bound {
                Ok(io) => return Ok(Self { io }),
                Err(error) => failure = Some(failed("binding", address, error)),
            }
        }
        Err(failure.unwrap_or_else(|| no_address("binding")))
    }

    /// Makes the first of the given addresses that works the only peer: [`send`](Self::send) goes
    /// there, and datagrams from others are not received.
    ///
    /// # Errors
    /// That of the last address tried, which the message names, and those of resolving a name.
    ///
    /// # Panics
    /// With a host name, outside a runtime.
    pub async fn connect<A: ToSocketAddrs>(&self, address: A) -> io::Result<()> {
        let mut failure = None;
        for address in resolve(address).await? {
            match self.io.get_ref().connect(address) {
                Ok(()) => return Ok(()),
                Err(error) => failure = Some(failed("connecting to", address, error)),
            }
        }
        Err(failure.unwrap_or_else(|| no_address("connecting")))
    }

    /// Sends a datagram to the peer of [`connect`](Self::connect), and returns its length.
    ///
    /// # Cancel safety
    /// Nothing is sent unless the future completes.
    ///
    /// # Errors
    /// What the system says, naming the address: `NotConnected`; `ConnectionRefused` if an earlier datagram found
    /// nobody; "message too long".
    pub async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let sent = spending(self.io.async_io(Interest::WRITABLE, |io| io.send(bytes))).await;
        sent.map_err(|error| self.sending_failed(error))
    }

    /// [`send`](Self::send) for a hand-written future. Only the waker of the last call is kept.
    ///
    /// # Errors
    /// As there.
    pub fn poll_send(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        spend(cx, |cx| self.io.poll_write_io(cx, |io| io.send(bytes)))
            .map_err(|error| self.sending_failed(error))
    }

    /// [`send`](Self::send) without waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is no room; others as there.
    pub fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.io.try_io(Interest::WRITABLE, |io| io.send(bytes));
        sent.map_err(|error| self.sending_failed(error))
    }

    /// Receives a datagram, from the peer if there is one, and returns its length, or that of
    /// `buffer` if that is less.
    ///
    /// # Cancel safety
    /// Nothing is received unless the future completes.
    ///
    /// # Errors
    /// What the system says, naming the address: `ConnectionRefused` if a datagram to the peer found nobody, ….
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = spending(self.io.async_io(Interest::READABLE, |io| io.recv(buffer))).await;
        received.map_err(|error| self.receiving_failed(error))
    }

    /// [`recv`](Self::recv) for a hand-written future. Only the waker of the last call is kept.
    ///
    /// # Errors
    /// As there.
    pub fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        spend(cx, |cx| self.io.poll_read_io(cx, |io| io.recv(buffer)))
            .map_err(|error| self.receiving_failed(error))
    }

    /// [`recv`](Self::recv) without waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is there; others as there.
    pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = self.io.try_io(Interest::READABLE, |io| io.recv(buffer));
        received.map_err(|error| self.receiving_failed(error))
    }

    /// Sends a datagram to the first of the given addresses, and returns its length.
    ///
    /// # Cancel safety
    /// Nothing is sent unless the future completes.
    ///
    /// # Errors
    /// What the system says, naming the address, and those of resolving a name.
    ///
    /// # Panics
    /// With a host name, outside a runtime.
    pub async fn send_to<A: ToSocketAddrs>(&self, bytes: &[u8], target: A) -> io::Result<usize> {
        let Some(target) = resolve(target).await?.next() else {
            return Err(no_address("sending"));
        };
        let send = |io: &net::UdpSocket| io.send_to(bytes, target);
        let sent = spending(self.io.async_io(Interest::WRITABLE, send)).await;
        sent.map_err(|error| failed(SENDING, target, error))
    }

    /// [`send_to`](Self::send_to) for a hand-written future. Only the waker of the last call is
    /// kept.
    ///
    /// # Errors
    /// As there.
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        spend(cx, |cx| self.io.poll_write_io(cx, |io| io.send_to(bytes, target)))
            .map_err(|error| failed(SENDING, target, error))
    }

    /// [`send_to`](Self::send_to) without waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is no room; others as there.
    pub fn try_send_to(&self, bytes: &[u8], target: SocketAddr) -> io::Result<usize> {
        let sent = self.io.try_io(Interest::WRITABLE, |io| io.send_to(bytes, target));
        sent.map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => error,
            _ => failed(SENDING, target, error),
        })
    }

    /// Receives a datagram, and says from whom. As for [`recv`](Self::recv), what does not fit
    /// `buffer` is lost.
    ///
    /// # Cancel safety
    /// Nothing is received unless the future completes.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv).
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let receive = |io: &net::UdpSocket| io.recv_from(buffer);
        let received = spending(self.io.async_io(Interest::READABLE, receive)).await;
        received.map_err(|error| self.receiving_failed(error))
    }

    /// [`recv_from`](Self::recv_from) for a hand-written future. Only the waker of the last call is
    /// kept.
    ///
    /// # Errors
    /// As there.
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        spend(cx, |cx| self.io.poll_read_io(cx, |io| io.recv_from(buffer)))
            .map_err(|error| self.receiving_failed(error))
    }

    /// [`recv_from`](Self::recv_from) without waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is there; others as there.
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let received = self.io.try_io(Interest::READABLE, |io| io.recv_from(buffer));
        received.map_err(|error| self.receiving_failed(error))
    }

    /// Waits for datagrams and receives as many as are there and fit `batch`, in place of what was
    /// in it; returns how many, at least one. On Linux and Android 32 of them cost one system call.
    ///
    /// # Cancel safety
    /// Nothing is received unless the future completes.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv). An error after some were received is that of the next call with this `batch`.
    ///
    /// # Examples
    /// ```
    /// use raddle::net::{Datagrams, UdpSocket};
    ///
    /// # raddle::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.send_to(b"to myself", socket.local_addr()?).await?;
    /// let mut batch = Datagrams::new(64, 1500);
    /// assert_eq!(socket.recv_many(&mut batch).await?, 1);
    /// for datagram in batch.iter() {
    ///     assert_eq!(datagram.bytes(), b"to myself");
    ///     assert!(!datagram.is_truncated());
    /// }
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    pub async fn recv_many(&self, batch: &mut Datagrams) -> io::Result<usize> {
        let received = match batch.has_failed() {
            true => batch.receive(self.io.get_ref()),
            false => {
                let receive = |io: &net::UdpSocket| batch.receive(io);
                spending(self.io.async_io(Interest::READABLE, receive)).await
            }
        };
        received.map_err(|error| self.receiving_failed(error))
    }

    /// [`recv_many`](Self::recv_many) without waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is there; others as there.
    pub fn try_recv_many(&self, batch: &mut Datagrams) -> io::Result<usize> {
        let received = match batch.has_failed() {
            true => batch.receive(self.io.get_ref()),
            false => self.io.try_io(Interest::READABLE, |io| batch.receive(io)),
        };
        received.map_err(|error| self.receiving_failed(error))
    }

    /// [`recv`](Self::recv) without taking the datagram: the next receive sees it again.
    ///
    /// # Errors
    /// As there.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = spending(self.io.async_io(Interest::READABLE, |io| io.peek(buffer))).await;
        received.map_err(|error| self.receiving_failed(error))
    }

    /// [`recv_from`](Self::recv_from) without taking the datagram: the next receive sees it again.
    ///
    /// # Errors
    /// As there.
    pub async fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let peek = |io: &net::UdpSocket| io.peek_from(buffer);
        let received = spending(self.io.async_io(Interest::READABLE, peek)).await;
        received.map_err(|error| self.receiving_failed(error))
    }

    /// [`peek_from`](Self::peek_from) for a hand-written future. Only the waker of the last call is kept.
    ///
    /// # Errors
    /// As there.
    pub fn poll_peek_from(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        spend(cx, |cx| self.io.poll_read_io(cx, |io| io.peek_from(buffer)))
            .map_err(|error| self.receiving_failed(error))
    }

    /// [`peek_from`](Self::peek_from) without waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is there; others as there.
    pub fn try_peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let received = self.io.try_io(Interest::READABLE, |io| io.peek_from(buffer));
        received.map_err(|error| self.receiving_failed(error))
    }

    /// The address it is bound to.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr().map_err(naming("asking for the address of", self))
    }

    /// The address given to [`connect`](Self::connect).
    ///
    /// # Errors
    /// `NotConnected` without one.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr().map_err(naming("asking for the peer of", self))
    }

    #[cold]
    fn sending_failed(&self, error: io::Error) -> io::Error {
        match (error.kind(), self.io.get_ref().peer_addr()) {
            (io::ErrorKind::WouldBlock, _) => error,
            (_, Ok(peer)) => failed(SENDING, peer, error),
            (_, Err(_)) => failed(SENDING, "no peer", error),
        }
    }

    #[cold]
    fn receiving_failed(&self, error: io::Error) -> io::Error {
        match error.kind() {
            io::ErrorKind::WouldBlock => error,
            _ => naming(RECEIVING, self)(error),
        }
    }
}

readiness_methods!(UdpSocket, poll_recv_ready, poll_send_ready);
std_conversions!(UdpSocket, net::UdpSocket);
descriptor_traits!(UdpSocket);
