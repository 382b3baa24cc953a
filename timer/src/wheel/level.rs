//! One level of the wheel: 64 slots, and a bitmap of those that hold something.
//!
//! Each slot remembers the smallest deadline filed into it since it was last empty. That makes the nearest deadline
//! exact on every level, not only on the lowest (W4): a thread asleep on a ten-minute timer wakes once, and not at the
//! start of each slot on the way down.

use super::entries::{Entries, List};

/// Slots are numbered by one digit of this many bits.
pub(super) const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;

#[derive(Clone, Copy, Debug)]
struct Slot {
    list: List,
    /// Meaningless while the list is empty.
    nearest: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Level {
    /// Bit `n` is set exactly if slot `n` holds an entry.
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

    /// What the slot holds.
    pub(super) fn list(&self, slot: usize) -> List {
        self.slots[slot].list
    }

    pub(super) fn file(&mut self, slot: usize, index: u32, entries: &mut Entries<impl Sized>) {
        let bit = 1 << slot;
        let deadline = entries.deadline(index);
        let Slot { list, nearest } = &mut self.slots[slot];
        if self.occupied & bit == 0 || deadline < *nearest {
            *nearest = deadline;
        }
        self.occupied |= bit;
        entries.push_back(list, index);
    }

    pub(super) fn unlink(&mut self, slot: usize, index: u32, entries: &mut Entries<impl Sized>) {
        let list = &mut self.slots[slot].list;
        entries.unlink(list, index);
        if list.is_empty() {
            self.occupied &= !(1 << slot);
        }
    }

    /// Empties the slot.
    pub(super) fn take(&mut self, slot: usize) -> List {
        self.occupied &= !(1 << slot);
        std::mem::replace(&mut self.slots[slot].list, List::EMPTY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    #[test]
    fn a_slot_forgets_its_nearest_deadline_only_when_it_is_empty() {
        let mut entries = Entries::new();
        let mut level = Level::EMPTY;
        let [near, far, later] =
            [10, 20, 30].map(|deadline| entries.add(deadline, Waker::noop().clone()).0);
        level.file(7, far, &mut entries);
        level.file(7, near, &mut entries);
        assert_eq!((level.first(), level.nearest(7)), (Some(7), 10));
        level.unlink(7, near, &mut entries);
        assert_eq!(level.nearest(7), 10);
        level.unlink(7, far, &mut entries);
        assert_eq!(level.first(), None);
        level.file(7, later, &mut entries);
        assert_eq!(level.nearest(7), 30);
    }
}
