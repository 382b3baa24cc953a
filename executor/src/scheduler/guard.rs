//! Where the guard sleeps, and what it has to do with its reliefs ([`relief`](super::relief) has the rules).

use super::park::Parker;
use crate::loom::left_out;
use crate::loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*, fence};
use raddle_sync::Notify;
use std::pin::pin;
use std::time::Instant;

/// What everybody else sees of the guard.
#[derive(Debug)]
pub struct Guard {
    /// Whether somebody has to wake it (P18).
    asleep: AtomicBool,
    bed: Parker,
    /// Reliefs that have been sent for and not gone, and those of them that have not come up yet.
    reliefs: AtomicUsize,
    coming: AtomicUsize,
    /// How many are to go; whoever is free first. And how they hear of it.
    dismissals: AtomicUsize,
    told: Notify,
}

/// More than there can be reliefs.
const ALL: usize = usize::MAX / 2;

impl Guard {
    /// Awake, with nobody on duty.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Guard {
        Guard {
            asleep: AtomicBool::new(false),
            bed: Parker::new(),
            reliefs: AtomicUsize::new(0),
            coming: AtomicUsize::new(0),
            dismissals: AtomicUsize::new(0),
            told: Notify::new(),
        }
    }

    /// P18: to bed, until somebody finds that it `is_needed`; not if it is already.
    pub fn sleep(&self, is_needed: impl FnOnce() -> bool) {
        // Relaxed, here and below: ordered by the fences.
        self.asleep.store(true, Relaxed);
        // P18: pairs with the fence in `rouse`.
        fence(SeqCst);
        if !is_needed() {
            self.bed.park(None);
        }
        self.asleep.store(false, Relaxed);
    }

    /// P18: the caller has become active.
    #[inline]
    pub fn rouse(&self, is_needed: impl FnOnce() -> bool) {
        // P18: pairs with the fence in `sleep`. Before all the looks: the limit, too, is what the guard has seen, or later.
        fence(SeqCst);
        if is_needed() && self.asleep.load(Relaxed) && self.asleep.swap(false, Relaxed) {
            self.wake();
        }
    }

    /// Ends its sleep or its nap.
    pub(super) fn wake(&self) {
        // It is never in the driver.
        let _ = self.bed.unpark();
    }

    pub(super) fn nap_until(&self, until: Instant) {
        self.bed.park(Some(until));
    }

    // Relaxed, for the counts: the guard alone decides by them, and who is late is counted at its next look.

    /// One is on its way.
    pub fn sends_for_one(&self) {
        self.reliefs.fetch_add(1, Relaxed);
        self.coming.fetch_add(1, Relaxed);
    }

    pub(super) fn nobody_came(&self) {
        self.coming.fetch_sub(1, Relaxed);
        self.has_gone();
    }

    /// One that was sent for has gone.
    pub fn has_gone(&self) {
        self.reliefs.fetch_sub(1, Relaxed);
    }

    /// How many have been sent for and not gone.
    pub fn reliefs(&self) -> usize {
        self.reliefs.load(Relaxed)
    }

    pub(super) fn is_one_coming(&self) -> bool {
        self.coming.load(Relaxed) > 0
    }

    /// One of the reliefs may go.
    pub fn dismiss_one(&self) {
        self.dismissals.fetch_add(1, Relaxed);
        self.tell_reliefs();
    }

    /// All of them may go.
    pub fn dismiss_all(&self) {
        self.dismissals.store(ALL, Relaxed);
        self.tell_reliefs();
    }

    /// Has every relief that is not in a task look up.
    pub(super) fn tell_reliefs(&self) {
        self.told.notify_waiters();
    }

    /// A relief's root future: it is in its slot, until it is dismissed.
    pub async fn duty(&self) {
        self.coming.fetch_sub(1, Relaxed);
        loop {
            let mut told = pin!(self.told.notified());
            told.as_mut().enable();
            // P20: after it, or a dismissal that comes in between would not be heard of.
            if !left_out("P20") && self.take_dismissal() {
                return;
            }
            told.await;
        }
    }

    /// Whether somebody is to go: the caller, or, for the guard, nobody any more.
    pub fn take_dismissal(&self) -> bool {
        // Relaxed: `told` was enabled before, and its lock orders the two.
        let mut count = self.dismissals.load(Relaxed);
        while count > 0 {
            match self.dismissals.compare_exchange(count, count - 1, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(now) => count = now,
            }
        }
        false
    }
}
