//! Atomics, fences, locks, cells, memory and deques: the real ones in a program, loom's under `cfg(loom)`. The only folder of
//! the crate that knows of loom.

pub(crate) mod barrier;
#[cfg(loom)]
mod checked;
#[cfg(loom)]
mod deque;
#[cfg(loom)]
pub mod internals;

#[cfg(loom)]
pub(crate) use checked::{has_failed, left_out};

/// Whether a step that a rule demands is to be left out. Never, except in negative controls of the models.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) const fn left_out(_rule: &str) -> bool {
    false
}

/// Whether a model has failed: destructors leave everything as it is then.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) const fn has_failed() -> bool {
    false
}

/// Whether threads keep the blocks of finished tasks. In a model every task has a block of its own, so that loom counts
/// it, and under Miri, so that it sees who uses one that was freed.
pub(crate) const KEEP_BLOCKS: bool = cfg!(not(any(loom, miri)));

/// How many places the first room of a list of tasks has, a power of two, and how many rooms there may be. A model has few
/// tasks, and explores every place.
pub(crate) const FIRST_ROOM: usize = if cfg!(loom) { 2 } else { 64 };
pub(crate) const ROOMS: usize = if cfg!(loom) { 3 } else { 25 };
/// Rooms that are kept when the last task has gone: 4,032 places in all.
pub(crate) const KEPT_ROOMS: usize = if cfg!(loom) { 0 } else { 6 };

/// Memory of tasks, counted by a model.
pub(crate) mod alloc {
    #[cfg(loom)]
    pub(crate) use super::checked::{alloc, dealloc};
    #[cfg(not(loom))]
    pub(crate) use std::alloc::{alloc, dealloc};
}

/// Threads, as far as `block_on` knows them.
pub(crate) mod thread {
    #[cfg(loom)]
    pub(crate) use loom::thread::yield_now as nap;
    #[cfg(loom)]
    pub(crate) use loom::thread::{Thread, ThreadId, current, park, yield_now};
    #[cfg(not(loom))]
    pub(crate) use std::thread::{Thread, ThreadId, current, park, yield_now};

    /// Lets everybody else have this core for a moment, also those of a lower priority.
    #[cfg(not(loom))]
    pub(crate) fn nap() {
        std::thread::sleep(std::time::Duration::from_micros(50));
    }
}

/// loom's `thread_local!` for initializers that are constants.
#[cfg(loom)]
macro_rules! model_thread_local {
    (static $name:ident: $type:ty = const $init:block;) => {
        loom::thread_local! { static $name: $type = $init; }
    };
}

#[cfg(loom)]
pub(crate) use model_thread_local as thread_local;
#[cfg(not(loom))]
pub(crate) use std::thread_local;

/// In a retry loop: lets the others get on.
pub(crate) mod hint {
    #[cfg(loom)]
    pub(crate) use loom::hint::spin_loop;
    #[cfg(not(loom))]
    pub(crate) use std::hint::spin_loop;
}

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
    pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};

    /// Atomics that a model explores.
    pub(crate) mod atomic {
        #[cfg(loom)]
        pub(crate) use super::super::checked::{AtomicPtr, AtomicU64, fence};
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
        use loom::sync::atomic::{AtomicBool, Ordering::*};
        use std::ops::{Deref, DerefMut};
        use std::time::Instant;

        /// loom's mutex with `parking_lot`'s signatures, for users who either always `lock` or always `try_lock`.
        #[derive(Debug, Default)]
        pub(crate) struct Mutex<T> {
            mutex: loom::sync::Mutex<T>,
            /// loom's own `try_lock` may block when another thread locks first.
            tried: AtomicBool,
        }

        /// `None` only while a `Condvar` has it.
        pub(crate) struct MutexGuard<'a, T> {
            held: Option<loom::sync::MutexGuard<'a, T>>,
            tried: Option<&'a AtomicBool>,
        }

        const HELD: &str = "held, except within a wait";

        impl<T> Mutex<T> {
            pub(crate) fn new(value: T) -> Self {
                Mutex { mutex: loom::sync::Mutex::new(value), tried: AtomicBool::new(false) }
            }

            pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
                let held = self.mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                MutexGuard { held: Some(held), tried: None }
            }

            pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
                // AcqRel, and an exchange below, too: loom orders two exchanges by what they read, but one that failed and
                // a plain store after it not at all, and the lock might stay taken.
                let free = !self.tried.swap(true, AcqRel);
                free.then(|| {
                    let mut guard = self.lock();
                    guard.tried = Some(&self.tried);
                    guard
                })
            }
        }

        impl<T> Drop for MutexGuard<'_, T> {
            fn drop(&mut self) {
                self.held = None;
                // Not from a deadlock, in which loom does no more.
                if let Some(tried) = self.tried.filter(|_| !std::thread::panicking()) {
                    tried.swap(false, AcqRel);
                }
            }
        }

        impl<T> Deref for MutexGuard<'_, T> {
            type Target = T;

            fn deref(&self) -> &T {
                self.held.as_ref().expect(HELD)
            }
        }

        impl<T> DerefMut for MutexGuard<'_, T> {
            fn deref_mut(&mut self) -> &mut T {
                self.held.as_mut().expect(HELD)
            }
        }

        /// loom's condition variable with `parking_lot`'s signatures. In a model nothing happens during a timed wait: it
        /// ends at once, and then it is a second later (`checked::now`).
        #[derive(Debug, Default)]
        pub(crate) struct Condvar(loom::sync::Condvar);

        /// As `parking_lot::WaitTimeoutResult`.
        pub(crate) struct TimedOut;

        impl TimedOut {
            pub(crate) fn timed_out(&self) -> bool {
                true
            }
        }

        impl Condvar {
            pub(crate) fn new() -> Self {
                Condvar(loom::sync::Condvar::new())
            }

            pub(crate) fn notify_one(&self) {
                self.0.notify_one();
            }

            pub(crate) fn notify_all(&self) {
                self.0.notify_all();
            }

            pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
                let held = guard.held.take().expect(HELD);
                let held = self.0.wait(held).unwrap_or_else(std::sync::PoisonError::into_inner);
                guard.held = Some(held);
            }

            pub(crate) fn wait_until<T>(&self, _: &mut MutexGuard<'_, T>, _: Instant) -> TimedOut {
                super::super::checked::advance_clock();
                // Who naps and looks, again and again, lets the others get on meanwhile.
                loom::thread::yield_now();
                TimedOut
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
