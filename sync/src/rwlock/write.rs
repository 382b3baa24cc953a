//! Who writes.
//!
//! # Safety
//! A guard's `Hold` says as what it is inside, and X1 what that excludes. Its pointer leads into the
//! cell of the same lock, which stays where it is: the lock is borrowed, or in an `Arc`.
#![allow(unsafe_code)]

use super::{
    OwnedRwLockMappedWriteGuard, RwLock, RwLockMappedWriteGuard,
    hold::{Hold, Writing, reach_the_value},
    raw::RawRwLock,
};
use crate::guard::show_the_value;
use std::{marker::PhantomData, ptr::NonNull, sync::Arc};

/// Reads and writes the value of an [`RwLock`], alone, until it is dropped.
///
/// # Examples
/// ```
/// use raddle_sync::RwLock;
///
/// let lock = RwLock::new(1);
/// let mut guard = lock.try_write().unwrap();
/// *guard += 1;
/// assert!(lock.try_read().is_err());
/// drop(guard);
/// assert_eq!(*lock.try_read().unwrap(), 2);
/// ```
#[clippy::has_significant_drop]
#[must_use = "the lock is left as soon as the guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    pub(super) hold: Hold<&'a RawRwLock, Writing>,
    pub(super) value: NonNull<T>,
    pub(super) _value: PhantomData<&'a mut T>,
}

/// A [`RwLockWriteGuard`] that keeps its lock alive, and so borrows nothing.
///
/// # Examples
/// ```
/// use raddle_sync::RwLock;
/// use std::sync::Arc;
///
/// let lock = Arc::new(RwLock::new(1));
/// let mut guard = lock.clone().try_write_owned().unwrap();
/// *guard += 1;
/// assert!(lock.try_read().is_err());
/// drop(guard);
/// assert_eq!(*lock.try_read().unwrap(), 2);
/// ```
#[clippy::has_significant_drop]
#[must_use = "the lock is left as soon as the guard is dropped"]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    pub(super) hold: Hold<Arc<RwLock<T>>, Writing>,
    pub(super) value: NonNull<T>,
    pub(super) _value: PhantomData<*mut T>,
}

// SAFETY: it is a `&mut T`; and it may become a guard that reads, beside readers on other threads,
// so `T` has to be `Sync` as well.
unsafe impl<T: ?Sized + Send + Sync> Send for RwLockWriteGuard<'_, T> {}
// SAFETY: a shared guard gives out `&T`, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}
// SAFETY: as for `RwLockWriteGuard`, and an `Arc` of the lock.
unsafe impl<T: ?Sized + Send + Sync> Send for OwnedRwLockWriteGuard<T> {}
// SAFETY: a shared guard gives out `&T`, and the `Arc` of the lock.
unsafe impl<T: ?Sized + Send + Sync> Sync for OwnedRwLockWriteGuard<T> {}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// A guard for a part of the value. The lock stays write-locked until it is dropped.
    ///
    /// An associated function, so that it hides no method of the value.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new((1, 2));
    /// let mut first = RwLockWriteGuard::map(lock.try_write().unwrap(), |pair| &mut pair.0);
    /// *first = 3;
    /// drop(first);
    /// assert_eq!(*lock.try_read().unwrap(), (3, 2));
    /// ```
    pub fn map<U, F>(mut this: Self, part: F) -> RwLockMappedWriteGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let value = NonNull::from(part(&mut *this));
        RwLockMappedWriteGuard { hold: this.hold, value, _value: PhantomData }
    }

    /// A guard for a part of the value, if there is one.
    ///
    /// # Errors
    /// Gives the guard back if `part` returns `None`.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(vec![10, 20, 30]);
    /// let guard = lock.try_write().unwrap();
    /// let guard = RwLockWriteGuard::try_map(guard, |list| list.get_mut(5)).unwrap_err();
    /// let mut third = RwLockWriteGuard::try_map(guard, |list| list.get_mut(2)).unwrap();
    /// *third = 33;
    /// ```
    pub fn try_map<U, F>(mut this: Self, part: F) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match part(&mut *this).map(NonNull::from) {
            Some(value) => {
                Ok(RwLockMappedWriteGuard { hold: this.hold, value, _value: PhantomData })
            }
            None => Err(this),
        }
    }

    /// The same guard, as one for a part which is the whole.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{RwLock, RwLockMappedWriteGuard, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let guard: RwLockMappedWriteGuard<'_, i32> = RwLockWriteGuard::into_mapped(lock.try_write().unwrap());
    /// assert_eq!(*guard, 1);
    /// ```
    pub fn into_mapped(this: Self) -> RwLockMappedWriteGuard<'a, T> {
        RwLockMappedWriteGuard { hold: this.hold, value: this.value, _value: PhantomData }
    }
}

impl<L: ?Sized> OwnedRwLockWriteGuard<L> {
    /// A guard for a part of the value. The lock stays write-locked until it is dropped.
    ///
    /// An associated function, so that it hides no method of the value.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new((1, 2)));
    /// let mut first = OwnedRwLockWriteGuard::map(lock.clone().try_write_owned().unwrap(), |pair| &mut pair.0);
    /// *first = 3;
    /// drop(first);
    /// assert_eq!(*lock.try_read().unwrap(), (3, 2));
    /// ```
    pub fn map<U, F>(mut this: Self, part: F) -> OwnedRwLockMappedWriteGuard<L, U>
    where
        U: ?Sized,
        F: FnOnce(&mut L) -> &mut U,
    {
        let value = NonNull::from(part(&mut *this));
        OwnedRwLockMappedWriteGuard { hold: this.hold, value, _value: PhantomData }
    }

    /// A guard for a part of the value, if there is one.
    ///
    /// # Errors
    /// Gives the guard back if `part` returns `None`.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(vec![10, 20, 30]));
    /// let guard = lock.clone().try_write_owned().unwrap();
    /// let guard = OwnedRwLockWriteGuard::try_map(guard, |list| list.get_mut(5)).unwrap_err();
    /// let mut third = OwnedRwLockWriteGuard::try_map(guard, |list| list.get_mut(2)).unwrap();
    /// *third = 33;
    /// ```
    pub fn try_map<U, F>(mut this: Self, part: F) -> Result<OwnedRwLockMappedWriteGuard<L, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut L) -> Option<&mut U>,
    {
        match part(&mut *this).map(NonNull::from) {
            Some(value) => {
                Ok(OwnedRwLockMappedWriteGuard { hold: this.hold, value, _value: PhantomData })
            }
            None => Err(this),
        }
    }

    /// The same guard, as one for a part which is the whole.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedRwLockMappedWriteGuard, OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard: OwnedRwLockMappedWriteGuard<i32> = OwnedRwLockWriteGuard::into_mapped(lock.clone().try_write_owned().unwrap());
    /// assert_eq!(*guard, 1);
    /// ```
    pub fn into_mapped(this: Self) -> OwnedRwLockMappedWriteGuard<L, L> {
        OwnedRwLockMappedWriteGuard { hold: this.hold, value: this.value, _value: PhantomData }
    }

    /// The lock that this guard is inside.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = lock.clone().try_write_owned().unwrap();
    /// assert!(Arc::ptr_eq(OwnedRwLockWriteGuard::rwlock(&guard), &lock));
    /// ```
    pub fn rwlock(this: &Self) -> &Arc<RwLock<L>> {
        this.hold.way()
    }
}

reach_the_value! {
    [T: ?Sized] RwLockWriteGuard<'_, T>: T,
    [T: ?Sized] OwnedRwLockWriteGuard<T>: T,
}

show_the_value! {
    [T: ?Sized] RwLockWriteGuard<'_, T>: T,
    [T: ?Sized] OwnedRwLockWriteGuard<T>: T,
}
