//! A token with all its descendants: who is whose child, under one lock.
//!
//! - **F1** A family is a root and all that descends from it, in a table under one lock. A token is
//!   in the table from its birth until it is cancelled, or its last handle is gone.
//! - **F2** `cancelled` is set under the lock, in the step that takes the token and all below it
//!   out of the table. Under a cancelled token nobody is born otherwise than cancelled.
//! - **F3** Who was taken out is woken after the lock is let go, everybody also if a waker panics.
//! - **F4** Who waits makes its `Notified` first, and looks at `cancelled` second (N3).
//! - **F5** A token whose last handle goes leaves its children to its own parent. So the table holds
//!   only tokens that somebody has, and no chain grows without end.
//! - **F6** The marks are set from below: parents after their children. So who finds a token cancelled,
//!   without the lock, finds all below it cancelled; also who comes to cancel it, and has nothing to do.
//!
//! Feared: a child is born while its parent is cancelled, and never hears of it. Both need the
//! lock: either the child is in the table when it is taken out, or it finds the mark (F2).
//!
//! Nothing here recurses, and no token owns another: a chain of a million is cancelled by a loop
//! over the table, and dropped one by one.
//!
//! Rejected: a lock in each token. Leaving children to a grandparent then takes three locks, of
//! which two may change hands meanwhile. The price is that tokens of one family are born and dropped
//! one at a time; looking and waiting take no lock of the family.

use crate::{
    loom::{AtomicBool, Mutex, Ordering, left_out, window},
    notify::Notify,
};
// The standard library's under loom, too, whose own has no `Weak`. That reference counts work is
// not for us to prove.
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Weak},
};

/// A token, shared by its handles.
pub(super) struct Token {
    family: Arc<Mutex<Table>>,
    place: Place,
    cancelled: AtomicBool,
    pub(super) notify: Notify,
}

/// Which row of the table is a token's. The row may be another's after it has left.
#[derive(Clone, Copy)]
struct Place {
    row: usize,
    born: u64,
}

/// Of tokens that are born cancelled.
const NOWHERE: Place = Place { row: NONE, born: 0 };
const NONE: usize = usize::MAX;

#[derive(Default)]
struct Table {
    rows: Vec<Row>,
    /// The first free row; `next` leads to the others.
    free: Option<usize>,
    members: usize,
    births: u64,
}

struct Row {
    token: Weak<Token>,
    born: u64,
    parent: usize,
    first_child: usize,
    prev: usize,
    next: usize,
}

impl Token {
    pub(super) fn root() -> Arc<Self> {
        let family = Arc::new(Mutex::new(Table::default()));
        let mut table = family.lock();
        let token = Self::born(&family, &mut table, NONE);
        drop(table);
        token
    }

    pub(super) fn child(&self) -> Arc<Self> {
        let mut table = self.family.lock();
        // Relaxed: it changes under the lock only (F2).
        if self.cancelled.load(Ordering::Relaxed) && !left_out("F2") {
            drop(table);
            let family = Arc::clone(&self.family);
            return Arc::new(Self {
                family,
                place: NOWHERE,
                cancelled: AtomicBool::new(true),
                notify: Notify::new(),
            });
        }
        let child = Self::born(&self.family, &mut table, self.place.row);
        drop(table);
        child
    }

    /// In the table before anybody else can have the lock.
    fn born(family: &Arc<Mutex<Table>>, table: &mut Table, parent: usize) -> Arc<Self> {
        Arc::new_cyclic(|token| Self {
            family: Arc::clone(family),
            place: table.enter(token.clone(), parent),
            cancelled: AtomicBool::new(false),
            notify: Notify::new(),
        })
    }

    pub(super) fn is_cancelled(&self) -> bool {
        // Acquire: pairs with the Release in `cancel`: what came before it is seen.
        self.cancelled.load(Ordering::Acquire)
    }

    pub(super) fn cancel(&self) {
        if self.is_cancelled() {
            return;
        }
        let mut table = self.family.lock();
        // Relaxed: it changes under the lock only (F2).
        if self.cancelled.load(Ordering::Relaxed) {
            return;
        }
        let cancelled = table.take_out(self.place.row);
        let count = cancelled.len();
        for done in 0..count {
            // From below (F6): they were collected with parents before their children.
            let next = if left_out("F6") { done } else { count - 1 - done };
            // Release: pairs with the Acquire in `is_cancelled`.
            cancelled[next].cancelled.store(true, Ordering::Release);
            window("F6");
        }
        drop(table);
        let mut first_panic = None;
        for token in cancelled {
            // Ours may be the last reference by now: it is dropped in here, too.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| token.notify.notify_waiters())) {
                first_panic.get_or_insert(panic);
            }
        }
        if let Some(panic) = first_panic {
            resume_unwind(panic);
        }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // Relaxed: all other handles are gone, and what they did came before this.
        if self.cancelled.load(Ordering::Relaxed) {
            return;
        }
        let mut table = self.family.lock();
        // It may have been taken out while its last handle was going, when it could not be marked.
        if table.rows.get(self.place.row).is_some_and(|row| row.born == self.place.born) {
            table.leave(self.place.row);
        }
    }
}

impl Table {
    fn enter(&mut self, token: Weak<Token>, parent: usize) -> Place {
        self.births += 1;
        self.members += 1;
        let born = self.births;
        let next = self.rows.get(parent).map_or(NONE, |parent| parent.first_child);
        let row = Row { token, born, parent, first_child: NONE, prev: NONE, next };
        let index = match self.free {
            Some(index) => {
                let free = std::mem::replace(&mut self.rows[index], row);
                self.free = (free.next != NONE).then_some(free.next);
                index
            }
            None => {
                self.rows.push(row);
                self.rows.len() - 1
            }
        };
        if parent != NONE {
            self.rows[parent].first_child = index;
        }
        if next != NONE {
            self.rows[next].prev = index;
        }
        Place { row: index, born }
    }

    /// F5: takes one token out, whose children become its parent's.
    fn leave(&mut self, index: usize) {
        self.unlink(index);
        let parent = self.rows[index].parent;
        let mut child = self.rows[index].first_child;
        while child != NONE {
            let sibling = self.rows[child].next;
            self.adopt(child, parent);
            child = sibling;
        }
        self.vacate(index);
    }

    /// F2: takes a token and all below it out, and returns those that still have handles.
    fn take_out(&mut self, index: usize) -> Vec<Arc<Token>> {
        self.unlink(index);
        let mut indices = vec![index];
        let mut reached = 0;
        while let Some(&parent) = indices.get(reached) {
            let mut child = self.rows[parent].first_child;
            while child != NONE {
                indices.push(child);
                child = self.rows[child].next;
            }
            reached += 1;
        }
        indices.into_iter().filter_map(|index| self.vacate(index).upgrade()).collect()
    }

    fn unlink(&mut self, index: usize) {
        let Row { parent, prev, next, .. } = self.rows[index];
        if prev != NONE {
            self.rows[prev].next = next;
        } else if parent != NONE {
            self.rows[parent].first_child = next;
        }
        if next != NONE {
            self.rows[next].prev = prev;
        }
    }

    /// Makes `child`, which is in no list any more, the first child of `parent`, or a root.
    fn adopt(&mut self, child: usize, parent: usize) {
        let next = self.rows.get(parent).map_or(NONE, |parent| parent.first_child);
        let row = &mut self.rows[child];
        (row.parent, row.prev, row.next) = (parent, NONE, next);
        if parent != NONE {
            self.rows[parent].first_child = child;
        }
        if next != NONE {
            self.rows[next].prev = child;
        }
    }

    /// Frees a row, and all of the table with the last one.
    fn vacate(&mut self, index: usize) -> Weak<Token> {
        let next = self.free.replace(index).unwrap_or(NONE);
        let vacant =
            Row { token: Weak::new(), born: 0, parent: NONE, first_child: NONE, prev: NONE, next };
        let token = std::mem::replace(&mut self.rows[index], vacant).token;
        self.members -= 1;
        if self.members == 0 {
            self.rows = Vec::new();
            self.free = None;
        }
        token
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("is_cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}
