//! A counting semaphore: so many at a time, in the order of asking.

mod permit;

pub use permit::{OwnedSemaphorePermit, SemaphorePermit};

use crate::{
    blocking::block_on,
    error::{AcquireError, TryAcquireError},
    loom::const_fn,
    permits::Permits,
    stats::Stats,
};
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

/// A number of permits, handed out in the order of asking.
///
/// An uncontended acquire and release are one atomic operation each. Permits that come back while
/// somebody waits go to the first in line; a request for many is filled piece by piece, and nobody
/// behind it gets past. So `acquire` never overtakes, and no request can starve.
///
/// Works on any executor, and from plain threads through the `blocking_*` functions.
///
/// # Examples
/// At most two downloads at a time:
/// ```
/// # futures_lite::future::block_on(async {
/// use raddle_sync::Semaphore;
///
/// static DOWNLOADS: Semaphore = Semaphore::new(2);
///
/// let first = DOWNLOADS.acquire().await?;
/// let second = DOWNLOADS.acquire().await?;
/// assert!(DOWNLOADS.try_acquire().is_err());
/// drop(first);
/// assert_eq!(DOWNLOADS.available_permits(), 1);
/// # drop(second); Ok::<(), raddle_sync::AcquireError>(()) }).unwrap();
/// ```
pub struct Semaphore {
    permits: Permits,
}

// A panic leaves the count and the line consistent: what was being done is done or undone.
impl UnwindSafe for Semaphore {}
impl RefUnwindSafe for Semaphore {}

impl Semaphore {
    /// The largest number of permits a semaphore can hold: `usize::MAX >> 3`.
    pub const MAX_PERMITS: usize = Permits::MAX;

    const_fn! {
        /// A semaphore with `permits` free permits.
        ///
        /// # Panics
        /// If `permits` is more than [`MAX_PERMITS`](Self::MAX_PERMITS).
        ///
        /// # Examples
        /// ```
        /// let gate = raddle_sync::Semaphore::new(3);
        /// assert_eq!(gate.available_permits(), 3);
        /// ```
        #[track_caller]
        pub fn new(permits: usize) -> Self {
            Self { permits: Permits::new(permits) }
        }
    }

    const_fn! {
        /// Another name for [`new`](Self::new), which is `const` itself.
        ///
        /// # Examples
        /// ```
        /// static GATE: raddle_sync::Semaphore = raddle_sync::Semaphore::const_new(3);
        /// assert_eq!(GATE.available_permits(), 3);
        /// ```
        #[track_caller]
        pub fn const_new(permits: usize) -> Self {
            Self::new(permits)
        }
    }

    /// The number of permits free at this moment.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(2);
    /// let _permit = gate.try_acquire().unwrap();
    /// assert_eq!(gate.available_permits(), 1);
    /// ```
    pub fn available_permits(&self) -> usize {
        self.permits.available()
    }

    /// Adds `count` permits, which go to those in line first.
    ///
    /// # Panics
    /// If there would be more than [`MAX_PERMITS`](Self::MAX_PERMITS); nothing is added then.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(0);
    /// gate.add_permits(2);
    /// assert_eq!(gate.available_permits(), 2);
    /// ```
    #[track_caller]
    pub fn add_permits(&self, count: usize) {
        self.permits.release(count);
    }

    /// Takes up to `count` free permits out of circulation, and returns how many there were.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(3);
    /// assert_eq!(gate.forget_permits(5), 3);
    /// assert_eq!(gate.available_permits(), 0);
    /// ```
    pub fn forget_permits(&self, count: usize) -> usize {
        self.permits.forget(count)
    }

    /// Waits for one permit.
    ///
    /// # Cancel safety
    /// Dropping this future takes no permit, and gives up the place in line.
    ///
    /// # Errors
    /// [`AcquireError`] once the semaphore has been [closed](Self::close).
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let gate = raddle_sync::Semaphore::new(1);
    /// let permit = gate.acquire().await?;
    /// assert!(gate.try_acquire().is_err());
    /// # drop(permit); Ok::<(), raddle_sync::AcquireError>(()) }).unwrap();
    /// ```
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.permits.acquire(1).await?;
        Ok(SemaphorePermit { semaphore: self, count: 1 })
    }

    /// Waits for `count` permits, which are collected as they come free.
    ///
    /// # Cancel safety
    /// Dropping this future gives back what was collected, and the place in line.
    ///
    /// # Errors
    /// [`AcquireError`] once the semaphore has been [closed](Self::close).
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let gate = raddle_sync::Semaphore::new(5);
    /// let permits = gate.acquire_many(3).await?;
    /// assert_eq!(gate.available_permits(), 2);
    /// # drop(permits); Ok::<(), raddle_sync::AcquireError>(()) }).unwrap();
    /// ```
    pub async fn acquire_many(&self, count: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.permits.acquire(count as usize).await?;
        Ok(SemaphorePermit { semaphore: self, count })
    }

    /// Takes one permit if one is free.
    ///
    /// # Errors
    /// [`TryAcquireError::NoPermits`] if none is free, [`TryAcquireError::Closed`] if the semaphore
    /// has been closed.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(1);
    /// let permit = gate.try_acquire().unwrap();
    /// assert!(gate.try_acquire().is_err());
    /// # drop(permit);
    /// ```
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `count` permits if so many are free.
    ///
    /// # Errors
    /// [`TryAcquireError::NoPermits`] if there are fewer, [`TryAcquireError::Closed`] if the
    /// semaphore has been closed.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(3);
    /// assert!(gate.try_acquire_many(4).is_err());
    /// assert_eq!(gate.try_acquire_many(3).unwrap().num_permits(), 3);
    /// ```
    pub fn try_acquire_many(&self, count: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.permits.try_acquire(count as usize)?;
        Ok(SemaphorePermit { semaphore: self, count })
    }

    /// Waits for one permit on this thread, which sleeps meanwhile.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Errors
    /// [`AcquireError`] once the semaphore has been [closed](Self::close).
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(1);
    /// let permit = gate.blocking_acquire()?;
    /// # drop(permit); Ok::<(), raddle_sync::AcquireError>(())
    /// ```
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        block_on(self.acquire())
    }

    /// Waits for `count` permits on this thread, which sleeps meanwhile.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Errors
    /// [`AcquireError`] once the semaphore has been [closed](Self::close).
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(2);
    /// assert_eq!(gate.blocking_acquire_many(2)?.num_permits(), 2);
    /// # Ok::<(), raddle_sync::AcquireError>(())
    /// ```
    #[track_caller]
    pub fn blocking_acquire_many(&self, count: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        block_on(self.acquire_many(count))
    }

    /// Waits for one permit that keeps the semaphore alive, and so can move to another task.
    ///
    /// # Cancel safety
    /// As [`acquire`](Self::acquire).
    ///
    /// # Errors
    /// [`AcquireError`] once the semaphore has been [closed](Self::close).
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use raddle_sync::Semaphore;
    /// use std::sync::Arc;
    ///
    /// let gate = Arc::new(Semaphore::new(1));
    /// let permit = Arc::clone(&gate).acquire_owned().await?;
    /// std::thread::spawn(move || drop(permit)).join().unwrap();
    /// assert_eq!(gate.available_permits(), 1);
    /// # Ok::<(), raddle_sync::AcquireError>(()) }).unwrap();
    /// ```
    pub async fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.permits.acquire(1).await?;
        Ok(OwnedSemaphorePermit { semaphore: self, count: 1 })
    }

    /// Waits for `count` permits that keep the semaphore alive.
    ///
    /// # Cancel safety
    /// As [`acquire_many`](Self::acquire_many).
    ///
    /// # Errors
    /// [`AcquireError`] once the semaphore has been [closed](Self::close).
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let gate = std::sync::Arc::new(raddle_sync::Semaphore::new(4));
    /// let permits = gate.clone().acquire_many_owned(3).await?;
    /// assert_eq!(gate.available_permits(), 1);
    /// # drop(permits); Ok::<(), raddle_sync::AcquireError>(()) }).unwrap();
    /// ```
    pub async fn acquire_many_owned(
        self: Arc<Self>,
        count: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.permits.acquire(count as usize).await?;
        Ok(OwnedSemaphorePermit { semaphore: self, count })
    }

    /// As [`try_acquire`](Self::try_acquire), for a permit that keeps the semaphore alive.
    ///
    /// # Errors
    /// As [`try_acquire`](Self::try_acquire).
    ///
    /// # Examples
    /// ```
    /// let gate = std::sync::Arc::new(raddle_sync::Semaphore::new(1));
    /// let _permit = gate.clone().try_acquire_owned().unwrap();
    /// assert!(gate.try_acquire_owned().is_err());
    /// ```
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Self::try_acquire_many), for permits that keep the semaphore alive.
    ///
    /// # Errors
    /// As [`try_acquire_many`](Self::try_acquire_many).
    ///
    /// # Examples
    /// ```
    /// let gate = std::sync::Arc::new(raddle_sync::Semaphore::new(2));
    /// assert_eq!(gate.try_acquire_many_owned(2).unwrap().num_permits(), 2);
    /// ```
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        count: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.permits.try_acquire(count as usize)?;
        Ok(OwnedSemaphorePermit { semaphore: self, count })
    }

    /// As [`blocking_acquire`](Self::blocking_acquire), for a permit that keeps the semaphore
    /// alive.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Errors
    /// [`AcquireError`] once the semaphore has been [closed](Self::close).
    ///
    /// # Examples
    /// ```
    /// let gate = std::sync::Arc::new(raddle_sync::Semaphore::new(1));
    /// let permit = gate.blocking_acquire_owned()?;
    /// # drop(permit); Ok::<(), raddle_sync::AcquireError>(())
    /// ```
    #[track_caller]
    pub fn blocking_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        block_on(self.acquire_owned())
    }

    /// As [`blocking_acquire_many`](Self::blocking_acquire_many), for permits that keep the
    /// semaphore alive.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Errors
    /// [`AcquireError`] once the semaphore has been [closed](Self::close).
    ///
    /// # Examples
    /// ```
    /// let gate = std::sync::Arc::new(raddle_sync::Semaphore::new(2));
    /// assert_eq!(gate.blocking_acquire_many_owned(2)?.num_permits(), 2);
    /// # Ok::<(), raddle_sync::AcquireError>(())
    /// ```
    #[track_caller]
    pub fn blocking_acquire_many_owned(
        self: Arc<Self>,
        count: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        block_on(self.acquire_many_owned(count))
    }

    /// Who waits for permits, how many have, and the longest wait if [timed](Self::enable_stats).
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(1);
    /// assert_eq!(gate.stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.permits.stats()
    }

    /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(1);
    /// gate.enable_stats();
    /// assert!(gate.stats().longest_wait.is_zero());
    /// ```
    pub fn enable_stats(&self) {
        self.permits.enable_stats();
    }

    /// Closes the semaphore: everybody who waits, and everybody who asks from now on, gets an
    /// error.
    ///
    /// Permits already handed out stay valid, and are counted when they come back.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(1);
    /// gate.close();
    /// assert!(gate.try_acquire().is_err());
    /// ```
    pub fn close(&self) {
        self.permits.close();
    }

    /// Whether the semaphore has been closed.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(1);
    /// assert!(!gate.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .field("closed", &self.is_closed())
            .finish()
    }
}
