//! The task's state word and its named transitions. No pointers, no `unsafe`: what a transition permits is acted on
//! elsewhere (`poll.rs`, `join.rs`, `waker.rs`); what each bit means is said once, in `task/mod.rs` (T-rules).

use crate::loom::sync::atomic::{AtomicU64, Ordering::*};
use std::fmt;

/// The task has run to its end, panicked or been cancelled. Never cleared (T5).
const COMPLETE: u64 = 1 << 0;
/// Somebody asked for the future to be dropped; the next poller does so (T7).
const CANCELLED: u64 = 1 << 1;
/// The `JoinHandle` is alive and owns the output (T5).
const JOIN_HANDLE: u64 = 1 << 2;
/// The join-waker slot is shared and read-only (T6).
const JOIN_WAKER: u64 = 1 << 3;

/// Somebody wants to be called at the end (T14).
const WATCHED: u64 = 1 << 4;

const REF_ONE: u64 = 1 << 8;
const REF_MASK: u64 = (1 << 28) - 1;
const WAKE_SHIFT: u32 = 36;
const WAKE_ONE: u64 = 1 << WAKE_SHIFT;
/// From here on wakes no longer add to their count: half of the field is left for adds already under way.
const WAKES_SATURATED: u64 = 1 << 27;
/// A poll that starts with more wakes than this answers them first.
const WAKES_MANY: u64 = 1 << 26;
/// From here on a clone of a waker aborts the process, as `Arc` does.
const REFS_MAX: u64 = 1 << 27;

/// One reference for the owner (queue, poller or list), one for the `JoinHandle`; one wake, for the first poll.
const INITIAL: u64 = WAKE_ONE | (2 * REF_ONE) | JOIN_HANDLE;

/// The state word of one task.
pub struct State(AtomicU64);

/// A copy of the word at one moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Snapshot(u64);

/// What a wake obliges its caller to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Wake {
    /// The caller now holds the one right to poll: it makes a `Runnable` and submits it.
    Submit,
    /// Queued already, being polled, or complete.
    Nothing,
    /// The caller gave up the last reference of a completed task: it frees the cell.
    Free,
}

/// What the poller finds when it starts.
#[must_use]
#[derive(Debug)]
pub struct Start {
    /// Wakes this poll answers; handed back to [`State::finish_poll`].
    pub wakes: u64,
    /// The future is to be dropped instead of polled.
    pub cancelled: bool,
}

/// What follows a poll that returned `Pending`.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Finish {
    /// Nobody woke the task meanwhile; the poller must not touch it any more.
    Idle,
    /// Woken during the poll: the poller still holds the right to poll and submits it.
    Again,
}

/// What the completer learns in the moment it sets COMPLETE.
#[must_use]
#[derive(Debug)]
pub struct Completed {
    /// The join waker is set: the completer takes and wakes it (T6).
    pub join_waker: bool,
    /// Somebody wants to be called (T14).
    pub watched: bool,
    /// The owner's reference was given up in the same step.
    pub released: bool,
    /// ... and was the last one: the completer frees the cell.
    pub free: bool,
}

/// Whose the callbacks are, which have just been put into the list (T14).
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Watch {
    /// The completer will run them.
    Waiting,
    /// The task is complete: the caller runs them.
    Complete,
}

/// What a dropped `JoinHandle` obliges to.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum DropHandle {
    /// Not complete: the task goes on alone, the handle's reference is gone.
    Detached,
    /// Not complete; the join-waker slot is the handle's again, and so is its reference: drop both.
    DetachedWithWaker,
    /// Complete: the output is the handle's to drop, and so is its reference.
    Output,
}

impl State {
    #[inline]
    pub fn new() -> State {
        State(AtomicU64::new(INITIAL))
    }

    #[inline]
    pub fn load(&self) -> Snapshot {
        // Acquire: pairs with the Release half of every transition below, so that whoever sees COMPLETE also sees
        // the output (T5).
        Snapshot(self.0.load(Acquire))
    }

    /// Begins a poll. Only the holder of the `Runnable` may call this.
    #[inline]
    pub fn start_poll(&self) -> Start {
        // Acquire: pairs with the wake that made this `Runnable`; what its caller wrote is seen by the poll (T4).
        // A load is enough, because wakes > 0 already excludes every other poller (T2).
        let now = Snapshot(self.0.load(Acquire));
        debug_assert!(now.wakes() > 0 && !now.is_complete(), "polled without a wake: {now:?}");
        if now.wakes() > WAKES_MANY {
            return self.start_poll_after_many_wakes(now.wakes());
        }
        Start { wakes: now.wakes(), cancelled: now.is_cancelled() }
    }

    /// Answers all wakes but one before the poll, so that those which come during it are counted: a count that was
    /// saturated at the start would hide them.
    #[cold]
    fn start_poll_after_many_wakes(&self, wakes: u64) -> Start {
        // AcqRel: Acquire as in `start_poll`; Release keeps the chain of releases that the wakes have built.
        let before = Snapshot(self.0.fetch_sub((wakes - 1) << WAKE_SHIFT, AcqRel));
        Start { wakes: 1, cancelled: before.is_cancelled() }
    }

    /// Ends a poll that returned `Pending`, answering the wakes seen at its start.
    #[inline]
    pub fn finish_poll(&self, wakes: u64) -> Finish {
        // AcqRel: Release publishes the future's state to the next poller, which acquires it through the wake that
        // follows; Acquire sees what the wakes that came meanwhile published, for the poll that `Again` leads to.
        let before = Snapshot(self.0.fetch_sub(wakes << WAKE_SHIFT, AcqRel));
        debug_assert!(before.wakes() >= wakes && !before.is_complete(), "{before:?}");
        if before.wakes() == wakes { Finish::Idle } else { Finish::Again }
    }

    /// Sets COMPLETE, if the word still is `seen`, and gives up the owner's reference in the same step unless somebody is to
    /// be told first.
    #[inline]
    pub fn complete(&self, seen: Snapshot) -> Result<Completed, Snapshot> {
        debug_assert!(!seen.is_complete() && seen.wakes() > 0, "{seen:?}");
        if seen.is_alone() {
            // T17.
            return Ok(Completed { join_waker: false, watched: false, released: true, free: true });
        }
        let released = seen.0 & (JOIN_WAKER | WATCHED) == 0;
        let mut next = seen.0 | COMPLETE;
        if released {
            next -= REF_ONE;
        }
        // AcqRel: Release publishes the output to the `JoinHandle` (T5); Acquire sees the join waker it stored.
        match self.0.compare_exchange(seen.0, next, AcqRel, Acquire) {
            Ok(_) => Ok(Completed {
                join_waker: seen.has_join_waker(),
                watched: seen.is_watched(),
                released,
                free: released && Snapshot(next).refs() == 0,
            }),
            Err(now) => Err(Snapshot(now)),
        }
    }

    /// A wake through a reference.
    #[inline]
    pub fn wake_by_ref(&self) -> Wake {
        if self.saturated() {
            return self.wake_saturated(0);
        }
        // AcqRel, also when it changes nothing (T4): Release publishes what the waker wrote to the poll that answers;
        // Acquire sees the future's state if this wake wins the right to poll.
        let before = Snapshot(self.0.fetch_add(WAKE_ONE, AcqRel));
        if before.wakes() == 0 && !before.is_complete() { Wake::Submit } else { Wake::Nothing }
    }

    /// A wake that consumes the waker's reference, in the same step.
    #[inline]
    pub fn wake_by_value(&self) -> Wake {
        if self.saturated() {
            return self.wake_saturated(REF_ONE);
        }
        // AcqRel: as above; Acquire also sees every use of the cell before it is freed.
        let before = Snapshot(self.0.fetch_add(WAKE_ONE.wrapping_sub(REF_ONE), AcqRel));
        debug_assert!(before.refs() > 0, "{before:?}");
        match before {
            b if b.is_complete() && b.refs() == 1 => Wake::Free,
            b if !b.is_complete() && b.wakes() == 0 => Wake::Submit,
            _ => Wake::Nothing,
        }
    }

    #[inline]
    fn saturated(&self) -> bool {
        // Relaxed: an estimate with 2^27 adds to spare.
        Snapshot(self.0.load(Relaxed)).wakes() >= WAKES_SATURATED
    }

    /// A wake of a task woken 2^26 times or more since its poll began: publishes without counting. It cannot simply add and
    /// take back, because the poller might meanwhile answer all the others and take the surplus for a wake.
    #[cold]
    fn wake_saturated(&self, refs: u64) -> Wake {
        let before = self.update(|now| {
            if now.wakes() >= WAKES_SATURATED { now.0 - refs } else { now.0 + WAKE_ONE - refs }
        });
        match before {
            b if b.is_complete() && refs > 0 && b.refs() == 1 => Wake::Free,
            b if !b.is_complete() && b.wakes() == 0 => Wake::Submit,
            _ => Wake::Nothing,
        }
    }

    /// Asks for the future to be dropped, and wakes the task so that a poller does it (T7).
    pub fn cancel(&self) -> Wake {
        let before = self.update(|now| {
            if now.is_complete() {
                now.0
            } else if now.wakes() >= WAKES_SATURATED {
                now.0 | CANCELLED
            } else {
                (now.0 | CANCELLED) + WAKE_ONE
            }
        });
        if before.wakes() == 0 && !before.is_complete() { Wake::Submit } else { Wake::Nothing }
    }

    /// Makes the join-waker slot, just written, visible to the completer. Fails if the task has completed.
    #[inline]
    pub fn set_join_waker(&self) -> Result<(), Snapshot> {
        self.flip_join_waker(|now| now | JOIN_WAKER)
    }

    /// Takes the join-waker slot back for writing. Fails if the task has completed.
    #[inline]
    pub fn unset_join_waker(&self) -> Result<(), Snapshot> {
        self.flip_join_waker(|now| now & !JOIN_WAKER)
    }

    fn flip_join_waker(&self, flip: impl Fn(u64) -> u64) -> Result<(), Snapshot> {
        let mut seen = self.load();
        loop {
            if seen.is_complete() {
                return Err(seen);
            }
            // AcqRel: Release publishes the slot to the completer; Acquire, on failure, sees its output.
            match self.0.compare_exchange(seen.0, flip(seen.0), AcqRel, Acquire) {
                Ok(_) => return Ok(()),
                Err(now) => seen = Snapshot(now),
            }
        }
    }

    /// Makes callbacks, just put into the list, known to the completer (T14).
    pub fn watch(&self) -> Watch {
        let before = self.update(|now| if now.is_complete() { now.0 } else { now.0 | WATCHED });
        if before.is_complete() { Watch::Complete } else { Watch::Waiting }
    }

    /// Gives up the `JoinHandle`.
    pub fn drop_join_handle(&self) -> DropHandle {
        let mut seen = self.load();
        loop {
            if seen.is_complete() {
                return DropHandle::Output;
            }
            let mut next = seen.0 & !(JOIN_HANDLE | JOIN_WAKER);
            if !seen.has_join_waker() {
                next -= REF_ONE;
            }
            // AcqRel: Release lets whoever frees the cell see that the handle is done with it.
            match self.0.compare_exchange(seen.0, next, AcqRel, Acquire) {
                Ok(_) if seen.has_join_waker() => return DropHandle::DetachedWithWaker,
                Ok(_) => return DropHandle::Detached,
                Err(now) => seen = Snapshot(now),
            }
        }
    }

    /// One more reference, made from an existing one.
    #[inline]
    pub fn ref_inc(&self) {
        // Relaxed: a new reference is made from one that keeps the cell alive; handing it to another thread is what
        // synchronizes.
        let before = Snapshot(self.0.fetch_add(REF_ONE, Relaxed));
        if before.refs() >= REFS_MAX {
            // Too many wakers to count: going on would free the cell under their feet.
            std::process::abort();
        }
    }

    /// Gives up one reference; `true` if the caller must free the cell.
    #[inline]
    #[must_use]
    pub fn ref_dec(&self) -> bool {
        // Acquire: pairs with the Release of the other holders' decrements. The last holder of a completed task is
        // alone with it, and saves itself the RMW.
        let now = Snapshot(self.0.load(Acquire));
        if now.is_complete() && now.refs() == 1 {
            return true;
        }
        // AcqRel: Release makes this holder's accesses visible to whoever frees; Acquire sees theirs if that is us.
        let before = Snapshot(self.0.fetch_sub(REF_ONE, AcqRel));
        debug_assert!(before.refs() > 0, "{before:?}");
        before.refs() == 1 && before.is_complete()
    }

    /// Applies `next` in a compare-exchange loop, always as an AcqRel RMW (T4), and returns the word before.
    fn update(&self, next: impl Fn(Snapshot) -> u64) -> Snapshot {
        let mut seen = self.load();
        loop {
            // AcqRel: see the transitions above.
            match self.0.compare_exchange(seen.0, next(seen), AcqRel, Acquire) {
                Ok(_) => return seen,
                Err(now) => seen = Snapshot(now),
            }
        }
    }
}

impl Snapshot {
    #[inline]
    pub fn is_complete(self) -> bool {
        self.0 & COMPLETE != 0
    }

    #[inline]
    pub fn is_cancelled(self) -> bool {
        self.0 & CANCELLED != 0
    }

    #[inline]
    pub fn has_join_handle(self) -> bool {
        self.0 & JOIN_HANDLE != 0
    }

    #[inline]
    pub fn has_join_waker(self) -> bool {
        self.0 & JOIN_WAKER != 0
    }

    #[inline]
    pub fn is_watched(self) -> bool {
        self.0 & WATCHED != 0
    }

    /// T17: whether nobody but the poller has a reference, or will be told of the end. The load was an Acquire, which pairs
    /// with the Release of whoever gave up a reference before.
    #[inline]
    pub fn is_alone(self) -> bool {
        const OTHERS: u64 = (REF_MASK * REF_ONE) | JOIN_HANDLE | JOIN_WAKER | WATCHED;
        self.0 & OTHERS == REF_ONE
    }

    #[inline]
    pub fn wakes(self) -> u64 {
        self.0 >> WAKE_SHIFT
    }

    #[inline]
    pub fn refs(self) -> u64 {
        (self.0 / REF_ONE) & REF_MASK
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("complete", &self.is_complete())
            .field("cancelled", &self.is_cancelled())
            .field("join_handle", &self.has_join_handle())
            .field("join_waker", &self.has_join_waker())
            .field("watched", &self.is_watched())
            .field("refs", &self.refs())
            .field("wakes", &self.wakes())
            .finish()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load().fmt(f)
    }
}

#[cfg(test)]
mod tests;
