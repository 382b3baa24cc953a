//! Atomics, locks, threads and deques: the real ones in a program, loom's under `cfg(loom)`. The only folder of the
//! crate that knows of loom.

#[cfg(loom)]
mod deque;

/// Work-stealing deques and the injector.
pub(crate) mod deques {
    #[cfg(loom)]
    pub(crate) use super::deque::{Injector, Steal, Stealer, Worker};
    #[cfg(not(loom))]
    pub(crate) use crossbeam_deque::{Injector, Steal, Stealer, Worker};
}

/// Atomics and locks.
pub(crate) mod sync {
    #[cfg(loom)]
    pub(crate) use self::model::*;
    #[cfg(not(loom))]
    pub(crate) use parking_lot::{Condvar, Mutex};

    /// Atomics that a model explores.
    pub(crate) mod atomic {
        #[cfg(loom)]
        pub(crate) use loom::sync::atomic::*;
        #[cfg(not(loom))]
        pub(crate) use std::sync::atomic::*;
    }

    /// Atomics in statics, which no model explores: ids and the like, where any interleaving is right.
    pub(crate) mod global {
        pub(crate) use std::sync::atomic::AtomicU64;
    }

    #[cfg(loom)]
    mod model {
        use std::time::Instant;

        /// loom's mutex with `parking_lot`'s signatures.
        #[derive(Debug, Default)]
        pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);
        pub(crate) type MutexGuard<'a, T> = loom::sync::MutexGuard<'a, T>;

        impl<T> Mutex<T> {
            pub(crate) fn new(value: T) -> Self {
                Mutex(loom::sync::Mutex::new(value))
            }

            pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
                self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
            }

            pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
                self.0.try_lock().ok()
            }
        }

        /// loom's condition variable with `parking_lot`'s signatures. Time does not pass in a model: a timed wait
        /// waits for its notification.
        #[derive(Debug, Default)]
        pub(crate) struct Condvar(loom::sync::Condvar);

        impl Condvar {
            pub(crate) fn new() -> Self {
                Condvar(loom::sync::Condvar::new())
            }

            pub(crate) fn notify_one(&self) {
                self.0.notify_one();
            }

            pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
                // SAFETY-free trick: loom's `wait` takes the guard by value, so move it through a closure that puts
                // the one it returns back.
                replace_with(guard, |guard| {
                    self.0.wait(guard).unwrap_or_else(std::sync::PoisonError::into_inner)
                });
            }

            pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: Instant) {
                self.wait(guard);
            }
        }

        /// Replaces `*place` by a function of it. Aborts if the function panics, as nothing is left to put back.
        #[allow(unsafe_code)]
        fn replace_with<T>(place: &mut T, f: impl FnOnce(T) -> T) {
            struct Abort;
            impl Drop for Abort {
                fn drop(&mut self) {
                    std::process::abort();
                }
            }
            // SAFETY: the value read is written back before anybody can see the place; a panic in between aborts.
            unsafe {
                let abort = Abort;
                let value = f(std::ptr::read(place));
                std::ptr::write(place, value);
                std::mem::forget(abort);
            }
        }
    }
}

/// `UnsafeCell` with loom's interface.
pub(crate) mod cell {
    #[cfg(loom)]
    pub(crate) use loom::cell::UnsafeCell;

    #[cfg(not(loom))]
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    #[cfg(not(loom))]
    impl<T> UnsafeCell<T> {
        #[inline]
        pub(crate) const fn new(value: T) -> Self {
            UnsafeCell(std::cell::UnsafeCell::new(value))
        }

        #[inline]
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

/// What the models look at.
#[cfg(loom)]
pub mod internals {
    pub use crate::queue::{Inject, Local, Steal, Stealer};
    pub use crate::scheduler::idle::{Idle, Searching};
    pub use crate::scheduler::park::Parker;
    pub use crate::task::state::{Completed, DropHandle, Finish, Snapshot, Start, State, Wake};
}
