//! The queue of one worker: one producer, many thieves; families of tasks first, and otherwise first in, first out. In
//! three parts.
//!
//! ```text
//!        push_young
//!            ▼
//!   pop ◄── front ◄── deque ◄── back ◄── push
//!           private   thieves   private
//! ```
//!
//! The private parts are plain rings, whose push and pop are a few instructions. The deque in the middle (Chase and Lev,
//! 2005) is what thieves may come to; a pop from it costs a read-modify-write, a theft an exchange and two cache-line
//! transfers. As long as there is nobody to share with, or nothing worth it (`scheduler/pace.rs` says when), all is in
//! the front, and the queue costs no atomic operation; nor does that of the only worker of a runtime, which has no
//! deque. (Private deques that share on demand: U. Acar, A. Charguéraud, M. Rainey, 2013.)
//!
//! - **Q6** Whatever is in the front, but for the young (Q12), is older than whatever is in the deque, and that older than
//!   what is in the back.
//! - **Q7** No operation moves more than [`EXPOSED_MAX`] items: a queue of a million is not copied because somebody is
//!   interested in a hundred. The newest go, and the owner keeps the oldest, which are next.
//! - **Q11** A deque that grows or shrinks enters crossbeam-epoch, which may then run what other users of its default
//!   collector have deferred, on this thread: foreign destructors, which may spawn or wake tasks and so come back here.
//!   While the owner is inside the deque, its queue moves nothing and refuses what is pushed; the caller has a better
//!   place for it. The owner is never inside the deque and behind the gate at once.
//!
//! - **Q12** If a poll spawns [`FAMILY_MAX`] tasks or fewer, these are *young*: next to run, in their order, before anything
//!   older; and so is the joiner of a young one, behind what may be its other children. A larger family goes to the end. So
//!   a tree of tasks is walked depth first, and takes the memory of its depth, where first in, first out takes that of its
//!   width; and thieves, who get what is last, get whole branches. Once [`STREAK_MAX`] young ones have been popped in a row
//!   no children come before the old, so that these wait for some hundred polls at most. (Work first: R. Blumofe,
//!   C. Leiserson, 1999; M. Frigo, C. Leiserson, K. Randall, 1998.)
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

use super::gate::{Gated, Leave};
use super::{BATCH_MAX, Steal};
use crate::loom::{barrier, deques};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

/// Four thefts, or a good millisecond of the smallest tasks worth a theft.
pub(crate) const EXPOSED_MAX: usize = 4 * BATCH_MAX;

/// Most young items of one family (Q12).
const FAMILY_MAX: usize = 8;
/// In place of the size of a family that is not young.
const NO_FAMILY: usize = usize::MAX;
/// Most young items popped in a row while new ones are still let in before the old (Q12).
const STREAK_MAX: u32 = 64;

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
    private: Arc<Gated<Rings<T>>>,
    deque: Option<deques::Worker<T>>,
    end: Cell<End>,
    /// Whether the owner is inside the deque (Q11).
    inside: Cell<bool>,
    /// How many at the head of the front are young (Q12), about: a rescuer may have taken some.
    young: Cell<usize>,
    /// Young items that the item being polled has spawned, or `NO_FAMILY`.
    family: Cell<usize>,
    /// Young items popped in a row; zero if the last was an old one.
    streak: Cell<u32>,
    /// On their way into the deque; empty but for its room.
    leaving: RefCell<Vec<T>>,
    /// One thread at a time is the owner.
    not_sync: PhantomData<Cell<()>>,
}

/// The thieves' end.
#[derive(Debug)]
pub struct Stealer<T> {
    private: Arc<Gated<Rings<T>>>,
    deque: Option<deques::Stealer<T>>,
}

struct Rings<T> {
    front: VecDeque<T>,
    back: VecDeque<T>,
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

/// The deque, while its owner is inside (Q11).
pub(super) struct Inside<'a, T> {
    deque: &'a deques::Worker<T>,
    inside: &'a Cell<bool>,
}

impl<T> Deref for Inside<'_, T> {
    type Target = deques::Worker<T>;

    #[inline]
    fn deref(&self) -> &deques::Worker<T> {
        self.deque
    }
}

impl<T> Drop for Inside<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.inside.set(false);
    }
}

/// The outcome of an attempt to take the private part of a queue from its stuck owner.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Rescue {
    /// Something was taken.
    Some,
    /// There was nothing; the next push will tell (Q10).
    Nothing,
    /// The owner is at its queue, so it is not stuck; or another rescuer is.
    Refused,
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
        let rings = Rings { front: ring(), back: ring() };
        let private = Arc::new(Gated::new(rings));
        let stealer = Stealer { private: private.clone(), deque: stealer };
        let local = Local {
            private,
            deque: worker,
            end: Cell::new(End::Front),
            inside: Cell::new(false),
            young: Cell::new(0),
            family: Cell::new(0),
            streak: Cell::new(0),
            leaving: RefCell::default(),
            not_sync: PhantomData,
        };
        (local, stealer)
    }

    /// The private parts. `f` runs no foreign code: it moves items, and drops none.
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut Rings<T>) -> R) -> R {
        // SAFETY: there is one `Local`, it is not Sync, and no `f` below comes back here.
        unsafe { self.private.with(f) }
    }

    /// The deque, if there is one and the owner is not inside already.
    #[inline]
    fn enter(&self) -> Option<Inside<'_, T>> {
        let deque = self.deque.as_ref()?;
        let is_inside = self.inside.replace(true);
        (!is_inside).then(|| Inside { deque, inside: &self.inside })
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
                drop(deque);
                self.is_called()
            }
            None => {
                let push = |rings: &mut Rings<T>| match end {
                    End::Back => rings.back.push_back(item),
                    _ => rings.front.push_back(item),
                };
                // SAFETY: as in `with`.
                unsafe { self.private.with_call(push) }.1
            }
        };
        if is_called { Push::Called } else { Push::Done }
    }

    /// The owner is about to poll an item: what is spawned from now on is another family (Q12). Owner only.
    #[inline]
    pub fn begin_family(&self) {
        self.family.set(0);
    }

    /// Adds what the item being polled has spawned (Q12). Owner only.
    #[inline]
    pub fn push_child(&self, item: T) -> Push<T> {
        let elders = self.family.get();
        if elders < FAMILY_MAX && self.streak.get() < STREAK_MAX {
            self.family.set(elders + 1);
            return self.push_young(item, elders);
        }
        let is_called = elders == FAMILY_MAX && self.demote_family();
        self.family.set(NO_FAMILY);
        match self.push(item) {
            Push::Done if is_called => Push::Called,
            push => push,
        }
    }

    /// The family being spawned is a large one: all of it goes to the end, in order. Whether a rescuer is to be told.
    #[cold]
    fn demote_family(&self) -> bool {
        let mut is_called = false;
        for _ in 0..FAMILY_MAX.min(self.young.get()) {
            let Some(item) = self.with(|rings| rings.front.pop_front()) else { break };
            self.young.set(self.young.get() - 1);
            is_called |= matches!(self.push(item), Push::Called);
        }
        is_called
    }

    /// Adds the joiner of a young item that is done, near the beginning, behind what may be its siblings. Owner only.
    #[inline]
    pub fn push_joiner(&self, item: T) -> Push<T> {
        self.push_young(item, self.young.get().min(FAMILY_MAX))
    }

    #[inline]
    fn push_young(&self, item: T, place: usize) -> Push<T> {
        if self.inside.get() {
            return Push::Refused(item);
        }
        let push = |Rings { front, .. }: &mut Rings<T>| match place {
            0 => front.push_front(item),
            _ => front.insert(front.len().min(place), item),
        };
        // SAFETY: as in `with`.
        let is_called = unsafe { self.private.with_call(push) }.1;
        self.young.set(self.young.get() + 1);
        if is_called { Push::Called } else { Push::Done }
    }

    /// Whether the last item popped was a young one (Q12).
    #[inline]
    pub fn is_young(&self) -> bool {
        self.streak.get() > 0
    }

    /// The owner has an item from elsewhere: an old one.
    fn begin_old(&self) {
        self.streak.set(0);
    }

    /// From now on, the next push tells (Q10); `false` if a rescuer is here just now. Owner only.
    #[must_use]
    pub fn call(&self) -> bool {
        self.private.call()
    }

    /// Whether what the owner has just put where a rescuer looks, other than into the rings, has to be told of (Q10).
    #[inline]
    pub fn is_called(&self) -> bool {
        // Q10: pairs with the heavy fence between a call and the look at what is exposed.
        barrier::light();
        self.private.is_called()
    }

    /// No push needs to tell any more. Owner only.
    pub fn take_call(&self) {
        self.private.take_call();
    }

    /// Takes from the front. Owner only.
    #[inline]
    pub fn pop(&self) -> Option<T> {
        let next = self.with(|rings| rings.front.pop_front());
        match self.young.get() {
            0 => self.streak.set(0),
            young => {
                self.young.set(young - 1);
                self.streak.set(self.streak.get() + 1);
            }
        }
        if next.is_some() || self.end.get() == End::Front { next } else { self.pop_behind() }
    }

    /// The front is empty.
    fn pop_behind(&self) -> Option<T> {
        let deque = self.enter()?;
        let next = deque.pop();
        if next.is_some() && !deque.is_empty() {
            return next;
        }
        drop(deque);
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
        let (opened, kept) = self.with(|Rings { front, back }| {
            leaving.extend(back.drain(..back.len().min(room)));
            if back.is_empty() && leaving.is_empty() && exposed == 0 && !front.is_empty() {
                leaving.extend(front.drain(front.len().saturating_sub(room)..));
                return (true, front.len());
            }
            (back.is_empty() && end == End::Back, front.len())
        });
        self.young.set(self.young.get().min(kept));
        leaving.drain(..).for_each(|item| deque.push(item));
        if opened {
            self.end.set(End::Deque);
        }
    }

    /// Where thefts put all but the first item, for a worker that has nothing of its own.
    pub(super) fn loot(&self) -> Option<Inside<'_, T>> {
        let deque = self.enter()?;
        self.begin_old();
        // The loot is older than whatever is pushed after it.
        self.end.set(End::Deque);
        Some(deque)
    }

    /// How many are queued, as far as the owner knows.
    #[inline]
    pub fn len(&self) -> usize {
        let private = self.with(|rings| rings.front.len() + rings.back.len());
        match (self.end.get(), &self.deque) {
            (End::Deque | End::Back, Some(deque)) => private + deque.len(),
            _ => private,
        }
    }
}

impl<T> Stealer<T> {
    /// Takes half of what is exposed: one to run, the rest into `to`, the queue of a worker that has nothing.
    pub fn steal_into(&self, to: &Local<T>) -> Steal<T> {
        let (Some(stealer), Some(to)) = (&self.deque, to.loot()) else { return Steal::Empty };
        match stealer.steal_batch_with_limit_and_pop(&to, BATCH_MAX) {
            deques::Steal::Success(item) => Steal::Success(item),
            deques::Steal::Retry => Steal::Retry,
            deques::Steal::Empty => Steal::Empty,
        }
    }

    /// Takes half of what is private, or a batch, from an owner that seems to be stuck in a poll; the oldest first.
    pub fn rescue_into(&self, rescued: &mut Vec<T>) -> Rescue {
        // Allocated before, not in there.
        rescued.reserve(BATCH_MAX);
        let taken = self.private.rescue(|Rings { front, back }| {
            let half = (front.len() + back.len()).div_ceil(2).min(BATCH_MAX);
            let of_front = half.min(front.len());
            rescued.extend(front.drain(..of_front).chain(back.drain(..half - of_front)));
            if half > 0 { (Rescue::Some, Leave::Nothing) } else { (Rescue::Nothing, Leave::Call) }
        });
        taken.unwrap_or(Rescue::Refused)
    }

    /// Whether the next push of the owner will tell. After a fence.
    pub fn is_called(&self) -> bool {
        self.private.is_called()
    }

    /// How many are exposed, about.
    #[inline]
    pub fn len(&self) -> usize {
        self.deque.as_ref().map_or(0, deques::Stealer::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(queue: &Local<usize>) -> Vec<usize> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn order_is_kept_whatever_is_open() {
        type Step = fn(&Local<usize>);
        let steps: [Step; 3] = [Local::expose, Local::close, |_| ()];
        for combination in 0..3_usize.pow(4) {
            let (queue, _stealer) = Local::shared();
            let mut expected = 0;
            for round in 0..4_u32 {
                for item in 0..10 {
                    assert_eq!(queue.push(round as usize * 10 + item), Push::Done);
                }
                steps[combination / 3_usize.pow(round) % 3](&queue);
                assert_eq!(queue.len(), (round as usize + 1) * 10 - expected);
                for _ in 0..3 {
                    assert_eq!(queue.pop(), Some(expected));
                    expected += 1;
                }
            }
            assert_eq!(all(&queue), (expected..40).collect::<Vec<_>>());
        }
    }

    #[test]
    fn thieves_get_the_newest_and_never_too_many_at_once() {
        let (queue, stealer) = Local::shared();
        (0..10 * EXPOSED_MAX).for_each(|item| assert_eq!(queue.push(item), Push::Done));
        queue.expose();
        assert_eq!(stealer.len(), EXPOSED_MAX);
        let (loot, _) = Local::shared();
        let first = match stealer.steal_into(&loot) {
            Steal::Success(item) => item,
            other => panic!("{other:?}"),
        };
        assert_eq!(first, 9 * EXPOSED_MAX);
        queue.expose();
        assert_eq!(stealer.len(), EXPOSED_MAX - BATCH_MAX);
        queue.close();
        assert_eq!(queue.push(0), Push::Done);
        assert_eq!(stealer.len(), EXPOSED_MAX - BATCH_MAX);
        assert_eq!(queue.len(), 10 * EXPOSED_MAX - BATCH_MAX + 1);
    }

    #[test]
    fn a_rescuer_gets_the_oldest_half_and_then_a_call() {
        let (queue, stealer) = Local::shared();
        (0..5).for_each(|item| assert_eq!(queue.push(item), Push::Done));
        let mut rescued = Vec::new();
        while stealer.rescue_into(&mut rescued) == Rescue::Some {}
        assert_eq!(rescued, [0, 1, 2, 3, 4]);
        assert!(stealer.is_called());
        assert_eq!(queue.push(5), Push::Called);
        queue.take_call();
        assert_eq!(queue.push(6), Push::Done);
    }

    #[test]
    fn what_is_pushed_from_inside_the_deque_is_refused() {
        let (queue, stealer) = Local::shared();
        (0..5).for_each(|item| assert_eq!(queue.push(item), Push::Done));
        let inside = queue.enter().unwrap();
        // As a destructor would that crossbeam-epoch runs in there.
        assert_eq!(queue.push(5), Push::Refused(5));
        queue.expose();
        assert!(matches!(stealer.steal_into(&queue), Steal::Empty));
        assert_eq!((queue.len(), stealer.len()), (5, 0));
        drop(inside);
        queue.expose();
        assert_eq!((queue.push(5), stealer.len()), (Push::Done, 6));
        assert_eq!(all(&queue), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn the_young_come_first_in_their_order_and_keep_nobody_waiting_for_ever() {
        let (queue, _stealer) = Local::shared();
        (0..4).for_each(|item| assert_eq!(queue.push(item), Push::Done));
        queue.begin_family();
        (10..13).for_each(|item| assert_eq!(queue.push_child(item), Push::Done));
        assert_eq!(all(&queue), [10, 11, 12, 0, 1, 2, 3]);
        // A task that spawns one like itself, for ever.
        let spawn = || {
            queue.begin_family();
            assert_eq!(queue.push_child(8), Push::Done);
        };
        assert_eq!(queue.push(7), Push::Done);
        spawn();
        let before = std::iter::from_fn(|| queue.pop()).take_while(|&item| item == 8);
        assert_eq!(before.inspect(|_| spawn()).count(), STREAK_MAX as usize);
    }

    #[test]
    fn a_large_family_goes_to_the_end() {
        let (queue, _stealer) = Local::shared();
        assert_eq!(queue.push(100), Push::Done);
        queue.begin_family();
        (0..=FAMILY_MAX).for_each(|item| assert_eq!(queue.push_child(item), Push::Done));
        let expected: Vec<_> = [100].into_iter().chain(0..=FAMILY_MAX).collect();
        assert_eq!(all(&queue), expected);
    }

    #[test]
    fn a_joiner_comes_behind_the_siblings_of_a_young_child() {
        let (queue, _stealer) = Local::shared();
        assert_eq!(queue.push(7), Push::Done);
        queue.begin_family();
        (0..3).for_each(|item| assert_eq!(queue.push_child(item), Push::Done));
        assert_eq!((queue.pop(), queue.is_young()), (Some(0), true));
        assert_eq!(queue.push_joiner(100), Push::Done);
        assert_eq!(all(&queue), [1, 2, 100, 7]);
    }

    #[test]
    fn thieves_get_the_oldest_of_a_tree() {
        let (queue, stealer) = Local::shared();
        // The last to come is next: as in a walk down a tree.
        let spawn = |item| {
            queue.begin_family();
            assert_eq!(queue.push_child(item), Push::Done);
        };
        (0..5).for_each(spawn);
        queue.expose();
        spawn(5);
        assert_eq!((stealer.len(), queue.pop(), queue.pop()), (5, Some(5), Some(4)));
    }
}
