//! Any file descriptor that the system's poller takes, watched by the runtime's driver.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::task::{Context, Poll, ready};

use raddle_io_driver::{Interest, Ready, ReadyEvent, Registered};

use crate::net::budget::{spend, spending};
use crate::scheduler::context::io_handle;

/// A file descriptor of whatever kind the system can watch, with its readiness: for devices, timers, queues and the
/// sockets of other libraries.
///
/// Readiness is edge-triggered: the driver tells of news, and what it told stays until somebody says that it is used
/// up. So each use is a cycle: wait for a [guard](AsyncFdReadyGuard); try the system call in
/// [`try_io`](AsyncFdReadyGuard::try_io), which clears the readiness if the call would have blocked; then wait again.
/// [`async_io`](Self::async_io) has the cycle ready made.
///
/// The descriptor must be in non-blocking mode: put it there first. It is taken out of the driver before it is closed.
///
/// Unlike Tokio's, it is for types that lend their descriptor ([`AsFd`]), and it gives no `&mut` to them: whoever
/// could exchange the descriptor could close one that the driver still watches.
///
/// # Examples
/// ```
/// use raddle::io::AsyncFd;
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// # raddle::block_on(async {
/// let (ours, mut theirs) = UnixStream::pair()?;
/// ours.set_nonblocking(true)?;
/// let ours = AsyncFd::new(ours)?;
/// theirs.write_all(b"news")?;
///
/// let mut buffer = [0; 16];
/// let n = loop {
///     let mut guard = ours.readable().await?;
///     match guard.try_io(|io| io.get_ref().read(&mut buffer)) {
///         Ok(outcome) => break outcome?,
///         Err(_would_block) => continue,
///     }
/// };
/// assert_eq!(&buffer[..n], b"news");
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub struct AsyncFd<T: AsFd> {
    io: Registered<T>,
    interest: Interest,
}

impl<T: AsFd> AsyncFd<T> {
    /// Watches `inner` for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists` if this runtime watches the descriptor already; `PermissionDenied` if it cannot be watched (a
    /// regular file); that the runtime has shut down.
    ///
    /// A descriptor that belongs to one of the runtime's sockets is refused, too; unless that is a connected stream which nobody
    /// has waited for yet: then it is the stream that cannot be waited for, as long as this lives.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn new(inner: T) -> io::Result<Self> {
        Self::with_interest(inner, Interest::READABLE | Interest::WRITABLE)
    }

    /// Watches `inner` for what is in `interest`; waiting for anything else is then an error.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn with_interest(inner: T, interest: Interest) -> io::Result<Self> {
        // Nothing is assumed to be ready: who waits for a device may not try before it is.
        Ok(Self { io: Registered::new_connecting(inner, &io_handle())?, interest })
    }

    /// What is watched. Do not close it through this reference, nor put it back into blocking mode.
    pub fn get_ref(&self) -> &T {
        self.io.get_ref()
    }

    /// Takes the descriptor out of the driver and gives it back, still in non-blocking mode.
    pub fn into_inner(self) -> T {
        self.io.into_inner()
    }

    /// Waits until one of the things in `interest` is ready. Any number of tasks may wait at once.
    ///
    /// # Cancel safety
    /// Nothing is lost: readiness stays until it is cleared.
    ///
    /// # Errors
    /// That the runtime has shut down; [`io::ErrorKind::InvalidInput`] if `interest` was left out of
    /// [`with_interest`](Self::with_interest).
    pub async fn ready(&self, interest: Interest) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        self.watched(interest)?;
        let event = spending(self.io.ready(interest)).await?;
        Ok(AsyncFdReadyGuard { fd: self, event })
    }

    /// [`ready`](Self::ready) for reading.
    ///
    /// # Errors
    /// As there.
    pub async fn readable(&self) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        self.ready(Interest::READABLE).await
    }

    /// [`ready`](Self::ready) for writing.
    ///
    /// # Errors
    /// As there.
    pub async fn writable(&self) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        self.ready(Interest::WRITABLE).await
    }

    /// [`readable`](Self::readable) for a hand-written future. Only the waker of the last call is kept.
    ///
    /// # Errors
    /// As there.
    pub fn poll_read_ready(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyGuard<'_, T>>> {
        self.watched(Interest::READABLE)?;
        let event = ready!(spend(cx, |cx| self.io.registration().poll_read_ready(cx)))?;
        Poll::Ready(Ok(AsyncFdReadyGuard { fd: self, event }))
    }

    /// [`writable`](Self::writable) for a hand-written future. Only the waker of the last call is kept.
    ///
    /// # Errors
    /// As there.
    pub fn poll_write_ready(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyGuard<'_, T>>> {
        self.watched(Interest::WRITABLE)?;
        let event = ready!(spend(cx, |cx| self.io.registration().poll_write_ready(cx)))?;
        Poll::Ready(Ok(AsyncFdReadyGuard { fd: self, event }))
    }

    /// Tries `operation`, a system call on this descriptor, if `interest` is thought to be ready. It must answer
    /// `WouldBlock` if and only if the system does.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is ready; those of `operation`; [`io::ErrorKind::InvalidInput`] if
    /// `interest` is about both directions, or as for [`ready`](Self::ready).
    pub fn try_io<R>(
        &self,
        interest: Interest,
        operation: impl FnOnce(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.watched(interest)?;
        self.io.try_io(interest, operation)
    }

    /// Tries `operation`, a system call on this descriptor, until it does not block, and waits for `interest` before
    /// each try. It must answer `WouldBlock` if and only if the system does.
    ///
    /// # Cancel safety
    /// If the future is dropped before it completes, `operation` has not succeeded.
    ///
    /// # Errors
    /// Those of `operation`; others as for [`try_io`](Self::try_io).
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.watched(interest)?;
        spending(self.io.async_io(interest, operation)).await
    }

    fn watched(&self, interest: Interest) -> io::Result<()> {
        if interest | self.interest == self.interest {
            return Ok(());
        }
        let message = format!(
            "waiting on descriptor {}: it is watched for {:?}, not for {interest:?}",
            self.as_raw_fd(),
            self.interest,
        );
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    }
}

impl<T: AsFd> AsFd for AsyncFd<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl<T: AsFd> AsRawFd for AsyncFd<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for AsyncFd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFd").field("inner", self.get_ref()).finish_non_exhaustive()
    }
}

/// A descriptor found ready, as it was seen at one moment. Dropping it changes nothing.
#[must_use = "readiness stays until it is cleared: try the operation in `try_io`, or clear it"]
pub struct AsyncFdReadyGuard<'a, T: AsFd> {
    fd: &'a AsyncFd<T>,
    event: ReadyEvent,
}

impl<'a, T: AsFd> AsyncFdReadyGuard<'a, T> {
    /// Tries `operation`; if it answers `WouldBlock`, the readiness is cleared.
    ///
    /// # Errors
    /// [`TryIoError`] for `WouldBlock`: wait again. Every other outcome is that of `operation`.
    pub fn try_io<R>(
        &mut self,
        operation: impl FnOnce(&'a AsyncFd<T>) -> io::Result<R>,
    ) -> Result<io::Result<R>, TryIoError> {
        match operation(self.fd) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.clear_ready();
                Err(TryIoError(()))
            }
            outcome => Ok(outcome),
        }
    }

    /// Says that what was ready is used up. Only an answer of "would block" justifies it: otherwise whoever waits next
    /// may wait for ever. News since the guard was made are kept.
    pub fn clear_ready(&mut self) {
        self.fd.io.registration().clear(self.event);
    }

    /// [`clear_ready`](Self::clear_ready) for that part of it which `interest` is about.
    pub fn clear_ready_matching(&mut self, interest: Interest) {
        self.fd.io.registration().clear(self.event.only(interest));
    }

    /// Does nothing: readiness is kept unless it is cleared. It says so to the reader.
    pub fn retain_ready(&mut self) {}

    /// What was ready.
    pub fn ready(&self) -> Ready {
        self.event.ready()
    }

    /// The descriptor.
    pub fn get_ref(&self) -> &'a AsyncFd<T> {
        self.fd
    }

    /// What the descriptor belongs to.
    pub fn get_inner(&self) -> &'a T {
        self.fd.get_ref()
    }
}

impl<T: AsFd> fmt::Debug for AsyncFdReadyGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdReadyGuard").field("ready", &self.ready()).finish_non_exhaustive()
    }
}

/// An operation would have blocked after all, and its readiness is cleared: wait for the next guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TryIoError(());

impl fmt::Display for TryIoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operation would have blocked")
    }
}

impl Error for TryIoError {}
