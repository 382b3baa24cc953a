//! A page of one level of the wheel: 64 slots, and a bitmap of those that hold something.
//!
//! Each slot remembers the smallest deadline filed into it since it was last empty. That makes the nearest deadline
//! exact on every level, not only on the lowest (W4): a thread asleep on a ten-minute timer wakes once, and not at the
//! start of each slot on the way down.
//!
//! A slot may be occupied with an empty list: then what it holds lies on a second page (W10). So lists and bits are kept by
//! whoever knows both.

use super::entries::List;

/// Slots are numbered by one digit of this many bits.
pub(super) const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;

#[derive(Clone, Copy, Debug)]
struct Slot {
    list: List,
    /// Meaningless while the slot is not occupied.
    nearest: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Level {
    /// Bit `n` is set exactly if slot `n` holds an entry, here or on a second page.
    occupied: u64,
    slots: [Slot; SLOTS],
}

impl Level {
    pub(super) const EMPTY: Self =
        Self { occupied: 0, slots: [Slot { list: List::EMPTY, nearest: 0 }; SLOTS] };

    /// The first slot that holds something.
    pub(super) fn first(&self) -> Option<usize> {
        (self.occupied != 0).then(|| self.occupied.trailing_zeros() as usize)
    }

    /// No entry of the slot is due earlier than this; one is due then, unless it has been taken out since.
    pub(super) fn nearest(&self, slot: usize) -> u64 {
        self.slots[slot].nearest
    }

    /// What the slot holds here.
    pub(super) fn list(&self, slot: usize) -> List {
        self.slots[slot].list
    }

    pub(super) fn list_mut(&mut self, slot: usize) -> &mut List {
        &mut self.slots[slot].list
    }

    /// The slot holds an entry that is due at `deadline`.
    pub(super) fn occupy(&mut self, slot: usize, deadline: u64) {
        let bit = 1 << slot;
        let nearest = &mut self.slots[slot].nearest;
        if self.occupied & bit == 0 || deadline < *nearest {
            *nearest = deadline;
        }
        self.occupied |= bit;
    }

    /// The slot holds nothing any more.
    pub(super) fn vacate(&mut self, slot: usize) {
        self.occupied &= !(1 << slot);
    }

    /// Empties the slot.
    pub(super) fn take(&mut self, slot: usize) -> List {
        self.vacate(slot);
        std::mem::replace(&mut self.slots[slot].list, List::EMPTY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_forgets_its_nearest_deadline_only_when_it_is_empty() {
        let mut level = Level::EMPTY;
        level.occupy(7, 20);
        level.occupy(7, 10);
        level.occupy(7, 15);
        assert_eq!((level.first(), level.nearest(7)), (Some(7), 10));
        level.vacate(7);
        assert_eq!(level.first(), None);
        level.occupy(7, 30);
        assert_eq!(level.nearest(7), 30);
    }
}
