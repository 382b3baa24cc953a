//! Plain `polling` calls: one-shot interest, armed when somebody waits (R8). Works on every Unix that `polling` knows.
//!
//! One-shot is the only mode all its systems share. A source is added with no interest; the first waiter arms it, an
//! event disarms it. Arming looks at the present state, not at edges, so nothing that happened in between is lost.
//! A peer's FIN is not told apart from data here: only "would block" clears a source (R7).
//!
//! # Safety
//!
//! `Poller::add_with_mode` asks that a source be deleted from the poller before it is closed: that is R6. And the poller is
//! dropped by hand, once, by the value that has it.
#![allow(unsafe_code)]

use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use polling::{Event, PollMode};

use super::Fd;
use super::fork::Process;
use crate::interest::{Interest, Ready};
use crate::registry::Token;

/// How many events one wait can bring; further ones come with the next.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

#[derive(Debug)]
pub(crate) struct Portable {
    poller: ManuallyDrop<polling::Poller>,
    /// Whose poller it is (R9).
    process: Process,
}

impl Drop for Portable {
    /// A poller takes its notifier and its timer out of the system's object when it is dropped. In a fork that object is the
    /// parent's, who could not be woken any more (R9); so there it stays open until the fork ends or runs another program.
    fn drop(&mut self) {
        if self.process.is_current() {
            // SAFETY: nobody uses `self` after this.
            unsafe { ManuallyDrop::drop(&mut self.poller) };
        }
    }
}

pub(crate) struct Events(polling::Events);

impl Events {
    pub(crate) fn new() -> Self {
        Self(polling::Events::with_capacity(CAPACITY))
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("capacity", &self.0.capacity()).finish()
    }
}

impl Portable {
    pub(crate) fn new() -> io::Result<Self> {
        let process = Process::current()?;
        Ok(Self { poller: ManuallyDrop::new(polling::Poller::new()?), process })
    }

    pub(crate) fn add(&self, fd: Fd, token: Token) -> io::Result<()> {
        let nothing = Event::none(token.key());
        // SAFETY: R6: the source is retired, which deletes it from the poller, before its fd is closed.
        unsafe { self.poller.add_with_mode(fd.number(), nothing, PollMode::Oneshot) }
    }

    pub(crate) fn arm(&self, fd: Fd, token: Token, interest: Interest) -> io::Result<()> {
        let mut event = Event::new(token.key(), interest.is_readable(), interest.is_writable());
        event.set_priority(interest.is_priority());
        self.poller.modify_with_mode(borrow(&fd), event, PollMode::Oneshot)
    }

    pub(crate) fn remove(&self, fd: Fd) -> io::Result<()> {
        self.poller.delete(borrow(&fd))
    }

    pub(crate) fn notify(&self) -> io::Result<()> {
        self.poller.notify()
    }

    pub(crate) fn wait(
        &self,
        events: &mut Events,
        timeout: Option<Duration>,
        mut each: impl FnMut(Token, Ready),
    ) -> io::Result<()> {
        events.0.clear(); // `wait` appends.
        self.poller.wait(&mut events.0, timeout)?;
        for event in events.0.iter() {
            each(Token::from_key(event.key), ready(&event));
        }
        Ok(())
    }
}

fn ready(event: &Event) -> Ready {
    let mut ready = Ready::EMPTY;
    if event.readable {
        ready |= Ready::READABLE;
    }
    if event.writable {
        ready |= Ready::WRITABLE;
    }
    if event.is_priority() {
        ready |= Ready::PRIORITY;
    }
    if event.is_interrupt() {
        ready |= Ready::ALL.without(Ready::ERROR | Ready::PRIORITY);
    }
    if event.is_err() == Some(true) {
        ready |= Ready::ERROR | Ready::READABLE | Ready::WRITABLE;
    }
    ready
}

fn borrow(fd: &Fd) -> BorrowedFd<'_> {
    // SAFETY: R6: a source's fd is open from `adopt` to `retire`, and handed to the selector only in between.
    unsafe { BorrowedFd::borrow_raw(fd.number()) }
}
