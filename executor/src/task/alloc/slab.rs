//! Slabs: pieces of memory from the program's allocator, in each of which blocks of one class lie one behind the other.
//!
//! A slab knows nothing of who has its blocks, only how many are out (T83). They are found by address, in a sorted list,
//! which nobody needs before memory is given back. What is in a slab is handed out again before what is in a higher one, so that
//! the highest get empty.
//!
//! # Safety
//! T80, T81, T83.

#![allow(unsafe_code)]

use super::chain::{CHAIN, Chain, Range};
use super::depot::Supply;
use crate::loom::KEEP_BLOCKS;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Where slabs begin (T81): with two cache lines, which processors fetch in pairs.
pub(super) const ALIGN: usize = 128;
/// The first slabs of a class are small, or ten tasks of one size would take as much as ten thousand.
const SIZE_MIN: usize = 4 << 10;
/// One task that stays holds a slab of this size.
const SIZE_MAX: usize = 64 << 10;

/// Memory for some blocks of one class.
pub(super) struct Slab {
    start: NonNull<u8>,
    layout: Layout,
    block_size: usize,
    /// How many blocks were carved, from the start.
    carved: usize,
    /// Those of them that came back.
    free: Chain,
}

// SAFETY: the memory is the slab's, and so are the blocks in its list (T80).
unsafe impl Send for Slab {}

impl Slab {
    /// For blocks of this size, in a class that has `bytes` in slabs already.
    pub(super) fn new(block_size: usize, bytes: usize) -> Slab {
        // Each a quarter of what there is.
        let size = (bytes / 4).next_power_of_two().clamp(SIZE_MIN, SIZE_MAX);
        let layout = Layout::from_size_align(size, ALIGN).expect("a size far below the limit");
        // SAFETY: the size is not zero.
        let start = NonNull::new(unsafe { alloc(layout) });
        let start = start.unwrap_or_else(|| handle_alloc_error(layout));
        Slab { start, layout, block_size, carved: 0, free: Chain::EMPTY }
    }

    fn capacity(&self) -> usize {
        self.layout.size() / self.block_size
    }

    pub(super) fn bytes(&self) -> usize {
        self.layout.size()
    }

    /// T83.
    fn is_unused(&self) -> bool {
        self.carved == self.free.len()
    }

    fn contains(&self, block: NonNull<u8>) -> bool {
        (self.start.addr().get()..self.start.addr().get() + self.layout.size())
            .contains(&block.addr().get())
    }

    /// Some blocks, those first that have been used before.
    fn take(&mut self) -> Option<Supply> {
        if self.free.len() > 0 {
            return Some(Supply::Chain(self.free.split()));
        }
        let count = (self.capacity() - self.carved).min(CHAIN);
        if count == 0 {
            return None;
        }
        // SAFETY: T80: they lie in this slab, and nobody has been given them, since `carved` only grows.
        let range = unsafe {
            let next = self.start.as_ptr().add(self.carved * self.block_size);
            Range::new(next, self.block_size, count)
        };
        self.carved += count;
        Some(Supply::Range(range))
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        if !self.is_unused() {
            // In a test that has failed. Nobody drops another slab before its time.
            assert!(std::thread::panicking(), "a slab is dropped while blocks are out");
            return;
        }
        give_pages_back(self.start.as_ptr(), self.layout.size());
        // SAFETY: T83: nobody has a block of it, and it was allocated with this layout.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}

/// Has the system take the pages that lie in this memory, whose contents nobody needs: many an allocator keeps them, if it has
/// something behind them in use. (With glibc's, nothing at all went back of a million tasks.)
#[cfg(target_os = "linux")]
fn give_pages_back(start: *mut u8, size: usize) {
    use rustix::mm::{Advice, madvise};
    let page = rustix::param::page_size();
    let before = start.addr().next_multiple_of(page) - start.addr();
    let whole = size.saturating_sub(before) / page * page;
    if size < SIZE_MAX || whole == 0 || !KEEP_BLOCKS {
        return;
    }
    // SAFETY: T83: nobody has a block of it. The pages are in memory that was allocated, and stay; their contents may be lost. If
    // the system refuses, the allocator still has them.
    let _ = unsafe { madvise(start.add(before).cast(), whole, Advice::LinuxDontNeed) };
}

#[cfg(not(target_os = "linux"))]
fn give_pages_back(_: *mut u8, _: usize) {}

/// The slabs of one class, by address.
pub(super) struct Slabs {
    sorted: Vec<Slab>,
    bytes: usize,
    /// There is nothing to be had from those before.
    first: usize,
}

impl Slabs {
    pub(super) const NONE: Slabs = Slabs { sorted: Vec::new(), bytes: 0, first: 0 };

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn add(&mut self, slab: Slab) {
        self.bytes += slab.bytes();
        let index = self.sorted.partition_point(|other| other.start < slab.start);
        self.sorted.insert(index, slab);
        self.first = self.first.min(index);
    }

    /// Some blocks, from the lowest slab that has any.
    pub(super) fn take(&mut self) -> Option<Supply> {
        loop {
            let supply = self.sorted.get_mut(self.first)?.take();
            if supply.is_some() {
                return supply;
            }
            self.first += 1;
        }
    }

    /// Takes back blocks, which must be of these slabs (T80). Those that are unused then are the caller's, to be dropped.
    pub(super) fn give_back(&mut self, chains: impl Iterator<Item = Chain>) -> Vec<Slab> {
        let mut last = 0;
        let mut is_one_unused = false;
        for mut chain in chains {
            while let Some(block) = chain.pop() {
                // Many lie in the same slab as the one before.
                if !self.sorted.get(last).is_some_and(|slab| slab.contains(block)) {
                    last = self.sorted.partition_point(|slab| slab.start <= block) - 1;
                }
                let slab = &mut self.sorted[last];
                assert!(slab.contains(block), "a block of another class, or of nobody's");
                // SAFETY: T80: it was popped a moment ago.
                unsafe { slab.free.push(block) };
                is_one_unused |= slab.is_unused();
                self.first = self.first.min(last);
            }
        }
        if !is_one_unused {
            return Vec::new();
        }
        let unused: Vec<Slab> = self.sorted.extract_if(.., |slab| slab.is_unused()).collect();
        self.bytes -= unused.iter().map(Slab::bytes).sum::<usize>();
        self.first = 0;
        if self.sorted.len() < self.sorted.capacity() / 4 {
            self.sorted.shrink_to(2 * self.sorted.len());
        }
        unused
    }
}
