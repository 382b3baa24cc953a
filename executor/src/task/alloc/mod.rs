//! Where task cells come from: a thread keeps the blocks of finished tasks and hands them to new ones.
//!
//! A burst of a thousand tasks allocates and frees a thousand blocks of one size, which is more than an allocator's
//! thread cache holds, and under stealing the frees happen on another thread than the allocations, which costs an
//! allocator most. Here both ends are a push or a pop on a thread-local list; surplus moves between threads in
//! chains, through a [`depot`] with a lock per size class that is taken once per chain (the magazines of J. Bonwick's
//! vmem allocator, 2001). Blocks are carved from [`slab`]s, which come from the program's allocator, and go back there when
//! what is in the depot has not been needed for a while (docs/decisions/0002).
//!
//! - **T80** A block belongs to a slab of its class for as long as that slab exists, and is in one place: in a task's hands,
//!   in a list of free blocks (a thread's, the depot's, its slab's), or in a range that has not been carved. Whoever has the
//!   place has the block.
//! - **T81** A class is a size, a multiple of eight. A slab begins at a multiple of [`ALIGN`], and blocks lie in
//!   it one behind the other. A type's size is a multiple of its alignment, so every block of its class is aligned for it.
//! - **T82** A free block's first word links it to the next of its list; the last has none.
//! - **T83** A slab counts what it has given out: blocks in other places than its own list and beyond what was carved. It is
//!   dropped only when that is none.
//! - **T84** What a thread keeps is followed by that thread only, never twice at once, from when it asked for it until it
//!   ends. A thread that keeps nothing, or no longer, takes and gives each block at the depot, under the lock of the class.
//! - **T85** The depot remembers the fewest chains that it held within a period. So many were not needed; they go back to
//!   their slabs when it ends, the longest unused first. Who puts a chain there, and slabs are more than
//!   [`SMALL`](depot::SMALL), looks whether a period is under way, after it has had the lock, and begins one if not. Who ends one
//!   says so first, and then looks at every class, and begins another unless all are empty.
//! - **T86** Nobody calls the program's allocator for a slab, or gives one back, with the lock of a class. (The depot's lists grow under
//!   it, and what a thread keeps is followed meanwhile: an allocator must not spawn tasks.)
//!
//! Feared, for T85: a chain is in the depot, and no period is ever going to end. Who ended the last one has had the lock of the
//! class before the chain was put there, or it would have seen it; then who put it there sees that the period has ended.
//!
//! Under loom and Miri every task has a block of its own from the allocator, so that they tell who uses it after its end.
//!
//! # Safety
//! T80 to T84: a block is used by whoever has its place, and its slab is there as long as any block is out.

#![allow(unsafe_code)]

mod chain;
mod depot;
mod slab;
#[cfg(test)]
mod tests;

use crate::loom::KEEP_BLOCKS;
use crate::loom::alloc::{alloc, dealloc};
use chain::{CHAIN, Chain, Range};
use depot::{Depot, Supply};
use slab::ALIGN;
use std::alloc::{Layout, handle_alloc_error};
use std::cell::{Cell, RefCell};
use std::mem;
use std::ptr::{self, NonNull};
use std::time::Instant;

/// Blocks larger than this go straight to the allocator.
const SIZE_MAX: usize = 512;
const CLASSES: usize = SIZE_MAX / 8;

static DEPOT: Depot = Depot::new();

/// The class of blocks for `layout`, unless it is for the allocator.
const fn class_of(layout: Layout) -> Option<usize> {
    let is_ours =
        KEEP_BLOCKS && layout.align() <= ALIGN && layout.size() <= SIZE_MAX && layout.size() > 0;
    if is_ours { Some(layout.size().div_ceil(8) - 1) } else { None }
}

const fn size_of_class(class: usize) -> usize {
    8 * (class + 1)
}

/// What a thread keeps of one class: a chain in use and a full one in reserve, so that allocating and freeing in turn at a
/// chain's end does not go to the depot each time; and what it carves from when both are empty.
struct Kept {
    current: Chain,
    reserve: Chain,
    range: Range,
}

impl Kept {
    const NOTHING: Kept =
        Kept { current: Chain::EMPTY, reserve: Chain::EMPTY, range: Range::EMPTY };

    #[inline(always)]
    fn take(&mut self, depot: &Depot, class: usize) -> NonNull<u8> {
        match self.current.pop() {
            Some(block) => block,
            None => self.refill(depot, class),
        }
    }

    #[inline(never)]
    fn refill(&mut self, depot: &Depot, class: usize) -> NonNull<u8> {
        if self.reserve.len() > 0 {
            mem::swap(&mut self.current, &mut self.reserve);
        }
        loop {
            let block = self.current.pop().or_else(|| self.range.carve());
            if let Some(block) = block {
                return block;
            }
            match depot.take(class) {
                Supply::Chain(chain) => self.current = chain,
                Supply::Range(range) => self.range = range,
            }
        }
    }

    /// # Safety
    /// T80: the block is the caller's, and of this class.
    #[inline(always)]
    unsafe fn give(&mut self, depot: &Depot, class: usize, block: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { self.current.push(block) };
        if self.current.len() >= CHAIN {
            self.spill(depot, class);
        }
    }

    /// Makes the full chain the reserve, and moves a reserve that was full to the depot.
    #[inline(never)]
    fn spill(&mut self, depot: &Depot, class: usize) {
        mem::swap(&mut self.current, &mut self.reserve);
        if self.current.len() > 0 {
            depot.put(class, mem::take(&mut self.current), Instant::now);
        }
    }

    fn take_all(&mut self) -> [Chain; 3] {
        let range = mem::replace(&mut self.range, Range::EMPTY);
        [mem::take(&mut self.current), mem::take(&mut self.reserve), range.into_chain()]
    }

    /// Leaves everything to others.
    fn leave(&mut self, depot: &Depot, class: usize) {
        for chain in self.take_all() {
            if chain.len() > 0 {
                depot.put(class, chain, Instant::now);
            }
        }
    }

    /// As `leave`, when nobody is thought to need it.
    fn give_back(&mut self, depot: &Depot, class: usize) {
        if self.current.len() + self.reserve.len() > 0 || !self.range.is_empty() {
            depot.give_back_now(class, self.take_all());
        }
    }
}

/// What a thread keeps, and how often somebody had given back what was not needed ([`Depot::givings`]) when it last did.
struct Blocks {
    kept: [Kept; CLASSES],
    givings: u64,
}

thread_local! {
    static BLOCKS: Cell<*mut Blocks> = const { Cell::new(ptr::null_mut()) };
    /// Leaves the thread's blocks to others with the thread.
    static KEEPER: RefCell<Option<Keeper>> = const { RefCell::new(None) };
}

/// Owns the blocks behind a thread's [`BLOCKS`].
struct Keeper(*mut Blocks);

impl Drop for Keeper {
    fn drop(&mut self) {
        // T84: from here on, this thread keeps nothing.
        let _ = BLOCKS.try_with(|blocks| blocks.set(ptr::null_mut()));
        // SAFETY: made by `Box::into_raw`, and nobody else has the pointer any more.
        let mut blocks = unsafe { Box::from_raw(self.0) };
        for (class, kept) in blocks.kept.iter_mut().enumerate() {
            kept.leave(&DEPOT, class);
        }
    }
}

/// Lets this thread keep blocks until it ends. Called by threads that poll tasks.
pub(crate) fn keep_blocks_on_this_thread() {
    // A thread that is ending already keeps none.
    let _ = KEEPER.try_with(|keeper| {
        let mut keeper = keeper.borrow_mut();
        if keeper.is_none() && KEEP_BLOCKS {
            let blocks = Box::into_raw(Box::new(Blocks {
                kept: [Kept::NOTHING; CLASSES],
                givings: DEPOT.givings(),
            }));
            *keeper = Some(Keeper(blocks));
            BLOCKS.with(|cell| cell.set(blocks));
        }
    });
}

/// When somebody has to give back what is not needed, if there may be such, and nobody is at it (T85).
#[inline]
pub(crate) fn next_giving_back() -> Option<Instant> {
    DEPOT.next_giving_back()
}

/// Gives back a little of what was not needed in the period that has ended. If there is more, the period's end stays where
/// it is, in the past.
pub(crate) fn give_back(now: Instant) {
    DEPOT.give_back(now);
}

/// What all slabs take, in bytes.
#[cfg(test)]
pub(crate) fn bytes() -> u64 {
    DEPOT.bytes()
}

/// How often something was found that was not needed, so far.
pub(crate) fn givings() -> u64 {
    DEPOT.givings()
}

/// Gives back what this thread keeps, if others have given back something since it last did: it is little, but one block holds
/// a slab. The caller is about to sleep.
pub(crate) fn give_back_own() {
    let blocks = BLOCKS.try_with(Cell::get).unwrap_or(ptr::null_mut());
    if blocks.is_null() {
        return;
    }
    // SAFETY: T84: the keeper owns what the pointer leads to while it is set.
    let blocks = unsafe { &mut *blocks };
    let givings = DEPOT.givings();
    if mem::replace(&mut blocks.givings, givings) != givings {
        for (class, kept) in blocks.kept.iter_mut().enumerate() {
            kept.give_back(&DEPOT, class);
        }
    }
}

/// Memory for one `T`.
#[inline]
pub(crate) fn allocate<T>() -> NonNull<T> {
    let Some(class) = (const { class_of(Layout::new::<T>()) }) else {
        return allocate_new(Layout::new::<T>()).cast();
    };
    let blocks = BLOCKS.with(Cell::get);
    if blocks.is_null() {
        return DEPOT.take_one(class).cast();
    }
    // SAFETY: T84: the keeper owns what the pointer leads to while it is set.
    unsafe { (&mut (*blocks).kept)[class].take(&DEPOT, class) }.cast()
}

/// Gives back the memory of one `T`, which must have come from `allocate::<T>`.
///
/// # Safety
/// Nobody may use the memory any more.
#[inline]
pub(crate) unsafe fn free<T>(memory: NonNull<T>) {
    let memory = memory.cast::<u8>();
    let Some(class) = (const { class_of(Layout::new::<T>()) }) else {
        // SAFETY: allocated by `allocate_new` with this layout.
        return unsafe { dealloc(memory.as_ptr(), Layout::new::<T>()) };
    };
    let blocks = BLOCKS.try_with(Cell::get).unwrap_or(ptr::null_mut());
    // SAFETY: T80: `allocate` took the block from this class for the caller, who gives it to us; T84, as in `allocate`.
    unsafe {
        if blocks.is_null() {
            DEPOT.give_one(class, memory);
        } else {
            (&mut (*blocks).kept)[class].give(&DEPOT, class, memory);
        }
    }
}

fn allocate_new(layout: Layout) -> NonNull<u8> {
    // SAFETY: no layout here has size zero: a task has a header.
    NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}
