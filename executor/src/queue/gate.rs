//! The lock on the private parts of a queue: free for the owner, dear for whoever comes to the rescue.
//!
//! The owner is in and out millions of times a second, and what it pays is two plain stores and a load. A rescuer comes
//! when the owner has been in one poll for long ([`watch`](crate::scheduler) says when), and pays a fence on every core.
//!
//! ```text
//!              owner                           rescuer
//!   busy  := true                              claim := Taken      (from Free or Call; else somebody is here)
//!   light fence                                heavy fence
//!   claim Taken?  busy := false, wait          busy?  claim := Free, and away
//!   … the queue is ours …                      … the queue is ours …
//!   busy  := false                             claim := Free, or Call if it was found empty
//! ```
//!
//! - **Q8** The rings are touched by the owner while `busy` is set and the claim is not `Taken`, and by a rescuer while
//!   the claim is its own and it has found `busy` clear after that. Each sees the other's flag or is seen (the two
//!   fences), so never by both.
//! - **Q9** A rescuer never waits for an owner. An owner waits for a rescuer, which moves a batch and runs no foreign code.
//! - **Q10** `Call` stands for "nothing was here; say so when there is something". A push that finds it tells its caller,
//!   who clears it. So a push is seen by the rescuer that looked, or sees the `Call` that it left. What the owner puts
//!   elsewhere, where a rescuer looks when it has been here, is told of if the claim is not free, for whoever has taken it
//!   may be about to call: so it was there before the heavy fence, and is seen, or it is told of.
//!
//! # Safety
//! The rings are in an `UnsafeCell`; Q8 is the reason why every access is exclusive.

#![allow(unsafe_code)]

use crate::loom::barrier;
use crate::loom::cell::UnsafeCell;
use crate::loom::hint::spin_loop;
use crate::loom::sync::atomic::{AtomicBool, AtomicU8, Ordering::*};
use crate::loom::thread;
use std::fmt;

const FREE: u8 = 0;
/// The next push is to tell (Q10).
const CALL: u8 = 1;
/// A rescuer is here, or about to look.
const TAKEN: u8 = 2;

/// Rounds that an owner waits for a rescuer before it sleeps between them.
const PATIENT: u32 = 4_096;

/// A value with one owner, and the odd rescuer.
pub(super) struct Gated<T> {
    busy: AtomicBool,
    claim: AtomicU8,
    value: UnsafeCell<T>,
}

// SAFETY: Q8: one thread at a time has the value.
unsafe impl<T: Send> Sync for Gated<T> {}

/// What a rescuer leaves behind.
pub(super) enum Leave {
    Nothing,
    Call,
}

impl<T> Gated<T> {
    pub(super) fn new(value: T) -> Self {
        Gated {
            busy: AtomicBool::new(false),
            claim: AtomicU8::new(FREE),
            value: UnsafeCell::new(value),
        }
    }

    /// The owner's access.
    ///
    /// # Safety
    /// The caller is the one owner. It is not in here already: `f` runs no foreign code.
    #[inline(always)]
    pub(super) unsafe fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: the caller's promise.
        unsafe { self.with_call(f) }.0
    }

    /// As [`with`](Gated::with), for a push: and whether to tell of it (Q10).
    ///
    /// # Safety
    /// As for `with`.
    #[inline(always)]
    pub(super) unsafe fn with_call<R>(&self, f: impl FnOnce(&mut T) -> R) -> (R, bool) {
        // Relaxed: ordered by the fence.
        self.busy.store(true, Relaxed);
        // Q8: pairs with the heavy fence in `rescue`.
        barrier::light();
        // Acquire: pairs with the Release at the end of `rescue`: what it moved is gone for us, too.
        let mut claim = self.claim.load(Acquire);
        if claim == TAKEN {
            claim = self.wait();
        }
        // SAFETY: Q8.
        let result = self.value.with_mut(|value| f(unsafe { &mut *value }));
        // Release: pairs with the Acquire in `rescue`.
        self.busy.store(false, Release);
        (result, claim == CALL)
    }

    /// Q9. What the claim is then.
    #[cold]
    fn wait(&self) -> u8 {
        let mut rounds = 0_u32;
        loop {
            // Relaxed: nothing was done since it was set.
            self.busy.store(false, Relaxed);
            while self.claim.load(Relaxed) == TAKEN {
                rounds = rounds.saturating_add(1);
                // The rescuer may have lost its core, and may get it back only if nobody of a higher priority wants it.
                match rounds {
                    PATIENT.. => thread::nap(),
                    _ if rounds.is_multiple_of(64) => thread::yield_now(),
                    _ => spin_loop(),
                }
            }
            self.busy.store(true, Relaxed);
            // As in `with_call`.
            barrier::light();
            let claim = self.claim.load(Acquire);
            if claim != TAKEN {
                return claim;
            }
        }
    }

    /// Q10: from now on the owner's next push tells. Owner only.
    pub(super) fn call(&self) -> bool {
        // Relaxed: a flag of the owner's own.
        match self.claim.compare_exchange(FREE, CALL, Relaxed, Relaxed) {
            Ok(_) => true,
            Err(claim) => claim == CALL,
        }
    }

    /// Takes the call back. Owner only.
    pub(super) fn take_call(&self) {
        // Relaxed: as above.
        let _ = self.claim.compare_exchange(CALL, FREE, Relaxed, Relaxed);
    }

    /// Whether the next push will tell.
    pub(super) fn is_called(&self) -> bool {
        // Relaxed: after the caller's fence.
        self.claim.load(Relaxed) == CALL
    }

    /// Whether what the owner has just put elsewhere has to be told of (Q10). Owner only.
    #[inline]
    pub(super) fn wants_to_know(&self) -> bool {
        // Q10: pairs with the heavy fence in `rescue`, after which the rescuer looks.
        barrier::light();
        // Relaxed: ordered by the fence.
        self.claim.load(Relaxed) != FREE
    }

    /// A rescuer's access. `None` if the owner is here, or another rescuer.
    pub(super) fn rescue<R>(&self, f: impl FnOnce(&mut T) -> (R, Leave)) -> Option<R> {
        // Relaxed: a look.
        let found = self.claim.load(Relaxed);
        // Acquire: pairs with the Release of the rescuer before us.
        if found == TAKEN || self.claim.compare_exchange(found, TAKEN, Acquire, Relaxed).is_err() {
            return None;
        }
        // Q8: pairs with the light fence in `with`.
        let is_ordered = barrier::heavy();
        // Acquire: pairs with the Release at the end of `with`.
        if !is_ordered || self.busy.load(Acquire) {
            // Release, here and below: pairs with the Acquire of the next rescuer and of the owner.
            // Not what it was: whoever pushed onto a call while we had it could not take it back.
            self.claim.store(FREE, Release);
            return None;
        }
        // SAFETY: Q8.
        let (result, leave) = self.value.with_mut(|value| f(unsafe { &mut *value }));
        let claim = match leave {
            Leave::Nothing => FREE,
            Leave::Call => CALL,
        };
        self.claim.store(claim, Release);
        Some(result)
    }
}

impl<T> fmt::Debug for Gated<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gated").field("claim", &self.claim).finish_non_exhaustive()
    }
}
