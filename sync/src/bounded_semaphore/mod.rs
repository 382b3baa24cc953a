//! A semaphore that knows how many permits it was made with, and takes back no more than that.
//!
//! Permits come back in two ways: a guard that is dropped returns its own, which is always right,
//! and `release` returns those of guards that were forgotten, which a program may get wrong.
//!
//! - **M5** `forgotten` counts the permits that were forgotten and not released. `release` takes
//!   what it is to return from that number, in one step, or does nothing. So free, held and
//!   forgotten permits always add up to the bound.

mod permit;

pub use permit::{BoundedSemaphorePermit, OwnedBoundedSemaphorePermit};

use crate::{
    blocking::block_on,
    error::{AcquireError, ReleaseError, TryAcquireError},
    loom::{AtomicUsize, Ordering, const_fn},
    permits::Permits,
    stats::Stats,
};
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

/// A semaphore whose permits can be returned one by one, but never more than were taken.
///
/// It is a [`Semaphore`](crate::Semaphore) for when the one that takes a permit is not the one that
/// returns it: the taker [forgets](BoundedSemaphorePermit::forget) its permit, and whoever is done
/// calls [`release`](Self::release). A release too many is a mistake in the program; this type
/// reports it, and it changes nothing, where [`Semaphore::add_permits`](crate::Semaphore::add_permits)
/// would quietly let one more in from then on.
///
/// Permits are handed out in the order of asking. The number of permits never changes.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// use raddle_sync::BoundedSemaphore;
///
/// let jobs = BoundedSemaphore::new(2);
/// jobs.acquire().await?.forget(); // The job is sent elsewhere.
/// assert_eq!(jobs.available_permits(), 1);
///
/// jobs.release(1).unwrap(); // It has been done.
/// assert_eq!(jobs.available_permits(), 2);
/// assert!(jobs.release(1).is_err());
/// assert_eq!(jobs.available_permits(), 2);
/// # Ok::<(), raddle_sync::AcquireError>(()) }).unwrap();
/// ```
pub struct BoundedSemaphore {
    permits: Permits,
    forgotten: AtomicUsize,
    bound: usize,
}

// A panic leaves the counts and the line consistent: what was being done is done or undone.
impl UnwindSafe for BoundedSemaphore {}
impl RefUnwindSafe for BoundedSemaphore {}

impl BoundedSemaphore {
    /// The largest number of permits it can have: `usize::MAX >> 3`.
    pub const MAX_PERMITS: usize = Permits::MAX;

    const_fn! {
        /// A semaphore with `permits` permits, all of them free.
        ///
        /// # Panics
        /// If `permits` is more than [`MAX_PERMITS`](Self::MAX_PERMITS).
        ///
        /// # Examples
        /// ```
        /// static GATE: raddle_sync::BoundedSemaphore = raddle_sync::BoundedSemaphore::new(3);
        /// assert_eq!(GATE.available_permits(), 3);
        /// ```
        #[track_caller]
        pub fn new(permits: usize) -> Self {
            Self { permits: Permits::new(permits), forgotten: AtomicUsize::new(0), bound: permits }
        }
    }

    const_fn! {
        /// Another name for [`new`](Self::new), which is `const` itself.
        ///
        /// # Examples
        /// ```
        /// static GATE: raddle_sync::BoundedSemaphore = raddle_sync::BoundedSemaphore::const_new(3);
        /// assert_eq!(GATE.bound(), 3);
        /// ```
        #[track_caller]
        pub fn const_new(permits: usize) -> Self {
            Self::new(permits)
        }
    }

    /// The number of permits it was made with.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::BoundedSemaphore::new(2);
    /// let _permit = gate.try_acquire().unwrap();
    /// assert_eq!(gate.bound(), 2);
    /// ```
    pub fn bound(&self) -> usize {
        self.bound
    }

    /// The number of permits free at this moment.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::BoundedSemaphore::new(2);
    /// let _permit = gate.try_acquire().unwrap();
    /// assert_eq!(gate.available_permits(), 1);
    /// ```
    pub fn available_permits(&self) -> usize {
        self.permits.available()
    }

    /// Returns `count` permits that were [forgotten](BoundedSemaphorePermit::forget); they go to
    /// those in line first.
    ///
    /// # Errors
    /// [`ReleaseError`] if fewer than `count` are forgotten: they were released already, or never
    /// taken, or are still held by guards. Nothing has changed then.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::BoundedSemaphore::new(2);
    /// gate.try_acquire_many(2).unwrap().forget();
    /// assert!(gate.release(3).is_err());
    /// gate.release(2).unwrap();
    /// assert_eq!(gate.available_permits(), 2);
    /// ```
    pub fn release(&self, count: usize) -> Result<(), ReleaseError> {
        // Relaxed, here and below: a plain counter; the permits themselves are ordered by their
        // own word.
        let mut forgotten = self.forgotten.load(Ordering::Relaxed);
        loop {
            let left = forgotten.checked_sub(count).ok_or(ReleaseError::new())?;
            match self.forgotten.compare_exchange_weak(
                forgotten,
                left,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => forgotten = now,
            }
        }
        if count > 0 {
            self.permits.release(count);
        }
        Ok(())
    }

    /// M5: permits that only `release` brings back.
    fn forget(&self, count: u32) {
        self.forgotten.fetch_add(count as usize, Ordering::Relaxed);
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
    /// let gate = raddle_sync::BoundedSemaphore::new(1);
    /// let permit = gate.acquire().await?;
    /// assert!(gate.try_acquire().is_err());
    /// # drop(permit); Ok::<(), raddle_sync::AcquireError>(()) }).unwrap();
    /// ```
    pub async fn acquire(&self) -> Result<BoundedSemaphorePermit<'_>, AcquireError> {
        self.acquire_many(1).await
    }

    /// Waits for `count` permits, which are collected as they come free.
    ///
    /// More than the [`bound`](Self::bound) are never free: such a wait ends only when the
    /// semaphore is closed.
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
    /// let gate = raddle_sync::BoundedSemaphore::new(5);
    /// let permits = gate.acquire_many(3).await?;
    /// assert_eq!(gate.available_permits(), 2);
    /// # drop(permits); Ok::<(), raddle_sync::AcquireError>(()) }).unwrap();
    /// ```
    pub async fn acquire_many(
        &self,
        count: u32,
    ) -> Result<BoundedSemaphorePermit<'_>, AcquireError> {
        self.permits.acquire(count as usize).await?;
        Ok(BoundedSemaphorePermit { semaphore: self, count })
    }

    /// Takes one permit if one is free.
    ///
    /// # Errors
    /// [`TryAcquireError::NoPermits`] if none is free, [`TryAcquireError::Closed`] if the semaphore
    /// has been closed.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::BoundedSemaphore::new(1);
    /// let permit = gate.try_acquire().unwrap();
    /// assert!(gate.try_acquire().is_err());
    /// # drop(permit);
    /// ```
    pub fn try_acquire(&self) -> Result<BoundedSemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `count` permits if so many are free.
    ///
    /// # Errors
    /// As [`try_acquire`](Self::try_acquire).
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::BoundedSemaphore::new(3);
    /// assert_eq!(gate.try_acquire_many(3).unwrap().num_permits(), 3);
    /// ```
    pub fn try_acquire_many(
        &self,
        count: u32,
    ) -> Result<BoundedSemaphorePermit<'_>, TryAcquireError> {
        self.permits.try_acquire(count as usize)?;
        Ok(BoundedSemaphorePermit { semaphore: self, count })
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
    /// let gate = raddle_sync::BoundedSemaphore::new(1);
    /// let permit = gate.blocking_acquire()?;
    /// # drop(permit); Ok::<(), raddle_sync::AcquireError>(())
    /// ```
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<BoundedSemaphorePermit<'_>, AcquireError> {
        block_on(self.acquire())
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
    /// let gate = std::sync::Arc::new(raddle_sync::BoundedSemaphore::new(1));
    /// let permit = gate.clone().acquire_owned().await?;
    /// std::thread::spawn(move || drop(permit)).join().unwrap();
    /// assert_eq!(gate.available_permits(), 1);
    /// # Ok::<(), raddle_sync::AcquireError>(()) }).unwrap();
    /// ```
    pub async fn acquire_owned(
        self: Arc<Self>,
    ) -> Result<OwnedBoundedSemaphorePermit, AcquireError> {
        self.acquire_many_owned(1).await
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
    /// let gate = std::sync::Arc::new(raddle_sync::BoundedSemaphore::new(4));
    /// let permits = gate.clone().acquire_many_owned(3).await?;
    /// assert_eq!(gate.available_permits(), 1);
    /// # drop(permits); Ok::<(), raddle_sync::AcquireError>(()) }).unwrap();
    /// ```
    pub async fn acquire_many_owned(
        self: Arc<Self>,
        count: u32,
    ) -> Result<OwnedBoundedSemaphorePermit, AcquireError> {
        self.permits.acquire(count as usize).await?;
        Ok(OwnedBoundedSemaphorePermit { semaphore: self, count })
    }

    /// As [`try_acquire`](Self::try_acquire), for a permit that keeps the semaphore alive.
    ///
    /// # Errors
    /// As [`try_acquire`](Self::try_acquire).
    ///
    /// # Examples
    /// ```
    /// let gate = std::sync::Arc::new(raddle_sync::BoundedSemaphore::new(1));
    /// let _permit = gate.clone().try_acquire_owned().unwrap();
    /// assert!(gate.try_acquire_owned().is_err());
    /// ```
    pub fn try_acquire_owned(
        self: Arc<Self>,
    ) -> Result<OwnedBoundedSemaphorePermit, TryAcquireError> {
        self.permits.try_acquire(1)?;
        Ok(OwnedBoundedSemaphorePermit { semaphore: self, count: 1 })
    }

    /// Closes the semaphore: everybody who waits, and everybody who asks from now on, gets an
    /// error.
    ///
    /// Permits already handed out stay valid, and are counted when they come back.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::BoundedSemaphore::new(1);
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
    /// let gate = raddle_sync::BoundedSemaphore::new(1);
    /// assert!(!gate.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    /// Who waits for permits, how many have, and the longest wait if [timed](Self::enable_stats).
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::BoundedSemaphore::new(1);
    /// assert_eq!(gate.stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.permits.stats()
    }

    /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::BoundedSemaphore::new(1);
    /// gate.enable_stats();
    /// assert!(gate.stats().longest_wait.is_zero());
    /// ```
    pub fn enable_stats(&self) {
        self.permits.enable_stats();
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("bound", &self.bound)
            .field("available_permits", &self.available_permits())
            .field("closed", &self.is_closed())
            .finish()
    }
}
