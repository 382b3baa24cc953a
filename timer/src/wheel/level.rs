//! One level of the wheel: 64 slots, and a bitmap of those that hold something.
//!
//! Each slot remembers the smallest deadline filed into it since it was last empty. That makes the nearest deadline
//! exact on every level, not only on the lowest (W4): a thread asleep on a ten-minute timer wakes once, and not at the
//! start of each slot on the way down.

use super::records::{Chunks, List, Record};

/// Slots are numbered by one digit of this many bits.
pub(super) const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;

/// So many stale records are never worth a sweep.
const STALE_MIN: u32 = 32;

#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    list: List,
    /// How many of the records are not stale (W10).
    live: u32,
    /// Meaningless while the slot is empty.
    nearest: u64,
}

impl Slot {
    const EMPTY: Self = Self { list: List::EMPTY, live: 0, nearest: 0 };

    /// No entry of the slot is due earlier than this; one is due then, unless it has been taken out since.
    pub(super) fn nearest(&self) -> u64 {
        self.nearest
    }

    /// Its records, stale ones among them.
    pub(super) fn list(&self) -> List {
        self.list
    }

    /// Whether some of the records may be stale.
    pub(super) fn has_stale(&self) -> bool {
        self.list.len() != self.live
    }
}

#[derive(Clone, Debug)]
pub(super) struct Level {
    /// Bit `n` is set exactly if slot `n` holds an entry.
    occupied: u64,
    slots: [Slot; SLOTS],
}

impl Level {
    pub(super) const EMPTY: Self = Self { occupied: 0, slots: [Slot::EMPTY; SLOTS] };

    /// The first slot that holds something.
    pub(super) fn first(&self) -> Option<usize> {
        (self.occupied != 0).then(|| self.occupied.trailing_zeros() as usize)
    }

    pub(super) fn slot(&self, slot: usize) -> &Slot {
        &self.slots[slot]
    }

    pub(super) fn list_mut(&mut self, slot: usize) -> &mut List {
        &mut self.slots[slot].list
    }

    #[inline]
    pub(super) fn file(&mut self, slot: usize, record: Record, chunks: &mut Chunks) {
        let Slot { list, live, nearest } = &mut self.slots[slot];
        if *live == 0 || record.deadline < *nearest {
            *nearest = record.deadline;
        }
        *live += 1;
        self.occupied |= 1 << slot;
        chunks.push(list, record);
    }

    /// The record's entry has gone. Says whether the slot should be swept.
    #[inline]
    #[must_use]
    pub(super) fn unfile(&mut self, slot: usize, record: Record, chunks: &mut Chunks) -> bool {
        let Slot { list, live, .. } = &mut self.slots[slot];
        *live -= 1;
        if *live == 0 {
            chunks.clear(list);
            self.occupied &= !(1 << slot);
            return false;
        }
        chunks.pop_back_if(list, record);
        list.len() - *live > *live + STALE_MIN
    }

    /// Throws out what is stale.
    pub(super) fn sweep(
        &mut self,
        slot: usize,
        chunks: &mut Chunks,
        is_live: impl Fn(Record) -> bool,
    ) {
        let list = &mut self.slots[slot].list;
        let mut swept = List::EMPTY;
        while let Some(record) = chunks.pop_front(list) {
            if is_live(record) {
                chunks.push(&mut swept, record);
            }
        }
        *list = swept;
    }

    /// Empties the slot.
    pub(super) fn take(&mut self, slot: usize) -> Slot {
        self.occupied &= !(1 << slot);
        std::mem::replace(&mut self.slots[slot], Slot::EMPTY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(deadline: u64) -> Record {
        Record { deadline, index: 0, stamp: 0 }
    }

    #[test]
    fn a_slot_forgets_its_nearest_deadline_only_when_it_is_empty() {
        let mut chunks = Chunks::new();
        let mut level = Level::EMPTY;
        let [near, far, later] = [10, 20, 30].map(record);
        level.file(7, far, &mut chunks);
        level.file(7, near, &mut chunks);
        assert_eq!((level.first(), level.slot(7).nearest()), (Some(7), 10));
        assert!(!level.unfile(7, near, &mut chunks));
        assert_eq!(level.slot(7).nearest(), 10);
        assert!(!level.unfile(7, far, &mut chunks));
        assert_eq!(level.first(), None);
        level.file(7, later, &mut chunks);
        assert_eq!(level.slot(7).nearest(), 30);
    }

    #[test]
    fn w10_a_slot_is_swept_when_most_of_it_is_stale() {
        let mut chunks = Chunks::new();
        let mut level = Level::EMPTY;
        (0..200).for_each(|deadline| level.file(7, record(deadline), &mut chunks));
        let gone = (0..).find(|&deadline| level.unfile(7, record(deadline), &mut chunks)).unwrap();
        assert!((100..150).contains(&gone), "{gone} records were stale");
        level.sweep(7, &mut chunks, |record| record.deadline > gone);
        assert!(chunks.iter(level.slot(7).list()).eq((gone + 1..200).map(record)));
        assert!(!level.slot(7).has_stale());
    }
}
