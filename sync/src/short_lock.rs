//! A lock for a few instructions: taken with one read-modify-write, let go with a plain store.
//!
//! parking_lot's costs a second read-modify-write to let go, because it has to find out whether
//! somebody sleeps. Here nobody sleeps in the lock: who finds it taken looks again, at first at
//! once, then after giving its thread up, then after naps.
//!
//! - **K1** `held` is true exactly while there is a guard. The value is touched through the guard
//!   only.
//! - **K2** Under it there are moves of values, arithmetic, and at most the growth of a buffer or a look
//!   at the clock: no foreign code, nothing that waits, no other lock but one of this kind, in one
//!   order: that of a line before an inbox, and D1.
//!
//! Feared: the holder is preempted, and those who wait burn its processor. By K2 it holds the lock
//! for some ten nanoseconds, so this is rare; and who waits for longer than a few microseconds
//! naps, for longer and longer, so the holder gets to run even if those who wait have real-time
//! priority on its only processor. There is no live-lock; what there is, is the inversion that every
//! lock without inheritance of priorities has: if threads of a middle priority take all processors,
//! the holder waits for them, and so do those who wait for it. Measured beside a loaded system, with
//! four `SCHED_FIFO` waiters and an ordinary holder on one processor: a lock per 0.8 ms and waiter,
//! and 46 ms at worst, which is the time the holder itself was given no processor.
//!
//! How long the first looks stay away, each lock is told when it is made: see [`LONG`] and [`SHORT`].
//!
//! Not fair either: a thread that takes it again and again, with hardly a pause, may keep out one
//! that naps. By K2 it has no reason to.
//!
//! Rejected: sleeping in the lock. That takes a second read-modify-write to let go, to find out
//! whether somebody sleeps, which is what this lock is there to save.
//!
//! # Safety
//! The cell is entered only by the guard, of which there is one (K1).
#![allow(unsafe_code)]
#![allow(unreachable_pub, reason = "the models reach it through loom::internals")]

use crate::loom::{AtomicBool, Ordering, UnsafeCell, const_fn, wait_a_little};
use std::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

/// Spin hints between the first looks at a lock that two threads take in turn at every step: long enough for the
/// holder to take it a few times more without losing its line, which costs more than the wait. And long enough for a
/// line of waiters to run empty behind the holder of a mutex.
pub const LONG: u8 = 64;
/// The same where the holder will not be back at once, and is waited for as long as it stays.
pub const SHORT: u8 = 8;

/// A lock that spins, and naps if it has to. What it guards is quick by rule K2.
pub struct ShortLock<T> {
    held: AtomicBool,
    /// For the first looks at a lock that was found taken.
    spins: u8,
    value: UnsafeCell<T>,
}

// SAFETY: as a mutex: the value is reached by one thread at a time (K1), so it has to be `Send`.
unsafe impl<T: Send> Send for ShortLock<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for ShortLock<T> {}

impl<T> ShortLock<T> {
    const_fn! {
        /// A lock that is free, and who finds it taken stays away for long.
        pub fn new(value: T) -> Self {
            Self::with_spins(LONG, value)
        }
    }

    const_fn! {
        /// A lock that is free, and who finds it taken looks again after so many spin hints.
        pub fn with_spins(spins: u8, value: T) -> Self {
            Self { held: AtomicBool::new(false), spins, value: UnsafeCell::new(value) }
        }
    }

    /// Waits until the lock is free, and takes it.
    #[inline]
    pub fn lock(&self) -> ShortGuard<'_, T> {
        if !self.take() {
            self.wait();
        }
        ShortGuard { lock: self, _this_thread: PhantomData }
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<ShortGuard<'_, T>> {
        // In a closure: a guard that is made before it is known whether the lock is ours would let go, when
        // it is dropped, of what somebody else has (K1).
        self.take().then(|| ShortGuard { lock: self, _this_thread: PhantomData })
    }

    #[inline]
    fn take(&self) -> bool {
        // Acquire: pairs with the Release in the guard's drop.
        self.held.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Returns when it has taken the lock.
    #[cold]
    fn wait(&self) {
        let mut round = 0;
        loop {
            wait_a_little(round, self.spins);
            // Relaxed: only to leave the line to its holder until there is a chance.
            if !self.held.load(Ordering::Relaxed) && self.take() {
                return;
            }
            round = round.saturating_add(1);
        }
    }
}

impl<T> fmt::Debug for ShortLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShortLock").finish_non_exhaustive()
    }
}

/// The right to the value (K1).
pub struct ShortGuard<'a, T> {
    lock: &'a ShortLock<T>,
    _this_thread: PhantomData<*const ()>,
}

impl<T> Deref for ShortGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: K1: we are the guard; the cell lives as long as the lock.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T> DerefMut for ShortGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: K1: we are the guard, and borrowed exclusively.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T> Drop for ShortGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `take`.
        self.lock.held.store(false, Ordering::Release);
    }
}

impl<T: fmt::Debug> fmt::Debug for ShortGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_in_vain_leaves_the_lock_to_its_holder() {
        let lock = ShortLock::new(0);
        let held = lock.lock();
        assert!(lock.try_lock().is_none());
        assert!(lock.try_lock().is_none(), "the look before it has let go of the lock");
        drop(held);
        assert!(lock.try_lock().is_some());
    }
}
