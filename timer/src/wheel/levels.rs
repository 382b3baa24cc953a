//! The levels of the wheel: where an entry lies, and what moves when a slot starts (W1, W3, W10).
//!
//! ```text
//!            own digit
//!                v  next
//! level n     ...#  [A]  ...           what was not moved yet lies here,
//!                     \
//! level n-1, second page [B][B]...     what was moved lies here, by its next digit,
//!                         \
//! level n-2, second page  [C]...       and so on, if the slot on the second page is next to start, too.
//! ```
//!
//! A *place* is a slot of one page. The places an entry may be at follow one another, and follow from its deadline: the
//! slot of W1 (A), then as long as a slot is next, the one below (B, C). Entries pass through them first in, first out, and
//! none is passed over; so of equal deadlines the one that was filed first is the farthest down, and is taken out first.
//!
//! Each entry is on one list, and if it is the first or the last there, that list says so. So nobody needs to remember
//! where an entry is: to unlink it from the middle its neighbors are enough, and at an end the lists tell.

use super::entries::Entries;
use super::list::List;
use super::pages::{DIGIT_BITS, Pages};

/// Sixty-six bits.
pub(super) const LEVELS: usize = 11;
const LAST_DIGIT: usize = (1 << DIGIT_BITS) - 1;

/// The lowest level that has a second page. A slot of the level above lasts 16.8 ms, and many turns of a driver; one of
/// this level little more than one, so there is no time to spread its filing over.
const LOWEST_AHEAD: usize = 3;
/// Second pages, from [`LOWEST_AHEAD`] to the last but one level.
const SECOND_PAGES: usize = LEVELS - 1 - LOWEST_AHEAD;

#[derive(Clone, Copy, Debug)]
struct Place {
    is_ahead: bool,
    level: usize,
    slot: usize,
}

/// A slot that holds something, or has something ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Occupied {
    pub(super) level: usize,
    pub(super) slot: usize,
}

/// All times are in nanoseconds.
#[derive(Debug)]
pub(super) struct Levels {
    elapsed: u64,
    /// A page of each level, and the second pages, which are not there before [`file_ahead`](Levels::file_ahead) is
    /// wanted.
    pages: Pages<{ LEVELS + SECOND_PAGES }>,
    /// The span of `elapsed` in which nothing is left behind in a slot that is next, and so nothing will be.
    all_ahead: Option<u64>,
    /// How many entries were put on a list.
    #[cfg(test)]
    pub(super) filed: usize,
}

fn digit(ns: u64, level: usize) -> usize {
    (ns >> (DIGIT_BITS as usize * level)) as usize & LAST_DIGIT
}

impl Levels {
    pub(super) fn new(elapsed: u64) -> Self {
        Self {
            elapsed,
            pages: Pages::new(LEVELS),
            all_ahead: None,
            #[cfg(test)]
            filed: 0,
        }
    }

    pub(super) fn elapsed(&self) -> u64 {
        self.elapsed
    }

    /// No occupied slot has started since, and none starts now.
    pub(super) fn set_elapsed(&mut self, now: u64) {
        debug_assert!(self.first().is_none_or(|first| self.start(first) > now));
        self.elapsed = self.elapsed.max(now);
    }

    /// The slot that starts next.
    pub(super) fn first(&self) -> Option<Occupied> {
        let first = |level| Some(Occupied { level, slot: self.pages.first(level)? });
        (0..LEVELS).find_map(first)
    }

    /// W1: when the slot starts: the digits of `elapsed` above the level, the slot's number, and zeros below.
    pub(super) fn start(&self, Occupied { level, slot }: Occupied) -> u64 {
        let shift = DIGIT_BITS * level as u32;
        let above = shift + DIGIT_BITS;
        let digits_above = self.elapsed.checked_shr(above).map_or(0, |digits| digits << above);
        digits_above | (slot as u64) << shift
    }

    /// No entry of the slot is due earlier than this; one is due then, unless it has been taken out since.
    pub(super) fn nearest(&self, Occupied { level, slot }: Occupied) -> u64 {
        self.pages.nearest(level, slot)
    }

    /// The entry of the slot that fires first; of equal ones the first that was filed.
    pub(super) fn earliest<P>(&self, slot: Occupied, entries: &Entries<P>) -> Option<u32> {
        self.earliest_at(Place::of(slot), entries)
    }

    fn earliest_at<P>(&self, place: Place, entries: &Entries<P>) -> Option<u32> {
        let below = self.first_below(place).and_then(|below| self.earliest_at(below, entries));
        // What is below was filed before what is equal here, and `min_by_key` returns the first of equal ones.
        let here = entries.iter(self.list(place));
        below.into_iter().chain(here).min_by_key(|&index| entries.deadline(index))
    }

    /// Some entry of the slot.
    pub(super) fn any(&self, slot: Occupied) -> Option<u32> {
        let mut place = Place::of(slot);
        loop {
            let index = self.list(place).first();
            if index.is_some() {
                return index;
            }
            place = self.first_below(place)?;
        }
    }

    /// Puts the entry, whose deadline is later than `elapsed`, where it belongs.
    pub(super) fn file<P>(&mut self, index: u32, entries: &mut Entries<P>) {
        let deadline = entries.deadline(index);
        self.file_at(self.place(deadline), deadline, index, entries);
    }

    /// W10: at `place`, or as far below as nobody is passed over.
    fn file_at<P>(
        &mut self,
        mut place: Place,
        deadline: u64,
        index: u32,
        entries: &mut Entries<P>,
    ) {
        #[cfg(test)]
        {
            self.filed += 1;
        }
        loop {
            let list = self.pages.occupy(place.page(), place.slot, deadline);
            if place.level <= LOWEST_AHEAD || !list.is_empty() {
                return entries.push_back(list, index);
            }
            match self.below(place, deadline) {
                Some(below) => place = below,
                None => return entries.push_back(self.list_mut(place), index),
            }
        }
    }

    /// Takes an entry that is here off its list.
    pub(super) fn unlink<P>(&mut self, index: u32, entries: &mut Entries<P>) {
        let deadline = entries.deadline(index);
        self.unlink_at(self.place(deadline), deadline, index, entries);
    }

    fn unlink_at<P>(&mut self, place: Place, deadline: u64, index: u32, entries: &mut Entries<P>) {
        let below = self.below(place, deadline);
        let list = self.list_mut(place);
        match below {
            Some(below) if !list.ends_with(index) => {
                self.unlink_at(below, deadline, index, entries);
            }
            // Its own list, or it is in the middle of one, and any will do.
            _ => entries.unlink(list, index),
        }
        let has_below = below.is_some_and(|below| self.pages.first(below.page()).is_some());
        if self.list(place).is_empty() && !has_below {
            self.pages.vacate(place.page(), place.slot);
        }
    }

    /// W3: starts the slot, which is the [`first`](Levels::first), and takes out its entries: what is due then is handed to
    /// `fire`, and the rest filed anew.
    pub(super) fn open<P>(
        &mut self,
        slot: Occupied,
        entries: &mut Entries<P>,
        fire: &mut impl FnMut(&mut Entries<P>, u32),
    ) {
        let start = self.start(slot);
        debug_assert!(start >= self.elapsed, "slot start {start}, elapsed {}", self.elapsed);
        self.elapsed = start;
        let Occupied { level, slot } = slot;
        let rest = self.pages.take(level, slot);
        if level > LOWEST_AHEAD
            && let below = level - 1
            && let zeroth = (Place { is_ahead: true, level: below, slot: 0 })
            && self.pages.first(zeroth.page()).is_some()
        {
            // W10: it is this slot's, because it was next; and the page in use is empty, because this slot came first.
            debug_assert_eq!(self.pages.first(below), None);
            self.pages.swap(below, zeroth.page());
            // Slot 0 starts now. What is there comes before what is in our hands.
            if self.pages.first(below) == Some(0) {
                self.open(Occupied { level: below, slot: 0 }, entries, fire);
            }
        }
        let mut walk = entries.walk(&rest);
        while let Some((index, deadline)) = entries.step(&mut walk) {
            if deadline <= start {
                fire(entries, index);
            } else {
                self.file(index, entries);
            }
        }
    }

    /// W10: moves up to `count` entries ahead, those first that are needed first.
    ///
    /// When all are there, those that come later go there directly, until some slot starts that is on a level above the
    /// lowest second page, and so another is next: until then there is nothing to do.
    pub(super) fn file_ahead<P>(&mut self, mut count: usize, entries: &mut Entries<P>) {
        let span = Some(self.elapsed >> (DIGIT_BITS as usize * (LOWEST_AHEAD + 1)));
        if self.all_ahead == span {
            return;
        }
        if !self.has_second_pages() {
            self.pages.grow();
        }
        for level in LOWEST_AHEAD + 1..LEVELS {
            let next = self.next(level);
            let mut walk = entries.walk(self.list(next));
            while count > 0
                && let Some((index, deadline)) = entries.step(&mut walk)
            {
                count -= 1;
                let below =
                    self.below(next, deadline).expect("below a slot that is next is a page");
                // The slot stays occupied: what it has below counts.
                self.file_at(below, deadline, index, entries);
            }
            entries.cut(self.list_mut(next), &walk);
            if !self.list(next).is_empty() {
                return;
            }
        }
        self.all_ahead = span;
    }

    pub(super) fn has_second_pages(&self) -> bool {
        self.pages.len() > LEVELS
    }

    /// W1: of a deadline later than `elapsed`.
    fn place(&self, deadline: u64) -> Place {
        debug_assert!(deadline > self.elapsed, "deadline {deadline}, elapsed {}", self.elapsed);
        let level = ((deadline ^ self.elapsed).ilog2() / DIGIT_BITS) as usize;
        Place { is_ahead: false, level, slot: digit(deadline, level) }
    }

    /// W10: the next slot of a level that is above the lowest second page.
    fn next(&self, level: usize) -> Place {
        match digit(self.elapsed, level) {
            // The highest level has few slots.
            LAST_DIGIT => Place { is_ahead: true, level, slot: 0 },
            own => Place { is_ahead: false, level, slot: own + 1 },
        }
    }

    /// W10: where the entry may be instead of `place`.
    fn below(&self, place: Place, deadline: u64) -> Option<Place> {
        if !self.has_second_pages() || place.level <= LOWEST_AHEAD {
            return None;
        }
        let own = digit(self.elapsed, place.level);
        let is_next = if place.is_ahead {
            place.slot == 0 && own == LAST_DIGIT
        } else {
            place.slot == own + 1
        };
        let level = place.level - 1;
        is_next.then(|| Place { is_ahead: true, level, slot: digit(deadline, level) })
    }

    /// The first place below that holds something.
    fn first_below(&self, place: Place) -> Option<Place> {
        let below = self.below(place, 0)?;
        let slot = self.pages.first(below.page())?;
        Some(Place { slot, ..below })
    }

    fn list(&self, place: Place) -> &List {
        self.pages.list(place.page(), place.slot)
    }

    fn list_mut(&mut self, place: Place) -> &mut List {
        self.pages.list_mut(place.page(), place.slot)
    }
}

impl Place {
    fn of(Occupied { level, slot }: Occupied) -> Self {
        Self { is_ahead: false, level, slot }
    }

    /// The number of the page.
    fn page(self) -> usize {
        if self.is_ahead { LEVELS + self.level - LOWEST_AHEAD } else { self.level }
    }
}
