//! Locks and atomics: `parking_lot` and `std` in a program, loom's under `cfg(loom)`.
//!
//! The only file of the crate that knows of loom. [`Arc`](std::sync::Arc) is the standard one in both worlds: it is
//! part of the public interface, and no rule of this crate depends on how references are counted.

#[cfg(not(loom))]
pub(crate) use parking_lot::Mutex;
#[cfg(not(loom))]
pub(crate) use std::hint::spin_loop;
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering, fence};

/// A lock that no model explores: nothing depends on who comes first, and no thread is stopped while it holds it.
pub(crate) use parking_lot::Mutex as Unobserved;

#[cfg(loom)]
pub(crate) use loom::hint::spin_loop;
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};

/// loom's mutex with `parking_lot`'s signature.
#[cfg(loom)]
#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

#[cfg(loom)]
impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What the models of `tests/loom/timer.rs` look at: all of it is public in any case.
#[cfg(loom)]
pub mod internals {
    pub use crate::{ManualClock, PausableClock, Sleep, Timer};
}
