//! Where this crate gets its atomics, locks, cells and threads: std and parking_lot, or loom.
//!
//! With `--cfg loom` the whole crate runs on loom's types, so that code built on it can be
//! model-checked, the `blocking_*` functions included. Everything that depends on the cfg is here.
//!
//! Hidden, because it is no interface: who checks a crate of their own takes loom's types from loom,
//! and ours as they are. How, is in `docs/loom-for-users.md`.

#[cfg(not(loom))]
mod chosen {
    pub use crate::short_lock::{ShortGuard, ShortLock};
    pub use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
    pub use std::sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicUsize, Ordering},
    };
    use std::{hint, thread, time::Duration};

    /// The wait of a thread that has found a short lock taken `round` times before, at first of so many spins.
    pub fn wait_a_little(round: u32, spins: u8) {
        match round {
            0..3 => (0..spins).for_each(|_| hint::spin_loop()),
            3..16 => thread::yield_now(),
            // From 50 microseconds to 1.6 milliseconds, and never much longer than the wait so far.
            _ => thread::sleep(Duration::from_micros(50 << (round - 16).min(5))),
        }
    }

    /// How many rounds of looking again a lock begins with, and how often each of them looks: a holder
    /// that has just let go may be back, and gone again at once.
    pub const FIRST_ROUNDS: u16 = 12;
    pub const LOOKS: u8 = 4;

    /// The pause before the looks of a round: four that take about a microsecond each in the mean, then
    /// the thread is given up.
    pub fn pause(round: u16) {
        match round {
            0..4 => (0..16 << round).for_each(|_| hint::spin_loop()),
            _ => thread::yield_now(),
        }
    }

    /// How many wakers are taken before a lock is let go. Bounds the time under the lock.
    pub const WAKE_BATCH: usize = 32;

    /// Whether a step that a rule demands is to be left out. Never, except in negative controls of
    /// the models.
    #[inline(always)]
    pub const fn left_out(_rule: &str) -> bool {
        false
    }

    /// Where models may look closely at what others do between two steps.
    #[inline(always)]
    pub const fn window(_rule: &str) {}

    /// Lets the thread that made it sleep until it is unparked; an early unpark is remembered.
    #[derive(Debug)]
    pub struct Parker {
        thread: thread::Thread,
        unparked: AtomicBool,
    }

    impl Parker {
        pub fn of_this_thread() -> Self {
            Self { thread: thread::current(), unparked: AtomicBool::new(false) }
        }

        pub fn park(&self) {
            // Acquire: pairs with the Release in `unpark`. A token left by somebody else's unpark
            // may end a park early: hence the loop.
            while !self.unparked.swap(false, Ordering::Acquire) {
                thread::park();
            }
        }

        pub fn unpark(&self) {
            // Release: pairs with the Acquire in `park`: who wakes up sees what came before.
            self.unparked.store(true, Ordering::Release);
            self.thread.unpark();
        }
    }

    /// A cell that is entered through closures, so that loom can watch who is inside.
    #[derive(Debug)]
    pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        #[inline]
        pub const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        #[inline]
        pub fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
            access(self.0.get())
        }

        #[inline]
        pub fn with<R>(&self, access: impl FnOnce(*const T) -> R) -> R {
            access(self.0.get())
        }
    }

    /// Declares a constructor that is `const`, except under loom.
    macro_rules! const_fn {
        ($(#[$attr:meta])* $vis:vis fn $($rest:tt)*) => { $(#[$attr])* $vis const fn $($rest)* };
    }

    /// Declares a thread-local `Cell<u8>`.
    macro_rules! thread_local_u8 {
        ($name:ident, $value:expr) => {
            std::thread_local! {
                static $name: std::cell::Cell<u8> = const { std::cell::Cell::new($value) };
            }
        };
    }

    pub(crate) use {const_fn, thread_local_u8};
}

#[cfg(loom)]
mod chosen {
    pub use loom::{
        cell::UnsafeCell,
        sync::{
            Arc, MutexGuard, RwLockReadGuard, RwLockWriteGuard,
            atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicUsize, Ordering},
        },
    };

    /// The short lock has a model of its own; those of its users need not see it spin.
    pub type ShortLock<T> = Mutex<T>;
    pub type ShortGuard<'a, T> = MutexGuard<'a, T>;

    pub fn wait_a_little(_round: u32, _spins: u8) {
        loom::thread::yield_now();
    }

    /// One look is as good as many.
    pub const FIRST_ROUNDS: u16 = 1;
    pub const LOOKS: u8 = 1;

    pub fn pause(_round: u16) {}

    /// Small, so that models see the lock let go between batches.
    pub const WAKE_BATCH: usize = 1;

    type Name = std::thread::LocalKey<std::cell::Cell<&'static str>>;

    std::thread_local! {
        static LEFT_OUT: std::cell::Cell<&'static str> = const { std::cell::Cell::new("") };
        static OPEN: std::cell::Cell<&'static str> = const { std::cell::Cell::new("") };
    }

    /// Whether the step that `rule` demands is to be left out, in the model that this thread runs.
    pub fn left_out(rule: &str) -> bool {
        LEFT_OUT.get() == rule
    }

    /// Runs a model of this crate without the step that `rule` demands: to see it fail. (All threads
    /// of a model are run by the one that called `loom::model`.)
    pub fn leaving_out(rule: &'static str, model: impl FnOnce()) {
        with(&LEFT_OUT, rule, model);
    }

    /// Lets the others go on in the window between the steps that `rule` is about, in the model that
    /// this thread runs.
    pub fn window(rule: &str) {
        if OPEN.get() == rule {
            loom::thread::yield_now();
        }
    }

    /// Runs a model of this crate with a window open, which loom would overlook: of the accesses to an
    /// atomic it remembers the last, so a thread that loads before it stores hides who loaded before
    /// it, and the order in which that one comes late is not tried.
    pub fn opening(rule: &'static str, model: impl FnOnce()) {
        with(&OPEN, rule, model);
    }

    fn with(name: &'static Name, rule: &'static str, model: impl FnOnce()) {
        struct Restore(&'static Name);
        impl Drop for Restore {
            fn drop(&mut self) {
                self.0.set("");
            }
        }
        name.set(rule);
        let _restore = Restore(name);
        model();
    }

    /// loom's mutex behind parking_lot's signatures: a panic under the lock does not poison it.
    #[derive(Debug)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        /// As a short lock; there is no waiting here.
        pub fn with_spins(_spins: u8, value: T) -> Self {
            Self::new(value)
        }

        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }

    /// loom's lock for one writer or many readers, as above.
    #[derive(Debug)]
    pub struct RwLock<T>(loom::sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub fn new(value: T) -> Self {
            Self(loom::sync::RwLock::new(value))
        }

        pub fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        pub fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
            self.0.try_read().ok()
        }
    }

    /// With a condition variable: loom forgets the token of an unparked thread that then meets a
    /// lock.
    #[derive(Debug)]
    pub struct Parker {
        unparked: Mutex<bool>,
        changed: loom::sync::Condvar,
    }

    impl Parker {
        pub fn of_this_thread() -> Self {
            Self { unparked: Mutex::new(false), changed: loom::sync::Condvar::new() }
        }

        pub fn park(&self) {
            let mut unparked = self.unparked.lock();
            while !std::mem::take(&mut *unparked) {
                unparked =
                    self.changed.wait(unparked).unwrap_or_else(std::sync::PoisonError::into_inner);
            }
        }

        pub fn unpark(&self) {
            *self.unparked.lock() = true;
            self.changed.notify_one();
        }
    }

    macro_rules! const_fn {
        ($(#[$attr:meta])* $vis:vis fn $($rest:tt)*) => { $(#[$attr])* $vis fn $($rest)* };
    }

    macro_rules! thread_local_u8 {
        ($name:ident, $value:expr) => {
            loom::thread_local! {
                static $name: std::cell::Cell<u8> = std::cell::Cell::new($value);
            }
        };
    }

    pub(crate) use {const_fn, thread_local_u8};
}

pub use chosen::*;

/// What the models look at besides the public types.
#[cfg(loom)]
pub mod internals {
    pub use crate::{
        blocking::block_on,
        loom::{leaving_out, opening},
        patience::{Look, Patience},
        short_lock::ShortLock as RealShortLock,
        wait_list::{Locked, Standing, WaitQueue, Waiter},
    };
}
