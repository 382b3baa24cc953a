//! Who waits, and in which order: the one list that every waiting primitive is built on.
//!
//! A [`WaitQueue`] is a lock around a list of waiters and whatever else the primitive guards with
//! it. The list's nodes live inside the waiting futures ([`Waiter`]), so waiting allocates nothing.
//!
//! # The wait-list protocol
//!
//! ```text
//!            push_back                pop_front, pop_back, assign, pop_swept
//!   Idle ───────────────► Waiting ──────────────────────────────────────────► Granted, GrantedLast,
//!                            │                                                Swept, Closed
//!                            └── remove: its future was dropped ──► Idle
//! ```
//!
//! - **L1** The list, and the links of every waiter in it, are touched only under the queue's lock.
//! - **L2** A waiter is linked exactly while its standing is `Waiting`. Both change under the lock;
//!   the store of the standing is the last thing done to a waiter that leaves the list.
//! - **L3** To wake: unlink, take the waker out, set the standing, unlock, wake.
//! - **L4** A waiter that was granted something and is dropped before it could use it hands it on.
//!   The list cannot do this, the primitive's future does: it reads the standing in its drop.
//! - **L5** First come, first served. Only `try_*` functions may overtake, and `push_front` is for
//!   who holds what those before it wait for.
//! - **L6** A sweep (`notify_waiters`) wakes exactly those who waited when it began, although it
//!   lets the lock go between batches: `begin_sweep` moves them all to a list of their own and
//!   starts a new round; who arrives later, carries the new round's number, and stays. Who begins a
//!   sweep ends it, so no more rounds begin while somebody is being swept than there are threads:
//!   32 bits tell them apart.
//!
//! # Why it is sound
//!
//! *A node never dangles.* A waiter borrows its queue for `'q`, or its owner keeps the queue alive, and
//! it is pinned when linked, so it neither moves nor is its memory reused before its drop has run;
//! and the drop unlinks it (L2 tells whether it must). A queue that goes first leaves only waiters that were leaked: nobody can
//! reach their links again, because that takes the queue they borrow.
//!
//! *A waker is not touched too late.* The owner may free its waiter as soon as it reads a standing
//! other than `Waiting`. By L2 that store is the last access of the thread that unlinked it.
//!
//! *Aliasing.* Links and waker sit in an `UnsafeCell`; others reach a waiter through shared
//! references and raw pointers only, never through `&mut`.
//!
//! Statistics ([`Stats`]) are counted where a waiter enters and leaves the line, under the lock.
//!
//! # Rejected
//!
//! A slab of entries beside the list (safe, and its futures could move): it allocates as waiters
//! come, and holds their high-water mark for ever. Waking by index also touches two lines per
//! waiter.
//!
//! # Safety
//! All code here that dereferences a node does so under the queue's lock (L1), for nodes that are
//! linked (L2) and so alive, as argued above.
#![allow(unsafe_code)]
#![allow(unreachable_pub, reason = "the models reach these types through loom::internals")]

mod list;
mod waiter;

pub use list::Standing;
pub use waiter::{Removed, Waiter};

use crate::{
    loom::{ShortGuard, ShortLock, const_fn},
    short_lock::LONG,
    stats::{Stats, Tally},
    wakers::Wakers,
};
use list::{List, links};
use std::{
    fmt, mem,
    ops::{Deref, DerefMut},
    pin::Pin,
    ptr::{self, NonNull},
    task::Waker,
};

/// A lock around a line of waiters and the primitive's own state.
pub struct WaitQueue<S> {
    line: ShortLock<Line<S>>,
}

struct Line<S> {
    waiting: List,
    /// Being woken by a sweep: of an older round, and no longer in line (L6).
    swept: List,
    /// With the number of the round: it fits in here.
    tally: Tally,
    state: S,
}

impl<S> WaitQueue<S> {
    const_fn! {
        /// A queue in which nobody waits.
        pub fn new(state: S) -> Self {
            Self::with_spins(LONG, state)
        }
    }

    const_fn! {
        /// The same; who finds its lock taken looks again after so many spin hints.
        pub fn with_spins(spins: u8, state: S) -> Self {
            let (waiting, swept) = (List::EMPTY, List::EMPTY);
            let line = Line { waiting, swept, tally: Tally::NEW, state };
            Self { line: ShortLock::with_spins(spins, line) }
        }
    }

    /// Locks the line.
    #[inline]
    pub fn lock(&self) -> Locked<'_, S> {
        Locked { line: self.line.lock(), queue: self }
    }

    /// Locks the line if that takes no waiting. For `Debug`, which must not block.
    pub fn try_lock(&self) -> Option<Locked<'_, S>> {
        Some(Locked { line: self.line.try_lock()?, queue: self })
    }

    /// Where `waiter`, which is in line or has been, stands now. If it waits on, it wakes `waker`.
    ///
    /// It counts as `Swept` as soon as the sweep has begun (L6).
    #[inline]
    pub(crate) fn ask(&self, waiter: Pin<&Waiter<'_, S>>, waker: Option<&Waker>) -> Standing {
        match waiter.standing() {
            Standing::Waiting => self.ask_locked(waiter, waker),
            standing => standing, // Final.
        }
    }

    fn ask_locked(&self, waiter: Pin<&Waiter<'_, S>>, waker: Option<&Waker>) -> Standing {
        let mut own = None;
        loop {
            let mut locked = self.lock();
            let standing = locked.standing(waiter);
            if standing != Standing::Waiting {
                drop(locked);
                return standing;
            }
            if locked.is_being_swept(waiter) {
                let left = locked.leave_sweep(waiter);
                drop(locked);
                drop((left, own));
                return Standing::Swept;
            }
            let Some(waker) = waker else { return standing };
            if locked.would_wake(waiter, waker) {
                drop(locked);
                return standing;
            }
            if own.is_some() {
                let replaced = locked.set_waker(waiter, own);
                drop(locked);
                drop(replaced);
                return standing;
            }
            drop(locked);
            own = Some(waker.clone()); // Cloning is foreign code.
        }
    }

    /// Who waits and who has.
    pub fn stats(&self) -> Stats {
        self.lock().stats()
    }

    /// From now on waits are timed.
    pub fn enable_stats(&self) {
        self.lock().line.tally.enable();
    }
}

impl<S> fmt::Debug for WaitQueue<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitQueue").finish_non_exhaustive()
    }
}

/// The right to change a line. Dereferences to the primitive's own state.
///
/// Wakers that its methods return are woken or dropped after it is gone (L3).
pub struct Locked<'a, S> {
    line: ShortGuard<'a, Line<S>>,
    queue: &'a WaitQueue<S>,
}

impl<S> Locked<'_, S> {
    /// Whether nobody is in line. Who is being swept, is not.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.line.waiting.head.is_none()
    }

    /// Who waits and who has. Who is being swept still counts as waiting, until it is woken.
    pub fn stats(&self) -> Stats {
        self.line.tally.stats()
    }

    /// Where `waiter` stands. Final answers can be had without the lock, from the waiter.
    ///
    /// A waiter that a sweep has claimed and not yet reached still counts as `Waiting`;
    /// `is_being_swept` tells.
    pub fn standing(&self, waiter: Pin<&Waiter<'_, S>>) -> Standing {
        self.check(waiter);
        waiter.standing()
    }

    /// Puts a waiter at the end of the line. A waiter lines up at most once in its life.
    pub fn push_back(&mut self, waiter: Pin<&Waiter<'_, S>>, missing: usize, waker: Option<Waker>) {
        self.prepare(waiter, missing, waker);
        // SAFETY: the waiter is pinned and its queue outlives it, so the node stays where it is
        // until its drop, which unlinks it; `prepare` has seen that it is in no list. We hold the
        // lock (L1).
        unsafe { self.line.waiting.push_back(NonNull::from(&waiter.get_ref().node)) };
        waiter.node.set_waiting();
    }

    /// As [`push_back`](Self::push_back), before all others: for who holds what they wait for.
    pub(crate) fn push_front(
        &mut self,
        waiter: Pin<&Waiter<'_, S>>,
        missing: usize,
        waker: Option<Waker>,
    ) {
        self.prepare(waiter, missing, waker);
        // SAFETY: as in `push_back`.
        unsafe { self.line.waiting.push_front(NonNull::from(&waiter.get_ref().node)) };
        waiter.node.set_waiting();
    }

    #[inline]
    fn prepare(&mut self, waiter: Pin<&Waiter<'_, S>>, missing: usize, waker: Option<Waker>) {
        self.check(waiter);
        assert_eq!(waiter.standing(), Standing::Idle, "a waiter can line up only once");
        let (round, since) = (self.line.tally.round, self.line.tally.joined());
        // SAFETY: it lines up only once, so it is in no list; we hold the lock (L1).
        unsafe { waiter.node.prepare(waker, missing, since, round) };
    }

    /// What the first in line lacks, if there is one.
    pub(crate) fn first_missing(&self) -> Option<usize> {
        let first = self.line.waiting.head?;
        // SAFETY: in the list that we hold the lock of.
        Some(unsafe { links(first, |links| (*links).missing) })
    }

    /// Whether a waiting waiter wakes the same task as `waker`.
    fn would_wake(&self, waiter: Pin<&Waiter<'_, S>>, waker: &Waker) -> bool {
        let node = NonNull::from(&waiter.get_ref().node);
        // SAFETY: borrowed, so alive, and in line, says the caller; we hold the lock (L1).
        unsafe {
            links(node, |links| (*links).waker.as_ref().is_some_and(|own| own.will_wake(waker)))
        }
    }

    /// Makes a waiting waiter wake `waker` from now on; returns the waker it replaces.
    fn set_waker(&mut self, waiter: Pin<&Waiter<'_, S>>, waker: Option<Waker>) -> Option<Waker> {
        assert_eq!(waiter.standing(), Standing::Waiting, "only who waits is woken");
        let node = NonNull::from(&waiter.get_ref().node);
        // SAFETY: borrowed, so alive, and in line; we hold the lock (L1).
        unsafe { links(node, |links| mem::replace(&mut (*links).waker, waker)) }
    }

    /// Takes a waiter out of the line, or out of a sweep; `None` if it was served already.
    pub fn remove(&mut self, waiter: Pin<&Waiter<'_, S>>) -> Option<Removed> {
        self.check(waiter);
        if waiter.standing() != Standing::Waiting {
            return None;
        }
        let node = NonNull::from(&waiter.get_ref().node);
        // SAFETY: waiting, so linked (L2), in the list of its round (L6); the lock is held (L1).
        unsafe {
            let (missing, round) = links(node, |links| ((*links).missing, (*links).round));
            let line = &mut *self.line;
            let list = if round == line.tally.round { &mut line.waiting } else { &mut line.swept };
            let waker = list.settle(node, Standing::Idle, &mut line.tally);
            Some(Removed { missing, _waker: waker })
        }
    }

    /// Takes a waiter that is being swept out of the sweep, as if that had come to it. Its waker.
    fn leave_sweep(&mut self, waiter: Pin<&Waiter<'_, S>>) -> Option<Waker> {
        let line = &mut *self.line;
        let node = NonNull::from(&waiter.get_ref().node);
        // SAFETY: of an older round and waiting, says the caller, so it is in this list (L6).
        unsafe { line.swept.settle(node, Standing::Swept, &mut line.tally) }
    }

    /// How much a waiter still lacked when it was taken out of the line.
    pub fn missing(&self, waiter: Pin<&Waiter<'_, S>>) -> usize {
        self.check(waiter);
        assert_ne!(waiter.standing(), Standing::Idle, "it has never been in line");
        // SAFETY: borrowed, so alive, and has been in line; we hold the lock (L1).
        unsafe { links(NonNull::from(&waiter.get_ref().node), |links| (*links).missing) }
    }

    /// Serves the first in line. The outer `None` means that nobody waits, the inner one that the
    /// waiter left no waker.
    pub fn pop_front(&mut self, standing: Standing) -> Option<Option<Waker>> {
        let line = &mut *self.line;
        let node = line.waiting.head?;
        // SAFETY: in the list that we hold the lock of.
        Some(unsafe { line.waiting.settle(node, standing, &mut line.tally) })
    }

    /// Serves the last in line, as [`pop_front`](Self::pop_front) the first.
    pub fn pop_back(&mut self, standing: Standing) -> Option<Option<Waker>> {
        let line = &mut *self.line;
        let node = line.waiting.tail?;
        // SAFETY: in the list that we hold the lock of.
        Some(unsafe { line.waiting.settle(node, standing, &mut line.tally) })
    }

    /// Deals `available` out from the front of the line, and returns what is left of it.
    ///
    /// Who gets all that was missing is `Granted`; the last one served may have got a part. Stops
    /// early when `wakers` is full.
    pub(crate) fn assign<const N: usize>(
        &mut self,
        mut available: usize,
        wakers: &mut Wakers<N>,
    ) -> usize {
        let line = &mut *self.line;
        while available > 0 && !wakers.is_full() {
            let Some(first) = line.waiting.head else { break };
            // SAFETY: in the list that we hold the lock of.
            unsafe {
                let missing = links(first, |links| {
                    let missing = (*links).missing;
                    (*links).missing = missing.saturating_sub(available);
                    missing
                });
                if missing > available {
                    return 0;
                }
                available -= missing;
                wakers.push(line.waiting.settle(first, Standing::Granted, &mut line.tally));
            }
        }
        available
    }

    /// Claims everybody now in line for a sweep (L6), in constant time.
    pub fn begin_sweep(&mut self) {
        let line = &mut *self.line;
        // SAFETY: both lists are under the lock we hold.
        unsafe { line.swept.append(&mut line.waiting) };
        line.tally.round = line.tally.round.wrapping_add(1);
    }

    /// Wakes the next of those claimed by a sweep, as [`pop_front`](Self::pop_front) does.
    pub fn pop_swept(&mut self) -> Option<Option<Waker>> {
        let line = &mut *self.line;
        let node = line.swept.head?;
        // SAFETY: in the list that we hold the lock of.
        Some(unsafe { line.swept.settle(node, Standing::Swept, &mut line.tally) })
    }

    /// Wakes everybody now in line, in batches, between which the lock is let go (L6).
    pub(crate) fn sweep(mut self) {
        if self.is_empty() {
            return; // A round of nobody need not end.
        }
        let queue = self.queue;
        let mut wakers: Wakers = Wakers::new();
        self.begin_sweep();
        loop {
            while !wakers.is_full()
                && let Some(waker) = self.pop_swept()
            {
                wakers.push(waker);
            }
            let more = self.line.swept.head.is_some();
            drop(self);
            if !more {
                return; // Wakes the last batch.
            }
            wakers.wake_all();
            self = queue.lock();
        }
    }

    /// Whether a sweep has claimed this waiter, and not yet come to it.
    pub fn is_being_swept(&self, waiter: Pin<&Waiter<'_, S>>) -> bool {
        self.check(waiter);
        if waiter.standing() != Standing::Waiting {
            return false;
        }
        let node = NonNull::from(&waiter.get_ref().node);
        // SAFETY: borrowed, so alive, and in line; we hold the lock (L1).
        let round = unsafe { links(node, |links| (*links).round) };
        round != self.line.tally.round
    }

    /// The lock must be that of the waiter's own queue: L1 depends on it.
    #[inline]
    fn check(&self, waiter: Pin<&Waiter<'_, S>>) {
        assert!(ptr::eq(self.queue, waiter.queue.as_ptr()), "the waiter belongs to another queue");
    }
}

impl<S> Deref for Locked<'_, S> {
    type Target = S;

    #[inline]
    fn deref(&self) -> &S {
        &self.line.state
    }
}

impl<S> DerefMut for Locked<'_, S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut S {
        &mut self.line.state
    }
}

impl<S> fmt::Debug for Locked<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locked").field("is_empty", &self.is_empty()).finish_non_exhaustive()
    }
}
