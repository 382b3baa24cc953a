//! Free blocks of one class: those that have been used, as a list through the blocks themselves, and those that have not, as
//! the range they lie in.
//!
//! # Safety
//! T80: who has a chain or a range has its blocks. T82 makes the links.

#![allow(unsafe_code)]

use std::mem;
use std::ptr::{self, NonNull};

/// Blocks in a full chain.
pub(super) const CHAIN: usize = 64;

struct Free {
    next: *mut Free,
}

/// A list of free blocks.
pub(super) struct Chain {
    head: *mut Free,
    len: usize,
}

// SAFETY: T80: a chain has its blocks, and nobody else does.
unsafe impl Send for Chain {}

impl Default for Chain {
    fn default() -> Chain {
        Chain::EMPTY
    }
}

impl Chain {
    pub(super) const EMPTY: Chain = Chain { head: ptr::null_mut(), len: 0 };

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// # Safety
    /// T80: the block is the caller's, of this chain's class.
    #[inline(always)]
    pub(super) unsafe fn push(&mut self, block: NonNull<u8>) {
        let block = block.cast::<Free>().as_ptr();
        // SAFETY: the block is ours now, has room for a link, and is aligned for one (T81).
        unsafe { block.write(Free { next: self.head }) };
        self.head = block;
        self.len += 1;
    }

    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<NonNull<u8>> {
        let block = NonNull::new(self.head)?;
        // SAFETY: T82: `push` stored the link, and the block has been ours since.
        self.head = unsafe { block.as_ref().next };
        self.len -= 1;
        Some(block.cast())
    }

    /// As many blocks as a full chain has, or all.
    pub(super) fn split(&mut self) -> Chain {
        if self.len <= CHAIN {
            return mem::take(self);
        }
        let mut part = Chain::EMPTY;
        for _ in 0..CHAIN {
            // SAFETY: T80: popped a moment ago.
            self.pop().into_iter().for_each(|block| unsafe { part.push(block) });
        }
        part
    }
}

/// Blocks one behind the other that were never used.
pub(super) struct Range {
    next: *mut u8,
    size: usize,
    left: usize,
}

// SAFETY: as for a chain.
unsafe impl Send for Range {}

impl Range {
    pub(super) const EMPTY: Range = Range { next: ptr::null_mut(), size: 0, left: 0 };

    /// # Safety
    /// T80: the `left` blocks of `size` bytes from `next` on are the caller's.
    pub(super) unsafe fn new(next: *mut u8, size: usize, left: usize) -> Range {
        Range { next, size, left }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left == 0
    }

    #[inline]
    pub(super) fn carve(&mut self) -> Option<NonNull<u8>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let block = self.next;
        // SAFETY: T80: the block is ours, so this stays in its slab, or at the end of it.
        self.next = unsafe { block.add(self.size) };
        NonNull::new(block)
    }

    pub(super) fn into_chain(mut self) -> Chain {
        let mut chain = Chain::EMPTY;
        while let Some(block) = self.carve() {
            // SAFETY: T80: carved a moment ago.
            unsafe { chain.push(block) };
        }
        chain
    }
}
