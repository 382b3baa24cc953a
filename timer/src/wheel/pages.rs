//! The pages of the wheel: 64 slots each, and a bitmap of those that hold something.
//!
//! Each slot remembers the smallest deadline filed into it since it was last empty. That makes the nearest deadline
//! exact on every level, not only on the lowest (W4): a thread asleep on a ten-minute timer wakes once, and not at the
//! start of each slot on the way down.
//!
//! A slot may be occupied with an empty list: then what it holds lies on a second page (W10). So lists and bits are kept by
//! whoever knows both.
//!
//! The bitmaps lie side by side, because every expiry looks at all of them, and the slots are far apart.

use super::list::List;

/// Slots are numbered by one digit of this many bits.
pub(super) const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;

/// Two to a line of the cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Slot {
    list: List,
    /// Meaningless while the slot is not occupied.
    nearest: u64,
}

const EMPTY: [Slot; SLOTS] = [Slot { list: List::EMPTY, nearest: 0 }; SLOTS];

/// Up to `N` pages.
#[derive(Debug)]
pub(super) struct Pages<const N: usize> {
    /// Bit `n` is set exactly if slot `n` of that page holds an entry, there or on a second page.
    occupied: [u64; N],
    /// Where the slots of each page are.
    places: [u8; N],
    /// Apart, because they take tens of kilobytes, and threads may have small stacks.
    slots: Vec<[Slot; SLOTS]>,
}

impl<const N: usize> Pages<N> {
    pub(super) fn new(count: usize) -> Self {
        Self {
            occupied: [0; N],
            places: std::array::from_fn(|page| page as u8),
            slots: vec![EMPTY; count],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Adds empty pages, up to `N` in all.
    pub(super) fn grow(&mut self) {
        self.slots.reserve_exact(N - self.slots.len());
        self.slots.resize(N, EMPTY);
    }

    /// The first slot of the page that holds something.
    pub(super) fn first(&self, page: usize) -> Option<usize> {
        let occupied = self.occupied[page];
        (occupied != 0).then(|| occupied.trailing_zeros() as usize)
    }

    /// No entry of the slot is due earlier than this; one is due then, unless it has been taken out since.
    pub(super) fn nearest(&self, page: usize, slot: usize) -> u64 {
        self.slot(page, slot).nearest
    }

    /// What the slot holds on this page.
    pub(super) fn list(&self, page: usize, slot: usize) -> &List {
        &self.slot(page, slot).list
    }

    pub(super) fn list_mut(&mut self, page: usize, slot: usize) -> &mut List {
        &mut self.slot_mut(page, slot).list
    }

    /// The slot holds an entry that is due at `deadline`. Returns its list.
    pub(super) fn occupy(&mut self, page: usize, slot: usize, deadline: u64) -> &mut List {
        let bit = 1 << slot;
        let is_first = self.occupied[page] & bit == 0;
        self.occupied[page] |= bit;
        let slot = self.slot_mut(page, slot);
        if is_first || deadline < slot.nearest {
            slot.nearest = deadline;
        }
        &mut slot.list
    }

    /// The slot holds nothing any more.
    pub(super) fn vacate(&mut self, page: usize, slot: usize) {
        self.occupied[page] &= !(1 << slot);
    }

    /// Empties the slot.
    pub(super) fn take(&mut self, page: usize, slot: usize) -> List {
        self.vacate(page, slot);
        std::mem::replace(self.list_mut(page, slot), List::EMPTY)
    }

    /// Exchanges two pages.
    pub(super) fn swap(&mut self, one: usize, other: usize) {
        self.occupied.swap(one, other);
        self.places.swap(one, other);
    }

    fn slot(&self, page: usize, slot: usize) -> &Slot {
        &self.slots[usize::from(self.places[page])][slot]
    }

    fn slot_mut(&mut self, page: usize, slot: usize) -> &mut Slot {
        &mut self.slots[usize::from(self.places[page])][slot]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_takes_half_a_line_of_the_cache() {
        assert_eq!(size_of::<Slot>(), 32);
    }

    #[test]
    fn a_slot_forgets_its_nearest_deadline_only_when_it_is_empty() {
        let mut pages = Pages::<2>::new(1);
        pages.grow();
        pages.occupy(1, 7, 20);
        pages.occupy(1, 7, 10);
        pages.occupy(1, 7, 15);
        assert_eq!((pages.first(1), pages.nearest(1, 7)), (Some(7), 10));
        pages.vacate(1, 7);
        assert_eq!((pages.first(0), pages.first(1)), (None, None));
        pages.occupy(1, 7, 30);
        assert_eq!(pages.nearest(1, 7), 30);
    }
}
