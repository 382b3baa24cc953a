//! The queue of one worker: one producer, many thieves; families of tasks first, and otherwise first in, first out. In
//! four parts.
//!
//! ```text
//!       push_child, push_joiner
//!                 ▼
//!   pop ◄┬─────── young
//!        └─────── front ◄── deque ◄── back ◄── push
//!                 private   thieves   private
//! ```
//!
//! The private parts are a plain stack and plain rings, whose push and pop are a few instructions. The deque in the middle (Chase and Lev,
//! 2005) is what thieves may come to; a pop from it costs a read-modify-write, a theft an exchange and two cache-line
//! transfers. As long as there is nobody to share with, or nothing worth it (`scheduler/pace.rs` says when), all is in
//! the front, and the queue costs no atomic operation; nor does that of the only worker of a runtime, which has no
//! deque. (Private deques that share on demand: U. Acar, A. Charguéraud, M. Rainey, 2013.)
//!
//! - **Q6** Whatever is in the front is older than whatever is in the deque, and that older than what is in the back. The
//!   young (Q12) come before all of it, and count for nothing here.
//! - **Q7** No operation moves more than [`EXPOSED_MAX`] items: a queue of a million is not copied because somebody is
//!   interested in a hundred. The newest go, and the owner keeps the oldest, which are next.
//! - **Q11** A deque that grows or shrinks enters crossbeam-epoch, which may then run what other users of its default
//!   collector have deferred, on this thread: foreign destructors, which may spawn or wake tasks and so come back here.
//!   While the owner is inside the deque, its queue moves nothing and refuses what is pushed; the caller has a better
//!   place for it. The owner is never inside the deque and behind the gate at once. A destructor that panics in there ends
//!   the process: nobody could say what was lost.
//!
//! - **Q12** If a poll spawns `FAMILY_MAX` tasks or fewer, these are *young*: next to run, in their order, before
//!   anything older; and so is the joiner of a young one, behind what may be its other children. A larger family goes to
//!   the end. So a tree of tasks is walked depth first, and takes the memory of its depth, where first in, first out takes
//!   that of its width; and who steals one gets its whole branch. Once `STREAK_MAX` young ones have been popped since the
//!   last old one of this queue no children come before the old, and after `JOINER_STREAK_MAX` no joiners, so that there
//!   are about a thousand polls at most between two of the old. (Work first: R. Blumofe, C. Leiserson, 1999; M. Frigo, C.
//!   Leiserson, K. Randall, 1998.)
//!
//! The private parts are behind a gate (`gate.rs`) that costs their owner two stores, and that a rescuer can pass while
//! the owner is in a poll.
//!
//! Rejected: to expose all, and to take all back when nobody came. With 300,000 queued each of the two took a
//! millisecond; that looked like a long poll, after which everything was exposed again, and so on.
//!
//! # Safety
//! The private parts are entered by their one owner, which is not in there already (`gate.rs`): `Local` is not Sync, and
//! the closures that run inside move items between rings and call nothing else (Q11).

#![allow(unsafe_code)]

mod family;

use super::BATCH_MAX;
use super::gate::Gated;
use super::inside::Inside;
use super::stealer::Stealer;
use crate::loom::deques;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Four thefts, or a good millisecond of the smallest tasks worth a theft.
pub(crate) const EXPOSED_MAX: usize = 4 * BATCH_MAX;

/// Where pushes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// To the front: there is nothing behind it.
    Front,
    /// To the deque: there is nothing behind it.
    Deque,
    /// To the back, because something may be left in the deque.
    Back,
}

/// The owner's end (Q1).
#[derive(Debug)]
pub struct Local<T> {
    private: Arc<Private<T>>,
    deque: Option<deques::Worker<T>>,
    end: Cell<End>,
    /// Whether the owner is inside the deque (Q11).
    inside: Cell<bool>,
    /// How many at the head of the deque were young when they were exposed, about: thieves may have taken some.
    exposed_young: Cell<usize>,
    /// Young items that the item being polled has spawned, or `NO_FAMILY`.
    family: Cell<usize>,
    /// Young items popped since the last old one.
    streak: Cell<u32>,
    /// Whether the last item was a young one.
    young_now: Cell<bool>,
    /// On their way into the deque; empty but for its room.
    leaving: RefCell<Vec<T>>,
    /// One thread at a time is the owner.
    not_sync: PhantomData<Cell<()>>,
}

/// What is private to the owner, and its rescuers.
#[derive(Debug)]
pub(super) struct Private<T> {
    pub(super) rings: Gated<Rings<T>>,
    /// Whether something young waits there, about: a hint for who is about to sleep (P11).
    pub(super) has_young: AtomicBool,
}

pub(super) struct Rings<T> {
    /// The young (Q12): a stack, the next one on top.
    pub(super) young: Vec<T>,
    pub(super) front: VecDeque<T>,
    pub(super) back: VecDeque<T>,
}

impl<T> Rings<T> {
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.front.len() + self.back.len()
    }
}

/// What became of an item that was pushed.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Push<T> {
    /// It is queued.
    Done,
    /// It is queued, and a rescuer has asked to be told (Q10).
    Called,
    /// The owner is in the middle of something: it belongs elsewhere (Q11).
    Refused(T),
}

impl<T> Local<T> {
    /// A queue that thieves may come to.
    pub fn shared() -> (Local<T>, Stealer<T>) {
        // FIFO: a pop costs one RMW, and a theft one exchange for a whole batch; crossbeam's LIFO flavor pays a full
        // fence per pop and an exchange per stolen item.
        let worker = deques::Worker::new_fifo();
        let stealer = worker.stealer();
        Local::new(Some(worker), Some(stealer))
    }

    /// A queue without thieves.
    pub fn alone() -> (Local<T>, Stealer<T>) {
        Local::new(None, None)
    }

    fn new(
        worker: Option<deques::Worker<T>>,
        stealer: Option<deques::Stealer<T>>,
    ) -> (Local<T>, Stealer<T>) {
        // Room enough that a worker with a handful of tasks never allocates, whichever ring they are in.
        let ring = || VecDeque::with_capacity(64);
        let rings = Rings { young: Vec::with_capacity(64), front: ring(), back: ring() };
        let private =
            Arc::new(Private { rings: Gated::new(rings), has_young: AtomicBool::new(false) });
        let stealer = Stealer::new(private.clone(), stealer);
        let room = if worker.is_some() { EXPOSED_MAX } else { 0 };
        let local = Local {
            private,
            deque: worker,
            end: Cell::new(End::Front),
            inside: Cell::new(false),
            exposed_young: Cell::new(0),
            family: Cell::new(0),
            streak: Cell::new(0),
            young_now: Cell::new(false),
            // Now, so that a queue that is exposed for the first time asks for no memory.
            leaving: RefCell::new(Vec::with_capacity(room)),
            not_sync: PhantomData,
        };
        (local, stealer)
    }

    /// The private parts. `f` runs no foreign code: it moves items, and drops none.
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut Rings<T>) -> R) -> R {
        // SAFETY: there is one `Local`, it is not Sync, and no `f` below comes back here.
        unsafe { self.private.rings.with(f) }
    }

    /// The deque, if there is one and the owner is not inside already.
    #[inline]
    fn enter(&self) -> Option<Inside<'_, T>> {
        Inside::enter(self.deque.as_ref()?, &self.inside)
    }

    /// Adds at the end. Owner only.
    #[inline]
    pub fn push(&self, item: T) -> Push<T> {
        if self.inside.get() {
            return Push::Refused(item);
        }
        let end = self.end.get();
        let deque = if end == End::Deque { self.enter() } else { None };
        let is_called = match deque {
            Some(deque) => {
                deque.push(item);
                deque.leave();
                self.wants_to_know()
            }
            None => {
                let push = |rings: &mut Rings<T>| match end {
                    End::Back => rings.back.push_back(item),
                    _ => rings.front.push_back(item),
                };
                // SAFETY: as in `with`.
                unsafe { self.private.rings.with_call(push) }.1
            }
        };
        if is_called { Push::Called } else { Push::Done }
    }

    /// Whether the last item popped was a young one (Q12).
    #[inline]
    pub fn is_young(&self) -> bool {
        self.young_now.get()
    }

    /// The owner has an item from elsewhere: an old one. Those that wait here have not come nearer by that, so the streak
    /// goes on. Owner only.
    pub fn begin_old(&self) {
        self.young_now.set(false);
    }

    /// Whether the owner is in the middle of an operation (Q11).
    pub fn is_inside(&self) -> bool {
        self.inside.get()
    }

    /// From now on, the next push tells (Q10); `false` if a rescuer is here just now. Owner only.
    #[must_use]
    pub fn call(&self) -> bool {
        self.private.rings.call()
    }

    /// Whether what the owner has just put where a rescuer looks, other than into the rings, has to be told of (Q10).
    #[inline]
    pub fn wants_to_know(&self) -> bool {
        self.private.rings.wants_to_know()
    }

    /// Takes a call back.
    pub fn take_call(&self) {
        self.private.rings.take_call();
    }

    /// Takes what is next. Owner only.
    #[inline(always)]
    pub fn pop(&self) -> Option<T> {
        let mut is_young = false;
        let next = self.with(|Rings { front, young, .. }| match young.pop() {
            Some(item) => {
                is_young = true;
                self.private.has_young.store(!young.is_empty(), Relaxed);
                Some(item)
            }
            None => front.pop_front(),
        });
        if next.is_none() {
            return self.pop_behind();
        }
        self.count_streak(is_young);
        next
    }

    /// Adds an item whose turn is over, and takes what is next, in one passage of the gate: the next item, and whether a
    /// rescuer has asked to be told (Q10). The item comes back if that takes more than one. Owner only.
    #[inline(always)]
    pub fn rotate(&self, item: T) -> Result<(T, bool), T> {
        if self.end.get() != End::Front || self.inside.get() {
            return Err(item);
        }
        let mut is_young = false;
        let rotate = |Rings { front, young, .. }: &mut Rings<T>| {
            let next = match young.pop() {
                Some(next) => {
                    is_young = true;
                    self.private.has_young.store(!young.is_empty(), Relaxed);
                    next
                }
                None => match front.pop_front() {
                    Some(next) => next,
                    None => return (item, false),
                },
            };
            front.push_back(item);
            (next, true)
        };
        // SAFETY: as in `with`.
        let ((next, is_left), is_called) = unsafe { self.private.rings.with_call(rotate) };
        self.count_streak(is_young);
        Ok((next, is_left && is_called))
    }

    #[inline]
    fn count_streak(&self, is_young: bool) {
        self.young_now.set(is_young);
        self.streak.set(if is_young { self.streak.get() + 1 } else { 0 });
    }

    /// The front is empty.
    #[inline(never)]
    fn pop_behind(&self) -> Option<T> {
        let young = self.exposed_young.get();
        self.count_streak(young > 0);
        self.exposed_young.set(young.saturating_sub(1));
        if self.end.get() == End::Front {
            return None;
        }
        let deque = self.enter()?;
        let next = deque.pop();
        let is_empty = deque.is_empty();
        deque.leave();
        if next.is_some() && !is_empty {
            return next;
        }
        self.exposed_young.set(0);
        // Nothing is left in the deque: what is behind it becomes the front.
        self.end.set(End::Front);
        self.with(|rings| {
            std::mem::swap(&mut rings.front, &mut rings.back);
            next.or_else(|| rings.front.pop_front())
        })
    }

    /// From now on, pushes go where thieves cannot reach them. What they can reach stays there. Owner only.
    pub fn close(&self) {
        if self.end.get() == End::Deque {
            self.end.set(End::Back);
        }
    }

    /// Whether pushes go to where thieves can reach them.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.end.get() == End::Deque
    }

    /// Moves what is newest, as far as Q7 lets it, to where thieves can reach it, unless they have enough. Until all
    /// that is gone, pushes go there too. Owner only.
    pub fn expose(&self) {
        let Some(deque) = self.enter() else { return };
        let end = self.end.get();
        let exposed = deque.len();
        let room = match end {
            End::Front => EXPOSED_MAX,
            _ => EXPOSED_MAX.saturating_sub(exposed),
        };
        let mut leaving = self.leaving.borrow_mut();
        // Allocated before, not behind the gate.
        leaving.reserve(room);
        let (opened, exposed_young) = self.with(|Rings { front, back, young }| {
            leaving.extend(back.drain(..back.len().min(room)));
            let is_front = !front.is_empty() || !young.is_empty();
            if back.is_empty() && leaving.is_empty() && exposed == 0 && is_front {
                let kept = (young.len() + front.len()).saturating_sub(room);
                let young_left = young.len().saturating_sub(kept);
                let front_kept = kept.saturating_sub(young.len());
                leaving.extend(young.drain(..young_left).rev());
                leaving.extend(front.drain(front_kept..));
                return (true, Some(young_left));
            }
            (back.is_empty() && end == End::Back, None)
        });
        if let Some(young) = exposed_young {
            self.exposed_young.set(young);
        }
        leaving.drain(..).for_each(|item| deque.push(item));
        deque.leave();
        if opened {
            self.end.set(End::Deque);
        }
    }

    /// Where thefts put all but the first item, for a worker that has nothing of its own.
    pub(super) fn loot(&self) -> Option<Inside<'_, T>> {
        let deque = self.enter()?;
        self.count_streak(false);
        // The loot is older than whatever is pushed after it.
        if self.end.get() == End::Front {
            self.end.set(End::Deque);
        }
        Some(deque)
    }

    /// How many are queued, as far as the owner knows.
    #[inline]
    pub fn len(&self) -> usize {
        let private = self.with(|rings| rings.len());
        match (self.end.get(), &self.deque) {
            (End::Deque | End::Back, Some(deque)) => private + deque.len(),
            _ => private,
        }
    }
}

#[cfg(test)]
mod tests;
