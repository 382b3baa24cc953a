//! What others may take from a worker's queue: what is exposed, at a price, and, if its owner is stuck, the rest.

use super::gate::Leave;
use super::local::{Local, Private, Rings};
use super::{BATCH_MAX, Steal};
use crate::loom::deques;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// The thieves' end.
#[derive(Debug)]
pub struct Stealer<T> {
    private: Arc<Private<T>>,
    deque: Option<deques::Stealer<T>>,
}

/// How much of a queue's private part a rescuer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Half: its owner is slow.
    Half,
    /// All, in batches: its owner is stuck.
    All,
}

/// The outcome of an attempt to take the private part of a queue from its owner.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Rescue {
    /// Something was taken, and something may be left.
    Some,
    /// All was taken; the next push will tell (Q10).
    All,
    /// There was nothing; the next push will tell (Q10).
    Nothing,
    /// The owner is at its queue, so it is not stuck; or another rescuer is.
    Refused,
}

impl<T> Stealer<T> {
    pub(super) fn new(private: Arc<Private<T>>, deque: Option<deques::Stealer<T>>) -> Self {
        Stealer { private, deque }
    }

    /// Takes half of what is exposed: one to run, the rest into `to`, the queue of a worker that has nothing.
    pub fn steal_into(&self, to: &Local<T>) -> Steal<T> {
        let (Some(stealer), Some(to)) = (&self.deque, to.loot()) else { return Steal::Empty };
        let stolen = stealer.steal_batch_with_limit_and_pop(&to, BATCH_MAX);
        to.leave();
        match stolen {
            deques::Steal::Success(item) => Steal::Success(item),
            deques::Steal::Retry => Steal::Retry,
            deques::Steal::Empty => Steal::Empty,
        }
    }

    /// Takes one of those that are exposed.
    pub fn steal_one(&self) -> Steal<T> {
        match self.deque.as_ref().map_or(deques::Steal::Empty, deques::Stealer::steal) {
            deques::Steal::Success(item) => Steal::Success(item),
            deques::Steal::Retry => Steal::Retry,
            deques::Steal::Empty => Steal::Empty,
        }
    }

    /// Takes what is private, a batch at most, from an owner that seems to be stuck in a poll: what it would run next.
    pub fn rescue_into(&self, rescued: &mut Vec<T>, part: Part) -> Rescue {
        // Allocated before, not in there.
        rescued.reserve(BATCH_MAX);
        let taken = self.private.rings.rescue(|rings: &mut Rings<T>| {
            let there = rings.len();
            let wanted = match part {
                Part::Half => there.div_ceil(2),
                Part::All => there,
            };
            let wanted = wanted.min(BATCH_MAX);
            let Rings { young, front, back } = rings;
            let of_young = wanted.min(young.len());
            let of_front = (wanted - of_young).min(front.len());
            let of_back = wanted - of_young - of_front;
            rescued.extend(young.drain(young.len() - of_young..).rev());
            rescued.extend(front.drain(..of_front).chain(back.drain(..of_back)));
            match part {
                _ if there == 0 => (Rescue::Nothing, Leave::Call),
                Part::All if wanted == there => (Rescue::All, Leave::Call),
                _ => (Rescue::Some, Leave::Nothing),
            }
        });
        taken.unwrap_or(Rescue::Refused)
    }

    /// Whether something young waits there, which nobody is told of. A hint.
    pub fn has_young(&self) -> bool {
        self.private.has_young.load(Relaxed)
    }

    /// Whether the next push of the owner will tell. After a fence.
    pub fn is_called(&self) -> bool {
        self.private.rings.is_called()
    }

    /// How many are exposed, about.
    #[inline]
    pub fn len(&self) -> usize {
        self.deque.as_ref().map_or(0, deques::Stealer::len)
    }
}
