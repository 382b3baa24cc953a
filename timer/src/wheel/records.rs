//! What stands in a slot: records, in the order in which they were filed, in chunks that all slots share.
//!
//! A record says which entry is due when, so that moving it down a level touches no entry, and the addresses of the
//! entries that fire are known ahead: the processor fetches several at once. (Entries chained by index were fetched one
//! after another, and each removal touched its two neighbors besides.)

/// The end of a list, and the index no chunk and no entry has.
pub(super) const NIL: u32 = u32::MAX;

/// With them, a chunk is eight cache lines.
const RECORDS: usize = 31;

/// W10: one filing of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) deadline: u64,
    pub(super) index: u32,
    pub(super) stamp: u32,
}

#[derive(Clone, Debug)]
struct Chunk {
    records: [Record; RECORDS],
    /// Those from `start` up to `end` are there.
    start: u32,
    end: u32,
    /// The next of its list, or the next free one.
    next: u32,
}

impl Chunk {
    const EMPTY: Self = Self {
        records: [Record { deadline: 0, index: NIL, stamp: 0 }; RECORDS],
        start: 0,
        end: 0,
        next: NIL,
    };

    fn as_slice(&self) -> &[Record] {
        &self.records[self.start as usize..self.end as usize]
    }
}

/// A first-in first-out list of records.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    head: u32,
    tail: u32,
    len: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self { head: NIL, tail: NIL, len: 0 };

    pub(super) fn len(self) -> u32 {
        self.len
    }
}

/// The chunks of all lists of a wheel. What the largest crowd took is kept for the next.
#[derive(Debug)]
pub(super) struct Chunks {
    chunks: Vec<Chunk>,
    free: u32,
}

impl Chunks {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), free: NIL }
    }

    #[inline]
    pub(super) fn push(&mut self, list: &mut List, record: Record) {
        list.len += 1;
        if let Some(tail) = self.chunks.get_mut(list.tail as usize)
            && (tail.end as usize) < RECORDS
        {
            tail.records[tail.end as usize] = record;
            tail.end += 1;
            return;
        }
        let added = self.add();
        let chunk = &mut self.chunks[added as usize];
        chunk.records[0] = record;
        chunk.end = 1;
        match self.chunks.get_mut(list.tail as usize) {
            Some(tail) => tail.next = added,
            None => list.head = added,
        }
        list.tail = added;
    }

    /// An empty chunk that is on no list.
    fn add(&mut self) -> u32 {
        let Some(chunk) = self.chunks.get_mut(self.free as usize) else {
            // Fewer than entries, of which there are fewer still.
            let index = self.chunks.len() as u32;
            self.chunks.push(Chunk::EMPTY);
            return index;
        };
        let index = std::mem::replace(&mut self.free, chunk.next);
        (chunk.start, chunk.end, chunk.next) = (0, 0, NIL);
        index
    }

    #[inline]
    pub(super) fn pop_front(&mut self, list: &mut List) -> Option<Record> {
        loop {
            let chunk = self.chunks.get_mut(list.head as usize)?;
            if chunk.start < chunk.end {
                let record = chunk.records[chunk.start as usize];
                chunk.start += 1;
                list.len -= 1;
                return Some(record);
            }
            let next = std::mem::replace(&mut chunk.next, self.free);
            self.free = std::mem::replace(&mut list.head, next);
            if next == NIL {
                list.tail = NIL;
            }
        }
    }

    /// The first record that passes. Takes those before it off.
    #[inline]
    pub(super) fn front_where(
        &mut self,
        list: &mut List,
        passes: impl Fn(Record) -> bool,
    ) -> Option<Record> {
        loop {
            let front = self.front(list)?;
            if passes(front) {
                return Some(front);
            }
            let _ = self.pop_front(list);
        }
    }

    #[inline]
    fn front(&self, list: &List) -> Option<Record> {
        // Those before the first are empty, and at most one chunk behind is.
        self.iter(*list).next()
    }

    /// Takes the last record off if it is this one.
    pub(super) fn pop_back_if(&mut self, list: &mut List, record: Record) {
        if let Some(tail) = self.chunks.get_mut(list.tail as usize)
            && tail.as_slice().last() == Some(&record)
        {
            // A chunk that is empty now is filled again, or dropped with the list.
            tail.end -= 1;
            list.len -= 1;
        }
    }

    pub(super) fn clear(&mut self, list: &mut List) {
        if let Some(tail) = self.chunks.get_mut(list.tail as usize) {
            tail.next = std::mem::replace(&mut self.free, list.head);
        }
        *list = List::EMPTY;
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.chunks.len()
    }

    /// The records of a list, first to last.
    pub(super) fn iter(&self, list: List) -> impl Iterator<Item = Record> {
        let chunk = |index: u32| self.chunks.get(index as usize);
        std::iter::successors(chunk(list.head), move |before| chunk(before.next))
            .flat_map(|chunk| chunk.as_slice().iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u32) -> Record {
        Record { deadline: number.into(), index: number, stamp: number }
    }

    #[test]
    fn a_chunk_takes_eight_cache_lines() {
        assert_eq!(size_of::<Chunk>(), 512);
    }

    #[test]
    fn a_list_gives_back_what_it_got_in_order() {
        let (mut chunks, mut list) = (Chunks::new(), List::EMPTY);
        for round in 0..3 {
            (0..100).for_each(|number| chunks.push(&mut list, record(round + number)));
            assert_eq!(list.len(), 100);
            assert!(chunks.iter(list).eq((round..round + 100).map(record)));
            let popped = std::iter::from_fn(|| chunks.pop_front(&mut list));
            assert!(popped.eq((round..round + 100).map(record)));
        }
        assert_eq!(chunks.chunks.len(), 4, "chunks are used again");
    }

    #[test]
    fn the_last_record_comes_off_if_it_is_the_one_that_is_meant() {
        let (mut chunks, mut list) = (Chunks::new(), List::EMPTY);
        (0..32).for_each(|number| chunks.push(&mut list, record(number)));
        chunks.pop_back_if(&mut list, record(5));
        assert_eq!(list.len(), 32);
        chunks.pop_back_if(&mut list, record(31));
        // In a chunk before the last, which is empty now.
        chunks.pop_back_if(&mut list, record(30));
        assert!(chunks.iter(list).eq((0..31).map(record)));
        chunks.push(&mut list, record(40));
        assert!(chunks.iter(list).eq((0..31).chain([40]).map(record)));
        let popped = std::iter::from_fn(|| chunks.pop_front(&mut list));
        assert_eq!(popped.count(), 32);
    }

    #[test]
    fn a_list_that_is_cleared_leaves_its_chunks_to_others() {
        let (mut chunks, mut list) = (Chunks::new(), List::EMPTY);
        for _ in 0..3 {
            (0..1_000).for_each(|number| chunks.push(&mut list, record(number)));
            chunks.clear(&mut list);
            assert_eq!((list.len(), chunks.iter(list).count()), (0, 0));
        }
        assert_eq!(chunks.chunks.len(), 1_000_usize.div_ceil(RECORDS));
    }
}
