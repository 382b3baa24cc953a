//! All sources of one driver: a table that only grows, indexed without a lock, and a locked list of free indices.
//!
//! A source is never freed while its driver lives; a registration that ends gives the index back, and the next one
//! takes it over with a new generation (R5). So the driver may look up any token it ever gave out: what it finds is
//! a source, and the generation tells whether it is still the one that was meant. The price is that memory stays at
//! its peak: 128 bytes for each socket ever open at one time.
//!
//! Lock order: the list of free indices comes before the lock of a source.

use std::io;
use std::iter;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use crate::error::ShutDown;
use crate::interest::Ready;
use crate::loom::Mutex;
use crate::source::{Arming, Source};
use crate::sys::Fd;

/// Where a source is in the table, and which of its registrations is meant. Fits the `usize` that `polling` offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl Token {
    const INDEX_BITS: u32 = if usize::BITS >= 64 { 32 } else { 20 };
    const INDEX_MASK: usize = (1 << Self::INDEX_BITS) - 1;
    const GENERATION_MASK: u32 = (usize::MAX >> Self::INDEX_BITS) as u32;

    /// The last index is left out, so that no key is `usize::MAX`: selectors keep that for themselves.
    const INDEX_MAX: usize = Self::INDEX_MASK - 1;

    /// The generation after this one. Wraps where the token does.
    pub(crate) const fn next_generation(generation: u32) -> u32 {
        generation.wrapping_add(1) & Self::GENERATION_MASK
    }

    pub(crate) const fn key(self) -> usize {
        (self.generation as usize) << Self::INDEX_BITS | self.index as usize
    }

    pub(crate) const fn from_key(key: usize) -> Self {
        Self {
            index: (key & Self::INDEX_MASK) as u32,
            generation: (key >> Self::INDEX_BITS) as u32,
        }
    }
}

/// The size of the first page; each further page is twice as large as the one before.
const FIRST_PAGE: usize = 64;
const PAGES: usize = (Token::INDEX_BITS - FIRST_PAGE.ilog2() + 1) as usize;

type Page = Box<[OnceLock<Arc<Source>>]>;

#[derive(Debug)]
pub(crate) struct Registry {
    pages: [OnceLock<Page>; PAGES],
    free: Mutex<Free>,
    /// How many registrations there are; changes under the lock of `free` only, and is read without.
    count: AtomicUsize,
}

#[derive(Debug)]
struct Free {
    indices: Vec<u32>,
    /// Indices below this have been in use.
    used: usize,
    closed: bool,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            pages: [const { OnceLock::new() }; PAGES],
            free: Mutex::new(Free { indices: Vec::new(), used: 0, closed: false }),
            count: AtomicUsize::new(0),
        }
    }

    /// Finds a place for `fd` and lets its registration begin.
    pub(crate) fn adopt(
        &self,
        fd: Fd,
        arming: Arming,
        ready: Ready,
    ) -> io::Result<(Token, Arc<Source>)> {
        // The lock is held across `adopt`, so that `close` finds either no new source or an adopted one.
        let mut free = self.free.lock();
        if free.closed {
            return Err(ShutDown.into());
        }
        let index = match free.indices.pop() {
            Some(index) => index,
            None => free.extend()?,
        };
        let source = Arc::clone(self.slot(index).get_or_init(|| Arc::new(Source::new())));
        let generation = source.adopt(fd, arming, ready);
        self.count.store(free.in_use(), Relaxed); // A number for whoever asks; nothing depends on it.
        Ok((Token { index, generation }, source))
    }

    /// Gives an index back after its source was retired.
    pub(crate) fn release(&self, index: u32) {
        let mut free = self.free.lock();
        free.indices.push(index);
        self.count.store(free.in_use(), Relaxed); // As in `adopt`.
    }

    /// The source at `index`, if there ever was one.
    pub(crate) fn source(&self, index: u32) -> Option<&Source> {
        let (page, offset) = locate(index);
        self.pages.get(page)?.get()?.get(offset)?.get().map(Arc::as_ref)
    }

    /// Whether another source than that at `index` watches `fd` (R10). In time proportional to their number.
    pub(crate) fn watches_also(&self, fd: Fd, index: u32) -> bool {
        let used = self.free.lock().used;
        let mut others = (0..used as u32).filter(|&other| other != index);
        others.any(|other| self.source(other).is_some_and(|source| source.watches(fd)))
    }

    /// Refuses further registrations, shuts every source down and appends its waiters to `woken` (R6).
    pub(crate) fn close(&self, woken: &mut Vec<Waker>) {
        let mut free = self.free.lock();
        free.closed = true;
        for source in (0..free.used).filter_map(|index| self.source(index as u32)) {
            source.shut_down(woken);
        }
    }

    /// How many registrations there are now.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    fn slot(&self, index: u32) -> &OnceLock<Arc<Source>> {
        let (page, offset) = locate(index);
        let empty = || iter::repeat_with(OnceLock::new).take(FIRST_PAGE << page).collect();
        &self.pages[page].get_or_init(empty)[offset]
    }
}

impl Free {
    fn in_use(&self) -> usize {
        self.used - self.indices.len()
    }

    fn extend(&mut self) -> io::Result<u32> {
        if self.used > Token::INDEX_MAX {
            return Err(io::Error::other("the I/O driver has no room for a further source"));
        }
        self.used += 1;
        Ok((self.used - 1) as u32)
    }
}

/// The page of an index, and the place within it.
fn locate(index: u32) -> (usize, usize) {
    let shifted = index as usize + FIRST_PAGE;
    let page = (shifted.ilog2() - FIRST_PAGE.ilog2()) as usize;
    (page, shifted - (FIRST_PAGE << page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_its_own_place() {
        assert_eq!(locate(0), (0, 0));
        assert_eq!(locate(63), (0, 63));
        assert_eq!(locate(64), (1, 0));
        assert_eq!(locate(191), (1, 127));
        assert_eq!(locate(192), (2, 0));
        let (page, offset) = locate(Token::INDEX_MAX as u32);
        assert!(page < PAGES && offset < FIRST_PAGE << page);
    }

    #[test]
    fn a_token_survives_the_trip_through_a_key() {
        for generation in [0, 1, Token::GENERATION_MASK] {
            let token = Token { index: Token::INDEX_MAX as u32, generation };
            assert_eq!(Token::from_key(token.key()), token);
            assert_ne!(token.key(), usize::MAX);
        }
        assert_eq!(Token::next_generation(Token::GENERATION_MASK), 0);
    }
}
