//! THE WHEEL: what fires when. Plain data: no lock, no clock, and no waker is ever woken or dropped here.
//!
//! A hierarchical timing wheel (Varghese and Lauck, 1987). Time is a number of ticks of 2¹⁵ ns since the timer was
//! made, written in eight digits of six bits, and each digit has a level of 64 slots:
//!
//! ```text
//! level    0         1        2         3        4         5        6         7
//! a slot   32.8 µs   2.1 ms   134 ms    8.6 s    9.2 min   9.8 h    26 days   4.6 years
//! a level  2.1 ms    134 ms   8.6 s     9.2 min  9.8 h     26 days  4.6 years 292 years
//! ```
//!
//! # Rules
//!
//! W1. *Placement.* `elapsed` is the tick through which everything has fired. An entry lies on the level of the highest
//!     digit in which its deadline differs from `elapsed`, in the slot numbered by that digit of its deadline. So its
//!     place is computed and not stored; slots at and below `elapsed`'s own digit are empty; and whatever lies on a
//!     lower level is due before anything on a higher one.
//! W2. *Never early.* A deadline rounds up to its tick, the present rounds down, and an entry fires when its tick is not
//!     after the present's. A deadline past the last tick (292 years) is put there.
//! W3. *Expiry.* `elapsed` only grows. It jumps to the start of the next occupied slot that is due, found by bitmap;
//!     that slot is emptied, what is due fires, and the rest is filed anew by W1, one level lower or more. So an entry
//!     moves at most once per level, empty time costs nothing, and entries fire in the order of their ticks, those of
//!     one tick in the order in which they were filed.
//! W4. *Nearest deadline.* What is published is never later than the earliest entry, and equal to it unless an earlier
//!     one was cancelled or moved since. Cancelling publishes nothing: the price is one idle wake-up when the cancelled
//!     deadline comes; the gain is that setting and cancelling timeouts in a loop announces nothing (W6).
//! W5. *Keys.* A key names one entry forever (`entries.rs`). Once that entry has left, cancelling by its key does
//!     nothing, and polling by it says "fired".
//!
//! The timer around the wheel adds four (`timer.rs`, `sleep.rs`):
//!
//! W6. *An earlier deadline is read or announced.* `nearest` is written under the lock only. Whoever files a deadline
//!     earlier than it stores the new one, unlocks, **fences**, and wakes `on_earlier`, which looks whether somebody
//!     sleeps. Whoever means to sleep says so where `on_earlier` will look, **fences**, and then reads `nearest`.
//! W7. *Done without the lock.* `fired_through` is a copy of `elapsed`, stored (Release) under the lock when everything
//!     through that tick has left. A sleep whose tick it has reached (Acquire) is done, and has no entry to cancel.
//! W8. *Closing* is expiring at the last tick: everybody is due, and so is whoever comes later.
//! W9. *Reading the clock.* A sleep about to register asks the clock whether it is too late only if its deadline is
//!     earlier than `nearest`. Otherwise the question is the driver's: if this deadline has passed, so has the nearest,
//!     and the expiry that is due for that fires both. This saves the clock's 20 to 30 ns when a timeout is set.
//!
//! # Why it holds
//!
//! W1 survives W3: when `elapsed` jumps to the start of the first occupied slot, on level n, the levels below n are empty
//! (they would come first), the digits above n do not change, and every other slot of level n is still ahead. When it
//! then moves on to the present, no occupied slot starts at or before that, so the same holds.
//!
//! W6, feared: a driver falls asleep until noon, and a deadline at ten is filed unnoticed. But one of the two fences
//! comes first. If the filer's, then the driver's read, after its own fence, finds ten. If the driver's, then
//! `on_earlier`, after the filer's fence, finds the driver asleep and wakes it.
//!
//! # Rejected
//!
//! * Entries inside the `Sleep` futures (intrusive lists): no slab, but pinned futures and unsafe code, and a wheel that
//!   walks over memory scattered among tasks.
//! * Waking at the start of a slot above level 0: up to four idle wake-ups for a ten-minute timer. A minimum per slot
//!   costs eight bytes a slot and one comparison per filing.
//! * Firing a whole slot at once after a long jump of time: faster, but wakes out of order.

mod entries;
mod level;

use std::task::Waker;

use self::entries::Entries;
pub use self::entries::Key;
use self::level::{DIGIT_BITS, Level};

const LEVELS: usize = 8;

/// The end of time: no deadline and no present is later than this tick.
pub(crate) const LAST_TICK: u64 = (1 << (DIGIT_BITS * LEVELS as u32)) - 1;

/// The levels and the entries on them. All times are ticks, and none is later than [`LAST_TICK`].
#[derive(Debug)]
pub(crate) struct Wheel {
    elapsed: u64,
    levels: [Level; LEVELS],
    entries: Entries,
}

/// The first occupied slot.
struct First {
    level: usize,
    slot: usize,
}

impl Wheel {
    pub(crate) fn new() -> Self {
        Self { elapsed: 0, levels: [Level::EMPTY; LEVELS], entries: Entries::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn elapsed(&self) -> u64 {
        self.elapsed
    }

    /// Files an entry, or gives the waker back if the deadline has passed.
    pub(crate) fn insert(&mut self, deadline: u64, waker: Waker) -> Result<Key, Waker> {
        if deadline <= self.elapsed {
            return Err(waker);
        }
        let (index, key) = self.entries.add(deadline, waker);
        self.file(index);
        Ok(key)
    }

    /// Takes the entry out, if it has not fired.
    pub(crate) fn remove(&mut self, key: Key) -> Option<Waker> {
        let index = self.entries.find(key)?;
        self.unlink(index);
        Some(self.entries.remove(index))
    }

    /// Moves the entry to another deadline, or to the next tick if that has passed, and says which it became; `None` if
    /// it has fired.
    pub(crate) fn reschedule(&mut self, key: Key, deadline: u64) -> Option<u64> {
        let index = self.entries.find(key)?;
        self.unlink(index);
        // An entry is there, so `elapsed` has not reached the last tick (W8).
        let deadline = deadline.max(self.elapsed + 1);
        self.entries.set_deadline(index, deadline);
        self.file(index);
        Some(deadline)
    }

    /// The waker of an entry that has not fired.
    pub(crate) fn waker_mut(&mut self, key: Key) -> Option<&mut Waker> {
        let index = self.entries.find(key)?;
        Some(self.entries.waker_mut(index))
    }

    /// W4: the earliest deadline, or an earlier one that was cancelled.
    pub(crate) fn nearest(&self) -> Option<u64> {
        self.first().map(|first| self.levels[first.level].nearest(first.slot))
    }

    /// W3: fires everything due at `now`, in order.
    pub(crate) fn expire(&mut self, now: u64, woken: &mut Vec<Waker>) {
        while let Some(First { level, slot }) = self.first() {
            let start = self.slot_start(level, slot);
            debug_assert!(start > self.elapsed, "slot start {start}, elapsed {}", self.elapsed);
            if start > now {
                break;
            }
            self.elapsed = start;
            let mut list = self.levels[level].take(slot);
            while let Some(index) = self.entries.pop_front(&mut list) {
                if self.entries.deadline(index) <= start {
                    woken.push(self.entries.remove(index));
                } else {
                    self.file(index);
                }
            }
        }
        self.elapsed = self.elapsed.max(now);
    }

    fn first(&self) -> Option<First> {
        let first = |(level, slots): (usize, &Level)| Some(First { level, slot: slots.first()? });
        self.levels.iter().enumerate().find_map(first)
    }

    /// W1: the digits of `elapsed` above the level, the slot's number, and zeros below.
    fn slot_start(&self, level: usize, slot: usize) -> u64 {
        let shift = DIGIT_BITS * level as u32;
        let above = shift + DIGIT_BITS;
        (self.elapsed >> above << above) | (slot as u64) << shift
    }

    /// W1: level and slot of a deadline later than `elapsed`.
    fn place(&self, deadline: u64) -> (usize, usize) {
        debug_assert!(deadline > self.elapsed, "deadline {deadline}, elapsed {}", self.elapsed);
        debug_assert!(deadline <= LAST_TICK, "deadline {deadline}, last tick {LAST_TICK}");
        let level = (deadline ^ self.elapsed).ilog2() / DIGIT_BITS;
        let digit = deadline >> (DIGIT_BITS * level) & ((1 << DIGIT_BITS) - 1);
        (level as usize, digit as usize)
    }

    fn file(&mut self, index: u32) {
        let (level, slot) = self.place(self.entries.deadline(index));
        self.levels[level].file(slot, index, &mut self.entries);
    }

    fn unlink(&mut self, index: u32) {
        let (level, slot) = self.place(self.entries.deadline(index));
        self.levels[level].unlink(slot, index, &mut self.entries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filed(wheel: &mut Wheel, deadline: u64) -> Key {
        wheel.insert(deadline, Waker::noop().clone()).expect("the deadline is ahead")
    }

    fn fires(wheel: &mut Wheel, now: u64) -> usize {
        let mut woken = Vec::new();
        wheel.expire(now, &mut woken);
        woken.len()
    }

    #[test]
    fn w1_every_level_is_reached_and_fires_on_its_tick() {
        for level in 0..LEVELS as u32 {
            let mut wheel = Wheel::new();
            let deadline = 3 << (DIGIT_BITS * level);
            filed(&mut wheel, deadline);
            assert_eq!(wheel.place(deadline), (level as usize, 3));
            assert_eq!(wheel.nearest(), Some(deadline));
            assert_eq!(fires(&mut wheel, deadline - 1), 0);
            assert_eq!(fires(&mut wheel, deadline), 1);
            assert_eq!(wheel.nearest(), None);
        }
    }

    #[test]
    fn w2_the_last_tick_can_be_waited_for() {
        let mut wheel = Wheel::new();
        filed(&mut wheel, LAST_TICK);
        assert_eq!(fires(&mut wheel, LAST_TICK - 1), 0);
        assert_eq!(fires(&mut wheel, LAST_TICK), 1);
        assert!(wheel.insert(LAST_TICK, Waker::noop().clone()).is_err());
    }

    #[test]
    fn w4_the_nearest_deadline_is_exact_on_every_level() {
        let mut wheel = Wheel::new();
        for deadline in [18_311_000, 18_310_777, 18_400_000] {
            filed(&mut wheel, deadline);
        }
        assert_eq!(wheel.nearest(), Some(18_310_777));
        assert_eq!(fires(&mut wheel, 18_310_777), 1);
        assert_eq!(wheel.nearest(), Some(18_311_000));
    }

    #[test]
    fn w5_removing_a_fired_entry_does_nothing() {
        let mut wheel = Wheel::new();
        let fired = filed(&mut wheel, 5);
        assert_eq!(fires(&mut wheel, 5), 1);
        let other = filed(&mut wheel, 9);
        assert!(wheel.remove(fired).is_none());
        assert!(wheel.waker_mut(fired).is_none());
        assert!(wheel.reschedule(fired, 7).is_none());
        assert!(wheel.remove(other).is_some());
        assert_eq!(wheel.len(), 0);
    }

    #[test]
    fn an_entry_moved_into_the_past_fires_at_the_next_tick() {
        let mut wheel = Wheel::new();
        let key = filed(&mut wheel, 900);
        assert_eq!(fires(&mut wheel, 100), 0);
        assert_eq!(wheel.reschedule(key, 50), Some(101));
        assert_eq!(fires(&mut wheel, 100), 0);
        assert_eq!(fires(&mut wheel, 101), 1);
    }
}
