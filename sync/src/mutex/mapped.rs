//! Who holds the mutex, and uses a part of its value only.
//!
//! # Safety
//! A mapped guard has taken the place of a guard, and with it its permit (M3). Its pointer was made
//! from the only reference to the value there was, by the closure that chose the part; so it is the
//! only way to that part, and the value stays where it is: it is pinned down by the lock's borrow,
//! or by the `Arc`.
#![allow(unsafe_code)]

use super::Mutex;
use crate::{guard::show_the_value, permits::Permits};
use std::{
    marker::PhantomData,
    mem,
    ops::{Deref, DerefMut},
    ptr::NonNull,
    sync::Arc,
};

/// A [`MutexGuard`](crate::MutexGuard) for a part of the value.
///
/// # Examples
/// ```
/// use raddle_sync::{Mutex, MutexGuard};
///
/// let lock = Mutex::new((1, "one"));
/// let number = MutexGuard::map(lock.try_lock().unwrap(), |pair| &mut pair.0);
/// assert_eq!(*number, 1);
/// assert!(lock.try_lock().is_err());
/// # drop(number);
/// ```
#[clippy::has_significant_drop]
#[must_use = "the mutex is unlocked as soon as the guard is dropped"]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    permits: &'a Permits,
    value: NonNull<T>,
    _exclusive: PhantomData<&'a mut T>,
}

// SAFETY: it is an `&mut T` and a reference to permits, which any thread may return.
unsafe impl<T: ?Sized + Send> Send for MappedMutexGuard<'_, T> {}
// SAFETY: a shared guard gives out `&T`, and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for MappedMutexGuard<'_, T> {}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// The permit is the caller's, and `value` is in the cell that it guards.
    pub(super) fn new(permits: &'a Permits, value: NonNull<T>) -> Self {
        Self { permits, value, _exclusive: PhantomData }
    }

    /// The permits, one of which stays taken.
    fn leave_locked(self) -> &'a Permits {
        let permits = self.permits;
        mem::forget(self);
        permits
    }

    /// A guard for a part of the part, as [`MutexGuard::map`](crate::MutexGuard::map).
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{MappedMutexGuard, Mutex, MutexGuard};
    ///
    /// let lock = Mutex::new((1, (2, 3)));
    /// let pair = MutexGuard::map(lock.try_lock().unwrap(), |nested| &mut nested.1);
    /// let number = MappedMutexGuard::map(pair, |pair| &mut pair.0);
    /// assert_eq!(*number, 2);
    /// ```
    pub fn map<U, F>(mut this: Self, part: F) -> MappedMutexGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let value = NonNull::from(part(&mut *this));
        MappedMutexGuard::new(this.leave_locked(), value)
    }

    /// A guard for a part of the part, if there is one.
    ///
    /// # Errors
    /// Gives the guard back if `part` returns `None`.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{MappedMutexGuard, Mutex, MutexGuard};
    ///
    /// let lock = Mutex::new((1, (2, 3)));
    /// let pair = MutexGuard::map(lock.try_lock().unwrap(), |nested| &mut nested.1);
    /// let none = MappedMutexGuard::try_map(pair, |_| None::<&mut u8>);
    /// assert_eq!(*none.unwrap_err(), (2, 3));
    /// ```
    pub fn try_map<U, F>(mut this: Self, part: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match part(&mut *this).map(NonNull::from) {
            Some(value) => Ok(MappedMutexGuard::new(this.leave_locked(), value)),
            None => Err(this),
        }
    }
}

impl<T: ?Sized> Deref for MappedMutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: M3: nobody else has a way to the value.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for MappedMutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: M3: nobody else has a way to the value, and the guard is borrowed mutably.
        unsafe { self.value.as_mut() }
    }
}

impl<T: ?Sized> Drop for MappedMutexGuard<'_, T> {
    fn drop(&mut self) {
        self.permits.release_only();
    }
}

/// An [`OwnedMutexGuard`](crate::OwnedMutexGuard) for a part of the value.
///
/// # Examples
/// ```
/// use raddle_sync::{Mutex, OwnedMutexGuard};
///
/// let lock = std::sync::Arc::new(Mutex::new((1, "one")));
/// let guard = lock.clone().try_lock_owned().unwrap();
/// let mut number = OwnedMutexGuard::map(guard, |pair| &mut pair.0);
/// std::thread::spawn(move || *number = 2).join().unwrap();
/// assert_eq!(lock.try_lock().unwrap().0, 2);
/// ```
#[clippy::has_significant_drop]
#[must_use = "the mutex is unlocked as soon as the guard is dropped"]
pub struct OwnedMappedMutexGuard<L: ?Sized, T: ?Sized = L> {
    mutex: Arc<Mutex<L>>,
    value: NonNull<T>,
    _exclusive: PhantomData<*mut T>,
}

// SAFETY: it is an `&mut T`, and a reference to the mutex, which may be the last and drop it.
unsafe impl<L: ?Sized + Send, T: ?Sized + Send> Send for OwnedMappedMutexGuard<L, T> {}
// SAFETY: a shared guard gives out `&T`, and nothing else; a mutex is `Sync` if its value is `Send`.
unsafe impl<L: ?Sized + Send, T: ?Sized + Sync> Sync for OwnedMappedMutexGuard<L, T> {}

impl<L: ?Sized, T: ?Sized> OwnedMappedMutexGuard<L, T> {
    /// The permit is the caller's, and `value` is in the cell of `mutex`.
    pub(super) fn new(mutex: Arc<Mutex<L>>, value: NonNull<T>) -> Self {
        Self { mutex, value, _exclusive: PhantomData }
    }

    /// The mutex, which stays locked.
    fn leave_locked(self) -> Arc<Mutex<L>> {
        let this = mem::ManuallyDrop::new(self);
        // SAFETY: `this` is neither used nor dropped after it, so the reference is moved out.
        unsafe { std::ptr::read(&raw const this.mutex) }
    }

    /// A guard for a part of the part, as [`OwnedMutexGuard::map`](crate::OwnedMutexGuard::map).
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedMappedMutexGuard, Mutex, OwnedMutexGuard};
    ///
    /// let lock = std::sync::Arc::new(Mutex::new((1, (2, 3))));
    /// let pair = OwnedMutexGuard::map(lock.clone().try_lock_owned().unwrap(), |nested| &mut nested.1);
    /// let number = OwnedMappedMutexGuard::map(pair, |pair| &mut pair.0);
    /// assert_eq!(*number, 2);
    /// ```
    pub fn map<U, F>(mut this: Self, part: F) -> OwnedMappedMutexGuard<L, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let value = NonNull::from(part(&mut *this));
        OwnedMappedMutexGuard::new(this.leave_locked(), value)
    }

    /// A guard for a part of the part, if there is one.
    ///
    /// # Errors
    /// Gives the guard back if `part` returns `None`.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{OwnedMappedMutexGuard, Mutex, OwnedMutexGuard};
    ///
    /// let lock = std::sync::Arc::new(Mutex::new((1, (2, 3))));
    /// let pair = OwnedMutexGuard::map(lock.clone().try_lock_owned().unwrap(), |nested| &mut nested.1);
    /// let none = OwnedMappedMutexGuard::try_map(pair, |_| None::<&mut u8>);
    /// assert_eq!(*none.unwrap_err(), (2, 3));
    /// ```
    pub fn try_map<U, F>(mut this: Self, part: F) -> Result<OwnedMappedMutexGuard<L, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match part(&mut *this).map(NonNull::from) {
            Some(value) => Ok(OwnedMappedMutexGuard::new(this.leave_locked(), value)),
            None => Err(this),
        }
    }
}

impl<L: ?Sized, T: ?Sized> Deref for OwnedMappedMutexGuard<L, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: M3, as for `MappedMutexGuard`.
        unsafe { self.value.as_ref() }
    }
}

impl<L: ?Sized, T: ?Sized> DerefMut for OwnedMappedMutexGuard<L, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: M3, as for `MappedMutexGuard`.
        unsafe { self.value.as_mut() }
    }
}

impl<L: ?Sized, T: ?Sized> Drop for OwnedMappedMutexGuard<L, T> {
    fn drop(&mut self) {
        self.mutex.permits.release_only();
    }
}

show_the_value! {
    [T: ?Sized] MappedMutexGuard<'_, T>: T,
    [L: ?Sized, T: ?Sized] OwnedMappedMutexGuard<L, T>: T,
}
