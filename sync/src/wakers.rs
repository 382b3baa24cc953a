//! A batch of wakers, collected under a lock and woken after it.
//!
//! A waker is foreign code: it may run an executor's scheduler, take other locks, or panic. A panic
//! is kept until the whole batch has been woken, so that one bad waker does not cost the others
//! their wake-up, and is then passed on to whoever caused the wake-ups.

use crate::loom::WAKE_BATCH;
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    task::Waker,
    thread,
};

/// Up to `N` wakers.
pub(crate) struct Wakers<const N: usize = WAKE_BATCH> {
    batch: [Option<Waker>; N],
    len: usize,
    first_panic: Option<Box<dyn Any + Send>>,
}

impl<const N: usize> Wakers<N> {
    pub(crate) fn new() -> Self {
        Self { batch: [const { None }; N], len: 0, first_panic: None }
    }

    /// Adds a waker; the caller has checked that the batch is not full.
    pub(crate) fn push(&mut self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.batch[self.len] = Some(waker);
            self.len += 1;
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len == N
    }

    /// Wakes everybody collected so far. Call it with no lock held.
    pub(crate) fn wake_all(&mut self) {
        let len = std::mem::take(&mut self.len);
        for waker in self.batch[..len].iter_mut().filter_map(Option::take) {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                self.first_panic.get_or_insert(panic);
            }
        }
    }
}

impl<const N: usize> Drop for Wakers<N> {
    fn drop(&mut self) {
        self.wake_all();
        if let Some(panic) = self.first_panic.take()
            && !thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}
