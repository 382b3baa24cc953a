//! One source: its readiness word, and who waits for it. The protocol (R-rules) is written in `readiness.rs`.
//!
//! Each direction has one waker slot, for `poll_*` methods: the last caller wins, as the contract of `Future::poll`
//! allows. Any number of further waiters, with any interest, stand in a list; it lives in a box of its own, so that
//! a source without such waiters fits one cache line.
//!
//! The lock of a source is a leaf except for the selector's own (R6 and R8 call it). Wakers are cloned under it, but
//! never woken or dropped.

#![allow(unreachable_pub)] // The models reach it, through `loom::internals`.

use std::io;
use std::mem;
use std::task::{Context, Poll, Waker};

use crate::error::ShutDown;
use crate::interest::{Interest, Ready};
use crate::loom::Mutex;
use crate::readiness::{Readiness, ReadyEvent};
use crate::sys::Fd;

/// The two waker slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Reading and accepting.
    Read,
    /// Writing and connecting.
    Write,
}

impl Direction {
    /// What the slot's waiter waits for.
    pub const fn interest(self) -> Interest {
        match self {
            Direction::Read => Interest::READABLE,
            Direction::Write => Interest::WRITABLE,
        }
    }
}

/// What the selector will report without being asked again (R8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arming {
    /// Every edge of this interest, for ever. Without any, the source is not in the selector yet.
    Edges(Interest),
    /// The next event of this interest, once.
    Once(Interest),
}

impl Arming {
    /// Of what is to be put into a selector of edges when somebody waits.
    pub const UNASKED: Self = Self::Edges(Interest::NONE);

    /// Of what is in a selector of edges, and nobody waits for.
    #[cfg_attr(not(any(target_os = "linux", target_os = "android")), allow(dead_code))]
    pub const READING: Self = Self::Edges(Interest::READING);

    /// What is reported.
    pub const fn interest(self) -> Interest {
        match self {
            Self::Edges(interest) | Self::Once(interest) => interest,
        }
    }

    /// As `self`, and `wanted` as well; `None` if that makes no difference.
    fn with(self, wanted: Interest) -> Option<Self> {
        match self {
            Self::Edges(armed) => {
                // News of reading cost nothing until there are any.
                let wanted = Interest::READING | wanted;
                (!armed.contains(wanted)).then_some(Self::Edges(armed | wanted))
            }
            Self::Once(armed) => (!armed.contains(wanted)).then_some(Self::Once(armed | wanted)),
        }
    }

    /// R10: whether closing the descriptor is enough to end what is reported of a stream in which `ready` was known.
    fn ends_with_the_descriptor(self, ready: Ready) -> bool {
        let Self::Edges(armed) = self else { return false };
        ready.is_read_closed() && (ready.is_write_closed() || !armed.is_writable())
    }
}

/// One waiter of the list.
#[derive(Debug)]
struct Waiter {
    id: u64,
    interest: Interest,
    waker: Waker,
}

#[derive(Debug, Default)]
struct List {
    waiters: Vec<Waiter>,
    next_id: u64,
}

#[derive(Debug)]
struct Waiters {
    /// Open from `adopt` to `retire`, and used in between only (R6).
    fd: Option<Fd>,
    arming: Arming,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// The box stays with the source from its first use on.
    list: Option<Box<List>>,
}

/// One source; recycled from registration to registration (R5).
#[derive(Debug)]
#[repr(align(64))]
pub struct Source {
    readiness: Readiness,
    waiters: Mutex<Waiters>,
}

impl Default for Source {
    fn default() -> Self {
        Self::new()
    }
}

impl Source {
    /// A source that nobody owns yet.
    pub fn new() -> Self {
        let waiters =
            Waiters { fd: None, arming: Arming::UNASKED, reader: None, writer: None, list: None };
        Self { readiness: Readiness::new(), waiters: Mutex::new(waiters) }
    }

    /// The word.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Begins a registration and returns its generation.
    pub fn adopt(&self, fd: Fd, arming: Arming, ready: Ready) -> u32 {
        let mut waiters = self.waiters.lock();
        debug_assert!(waiters.fd.is_none(), "a source was adopted twice");
        waiters.fd = Some(fd);
        waiters.arming = arming;
        self.readiness.adopt(ready);
        self.readiness.snapshot().generation()
    }

    /// Ends a registration (R6). `remove` takes the fd out of the selector; nothing re-arms it afterwards. The wakers
    /// of whoever still stood here are appended to `left`, to be dropped where no lock is held.
    ///
    /// If it `closes`, the fd is that of a stream, and is closed right after this (R10).
    pub fn retire(&self, closes: bool, remove: impl FnOnce(Fd), left: &mut Vec<Waker>) {
        let mut waiters = self.waiters.lock();
        let last = self.readiness.retire();
        let arming = waiters.arming;
        if let Some(fd) = waiters.fd.take()
            && arming != Arming::UNASKED
            && !(closes && arming.ends_with_the_descriptor(last))
        {
            remove(fd);
        }
        waiters.take_all(left);
    }

    /// Whether the selector watches `fd` for this source.
    pub(crate) fn watches(&self, fd: Fd) -> bool {
        let waiters = self.waiters.lock();
        waiters.fd == Some(fd) && waiters.arming != Arming::UNASKED
    }

    /// The driver's step for one event (R2, R5, R8): sets `ready` and appends the wakers it concerns to `woken`.
    /// False for a stale event. `arm` asks a one-shot selector for what is still waited for: it is told what is reported, and
    /// what is to be.
    pub fn dispatch(
        &self,
        generation: u32,
        ready: Ready,
        arm: impl FnOnce(Fd, Interest, Interest) -> io::Result<()>,
        woken: &mut Vec<Waker>,
    ) -> bool {
        if !self.readiness.set(generation, ready) {
            return false;
        }
        let mut waiters = self.waiters.lock();
        if self.readiness.snapshot().generation() != generation {
            // Retired since, perhaps adopted by another; its wakers are none of this event's business.
            return false;
        }
        waiters.take_ready(ready, woken);
        if let Arming::Once(_) = waiters.arming {
            waiters.arming = Arming::Once(Interest::NONE);
            let waited_for = waiters.waited_for();
            if waiters.arm_missing(waited_for, arm).is_err() {
                // Nothing would ever be reported again. Let everyone try, and see the failure first-hand.
                let _ = self.readiness.set(generation, Ready::ALL);
                waiters.take_all(woken);
            }
        }
        true
    }

    /// Shuts the source down and appends all its waiters to `woken` (R6).
    pub fn shut_down(&self, woken: &mut Vec<Waker>) {
        self.readiness.shut_down();
        self.waiters.lock().take_all(woken);
    }

    /// What is known about `interest` now: an event, or the news of the shut-down, or nothing yet.
    pub fn look(&self, interest: Interest) -> Option<io::Result<ReadyEvent>> {
        let now = self.readiness.snapshot();
        if now.is_shut_down() {
            return Some(Err(ShutDown.into()));
        }
        let event = now.event(interest);
        (!event.ready.is_empty()).then_some(Ok(event))
    }

    /// As [`look`](Self::look), if anything was heard since the tick `since`.
    fn look_since(&self, interest: Interest, since: Option<u32>) -> Option<io::Result<ReadyEvent>> {
        let is_news = |event: &ReadyEvent| since != Some(event.tick);
        self.look(interest).filter(|outcome| outcome.as_ref().map_or(true, is_news))
    }

    /// Waits in the slot of `direction`; a later call takes the place of an earlier one. `arm` as in `dispatch`.
    pub fn poll_ready(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        arm: impl FnOnce(Fd, Interest, Interest) -> io::Result<()>,
    ) -> Poll<io::Result<ReadyEvent>> {
        if let Some(outcome) = self.look(direction.interest()) {
            return Poll::Ready(outcome);
        }
        let (_displaced, _withdrawn); // Declared first: dropped after the lock is released.
        let mut waiters = self.waiters.lock();
        _displaced = store(waiters.slot(direction), cx.waker());
        // R3: the second look, under the lock that the driver takes after setting bits.
        if let Some(outcome) = self.look(direction.interest()) {
            _withdrawn = waiters.slot(direction).take();
            return Poll::Ready(outcome);
        }
        let waited_for = waiters.waited_for();
        match waiters.arm_missing(waited_for, arm) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Waits in the list, for what is heard after the tick `since`, if there is one. `place` remembers where from one call to
    /// the next, and is handed to `leave` at the end.
    pub fn poll_listed(
        &self,
        place: &mut Option<u64>,
        interest: Interest,
        since: Option<u32>,
        cx: &mut Context<'_>,
        arm: impl FnOnce(Fd, Interest, Interest) -> io::Result<()>,
    ) -> Poll<io::Result<ReadyEvent>> {
        if let Some(outcome) = self.look_since(interest, since) {
            return Poll::Ready(outcome);
        }
        let _displaced; // Declared first: dropped after the lock is released.
        let mut waiters = self.waiters.lock();
        _displaced = waiters.enlist(place, interest, cx.waker());
        // R3, as in `poll_ready`.
        if let Some(outcome) = self.look_since(interest, since) {
            return Poll::Ready(outcome);
        }
        let waited_for = waiters.waited_for();
        match waiters.arm_missing(waited_for, arm) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// R8: has `interest` reported, for somebody who does not wait but will look again. If the system refuses, everything is
    /// worth a try.
    pub fn ask(
        &self,
        interest: Interest,
        arm: impl FnOnce(Fd, Interest, Interest) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut waiters = self.waiters.lock();
        let asked = waiters.arm_missing(interest, arm);
        if asked.is_err() {
            let generation = self.readiness.snapshot().generation();
            let _ = self.readiness.set(generation, Ready::ALL.without(Ready::CLOSED));
        }
        asked
    }

    /// Leaves the list, if `place` is still in it. A waiter holds nothing that would have to be passed on: everyone
    /// an event concerns is woken by it.
    pub fn leave(&self, place: u64) {
        let removed = self.waiters.lock().strike(place);
        drop(removed);
    }
}

impl Waiters {
    fn slot(&mut self, direction: Direction) -> &mut Option<Waker> {
        match direction {
            Direction::Read => &mut self.reader,
            Direction::Write => &mut self.writer,
        }
    }

    /// Stands in the list under the id in `place`, or anew if the last event took the entry out.
    fn enlist(
        &mut self,
        place: &mut Option<u64>,
        interest: Interest,
        waker: &Waker,
    ) -> Option<Waker> {
        let list = self.list.get_or_insert_default();
        if let Some(found) = list.waiters.iter_mut().find(|waiter| Some(waiter.id) == *place) {
            let stale = !found.waker.will_wake(waker);
            return stale.then(|| mem::replace(&mut found.waker, waker.clone()));
        }
        let id = list.next_id;
        list.next_id += 1;
        list.waiters.push(Waiter { id, interest, waker: waker.clone() });
        *place = Some(id);
        None
    }

    fn strike(&mut self, place: u64) -> Option<Waiter> {
        let waiters = &mut self.list.as_mut()?.waiters;
        let index = waiters.iter().position(|waiter| waiter.id == place)?;
        Some(waiters.swap_remove(index))
    }

    /// Moves out the wakers that `ready` concerns, oldest first.
    fn take_ready(&mut self, ready: Ready, woken: &mut Vec<Waker>) {
        if ready.is_readable() {
            woken.extend(self.reader.take());
        }
        if ready.is_writable() {
            woken.extend(self.writer.take());
        }
        if let Some(list) = &mut self.list {
            let concerned = |waiter: &mut Waiter| ready.intersects(waiter.interest.satisfied_by());
            woken.extend(list.waiters.extract_if(.., concerned).map(|waiter| waiter.waker));
        }
    }

    fn take_all(&mut self, woken: &mut Vec<Waker>) {
        woken.extend(self.reader.take());
        woken.extend(self.writer.take());
        if let Some(list) = &mut self.list {
            woken.extend(list.waiters.drain(..).map(|waiter| waiter.waker));
        }
    }

    /// R8: asks for what is `wanted`, if not all of it is armed already.
    fn arm_missing(
        &mut self,
        wanted: Interest,
        arm: impl FnOnce(Fd, Interest, Interest) -> io::Result<()>,
    ) -> io::Result<()> {
        if let (Some(fd), Some(arming)) = (self.fd, self.arming.with(wanted)) {
            arm(fd, self.arming.interest(), arming.interest())?;
            self.arming = arming;
        }
        Ok(())
    }

    fn waited_for(&self) -> Interest {
        let mut interest = Interest::NONE;
        if self.reader.is_some() {
            interest |= Interest::READABLE;
        }
        if self.writer.is_some() {
            interest |= Interest::WRITABLE;
        }
        for waiter in self.list.iter().flat_map(|list| &list.waiters) {
            interest |= waiter.interest;
        }
        interest
    }
}

/// Puts a clone of `waker` into `slot` and returns what it displaces, for the caller to drop without the lock.
fn store(slot: &mut Option<Waker>, waker: &Waker) -> Option<Waker> {
    match slot {
        Some(old) if old.will_wake(waker) => None,
        _ => slot.replace(waker.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_source_fits_one_cache_line() {
        assert_eq!(mem::size_of::<Source>(), 64);
    }
}
