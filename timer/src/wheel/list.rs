//! Chains of entries, and which of them are fetched from memory ahead.
//!
//! Each entry of a list says where the next one is. Among a hundred thousand none is in a cache, so who walks over them waits
//! for memory at each step, and nothing else can begin meanwhile. Therefore some places are known in advance:
//!
//! ```text
//! list:   head  coming               recent   tail
//!          v    v  v                 v  v     v
//!          a -> b  c  d  e  f  ...   w  x     y
//! entry:   a.farther = d, b.farther = e, ..., w.farther = whoever comes after y
//! ```
//!
//! - An entry's `farther` is the one that came [`FETCHED`] after it. It is written when that comes, because the list remembers
//!   the last that came; they are in the cache still.
//! - `coming` are those right behind the head. A walk begins by fetching them, and each step fetches what is farther; so there are
//!   `FETCHED` on their way at a time. A walk that stops leaves to the list what it knows.
//!
//! All of that are *hints*: they are read to fetch memory and for nothing else. When entries leave from the middle, a hint may
//! skip one, or name an entry of another list or a free place, and a walk waits a little longer. Nobody keeps them right.
//!
//! To fetch is to load, as far as this crate can say without unsafe code. The processor goes on meanwhile, but only for as many
//! instructions as it can have open, which is two or three steps of a walk.

/// The end of a list, and the index no entry has.
pub(super) const NIL: u32 = u32::MAX;

/// How many entries a walk has on their way from memory.
pub(super) const FETCHED: usize = 3;

/// A first-in first-out chain of entries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    pub(super) head: u32,
    pub(super) tail: u32,
    /// Hints: those that follow the head, the next one first.
    pub(super) coming: [u32; FETCHED - 1],
    /// Hints: those that came before the tail, the last one first.
    recent: [u32; FETCHED - 1],
}

impl List {
    pub(crate) const EMPTY: Self =
        Self { head: NIL, tail: NIL, coming: [NIL; FETCHED - 1], recent: [NIL; FETCHED - 1] };

    pub(super) fn of_one(index: u32) -> Self {
        Self { head: index, tail: index, ..Self::EMPTY }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head == NIL
    }

    pub(crate) fn first(&self) -> Option<u32> {
        (self.head != NIL).then_some(self.head)
    }

    /// Whether an entry is the first or the last here.
    pub(super) fn ends_with(&self, index: u32) -> bool {
        self.head == index || self.tail == index
    }

    /// A hint behind the head, as long as the list is short.
    #[cold]
    fn lengthen(&mut self, index: u32) {
        if let Some(coming) = self.coming.iter_mut().find(|coming| **coming == NIL) {
            *coming = index;
        }
    }

    /// Another tail. Returns the entry for which it is farther, or an index of none.
    pub(super) fn extend(&mut self, index: u32) -> u32 {
        let [.., nearer] = self.recent;
        if nearer == NIL {
            self.lengthen(index);
        }
        self.recent = [self.tail, self.recent[0]];
        self.tail = index;
        nearer
    }
}

/// A way over a list, from its head to its tail. It goes on while entries that were passed move to other lists.
pub(super) struct Walk {
    pub(super) next: u32,
    pub(super) coming: [u32; FETCHED - 1],
}

impl Walk {
    pub(super) fn of(list: &List) -> Self {
        Self { next: list.head, coming: list.coming }
    }

    /// Passes an entry that says what comes next, and what farther on.
    pub(super) fn pass(&mut self, next: u32, farther: u32) {
        self.next = next;
        self.coming = [self.coming[1], farther];
    }
}
