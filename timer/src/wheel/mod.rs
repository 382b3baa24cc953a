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
//!     place is computed and not stored (or the place it went on to, W10); slots at and below `elapsed`'s own digit are
//!     empty; and whatever lies on a lower level is due before anything on a higher one.
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
//! W10. *Filed ahead.* A slot is *next* if its number is one more than `elapsed`'s own digit on that level, so that no
//!     other slot of the level starts before it; after the last digit, the next one is slot 0 of a second page. From
//!     [`MANY`] entries on, levels 3 to 9 have second pages, for what the next slot of the level above holds. Each expiry
//!     moves a number of entries there, which is bounded by how many it fires; entries that come later go there directly
//!     if none of the slot's is left behind. When the slot starts, the second page becomes the first, and only what was
//!     left behind is filed then (`levels.rs`).
//!
//! The timer around the wheel adds four, W6 to W9 (`timer.rs`, `sleep.rs`):
//!
//! W6. *An earlier deadline is read or announced.* `nearest` is written under the lock only. Whoever files a deadline
//!     earlier than it stores the new one, unlocks, **fences**, and wakes `on_earlier`, which looks whether somebody
//!     sleeps. Whoever means to sleep says so where `on_earlier` will look, **fences**, and then reads `nearest`.
//! W7. *Done without the lock.* `fired_through` is a copy of `elapsed`, stored (Release) under the lock when everything
//!     through that moment has left. A sleep whose deadline, rounded up, it has reached (Acquire) is done, and has no
//!     entry to cancel. (Rounded up, although the entry may have been filed as it was, while the clock stood still.)
//! W8. *Closing* is expiring at the last moment, to which no clock goes ([`NEVER_NS`]): everybody is due, and so is whoever comes later.
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
//! W10, feared: a second page is in use for one slot, and another starts before it. But a slot before the next there is not,
//! and while `elapsed` has not reached its start, it stays the next one: the own digit changes with the start of the
//! slot that follows. If that is empty by then, so is the second page.
//!
//! Without W10 a slot that starts is filed anew in one go, and nobody fires meanwhile: with 100,000 deadlines a second that is
//! 0.4 ms every 16.8 ms, and 25 ms every second (decision 0009). What W10 does not bound is a slot before which hardly
//! anything fires: a jump of time, or a crowd after a pause.
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
mod levels;
mod list;
mod pages;

pub(crate) use self::entries::Entries;
pub use self::entries::Key;
use self::levels::Levels;
pub(crate) use self::list::List;
use self::pages::DIGIT_BITS;

/// W10: fewer entries are filed in some ten microseconds when their slot starts.
const MANY: usize = 64;
/// W10: how many entries an expiry files ahead, and how many more for each that it fires. On its way down an entry is filed
/// ahead once per level from 4 up to where it was filed first: up to two times if it is set for less than a minute, four for
/// three days.
const AHEAD: usize = 16;
const AHEAD_PER_FIRED: usize = 4;

/// A tick is 2¹² ns, or 4.096 µs: a slot of level 2, and fine enough that rounding up costs a sleeper 2 µs on average.
const TICK_NS: u64 = 1 << (2 * DIGIT_BITS);

/// The end of time, 292 years after the timer was made: no deadline and no present is later. A tick begins there.
pub(crate) const LAST_NS: u64 = (1 << 63) - TICK_NS;

/// What is due from here on, 52 days before [`LAST_NS`], never comes: the present of a timer is earlier, however far its clock has been
/// moved. The last moment is for closing (W8).
pub(crate) const NEVER_NS: u64 = LAST_NS - (1 << 52);

/// W2: the first tick that does not begin before `ns`, which is at most [`LAST_NS`].
pub(crate) fn tick_up(ns: u64) -> u64 {
    (ns + (TICK_NS - 1)) & !(TICK_NS - 1)
}

/// The levels and the entries on them, each with a `P`. All times are in nanoseconds, and none is later than
/// [`LAST_NS`].
#[derive(Debug)]
pub(crate) struct Wheel<P> {
    levels: Levels,
    entries: Entries<P>,
}

impl<P> Wheel<P> {
    /// A wheel on which everything up to `elapsed` has fired.
    pub(crate) fn new(elapsed: u64) -> Self {
        Self { levels: Levels::new(elapsed), entries: Entries::new() }
    }

    pub(crate) fn entries(&self) -> &Entries<P> {
        &self.entries
    }

    pub(crate) fn entries_mut(&mut self) -> &mut Entries<P> {
        &mut self.entries
    }

    pub(crate) fn elapsed(&self) -> u64 {
        self.levels.elapsed()
    }

    /// Files an entry, or gives the payload back if the deadline has passed.
    pub(crate) fn insert(&mut self, deadline: u64, payload: P) -> Result<Key, P> {
        if deadline <= self.elapsed() {
            return Err(payload);
        }
        let (index, key) = self.entries.add(deadline, payload);
        self.file(index);
        Ok(key)
    }

    /// Takes in an entry that is due already, for a list of the caller's.
    pub(crate) fn insert_due(&mut self, due: &mut List, deadline: u64, payload: P) -> Key {
        debug_assert!(
            deadline <= self.elapsed(),
            "deadline {deadline}, elapsed {}",
            self.elapsed()
        );
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

    /// Moves the entry to another deadline, or gives its payload back if that has passed; `None` if it has fired.
    pub(crate) fn reschedule(&mut self, key: Key, deadline: u64) -> Option<Result<(), P>> {
        let index = self.entries.find(key)?;
        self.unlink(index);
        if self.refile(index, deadline) {
            return Some(Ok(()));
        }
        Some(Err(self.entries.remove(index)))
    }

    /// Gives an entry that is on no list another deadline, and files it. `false` if the deadline has passed: then the
    /// entry is on no list still.
    pub(crate) fn refile(&mut self, index: u32, deadline: u64) -> bool {
        self.entries.set_deadline(index, deadline);
        let is_ahead = deadline > self.elapsed();
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
        self.levels.first().map(|first| self.levels.nearest(first))
    }

    /// The entry that fires next; of equal ones the first that was filed. Looks at all entries of one slot.
    pub(crate) fn peek(&self) -> Option<u32> {
        self.levels.first().and_then(|first| self.levels.earliest(first, &self.entries))
    }

    /// Some entry.
    pub(crate) fn any(&self) -> Option<u32> {
        self.levels.first().and_then(|first| self.levels.any(first))
    }

    /// W3: fires everything due at `now`, in order: hands each entry, which is on no list any more, to `fire`.
    pub(crate) fn expire(&mut self, now: u64, mut fire: impl FnMut(&mut Entries<P>, u32)) {
        let mut fired = 0;
        let mut fire = |entries: &mut Entries<P>, index| {
            fired += 1;
            fire(entries, index);
        };
        while let Some(first) = self.levels.first()
            && self.levels.start(first) <= now
        {
            self.levels.open(first, &mut self.entries, &mut fire);
        }
        self.levels.set_elapsed(now);
        if self.levels.has_second_pages() || self.entries.len() >= MANY {
            self.levels.file_ahead(AHEAD + AHEAD_PER_FIRED * fired, &mut self.entries);
        }
    }

    fn file(&mut self, index: u32) {
        self.levels.file(index, &mut self.entries);
    }

    /// Takes an entry that has not fired off its list.
    pub(crate) fn unlink(&mut self, index: u32) {
        self.levels.unlink(index, &mut self.entries);
    }
}

#[cfg(test)]
mod tests {
    use super::levels::LEVELS;
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
            let first = wheel.levels.first().map(|first| (first.level, first.slot));
            assert_eq!(first, Some((level as usize, 3)));
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
    fn an_entry_moved_into_the_past_is_given_back() {
        let mut wheel = Wheel::new(0);
        let key = filed(&mut wheel, 900);
        assert_eq!(fires(&mut wheel, 100), 0);
        assert_eq!(wheel.reschedule(key, 101), Some(Ok(())));
        assert_eq!(wheel.reschedule(key, 100), Some(Err(0)));
        assert_eq!(wheel.reschedule(key, 900), None);
        assert_eq!((fires(&mut wheel, 1_000), wheel.entries().len()), (0, 0));
    }

    /// Three seconds' worth, set at once, with a turn of the driver every 105 µs.
    #[test]
    fn w10_no_expiry_files_more_than_what_it_fires_calls_for() {
        const EACH_NS: u64 = 50_000;
        const TURN_NS: u64 = 105_000;
        let mut wheel = Wheel::new(0);
        for number in 1..=60_000 {
            filed(&mut wheel, tick_up(number * EACH_NS));
        }
        // Slots of level 3 are filed in one go.
        let in_one_go = 2 * ((TICK_NS << DIGIT_BITS) / EACH_NS) as usize;
        let mut now = 0;
        while wheel.nearest().is_some() {
            now += TURN_NS;
            let before = wheel.levels.filed;
            let fired = fires(&mut wheel, now);
            let filed = wheel.levels.filed - before;
            let most = AHEAD + AHEAD_PER_FIRED * fired + in_one_go;
            assert!(filed <= most, "{filed} filed at {now} ns, {fired} fired");
        }
        assert!(wheel.levels.filed <= 5 * 60_000, "each once per level, and when it was set");
    }

    #[test]
    fn w10_what_was_filed_ahead_can_be_taken_out_and_the_slot_is_empty_then() {
        let slot = TICK_NS << (2 * DIGIT_BITS); // of level 4
        let mut wheel = Wheel::new(0);
        let keys: Vec<Key> =
            (0..100).map(|number| filed(&mut wheel, slot + 1_000_000 + number / 3)).collect();
        assert_eq!(fires(&mut wheel, TICK_NS), 0);
        assert!(wheel.levels.filed > 100, "some were filed ahead");
        let later = filed(&mut wheel, slot + 1_000_000);
        assert_eq!(wheel.peek(), Some(0), "filed ahead, and earlier than its equals");
        for key in keys {
            assert!(wheel.nearest().is_some() && wheel.any().is_some());
            assert!(wheel.remove(key).is_some());
        }
        assert_eq!(wheel.peek(), wheel.entries().find(later));
        assert!(wheel.remove(later).is_some());
        assert_eq!((wheel.nearest(), wheel.peek(), wheel.any()), (None, None, None));
        assert_eq!(fires(&mut wheel, LAST_NS), 0);
    }

    /// The slot that is next after digit 63 is slot 0 one span later, on every level above it.
    #[test]
    fn w10_entries_are_filed_ahead_over_the_end_of_several_levels() {
        let end = TICK_NS << (4 * DIGIT_BITS); // of a slot of level 6
        let mut wheel = Wheel::new(end - 20 * TICK_NS);
        let deadlines = (0..200).map(|number| end + tick_up(number % 50 * 70_000));
        for deadline in deadlines {
            filed(&mut wheel, deadline);
        }
        for turn in 1..20 {
            assert_eq!(fires(&mut wheel, end - (20 - turn) * TICK_NS), 0);
        }
        let before = wheel.levels.filed;
        assert_eq!(fires(&mut wheel, end), 4);
        let filed = wheel.levels.filed - before;
        // What is due in the first slot of level 3.
        assert!(filed < 20, "{filed} of 200 filed when the slot started");
        assert_eq!(fires(&mut wheel, LAST_NS), 196);
    }
}
