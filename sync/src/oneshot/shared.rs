//! What the two ends of a channel for one value share, and the steps that change who owns what (O1–O4).
//!
//! # Safety
//! The slots are touched by their owners according to O1 and O2, the allocation until O3 forbids
//! it.
#![allow(unsafe_code)]

use crate::loom::{AtomicUsize, Ordering, UnsafeCell};
use std::{mem::MaybeUninit, ptr::NonNull, task::Waker};

pub(super) const SENT: usize = 1;
pub(super) const CLOSED: usize = 2;
pub(super) const TX_DONE: usize = 4;
pub(super) const RX_DONE: usize = 8;
pub(super) const RX_WAKER: usize = 16;
pub(super) const TX_WAKER: usize = 32;
pub(super) const VALUE: usize = 64;

pub(super) struct Shared<T> {
    pub(super) word: AtomicUsize,
    /// Not an `Option`: its tag and its value are written apart and read together, which stalls the
    /// processor. `VALUE` says whether there is one.
    pub(super) value: UnsafeCell<MaybeUninit<T>>,
    rx_waker: UnsafeCell<Option<Waker>>,
    tx_waker: UnsafeCell<Option<Waker>>,
}

/// The allocation of a new channel, which [`free`] ends.
pub(super) fn allocate<T>() -> NonNull<Shared<T>> {
    // Field by field in place: copied from the stack, the words that were written one by one are
    // read in pairs, and the processor stalls.
    let mut shared = Box::<Shared<T>>::new_uninit();
    let fields = shared.as_mut_ptr();
    // SAFETY: it is ours alone, and each field is written once, into its place.
    unsafe {
        (&raw mut (*fields).word).write(AtomicUsize::new(0));
        (&raw mut (*fields).value).write(UnsafeCell::new(MaybeUninit::uninit()));
        (&raw mut (*fields).rx_waker).write(UnsafeCell::new(None));
        (&raw mut (*fields).tx_waker).write(UnsafeCell::new(None));
        NonNull::from(Box::leak(shared.assume_init()))
    }
}

/// A waker slot, its bit, and the bit by which the other end takes it over (O2).
pub(super) struct WakerSlot<'a> {
    word: &'a AtomicUsize,
    slot: &'a UnsafeCell<Option<Waker>>,
    set: usize,
    taken_over: usize,
}

impl WakerSlot<'_> {
    /// Puts `waker` into the slot; `false` if the other end has done what was to be waited for.
    pub(super) fn register(&self, word: usize, waker: &Waker) -> bool {
        // AcqRel, here and below: Acquire for the value and whatever came before the other end's
        // step; Release so that it finds the waker we have put there.
        if word & self.set != 0
            && self.word.fetch_and(!self.set, Ordering::AcqRel) & self.taken_over != 0
        {
            return false;
        }
        // SAFETY: O2: the bit is clear and we are the slot's writer. If the clone panics nothing
        // has changed.
        let replaced = self.slot.with_mut(|slot| unsafe {
            match &mut *slot {
                Some(current) if current.will_wake(waker) => None,
                slot => slot.replace(waker.clone()),
            }
        });
        let late = self.word.fetch_or(self.set, Ordering::AcqRel) & self.taken_over != 0;
        drop(replaced);
        !late
    }
}

impl<T> Shared<T> {
    pub(super) fn rx_slot(&self) -> WakerSlot<'_> {
        WakerSlot { word: &self.word, slot: &self.rx_waker, set: RX_WAKER, taken_over: SENT }
    }

    pub(super) fn tx_slot(&self) -> WakerSlot<'_> {
        WakerSlot { word: &self.word, slot: &self.tx_waker, set: TX_WAKER, taken_over: CLOSED }
    }
}

/// Sets the `DONE` bit of one end, and frees the allocation if the other's is set.
///
/// # Safety
/// The end has not set its bit before, and does not touch the allocation after this (O3).
pub(super) unsafe fn let_go<T>(shared: NonNull<Shared<T>>, done: usize, other_done: usize) {
    // SAFETY: our bit is not set yet, so the other end has not freed it (O3).
    let word = unsafe { shared.as_ref() }.word.fetch_or(done, Ordering::AcqRel);
    if word & other_done != 0 {
        // SAFETY: both are done. AcqRel above: all that the other end did happened before this.
        unsafe { free(shared) };
    }
}

/// # Safety
/// Both ends are done (O3).
pub(super) unsafe fn free<T>(shared: NonNull<Shared<T>>) {
    // SAFETY: it came from a box in `channel`, and nobody else refers to it.
    drop(unsafe { Box::from_raw(shared.as_ptr()) });
}

/// Sends, or says that nothing will be sent. Returns the value if nobody wants it.
///
/// # Safety
/// The caller is the sender, which does not touch the allocation after this (O3).
#[inline]
pub(super) unsafe fn decide<T>(ptr: NonNull<Shared<T>>, value: Option<T>) -> Option<T> {
    // SAFETY: O3: `TX_DONE` is not set yet.
    let shared = unsafe { ptr.as_ref() };
    let sent = if let Some(value) = value {
        // SAFETY: O1: `SENT` is not set yet, so the slot is ours, and it is empty.
        shared.value.with_mut(|slot| unsafe { (*slot).write(value) });
        SENT | VALUE
    } else {
        SENT
    };
    // Acquire: in case we have to free, or get the waker.
    let mut word = shared.word.load(Ordering::Acquire);
    loop {
        if word & CLOSED != 0 && sent & VALUE != 0 {
            // SAFETY: O1: `SENT` is not set yet, and we have just put it there.
            let value = shared.value.with_mut(|slot| unsafe { (*slot).assume_init_read() });
            // SAFETY: the caller's word, and O3.
            unsafe { let_go(ptr, TX_DONE, RX_DONE) };
            return Some(value);
        }
        let waiting = word & RX_WAKER != 0 && word & CLOSED == 0;
        let decision = if waiting { sent } else { sent | TX_DONE };
        // AcqRel: Release pairs with the receiver's Acquire, which then sees the value; Acquire
        // pairs with its Release of the waker.
        match shared.word.compare_exchange_weak(
            word,
            word | decision,
            Ordering::AcqRel,
            Ordering::Acquire,
        ) {
            Ok(_) if waiting => {
                // SAFETY: O2: our step took the slot over; `TX_DONE` is not set, so it is still
                // there.
                let waker = shared.rx_waker.with_mut(|slot| unsafe { (*slot).take() });
                // SAFETY: the caller's word, and O3.
                unsafe { let_go(ptr, TX_DONE, RX_DONE) };
                if let Some(waker) = waker {
                    waker.wake(); // O4.
                }
                return None;
            }
            Ok(_) => {
                if word & RX_DONE != 0 {
                    // SAFETY: both are done (O3).
                    unsafe { free(ptr) };
                }
                return None;
            }
            Err(now) => word = now,
        }
    }
}

/// Sets `CLOSED`, unless the sender has decided, and takes the sender's waker over if there is one
/// (O2).
///
/// Returns the waker and the word. If the word has `done` in it, that was set in the same step, and
/// the allocation is not to be touched again.
///
/// Takes a pointer, because a reference that is an argument counts as in use until the function
/// returns, and after `done` is set the sender may free what it refers to before that.
///
/// # Safety
/// The caller is the receiver, and its `RX_DONE` is not set (O3).
pub(super) unsafe fn close<T>(ptr: NonNull<Shared<T>>, done: usize) -> (usize, Option<Waker>) {
    // SAFETY: O3: the bit is not set yet. The reference is not used after the step that sets it.
    let shared = unsafe { ptr.as_ref() };
    // Acquire, here and below: for the value if it was sent, and for the sender's waker.
    let mut word = shared.word.load(Ordering::Acquire);
    loop {
        if word & SENT != 0 {
            return (word, None);
        }
        let waiting = word & TX_WAKER != 0 && word & CLOSED == 0;
        let next = word | CLOSED | if waiting { 0 } else { done };
        // AcqRel: Release so that the sender sees what came before.
        match shared.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) if waiting => {
                // SAFETY: O2: our step took the slot over, and without `RX_DONE` it is still there.
                return (word, shared.tx_waker.with_mut(|slot| unsafe { (*slot).take() }));
            }
            Ok(_) => return (next, None),
            Err(now) => word = now,
        }
    }
}
