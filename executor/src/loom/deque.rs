//! A stand-in for crossbeam-deque in models: the same interface and, on the indices, the same orderings.
//!
//! A mutex around a `VecDeque` would not do. Its lock and unlock order things that the real deque leaves unordered:
//! finding the real one *empty* synchronizes with nobody, and that is where a missing fence between a push and the
//! look for sleepers hides. So the indices are loom atomics with crossbeam's orderings, and only the items, which no
//! model looks at, sit behind a std lock that loom does not see (it runs one thread at a time).

use loom::sync::atomic::{AtomicIsize, Ordering::*, fence};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// As `crossbeam_deque::Steal`.
#[derive(Debug)]
pub enum Steal<T> {
    /// Nothing there.
    Empty,
    /// One item.
    Success(T),
    /// Lost a race; something may be there.
    Retry,
}

#[derive(Debug)]
struct Shared<T> {
    front: AtomicIsize,
    back: AtomicIsize,
    /// Item `i` of all ever pushed is at `i - items.0`.
    items: Mutex<(isize, VecDeque<Option<T>>)>,
}

impl<T> Shared<T> {
    fn new() -> Arc<Self> {
        Arc::new(Shared {
            front: AtomicIsize::new(0),
            back: AtomicIsize::new(0),
            items: Mutex::new((0, VecDeque::new())),
        })
    }

    fn store(&self, item: T) {
        self.items.lock().unwrap().1.push_back(Some(item));
    }

    fn take(&self, index: isize) -> T {
        let mut items = self.items.lock().unwrap();
        let offset = usize::try_from(index - items.0).unwrap();
        items.1[offset].take().expect("an item is taken once")
    }

    fn len(&self) -> usize {
        let back = self.back.load(Relaxed);
        let front = self.front.load(SeqCst);
        usize::try_from(back - front).unwrap_or(0)
    }

    fn steal(&self) -> Steal<T> {
        let front = self.front.load(Acquire);
        fence(SeqCst);
        let back = self.back.load(Acquire);
        if back - front <= 0 {
            return Steal::Empty;
        }
        if self.front.compare_exchange(front, front + 1, SeqCst, Relaxed).is_err() {
            return Steal::Retry;
        }
        Steal::Success(self.take(front))
    }
}

/// As `crossbeam_deque::Worker`, FIFO.
#[derive(Debug)]
pub struct Worker<T>(Arc<Shared<T>>);

/// As `crossbeam_deque::Stealer`.
#[derive(Debug)]
pub struct Stealer<T>(Arc<Shared<T>>);

impl<T> Worker<T> {
    /// An empty queue.
    pub fn new_fifo() -> Self {
        Worker(Shared::new())
    }

    /// A handle for thieves.
    pub fn stealer(&self) -> Stealer<T> {
        Stealer(self.0.clone())
    }

    /// At the back.
    pub fn push(&self, item: T) {
        let back = self.0.back.load(Relaxed);
        self.0.store(item);
        fence(Release);
        self.0.back.store(back + 1, Relaxed);
    }

    /// From the front.
    pub fn pop(&self) -> Option<T> {
        let back = self.0.back.load(Relaxed);
        let front = self.0.front.load(Relaxed);
        if back - front <= 0 {
            return None;
        }
        let front = self.0.front.fetch_add(1, SeqCst);
        if back - front <= 0 {
            self.0.front.store(front, Relaxed);
            return None;
        }
        Some(self.0.take(front))
    }

    /// Items queued.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.0.len() == 0
    }
}

impl<T> Stealer<T> {
    /// As crossbeam's.
    pub fn steal(&self) -> Steal<T> {
        self.0.steal()
    }

    /// One item: a batch is one item long in a model.
    pub fn steal_batch_with_limit_and_pop(&self, _: &Worker<T>, _: usize) -> Steal<T> {
        self.0.steal()
    }

    /// Items queued, for a thief: fenced, as crossbeam's.
    pub fn len(&self) -> usize {
        let front = self.0.front.load(Acquire);
        fence(SeqCst);
        let back = self.0.back.load(Acquire);
        usize::try_from(back - front).unwrap_or(0)
    }
}

/// As `crossbeam_deque::Injector`.
#[derive(Debug)]
pub struct Injector<T>(Arc<Shared<T>>);

impl<T> Injector<T> {
    /// An empty queue.
    pub fn new() -> Self {
        Injector(Shared::new())
    }

    /// At the back.
    pub fn push(&self, item: T) {
        // The index first: loom switches threads only at its own operations, so the item is there before anybody can
        // look, and two producers cannot store in one order and count in the other.
        self.0.back.fetch_add(1, SeqCst);
        self.0.store(item);
    }

    /// One item.
    pub fn steal_batch_with_limit_and_pop(&self, _: &Worker<T>, _: usize) -> Steal<T> {
        self.steal()
    }

    /// One item.
    pub fn steal(&self) -> Steal<T> {
        fence(SeqCst);
        self.0.steal()
    }

    /// As crossbeam's: two loads.
    pub fn is_empty(&self) -> bool {
        let front = self.0.front.load(SeqCst);
        let back = self.0.back.load(SeqCst);
        back - front <= 0
    }

    /// Items queued.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}
