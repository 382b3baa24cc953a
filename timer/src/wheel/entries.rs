//! Who waits: a slab of entries, found by key, chained into lists by index.
//!
//! A [`Key`] is an index and a generation. The generation of a place goes up whenever its entry leaves, and a place
//! whose generations are used up is never filled again, so a key names one entry forever (W5). At 40 bytes a place,
//! that costs a program 40 bytes for each 4 billion entries.

use std::hint::black_box;
use std::num::NonZeroU32;

use super::list::{List, NIL, Walk};

/// Names one registration with a [`Timer`](crate::Timer), forever: it is not reused once that has fired.
///
/// # Examples
/// ```
/// use std::{sync::Arc, task::{Poll, Waker}, time::Duration};
/// use raddle_timer::{Key, SystemClock, Timer};
///
/// let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
/// let key = timer.insert(timer.deadline_after(Duration::from_secs(60)), Waker::noop());
/// assert_eq!(timer.poll(key, Waker::noop()), Poll::Pending);
/// assert_ne!(key, Key::FIRED);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    index: u32,
    generation: NonZeroU32,
}

impl Key {
    /// The key of a registration that had fired before it was made, because its deadline had passed already or the
    /// timer was closed.
    ///
    /// # Examples
    /// ```
    /// use std::{sync::Arc, task::{Poll, Waker}, time::Instant};
    /// use raddle_timer::{Key, SystemClock, Timer};
    ///
    /// let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// timer.close(&mut Vec::new());
    /// assert_eq!(timer.insert(Instant::now(), Waker::noop()), Key::FIRED);
    /// assert_eq!(timer.poll(Key::FIRED, Waker::noop()), Poll::Ready(()));
    /// ```
    pub const FIRED: Self = Self { index: NIL, generation: NonZeroU32::MIN };
}

#[derive(Debug)]
struct Entry<P> {
    /// What the entry is there for: a waker, or an item of a queue. `None` while the place is free.
    payload: Option<P>,
    deadline: u64,
    /// The next in the list, or the next free place.
    next: u32,
    prev: u32,
    generation: NonZeroU32,
    /// A hint: one that comes later in the list (`list.rs`).
    farther: u32,
}

/// The slab.
#[derive(Debug)]
pub(crate) struct Entries<P> {
    places: Vec<Entry<P>>,
    free: u32,
    len: usize,
}

impl<P> Entries<P> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: NIL, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many entries fit before memory is asked for.
    pub(crate) fn capacity(&self) -> usize {
        self.places.capacity()
    }

    /// Makes room for `additional` entries. Places of former entries count as room, even the few that are used up.
    pub(crate) fn reserve(&mut self, additional: usize) {
        self.places.reserve(self.len.saturating_add(additional).saturating_sub(self.places.len()));
    }

    /// Takes in an entry that is on no list yet.
    pub(super) fn add(&mut self, deadline: u64, payload: P) -> (u32, Key) {
        self.len += 1;
        if let Some(entry) = self.places.get_mut(self.free as usize) {
            let index = self.free;
            self.free = entry.next;
            entry.payload = Some(payload);
            entry.deadline = deadline;
            return (index, Key { index, generation: entry.generation });
        }
        let index = u32::try_from(self.places.len()).ok().filter(|&index| index != NIL);
        let index = index.expect("a timer holds at most 4294967295 entries");
        let generation = NonZeroU32::MIN;
        let payload = Some(payload);
        self.places.push(Entry {
            payload,
            deadline,
            next: NIL,
            prev: NIL,
            generation,
            farther: NIL,
        });
        (index, Key { index, generation })
    }

    /// Gives up the place of an entry that is on no list any more.
    pub(crate) fn remove(&mut self, index: u32) -> P {
        let entry = &mut self.places[index as usize];
        let payload = entry.payload.take().expect("an entry is removed once");
        self.len -= 1;
        if let Some(generation) = entry.generation.checked_add(1) {
            entry.generation = generation;
            entry.next = self.free;
            self.free = index;
        }
        payload
    }

    /// The entry a key names, if it is still here.
    pub(crate) fn find(&self, key: Key) -> Option<u32> {
        let entry = self.places.get(key.index as usize)?;
        (entry.generation == key.generation && entry.payload.is_some()).then_some(key.index)
    }

    /// The key that names the entry now.
    pub(crate) fn key(&self, index: u32) -> Key {
        Key { index, generation: self.places[index as usize].generation }
    }

    pub(crate) fn deadline(&self, index: u32) -> u64 {
        self.places[index as usize].deadline
    }

    pub(super) fn set_deadline(&mut self, index: u32, deadline: u64) {
        self.places[index as usize].deadline = deadline;
    }

    pub(crate) fn payload(&self, index: u32) -> &P {
        self.places[index as usize].payload.as_ref().expect("only an entry has an index")
    }

    pub(crate) fn payload_mut(&mut self, index: u32) -> &mut P {
        self.places[index as usize].payload.as_mut().expect("only an entry has an index")
    }

    /// The entries of a list, first to last.
    pub(super) fn iter(&self, list: &List) -> impl Iterator<Item = u32> {
        let some = |index: u32| (index != NIL).then_some(index);
        std::iter::successors(some(list.head), move |&index| some(self.places[index as usize].next))
    }

    pub(crate) fn push_back(&mut self, list: &mut List, index: u32) {
        let entry = &mut self.places[index as usize];
        entry.prev = list.tail;
        entry.next = NIL;
        entry.farther = NIL;
        let Some(tail) = self.places.get_mut(list.tail as usize) else {
            *list = List::of_one(index);
            return;
        };
        tail.next = index;
        let nearer = list.extend(index);
        if let Some(entry) = self.places.get_mut(nearer as usize) {
            entry.farther = index;
        }
    }

    /// Begins to walk over the list.
    pub(super) fn walk(&self, list: &List) -> Walk {
        list.coming.into_iter().for_each(|index| self.fetch(index));
        Walk::of(list)
    }

    /// The next entry, and its deadline. The entry may then move to another list; this one is whole again after
    /// [`cut`](Entries::cut).
    pub(super) fn step(&self, walk: &mut Walk) -> Option<(u32, u64)> {
        let index = walk.next;
        let &Entry { deadline, next, farther, .. } = self.places.get(index as usize)?;
        self.fetch(farther);
        walk.pass(next, farther);
        Some((index, deadline))
    }

    /// Takes off the list what a walk has passed.
    pub(super) fn cut(&mut self, list: &mut List, walk: &Walk) {
        match self.places.get_mut(walk.next as usize) {
            Some(first) => {
                first.prev = NIL;
                list.head = walk.next;
                list.coming = walk.coming;
            }
            None => *list = List::EMPTY,
        }
    }

    /// Fetches the entry from memory, if there is one.
    fn fetch(&self, index: u32) {
        if let Some(entry) = self.places.get(index as usize) {
            black_box(entry.next);
        }
    }

    pub(crate) fn pop_front(&mut self, list: &mut List) -> Option<u32> {
        let index = list.head;
        if index == NIL {
            return None;
        }
        self.unlink(list, index);
        Some(index)
    }

    /// Takes the entry off its list, which is looked at only if the entry is the first or the last.
    pub(crate) fn unlink(&mut self, list: &mut List, index: u32) {
        let Entry { prev, next, .. } = self.places[index as usize];
        match self.places.get_mut(prev as usize) {
            Some(before) => before.next = next,
            None => list.head = next,
        }
        match self.places.get_mut(next as usize) {
            Some(after) => after.prev = prev,
            None => list.tail = prev,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::list::FETCHED;
    use super::*;
    use std::ops::Range;
    use std::task::Waker;

    #[test]
    fn an_entry_takes_forty_bytes_and_a_key_eight() {
        assert_eq!(size_of::<Entry<Waker>>(), 40);
        assert_eq!(size_of::<Option<Key>>(), 8);
    }

    #[test]
    fn a_list_gives_back_what_it_got_in_order_without_what_was_unlinked() {
        let mut entries = Entries::new();
        let mut list = List::EMPTY;
        let indices: Vec<u32> =
            (0..5).map(|deadline| entries.add(deadline, Waker::noop().clone()).0).collect();
        for &index in &indices {
            entries.push_back(&mut list, index);
        }
        for gone in [0, 2, 4] {
            entries.unlink(&mut list, indices[gone]);
        }
        assert_eq!(entries.pop_front(&mut list), Some(indices[1]));
        assert_eq!(entries.pop_front(&mut list), Some(indices[3]));
        assert_eq!(entries.pop_front(&mut list), None);
        assert!(list.is_empty());
    }

    fn of(deadlines: Range<u64>) -> (Entries<()>, List) {
        let (mut entries, mut list) = (Entries::new(), List::EMPTY);
        for deadline in deadlines {
            let (index, _) = entries.add(deadline, ());
            entries.push_back(&mut list, index);
        }
        (entries, list)
    }

    #[test]
    fn a_list_and_its_entries_name_what_comes_later() {
        let (entries, list) = of(0..20);
        assert_eq!(list.coming, [1, 2]);
        for index in 0..20 - FETCHED {
            assert_eq!(entries.places[index].farther, index as u32 + FETCHED as u32);
        }
        let (_, short) = of(0..2);
        assert_eq!(short.coming, [1, NIL]);
    }

    #[test]
    fn a_walk_that_is_cut_leaves_the_rest_and_what_it_knows_of_it() {
        let (mut entries, mut list) = of(0..20);
        let mut other = List::EMPTY;
        let mut walk = entries.walk(&list);
        for deadline in 0..5 {
            assert_eq!(entries.step(&mut walk), Some((deadline as u32, deadline)));
            entries.push_back(&mut other, deadline as u32);
        }
        entries.cut(&mut list, &walk);
        assert_eq!(list.coming, [6, 7]);
        entries.unlink(&mut list, 5);
        assert!(entries.iter(&list).eq(6..20));
        assert!(entries.iter(&other).eq(0..5));

        let mut walk = entries.walk(&list);
        while entries.step(&mut walk).is_some() {}
        entries.cut(&mut list, &walk);
        assert!(list.is_empty());
    }

    /// Hints go wrong when entries leave from anywhere, and come back; the lists do not.
    #[test]
    fn lists_keep_what_a_model_keeps_whatever_the_hints_say() {
        let (mut entries, first) = of(0..40);
        let mut lists = [first, List::EMPTY, List::EMPTY];
        let mut models = [(0..40).collect::<Vec<u32>>(), Vec::new(), Vec::new()];
        let mut seed = 0x9E37_79B9_u64;
        let mut random = |bound: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed as usize % bound
        };
        for _ in 0..20_000 {
            let (from, to) = (random(3), random(3));
            let count = models[from].len();
            if count == 0 {
                continue;
            }
            if from == to || random(8) > 0 {
                let index = models[from].remove(random(count));
                entries.unlink(&mut lists[from], index);
                entries.push_back(&mut lists[to], index);
                models[to].push(index);
            } else {
                let mut walk = entries.walk(&lists[from]);
                let passed: Vec<u32> = models[from].drain(..random(count + 1)).collect();
                for &index in &passed {
                    assert_eq!(entries.step(&mut walk), Some((index, u64::from(index))));
                    entries.push_back(&mut lists[to], index);
                }
                entries.cut(&mut lists[from], &walk);
                models[to].extend(passed);
            }
            for (list, model) in lists.iter().zip(&models) {
                assert!(entries.iter(list).eq(model.iter().copied()));
                assert!(list.first() == model.first().copied());
            }
        }
    }

    #[test]
    fn w5_a_place_is_reused_under_another_key() {
        let mut entries = Entries::new();
        let (index, old) = entries.add(1, Waker::noop().clone());
        let _ = entries.remove(index);
        let (again, new) = entries.add(2, Waker::noop().clone());
        assert_eq!(again, index);
        assert_eq!(entries.find(old), None);
        assert_eq!(entries.find(new), Some(index));
    }

    #[test]
    fn w5_a_place_whose_generations_are_used_up_is_never_filled_again() {
        let mut entries = Entries::new();
        let (index, _) = entries.add(1, Waker::noop().clone());
        entries.places[index as usize].generation = NonZeroU32::MAX;
        let last = Key { index, generation: NonZeroU32::MAX };
        assert_eq!(entries.find(last), Some(index));
        let _ = entries.remove(index);
        assert_eq!(entries.find(last), None);
        assert_ne!(entries.add(2, Waker::noop().clone()).0, index);
        assert_eq!(entries.find(last), None);
    }
}
