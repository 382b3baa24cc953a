//! Task ids: unique in the process, handed out to workers in blocks so that a spawn writes no shared line.

use crate::loom::sync::global::AtomicU64;
use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::Ordering::Relaxed;

/// Identifies a task among all tasks this process ever spawns.
///
/// Ids say nothing about the order of spawning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(NonZeroU64);

/// Ids per block: one write to the shared counter per this many spawns of a worker.
const BLOCK: u64 = 1024;

static NEXT: AtomicU64 = AtomicU64::new(1);

fn take(count: u64) -> u64 {
    // Relaxed: only the sum matters.
    NEXT.fetch_add(count, Relaxed)
}

impl Id {
    /// An id for a task spawned from outside a worker.
    pub(crate) fn next() -> Id {
        Id::from_counter(take(1))
    }

    fn from_counter(value: u64) -> Id {
        Id(NonZeroU64::new(value).expect("2^64 tasks have been spawned"))
    }
}

impl Id {
    /// Of the blocks that workers take, the one it is from.
    pub(crate) fn block(self) -> usize {
        (self.0.get() / BLOCK) as usize
    }

    pub(crate) fn to_word(self) -> u64 {
        self.0.get()
    }

    /// From what `to_word` has made of it.
    pub(crate) fn from_word(word: u64) -> Id {
        Id::from_counter(word)
    }
}

/// A worker's supply of ids.
#[derive(Debug)]
pub struct IdBlock {
    next: Cell<u64>,
    end: Cell<u64>,
}

impl IdBlock {
    pub(crate) const fn new() -> IdBlock {
        IdBlock { next: Cell::new(0), end: Cell::new(0) }
    }

    #[inline]
    pub(crate) fn next(&self) -> Id {
        if self.next.get() == self.end.get() {
            self.refill();
        }
        Id::from_counter(self.next.replace(self.next.get() + 1))
    }

    #[cold]
    fn refill(&self) {
        self.next.set(take(BLOCK));
        self.end.set(self.next.get() + BLOCK);
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.0)
    }
}
