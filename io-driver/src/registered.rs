//! A source together with its registration: the cycle "try, would block, clear, wait, try again", ready made.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::task::{Context, Poll, ready};

use crate::handle::Handle;
use crate::interest::{Interest, Ready};
use crate::readiness::ReadyEvent;
use crate::registration::{ReadyFuture, Registration};

/// A non-blocking source (a socket, a pipe) that the driver watches.
///
/// It owns the source, deregisters it before closing it, and hands it out by shared reference only; that is what
/// makes registering safe. The source must be in non-blocking mode: put it there first.
///
/// Operations are closures that try one system call. They must return [`io::ErrorKind::WouldBlock`] if and only if
/// that call did.
///
/// # Examples
/// See the [crate's page](crate).
pub struct Registered<T: AsFd> {
    // The order matters: fields are dropped from the top, and R6 closes last.
    registration: Registration,
    io: T,
}

impl<T: AsFd> Registered<T> {
    /// Registers `io` and assumes that reading and writing are worth a try: the first operation is simply tried,
    /// which saves a turn of the driver when data is there already.
    ///
    /// # Errors
    /// [`ShutDown`](crate::ShutDown), or what the system says: `AlreadyExists` if this driver watches the descriptor
    /// already, `PermissionDenied` if it cannot be watched at all (a regular file).
    pub fn new(io: T, handle: &Handle) -> io::Result<Self> {
        Self::with_ready(io, handle, Ready::READABLE | Ready::WRITABLE)
    }

    /// Registers `io` without assuming anything: nothing is ready until the driver hears so. For a socket whose
    /// `connect` has answered "in progress"; it becomes writable when the attempt has ended, one way or the other.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn new_connecting(io: T, handle: &Handle) -> io::Result<Self> {
        Self::with_ready(io, handle, Ready::EMPTY)
    }

    /// Registers a stream socket that is connected, and so new that nothing has watched it yet: one that was just accepted,
    /// say. `io` owns the descriptor: dropping the one closes the other.
    ///
    /// As [`new`](Self::new), but the system is asked when somebody has to wait for the stream, and what it says then is the
    /// error of that wait. A connection that is served without waiting costs no call for its registration, one that is closed
    /// after its peer has finished costs one, any other two. (The portable backend asks at once, and makes both.)
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn new_stream(io: T, handle: &Handle) -> io::Result<Self> {
        let registration = handle.register_stream(io.as_fd(), Ready::READABLE | Ready::WRITABLE)?;
        Ok(Self { registration, io })
    }

    /// [`new_stream`](Self::new_stream) for a stream whose `connect` has answered "in progress", as
    /// [`new_connecting`](Self::new_connecting).
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn new_connecting_stream(io: T, handle: &Handle) -> io::Result<Self> {
        let registration = handle.register_stream(io.as_fd(), Ready::EMPTY)?;
        Ok(Self { registration, io })
    }

    fn with_ready(io: T, handle: &Handle, ready: Ready) -> io::Result<Self> {
        let registration = handle.register(io.as_fd(), ready)?;
        Ok(Self { registration, io })
    }

    /// The source. Do not close it, nor change it back to blocking mode, through this reference.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// Deregisters the source and gives it back, still in non-blocking mode.
    pub fn into_inner(self) -> T {
        let Self { registration, io } = self;
        registration.inquiry.end(io.as_fd());
        registration.give_back();
        io
    }

    /// A handle of the driver that watches this source.
    pub fn handle(&self) -> &Handle {
        self.registration.handle()
    }

    /// The registration, for cycles other than the ones below.
    pub fn registration(&self) -> &Registration {
        &self.registration
    }

    /// Waits until one of the things in `interest` is ready; see [`Registration::ready`].
    pub fn ready(&self, interest: Interest) -> ReadyFuture<'_> {
        self.registration.ready(interest)
    }

    /// Waits until reading is worth a try; see [`Registration::ready`].
    pub fn readable(&self) -> ReadyFuture<'_> {
        self.ready(Interest::READABLE)
    }

    /// Waits until writing is worth a try; see [`Registration::ready`].
    pub fn writable(&self) -> ReadyFuture<'_> {
        self.ready(Interest::WRITABLE)
    }

    /// Tries `op` until it does not block, waiting for readability in between. Only the waker of the last call is
    /// kept.
    ///
    /// # Errors
    /// Those of `op`, and those of [`Registration::poll_read_ready`].
    pub fn poll_read_io<R>(
        &self,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let event = ready!(self.registration.poll_read_ready(cx))?;
            if let Some(outcome) = self.attempt(event, &mut op) {
                return Poll::Ready(outcome);
            }
        }
    }

    /// Tries `op` until it does not block, waiting for writability in between. Only the waker of the last call is
    /// kept.
    ///
    /// # Errors
    /// Those of `op`, and those of [`Registration::poll_write_ready`].
    pub fn poll_write_io<R>(
        &self,
        cx: &mut Context<'_>,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let event = ready!(self.registration.poll_write_ready(cx))?;
            if let Some(outcome) = self.attempt(event, &mut op) {
                return Poll::Ready(outcome);
            }
        }
    }

    /// [`poll_write_io`](Self::poll_write_io) for a stream: `op` writes from a buffer of `length` bytes, and a short
    /// write spares the next one, see [`Registration::clear_after_short_write`].
    ///
    /// # Errors
    /// As for [`poll_write_io`](Self::poll_write_io).
    pub fn poll_write_stream(
        &self,
        cx: &mut Context<'_>,
        length: usize,
        mut op: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let event = ready!(self.registration.poll_write_ready(cx))?;
            let Some(outcome) = self.attempt(event, &mut op) else { continue };
            if outcome.as_ref().is_ok_and(|&count| is_short(count, length)) {
                self.registration.clear_after_short_write(event);
            }
            return Poll::Ready(outcome);
        }
    }

    /// Tries `op` until it does not block, waiting for `interest` in between. Any number of tasks may do so at once.
    ///
    /// # Cancel safety
    /// The future waits or runs `op`, which does not wait; so if it is dropped before it completes, `op` has not
    /// succeeded.
    ///
    /// # Errors
    /// Those of `op`, and those of [`Registration::ready`]. [`io::ErrorKind::InvalidInput`] if `interest` is about both
    /// directions: "would block" does not say which of them it is about, and taking both back would lose one.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut op: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        one_direction(interest)?;
        loop {
            let event = self.ready(interest).await?;
            if let Some(outcome) = self.attempt(event, &mut op) {
                return outcome;
            }
        }
    }

    /// Tries `op` once, if `interest` is thought to be ready.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if it is not, or if `op` says so; other errors of `op`;
    /// [`ShutDown`](crate::ShutDown); [`io::ErrorKind::InvalidInput`] as for [`async_io`](Self::async_io); if it would block,
    /// and the system refuses to tell when it does not, that refusal.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        op: impl FnOnce(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        one_direction(interest)?;
        let Some(event) = self.registration.try_ready(interest)? else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let outcome = op(&self.io);
        if outcome.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            self.registration.clear(event);
            // Else the caller would look again and again.
            self.registration.ask(interest)?;
        }
        outcome
    }

    /// One call of `op` (repeated only if a signal cuts it off). `None`: it would have blocked, and `event` is
    /// cleared.
    pub(crate) fn attempt<R>(
        &self,
        event: ReadyEvent,
        op: &mut impl FnMut(&T) -> io::Result<R>,
    ) -> Option<io::Result<R>> {
        loop {
            match op(&self.io) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.registration.clear(event);
                    return None;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return Some(outcome),
            }
        }
    }
}

/// R4 takes back what "would block" denies, so it must be clear what that is.
fn one_direction(interest: Interest) -> io::Result<()> {
    if interest.is_readable() && interest.is_writable() {
        let message =
            "an operation waits for one direction, reading or writing; this interest names both";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(())
}

/// Less than was asked for, and not because the system never moves more at once (about two GiB on Linux).
pub(crate) fn is_short(count: usize, wanted: usize) -> bool {
    const MOST_AT_ONCE: usize = 0x7fff_f000;
    0 < count && count < wanted.min(MOST_AT_ONCE)
}

impl<T: AsFd> AsFd for Registered<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl<T: AsFd> AsRawFd for Registered<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_fd().as_raw_fd()
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for Registered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered")
            .field("io", &self.io)
            .field("ready", &self.registration.now())
            .finish()
    }
}
