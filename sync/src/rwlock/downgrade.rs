//! A writer that goes on as a reader.
//!
//! Nobody writes in between: the state changes from the one to the other in one step (X4).

use super::{
    OwnedRwLockReadGuard, OwnedRwLockUpgradableReadGuard, OwnedRwLockWriteGuard, RwLockReadGuard,
    RwLockUpgradableReadGuard, RwLockWriteGuard, raw::RawRwLock,
};
use std::{marker::PhantomData, ptr::NonNull};

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Goes on as a reader. Nobody writes in between; readers that are first in line come in.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let mut writing = lock.try_write().unwrap();
    /// *writing += 1;
    /// let reading = writing.downgrade();
    /// assert_eq!(*reading + *lock.try_read().unwrap(), 4);
    /// ```
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        let hold = self.hold.go_on_as(RawRwLock::write_to_read);
        RwLockReadGuard { hold, value: self.value, _value: PhantomData }
    }

    /// Goes on as a reader that may [upgrade](RwLockUpgradableReadGuard::upgrade) again. Nobody writes in
    /// between.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let reading = lock.try_write().unwrap().downgrade_to_upgradable();
    /// assert!(lock.try_read().is_ok() && lock.try_upgradable_read().is_err());
    /// # drop(reading);
    /// ```
    pub fn downgrade_to_upgradable(self) -> RwLockUpgradableReadGuard<'a, T> {
        let hold = self.hold.go_on_as(RawRwLock::write_to_upgradable);
        RwLockUpgradableReadGuard { hold, value: self.value, _value: PhantomData }
    }

    /// Goes on as a reader of a part of the value.
    ///
    /// `part` sees the value while the lock is still write-locked.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new((1, 2));
    /// let second = RwLockWriteGuard::downgrade_map(lock.try_write().unwrap(), |pair| &pair.1);
    /// assert_eq!((*second, lock.try_read().unwrap().0), (2, 1));
    /// ```
    pub fn downgrade_map<U, F>(this: Self, part: F) -> RwLockReadGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&T) -> &U,
    {
        let value = NonNull::from(part(&*this));
        RwLockReadGuard {
            hold: this.hold.go_on_as(RawRwLock::write_to_read),
            value,
            _value: PhantomData,
        }
    }

    /// Goes on as a reader of a part of the value, if there is one.
    ///
    /// # Errors
    /// Gives the guard back, still writing, if `part` returns `None`.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(vec![10, 20, 30]);
    /// let guard = lock.try_write().unwrap();
    /// let mut guard = RwLockWriteGuard::try_downgrade_map(guard, |list| list.get(5)).unwrap_err();
    /// guard.push(40);
    /// let last = RwLockWriteGuard::try_downgrade_map(guard, |list| list.get(3)).unwrap();
    /// assert_eq!(*last, 40);
    /// ```
    pub fn try_downgrade_map<U, F>(this: Self, part: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&T) -> Option<&U>,
    {
        match part(&*this).map(NonNull::from) {
            Some(value) => Ok(RwLockReadGuard {
                hold: this.hold.go_on_as(RawRwLock::write_to_read),
                value,
                _value: PhantomData,
            }),
            None => Err(this),
        }
    }
}

impl<L: ?Sized> OwnedRwLockWriteGuard<L> {
    /// Goes on as a reader. Nobody writes in between; readers that are first in line come in.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::RwLock;
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let mut writing = lock.clone().try_write_owned().unwrap();
    /// *writing += 1;
    /// let reading = writing.downgrade();
    /// assert_eq!(*reading + *lock.try_read().unwrap(), 4);
    /// ```
    pub fn downgrade(self) -> OwnedRwLockReadGuard<L, L> {
        let hold = self.hold.go_on_as(RawRwLock::write_to_read);
        OwnedRwLockReadGuard { hold, value: self.value, _value: PhantomData }
    }

    /// Goes on as a reader that may [upgrade](OwnedRwLockUpgradableReadGuard::upgrade) again. Nobody writes in
    /// between.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::RwLock;
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let reading = lock.clone().try_write_owned().unwrap().downgrade_to_upgradable();
    /// assert!(lock.try_read().is_ok() && lock.try_upgradable_read().is_err());
    /// # drop(reading);
    /// ```
    pub fn downgrade_to_upgradable(self) -> OwnedRwLockUpgradableReadGuard<L> {
        let hold = self.hold.go_on_as(RawRwLock::write_to_upgradable);
        OwnedRwLockUpgradableReadGuard { hold, value: self.value, _value: PhantomData }
    }

    /// Goes on as a reader of a part of the value.
    ///
    /// `part` sees the value while the lock is still write-locked.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new((1, 2)));
    /// let second = OwnedRwLockWriteGuard::downgrade_map(lock.clone().try_write_owned().unwrap(), |pair| &pair.1);
    /// assert_eq!((*second, lock.try_read().unwrap().0), (2, 1));
    /// ```
    pub fn downgrade_map<U, F>(this: Self, part: F) -> OwnedRwLockReadGuard<L, U>
    where
        U: ?Sized,
        F: FnOnce(&L) -> &U,
    {
        let value = NonNull::from(part(&*this));
        OwnedRwLockReadGuard {
            hold: this.hold.go_on_as(RawRwLock::write_to_read),
            value,
            _value: PhantomData,
        }
    }

    /// Goes on as a reader of a part of the value, if there is one.
    ///
    /// # Errors
    /// Gives the guard back, still writing, if `part` returns `None`.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(vec![10, 20, 30]));
    /// let guard = lock.clone().try_write_owned().unwrap();
    /// let mut guard = OwnedRwLockWriteGuard::try_downgrade_map(guard, |list| list.get(5)).unwrap_err();
    /// guard.push(40);
    /// let last = OwnedRwLockWriteGuard::try_downgrade_map(guard, |list| list.get(3)).unwrap();
    /// assert_eq!(*last, 40);
    /// ```
    pub fn try_downgrade_map<U, F>(this: Self, part: F) -> Result<OwnedRwLockReadGuard<L, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&L) -> Option<&U>,
    {
        match part(&*this).map(NonNull::from) {
            Some(value) => Ok(OwnedRwLockReadGuard {
                hold: this.hold.go_on_as(RawRwLock::write_to_read),
                value,
                _value: PhantomData,
            }),
            None => Err(this),
        }
    }
}
