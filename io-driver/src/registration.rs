//! One source's registration: waiting for readiness, and giving it back when it turns out to be used up.

use std::future::Future;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::error::ShutDown;
use crate::handle::Handle;
use crate::interest::{Interest, Ready};
use crate::readiness::ReadyEvent;
use crate::receiving::Inquiry;
use crate::registry::Token;
use crate::source::{Direction, Source};
use crate::sys::{Backend, Fd};

/// What a driver knows of one source, and the means to wait for more. Reached through
/// [`Registered::registration`](crate::Registered::registration).
///
/// The cycle is: wait for an event, try the system call, and if it answers "would block", [`clear`](Self::clear) the
/// event and wait again. [`Registered`](crate::Registered) has this cycle ready made.
#[derive(Debug)]
pub struct Registration {
    handle: Handle,
    token: Token,
    source: Arc<Source>,
    /// Whether the source is a stream, and closed when it is registered no more (R10).
    closes: bool,
    pub(crate) inquiry: Inquiry,
}

impl Registration {
    pub(crate) fn new(handle: Handle, token: Token, source: Arc<Source>, closes: bool) -> Self {
        Self { handle, token, source, closes, inquiry: Inquiry::default() }
    }

    /// Ends it, and leaves the source open.
    pub(crate) fn give_back(mut self) {
        self.closes = false;
    }

    /// A handle of the driver.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// What is known to be ready now, without waiting.
    pub fn now(&self) -> Ready {
        self.source.readiness().snapshot().ready()
    }

    /// The part of [`now`](Self::now) that `interest` is about, to be cleared after "would block"; `None` if nothing, and
    /// then the system is asked to report it, for the next look.
    ///
    /// # Errors
    /// [`ShutDown`](crate::ShutDown).
    pub fn try_ready(&self, interest: Interest) -> io::Result<Option<ReadyEvent>> {
        if let Some(known) = self.source.look(interest) {
            return known.map(Some);
        }
        match self.ask(interest) {
            Ok(()) => Ok(None),
            // A try may succeed; if it would block, it is told why it cannot be waited for.
            Err(_) => self.source.look(interest).transpose(),
        }
    }

    /// R8: has the system report `interest`, also if nobody waits for it. Fails if that refuses.
    pub(crate) fn ask(&self, interest: Interest) -> io::Result<()> {
        // R9: in a fork it would be the parent's that is asked.
        if self.handle.was_forked() { Ok(()) } else { self.source.ask(interest, self.arm()) }
    }

    /// What is known of `interest` at this moment, ready or not: [`news`](Self::news) after it can be waited for.
    ///
    /// # Errors
    /// [`ShutDown`](crate::ShutDown).
    pub fn seen(&self, interest: Interest) -> io::Result<ReadyEvent> {
        let now = self.source.readiness().snapshot();
        if now.is_shut_down() { Err(ShutDown.into()) } else { Ok(now.event(interest)) }
    }

    /// Waits until reading is worth a try. Only the waker of the last call is kept: use [`ready`](Self::ready) when
    /// several tasks wait.
    ///
    /// # Errors
    /// [`ShutDown`](crate::ShutDown), or what the system says when it is asked for an event.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<ReadyEvent>> {
        if let Some(news) = self.without_its_thread(Interest::READABLE) {
            return Poll::Ready(news);
        }
        self.source.poll_ready(Direction::Read, cx, self.arm())
    }

    /// Waits until writing is worth a try. Only the waker of the last call is kept: use [`ready`](Self::ready) when
    /// several tasks wait.
    ///
    /// # Errors
    /// As for [`poll_read_ready`](Self::poll_read_ready).
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<ReadyEvent>> {
        if let Some(news) = self.without_its_thread(Interest::WRITABLE) {
            return Poll::Ready(news);
        }
        self.source.poll_ready(Direction::Write, cx, self.arm())
    }

    /// Waits until one of the things in `interest` is ready. Any number of tasks may wait at once, and all of them
    /// are woken.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: readiness stays until it is cleared.
    ///
    /// # Errors
    /// As for [`poll_read_ready`](Self::poll_read_ready).
    pub fn ready(&self, interest: Interest) -> ReadyFuture<'_> {
        ReadyFuture { registration: self, interest, since: None, place: None }
    }

    /// Waits until the system reports one of the things in `interest` after `seen`, also if it was ready then: for what
    /// does not show in readiness, and is tried again when anything has happened. The portable backend asks for states, and
    /// hears of one that lasts at once.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// As for [`poll_read_ready`](Self::poll_read_ready).
    pub fn news(&self, interest: Interest, seen: ReadyEvent) -> ReadyFuture<'_> {
        ReadyFuture { registration: self, interest, since: Some(seen.tick), place: None }
    }

    /// Takes back what `event` said, because the system has just answered "would block". Only that answer justifies
    /// it: otherwise whoever waits next may wait for ever. An event older than the latest news is ignored.
    pub fn clear(&self, event: ReadyEvent) {
        self.source.readiness().clear(event);
    }

    /// Foresees "would block" after a read from a TCP stream returned less than it was asked for, and saves the call
    /// that would say so. It does nothing where that would be wrong: where the system does not report the peer's
    /// FIN by itself (the portable backend), after the FIN, and after urgent data.
    ///
    /// Not for datagrams, and not for Unix sockets: a passed file descriptor ends a read early there.
    pub fn clear_after_short_read(&self, event: ReadyEvent) {
        if self.foresees() {
            self.source.readiness().clear_after_short_read(event);
        }
    }

    /// Foresees "would block" after a write to a stream accepted less than it was offered. It does nothing on the
    /// portable backend.
    pub fn clear_after_short_write(&self, event: ReadyEvent) {
        if self.foresees() {
            let writable = event.ready.intersection(Ready::WRITABLE);
            self.clear(ReadyEvent { ready: writable, tick: event.tick });
        }
    }

    /// R7: whether the kernel reports a FIN, and room after a short write, as edges of their own.
    pub(crate) fn foresees(&self) -> bool {
        self.handle.backend() == Backend::Native
    }

    /// R9: in a forked process, what is known, or an error. Nobody is waited for there: the lock may be held by a thread that is
    /// not here, and to ask the selector for an event would ask the parent's.
    fn without_its_thread(&self, interest: Interest) -> Option<io::Result<ReadyEvent>> {
        if !self.handle.was_forked() {
            return None;
        }
        Some(self.source.look(interest).unwrap_or_else(|| Err(crate::error::forked())))
    }

    fn arm(&self) -> impl FnOnce(Fd, Interest, Interest) -> io::Result<()> {
        |fd, before, now| {
            let asked = self.handle.shared.selector.arm(fd, self.token, before, now);
            asked.map_err(|error| crate::error::during("registering with the I/O driver", error))
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if self.handle.was_forked() {
            // R9: the parent's selector is the same as ours, and watches the same file for the parent.
            return;
        }
        let shared = &self.handle.shared;
        let mut left = Vec::new();
        // A failure means that the system has forgotten the source already, which is what we wanted.
        self.source.retire(self.closes, |fd| drop(shared.selector.remove(fd)), &mut left);
        shared.registry.release(self.token.index);
        drop(left); // The wakers, now that no lock is held.
    }
}

/// The future of [`Registration::ready`] and [`Registration::news`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct ReadyFuture<'a> {
    registration: &'a Registration,
    interest: Interest,
    /// The tick after which it counts.
    since: Option<u32>,
    /// The id of our entry in the source's list, if we ever waited.
    place: Option<u64>,
}

impl Future for ReadyFuture<'_> {
    type Output = io::Result<ReadyEvent>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { registration, interest, since, place } = &mut *self;
        if let Some(news) = registration.without_its_thread(*interest) {
            return Poll::Ready(news);
        }
        registration.source.poll_listed(place, *interest, *since, cx, registration.arm())
    }
}

impl Drop for ReadyFuture<'_> {
    fn drop(&mut self) {
        // R9: the lock may have been held by a thread that is not here.
        if let Some(place) = self.place
            && !self.registration.handle.was_forked()
        {
            self.registration.source.leave(place);
        }
    }
}

// No code of others runs in the middle of a change of ours, so that a panic leaves none half done.
impl UnwindSafe for Registration {}
impl RefUnwindSafe for Registration {}
