//! A binary heap, smallest first and first come among equals, that a panic of `Ord::cmp` leaves as
//! it was.
//!
//! The one of the standard library moves while it compares. This one compares first, remembers the
//! way as left and right turns, and then moves. (Williams 1964, like any other.)

use super::core::Store;

pub(super) struct Heap<T> {
    /// The children of `i` are `2i + 1` and `2i + 2`, and not before it.
    entries: Vec<Entry<T>>,
    arrivals: u64,
}

struct Entry<T> {
    item: T,
    arrival: u64,
}

impl<T: Ord> Entry<T> {
    fn is_before(&self, other: &Self) -> bool {
        self.item.cmp(&other.item).then(self.arrival.cmp(&other.arrival)).is_lt()
    }
}

impl<T> Heap<T> {
    pub(super) const EMPTY: Self = Self { entries: Vec::new(), arrivals: 0 };
}

impl<T: Ord> Store for Heap<T> {
    type Item = T;

    fn push(&mut self, item: &mut Option<T>) {
        // How many of its ancestors it is before. All of this is comparing.
        let Some(new) = &*item else { return };
        let (mut index, mut above) = (self.entries.len(), 0);
        // Not before its equals: they were there first.
        while index > 0 && new.cmp(&self.entries[(index - 1) / 2].item).is_lt() {
            index = (index - 1) / 2;
            above += 1;
        }
        // All of this is moving.
        let arrival = self.arrivals;
        self.arrivals += 1;
        self.entries.extend(item.take().map(|item| Entry { item, arrival }));
        let mut index = self.entries.len() - 1;
        for _ in 0..above {
            self.entries.swap(index, (index - 1) / 2);
            index = (index - 1) / 2;
        }
    }

    fn pop(&mut self) -> Option<T> {
        let last = self.entries.len().checked_sub(1)?;
        // The way the last one will sink when it is put into the place of the first, as turns: one
        // bit each, and a level has twice the entries of the one above.
        let (mut index, mut turns, mut levels) = (0, 0_u64, 0);
        loop {
            let (left, right) = (2 * index + 1, 2 * index + 2);
            if left >= last {
                break;
            }
            let turns_right = right < last && self.entries[right].is_before(&self.entries[left]);
            let child = if turns_right { right } else { left };
            if !self.entries[child].is_before(&self.entries[last]) {
                break;
            }
            turns |= u64::from(turns_right) << levels;
            levels += 1;
            index = child;
        }
        let first = self.entries.swap_remove(0);
        let mut index = 0;
        for level in 0..levels {
            let child = 2 * index + 1 + usize::from(turns >> level & 1 == 1);
            self.entries.swap(index, child);
            index = child;
        }
        Some(first.item)
    }

    fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Heap, Store};

    #[test]
    fn it_sorts_and_keeps_equals_in_order() {
        // Numbers that jump about: multiples of a prime, modulo another.
        let mut heap = Heap::EMPTY;
        let items: Vec<_> = (0..500_u32).map(|at| (at * 7919 % 101 / 4, at)).collect();
        for &(rank, at) in &items {
            heap.push(&mut Some(Ranked { rank, at }));
        }
        let mut sorted = items;
        sorted.sort_by_key(|&(rank, _)| rank);
        let popped: Vec<_> =
            std::iter::from_fn(|| heap.pop()).map(|item| (item.rank, item.at)).collect();
        assert_eq!(popped, sorted);
    }

    #[derive(PartialEq, Eq)]
    struct Ranked {
        rank: u32,
        at: u32,
    }

    impl Ord for Ranked {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.rank.cmp(&other.rank)
        }
    }

    impl PartialOrd for Ranked {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
}
