//! A TCP connection.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::task::{Context, Poll};
use std::time::Duration;

use raddle_io_driver::{Interest, Ready, Registered};
use rustix::net::sockopt;

use super::budget::{spend, spending};
use super::resolve::{failed, no_address, resolve};
use super::split::{ReadHalf, WriteHalf};
use super::split_owned::{OwnedReadHalf, OwnedWriteHalf};
use super::{TcpSocket, ToSocketAddrs};
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
}

impl TcpStream {
    pub(super) fn new(io: Registered<net::TcpStream>) -> Self {
        Self { io }
    }

    /// Connects to the first of the given addresses that answers, trying them in order.
    ///
    /// # Cancel safety
    /// Dropping the future gives the attempt up and closes the socket.
    ///
    /// # Errors
    /// That of the last address tried, which the message names: `ConnectionRefused`, `TimedOut`, ….
    /// Resolving a name has errors of its own, see [`lookup_host`](super::lookup_host).
    ///
    /// # Panics
    /// Outside a runtime.
    pub async fn connect<A: ToSocketAddrs>(address: A) -> io::Result<Self> {
        let handle = io_handle();
        let mut failure = None;
        for address in resolve(address).await? {
            // A system without IPv6 refuses the socket already; the next address may do.
            let attempt = match TcpSocket::for_address(address) {
                Ok(socket) => socket.connect_on(&handle, address).await,
                Err(error) => Err(failed("connecting to", address, error)),
            };
            match attempt {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| no_address("connecting")))
    }

    /// Takes over a connected stream of the standard library, and puts it in non-blocking mode.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn from_std(stream: net::TcpStream) -> io::Result<Self> {
        let handle = io_handle();
        stream.set_nonblocking(true)?;
        Ok(Self::new(Registered::new(stream, &handle)?))
    }

    /// Gives the stream back to the standard library, still in non-blocking mode.
    ///
    /// # Errors
    /// None at present.
    pub fn into_std(self) -> io::Result<net::TcpStream> {
        Ok(self.io.into_inner())
    }

    /// Waits until there is something to read, and reads it: at most what fits `buffer`. 0 means
    /// that the peer has finished sending, or that `buffer` is empty.
    ///
    /// # Cancel safety
    /// Nothing is read unless the future completes.
    ///
    /// # Errors
    /// What the system says: `ConnectionReset`, ….
    ///
    /// # Examples
    /// ```
    /// # async fn example(stream: &mut raddle::net::TcpStream) -> std::io::Result<()> {
    /// let mut buffer = [0; 1024];
    /// while let n @ 1.. = stream.read(&mut buffer).await? {
    ///     println!("{n} bytes");
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_recv(cx, buffer)).await
    }

    /// [`read`](Self::read) into several buffers, each filled before the next.
    ///
    /// # Cancel safety
    /// Nothing is read unless the future completes.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_recv_vectored(cx, buffers)).await
    }

    /// Reads until `buffer` is full.
    ///
    /// # Cancel safety
    /// None: if the future is dropped, what it has read is lost.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] if the peer finishes before that, and what
    /// [`read`](Self::read) meets.
    pub async fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_exact(self, buffer).await
    }

    /// Waits until there is room, and writes: at least one byte, unless `bytes` is empty.
    ///
    /// # Cancel safety
    /// Nothing is written unless the future completes.
    ///
    /// # Errors
    /// What the system says: `BrokenPipe`, `ConnectionReset`, ….
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_send(cx, bytes)).await
    }

    /// [`write`](Self::write) from several buffers, one after the other.
    ///
    /// # Cancel safety
    /// Nothing is written unless the future completes.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub async fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_send_vectored(cx, buffers)).await
    }

    /// Writes all of `bytes`.
    ///
    /// # Cancel safety
    /// None: if the future is dropped, some of `bytes` may have been written.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        write_all(self, bytes).await
    }

    /// Reads what is there, without waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is; others as for [`read`](Self::read).
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io.try_io(Interest::READABLE, |mut io| io.read(buffer))
    }

    /// [`try_read`](Self::try_read) into several buffers.
    ///
    /// # Errors
    /// As for [`try_read`](Self::try_read).
    pub fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.io.try_io(Interest::READABLE, |mut io| io.read_vectored(buffers))
    }

    /// Writes what there is room for, without waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is none; others as for [`write`](Self::write).
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.io.try_io(Interest::WRITABLE, |mut io| io.write(bytes))
    }

    /// [`try_write`](Self::try_write) from several buffers.
    ///
    /// # Errors
    /// As for [`try_write`](Self::try_write).
    pub fn try_write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.io.try_io(Interest::WRITABLE, |mut io| io.write_vectored(buffers))
    }

    /// Waits for something to read, and copies it without taking it: the next read sees it again.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        spending(self.io.async_io(Interest::READABLE, |io| io.peek(buffer))).await
    }

    /// [`peek`](Self::peek) for a hand-written future. It waits where [`read`](Self::read) does:
    /// only the waker of the last call is kept.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn poll_peek(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        spend(cx, |cx| self.io.poll_read_io(cx, |io| io.peek(buffer)))
    }

    /// Waits until one of the things in `interest` is ready, and says what is. A following `try_*`
    /// may still answer `WouldBlock`: then wait again.
    ///
    /// # Cancel safety
    /// Nothing is lost: readiness stays until an operation has found that it would block.
    ///
    /// # Errors
    /// That the runtime has shut down.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        Ok(spending(self.io.ready(interest)).await?.ready())
    }

    /// Waits until [`try_read`](Self::try_read) is worth a try; see [`ready`](Self::ready).
    ///
    /// # Errors
    /// As for [`ready`](Self::ready).
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Waits until [`try_write`](Self::try_write) is worth a try; see [`ready`](Self::ready).
    ///
    /// # Errors
    /// As for [`ready`](Self::ready).
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// [`readable`](Self::readable) for a hand-written future. Only the waker of the last call is
    /// kept.
    ///
    /// # Errors
    /// As for [`ready`](Self::ready).
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        spend(cx, |cx| self.io.registration().poll_read_ready(cx).map_ok(drop))
    }

    /// [`writable`](Self::writable) for a hand-written future. Only the waker of the last call is
    /// kept.
    ///
    /// # Errors
    /// As for [`ready`](Self::ready).
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        spend(cx, |cx| self.io.registration().poll_write_ready(cx).map_ok(drop))
    }

    /// Tries `operation`, a system call on this socket, if `interest` is thought to be ready. It
    /// must answer `WouldBlock` if and only if the system does.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is ready, and those of `operation`.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        operation: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        self.io.try_io(interest, |_| operation())
    }

    /// Tries `operation`, a system call on this socket, until it does not block, and waits for
    /// `interest` in between. It must answer `WouldBlock` if and only if the system does.
    ///
    /// # Cancel safety
    /// If the future is dropped before it completes, `operation` has not succeeded.
    ///
    /// # Errors
    /// Those of `operation`, and those of [`ready`](Self::ready).
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        spending(self.io.async_io(interest, |_| operation())).await
    }

    /// Ends one direction or both. After `Shutdown::Write` the peer reads the end of the stream;
    /// what it sends can still be read.
    ///
    /// # Errors
    /// `NotConnected` if the connection has gone; others as the system says.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.get_ref().shutdown(how)
    }

    /// Two halves for one task, or for two that are polled together.
    ///
    /// # Examples
    /// ```
    /// # async fn example(stream: &mut raddle::net::TcpStream) -> std::io::Result<()> {
    /// let (mut reader, mut writer) = stream.split();
    /// let mut buffer = [0; 1024];
    /// while let n @ 1.. = reader.read(&mut buffer).await? {
    ///     writer.write_all(&buffer[..n]).await?;
    /// }
    /// # Ok(()) }
    /// ```
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        (ReadHalf(self), WriteHalf(self))
    }

    /// Two halves for two tasks. Dropping the write half ends that direction, so the peer reads the
    /// end of the stream; the connection is closed when both are gone.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        super::split_owned::split(self)
    }

    /// The address of this end.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// `NotConnected` if the connection has gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// The error that is pending on the socket, which this clears.
    ///
    /// # Errors
    /// What the system says of the question.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get_ref().take_error()
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    /// What the system says.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.io.get_ref().nodelay()
    }

    /// Sends small writes at once, instead of waiting for more to send with them (`TCP_NODELAY`).
    ///
    /// # Errors
    /// What the system says.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.io.get_ref().set_nodelay(on)
    }

    /// What closing does with unsent data; see [`set_linger`](Self::set_linger).
    ///
    /// # Errors
    /// What the system says.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(sockopt::socket_linger(&self.io)?)
    }

    /// What closing does with unsent data (`SO_LINGER`). `None`: it is sent in the background.
    /// Zero: it is thrown away, and the peer sees a reset. More, in whole seconds: closing *blocks
    /// its thread* until it is sent, or for that long.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        Ok(sockopt::set_socket_linger(&self.io, linger)?)
    }

    /// How many routers the packets may pass.
    ///
    /// # Errors
    /// What the system says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.get_ref().ttl()
    }

    /// Sets how many routers the packets may pass.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.io.get_ref().set_ttl(ttl)
    }

    // What the trait implementations and the halves share. All four take `&self`, so the slot rule
    // (one waiting task per direction) is kept by those who call: they own their half.

    #[inline]
    pub(super) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let capacity = buffer.len();
        let read = |mut io: &net::TcpStream| io.read(buffer);
        spend(cx, |cx| self.io.poll_read_stream(cx, capacity, read))
    }

    /// Reads into memory that was never written. The number returned is that of the bytes written.
    #[cfg(any(feature = "hyper", feature = "tokio-io"))]
    #[inline]
    pub(crate) fn poll_recv_uninit(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [std::mem::MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        let capacity = buffer.len();
        let read = |io: &net::TcpStream| {
            let flags = rustix::net::RecvFlags::empty();
            let (_, count) = rustix::net::recv(io, &mut *buffer, flags)?;
            Ok(count)
        };
        spend(cx, |cx| self.io.poll_read_stream(cx, capacity, read))
    }

    #[inline]
    pub(super) fn poll_recv_vectored(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let capacity = total(buffers.iter().map(|buffer| buffer.len()));
        let read = |mut io: &net::TcpStream| io.read_vectored(buffers);
        spend(cx, |cx| self.io.poll_read_stream(cx, capacity, read))
    }

    #[inline]
    pub(crate) fn poll_send(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let write = |mut io: &net::TcpStream| io.write(bytes);
        spend(cx, |cx| self.io.poll_write_stream(cx, bytes.len(), write))
    }

    #[inline]
    pub(crate) fn poll_send_vectored(
        &self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = total(buffers.iter().map(|buffer| buffer.len()));
        let write = |mut io: &net::TcpStream| io.write_vectored(buffers);
        spend(cx, |cx| self.io.poll_write_stream(cx, length, write))
    }

    /// Ends the sending direction, for traits that call it closing: a connection that has gone
    /// already is closed well enough.
    pub(crate) fn finish_sending(&self) -> io::Result<()> {
        match self.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            outcome => outcome,
        }
    }
}

/// How many bytes one call can move between the socket and buffers of these lengths. The system
/// takes no more than `IOV_MAX` buffers at once (1,024, and 16 at least); moving less than all of a
/// longer list does not mean that the next call would block.
fn total(lengths: impl ExactSizeIterator<Item = usize>) -> usize {
    const CERTAINLY_TAKEN: usize = 16;
    if lengths.len() > CERTAINLY_TAKEN { 0 } else { lengths.sum() }
}

/// Reading as the halves share it.
pub(super) async fn read_exact(stream: &TcpStream, mut buffer: &mut [u8]) -> io::Result<usize> {
    let length = buffer.len();
    while !buffer.is_empty() {
        match poll_fn(|cx| stream.poll_recv(cx, buffer)).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => buffer = &mut buffer[n..],
        }
    }
    Ok(length)
}

/// Writing as the halves share it.
pub(super) async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match poll_fn(|cx| stream.poll_send(cx, bytes)).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => bytes = &bytes[n..],
        }
    }
    Ok(())
}

impl TryFrom<net::TcpStream> for TcpStream {
    type Error = io::Error;

    /// [`TcpStream::from_std`].
    #[track_caller]
    fn try_from(stream: net::TcpStream) -> io::Result<Self> {
        Self::from_std(stream)
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.get_ref().fmt(f)
    }
}
