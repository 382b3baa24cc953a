//! Who holds the mutex.
//!
//! # Safety
//! A guard exists only while the mutex's one permit is taken for it, and nobody else has another
//! (M3). So it may reach into the cell.
#![allow(unsafe_code)]

use super::{MappedMutexGuard, Mutex, OwnedMappedMutexGuard};
use crate::guard::show_the_value;
use std::{
    mem,
    ops::{Deref, DerefMut},
    ptr::NonNull,
    sync::Arc,
};

/// The right to use the value of a [`Mutex`], until it is dropped.
///
/// Unlike a guard of the standard library it may move to another thread: a task may be continued on
/// another thread after an await.
///
/// # Examples
/// ```
/// let lock = raddle_sync::Mutex::new(vec![1]);
/// lock.try_lock().unwrap().push(2);
/// assert_eq!(lock.into_inner(), [1, 2]);
/// ```
#[clippy::has_significant_drop]
#[must_use = "the mutex is unlocked as soon as the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
}

// SAFETY: a shared guard gives out `&T` on several threads, which takes `T: Sync`.
unsafe impl<T: ?Sized + Send + Sync> Sync for MutexGuard<'_, T> {}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// The caller has taken the permit.
    #[inline]
    pub(super) fn new(mutex: &'a Mutex<T>) -> Self {
        Self { mutex }
    }

    /// The mutex, which stays locked.
    fn leave_locked(self) -> &'a Mutex<T> {
        let mutex = self.mutex;
        mem::forget(self);
        mutex
    }

    /// The mutex that this guard has locked.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{Mutex, MutexGuard};
    ///
    /// let lock = Mutex::new(1);
    /// let guard = lock.try_lock().unwrap();
    /// assert!(MutexGuard::mutex(&guard).try_lock().is_err());
    /// ```
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.mutex
    }

    /// A guard for a part of the value. The mutex stays locked until it is dropped.
    ///
    /// An associated function, so that it hides no method of the value.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{Mutex, MutexGuard};
    ///
    /// let lock = Mutex::new((1, 2));
    /// let mut first = MutexGuard::map(lock.try_lock().unwrap(), |pair| &mut pair.0);
    /// *first = 3;
    /// # drop(first);
    /// assert_eq!(*lock.try_lock().unwrap(), (3, 2));
    /// ```
    pub fn map<U, F>(mut this: Self, part: F) -> MappedMutexGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let value = NonNull::from(part(&mut *this));
        MappedMutexGuard::new(&this.leave_locked().permits, value)
    }

    /// A guard for a part of the value, if there is one.
    ///
    /// # Errors
    /// Gives the guard back if `part` returns `None`.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{Mutex, MutexGuard};
    ///
    /// let lock = Mutex::new(vec![10, 20, 30]);
    /// let guard = lock.try_lock().unwrap();
    /// let guard = MutexGuard::try_map(guard, |list| list.get_mut(5)).unwrap_err();
    /// let third = MutexGuard::try_map(guard, |list| list.get_mut(2)).unwrap();
    /// assert_eq!(*third, 30);
    /// ```
    pub fn try_map<U, F>(mut this: Self, part: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match part(&mut *this).map(NonNull::from) {
            Some(value) => Ok(MappedMutexGuard::new(&this.leave_locked().permits, value)),
            None => Err(this),
        }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: M3: this guard's permit is the only one there is, so nobody writes.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: M3: this guard's permit is the only one there is, and the guard is borrowed
        // mutably.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.permits.release_only();
    }
}

/// A [`MutexGuard`] that keeps its mutex alive, and so borrows nothing.
///
/// # Examples
/// ```
/// let lock = std::sync::Arc::new(raddle_sync::Mutex::new(1));
/// let mut guard = lock.clone().try_lock_owned().unwrap();
/// std::thread::spawn(move || *guard = 2).join().unwrap();
/// assert_eq!(*lock.try_lock().unwrap(), 2);
/// ```
#[clippy::has_significant_drop]
#[must_use = "the mutex is unlocked as soon as the guard is dropped"]
pub struct OwnedMutexGuard<T: ?Sized> {
    mutex: Arc<Mutex<T>>,
}

// SAFETY: a shared guard gives out `&T` on several threads, which takes `T: Sync`.
unsafe impl<T: ?Sized + Send + Sync> Sync for OwnedMutexGuard<T> {}

impl<T: ?Sized> OwnedMutexGuard<T> {
    /// The caller has taken the permit.
    pub(super) fn new(mutex: Arc<Mutex<T>>) -> Self {
        Self { mutex }
    }

    /// The mutex, which stays locked.
    fn leave_locked(self) -> Arc<Mutex<T>> {
        let this = mem::ManuallyDrop::new(self);
        // SAFETY: `this` is neither used nor dropped after it, so the reference is moved out.
        unsafe { std::ptr::read(&raw const this.mutex) }
    }

    /// The mutex that this guard has locked.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{Mutex, OwnedMutexGuard};
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(Mutex::new(1));
    /// let guard = lock.clone().try_lock_owned().unwrap();
    /// assert!(Arc::ptr_eq(OwnedMutexGuard::mutex(&guard), &lock));
    /// ```
    pub fn mutex(this: &Self) -> &Arc<Mutex<T>> {
        &this.mutex
    }

    /// A guard for a part of the value. The mutex stays locked until it is dropped.
    ///
    /// An associated function, so that it hides no method of the value.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{Mutex, OwnedMutexGuard};
    ///
    /// let lock = std::sync::Arc::new(Mutex::new((1, 2)));
    /// let mut first = OwnedMutexGuard::map(lock.clone().try_lock_owned().unwrap(), |pair| &mut pair.0);
    /// *first = 3;
    /// # drop(first);
    /// assert_eq!(*lock.try_lock().unwrap(), (3, 2));
    /// ```
    pub fn map<U, F>(mut this: Self, part: F) -> OwnedMappedMutexGuard<T, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let value = NonNull::from(part(&mut *this));
        OwnedMappedMutexGuard::new(this.leave_locked(), value)
    }

    /// A guard for a part of the value, if there is one.
    ///
    /// # Errors
    /// Gives the guard back if `part` returns `None`.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{Mutex, OwnedMutexGuard};
    ///
    /// let lock = std::sync::Arc::new(Mutex::new(vec![10, 20, 30]));
    /// let guard = lock.clone().try_lock_owned().unwrap();
    /// let guard = OwnedMutexGuard::try_map(guard, |list| list.get_mut(5)).unwrap_err();
    /// let third = OwnedMutexGuard::try_map(guard, |list| list.get_mut(2)).unwrap();
    /// assert_eq!(*third, 30);
    /// ```
    pub fn try_map<U, F>(mut this: Self, part: F) -> Result<OwnedMappedMutexGuard<T, U>, Self>
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

impl<T: ?Sized> Deref for OwnedMutexGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: M3, as for `MutexGuard`.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for OwnedMutexGuard<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: M3, as for `MutexGuard`.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for OwnedMutexGuard<T> {
    fn drop(&mut self) {
        self.mutex.permits.release_only();
    }
}

show_the_value! {
    [T: ?Sized] MutexGuard<'_, T>: T,
    [T: ?Sized] OwnedMutexGuard<T>: T,
}
