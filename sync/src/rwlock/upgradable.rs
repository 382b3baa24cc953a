//! Who reads, and may go on to write.
//!
//! # Safety
//! A guard's `Hold` says as what it is inside, and X1 what that excludes. Its pointer leads into the
//! cell of the same lock, which stays where it is: the lock is borrowed, or in an `Arc`. It
//! was not made from a reference, so what is written through it later may be.
#![allow(unsafe_code)]

use super::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
    hold::{Hold, Upgradable, Way},
    raw::{RawRwLock, Want},
};
use crate::guard::show_the_value;
use std::{marker::PhantomData, ops::Deref, ptr::NonNull, sync::Arc};

/// Reads the value of an [`RwLock`], beside other readers, and may go on to write.
///
/// There is one of these at a time, so between the reading and the writing nobody else writes: what
/// was read is still true.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// use raddle_sync::{RwLock, RwLockUpgradableReadGuard};
///
/// let lock = RwLock::new(Vec::new());
/// let reading = lock.upgradable_read().await;
/// assert!(lock.try_read().is_ok() && lock.try_upgradable_read().is_err());
/// if reading.is_empty() {
///     let mut writing = RwLockUpgradableReadGuard::upgrade(reading).await;
///     writing.push(1);
/// }
/// assert_eq!(*lock.read().await, [1]);
/// # });
/// ```
#[clippy::has_significant_drop]
#[must_use = "the lock is left as soon as the guard is dropped"]
pub struct RwLockUpgradableReadGuard<'a, T: ?Sized> {
    pub(super) hold: Hold<&'a RawRwLock, Upgradable>,
    pub(super) value: NonNull<T>,
    pub(super) _value: PhantomData<&'a mut T>,
}

/// A [`RwLockUpgradableReadGuard`] that keeps its lock alive, and so borrows nothing.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// use raddle_sync::{OwnedRwLockUpgradableReadGuard, RwLock};
/// use std::sync::Arc;
///
/// let lock = Arc::new(RwLock::new(Vec::new()));
/// let reading = lock.clone().upgradable_read_owned().await;
/// assert!(lock.try_read().is_ok() && lock.try_upgradable_read().is_err());
/// if reading.is_empty() {
///     let mut writing = OwnedRwLockUpgradableReadGuard::upgrade(reading).await;
///     writing.push(1);
/// }
/// assert_eq!(*lock.read().await, [1]);
/// # });
/// ```
#[clippy::has_significant_drop]
#[must_use = "the lock is left as soon as the guard is dropped"]
pub struct OwnedRwLockUpgradableReadGuard<T: ?Sized> {
    pub(super) hold: Hold<Arc<RwLock<T>>, Upgradable>,
    pub(super) value: NonNull<T>,
    pub(super) _value: PhantomData<*mut T>,
}

// SAFETY: it is a `&T` that may become a `&mut T`, beside readers on other threads before.
unsafe impl<T: ?Sized + Send + Sync> Send for RwLockUpgradableReadGuard<'_, T> {}
// SAFETY: a shared guard gives out `&T`, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for RwLockUpgradableReadGuard<'_, T> {}
// SAFETY: as for `RwLockUpgradableReadGuard`, and an `Arc` of the lock.
unsafe impl<T: ?Sized + Send + Sync> Send for OwnedRwLockUpgradableReadGuard<T> {}
// SAFETY: a shared guard gives out `&T`, and the `Arc` of the lock.
unsafe impl<T: ?Sized + Send + Sync> Sync for OwnedRwLockUpgradableReadGuard<T> {}

impl<'a, T: ?Sized> RwLockUpgradableReadGuard<'a, T> {
    /// Waits until the other readers have left, and goes on as the writer.
    ///
    /// It goes before everybody in line: they wait for this guard. No reader comes in meanwhile.
    ///
    /// # Cancel safety
    /// Dropping this future drops the guard: the lock is left, and nothing has been written. To keep
    /// reading while trying, use [`try_upgrade`](Self::try_upgrade).
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use raddle_sync::{RwLock, RwLockUpgradableReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let reading = lock.try_upgradable_read().unwrap();
    /// *RwLockUpgradableReadGuard::upgrade(reading).await += 1;
    /// assert_eq!(*lock.read().await, 2);
    /// # });
    /// ```
    pub async fn upgrade(this: Self) -> RwLockWriteGuard<'a, T> {
        this.hold.way().raw().wait(Want::Upgrade).await;
        Self::upgraded(this)
    }

    /// As [`upgrade`](Self::upgrade), but the guard stays where it is until the other readers have left.
    ///
    /// # Cancel safety
    /// Dropping this future before it completes leaves the guard in `this`: reading goes on.
    ///
    /// # Panics
    /// If there is no guard in `this` when this is polled first.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use raddle_sync::{RwLock, RwLockUpgradableReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut reading = lock.try_upgradable_read().ok();
    /// *RwLockUpgradableReadGuard::upgrade_from(&mut reading).await += 1;
    /// assert!(reading.is_none());
    /// assert_eq!(*lock.read().await, 2);
    /// # });
    /// ```
    pub async fn upgrade_from(this: &mut Option<Self>) -> RwLockWriteGuard<'a, T> {
        let reading = this.as_ref().expect("an upgrade needs a guard");
        reading.hold.way().raw().wait(Want::Upgrade).await;
        let reading = this.take().expect("it is there while this is borrowed");
        Self::upgraded(reading)
    }

    /// Goes on as the writer if there is no other reader.
    ///
    /// # Errors
    /// Gives the guard back if there is.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{RwLock, RwLockUpgradableReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let reading = lock.try_upgradable_read().unwrap();
    /// let other = lock.try_read().unwrap();
    /// let reading = RwLockUpgradableReadGuard::try_upgrade(reading).unwrap_err();
    /// drop(other);
    /// *RwLockUpgradableReadGuard::try_upgrade(reading).unwrap() += 1;
    /// ```
    pub fn try_upgrade(this: Self) -> Result<RwLockWriteGuard<'a, T>, Self> {
        if this.hold.way().raw().try_enter(Want::Upgrade) {
            Ok(Self::upgraded(this))
        } else {
            Err(this)
        }
    }

    /// The state of the lock says already that it writes.
    fn upgraded(this: Self) -> RwLockWriteGuard<'a, T> {
        RwLockWriteGuard {
            hold: this.hold.go_on_as(|_| ()),
            value: this.value,
            _value: PhantomData,
        }
    }

    /// Goes on as a reader like others, and lets another upgradable one in.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{RwLock, RwLockUpgradableReadGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let reading = RwLockUpgradableReadGuard::downgrade(lock.try_upgradable_read().unwrap());
    /// assert!(lock.try_upgradable_read().is_ok());
    /// # drop(reading);
    /// ```
    pub fn downgrade(this: Self) -> RwLockReadGuard<'a, T> {
        let hold = this.hold.go_on_as(RawRwLock::upgradable_to_read);
        RwLockReadGuard { hold, value: this.value, _value: PhantomData }
    }
}

impl<T: ?Sized> Deref for RwLockUpgradableReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: X1: while this guard is inside, nobody writes but, perhaps, through it.
        unsafe { self.value.as_ref() }
    }
}

impl<L: ?Sized> OwnedRwLockUpgradableReadGuard<L> {
    /// Waits until the other readers have left, and goes on as the writer.
    ///
    /// It goes before everybody in line: they wait for this guard. No reader comes in meanwhile.
    ///
    /// # Cancel safety
    /// Dropping this future drops the guard: the lock is left, and nothing has been written. To keep
    /// reading while trying, use [`try_upgrade`](Self::try_upgrade).
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use raddle_sync::{OwnedRwLockUpgradableReadGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let reading = lock.clone().try_upgradable_read_owned().unwrap();
    /// *OwnedRwLockUpgradableReadGuard::upgrade(reading).await += 1;
    /// assert_eq!(*lock.read().await, 2);
    /// # });
    /// ```
    pub async fn upgrade(this: Self) -> OwnedRwLockWriteGuard<L> {
        this.hold.way().raw().wait(Want::Upgrade).await;
        Self::upgraded(this)
    }

    /// As [`upgrade`](Self::upgrade), but the guard stays where it is until the other readers have left.
    ///
    /// # Cancel safety
    /// Dropping this future before it completes leaves the guard in `this`: reading goes on.
    ///
    /// # Panics
    /// If there is no guard in `this` when this is polled first.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use raddle_sync::{OwnedRwLockUpgradableReadGuard, RwLock};
    ///
    /// let lock = std::sync::Arc::new(RwLock::new(1));
    /// let mut reading = lock.clone().try_upgradable_read_owned().ok();
    /// *OwnedRwLockUpgradableReadGuard::upgrade_from(&mut reading).await += 1;
    /// assert!(reading.is_none());
    /// assert_eq!(*lock.read().await, 2);
    /// # });
    /// ```
    pub async fn upgrade_from(this: &mut Option<Self>) -> OwnedRwLockWriteGuard<L> {
        let reading = this.as_ref().expect("an upgrade needs a guard");
        reading.hold.way().raw().wait(Want::Upgrade).await;
        let reading = this.take().expect("it is there while this is borrowed");
        Self::upgraded(reading)
    }

    /// Goes on as the writer if there is no other reader.
    ///
    /// # Errors
    /// Gives the guard back if there is.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedRwLockUpgradableReadGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let reading = lock.clone().try_upgradable_read_owned().unwrap();
    /// let other = lock.try_read().unwrap();
    /// let reading = OwnedRwLockUpgradableReadGuard::try_upgrade(reading).unwrap_err();
    /// drop(other);
    /// *OwnedRwLockUpgradableReadGuard::try_upgrade(reading).unwrap() += 1;
    /// ```
    pub fn try_upgrade(this: Self) -> Result<OwnedRwLockWriteGuard<L>, Self> {
        if this.hold.way().raw().try_enter(Want::Upgrade) {
            Ok(Self::upgraded(this))
        } else {
            Err(this)
        }
    }

    /// The state of the lock says already that it writes.
    fn upgraded(this: Self) -> OwnedRwLockWriteGuard<L> {
        OwnedRwLockWriteGuard {
            hold: this.hold.go_on_as(|_| ()),
            value: this.value,
            _value: PhantomData,
        }
    }

    /// Goes on as a reader like others, and lets another upgradable one in.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedRwLockUpgradableReadGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let reading = OwnedRwLockUpgradableReadGuard::downgrade(lock.clone().try_upgradable_read_owned().unwrap());
    /// assert!(lock.try_upgradable_read().is_ok());
    /// # drop(reading);
    /// ```
    pub fn downgrade(this: Self) -> OwnedRwLockReadGuard<L, L> {
        let hold = this.hold.go_on_as(RawRwLock::upgradable_to_read);
        OwnedRwLockReadGuard { hold, value: this.value, _value: PhantomData }
    }

    /// The lock that this guard is inside.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedRwLockUpgradableReadGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = lock.clone().try_upgradable_read_owned().unwrap();
    /// assert!(Arc::ptr_eq(OwnedRwLockUpgradableReadGuard::rwlock(&guard), &lock));
    /// ```
    pub fn rwlock(this: &Self) -> &Arc<RwLock<L>> {
        this.hold.way()
    }
}

impl<T: ?Sized> Deref for OwnedRwLockUpgradableReadGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: X1: while this guard is inside, nobody writes but, perhaps, through it.
        unsafe { self.value.as_ref() }
    }
}

show_the_value! {
    [T: ?Sized] RwLockUpgradableReadGuard<'_, T>: T,
    [T: ?Sized] OwnedRwLockUpgradableReadGuard<T>: T,
}
