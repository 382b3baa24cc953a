//! Who waits: a slab of entries, found by key.
//!
//! A [`Key`] is an index and a generation. The generation of a place goes up whenever its entry leaves, and a place
//! whose generations are used up is never filled again, so a key names one entry forever (W5). At 32 bytes a place,
//! that costs a program 32 bytes for each 4 billion entries.

use super::records::{NIL, Record};
use std::num::NonZeroU32;

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

/// Aligned, so that an entry with a waker is in one cache line.
#[repr(align(32))]
#[derive(Debug)]
struct Entry<P> {
    /// What the entry is there for: a waker, or an item of a queue. `None` while the place is free.
    payload: Option<P>,
    /// While the place is free: the next free one.
    deadline: u64,
    generation: NonZeroU32,
    /// W10.
    stamp: u32,
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
        self.places.reserve((self.len + additional).saturating_sub(self.places.len()));
    }

    /// Takes in an entry, which has no record yet.
    #[inline]
    pub(super) fn add(&mut self, payload: P) -> (u32, Key) {
        if let Some(entry) = self.places.get_mut(self.free as usize) {
            let index = self.free;
            self.free = entry.deadline as u32;
            self.len += 1;
            entry.payload = Some(payload);
            return (index, Key { index, generation: entry.generation });
        }
        let index = u32::try_from(self.places.len()).ok().filter(|&index| index != NIL);
        let index = index.expect("a timer holds at most 4294967295 entries");
        let generation = NonZeroU32::MIN;
        self.places.push(Entry { payload: Some(payload), deadline: 0, generation, stamp: 0 });
        self.len += 1;
        (index, Key { index, generation })
    }

    /// W10: gives the entry a deadline, and the record that says so.
    #[inline]
    pub(super) fn stamp(&mut self, index: u32, deadline: u64) -> Record {
        let entry = &mut self.places[index as usize];
        entry.deadline = deadline;
        entry.stamp = entry.stamp.wrapping_add(1);
        Record { deadline, index, stamp: entry.stamp }
    }

    /// W10: the one record of the entry that is not stale.
    pub(super) fn record(&self, index: u32) -> Record {
        let Entry { deadline, stamp, .. } = self.places[index as usize];
        Record { deadline, index, stamp }
    }

    /// W10. (A stamp that has come round makes a stale record pass for the entry's own if it names the same deadline, too:
    /// then it is as good.)
    #[inline]
    pub(super) fn is_live(&self, record: Record) -> bool {
        let entry = &self.places[record.index as usize];
        entry.stamp == record.stamp && entry.deadline == record.deadline && entry.payload.is_some()
    }

    /// Gives up the place of an entry. Its record, if there is one, is stale then.
    #[inline]
    pub(super) fn remove(&mut self, index: u32) -> P {
        let entry = &mut self.places[index as usize];
        let payload = entry.payload.take().expect("an entry is removed once");
        self.len -= 1;
        if let Some(generation) = entry.generation.checked_add(1) {
            entry.generation = generation;
            entry.deadline = self.free.into();
            self.free = index;
        }
        payload
    }

    /// The entry a key names, if it is still here.
    #[inline]
    pub(crate) fn find(&self, key: Key) -> Option<u32> {
        let entry = self.places.get(key.index as usize)?;
        (entry.generation == key.generation && entry.payload.is_some()).then_some(key.index)
    }

    /// The key that names the entry now.
    pub(crate) fn key(&self, index: u32) -> Key {
        Key { index, generation: self.places[index as usize].generation }
    }

    pub(crate) fn payload(&self, index: u32) -> &P {
        self.places[index as usize].payload.as_ref().expect("only an entry has an index")
    }

    pub(crate) fn payload_mut(&mut self, index: u32) -> &mut P {
        self.places[index as usize].payload.as_mut().expect("only an entry has an index")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    fn add(entries: &mut Entries<Waker>) -> (u32, Key) {
        entries.add(Waker::noop().clone())
    }

    #[test]
    fn an_entry_takes_half_a_cache_line_and_a_key_eight_bytes() {
        assert_eq!(size_of::<Entry<Waker>>(), 32);
        assert_eq!(size_of::<Option<Key>>(), 8);
    }

    #[test]
    fn w10_only_the_record_of_the_last_filing_is_live() {
        let mut entries = Entries::new();
        let (index, _) = add(&mut entries);
        let first = entries.stamp(index, 1);
        let second = entries.stamp(index, 1);
        assert!(!entries.is_live(first) && entries.is_live(second));
        assert_eq!(entries.record(index), second);
        let _ = entries.remove(index);
        assert!(!entries.is_live(second));
        assert_eq!(add(&mut entries).0, index);
        let third = entries.stamp(index, 1);
        assert!(!entries.is_live(second) && entries.is_live(third));
    }

    #[test]
    fn w5_a_place_is_reused_under_another_key() {
        let mut entries = Entries::new();
        let (index, old) = add(&mut entries);
        let _ = entries.remove(index);
        let (again, new) = add(&mut entries);
        assert_eq!(again, index);
        assert_eq!(entries.find(old), None);
        assert_eq!(entries.find(new), Some(index));
    }

    #[test]
    fn w5_a_place_whose_generations_are_used_up_is_never_filled_again() {
        let mut entries = Entries::new();
        let (index, _) = add(&mut entries);
        entries.places[index as usize].generation = NonZeroU32::MAX;
        let last = Key { index, generation: NonZeroU32::MAX };
        assert_eq!(entries.find(last), Some(index));
        let _ = entries.remove(index);
        assert_eq!(entries.find(last), None);
        assert_ne!(add(&mut entries).0, index);
        assert_eq!(entries.find(last), None);
    }
}
