//! A lock for one writer or many readers, that may be held across an await.
//!
//! The state is in `raw`, a guard's share of it in `hold`, and the guards around them; this is the
//! value, and the doors. Rules X, of `raw`, say who is inside together.
//!
//! # Safety
//! The cell is entered only through guards, each of which has come in through the state first: by X1
//! a writer is alone, and readers are among themselves. What a writer did is visible to who comes in
//! later, because each leaves with a Release and comes in with an Acquire of the same word.
#![allow(unsafe_code)]

mod downgrade;
mod hold;
mod mapped;
mod owned;
mod raw;
mod read;
mod upgradable;
mod wait;
mod write;

pub use mapped::{OwnedRwLockMappedWriteGuard, RwLockMappedWriteGuard};
pub use read::{OwnedRwLockReadGuard, RwLockReadGuard};
pub use upgradable::{OwnedRwLockUpgradableReadGuard, RwLockUpgradableReadGuard};
pub use write::{OwnedRwLockWriteGuard, RwLockWriteGuard};

use crate::{blocking::block_on, error::TryLockError, loom::const_fn, stats::Stats};
use hold::Hold;
use raw::{RawRwLock, Want};
use std::{cell::UnsafeCell, fmt, marker::PhantomData, ptr::NonNull};

/// A value that many tasks may read at a time, or one may write.
///
/// The guards may be held across an await. It pays where reading takes long and writing is rare; for
/// short sections a [`Mutex`](crate::Mutex), or one of the standard library, is faster.
///
/// Locking is fair: who asks first, comes in first. A writer in line keeps later readers out, so it is
/// not starved; a reader in line keeps later writers out. Therefore a task that reads must not ask to
/// read again: if a writer has come in between, both wait for each other.
///
/// One reader at a time may be *upgradable*: it reads beside the others, and can go on to write without
/// letting anybody write in between.
///
/// Uncontended, coming in and leaving are one atomic operation each. There is no poisoning: a panic
/// leaves the lock, and the value as it is.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// use raddle_sync::RwLock;
///
/// static NAMES: RwLock<Vec<&str>> = RwLock::new(Vec::new());
///
/// NAMES.write().await.push("Ada");
/// let (one, other) = (NAMES.read().await, NAMES.try_read().unwrap());
/// assert_eq!(one.len() + other.len(), 2);
/// # });
/// ```
pub struct RwLock<T: ?Sized> {
    raw: RawRwLock,
    value: UnsafeCell<T>,
}

// SAFETY: sharing the lock lets any thread take `&T` beside others, and `&mut T` alone (X1).
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

impl<T> RwLock<T> {
    const_fn! {
        /// An unlocked lock around `value`.
        ///
        /// # Examples
        /// ```
        /// static COUNT: raddle_sync::RwLock<u32> = raddle_sync::RwLock::new(0);
        /// assert_eq!(*COUNT.try_read().unwrap(), 0);
        /// ```
        pub fn new(value: T) -> Self {
            Self { raw: RawRwLock::new(RawRwLock::MAX_READERS), value: UnsafeCell::new(value) }
        }
    }

    const_fn! {
        /// Another name for [`new`](Self::new), which is `const` itself.
        ///
        /// # Examples
        /// ```
        /// static COUNT: raddle_sync::RwLock<u32> = raddle_sync::RwLock::const_new(0);
        /// assert_eq!(*COUNT.try_read().unwrap(), 0);
        /// ```
        pub fn const_new(value: T) -> Self {
            Self::new(value)
        }
    }

    const_fn! {
        /// An unlocked lock that lets in so many readers at a time; others wait.
        ///
        /// With none, nobody can read.
        ///
        /// # Panics
        /// If `max_reads` is more than `u32::MAX >> 3`.
        ///
        /// # Examples
        /// ```
        /// let lock = raddle_sync::RwLock::with_max_readers(5, 1);
        /// let reading = lock.try_read().unwrap();
        /// assert!(lock.try_read().is_err());
        /// # drop(reading);
        /// ```
        #[track_caller]
        pub fn with_max_readers(value: T, max_reads: u32) -> Self {
            assert!(max_reads <= u32::MAX >> 3, "more readers than an RwLock can count");
            let max_reads = max_reads as usize;
            // Only where a usize has 32 bits.
            let fits = max_reads <= RawRwLock::MAX_READERS;
            let max_readers = if fits { max_reads } else { RawRwLock::MAX_READERS };
            Self { raw: RawRwLock::new(max_readers), value: UnsafeCell::new(value) }
        }
    }

    const_fn! {
        /// Another name for [`with_max_readers`](Self::with_max_readers), which is `const` itself.
        ///
        /// # Panics
        /// As [`with_max_readers`](Self::with_max_readers).
        ///
        /// # Examples
        /// ```
        /// static COUNT: raddle_sync::RwLock<u32> = raddle_sync::RwLock::const_with_max_readers(0, 8);
        /// assert_eq!(*COUNT.try_read().unwrap(), 0);
        /// ```
        #[track_caller]
        pub fn const_with_max_readers(value: T, max_reads: u32) -> Self {
            Self::with_max_readers(value, max_reads)
        }
    }

    /// The value, which nobody else can use any more.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(raddle_sync::RwLock::new(3).into_inner(), 3);
    /// ```
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until it may read.
    ///
    /// Not for a task that reads already: see [`RwLock`].
    ///
    /// # Cancel safety
    /// Dropping this future leaves the lock alone, and gives up the place in line.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let lock = raddle_sync::RwLock::new(1);
    /// let guard = lock.read().await;
    /// assert_eq!(*guard, 1);
    /// # });
    /// ```
    pub async fn read(&self) -> RwLockReadGuard<'_, T> {
        self.raw.wait(Want::Read).await;
        RwLockReadGuard { hold: Hold::new(&self.raw), value: self.pointer(), _value: PhantomData }
    }

    /// Reads if that is possible at once.
    ///
    /// # Errors
    /// [`TryLockError`] if somebody writes, or waits for it.
    ///
    /// # Examples
    /// ```
    /// let lock = raddle_sync::RwLock::new(1);
    /// let guard = lock.try_read().unwrap();
    /// assert_eq!(*guard, 1);
    /// assert!(lock.try_write().is_err());
    /// ```
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        if !self.raw.try_enter(Want::Read) {
            return Err(TryLockError::new());
        }
        Ok(RwLockReadGuard {
            hold: Hold::new(&self.raw),
            value: self.pointer(),
            _value: PhantomData,
        })
    }

    /// Waits on this thread, which sleeps, until it may read.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Examples
    /// ```
    /// let lock = raddle_sync::RwLock::new(1);
    /// let guard = lock.blocking_read();
    /// assert_eq!(*guard, 1);
    /// ```
    #[track_caller]
    pub fn blocking_read(&self) -> RwLockReadGuard<'_, T> {
        block_on(self.read())
    }

    /// Waits until it may write.
    ///
    /// # Cancel safety
    /// Dropping this future leaves the lock alone, and gives up the place in line.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let lock = raddle_sync::RwLock::new(1);
    /// let mut guard = lock.write().await;
    /// *guard += 1;
    /// # });
    /// ```
    pub async fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.raw.wait(Want::Write).await;
        RwLockWriteGuard { hold: Hold::new(&self.raw), value: self.pointer(), _value: PhantomData }
    }

    /// Writes if that is possible at once.
    ///
    /// # Errors
    /// [`TryLockError`] if somebody reads or writes, or is about to.
    ///
    /// # Examples
    /// ```
    /// let lock = raddle_sync::RwLock::new(1);
    /// let mut guard = lock.try_write().unwrap();
    /// *guard += 1;
    /// assert!(lock.try_write().is_err());
    /// ```
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        if !self.raw.try_enter(Want::Write) {
            return Err(TryLockError::new());
        }
        Ok(RwLockWriteGuard {
            hold: Hold::new(&self.raw),
            value: self.pointer(),
            _value: PhantomData,
        })
    }

    /// Waits on this thread, which sleeps, until it may write.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Examples
    /// ```
    /// let lock = raddle_sync::RwLock::new(1);
    /// let mut guard = lock.blocking_write();
    /// *guard += 1;
    /// ```
    #[track_caller]
    pub fn blocking_write(&self) -> RwLockWriteGuard<'_, T> {
        block_on(self.write())
    }

    /// Waits until it may read, as the one that may go on to write.
    ///
    /// # Cancel safety
    /// Dropping this future leaves the lock alone, and gives up the place in line.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let lock = raddle_sync::RwLock::new(1);
    /// let guard = lock.upgradable_read().await;
    /// assert_eq!(*guard, 1);
    /// # });
    /// ```
    pub async fn upgradable_read(&self) -> RwLockUpgradableReadGuard<'_, T> {
        self.raw.wait(Want::UpgradableRead).await;
        RwLockUpgradableReadGuard {
            hold: Hold::new(&self.raw),
            value: self.pointer(),
            _value: PhantomData,
        }
    }

    /// Reads, as the one that may go on to write, if that is possible at once.
    ///
    /// # Errors
    /// [`TryLockError`] if somebody writes or waits for it, or is upgradable already.
    ///
    /// # Examples
    /// ```
    /// let lock = raddle_sync::RwLock::new(1);
    /// let guard = lock.try_upgradable_read().unwrap();
    /// assert_eq!(*guard, 1);
    /// assert!(lock.try_write().is_err());
    /// ```
    pub fn try_upgradable_read(&self) -> Result<RwLockUpgradableReadGuard<'_, T>, TryLockError> {
        if !self.raw.try_enter(Want::UpgradableRead) {
            return Err(TryLockError::new());
        }
        Ok(RwLockUpgradableReadGuard {
            hold: Hold::new(&self.raw),
            value: self.pointer(),
            _value: PhantomData,
        })
    }

    /// Waits on this thread, which sleeps, until it may read, as the one that may go on to write.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Examples
    /// ```
    /// let lock = raddle_sync::RwLock::new(1);
    /// let guard = lock.blocking_upgradable_read();
    /// assert_eq!(*guard, 1);
    /// ```
    #[track_caller]
    pub fn blocking_upgradable_read(&self) -> RwLockUpgradableReadGuard<'_, T> {
        block_on(self.upgradable_read())
    }

    /// The value, without locking: `&mut self` proves that nobody else uses it.
    ///
    /// # Examples
    /// ```
    /// let mut count = raddle_sync::RwLock::new(0);
    /// *count.get_mut() += 1;
    /// assert_eq!(count.into_inner(), 1);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Who waits for the lock, how many have, and the longest wait if
    /// [timed](Self::enable_stats).
    ///
    /// # Examples
    /// ```
    /// let lock = raddle_sync::RwLock::new(0);
    /// assert_eq!(lock.stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.raw.queue.stats()
    }

    /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
    ///
    /// # Examples
    /// ```
    /// let lock = raddle_sync::RwLock::new(0);
    /// lock.enable_stats();
    /// assert!(lock.stats().longest_wait.is_zero());
    /// ```
    pub fn enable_stats(&self) {
        self.raw.queue.enable_stats();
    }

    #[inline]
    fn pointer(&self) -> NonNull<T> {
        // SAFETY: the address of a field.
        unsafe { NonNull::new_unchecked(self.value.get()) }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RwLock");
        let (writer, readers) = self.raw.describe();
        match self.try_read() {
            Ok(guard) => shown.field("data", &&*guard),
            Err(_) => shown.field("data", &format_args!("<locked>")),
        };
        shown.field("writer", &writer).field("readers", &readers).finish()
    }
}
