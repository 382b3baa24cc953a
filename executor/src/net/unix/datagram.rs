//! A Unix datagram socket.

use std::future::{pending, poll_fn};
use std::io;
use std::net::Shutdown;
use std::os::unix::net;
use std::path::Path;
use std::task::{Context, Poll};
use std::time::Duration;

use raddle_io_driver::{Backend, Interest, Ready, ReadyEvent, Registered};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{SocketAddr, address, printed, printed_address};
use crate::io::failure::failed;
use crate::net::budget::{spend, spending};
use crate::net::socket::naming;
use crate::net::stream::{descriptor_traits, readiness_methods, std_conversions};
use crate::scheduler::context::io_handle;
use crate::time::timeout;

const SENDING: &str = "sending to";
const RECEIVING: &str = "receiving on";

/// How long [`UnixDatagram::send_to`] trusts the system to tell of room at the receiver, where it may not.
const TRUST: Duration = Duration::from_millis(10);
/// How long a scout is waited for: it knows the receiver that was there, and not who is bound to the path now.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SCOUT_TRUST: Duration = Duration::from_millis(100);

/// A Unix datagram socket: like UDP within one machine, but nothing is lost or reordered, and a
/// sender waits while its receiver's queue is full.
///
/// All methods take `&self`, and any number of tasks may send and receive at once. A datagram that
/// does not fit the buffer is cut off, and the rest is lost. The file of a path stays when the
/// socket is dropped.
///
/// # Examples
/// ```
/// use raddle::net::UnixDatagram;
///
/// # raddle::block_on(async {
/// let (one, other) = UnixDatagram::pair()?;
/// one.send(b"first").await?;
/// one.send(b"second").await?;
/// let mut buffer = [0; 64];
/// assert_eq!(other.recv(&mut buffer).await?, 5);
/// assert_eq!(other.recv(&mut buffer).await?, 6);
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub struct UnixDatagram {
    io: Registered<net::UnixDatagram>,
}

impl UnixDatagram {
    /// A socket at `path`, which must not be there yet, or at an abstract name.
    ///
    /// # Errors
    /// What the system says, naming the path: `AddrInUse`, `PermissionDenied`, ….
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        let (handle, path) = (io_handle(), path.as_ref());
        let bound = address(path).and_then(|address| {
            let socket = net::UnixDatagram::bind_addr(&address)?;
            socket.set_nonblocking(true)?;
            Registered::new(socket, &handle)
        });
        match bound {
            Ok(io) => Ok(Self { io }),
            Err(error) => Err(failed("binding", printed(path), error)),
        }
    }

    /// A socket without an address: it can send, and receive once it is connected.
    ///
    /// # Errors
    /// What the system says, usually that descriptors have run out.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn unbound() -> io::Result<Self> {
        let naming = |error| failed("opening", "a Unix datagram socket", error);
        Self::from_std(net::UnixDatagram::unbound().map_err(naming)?)
    }

    /// Two sockets connected to each other.
    ///
    /// # Errors
    /// As for [`unbound`](Self::unbound).
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        let naming = |error| failed("making", "a pair of Unix datagram sockets", error);
        let (one, other) = net::UnixDatagram::pair().map_err(naming)?;
        Ok((Self::from_std(one)?, Self::from_std(other)?))
    }

    /// Makes the socket at `path` the peer of [`send`](Self::send).
    ///
    /// # Errors
    /// What the system says, naming the path: `NotFound`, `ConnectionRefused`, ….
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        let path = path.as_ref();
        let connected = address(path).and_then(|address| self.io.get_ref().connect_addr(&address));
        connected.map_err(|error| failed("connecting to", printed(path), error))
    }

    /// Waits until the peer has room, and sends it a datagram; returns its length.
    ///
    /// # Cancel safety
    /// Nothing is sent unless the future completes.
    ///
    /// # Errors
    /// What the system says, naming the address: `NotConnected`, `ConnectionRefused`, ….
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

    /// Waits until the socket at `path` has room, and sends it a datagram; returns its length.
    ///
    /// The system tells a sender of room only where its own datagrams filled the queue, or where it
    /// is connected. So Linux is asked through a second socket, connected to `path` for as long as
    /// this waits. Elsewhere, and if there can be no such socket (the receiver listens to one
    /// peer only; descriptors have run out), this asks again every 10 ms. Sending to others goes
    /// on meanwhile.
    ///
    /// # Cancel safety
    /// Nothing is sent unless the future completes.
    ///
    /// # Errors
    /// What the system says, naming the path: `NotFound`, `ConnectionRefused`, ….
    ///
    /// # Panics
    /// Outside a runtime, if it has to wait.
    pub async fn send_to<P: AsRef<Path>>(&self, bytes: &[u8], path: P) -> io::Result<usize> {
        let path = path.as_ref();
        let naming = |error| failed(SENDING, printed(path), error);
        let address = address(path).map_err(naming)?;
        loop {
            // Before the attempt, so that room made after it is news.
            let seen = self.io.registration().seen(Interest::WRITABLE).map_err(naming)?;
            let attempt = |cx: &mut Context<'_>| {
                spend(cx, |_| Poll::Ready(self.attempt(bytes, &address, seen)))
            };
            match poll_fn(attempt).await {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return sent.map_err(naming),
            }
            self.room_at(&address, seen).await.map_err(naming)?;
        }
    }

    /// [`send_to`](Self::send_to) without waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is no room; others as there. To wait for
    /// [`writable`](Self::writable) then is no use: it is about this socket, whoever else is full.
    pub fn try_send_to<P: AsRef<Path>>(&self, bytes: &[u8], path: P) -> io::Result<usize> {
        let path = path.as_ref();
        let naming = |error: io::Error| match error.kind() {
            io::ErrorKind::WouldBlock => error,
            _ => failed(SENDING, printed(path), error),
        };
        let address = address(path).map_err(naming)?;
        let seen = self.io.registration().seen(Interest::WRITABLE).map_err(naming)?;
        self.attempt(bytes, &address, seen).map_err(naming)
    }

    /// One attempt, whatever is known of readiness: that is of this socket and of the one it is connected to. It is taken
    /// back only if the system agrees; else a full receiver would hold up what is sent to others, and for ever if the room
    /// there is made by those who filled it.
    fn attempt(&self, bytes: &[u8], to: &SocketAddr, seen: ReadyEvent) -> io::Result<usize> {
        loop {
            match self.io.get_ref().send_to_addr(bytes, to) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut this = [PollFd::new(&self.io, PollFlags::OUT)];
                    // An error says nothing, and costs an attempt that is made again.
                    if poll(&mut this, Some(&Timespec::default())) == Ok(0) {
                        self.io.registration().clear(seen);
                    }
                    return Err(error);
                }
                sent => return sent,
            }
        }
    }

    /// There may be room at `to`.
    async fn room_at(&self, to: &SocketAddr, seen: ReadyEvent) -> io::Result<()> {
        // Else it may be for our own buffer that the attempt failed, which a scout does not know.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if self.io.registration().now().is_writable()
            && let Ok(scout) = self.scout(to)
        {
            return timeout(SCOUT_TRUST, scout.writable())
                .await
                .map_or(Ok(()), |asked| asked.map(drop));
        }
        timeout(TRUST, self.room_is_made(seen)).await.unwrap_or(Ok(()))
    }

    /// A socket that is writable when `to` has room, whoever has filled it.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn scout(&self, to: &SocketAddr) -> io::Result<Registered<net::UnixDatagram>> {
        let socket = net::UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect_addr(to)?;
        Registered::new_connecting(socket, self.io.handle())
    }

    /// Something has been taken out of a queue where this socket has put it.
    async fn room_is_made(&self, seen: ReadyEvent) -> io::Result<()> {
        match self.io.handle().backend() {
            Backend::Native => {
                self.io.registration().news(Interest::WRITABLE, seen).await.map(drop)
            }
            // Where states are asked for, this one has been there before.
            _ => pending().await,
        }
    }

    /// Receives a datagram, and returns its length, or that of `buffer` if that is less.
    ///
    /// # Cancel safety
    /// Nothing is received unless the future completes.
    ///
    /// # Errors
    /// What the system says, naming the address.
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

    /// Receives a datagram, and says from whom; as for [`recv`](Self::recv), what does not fit
    /// `buffer` is lost.
    ///
    /// # Cancel safety
    /// Nothing is received unless the future completes.
    ///
    /// # Errors
    /// As there.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let receive = |io: &net::UnixDatagram| io.recv_from(buffer);
        let received = spending(self.io.async_io(Interest::READABLE, receive)).await;
        received.map_err(|error| self.receiving_failed(error))
    }

    /// [`recv_from`](Self::recv_from) for a hand-written future. Only the waker of the last call is kept.
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

    /// Ends one direction or both.
    ///
    /// # Errors
    /// What the system says, naming the address: `NotConnected`, ….
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.get_ref().shutdown(how).map_err(naming("shutting down", self))
    }

    /// The address of this end.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr().map_err(naming("asking for the address of", self))
    }

    /// The address of the peer.
    ///
    /// # Errors
    /// `NotConnected` without one.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr().map_err(naming("asking for the peer of", self))
    }

    /// The error that is pending on the socket, which this clears.
    ///
    /// # Errors
    /// What the system says of the question.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get_ref().take_error().map_err(naming("asking for the error of", self))
    }

    #[cold]
    fn sending_failed(&self, error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::WouldBlock {
            return error;
        }
        match (error.kind(), self.io.get_ref().peer_addr()) {
            (_, Ok(peer)) => failed(SENDING, printed_address(&peer), error),
            // The system takes a peer that has gone out of the socket, and says so once.
            (io::ErrorKind::ConnectionRefused, Err(_)) => {
                failed(SENDING, "a peer that is gone", error)
            }
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

readiness_methods!(UnixDatagram, poll_recv_ready, poll_send_ready);
std_conversions!(UnixDatagram, net::UnixDatagram);
descriptor_traits!(UnixDatagram);
