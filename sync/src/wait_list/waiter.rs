//! A place in line, as its owner sees it.
//!
//! # Safety
//! In the drop, a waiter that is still linked is pinned once more: it is being dropped in place, so
//! it does not move between that and the end of its memory. A waiter may be made without a borrow
//! of its queue, by who vouches for that queue's life.
#![allow(unsafe_code)]
#![allow(unreachable_pub, reason = "the models reach these types through loom::internals")]

use super::{
    WaitQueue,
    list::{Node, Standing},
};
use std::{fmt, marker::PhantomData, pin::Pin, ptr::NonNull, task::Waker};

/// What is left of a waiter that gave up. Drop it after the lock: it holds the waker.
#[derive(Debug)]
pub struct Removed {
    /// How much the waiter still lacked.
    pub missing: usize,
    pub(super) _waker: Option<Waker>,
}

/// A place in a line, kept inside the future that waits.
pub struct Waiter<'q, S> {
    /// Alive for `'q`, or as long as this waiter (`of_owner`).
    pub(super) queue: NonNull<WaitQueue<S>>,
    pub(super) node: Node,
    _borrowed: PhantomData<&'q WaitQueue<S>>,
}

// SAFETY: the node's links are touched under the queue's lock only (L1), whose state may move
// between threads; its standing is atomic.
unsafe impl<S: Send> Send for Waiter<'_, S> {}
// SAFETY: as above; a shared reference gives no other access.
unsafe impl<S: Send> Sync for Waiter<'_, S> {}

impl<'q, S> Waiter<'q, S> {
    /// A waiter that is not in line yet.
    #[inline]
    pub fn new(queue: &'q WaitQueue<S>) -> Self {
        // SAFETY: borrowed for `'q`, which this waiter does not outlive.
        unsafe { Self::of_owner(NonNull::from(queue)) }
    }

    /// A waiter whose owner also keeps its queue alive, so that it need not borrow it.
    ///
    /// # Safety
    /// The queue stays alive, and where it is, until the waiter has been dropped.
    #[inline]
    pub(crate) unsafe fn of_owner(queue: NonNull<WaitQueue<S>>) -> Self {
        Self { queue, node: Node::new(), _borrowed: PhantomData }
    }

    /// Where this waiter stands. `Waiting` may be out of date at once, everything else is final.
    #[inline]
    pub fn standing(&self) -> Standing {
        self.node.standing()
    }
}

impl<S> Drop for Waiter<'_, S> {
    #[inline]
    fn drop(&mut self) {
        // Usually the primitive's future has seen to it (L4). If not, never leave a dangling node.
        if self.standing() == Standing::Waiting {
            // SAFETY: the queue is still alive, see its field.
            let mut locked = unsafe { self.queue.as_ref() }.lock();
            // SAFETY: it is being dropped in place, so it will not move any more.
            let removed = locked.remove(unsafe { Pin::new_unchecked(self) });
            drop(locked);
            drop(removed);
        }
    }
}

impl<S> fmt::Debug for Waiter<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").field("standing", &self.standing()).finish_non_exhaustive()
    }
}
