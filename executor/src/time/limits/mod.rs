//! Operations of [`sync`](crate::sync) that give up after a while, as methods.
//!
//! `raddle-sync` works on any executor and knows no clock, so these are traits: `use raddle::time::limits::*` and
//! `mutex.lock_timeout(second)` is there. For any other future there is [`FutureExt::timeout`].
//!
//! All of them try first: what is there at once is got, however short the time. All give up their place in line when the
//! time is up, or when they are dropped; nothing is lost then: a message that could not be sent comes back in the error,
//! and a permit or a notification that arrives at the last moment goes to the next in line.
//!
//! All panic outside a runtime, when they are called or first polled.

mod channels;
mod queues;
mod waiting;

pub use channels::{ChangedTimeout, RecvTimeout, SendTimeout};
pub use queues::{GetTimeout, JoinTimeout, PutTimeout};
pub use waiting::{CondvarTimeout, WaitTimeout};

use super::error::AcquireTimeoutError;
use super::{Elapsed, Instant, Timeout, timeout, timeout_at};
use raddle_sync::{
    BoundedSemaphore, BoundedSemaphorePermit, Mutex, MutexGuard, OwnedMutexGuard,
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit, RwLock, RwLockReadGuard,
    RwLockWriteGuard, Semaphore, SemaphorePermit,
};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// A limit for any future.
pub trait FutureExt: Future + Sized {
    /// Gives the future so much time. As [`time::timeout`](super::timeout).
    ///
    /// ```
    /// use raddle::time::{Duration, limits::FutureExt};
    ///
    /// # raddle::block_on(async {
    /// let never = std::future::pending::<()>();
    /// assert!(never.timeout(Duration::from_millis(1)).await.is_err());
    /// # })
    /// ```
    #[track_caller]
    fn timeout(self, limit: Duration) -> Timeout<Self> {
        timeout(limit, self)
    }

    /// Gives the future until `deadline`. As [`time::timeout_at`](super::timeout_at).
    #[track_caller]
    fn timeout_at(self, deadline: Instant) -> Timeout<Self> {
        timeout_at(deadline, self)
    }
}

impl<F: Future> FutureExt for F {}

/// Locking with a limit, for [`Mutex`].
pub trait LockTimeout<T: ?Sized> {
    /// Locks the mutex, if that is possible within `limit`.
    ///
    /// # Errors
    /// [`Elapsed`] if not.
    ///
    /// ```
    /// use raddle::time::{Duration, limits::LockTimeout};
    ///
    /// # raddle::block_on(async {
    /// let mutex = raddle::sync::Mutex::new(1);
    /// let held = mutex.lock_timeout(Duration::from_millis(1)).await.unwrap();
    /// assert!(mutex.lock_timeout(Duration::from_millis(1)).await.is_err());
    /// # drop(held);
    /// # })
    /// ```
    fn lock_timeout<'a>(
        &'a self,
        limit: Duration,
    ) -> impl Future<Output = Result<MutexGuard<'a, T>, Elapsed>>
    where
        T: 'a;

    /// As [`lock_timeout`](LockTimeout::lock_timeout), with a guard that keeps the mutex alive.
    ///
    /// # Errors
    /// [`Elapsed`] if the mutex cannot be locked in time.
    fn lock_owned_timeout(
        self: Arc<Self>,
        limit: Duration,
    ) -> impl Future<Output = Result<OwnedMutexGuard<T>, Elapsed>>;
}

impl<T: ?Sized> LockTimeout<T> for Mutex<T> {
    async fn lock_timeout<'a>(&'a self, limit: Duration) -> Result<MutexGuard<'a, T>, Elapsed>
    where
        T: 'a,
    {
        timeout(limit, self.lock()).await
    }

    async fn lock_owned_timeout(
        self: Arc<Self>,
        limit: Duration,
    ) -> Result<OwnedMutexGuard<T>, Elapsed> {
        timeout(limit, self.lock_owned()).await
    }
}

/// Locking with a limit, for [`RwLock`].
pub trait RwLockTimeout<T: ?Sized> {
    /// Locks it for reading, if that is possible within `limit`.
    ///
    /// # Errors
    /// [`Elapsed`] if not.
    ///
    /// ```
    /// use raddle::time::{Duration, limits::RwLockTimeout};
    ///
    /// # raddle::block_on(async {
    /// let lock = raddle::sync::RwLock::new(1);
    /// let reading = lock.read_timeout(Duration::from_millis(1)).await.unwrap();
    /// assert!(lock.write_timeout(Duration::from_millis(1)).await.is_err());
    /// # drop(reading);
    /// # })
    /// ```
    fn read_timeout<'a>(
        &'a self,
        limit: Duration,
    ) -> impl Future<Output = Result<RwLockReadGuard<'a, T>, Elapsed>>
    where
        T: 'a;

    /// Locks it for writing, if that is possible within `limit`.
    ///
    /// # Errors
    /// [`Elapsed`] if not.
    fn write_timeout<'a>(
        &'a self,
        limit: Duration,
    ) -> impl Future<Output = Result<RwLockWriteGuard<'a, T>, Elapsed>>
    where
        T: 'a;

    /// As [`read_timeout`](RwLockTimeout::read_timeout), with a guard that keeps the lock alive.
    ///
    /// # Errors
    /// [`Elapsed`] if it cannot be locked in time.
    fn read_owned_timeout(
        self: Arc<Self>,
        limit: Duration,
    ) -> impl Future<Output = Result<OwnedRwLockReadGuard<T>, Elapsed>>;

    /// As [`write_timeout`](RwLockTimeout::write_timeout), with a guard that keeps the lock alive.
    ///
    /// # Errors
    /// [`Elapsed`] if it cannot be locked in time.
    fn write_owned_timeout(
        self: Arc<Self>,
        limit: Duration,
    ) -> impl Future<Output = Result<OwnedRwLockWriteGuard<T>, Elapsed>>;
}

impl<T: ?Sized> RwLockTimeout<T> for RwLock<T> {
    async fn read_timeout<'a>(&'a self, limit: Duration) -> Result<RwLockReadGuard<'a, T>, Elapsed>
    where
        T: 'a,
    {
        timeout(limit, self.read()).await
    }

    async fn write_timeout<'a>(
        &'a self,
        limit: Duration,
    ) -> Result<RwLockWriteGuard<'a, T>, Elapsed>
    where
        T: 'a,
    {
        timeout(limit, self.write()).await
    }

    async fn read_owned_timeout(
        self: Arc<Self>,
        limit: Duration,
    ) -> Result<OwnedRwLockReadGuard<T>, Elapsed> {
        timeout(limit, self.read_owned()).await
    }

    async fn write_owned_timeout(
        self: Arc<Self>,
        limit: Duration,
    ) -> Result<OwnedRwLockWriteGuard<T>, Elapsed> {
        timeout(limit, self.write_owned()).await
    }
}

/// Taking permits with a limit, for [`Semaphore`].
pub trait AcquireTimeout {
    /// Takes a permit, if there is one within `limit`.
    ///
    /// # Errors
    /// [`AcquireTimeoutError`]: there was none in time, or there will be none any more.
    ///
    /// ```
    /// use raddle::time::{Duration, error::AcquireTimeoutError, limits::AcquireTimeout};
    ///
    /// # raddle::block_on(async {
    /// let gate = raddle::sync::Semaphore::new(1);
    /// let limit = Duration::from_millis(1);
    /// let permit = gate.acquire_timeout(limit).await.unwrap();
    /// assert_eq!(gate.acquire_timeout(limit).await.unwrap_err(), AcquireTimeoutError::Timeout);
    /// # drop(permit);
    /// # })
    /// ```
    fn acquire_timeout(
        &self,
        limit: Duration,
    ) -> impl Future<Output = Result<SemaphorePermit<'_>, AcquireTimeoutError>> {
        self.acquire_many_timeout(1, limit)
    }

    /// Takes `count` permits at once, if there are as many within `limit`.
    ///
    /// # Errors
    /// As [`acquire_timeout`](AcquireTimeout::acquire_timeout).
    fn acquire_many_timeout(
        &self,
        count: u32,
        limit: Duration,
    ) -> impl Future<Output = Result<SemaphorePermit<'_>, AcquireTimeoutError>>;

    /// As [`acquire_timeout`](AcquireTimeout::acquire_timeout), with a permit that keeps the semaphore alive.
    ///
    /// # Errors
    /// As [`acquire_timeout`](AcquireTimeout::acquire_timeout).
    fn acquire_owned_timeout(
        self: Arc<Self>,
        limit: Duration,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, AcquireTimeoutError>>;

    /// As [`acquire_many_timeout`](AcquireTimeout::acquire_many_timeout), with a permit that keeps the semaphore alive.
    ///
    /// # Errors
    /// As [`acquire_timeout`](AcquireTimeout::acquire_timeout).
    fn acquire_many_owned_timeout(
        self: Arc<Self>,
        count: u32,
        limit: Duration,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, AcquireTimeoutError>>;
}

impl AcquireTimeout for Semaphore {
    async fn acquire_many_timeout(
        &self,
        count: u32,
        limit: Duration,
    ) -> Result<SemaphorePermit<'_>, AcquireTimeoutError> {
        Ok(timeout(limit, self.acquire_many(count)).await??)
    }

    async fn acquire_owned_timeout(
        self: Arc<Self>,
        limit: Duration,
    ) -> Result<OwnedSemaphorePermit, AcquireTimeoutError> {
        Ok(timeout(limit, self.acquire_owned()).await??)
    }

    async fn acquire_many_owned_timeout(
        self: Arc<Self>,
        count: u32,
        limit: Duration,
    ) -> Result<OwnedSemaphorePermit, AcquireTimeoutError> {
        Ok(timeout(limit, self.acquire_many_owned(count)).await??)
    }
}

/// Taking permits with a limit, for [`BoundedSemaphore`].
pub trait BoundedAcquireTimeout {
    /// Takes a permit, if there is one within `limit`.
    ///
    /// # Errors
    /// [`AcquireTimeoutError`]: there was none in time, or there will be none any more.
    fn acquire_timeout(
        &self,
        limit: Duration,
    ) -> impl Future<Output = Result<BoundedSemaphorePermit<'_>, AcquireTimeoutError>>;
}

impl BoundedAcquireTimeout for BoundedSemaphore {
    async fn acquire_timeout(
        &self,
        limit: Duration,
    ) -> Result<BoundedSemaphorePermit<'_>, AcquireTimeoutError> {
        Ok(timeout(limit, self.acquire()).await??)
    }
}
