//! Q11: being inside the deque, where foreign destructors may run.

use crate::loom::deques;
use std::cell::Cell;
use std::ops::Deref;

/// The deque, while its owner is inside (Q11).
pub(super) struct Inside<'a, T> {
    deque: &'a deques::Worker<T>,
    inside: &'a Cell<bool>,
}

impl<T> Deref for Inside<'_, T> {
    type Target = deques::Worker<T>;

    #[inline]
    fn deref(&self) -> &deques::Worker<T> {
        self.deque
    }
}

impl<'a, T> Inside<'a, T> {
    /// `None` if the owner is inside already.
    #[inline]
    pub(super) fn enter(deque: &'a deques::Worker<T>, inside: &'a Cell<bool>) -> Option<Self> {
        let is_inside = inside.replace(true);
        (!is_inside).then(|| Inside { deque, inside })
    }

    #[inline]
    pub(super) fn leave(self) {
        self.inside.set(false);
        std::mem::forget(self);
    }
}

impl<T> Drop for Inside<'_, T> {
    /// Not left: a foreign destructor has panicked, in the middle of a push or a theft. What was being moved is lost, and
    /// others may wait for it for ever.
    #[cold]
    fn drop(&mut self) {
        // A panic while unwinding ends the process.
        panic!(
            "a destructor deferred in crossbeam-epoch has panicked inside the queue of a worker"
        );
    }
}
