//! The queue of one worker: FIFO, one producer, many thieves. In three parts.
//!
//! ```text
//!   pop ◄── front ◄── deque ◄── back ◄── push
//!           private   thieves   private
//! ```
//!
//! The private parts are plain rings, whose push and pop are a few instructions. The deque in the middle (Chase and Lev,
//! 2005) is what thieves may come to; a pop from it costs a read-modify-write, a theft an exchange and two cache-line
//! transfers. As long as there is nobody to share with, or nothing worth it (`scheduler/pace.rs` says when), all is in
//! the front, and the queue costs no atomic operation; nor does that of the only worker of a runtime, which has no
//! deque. (Private deques that share on demand: U. Acar, A. Charguéraud, M. Rainey, 2013.)
//!
//! - **Q6** Whatever is in the front is older than whatever is in the deque, and that older than what is in the back.
//! - **Q7** No operation moves more than [`EXPOSED_MAX`] items, except [`Local::open`]: a queue of a million is not copied
//!   because somebody is interested in a hundred. The newest go, and the owner keeps the oldest, which are next.
//!
//! Rejected: to expose all, and to take all back when nobody came. With 300,000 queued each of the two took a
//! millisecond; that looked like a long poll, after which everything was exposed again, and so on.

use super::{BATCH_MAX, Steal};
use crate::loom::deques;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

/// Four thefts, or a good millisecond of the smallest tasks worth a theft.
pub(crate) const EXPOSED_MAX: usize = 4 * BATCH_MAX;

/// Where pushes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// To the front: there is nothing behind it.
    Front,
    /// To the deque: there is nothing behind it.
    Deque,
    /// To the back, because something may be left in the deque.
    Back,
}

/// The owner's end (Q1).
#[derive(Debug)]
pub struct Local<T> {
    front: RefCell<VecDeque<T>>,
    deque: Option<deques::Worker<T>>,
    back: RefCell<VecDeque<T>>,
    end: Cell<End>,
}

/// The thieves' end.
#[derive(Debug)]
pub struct Stealer<T>(Option<deques::Stealer<T>>);

impl<T> Local<T> {
    /// A queue that thieves may come to.
    pub fn shared() -> (Local<T>, Stealer<T>) {
        // FIFO: a pop costs one RMW, and a theft one exchange for a whole batch; crossbeam's LIFO flavor pays a full
        // fence per pop and an exchange per stolen item.
        let worker = deques::Worker::new_fifo();
        let stealer = worker.stealer();
        (Local::new(Some(worker)), Stealer(Some(stealer)))
    }

    /// A queue without thieves.
    pub fn alone() -> (Local<T>, Stealer<T>) {
        (Local::new(None), Stealer(None))
    }

    fn new(deque: Option<deques::Worker<T>>) -> Local<T> {
        Local {
            front: RefCell::default(),
            deque,
            back: RefCell::default(),
            end: Cell::new(End::Front),
        }
    }

    /// Adds at the end. Owner only.
    #[inline]
    pub fn push(&self, item: T) {
        match (self.end.get(), &self.deque) {
            (End::Deque, Some(deque)) => deque.push(item),
            (End::Back, _) => self.back.borrow_mut().push_back(item),
            _ => self.front.borrow_mut().push_back(item),
        }
    }

    /// Takes from the front. Owner only.
    #[inline]
    pub fn pop(&self) -> Option<T> {
        let next = self.front.borrow_mut().pop_front();
        if next.is_some() || self.end.get() == End::Front { next } else { self.pop_behind() }
    }

    /// The front is empty.
    fn pop_behind(&self) -> Option<T> {
        let deque = self.deque.as_ref()?;
        let next = deque.pop();
        if next.is_some() && !deque.is_empty() {
            return next;
        }
        // Nothing is left in the deque: what is behind it becomes the front.
        self.end.set(End::Front);
        let mut front = self.front.borrow_mut();
        std::mem::swap(&mut *front, &mut *self.back.borrow_mut());
        next.or_else(|| front.pop_front())
    }

    /// From now on, pushes go where thieves cannot reach them. What they can reach stays there. Owner only.
    pub fn close(&self) {
        if self.end.get() == End::Deque {
            self.end.set(End::Back);
        }
    }

    /// Whether pushes go to where thieves can reach them.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.end.get() == End::Deque
    }

    /// Moves what is newest, as far as Q7 lets it, to where thieves can reach it, unless they have enough. Until all
    /// that is gone, pushes go there too. Owner only.
    pub fn expose(&self) {
        let Some(deque) = &self.deque else { return };
        let room = match self.end.get() {
            End::Front => EXPOSED_MAX,
            _ => EXPOSED_MAX.saturating_sub(deque.len()),
        };
        let mut back = self.back.borrow_mut();
        let moved = back.len().min(room);
        back.drain(..moved).for_each(|item| deque.push(item));
        if !back.is_empty() {
            return;
        }
        let mut front = self.front.borrow_mut();
        if deque.is_empty() && !front.is_empty() {
            let kept = front.len().saturating_sub(room);
            front.drain(kept..).for_each(|item| deque.push(item));
            self.end.set(End::Deque);
        } else if self.end.get() == End::Back {
            self.end.set(End::Deque);
        }
    }

    /// Moves everything to where thieves can reach it, and whatever is pushed until that is gone. Owner only.
    pub fn open(&self) {
        let Some(deque) = &self.deque else { return };
        let mut front = self.front.borrow_mut();
        if !front.is_empty() || self.end.get() == End::Back {
            // Q6, whatever it costs: who opens a queue is about to leave it for long.
            front.extend(std::iter::from_fn(|| deque.pop()));
            front.extend(self.back.borrow_mut().drain(..));
            front.drain(..).for_each(|item| deque.push(item));
        }
        self.end.set(End::Deque);
    }

    /// Where thefts put all but the first item, for a worker that has nothing of its own.
    pub(super) fn loot(&self) -> Option<&deques::Worker<T>> {
        let deque = self.deque.as_ref()?;
        // The loot is older than whatever is pushed after it.
        self.end.set(End::Deque);
        Some(deque)
    }

    /// How many are queued, as far as the owner knows.
    #[inline]
    pub fn len(&self) -> usize {
        let front = self.front.borrow().len();
        if self.end.get() == End::Front { front } else { front + self.len_behind() }
    }

    fn len_behind(&self) -> usize {
        self.deque.as_ref().map_or(0, deques::Worker::len) + self.back.borrow().len()
    }
}

impl<T> Stealer<T> {
    /// Takes half of what is exposed: one to run, the rest into `to`, the queue of a worker that has nothing.
    pub fn steal_into(&self, to: &Local<T>) -> Steal<T> {
        let (Some(stealer), Some(to)) = (&self.0, to.loot()) else { return Steal::Empty };
        match stealer.steal_batch_with_limit_and_pop(to, BATCH_MAX) {
            deques::Steal::Success(item) => Steal::Success(item),
            deques::Steal::Retry => Steal::Retry,
            deques::Steal::Empty => Steal::Empty,
        }
    }

    /// How many are exposed, about.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, deques::Stealer::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(queue: &Local<usize>) -> Vec<usize> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn order_is_kept_whatever_is_open() {
        type Step = fn(&Local<usize>);
        let steps: [Step; 4] = [Local::expose, Local::close, Local::open, |_| ()];
        for combination in 0..4_usize.pow(4) {
            let (queue, _stealer) = Local::shared();
            let mut expected = 0;
            for round in 0..4_u32 {
                for item in 0..10 {
                    queue.push(round as usize * 10 + item);
                }
                steps[combination / 4_usize.pow(round) % 4](&queue);
                assert_eq!(queue.len(), (round as usize + 1) * 10 - expected);
                for _ in 0..3 {
                    assert_eq!(queue.pop(), Some(expected));
                    expected += 1;
                }
            }
            assert_eq!(all(&queue), (expected..40).collect::<Vec<_>>());
        }
    }

    #[test]
    fn thieves_get_the_newest_and_never_too_many_at_once() {
        let (queue, stealer) = Local::shared();
        (0..10 * EXPOSED_MAX).for_each(|item| queue.push(item));
        queue.expose();
        assert_eq!(stealer.len(), EXPOSED_MAX);
        let (loot, _) = Local::shared();
        let first = match stealer.steal_into(&loot) {
            Steal::Success(item) => item,
            other => panic!("{other:?}"),
        };
        assert_eq!(first, 9 * EXPOSED_MAX);
        queue.expose();
        assert_eq!(stealer.len(), EXPOSED_MAX - BATCH_MAX);
        queue.close();
        queue.push(0);
        assert_eq!(stealer.len(), EXPOSED_MAX - BATCH_MAX);
        assert_eq!(queue.len(), 10 * EXPOSED_MAX - BATCH_MAX + 1);
    }
}
