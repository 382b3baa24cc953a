//! Being inside a reader-writer lock, as a value: dropping it leaves.
//!
//! # Safety
//! One unsafe step moves the way to the lock out of a `Hold` that is then forgotten. The others reach
//! for the value, in guards whose `Hold` says that they write.
#![allow(unsafe_code)]

use super::{RwLock, raw::RawRwLock};
use std::{marker::PhantomData, mem::ManuallyDrop, ptr, sync::Arc};

/// A way to the lock: borrowed or owned.
pub(super) trait Way {
    fn raw(&self) -> &RawRwLock;
}

impl Way for &RawRwLock {
    #[inline]
    fn raw(&self) -> &RawRwLock {
        self
    }
}

impl<L: ?Sized> Way for Arc<RwLock<L>> {
    #[inline]
    fn raw(&self) -> &RawRwLock {
        &self.raw
    }
}

/// What one is inside as, and so how one leaves.
pub(super) trait Share {
    fn leave(lock: &RawRwLock);
}

pub(super) struct Reading;
pub(super) struct Upgradable;
pub(super) struct Writing;

impl Share for Reading {
    #[inline]
    fn leave(lock: &RawRwLock) {
        lock.leave_read();
    }
}

impl Share for Upgradable {
    #[inline]
    fn leave(lock: &RawRwLock) {
        lock.leave_upgradable();
    }
}

impl Share for Writing {
    #[inline]
    fn leave(lock: &RawRwLock) {
        lock.leave_write();
    }
}

/// Being inside as `S`.
pub(super) struct Hold<W: Way, S: Share> {
    way: W,
    _share: PhantomData<S>,
}

impl<W: Way, S: Share> Hold<W, S> {
    /// The caller has come in as `S`.
    #[inline]
    pub(super) fn new(way: W) -> Self {
        Self { way, _share: PhantomData }
    }

    #[inline]
    pub(super) fn way(&self) -> &W {
        &self.way
    }

    /// Goes on as `N`: `step` changes the state of the lock. If it panics, having woken somebody,
    /// the state has changed already.
    pub(super) fn go_on_as<N: Share>(self, step: impl FnOnce(&RawRwLock)) -> Hold<W, N> {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is neither used nor dropped after it, so the way is moved out.
        let next = Hold::new(unsafe { ptr::read(&raw const this.way) });
        step(next.way.raw());
        next
    }
}

impl<W: Way, S: Share> Drop for Hold<W, S> {
    #[inline]
    fn drop(&mut self) {
        S::leave(self.way.raw());
    }
}

/// Implements `Deref` and `DerefMut` for guards that write. Their field `value` points into the cell of
/// the lock that they hold.
macro_rules! reach_the_value {
    ($([$($generics:tt)*] $guard:ty: $value:ty),+ $(,)?) => {$(
        impl<$($generics)*> std::ops::Deref for $guard {
            type Target = $value;

            #[inline]
            fn deref(&self) -> &$value {
                // SAFETY: X1: while this guard is inside, nobody writes but, perhaps, through it.
                unsafe { self.value.as_ref() }
            }
        }

        impl<$($generics)*> std::ops::DerefMut for $guard {
            #[inline]
            fn deref_mut(&mut self) -> &mut $value {
                // SAFETY: X1: nobody else is inside, and the guard is borrowed mutably.
                unsafe { self.value.as_mut() }
            }
        }
    )+};
}

pub(super) use reach_the_value;
