//! The queue for what comes from outside the workers: spawns and wakes by foreign threads, and what a worker leaves
//! behind.

use super::{Local, Steal};
use crate::loom::deques::{self, Injector};

/// Many producers, many consumers, FIFO.
#[derive(Debug)]
pub struct Inject<T>(Injector<T>);

impl<T> Default for Inject<T> {
    fn default() -> Self {
        Inject(Injector::new())
    }
}

impl<T> Inject<T> {
    /// Adds at the back.
    #[inline]
    pub fn push(&self, item: T) {
        self.0.push(item);
    }

    /// Whether nothing is queued: two loads (Q4).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many are queued, about.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes one to run and, into `to`, up to its share among `workers` of what is queued.
    pub fn take_share(&self, to: &Local<T>, workers: usize) -> Steal<T> {
        if self.is_empty() {
            return Steal::Empty;
        }
        let taken = match to.loot() {
            Some(to) => {
                let share = self.0.len() / workers + 1;
                let taken = self.0.steal_batch_with_limit_and_pop(&to, share.min(super::BATCH_MAX));
                to.leave();
                taken
            }
            None => self.0.steal(),
        };
        match taken {
            deques::Steal::Success(item) => Steal::Success(item),
            deques::Steal::Retry => Steal::Retry,
            deques::Steal::Empty => Steal::Empty,
        }
    }

    /// Takes one, however many others are about to (Q3).
    pub fn take(&self) -> Option<T> {
        loop {
            match self.take_one() {
                Steal::Success(item) => return Some(item),
                Steal::Empty => return None,
                Steal::Retry => crate::loom::hint::spin_loop(),
            }
        }
    }

    /// Takes one.
    pub fn take_one(&self) -> Steal<T> {
        if self.is_empty() {
            return Steal::Empty;
        }
        match self.0.steal() {
            deques::Steal::Success(item) => Steal::Success(item),
            deques::Steal::Retry => Steal::Retry,
            deques::Steal::Empty => Steal::Empty,
        }
    }
}
