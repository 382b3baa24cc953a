//! Where task cells come from: a worker keeps the blocks of finished tasks and hands them to new ones.
//!
//! A burst of a thousand tasks allocates and frees a thousand blocks of one size, which is more than an allocator's
//! thread cache holds, and under stealing the frees happen on another thread than the allocations, which costs an
//! allocator most. Here both ends are a push or a pop on a thread-local list; surplus moves between workers in
//! chains, through a depot with a lock per size class that is taken once per chain (the magazines of J. Bonwick's
//! vmem allocator, 2001). Every block is an ordinary allocation of its class's size, so any thread may free it
//! whether or not it keeps blocks itself.
//!
//! # Safety
//! A free block's first word links it to the next; every list holds blocks of one class only, which nobody else uses.

#![allow(unsafe_code)]

use crate::loom::KEEP_BLOCKS;
use crate::loom::alloc::{alloc, dealloc};
use parking_lot::Mutex;
use std::alloc::{Layout, handle_alloc_error};
use std::cell::{Cell, RefCell};
use std::ptr::{self, NonNull};

/// Blocks larger than this go straight to the allocator.
const SIZE_MAX: usize = 512;
/// A class holds sizes `16 n + 8`: with an allocator's header of eight bytes, as glibc's, nothing is lost to rounding.
const CLASSES: usize = SIZE_MAX / 16;
const ALIGN: usize = 16;
/// Blocks in a chain.
const CHAIN: usize = 64;
/// Bytes the depot keeps per class; what is more goes back to the allocator, and what is kept stays. With a tenth of
/// this, a fork-join of 75,000 tasks went back to the system for every page it touched (docs/decisions/0002).
const DEPOT_BYTES: usize = 8 << 20;

struct Free {
    next: *mut Free,
}

/// A list of `len` free blocks of one class.
struct Chain {
    head: *mut Free,
    len: usize,
}

// SAFETY: a chain owns its blocks.
unsafe impl Send for Chain {}

impl Chain {
    const EMPTY: Chain = Chain { head: ptr::null_mut(), len: 0 };

    #[inline]
    fn push(&mut self, block: NonNull<u8>) {
        let block = block.cast::<Free>().as_ptr();
        // SAFETY: the block is free and ours, and has room for a link.
        unsafe { block.write(Free { next: self.head }) };
        self.head = block;
        self.len += 1;
    }

    #[inline]
    fn pop(&mut self) -> Option<NonNull<u8>> {
        let block = NonNull::new(self.head)?;
        // SAFETY: `push` stored the link, and the block has been ours since.
        self.head = unsafe { block.as_ref().next };
        self.len -= 1;
        Some(block.cast())
    }
}

static DEPOT: [Mutex<Vec<Chain>>; CLASSES] = [const { Mutex::new(Vec::new()) }; CLASSES];

/// The blocks one thread keeps: per class, a chain in use and a full one in reserve, so that allocating and freeing
/// in turn at a chain's end does not go to the depot each time.
struct Blocks([(Chain, Chain); CLASSES]);

thread_local! {
    static BLOCKS: Cell<*mut Blocks> = const { Cell::new(ptr::null_mut()) };
    /// Frees the thread's blocks with the thread.
    static KEEPER: RefCell<Option<Keeper>> = const { RefCell::new(None) };
}

/// Owns the blocks behind a thread's [`BLOCKS`].
struct Keeper(*mut Blocks);

impl Drop for Keeper {
    fn drop(&mut self) {
        // From here on, this thread's frees go straight to the allocator.
        let _ = BLOCKS.try_with(|blocks| blocks.set(ptr::null_mut()));
        // SAFETY: made by `Box::into_raw`, and nobody else has the pointer any more.
        let mut blocks = unsafe { Box::from_raw(self.0) };
        for (class, (current, reserve)) in blocks.0.iter_mut().enumerate() {
            for chain in [current, reserve] {
                release(class, std::mem::replace(chain, Chain::EMPTY));
            }
        }
    }
}

/// Lets this thread keep blocks until it ends. Called by threads that poll tasks.
pub(crate) fn keep_blocks_on_this_thread() {
    // A thread that is ending already keeps none.
    let _ = KEEPER.try_with(|keeper| {
        let mut keeper = keeper.borrow_mut();
        if keeper.is_none() && KEEP_BLOCKS {
            let blocks = Box::new(Blocks([const { (Chain::EMPTY, Chain::EMPTY) }; CLASSES]));
            let blocks = Box::into_raw(blocks);
            *keeper = Some(Keeper(blocks));
            BLOCKS.with(|cell| cell.set(blocks));
        }
    });
}

const fn class_of(layout: Layout) -> Option<usize> {
    if layout.align() > ALIGN || layout.size() > SIZE_MAX - 8 || layout.size() < 8 {
        return None;
    }
    Some((layout.size() + 7) / 16)
}

const fn layout_of(class: usize) -> Layout {
    match Layout::from_size_align(16 * class + 8, ALIGN) {
        Ok(layout) => layout,
        Err(_) => unreachable!(),
    }
}

/// Memory for one `T`.
#[inline]
pub(crate) fn allocate<T>() -> NonNull<T> {
    let Some(class) = (const { class_of(Layout::new::<T>()) }) else {
        return allocate_new(Layout::new::<T>()).cast();
    };
    let blocks = BLOCKS.with(Cell::get);
    if !blocks.is_null() {
        // SAFETY: the keeper owns the blocks while the pointer is set, and only this thread follows it, never twice
        // at once.
        let (current, _) = unsafe { &mut (&mut (*blocks).0)[class] };
        if let Some(block) = current.pop() {
            return block.cast();
        }
        // SAFETY: as above.
        if let Some(block) = refill(class, unsafe { &mut (&mut (*blocks).0)[class] }) {
            return block.cast();
        }
    }
    allocate_new(layout_of(class)).cast()
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
    if blocks.is_null() {
        // SAFETY: every block of a class was allocated with the class's layout.
        return unsafe { dealloc(memory.as_ptr(), layout_of(class)) };
    }
    // SAFETY: as in `allocate`.
    let kept = unsafe { &mut (&mut (*blocks).0)[class] };
    kept.0.push(memory);
    if kept.0.len == CHAIN {
        spill(class, kept);
    }
}

fn allocate_new(layout: Layout) -> NonNull<u8> {
    // SAFETY: no layout here has size zero: a task has a header.
    NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

/// A block from the reserve, else from a chain of the depot.
#[cold]
fn refill(class: usize, (current, reserve): &mut (Chain, Chain)) -> Option<NonNull<u8>> {
    std::mem::swap(current, reserve);
    if current.len == 0 {
        *current = DEPOT[class].lock().pop()?;
    }
    current.pop()
}

/// Makes the full chain the reserve, and moves a reserve that was full to the depot.
#[cold]
fn spill(class: usize, (current, reserve): &mut (Chain, Chain)) {
    std::mem::swap(current, reserve);
    if current.len > 0 {
        let surplus = std::mem::replace(current, Chain::EMPTY);
        let mut depot = DEPOT[class].lock();
        if depot.len() < DEPOT_BYTES / (CHAIN * layout_of(class).size()) {
            depot.push(surplus);
        } else {
            drop(depot);
            release(class, surplus);
        }
    }
}

/// Gives a chain's blocks back to the allocator.
fn release(class: usize, mut chain: Chain) {
    while let Some(block) = chain.pop() {
        // SAFETY: every block of a class was allocated with the class's layout.
        unsafe { dealloc(block.as_ptr(), layout_of(class)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_fits_its_class_and_no_class_is_out_of_range() {
        for size in 8..=SIZE_MAX - 8 {
            let class = class_of(Layout::from_size_align(size, 8).unwrap()).unwrap();
            let block = layout_of(class).size();
            assert!(class < CLASSES && block >= size && block < size + 16, "{size} in {block}");
        }
        assert!(class_of(Layout::from_size_align(64, 64).unwrap()).is_none());
        assert!(class_of(Layout::from_size_align(SIZE_MAX + 1, 8).unwrap()).is_none());
    }

    #[test]
    fn a_thread_gets_back_what_it_freed() {
        keep_blocks_on_this_thread();
        let first = allocate::<[u64; 12]>();
        // SAFETY: just allocated, never used.
        unsafe { free(first) };
        assert_eq!(allocate::<[u64; 12]>(), first);
        // SAFETY: as above.
        unsafe { free(first) };
    }
}
