//! A mutex whose lock is awaited, and may be held across an await.
//!
//! It is one permit and a cell: whoever holds the permit has the cell. Unlocking while somebody
//! waits hands the permit to the first in line (rules M and L of the permits and the wait list).
//!
//! # Safety
//! The cell is entered only through guards, and a guard exists only while its permit is taken: M3
//! says that one permit is never held twice. What the last holder wrote is visible to the next,
//! because the permit's way from one to the other is a Release followed by an Acquire.
#![allow(unsafe_code)]

mod guard;
mod mapped;

pub use guard::{MutexGuard, OwnedMutexGuard};
pub use mapped::{MappedMutexGuard, OwnedMappedMutexGuard};

use crate::{
    acquire::Acquire,
    blocking::{block_on, expect_may_block},
    budget,
    error::TryLockError,
    loom::const_fn,
    permits::Permits,
    stats::Stats,
};
use std::{cell::UnsafeCell, fmt, sync::Arc};

/// A value that one task at a time may use, in the order of asking.
///
/// The guard may be held across an await. Where it is not, and the sections are short, a mutex of
/// the standard library does the same for less.
///
/// Locking is fair: an unlock hands the mutex to whoever waits longest, and only
/// [`try_lock`](Self::try_lock) could come in between. Who finds it locked, and nobody in line, looks
/// again for some microseconds before getting in line, as long as that pays at this mutex. Uncontended,
/// lock and unlock are one atomic operation each. There is no poisoning: a panic unlocks the mutex and
/// leaves the value as it is.
///
/// Works on any executor, and from plain threads through [`blocking_lock`](Self::blocking_lock).
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// use raddle_sync::Mutex;
///
/// static VISITORS: Mutex<Vec<&str>> = Mutex::new(Vec::new());
///
/// VISITORS.lock().await.push("Ada");
/// assert_eq!(*VISITORS.lock().await, ["Ada"]);
/// # });
/// ```
pub struct Mutex<T: ?Sized> {
    permits: Permits,
    value: UnsafeCell<T>,
}

// SAFETY: sharing the mutex lets any thread take `&mut T` or move the value out, one at a time
// (M3): so `T` has to be `Send`, and need not be `Sync`.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    const_fn! {
        /// An unlocked mutex around `value`.
        ///
        /// # Examples
        /// ```
        /// static COUNT: raddle_sync::Mutex<u32> = raddle_sync::Mutex::new(0);
        /// assert_eq!(*COUNT.try_lock().unwrap(), 0);
        /// ```
        pub fn new(value: T) -> Self {
            Self { permits: Permits::new(1), value: UnsafeCell::new(value) }
        }
    }

    const_fn! {
        /// Another name for [`new`](Self::new), which is `const` itself.
        ///
        /// # Examples
        /// ```
        /// static COUNT: raddle_sync::Mutex<u32> = raddle_sync::Mutex::const_new(0);
        /// assert_eq!(*COUNT.try_lock().unwrap(), 0);
        /// ```
        pub fn const_new(value: T) -> Self {
            Self::new(value)
        }
    }

    /// The value, which nobody else can use any more.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(raddle_sync::Mutex::new(3).into_inner(), 3);
    /// ```
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits for the mutex.
    ///
    /// # Cancel safety
    /// Dropping this future leaves the mutex alone, and gives up the place in line.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let count = raddle_sync::Mutex::new(0);
    /// *count.lock().await += 1;
    /// assert_eq!(count.into_inner(), 1);
    /// # });
    /// ```
    pub async fn lock(&self) -> MutexGuard<'_, T> {
        if !self.acquire_at_once() {
            self.acquire().await;
        }
        MutexGuard::new(self)
    }

    /// Takes the mutex if it is free.
    ///
    /// # Errors
    /// [`TryLockError`] if somebody holds it, or is about to.
    ///
    /// # Examples
    /// ```
    /// let lock = raddle_sync::Mutex::new(1);
    /// let guard = lock.try_lock().unwrap();
    /// assert!(lock.try_lock().is_err());
    /// # drop(guard);
    /// ```
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        self.permits.try_acquire(1).map_err(|_| TryLockError::new())?;
        Ok(MutexGuard::new(self))
    }

    /// Waits for the mutex on this thread, which sleeps meanwhile.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Examples
    /// ```
    /// let count = raddle_sync::Mutex::new(0);
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| *count.blocking_lock() += 1);
    /// });
    /// assert_eq!(count.into_inner(), 1);
    /// ```
    #[track_caller]
    pub fn blocking_lock(&self) -> MutexGuard<'_, T> {
        expect_may_block();
        match self.try_lock() {
            Ok(guard) => guard,
            Err(_) => block_on(self.lock()),
        }
    }

    /// Waits for the mutex, for a guard that keeps it alive and can move to another task.
    ///
    /// # Cancel safety
    /// As [`lock`](Self::lock).
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let count = std::sync::Arc::new(raddle_sync::Mutex::new(0));
    /// let mut guard = count.clone().lock_owned().await;
    /// std::thread::spawn(move || *guard += 1).join().unwrap();
    /// assert_eq!(*count.lock().await, 1);
    /// # });
    /// ```
    pub async fn lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        if !self.acquire_at_once() {
            self.acquire().await;
        }
        OwnedMutexGuard::new(self)
    }

    /// As [`try_lock`](Self::try_lock), for a guard that keeps the mutex alive.
    ///
    /// # Errors
    /// [`TryLockError`] if somebody holds it, or is about to.
    ///
    /// # Examples
    /// ```
    /// let lock = std::sync::Arc::new(raddle_sync::Mutex::new(1));
    /// let _guard = lock.clone().try_lock_owned().unwrap();
    /// assert!(lock.try_lock_owned().is_err());
    /// ```
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        self.permits.try_acquire(1).map_err(|_| TryLockError::new())?;
        Ok(OwnedMutexGuard::new(self))
    }

    /// As [`blocking_lock`](Self::blocking_lock), for a guard that keeps the mutex alive.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Examples
    /// ```
    /// let lock = std::sync::Arc::new(raddle_sync::Mutex::new(1));
    /// assert_eq!(*lock.blocking_lock_owned(), 1);
    /// ```
    #[track_caller]
    pub fn blocking_lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        block_on(self.lock_owned())
    }

    /// The value, without locking: `&mut self` proves that nobody else uses it.
    ///
    /// # Examples
    /// ```
    /// let mut count = raddle_sync::Mutex::new(0);
    /// *count.get_mut() += 1;
    /// assert_eq!(count.into_inner(), 1);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Who waits for the mutex, how many have, and the longest wait if [timed](Self::enable_stats).
    ///
    /// # Examples
    /// ```
    /// let lock = raddle_sync::Mutex::new(0);
    /// assert_eq!(lock.stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.permits.stats()
    }

    /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
    ///
    /// # Examples
    /// ```
    /// let lock = raddle_sync::Mutex::new(0);
    /// lock.enable_stats();
    /// assert!(lock.stats().longest_wait.is_zero());
    /// ```
    pub fn enable_stats(&self) {
        self.permits.enable_stats();
    }

    /// In the outermost future: two deeper, where waiting begins, it is not inlined everywhere.
    #[inline]
    fn acquire_at_once(&self) -> bool {
        budget::at_once(|| self.permits.try_acquire_only().then_some(())).is_some()
    }

    async fn acquire(&self) {
        // It is never closed, so this does not fail; and if it did, nobody would get a guard.
        if Acquire::new(&self.permits, 1).await.is_err() {
            unreachable!("a mutex is never closed");
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => shown.field("data", &&*guard),
            Err(_) => shown.field("data", &format_args!("<locked>")),
        };
        shown.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Notify, RwLock, Semaphore};
    use std::{
        any::Any,
        cell::RefCell,
        panic::{AssertUnwindSafe, catch_unwind},
        pin::pin,
        task::{Context, RawWaker, RawWakerVTable, Waker},
    };

    type Held = RefCell<Option<Box<dyn Any>>>;

    /// Lets go of what is held when it is cloned; and the clone panics when it is dropped.
    static LETS_GO: RawWakerVTable = RawWakerVTable::new(let_go, ignore, ignore, ignore);
    static PANICS: RawWakerVTable = RawWakerVTable::new(let_go, ignore, ignore, panic);

    unsafe fn let_go(held: *const ()) -> RawWaker {
        // SAFETY: the one waker made of these is, in `poll_with`, for as long as this is borrowed.
        drop(unsafe { &*held.cast::<Held>() }.take());
        RawWaker::new(held, &PANICS)
    }

    unsafe fn ignore(_: *const ()) {}

    unsafe fn panic(_: *const ()) {
        panic!("planned");
    }

    /// Polls a future that has to wait for what is held, and is let in while it clones its waker.
    fn poll_with(held: impl Any, waiting: impl Future) {
        let held: Held = RefCell::new(Some(Box::new(held)));
        // SAFETY: the functions above do as a waker has to, and keep nothing of `held`.
        let waker = unsafe { Waker::new((&raw const held).cast(), &LETS_GO) };
        let mut waiting = pin!(waiting);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        }));
        assert!(polled.is_err() && held.take().is_none());
    }

    #[test]
    fn a_waker_whose_destructor_panics_takes_nothing_along() {
        let mutex = Arc::new(Mutex::new(0));
        poll_with(mutex.clone().try_lock_owned().unwrap(), mutex.lock());
        assert!(mutex.try_lock().is_ok());

        let gate = Arc::new(Semaphore::new(3));
        poll_with(gate.clone().try_acquire_many_owned(2).unwrap(), gate.acquire_many(3));
        assert_eq!(gate.available_permits(), 3);

        let lock = Arc::new(RwLock::new(0));
        poll_with(lock.clone().try_read_owned().unwrap(), lock.write());
        assert!(lock.try_write().is_ok());
        poll_with(lock.clone().try_write_owned().unwrap(), lock.read());
        assert!(lock.try_write().is_ok());
        poll_with(lock.clone().try_write_owned().unwrap(), lock.upgradable_read());
        assert!(lock.try_write().is_ok());

        struct Notifies(Arc<Notify>);
        impl Drop for Notifies {
            fn drop(&mut self) {
                self.0.notify_one();
            }
        }
        let notify = Arc::new(Notify::new());
        poll_with(Notifies(notify.clone()), notify.notified());
        let next = pin!(notify.notified()).poll(&mut Context::from_waker(Waker::noop()));
        assert!(next.is_ready(), "the notification is still there");
    }
}
