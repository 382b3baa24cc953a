//! Room for a value that is put in once, and seen by everybody from then on.
//!
//! - **I1** One at a time may put the value in, and nobody after it is there: once cell and set-once
//!   see to that, with a permit and a lock. `filled` is set after it, with a Release.
//! - **I2** Who has seen `filled`, with an Acquire, may read the value for as long as the slot is
//!   borrowed: it changes only through `&mut`.
//!
//! # Safety
//! The cell is written once, by I1, when no reference to the value can exist; read by I2; and changed
//! otherwise only by who has the slot to himself.
#![allow(unsafe_code)]

use crate::loom::{AtomicU8, Ordering, UnsafeCell, const_fn};
use std::{
    mem::MaybeUninit,
    panic::{RefUnwindSafe, UnwindSafe},
};

pub(crate) struct OnceSlot<T> {
    filled: AtomicU8,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: moving the slot moves the value.
unsafe impl<T: Send> Send for OnceSlot<T> {}
// SAFETY: any thread may put the value in, or take it out with the slot to itself: `Send`. All may see
// it at a time: `Sync`.
unsafe impl<T: Send + Sync> Sync for OnceSlot<T> {}
// The value is put in by a move, which does not panic.
impl<T: UnwindSafe> UnwindSafe for OnceSlot<T> {}
impl<T: UnwindSafe + RefUnwindSafe> RefUnwindSafe for OnceSlot<T> {}

impl<T> OnceSlot<T> {
    const_fn! {
        pub(crate) fn new() -> Self {
            Self { filled: AtomicU8::new(0), value: UnsafeCell::new(MaybeUninit::uninit()) }
        }
    }

    const_fn! {
        pub(crate) fn filled(value: T) -> Self {
            Self { filled: AtomicU8::new(1), value: UnsafeCell::new(MaybeUninit::new(value)) }
        }
    }

    #[inline]
    pub(crate) fn is_filled(&self) -> bool {
        // Acquire: pairs with the Release in `put` (I2).
        self.filled.load(Ordering::Acquire) != 0
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: I2.
        self.is_filled().then(|| self.value.with(|value| unsafe { (*value).assume_init_ref() }))
    }

    /// Puts the value in.
    ///
    /// # Safety
    /// Nobody else does so at the same time, and nobody has (I1).
    pub(crate) unsafe fn put(&self, value: T) {
        // SAFETY: I1, says the caller; so nobody looks at the cell either.
        self.value.with_mut(|slot| unsafe { _ = (*slot).write(value) });
        // Release: pairs with the Acquire in `is_filled` (I2).
        self.filled.store(1, Ordering::Release);
    }

    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        // SAFETY: it is filled, and borrowed mutably.
        self.is_filled().then(|| self.value.with_mut(|value| unsafe { (*value).assume_init_mut() }))
    }

    /// The value, which is not there any more.
    pub(crate) fn take(&mut self) -> Option<T> {
        if !self.is_filled() {
            return None;
        }
        // Relaxed: nobody else is here.
        self.filled.store(0, Ordering::Relaxed);
        // SAFETY: it was filled, and is not any more: it is read out once.
        Some(self.value.with_mut(|value| unsafe { (*value).assume_init_read() }))
    }
}

impl<T> Drop for OnceSlot<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

/// Implements for a type around a slot what an `Option` has: compared, cloned and shown by what it
/// holds.
macro_rules! like_an_option {
    ($Once:ident) => {
        impl<T> Default for $Once<T> {
            fn default() -> Self {
                Self::new()
            }
        }

        impl<T> From<T> for $Once<T> {
            fn from(value: T) -> Self {
                Self::const_new_with(value)
            }
        }

        impl<T: Clone> Clone for $Once<T> {
            fn clone(&self) -> Self {
                Self::new_with(self.get().cloned())
            }
        }

        impl<T: PartialEq> PartialEq for $Once<T> {
            fn eq(&self, other: &Self) -> bool {
                self.get() == other.get()
            }
        }

        impl<T: Eq> Eq for $Once<T> {}

        impl<T: std::fmt::Debug> std::fmt::Debug for $Once<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($Once)).field("value", &self.get()).finish()
            }
        }
    };
}

pub(crate) use like_an_option;
