//! Locking for a limited time.

use crate::time::{Elapsed, timeout};
use raddle_sync::{
    Mutex, MutexGuard, OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockUpgradableReadGuard,
    OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard,
};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

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

    /// Locks it for reading, as the one that may go on to write, if that is possible within `limit`.
    ///
    /// # Errors
    /// [`Elapsed`] if not.
    fn upgradable_read_timeout<'a>(
        &'a self,
        limit: Duration,
    ) -> impl Future<Output = Result<RwLockUpgradableReadGuard<'a, T>, Elapsed>>
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

    /// As [`upgradable_read_timeout`](RwLockTimeout::upgradable_read_timeout), with a guard that keeps the lock alive.
    ///
    /// # Errors
    /// [`Elapsed`] if it cannot be locked in time.
    fn upgradable_read_owned_timeout(
        self: Arc<Self>,
        limit: Duration,
    ) -> impl Future<Output = Result<OwnedRwLockUpgradableReadGuard<T>, Elapsed>>;
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

    async fn upgradable_read_timeout<'a>(
        &'a self,
        limit: Duration,
    ) -> Result<RwLockUpgradableReadGuard<'a, T>, Elapsed>
    where
        T: 'a,
    {
        timeout(limit, self.upgradable_read()).await
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

    async fn upgradable_read_owned_timeout(
        self: Arc<Self>,
        limit: Duration,
    ) -> Result<OwnedRwLockUpgradableReadGuard<T>, Elapsed> {
        timeout(limit, self.upgradable_read_owned()).await
    }
}

/// Going from reading to writing with a limit, for [`RwLockUpgradableReadGuard`] and its owned form.
///
/// Called as a function, as what else guards have: their values have methods of their own.
pub trait UpgradeTimeout: Sized {
    /// The guard that writes.
    type Writing;

    /// Goes on as the writer, if the other readers leave within `limit`. No reader comes in meanwhile.
    ///
    /// # Errors
    /// Gives the guard back if they do not. Nobody has written since it was made.
    ///
    /// # Cancel safety
    /// Dropping this drops the guard.
    ///
    /// ```
    /// use raddle::time::{Duration, limits::UpgradeTimeout};
    ///
    /// # raddle::block_on(async {
    /// let lock = raddle::sync::RwLock::new(1);
    /// let limit = Duration::from_millis(1);
    /// let other = lock.read().await;
    /// let reading = lock.upgradable_read().await;
    /// let reading = UpgradeTimeout::upgrade_timeout(reading, limit).await.unwrap_err();
    /// drop(other);
    /// *UpgradeTimeout::upgrade_timeout(reading, limit).await.unwrap() += 1;
    /// assert_eq!(*lock.read().await, 2);
    /// # })
    /// ```
    fn upgrade_timeout(
        this: Self,
        limit: Duration,
    ) -> impl Future<Output = Result<Self::Writing, Self>>;
}

/// The two guards differ in their type only.
macro_rules! upgrade_in_time {
    ($([$($generic:tt)*] $Reading:ty => $Writing:ty;)*) => {$(
        impl<$($generic)*> UpgradeTimeout for $Reading {
            type Writing = $Writing;

            async fn upgrade_timeout(this: Self, limit: Duration) -> Result<$Writing, Self> {
                let mut reading = Some(this);
                let upgraded = timeout(limit, Self::upgrade_from(&mut reading)).await;
                match (upgraded, reading) {
                    (Ok(writing), _) => Ok(writing),
                    (Err(Elapsed), Some(reading)) => Err(reading),
                    (Err(Elapsed), None) => unreachable!("an upgrade that was given up leaves the guard"),
                }
            }
        }
    )*};
}

upgrade_in_time! {
    ['a, T: ?Sized] RwLockUpgradableReadGuard<'a, T> => RwLockWriteGuard<'a, T>;
    [T: ?Sized] OwnedRwLockUpgradableReadGuard<T> => OwnedRwLockWriteGuard<T>;
}
