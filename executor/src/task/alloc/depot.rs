//! Where threads leave the free blocks that they have too many of, and get those that they have too few of. It gives back what
//! was not needed for a while (T85).
//!
//! How long is a while? In the middle of a computation that spawns a hundred thousand tasks again and again, no page must be
//! given to the system and be faulted in again: a fault costs as much as twenty tasks or more. After the last such crowd, memory
//! should go. What tells the two apart is the fewest chains that the depot held within some seconds, its *working set* being
//! the rest (J. Bonwick and J. Adams, Magazines and Vmem, 2001). So a crowd's memory goes back after one to two periods.
//!
//! Nobody's thread is there for it: whoever runs tasks looks now and then, and who goes to sleep last gets up at the period's
//! end (`scheduler/thrift.rs`). It is done a little at a time, because somebody's events may be waiting.

use super::chain::{CHAIN, Chain, Range};
use super::slab::{Slab, Slabs};
use super::{CLASSES, size_of_class};
use crate::loom::sync::global::AtomicU64;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::mem;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// What is kept for as long as that, without being needed, goes back.
pub(super) const PERIOD: Duration =
    if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(4) };
/// A program whose slabs are no more than this may keep them.
pub(super) const SMALL: u64 = 1 << 20;
/// Chains that are given back at once: some twenty microseconds.
const AT_ONCE: usize = 4;

/// Blocks for a thread.
pub(super) enum Supply {
    Chain(Chain),
    Range(Range),
}

/// What the depot has of one class.
struct Stock {
    /// The longest unused first.
    chains: VecDeque<Chain>,
    /// The fewest there were since the last look, and how many are still to go because of it.
    low: usize,
    surplus: usize,
    /// What threads that keep no blocks give and take.
    loose: Chain,
    range: Range,
    slabs: Slabs,
}

impl Stock {
    const NOTHING: Stock = Stock {
        chains: VecDeque::new(),
        low: 0,
        surplus: 0,
        loose: Chain::EMPTY,
        range: Range::EMPTY,
        slabs: Slabs::NONE,
    };

    fn take(&mut self) -> Option<Supply> {
        if let Some(chain) = self.chains.pop_back() {
            self.low = self.low.min(self.chains.len());
            self.surplus = self.surplus.min(self.chains.len());
            Some(Supply::Chain(chain))
        } else if self.loose.len() > 0 {
            Some(Supply::Chain(mem::take(&mut self.loose)))
        } else if !self.range.is_empty() {
            Some(Supply::Range(mem::replace(&mut self.range, Range::EMPTY)))
        } else {
            self.slabs.take()
        }
    }

    fn take_loose(&mut self) -> [Chain; 2] {
        let range = mem::replace(&mut self.range, Range::EMPTY);
        [mem::take(&mut self.loose), range.into_chain()]
    }

    /// At a period's end: so much was not needed. What is loose goes at once: it is little, but one block holds a slab.
    fn count_surplus(&mut self) -> Vec<Slab> {
        self.surplus = self.low;
        let loose = self.take_loose();
        self.slabs.give_back(loose.into_iter())
    }

    fn give_back(&mut self, count: usize) -> Vec<Slab> {
        self.surplus -= count;
        let unused = self.slabs.give_back(self.chains.drain(..count));
        if self.surplus == 0 {
            self.low = self.chains.len();
            if self.low < self.chains.capacity() / 4 {
                self.chains.shrink_to(2 * self.low);
            }
        }
        unused
    }
}

/// Not of the depot that all share.
impl Drop for Stock {
    fn drop(&mut self) {
        let loose = self.take_loose();
        drop(self.slabs.give_back(self.chains.drain(..).chain(loose)));
    }
}

/// How far the look at a period's end has come.
#[derive(Default)]
struct Round {
    class: usize,
    /// Whether the surplus of that class has been counted.
    is_counted: bool,
    has_given: bool,
}

/// What all threads share.
pub(super) struct Depot {
    stocks: [Mutex<Stock>; CLASSES],
    /// Of all slabs. Relaxed: a hint.
    bytes: AtomicU64,
    /// In nanoseconds since `start`; zero if no period is under way.
    end: AtomicU64,
    start: OnceLock<Instant>,
    round: Mutex<Round>,
    /// How many looks have found something that was not needed.
    givings: AtomicU64,
}

impl Depot {
    pub(super) const fn new() -> Depot {
        Depot {
            stocks: [const { Mutex::new(Stock::NOTHING) }; CLASSES],
            bytes: AtomicU64::new(0),
            end: AtomicU64::new(0),
            start: OnceLock::new(),
            round: Mutex::new(Round { class: 0, is_counted: false, has_given: false }),
            givings: AtomicU64::new(0),
        }
    }

    /// Blocks for a thread that has none left.
    pub(super) fn take(&self, class: usize) -> Supply {
        let bytes = {
            let mut stock = self.stocks[class].lock();
            if let Some(supply) = stock.take() {
                return supply;
            }
            stock.slabs.bytes()
        };
        let slab = self.new_slab(class, bytes);
        let mut stock = self.stocks[class].lock();
        stock.slabs.add(slab);
        stock.take().expect("a slab was added under this very lock")
    }

    /// A block for a thread that keeps none.
    pub(super) fn take_one(&self, class: usize) -> NonNull<u8> {
        loop {
            let mut stock = self.stocks[class].lock();
            let block = stock.loose.pop().or_else(|| stock.range.carve());
            if let Some(block) = block {
                return block;
            }
            match stock.take() {
                // Under the same lock: what is loose is never a full chain beside it.
                Some(Supply::Chain(mut chain)) => {
                    let block = chain.pop();
                    stock.loose = chain;
                    if let Some(block) = block {
                        return block;
                    }
                }
                Some(Supply::Range(range)) => stock.range = range,
                None => {
                    let bytes = stock.slabs.bytes();
                    drop(stock);
                    let slab = self.new_slab(class, bytes);
                    self.stocks[class].lock().slabs.add(slab);
                }
            }
        }
    }

    /// T86: with no lock. Of two who do so at once each gets a slab.
    fn new_slab(&self, class: usize, bytes: usize) -> Slab {
        let slab = Slab::new(size_of_class(class), bytes);
        self.bytes.fetch_add(slab.bytes() as u64, Relaxed);
        slab
    }

    /// T86: with no lock of a class.
    fn drop_slabs(&self, unused: Vec<Slab>) {
        let bytes = unused.iter().map(Slab::bytes).sum::<usize>();
        self.bytes.fetch_sub(bytes as u64, Relaxed);
    }

    /// A thread has more than it needs.
    pub(super) fn put(&self, class: usize, chain: Chain, now: impl Fn() -> Instant) {
        self.stocks[class].lock().chains.push_back(chain);
        self.need_period(now);
    }

    /// A block of a thread that keeps none.
    ///
    /// # Safety
    /// T80: the block is the caller's, and of this class.
    #[allow(unsafe_code)]
    pub(super) unsafe fn give_one(&self, class: usize, block: NonNull<u8>) {
        let mut stock = self.stocks[class].lock();
        // SAFETY: the caller's promise.
        unsafe { stock.loose.push(block) };
        if stock.loose.len() >= CHAIN {
            let chain = mem::take(&mut stock.loose);
            stock.chains.push_back(chain);
            drop(stock);
            self.need_period(Instant::now);
        }
    }

    /// T85: after a chain was put there, under the lock.
    fn need_period(&self, now: impl Fn() -> Instant) {
        // Relaxed: the lock that the caller has had orders this after the zero of who has not seen its chain.
        if self.end.load(Relaxed) == 0 && self.bytes.load(Relaxed) > SMALL {
            self.begin_period(now());
        }
    }

    #[cold]
    fn begin_period(&self, now: Instant) {
        let start = *self.start.get_or_init(|| now);
        let end = (now.saturating_duration_since(start) + PERIOD).as_nanos() as u64;
        // Relaxed: a time, and nothing else. If another was faster, his is as good.
        let _ = self.end.compare_exchange(0, end, Relaxed, Relaxed);
    }

    /// When the period ends that is under way.
    #[inline]
    pub(super) fn period_end(&self) -> Option<Instant> {
        match self.end.load(Relaxed) {
            0 => None,
            end => self.start.get().map(|start| *start + Duration::from_nanos(end)),
        }
    }

    /// As [`period_end`](Depot::period_end), for who would do something about it then: not if another is at it.
    #[inline]
    pub(super) fn next_giving_back(&self) -> Option<Instant> {
        self.period_end().filter(|_| !self.round.is_locked())
    }

    /// Whether the period has ended.
    fn is_due(&self, now: Instant) -> bool {
        self.period_end().is_some_and(|end| end <= now)
    }

    /// Gives back some of what was not needed, if a period has ended. If there is more to do, it still has.
    pub(super) fn give_back(&self, now: Instant) {
        if !self.is_due(now) {
            return;
        }
        // Who finds another at it leaves it to him.
        let Some(mut round) = self.round.try_lock() else { return };
        if !self.is_due(now) {
            return;
        }
        let mut left = AT_ONCE;
        while let Some(stock) = self.stocks.get(round.class) {
            let mut stock = stock.lock();
            let mut unused = Vec::new();
            if !mem::replace(&mut round.is_counted, true) {
                unused = stock.count_surplus();
            }
            let count = stock.surplus.min(left);
            left -= count;
            round.has_given |= count > 0;
            unused.append(&mut stock.give_back(count));
            let is_done = stock.surplus == 0;
            drop(stock);
            self.drop_slabs(unused);
            if !is_done {
                return;
            }
            round.class += 1;
            round.is_counted = false;
        }
        if mem::take(&mut *round).has_given {
            self.givings.fetch_add(1, Relaxed);
        }
        // T85: in this order.
        self.end.store(0, Relaxed);
        if self.stocks.iter().any(|stock| !stock.lock().chains.is_empty()) {
            self.begin_period(now);
        }
    }

    /// How often something was found that was not needed, so far.
    #[inline]
    pub(super) fn givings(&self) -> u64 {
        // Relaxed: a hint.
        self.givings.load(Relaxed)
    }

    /// Gives blocks back to their slabs, whether or not they may be needed.
    pub(super) fn give_back_now(&self, class: usize, chains: [Chain; 3]) {
        let unused = self.stocks[class].lock().slabs.give_back(chains.into_iter());
        self.drop_slabs(unused);
    }

    /// How many blocks of a class are loose.
    #[cfg(test)]
    pub(super) fn loose_of(&self, class: usize) -> usize {
        self.stocks[class].lock().loose.len()
    }

    /// What the slabs of a class take.
    #[cfg(test)]
    pub(super) fn bytes_of(&self, class: usize) -> usize {
        self.stocks[class].lock().slabs.bytes()
    }

    /// What all slabs take.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }
}
