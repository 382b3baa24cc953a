//! The queue of one worker: FIFO, one producer, many thieves. In two parts.
//!
//! The front part is private: a plain ring, whose push and pop are a few instructions. The back part is a Chase-Lev
//! deque, which thieves may come to; a pop from it costs a read-modify-write, a theft an exchange and two cache-line
//! transfers. What is pushed goes to the private part as long as the deque is empty, so that everything private is
//! older than everything in the deque; [`Local::expose`] moves it over when there is somebody to share with and the
//! backlog is worth it (`scheduler/pace.rs` says when). A worker with nobody to share with, or with tasks too small to
//! share, therefore pays no atomic operation per task, and neither does the only worker of a runtime, which has no
//! deque. (Private deques that share on demand: U. Acar, A. Charguéraud, M. Rainey, 2013.)

use super::{BATCH_MAX, Steal};
use crate::loom::deques;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

/// The owner's end (Q1).
#[derive(Debug)]
pub struct Local<T> {
    private: RefCell<VecDeque<T>>,
    deque: Option<deques::Worker<T>>,
    /// Whether pushes go to the deque: it was filled, and not found empty since.
    open: Cell<bool>,
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
        Local { private: RefCell::default(), deque, open: Cell::new(false) }
    }

    /// Adds at the back. Owner only.
    #[inline]
    pub fn push(&self, item: T) {
        match &self.deque {
            Some(deque) if self.open.get() => deque.push(item),
            _ => self.private.borrow_mut().push_back(item),
        }
    }

    /// Takes from the front. Owner only.
    #[inline]
    pub fn pop(&self) -> Option<T> {
        let private = self.private.borrow_mut().pop_front();
        if private.is_some() || !self.open.get() { private } else { self.pop_deque() }
    }

    fn pop_deque(&self) -> Option<T> {
        let deque = self.deque.as_ref()?;
        let popped = deque.pop();
        // Once it is empty, nothing in it is older than what is pushed next.
        self.open.set(!deque.is_empty());
        popped
    }

    /// Takes everything back from where thieves can reach it. Owner only.
    pub fn close(&self) {
        let Some(deque) = &self.deque else { return };
        let mut private = self.private.borrow_mut();
        private.extend(std::iter::from_fn(|| deque.pop()));
        self.open.set(false);
    }

    /// Whether pushes go to where thieves can reach them.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.open.get()
    }

    /// Moves everything private to where thieves can reach it. Owner only.
    pub fn expose(&self) {
        let Some(deque) = &self.deque else { return };
        let mut private = self.private.borrow_mut();
        if !private.is_empty() {
            self.open.set(true);
            private.drain(..).for_each(|item| deque.push(item));
        }
    }

    /// From now on, until the queue has been empty, pushes go straight to where thieves can reach them. Owner only.
    pub fn open(&self) {
        self.expose();
        self.open.set(true);
    }

    /// Where thefts put all but the first item, for a worker that has nothing of its own.
    pub(super) fn loot(&self) -> Option<&deques::Worker<T>> {
        // The loot is older than whatever is pushed after it.
        self.open.set(true);
        self.deque.as_ref()
    }

    /// How many are queued, as far as the owner knows.
    #[inline]
    pub fn len(&self) -> usize {
        let shared =
            if self.open.get() { self.deque.as_ref().map_or(0, deques::Worker::len) } else { 0 };
        self.private.borrow().len() + shared
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
