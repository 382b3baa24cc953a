//! THE WHEEL: what fires when. Plain data: no lock, no clock, and no waker is ever woken or dropped here.
//!
//! A hierarchical timing wheel (Varghese and Lauck, 1987). Time is a number of nanoseconds since the timer was made,
//! written in eleven digits of six bits, and each digit has a level of 64 slots:
//!
//! ```text
//! level    0     1      2       3       4        5       6       7       8        9         10
//! a slot   1 ns  64 ns  4.1 µs  262 µs  16.8 ms  1.07 s  68.7 s  73 min  3.3 days 208 days  36.6 years
//! a level  64 ns 4.1 µs 262 µs  16.8 ms 1.07 s   68.7 s  73 min  78 h    208 days 36.6 y.   292 years
//! ```
//!
//! While the clock runs, deadlines are rounded up to ticks of 2¹² ns, so that levels 0 and 1 stay empty, and an entry
//! moves twice less. While the clock stands still, and a
//! test or a simulation moves it, they are kept to the nanosecond: `advance` by exactly what a task sleeps wakes it.
//!
//! # Rules
//!
//! W1. *Placement.* `elapsed` is the moment through which everything has fired. An entry lies on the level of the highest
//!     digit in which its deadline differs from `elapsed`, in the slot numbered by that digit of its deadline. So its
//!     place is computed and not stored; slots at and below `elapsed`'s own digit are empty; and whatever lies on a
//!     lower level is due before anything on a higher one.
//! W2. *Never early.* A deadline is rounded up or not at all, the present is not rounded, and an entry fires when its
//!     deadline is not after the present. A deadline past the last moment (292 years) is put there.
//! W3. *Expiry.* `elapsed` only grows. It jumps to the start of the next occupied slot that is due, found by bitmap;
//!     that slot is emptied, what is due fires, and the rest is filed anew by W1, one level lower or more. So an entry
//!     moves at most once per level, empty time costs nothing, and entries fire in the order of their deadlines, as they
//!     were rounded, and equal ones in the order in which they were filed.
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
//!     through that moment has left. A sleep whose deadline, rounded up, it has reached (Acquire) is done, and has no
//!     entry to cancel. (Rounded up, although the entry may have been filed as it was, while the clock stood still.)
//! W8. *Closing* is expiring at the last moment: everybody is due, and so is whoever comes later.
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
//! * A wheel of ticks: three levels less, and nothing fires at the moment it was asked for when a test moves the clock.

mod entries;
mod level;

pub use self::entries::Key;
pub(crate) use self::entries::{Entries, List};
use self::level::{DIGIT_BITS, Level};

/// Sixty-six bits.
const LEVELS: usize = 11;

/// A tick is 2¹² ns, or 4.096 µs: a slot of level 2, and fine enough that rounding up costs a sleeper 2 µs on average.
const TICK_NS: u64 = 1 << (2 * DIGIT_BITS);

/// The end of time, 292 years after the timer was made: no deadline and no present is later. A tick begins there.
pub(crate) const LAST_NS: u64 = (1 << 63) - TICK_NS;

/// W2: the first tick that does not begin before `ns`, which is at most [`LAST_NS`].
pub(crate) fn tick_up(ns: u64) -> u64 {
    (ns + (TICK_NS - 1)) & !(TICK_NS - 1)
}

/// The levels and the entries on them, each with a `P`. All times are in nanoseconds, and none is later than
/// [`LAST_NS`].
#[derive(Debug)]
pub(crate) struct Wheel<P> {
    elapsed: u64,
    /// Apart, because they take 11 KiB, and threads may have small stacks.
    levels: Box<[Level]>,
    entries: Entries<P>,
}

/// The first occupied slot.
struct First {
    level: usize,
    slot: usize,
}

impl<P> Wheel<P> {
    /// A wheel on which everything up to `elapsed` has fired.
    pub(crate) fn new(elapsed: u64) -> Self {
        Self { elapsed, levels: vec![Level::EMPTY; LEVELS].into(), entries: Entries::new() }
    }

    pub(crate) fn entries(&self) -> &Entries<P> {
        &self.entries
    }

    pub(crate) fn entries_mut(&mut self) -> &mut Entries<P> {
        &mut self.entries
    }

    pub(crate) fn elapsed(&self) -> u64 {
        self.elapsed
    }

    /// Files an entry, or gives the payload back if the deadline has passed.
    pub(crate) fn insert(&mut self, deadline: u64, payload: P) -> Result<Key, P> {
        if deadline <= self.elapsed {
            return Err(payload);
        }
        let (index, key) = self.entries.add(deadline, payload);
        self.file(index);
        Ok(key)
    }

    /// Takes in an entry that is due already, for a list of the caller's.
    pub(crate) fn insert_due(&mut self, due: &mut List, deadline: u64, payload: P) -> Key {
        debug_assert!(deadline <= self.elapsed, "deadline {deadline}, elapsed {}", self.elapsed);
        let (index, key) = self.entries.add(deadline, payload);
        self.entries.push_back(due, index);
        key
    }

    /// Takes the entry out, if it has not fired.
    pub(crate) fn remove(&mut self, key: Key) -> Option<P> {
        let index = self.entries.find(key)?;
        self.unlink(index);
        Some(self.entries.remove(index))
    }

    /// Moves the entry to another deadline, or to the next moment if that has passed, and says which it became; `None`
    /// if it has fired.
    pub(crate) fn reschedule(&mut self, key: Key, deadline: u64) -> Option<u64> {
        let index = self.entries.find(key)?;
        self.unlink(index);
        // An entry is there, so `elapsed` has not reached the last moment (W8).
        let deadline = deadline.max(self.elapsed + 1);
        self.refile(index, deadline);
        Some(deadline)
    }

    /// Gives an entry that is on no list another deadline, and files it. `false` if the deadline has passed: then the
    /// entry is on no list still.
    pub(crate) fn refile(&mut self, index: u32, deadline: u64) -> bool {
        self.entries.set_deadline(index, deadline);
        let is_ahead = deadline > self.elapsed;
        if is_ahead {
            self.file(index);
        }
        is_ahead
    }

    /// The payload of an entry that has not fired.
    pub(crate) fn payload_mut(&mut self, key: Key) -> Option<&mut P> {
        let index = self.entries.find(key)?;
        Some(self.entries.payload_mut(index))
    }

    /// W4: the earliest deadline, or an earlier one that was cancelled.
    pub(crate) fn nearest(&self) -> Option<u64> {
        self.first().map(|first| self.levels[first.level].nearest(first.slot))
    }

    /// The entry that fires next; of equal ones the first that was filed. Looks at all entries of one slot.
    pub(crate) fn peek(&self) -> Option<u32> {
        let First { level, slot } = self.first()?;
        // `min_by_key` returns the first of equal ones.
        let list = self.levels[level].list(slot);
        self.entries.iter(list).min_by_key(|&index| self.entries.deadline(index))
    }

    /// Some entry.
    pub(crate) fn any(&self) -> Option<u32> {
        let First { level, slot } = self.first()?;
        self.levels[level].list(slot).first()
    }

    /// W3: fires everything due at `now`, in order: hands each entry, which is on no list any more, to `fire`.
    pub(crate) fn expire(&mut self, now: u64, mut fire: impl FnMut(&mut Entries<P>, u32)) {
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
                    fire(&mut self.entries, index);
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
        let digits_above = self.elapsed.checked_shr(above).map_or(0, |digits| digits << above);
        digits_above | (slot as u64) << shift
    }

    /// W1: level and slot of a deadline later than `elapsed`.
    fn place(&self, deadline: u64) -> (usize, usize) {
        debug_assert!(deadline > self.elapsed, "deadline {deadline}, elapsed {}", self.elapsed);
        debug_assert!(deadline <= LAST_NS, "deadline {deadline}, the last moment {LAST_NS}");
        let level = (deadline ^ self.elapsed).ilog2() / DIGIT_BITS;
        let digit = deadline >> (DIGIT_BITS * level) & ((1 << DIGIT_BITS) - 1);
        (level as usize, digit as usize)
    }

    fn file(&mut self, index: u32) {
        let (level, slot) = self.place(self.entries.deadline(index));
        self.levels[level].file(slot, index, &mut self.entries);
    }

    /// Takes an entry that has not fired off its list.
    pub(crate) fn unlink(&mut self, index: u32) {
        let (level, slot) = self.place(self.entries.deadline(index));
        self.levels[level].unlink(slot, index, &mut self.entries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filed(wheel: &mut Wheel<u32>, deadline: u64) -> Key {
        wheel.insert(deadline, 0).expect("the deadline is ahead")
    }

    fn fires(wheel: &mut Wheel<u32>, now: u64) -> usize {
        let mut fired = 0;
        wheel.expire(now, |entries, index| fired += 1 + entries.remove(index) as usize);
        fired
    }

    #[test]
    fn w1_every_level_is_reached_and_fires_on_its_tick() {
        for level in 0..LEVELS as u32 {
            let mut wheel = Wheel::new(0);
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
    fn w2_the_last_moment_can_be_waited_for() {
        let mut wheel = Wheel::new(0);
        filed(&mut wheel, LAST_NS);
        assert_eq!(fires(&mut wheel, LAST_NS - 1), 0);
        assert_eq!(fires(&mut wheel, LAST_NS), 1);
        assert!(wheel.insert(LAST_NS, 0).is_err());
    }

    #[test]
    fn w2_the_end_of_time_is_a_tick() {
        assert_eq!(tick_up(LAST_NS), LAST_NS);
        assert_eq!(tick_up(LAST_NS - 1), LAST_NS);
        assert_eq!((tick_up(0), tick_up(1), tick_up(TICK_NS)), (0, TICK_NS, TICK_NS));
    }

    #[test]
    fn w4_the_nearest_deadline_is_exact_on_every_level() {
        let mut wheel = Wheel::new(0);
        for deadline in [18_311_000, 18_310_777, 18_400_000] {
            filed(&mut wheel, deadline);
        }
        assert_eq!(wheel.nearest(), Some(18_310_777));
        assert_eq!(fires(&mut wheel, 18_310_777), 1);
        assert_eq!(wheel.nearest(), Some(18_311_000));
    }

    #[test]
    fn w5_removing_a_fired_entry_does_nothing() {
        let mut wheel = Wheel::new(0);
        let fired = filed(&mut wheel, 5);
        assert_eq!(fires(&mut wheel, 5), 1);
        let other = filed(&mut wheel, 9);
        assert!(wheel.remove(fired).is_none());
        assert!(wheel.payload_mut(fired).is_none());
        assert!(wheel.reschedule(fired, 7).is_none());
        assert!(wheel.remove(other).is_some());
        assert_eq!(wheel.entries().len(), 0);
    }

    #[test]
    fn an_entry_moved_into_the_past_fires_at_the_next_moment() {
        let mut wheel = Wheel::new(0);
        let key = filed(&mut wheel, 900);
        assert_eq!(fires(&mut wheel, 100), 0);
        assert_eq!(wheel.reschedule(key, 50), Some(101));
        assert_eq!(fires(&mut wheel, 100), 0);
        assert_eq!(fires(&mut wheel, 101), 1);
    }
}
