//! A message whose receivers are counted before they come.
//!
//! An `Arc` costs each receiver two read-modify-writes: one to copy it, one to drop it. But who sends
//! knows how many will come. So the count starts with all of them, in a plain store, and a receiver
//! takes its share over under the lock that it holds anyway.
//!
//! - **D7** The count in the node is the sum of the shares that exist; shares are split and never
//!   copied. Who has a share may read the message; who gives up the last frees the node.
//!
//! # Safety
//! A node is reached through shares only, and is there while one exists (D7).
#![allow(unsafe_code)]

use crate::loom::{AtomicUsize, Ordering, left_out};
use std::{fmt, mem, ptr::NonNull};

struct Node<T> {
    shares: AtomicUsize,
    message: T,
}

/// A message whose shares are not known yet: allocated before the lock is taken.
pub(super) struct Whole<T>(Box<Node<T>>);

impl<T> Whole<T> {
    pub(super) fn new(message: T) -> Self {
        Self(Box::new(Node { shares: AtomicUsize::new(0), message }))
    }

    pub(super) fn into_message(self) -> T {
        self.0.message
    }

    /// All `count` shares of it, at least one.
    pub(super) fn divide(mut self, count: usize) -> Shares<T> {
        debug_assert!(count > 0, "a message for nobody");
        self.0.shares = AtomicUsize::new(count);
        Shares { node: NonNull::from(Box::leak(self.0)), count }
    }
}

/// Shares of a message that are not given out yet; perhaps none any more.
pub(super) struct Shares<T> {
    /// Dangling if `count` is zero.
    node: NonNull<Node<T>>,
    count: usize,
}

/// One share. One word, because two that are written apart and read together stall the processor.
pub(super) struct Share<T> {
    node: NonNull<Node<T>>,
}

// SAFETY: as an `Arc`: the message is read and dropped on any thread.
unsafe impl<T: Send + Sync> Send for Shares<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Shares<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Send for Share<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Share<T> {}

impl<T> Shares<T> {
    pub(super) const NONE: Self = Self { node: NonNull::dangling(), count: 0 };

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Splits one share off, if there is one.
    #[inline]
    pub(super) fn split(&mut self) -> Option<Share<T>> {
        self.count = self.count.checked_sub(1)?;
        Some(Share { node: self.node })
    }
}

impl<T> Drop for Shares<T> {
    fn drop(&mut self) {
        if self.count > 0 {
            // SAFETY: we have so many, and give them up.
            unsafe { give_up(self.node, self.count) };
        }
    }
}

impl<T: Clone> Share<T> {
    /// The message for its receiver: itself if nobody else has a share, else a clone.
    #[inline]
    pub(super) fn into_value(self) -> T {
        // SAFETY: D7: we have a share, until after the clone, also if that panics.
        let node = unsafe { self.node.as_ref() };
        // Acquire: pairs with the Release of those who gave theirs up: they are done reading. One is
        // ours, and nobody can split it.
        let order = if left_out("D7") { Ordering::Relaxed } else { Ordering::Acquire };
        if node.shares.load(order) > 1 {
            return node.message.clone();
        }
        let node = self.node;
        mem::forget(self);
        // SAFETY: D7: nobody else has a share, and ours is forgotten. It came from a box.
        unsafe { Box::from_raw(node.as_ptr()) }.message
    }
}

impl<T> Drop for Share<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: we have one, and give it up.
        unsafe { give_up(self.node, 1) };
    }
}

/// # Safety
/// The caller has `count` shares, and has them no longer (D7).
#[inline]
unsafe fn give_up<T>(node: NonNull<Node<T>>, count: usize) {
    // SAFETY: there are shares until the subtraction.
    // AcqRel: Release so that who frees comes after our reading; Acquire in case it is us.
    if unsafe { node.as_ref() }.shares.fetch_sub(count, Ordering::AcqRel) == count {
        // SAFETY: D7: that were all. It came from a box.
        drop(unsafe { Box::from_raw(node.as_ptr()) });
    }
}

impl<T> fmt::Debug for Shares<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shares").field("count", &self.count).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Share<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").finish_non_exhaustive()
    }
}
