//! Who reads.
//!
//! # Safety
//! A guard's `Hold` says as what it is inside, and X1 what that excludes. Its pointer leads into the
//! cell of the same lock, which stays where it is: the lock is borrowed, or in an `Arc`.
#![allow(unsafe_code)]

use super::{
    RwLock,
    hold::{Hold, Reading},
    raw::RawRwLock,
};
use crate::guard::show_the_value;
use std::{marker::PhantomData, ops::Deref, ptr::NonNull, sync::Arc};

/// Reads the value of an [`RwLock`], beside other readers, until it is dropped.
///
/// # Examples
/// ```
/// use raddle_sync::RwLock;
///
/// let lock = RwLock::new(1);
/// let (one, other) = (lock.try_read().unwrap(), lock.try_read().unwrap());
/// assert_eq!(*one + *other, 2);
/// assert!(lock.try_write().is_err());
/// ```
#[clippy::has_significant_drop]
#[must_use = "the lock is left as soon as the guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    pub(super) hold: Hold<&'a RawRwLock, Reading>,
    pub(super) value: NonNull<T>,
    pub(super) _value: PhantomData<&'a T>,
}

/// A [`RwLockReadGuard`] that keeps its lock alive, and so borrows nothing.
///
/// `T` is what it reads, which may be a part of the value `L` of the lock.
///
/// # Examples
/// ```
/// use raddle_sync::RwLock;
/// use std::sync::Arc;
///
/// let lock = Arc::new(RwLock::new(1));
/// let (one, other) = (lock.clone().try_read_owned().unwrap(), lock.clone().try_read_owned().unwrap());
/// assert_eq!(*one + *other, 2);
/// assert!(lock.try_write().is_err());
/// ```
#[clippy::has_significant_drop]
#[must_use = "the lock is left as soon as the guard is dropped"]
pub struct OwnedRwLockReadGuard<L: ?Sized, T: ?Sized = L> {
    pub(super) hold: Hold<Arc<RwLock<L>>, Reading>,
    pub(super) value: NonNull<T>,
    pub(super) _value: PhantomData<*const T>,
}

// SAFETY: it is a `&T`, and a way to a lock that any thread may leave.
unsafe impl<T: ?Sized + Sync> Send for RwLockReadGuard<'_, T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}
// SAFETY: it is a `&T`, and an `Arc` of the lock.
unsafe impl<L: ?Sized + Send + Sync, T: ?Sized + Sync> Send for OwnedRwLockReadGuard<L, T> {}
// SAFETY: as above.
unsafe impl<L: ?Sized + Send + Sync, T: ?Sized + Sync> Sync for OwnedRwLockReadGuard<L, T> {}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// A guard for a part of the value. The lock stays read-locked until it is dropped.
    ///
    /// An associated function, so that it hides no method of the value.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new((1, 2));
    /// let first = RwLockReadGuard::map(lock.try_read().unwrap(), |pair| &pair.0);
    /// assert_eq!(*first, 1);
    /// assert!(lock.try_write().is_err());
    /// ```
    pub fn map<U, F>(this: Self, part: F) -> RwLockReadGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&T) -> &U,
    {
        let value = NonNull::from(part(&*this));
        RwLockReadGuard { hold: this.hold, value, _value: PhantomData }
    }

    /// A guard for a part of the value, if there is one.
    ///
    /// # Errors
    /// Gives the guard back if `part` returns `None`.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new(vec![10, 20, 30]);
    /// let guard = lock.try_read().unwrap();
    /// let guard = RwLockReadGuard::try_map(guard, |list| list.get(5)).unwrap_err();
    /// let third = RwLockReadGuard::try_map(guard, |list| list.get(2)).unwrap();
    /// assert_eq!(*third, 30);
    /// ```
    pub fn try_map<U, F>(this: Self, part: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&T) -> Option<&U>,
    {
        match part(&*this).map(NonNull::from) {
            Some(value) => Ok(RwLockReadGuard { hold: this.hold, value, _value: PhantomData }),
            None => Err(this),
        }
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: X1: while this guard is inside, nobody writes but, perhaps, through it.
        unsafe { self.value.as_ref() }
    }
}

impl<L: ?Sized, T: ?Sized> OwnedRwLockReadGuard<L, T> {
    /// A guard for a part of the value. The lock stays read-locked until it is dropped.
    ///
    /// An associated function, so that it hides no method of the value.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedRwLockReadGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new((1, 2)));
    /// let first = OwnedRwLockReadGuard::map(lock.clone().try_read_owned().unwrap(), |pair| &pair.0);
    /// assert_eq!(*first, 1);
    /// assert!(lock.try_write().is_err());
    /// ```
    pub fn map<U, F>(this: Self, part: F) -> OwnedRwLockReadGuard<L, U>
    where
        U: ?Sized,
        F: FnOnce(&T) -> &U,
    {
        let value = NonNull::from(part(&*this));
        OwnedRwLockReadGuard { hold: this.hold, value, _value: PhantomData }
    }

    /// A guard for a part of the value, if there is one.
    ///
    /// # Errors
    /// Gives the guard back if `part` returns `None`.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedRwLockReadGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(vec![10, 20, 30]));
    /// let guard = lock.clone().try_read_owned().unwrap();
    /// let guard = OwnedRwLockReadGuard::try_map(guard, |list| list.get(5)).unwrap_err();
    /// let third = OwnedRwLockReadGuard::try_map(guard, |list| list.get(2)).unwrap();
    /// assert_eq!(*third, 30);
    /// ```
    pub fn try_map<U, F>(this: Self, part: F) -> Result<OwnedRwLockReadGuard<L, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&T) -> Option<&U>,
    {
        match part(&*this).map(NonNull::from) {
            Some(value) => Ok(OwnedRwLockReadGuard { hold: this.hold, value, _value: PhantomData }),
            None => Err(this),
        }
    }

    /// The lock that this guard is inside.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedRwLockReadGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = lock.clone().try_read_owned().unwrap();
    /// assert!(Arc::ptr_eq(OwnedRwLockReadGuard::rwlock(&guard), &lock));
    /// ```
    pub fn rwlock(this: &Self) -> &Arc<RwLock<L>> {
        this.hold.way()
    }
}

impl<L: ?Sized, T: ?Sized> Deref for OwnedRwLockReadGuard<L, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: X1: while this guard is inside, nobody writes but, perhaps, through it.
        unsafe { self.value.as_ref() }
    }
}

show_the_value! {
    [T: ?Sized] RwLockReadGuard<'_, T>: T,
    [L: ?Sized, T: ?Sized] OwnedRwLockReadGuard<L, T>: T,
}
