//! Who writes, and uses a part of the value only.
//!
//! # Safety
//! A guard's `Hold` says as what it is inside, and X1 what that excludes. Its pointer leads into the
//! cell of the same lock, which stays where it is: the lock is borrowed, or in an `Arc`. It was
//! made from the only reference there was, by the closure that chose the part.
#![allow(unsafe_code)]

use super::{
    RwLock,
    hold::{Hold, Writing, reach_the_value},
    raw::RawRwLock,
};
use crate::guard::show_the_value;
use std::{marker::PhantomData, ptr::NonNull, sync::Arc};

/// An [`RwLockWriteGuard`](crate::RwLockWriteGuard) for a part of the value.
///
/// # Examples
/// ```
/// use raddle_sync::{RwLock, RwLockWriteGuard};
///
/// let lock = RwLock::new((1, "one"));
/// let mut number = RwLockWriteGuard::map(lock.try_write().unwrap(), |pair| &mut pair.0);
/// *number = 2;
/// assert!(lock.try_read().is_err());
/// # drop(number);
/// ```
#[clippy::has_significant_drop]
#[must_use = "the lock is left as soon as the guard is dropped"]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    pub(super) hold: Hold<&'a RawRwLock, Writing>,
    pub(super) value: NonNull<T>,
    pub(super) _value: PhantomData<&'a mut T>,
}

/// An [`OwnedRwLockWriteGuard`](crate::OwnedRwLockWriteGuard) for a part of the value.
///
/// # Examples
/// ```
/// use raddle_sync::{OwnedRwLockWriteGuard, RwLock};
/// use std::sync::Arc;
///
/// let lock = Arc::new(RwLock::new((1, "one")));
/// let mut number = OwnedRwLockWriteGuard::map(lock.clone().try_write_owned().unwrap(), |pair| &mut pair.0);
/// *number = 2;
/// assert!(lock.try_read().is_err());
/// # drop(number);
/// ```
#[clippy::has_significant_drop]
#[must_use = "the lock is left as soon as the guard is dropped"]
pub struct OwnedRwLockMappedWriteGuard<L: ?Sized, T: ?Sized = L> {
    pub(super) hold: Hold<Arc<RwLock<L>>, Writing>,
    pub(super) value: NonNull<T>,
    pub(super) _value: PhantomData<*mut T>,
}

// SAFETY: it is a `&mut T`, and a way to a lock that any thread may leave.
unsafe impl<T: ?Sized + Send> Send for RwLockMappedWriteGuard<'_, T> {}
// SAFETY: a shared guard gives out `&T`, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for RwLockMappedWriteGuard<'_, T> {}
// SAFETY: it is a `&mut T`, and an `Arc` of the lock.
unsafe impl<L: ?Sized + Send + Sync, T: ?Sized + Send> Send for OwnedRwLockMappedWriteGuard<L, T> {}
// SAFETY: a shared guard gives out `&T`, and the `Arc` of the lock.
unsafe impl<L: ?Sized + Send + Sync, T: ?Sized + Sync> Sync for OwnedRwLockMappedWriteGuard<L, T> {}

impl<'a, T: ?Sized> RwLockMappedWriteGuard<'a, T> {
    /// A guard for a part of the part, as [`RwLockWriteGuard::map`](crate::RwLockWriteGuard::map).
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{RwLock, RwLockMappedWriteGuard, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new((1, (2, 3)));
    /// let pair = RwLockWriteGuard::map(lock.try_write().unwrap(), |nested| &mut nested.1);
    /// let mut number = RwLockMappedWriteGuard::map(pair, |pair| &mut pair.0);
    /// *number = 5;
    /// ```
    pub fn map<U, F>(mut this: Self, part: F) -> RwLockMappedWriteGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let value = NonNull::from(part(&mut *this));
        RwLockMappedWriteGuard { hold: this.hold, value, _value: PhantomData }
    }

    /// A guard for a part of the part, if there is one.
    ///
    /// # Errors
    /// Gives the guard back if `part` returns `None`.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{RwLock, RwLockMappedWriteGuard, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new((1, (2, 3)));
    /// let pair = RwLockWriteGuard::map(lock.try_write().unwrap(), |nested| &mut nested.1);
    /// let none = RwLockMappedWriteGuard::try_map(pair, |_| None::<&mut u8>);
    /// assert_eq!(*none.unwrap_err(), (2, 3));
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
}

impl<L: ?Sized, T: ?Sized> OwnedRwLockMappedWriteGuard<L, T> {
    /// A guard for a part of the part, as [`OwnedRwLockWriteGuard::map`](crate::OwnedRwLockWriteGuard::map).
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedRwLockMappedWriteGuard, OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new((1, (2, 3))));
    /// let pair = OwnedRwLockWriteGuard::map(lock.clone().try_write_owned().unwrap(), |nested| &mut nested.1);
    /// let mut number = OwnedRwLockMappedWriteGuard::map(pair, |pair| &mut pair.0);
    /// *number = 5;
    /// ```
    pub fn map<U, F>(mut this: Self, part: F) -> OwnedRwLockMappedWriteGuard<L, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let value = NonNull::from(part(&mut *this));
        OwnedRwLockMappedWriteGuard { hold: this.hold, value, _value: PhantomData }
    }

    /// A guard for a part of the part, if there is one.
    ///
    /// # Errors
    /// Gives the guard back if `part` returns `None`.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedRwLockMappedWriteGuard, OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new((1, (2, 3))));
    /// let pair = OwnedRwLockWriteGuard::map(lock.clone().try_write_owned().unwrap(), |nested| &mut nested.1);
    /// let none = OwnedRwLockMappedWriteGuard::try_map(pair, |_| None::<&mut u8>);
    /// assert_eq!(*none.unwrap_err(), (2, 3));
    /// ```
    pub fn try_map<U, F>(mut this: Self, part: F) -> Result<OwnedRwLockMappedWriteGuard<L, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match part(&mut *this).map(NonNull::from) {
            Some(value) => {
                Ok(OwnedRwLockMappedWriteGuard { hold: this.hold, value, _value: PhantomData })
            }
            None => Err(this),
        }
    }

    /// The lock that this guard is inside.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedRwLockMappedWriteGuard, OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = OwnedRwLockWriteGuard::into_mapped(lock.clone().try_write_owned().unwrap());
    /// assert!(Arc::ptr_eq(OwnedRwLockMappedWriteGuard::rwlock(&guard), &lock));
    /// ```
    pub fn rwlock(this: &Self) -> &Arc<RwLock<L>> {
        this.hold.way()
    }
}

reach_the_value! {
    [T: ?Sized] RwLockMappedWriteGuard<'_, T>: T,
    [L: ?Sized, T: ?Sized] OwnedRwLockMappedWriteGuard<L, T>: T,
}

show_the_value! {
    [T: ?Sized] RwLockMappedWriteGuard<'_, T>: T,
    [L: ?Sized, T: ?Sized] OwnedRwLockMappedWriteGuard<L, T>: T,
}
