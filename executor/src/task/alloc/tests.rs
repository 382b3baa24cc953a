//! Blocks against a model: each is filled with a pattern of its own, which nobody else may have changed.
//!
//! # Safety
//! Blocks are written by whoever has taken them, within the size of their class.

use super::depot::{PERIOD, SMALL};
use super::*;
use crate::rand::Rng;
use std::collections::HashSet;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// One that somebody has, and what is in it.
struct Taken {
    class: usize,
    block: NonNull<u8>,
    pattern: u8,
}

// SAFETY: T80.
unsafe impl Send for Taken {}

impl Taken {
    fn new(class: usize, block: NonNull<u8>, pattern: u8) -> Taken {
        // SAFETY: T80: the block was taken for us, and has this size.
        unsafe { block.as_ptr().write_bytes(pattern, size_of_class(class)) };
        Taken { class, block, pattern }
    }

    /// The block, if it is as it was left.
    fn check(self) -> (usize, NonNull<u8>) {
        // SAFETY: as above; all of it was written.
        let bytes =
            unsafe { std::slice::from_raw_parts(self.block.as_ptr(), size_of_class(self.class)) };
        assert!(bytes.iter().all(|byte| *byte == self.pattern), "somebody else has written here");
        (self.class, self.block)
    }
}

/// A thread that keeps blocks, as far as the depot knows.
struct Keeping<'a> {
    depot: &'a Depot,
    kept: [Kept; CLASSES],
}

impl<'a> Keeping<'a> {
    fn new(depot: &'a Depot) -> Self {
        Keeping { depot, kept: [Kept::NOTHING; CLASSES] }
    }

    fn take(&mut self, class: usize, pattern: u8) -> Taken {
        Taken::new(class, self.kept[class].take(self.depot, class), pattern)
    }

    fn give(&mut self, taken: Taken) {
        let (class, block) = taken.check();
        // SAFETY: T80: it was taken from this class.
        unsafe { self.kept[class].give(self.depot, class, block) };
    }
}

impl Drop for Keeping<'_> {
    fn drop(&mut self) {
        for (class, kept) in self.kept.iter_mut().enumerate() {
            kept.leave(self.depot, class);
        }
    }
}

/// The class of a task that is not small.
const CLASS: usize = 18;

/// Enough of them to be more than small.
fn crowd() -> usize {
    5 * SMALL as usize / size_of_class(CLASS)
}

/// Lets `count` periods end, one after the other, and gives back all there is then.
fn pass(depot: &Depot, count: u32) {
    for _ in 0..count {
        let Some(end) = depot.period_end() else { return };
        assert!(depot.next_giving_back().is_some());
        depot.give_back(end - Duration::from_nanos(1));
        assert_eq!(depot.period_end(), Some(end), "given back before the period's end");
        while depot.period_end() == Some(end) {
            depot.give_back(end);
        }
    }
}

#[test]
fn every_size_has_a_class_of_its_alignment() {
    for align in [1, 8, 16, 32, 64, ALIGN] {
        for size in (align..=SIZE_MAX).step_by(align) {
            let class = class_of(Layout::from_size_align(size, align).unwrap());
            if !KEEP_BLOCKS {
                assert_eq!(class, None);
                continue;
            }
            let block = size_of_class(class.unwrap());
            assert!(class.unwrap() < CLASSES && block >= size && block < size + 8);
            assert!(block.is_multiple_of(align), "{size} in {block}");
        }
    }
    for (size, align) in [(0, 1), (SIZE_MAX + 1, 8), (256, 2 * ALIGN)] {
        assert!(class_of(Layout::from_size_align(size, align).unwrap()).is_none());
    }
}

#[test]
fn t81_blocks_are_aligned_and_do_not_overlap() {
    let depot = Depot::new();
    let mut keeping = Keeping::new(&depot);
    for class in 0..CLASSES {
        let size = size_of_class(class);
        let align = (1 << size.trailing_zeros()).min(ALIGN);
        let taken: Vec<_> = (0..300_usize).map(|n| keeping.take(class, n as u8)).collect();
        let starts: HashSet<usize> = taken.iter().map(|taken| taken.block.addr().get()).collect();
        assert_eq!(starts.len(), taken.len());
        assert!(starts.iter().all(|start| start.is_multiple_of(align)), "{size} by {align}");
        taken.into_iter().for_each(|taken| keeping.give(taken));
    }
}

#[test]
fn a_thread_gets_back_what_it_freed() {
    keep_blocks_on_this_thread();
    let first = allocate::<[u64; 12]>();
    // SAFETY: just allocated, never used.
    unsafe { free(first) };
    if KEEP_BLOCKS {
        assert_eq!(allocate::<[u64; 12]>(), first);
        // SAFETY: as above.
        unsafe { free(first) };
    }
}

#[test]
fn what_another_thread_has_freed_is_used_again() {
    let depot = Depot::new();
    let (mut here, mut there) = (Keeping::new(&depot), Keeping::new(&depot));
    for round in 0..50 {
        let taken: Vec<_> = (0..1_000_usize).map(|n| here.take(CLASS, n as u8)).collect();
        taken.into_iter().for_each(|taken| there.give(taken));
        // A thread keeps two chains, and may be in the middle of a range.
        let most = (1_000 + 3 * CHAIN) * size_of_class(CLASS) * 3 / 2;
        assert!(depot.bytes_of(CLASS) < most, "{} bytes after {round}", depot.bytes_of(CLASS));
    }
}

#[test]
fn a_thread_that_keeps_nothing_leaves_chains_to_others() {
    let depot = Depot::new();
    let taken: Vec<_> =
        (0..1_000_usize).map(|n| Taken::new(CLASS, depot.take_one(CLASS), n as u8)).collect();
    let bytes = depot.bytes();
    for taken in taken {
        // SAFETY: T80: taken from this class.
        unsafe { depot.give_one(CLASS, taken.check().1) };
    }
    let mut keeping = Keeping::new(&depot);
    let taken: Vec<_> = (0..1_000_usize).map(|n| keeping.take(CLASS, n as u8)).collect();
    assert_eq!(depot.bytes(), bytes);
    taken.into_iter().for_each(|taken| keeping.give(taken));
}

/// A list that has once grown past a chain would never be taken for one again.
#[test]
fn what_is_loose_is_less_than_a_chain_whoever_gives_and_takes() {
    let depot = Depot::new();
    thread::scope(|scope| {
        for seed in 1..=3 {
            let depot = &depot;
            scope.spawn(move || {
                let rng = Rng::new(seed);
                let mut mine = Vec::new();
                for _ in 0..200_000 {
                    if rng.below(2) == 0 {
                        mine.push(depot.take_one(CLASS));
                    } else if let Some(block) = mine.pop() {
                        // SAFETY: T80: it was taken from this class.
                        unsafe { depot.give_one(CLASS, block) };
                    }
                    assert!(depot.loose_of(CLASS) < CHAIN);
                }
                // SAFETY: as above.
                mine.into_iter().for_each(|block| unsafe { depot.give_one(CLASS, block) });
            });
        }
    });
}

#[test]
fn t85_the_memory_of_a_crowd_goes_back_after_two_periods() {
    let depot = Depot::new();
    let mut keeping = Keeping::new(&depot);
    let taken: Vec<_> = (0..crowd()).map(|n| keeping.take(CLASS, n as u8)).collect();
    assert_eq!(depot.period_end(), None, "nothing has come back");
    taken.into_iter().for_each(|taken| keeping.give(taken));
    let peak = depot.bytes();
    assert!(peak > 4 * SMALL);
    pass(&depot, 1);
    assert_eq!(depot.bytes(), peak, "it was needed in this period");
    pass(&depot, 1);
    // The thread has kept two chains, that is up to three slabs.
    assert!(depot.bytes() <= 3 << 16, "{} bytes are left", depot.bytes());
    assert_eq!((depot.period_end(), depot.givings()), (None, 1), "nothing is left to look for");
    keeping.kept[CLASS].give_back(&depot, CLASS);
    assert_eq!(depot.bytes(), 0);
}

#[test]
fn t85_what_is_needed_in_every_period_stays() {
    let depot = Depot::new();
    let mut keeping = Keeping::new(&depot);
    let mut bytes = 0;
    for round in 0..5 {
        let taken: Vec<_> = (0..crowd()).map(|n| keeping.take(CLASS, n as u8)).collect();
        taken.into_iter().for_each(|taken| keeping.give(taken));
        assert!(round == 0 || depot.bytes() == bytes, "{} of {bytes}", depot.bytes());
        bytes = depot.bytes();
        pass(&depot, 1);
    }
    // From now on, only half.
    for _ in 0..3 {
        let taken: Vec<_> = (0..crowd() / 2).map(|n| keeping.take(CLASS, n as u8)).collect();
        taken.into_iter().for_each(|taken| keeping.give(taken));
        pass(&depot, 1);
    }
    assert!(depot.bytes() < bytes * 2 / 3 && depot.bytes() > bytes / 3, "{}", depot.bytes());
}

#[test]
fn a_task_that_stays_holds_its_slab_and_no_other() {
    let depot = Depot::new();
    let mut keeping = Keeping::new(&depot);
    let mut taken: Vec<_> = (0..crowd()).map(|n| keeping.take(CLASS, n as u8)).collect();
    let stays: Vec<_> = (0..5).map(|n| taken.swap_remove(n * crowd() / 6)).collect();
    taken.into_iter().for_each(|taken| keeping.give(taken));
    pass(&depot, 2);
    keeping.kept[CLASS].give_back(&depot, CLASS);
    assert!(depot.bytes() > 0 && depot.bytes() <= 5 << 16, "{}", depot.bytes());
    // Their slabs are filled up before there are new ones.
    let bytes = depot.bytes();
    let more: Vec<_> = (0..100).map(|n| keeping.take(CLASS, n)).collect();
    assert_eq!(depot.bytes(), bytes);
    stays.into_iter().chain(more).for_each(|taken| keeping.give(taken));
    assert_eq!(depot.bytes(), bytes);
}

/// Threads take and give at random, hand blocks to each other, end, and give back, all at once.
#[test]
fn random_threads_never_share_a_block_and_all_memory_goes_back() {
    const THREADS: usize = 3;
    let steps = if cfg!(miri) { 300 } else { 60_000 };
    for seed in 0..4 {
        let depot = Depot::new();
        thread::scope(|scope| {
            let (senders, receivers): (Vec<_>, Vec<_>) =
                (0..THREADS).map(|_| mpsc::channel::<Taken>()).unzip();
            for (index, received) in receivers.into_iter().enumerate() {
                let (senders, depot) = (senders.clone(), &depot);
                scope.spawn(move || {
                    let rand = Rng::new(seed * 7 + index as u64 + 1);
                    let mut keeping = Keeping::new(depot);
                    let mut mine: Vec<Taken> = Vec::new();
                    let mut wanted = 100;
                    for step in 0..steps {
                        let pattern = step as u8 ^ (index as u8) << 6;
                        let class = [3, CLASS, CLASS, CLASS + 1, 63][rand.below(5)];
                        let is_wanted = mine.len() < wanted;
                        let choice = rand.below(100);
                        match choice {
                            0 => wanted = rand.below(20_000),
                            1 => {
                                let end = depot.period_end();
                                depot.give_back(end.unwrap_or_else(Instant::now) + PERIOD);
                            }
                            2 => keeping.kept[class].give_back(depot, class),
                            3 if rand.below(20) == 0 => keeping = Keeping::new(depot),
                            4..10 => mine.extend(received.try_recv()),
                            _ if is_wanted && choice < 20 => {
                                mine.push(Taken::new(class, depot.take_one(class), pattern));
                            }
                            _ if is_wanted => mine.push(keeping.take(class, pattern)),
                            _ if mine.is_empty() => {}
                            _ => {
                                let at = rand.below(mine.len());
                                let taken = mine.swap_remove(at);
                                if choice < 20 {
                                    let (class, block) = taken.check();
                                    // SAFETY: T80: taken from this class.
                                    unsafe { depot.give_one(class, block) };
                                } else if choice < 40 {
                                    let to = &senders[rand.below(THREADS)];
                                    // One that has ended gives it back to us.
                                    let sent = to.send(taken);
                                    sent.unwrap_or_else(|unsent| keeping.give(unsent.0));
                                } else {
                                    keeping.give(taken);
                                }
                            }
                        }
                    }
                    drop(senders);
                    mine.into_iter().chain(received).for_each(|taken| keeping.give(taken));
                });
            }
        });
        let mut keeping = Keeping::new(&depot);
        // Whoever is the first to put a chain into a small depot begins no period.
        let taken: Vec<_> = (0..crowd()).map(|n| keeping.take(CLASS, n as u8)).collect();
        taken.into_iter().for_each(|taken| keeping.give(taken));
        drop(keeping);
        pass(&depot, 3);
        assert_eq!(depot.bytes(), 0, "seed {seed}");
    }
}
