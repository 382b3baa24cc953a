//! The seam between the real world and the model checker; the only file of this crate that names `cfg(loom)`.
//!
//! What is modelled is one source: its readiness word and its waiters. The registry and the selectors below it use
//! the same `Mutex`, but no model runs them.

#[cfg(not(loom))]
mod imp {
    pub use std::sync::atomic::AtomicU64;

    /// A lock without poisoning.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(parking_lot::Mutex<T>);

    impl<T> Mutex<T> {
        /// A lock around `value`.
        pub const fn new(value: T) -> Self {
            Self(parking_lot::Mutex::new(value))
        }

        /// Waits for the lock.
        pub fn lock(&self) -> parking_lot::MutexGuard<'_, T> {
            self.0.lock()
        }
    }
}

#[cfg(loom)]
mod imp {
    pub use loom::sync::atomic::AtomicU64;

    /// A lock without poisoning.
    #[derive(Debug)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// A lock around `value`.
        pub fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        /// Waits for the lock.
        pub fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }
}

pub use imp::{AtomicU64, Mutex};

/// What the models in `tests/loom/readiness.rs` reach into.
#[cfg(loom)]
pub mod internals {
    pub use super::{AtomicU64, Mutex};
    pub use crate::readiness::{Readiness, Snapshot};
    pub use crate::source::{Arming, Direction, Source};
    pub use crate::sys::Fd;
}
