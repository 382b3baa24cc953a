//! The doors of a reader-writer lock for guards that keep it alive.

use super::{
    OwnedRwLockReadGuard, OwnedRwLockUpgradableReadGuard, OwnedRwLockWriteGuard, RwLock,
    hold::Hold, raw::Want,
};
use crate::{blocking::block_on, error::TryLockError};
use std::{marker::PhantomData, sync::Arc};

impl<T: ?Sized> RwLock<T> {
    /// Waits until it may read, for a guard that keeps it alive and can move to another task.
    ///
    /// Not for a task that reads already: see [`RwLock`].
    ///
    /// # Cancel safety
    /// Dropping this future leaves the lock alone, and gives up the place in line.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let lock = std::sync::Arc::new(raddle_sync::RwLock::new(1));
    /// let guard = lock.clone().read_owned().await;
    /// assert_eq!(*guard, 1);
    /// # });
    /// ```
    pub async fn read_owned(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        self.raw.wait(Want::Read).await;
        let value = self.pointer();
        OwnedRwLockReadGuard { hold: Hold::new(self), value, _value: PhantomData }
    }

    /// Reads if that is possible at once, for a guard that keeps it alive and can move to another task.
    ///
    /// # Errors
    /// [`TryLockError`] if somebody writes, or waits for it.
    ///
    /// # Examples
    /// ```
    /// let lock = std::sync::Arc::new(raddle_sync::RwLock::new(1));
    /// let guard = lock.clone().try_read_owned().unwrap();
    /// assert_eq!(*guard, 1);
    /// assert!(lock.try_write().is_err());
    /// ```
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        if !self.raw.try_enter(Want::Read) {
            return Err(TryLockError::new());
        }
        let value = self.pointer();
        Ok(OwnedRwLockReadGuard { hold: Hold::new(self), value, _value: PhantomData })
    }

    /// Waits on this thread, which sleeps, until it may read, for a guard that keeps it alive and can move to another task.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Examples
    /// ```
    /// let lock = std::sync::Arc::new(raddle_sync::RwLock::new(1));
    /// let guard = lock.clone().blocking_read_owned();
    /// assert_eq!(*guard, 1);
    /// ```
    #[track_caller]
    pub fn blocking_read_owned(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        block_on(self.read_owned())
    }

    /// Waits until it may write, for a guard that keeps it alive and can move to another task.
    ///
    /// # Cancel safety
    /// Dropping this future leaves the lock alone, and gives up the place in line.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let lock = std::sync::Arc::new(raddle_sync::RwLock::new(1));
    /// let mut guard = lock.clone().write_owned().await;
    /// *guard += 1;
    /// # });
    /// ```
    pub async fn write_owned(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        self.raw.wait(Want::Write).await;
        let value = self.pointer();
        OwnedRwLockWriteGuard { hold: Hold::new(self), value, _value: PhantomData }
    }

    /// Writes if that is possible at once, for a guard that keeps it alive and can move to another task.
    ///
    /// # Errors
    /// [`TryLockError`] if somebody reads or writes, or is about to.
    ///
    /// # Examples
    /// ```
    /// let lock = std::sync::Arc::new(raddle_sync::RwLock::new(1));
    /// let mut guard = lock.clone().try_write_owned().unwrap();
    /// *guard += 1;
    /// assert!(lock.try_write().is_err());
    /// ```
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        if !self.raw.try_enter(Want::Write) {
            return Err(TryLockError::new());
        }
        let value = self.pointer();
        Ok(OwnedRwLockWriteGuard { hold: Hold::new(self), value, _value: PhantomData })
    }

    /// Waits on this thread, which sleeps, until it may write, for a guard that keeps it alive and can move to another task.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Examples
    /// ```
    /// let lock = std::sync::Arc::new(raddle_sync::RwLock::new(1));
    /// let mut guard = lock.clone().blocking_write_owned();
    /// *guard += 1;
    /// ```
    #[track_caller]
    pub fn blocking_write_owned(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        block_on(self.write_owned())
    }

    /// Waits until it may read, as the one that may go on to write, for a guard that keeps it alive and can move to another task.
    ///
    /// # Cancel safety
    /// Dropping this future leaves the lock alone, and gives up the place in line.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let lock = std::sync::Arc::new(raddle_sync::RwLock::new(1));
    /// let guard = lock.clone().upgradable_read_owned().await;
    /// assert_eq!(*guard, 1);
    /// # });
    /// ```
    pub async fn upgradable_read_owned(self: Arc<Self>) -> OwnedRwLockUpgradableReadGuard<T> {
        self.raw.wait(Want::UpgradableRead).await;
        let value = self.pointer();
        OwnedRwLockUpgradableReadGuard { hold: Hold::new(self), value, _value: PhantomData }
    }

    /// Reads, as the one that may go on to write, if that is possible at once, for a guard that keeps it alive and can move to another task.
    ///
    /// # Errors
    /// [`TryLockError`] if somebody writes or waits for it, or is upgradable already.
    ///
    /// # Examples
    /// ```
    /// let lock = std::sync::Arc::new(raddle_sync::RwLock::new(1));
    /// let guard = lock.clone().try_upgradable_read_owned().unwrap();
    /// assert_eq!(*guard, 1);
    /// assert!(lock.try_write().is_err());
    /// ```
    pub fn try_upgradable_read_owned(
        self: Arc<Self>,
    ) -> Result<OwnedRwLockUpgradableReadGuard<T>, TryLockError> {
        if !self.raw.try_enter(Want::UpgradableRead) {
            return Err(TryLockError::new());
        }
        let value = self.pointer();
        Ok(OwnedRwLockUpgradableReadGuard { hold: Hold::new(self), value, _value: PhantomData })
    }

    /// Waits on this thread, which sleeps, until it may read, as the one that may go on to write, for a guard that keeps it alive and can move to another task.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Examples
    /// ```
    /// let lock = std::sync::Arc::new(raddle_sync::RwLock::new(1));
    /// let guard = lock.clone().blocking_upgradable_read_owned();
    /// assert_eq!(*guard, 1);
    /// ```
    #[track_caller]
    pub fn blocking_upgradable_read_owned(self: Arc<Self>) -> OwnedRwLockUpgradableReadGuard<T> {
        block_on(self.upgradable_read_owned())
    }
}
