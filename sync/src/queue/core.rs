//! What the three queues share: who may put, who may get, and how much is not done yet.
//!
//! A queue is its items under a lock, between two lines of waiters: putters wait for `slots`,
//! getters for `items`, both of them numbers of permits ([`Permits`], M1 to M4).
//!
//! - **J1** Who puts takes a slot, stores the item under the lock, and releases a permit for it. Who
//!   gets takes a permit, takes an item under the lock, and releases its slot. So there are never
//!   more permits, free or granted, than items, nor more items than slots: who has a permit finds an
//!   item. Who was granted one and gives up hands it on (L4).
//! - **J2** `closed` is set under the lock of the items; nothing is stored after it. Then the slots
//!   are closed, and putters get their items back. The items' permits are closed when the queue is
//!   empty as well: by the close, or by who takes the last item. So who was granted a permit before
//!   the close gets its item, and who waits hears of the end when nothing can come to him any more.
//! - **J3** An item counts as not done from when it is stored until its `task_done`. Who joins makes
//!   its `Notified` first and looks at the count second (N3).
//! - **J4** If a waker panics when an item has been taken, the item stays in the queue, first of all:
//!   in `kept`. Its slot has been released then, and is not a second time. The end may have been told
//!   of by then; so who finds the permits closed looks into the queue all the same.
//! - **J5** Items leave the lock before they are dropped. `Ord::cmp` of a priority queue's items is
//!   the one kind of foreign code that runs under the lock, because the order is a matter between
//!   items that only the lock keeps in place. If it panics, nothing has moved: the item that was
//!   being put is dropped, one that was being got stays.
//!
//! Feared: the queue is closed between a putter's slot and its storing, all getters see it empty and
//! leave, and the item comes after. But storing looks at `closed` under the lock (J2).
//!
//! Rejected: closing both permits at once, and letting getters take without one from then on. A
//! getter that was next in line, and had been granted its item, could find that somebody who asked
//! later had taken it. Refusing all who wait, and keeping granted items for their getters: if such a
//! one gives up, nobody is left to take the item.

use super::error::{GetError, PutError, TaskDoneError, TryGetError, TryPutError};
use crate::{
    error::TryAcquireError,
    loom::{Mutex, const_fn, left_out, window},
    notify::Notify,
    permits::Permits,
    stats::Stats,
};
use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

/// The order in which a queue hands its items out.
pub(super) trait Store {
    type Item;

    /// Takes `item` in. If this panics, nothing has changed.
    fn push(&mut self, item: &mut Option<Self::Item>);

    /// Takes the next one out. If this panics, nothing has changed.
    fn pop(&mut self) -> Option<Self::Item>;

    fn len(&self) -> usize;
}

pub(super) struct Core<S: Store> {
    guarded: Mutex<Guarded<S>>,
    items: Permits,
    /// `None` without bound.
    slots: Option<Slots>,
    all_done: Notify,
}

struct Slots {
    permits: Permits,
    capacity: usize,
}

struct Guarded<S: Store> {
    store: S,
    /// J4: goes before everything in the store.
    kept: VecDeque<S::Item>,
    not_done: usize,
    closed: bool,
}

/// A permit on the way: released again if something panics.
struct Owed<'a>(&'a Permits);

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        self.0.release(1);
    }
}

/// Closes permits when it is dropped: also if a waker of what was done before has panicked.
struct Close<'a>(&'a Permits);

impl Drop for Close<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<S: Store> Guarded<S> {
    fn len(&self) -> usize {
        self.store.len() + self.kept.len()
    }
}

impl<S: Store> Core<S> {
    const_fn! {
        pub(super) fn unbounded(store: S) -> Self {
            Self::with(store, None)
        }
    }

    #[track_caller]
    pub(super) fn bounded(store: S, capacity: usize) -> Self {
        assert!(capacity > 0, "a queue needs room for at least one item, not 0");
        assert!(
            capacity <= Permits::MAX,
            "a queue for {capacity} items is too large; the most is {}",
            Permits::MAX
        );
        Self::with(store, Some(Slots { permits: Permits::new(capacity), capacity }))
    }

    const_fn! {
        fn with(store: S, slots: Option<Slots>) -> Self {
            Self {
                guarded: Mutex::new(Guarded { store, kept: VecDeque::new(), not_done: 0, closed: false }),
                items: Permits::new(0),
                slots,
                all_done: Notify::new(),
            }
        }
    }

    pub(super) async fn put(&self, item: S::Item) -> Result<(), PutError<S::Item>> {
        if let Some(slots) = &self.slots
            && slots.permits.acquire(1).await.is_err()
        {
            return Err(PutError(item));
        }
        self.store(item).map_err(PutError)
    }

    pub(super) async fn put_from(&self, item: &mut Option<S::Item>) -> Result<(), PutError<()>> {
        assert!(item.is_some(), "put_from was given no item");
        if let Some(slots) = &self.slots
            && slots.permits.acquire(1).await.is_err()
        {
            return Err(PutError(()));
        }
        let taken = item.take().expect("it is borrowed since it was looked at");
        self.store(taken).map_err(|refused| {
            *item = Some(refused);
            PutError(())
        })
    }

    pub(super) fn try_put(&self, item: S::Item) -> Result<(), TryPutError<S::Item>> {
        if let Some(slots) = &self.slots {
            match slots.permits.try_acquire(1) {
                Ok(()) => {}
                Err(TryAcquireError::NoPermits) => return Err(TryPutError::Full(item)),
                Err(TryAcquireError::Closed) => return Err(TryPutError::Closed(item)),
            }
        }
        self.store(item).map_err(TryPutError::Closed)
    }

    /// Stores an item, into a slot that the caller has taken. Gives it back if the queue is closed.
    fn store(&self, item: S::Item) -> Result<(), S::Item> {
        // Dropped in the opposite order: what is still here after a panic of `cmp` is dropped last.
        let mut item = Some(item);
        let slot = self.slots.as_ref().map(|slots| Owed(&slots.permits));
        let mut guarded = self.guarded.lock();
        if !guarded.closed || left_out("J2") {
            guarded.store.push(&mut item);
            guarded.not_done += 1;
        }
        drop(guarded);
        if let Some(item) = item {
            return Err(item);
        }
        std::mem::forget(slot);
        self.items.release(1);
        Ok(())
    }

    pub(super) async fn get(&self) -> Result<S::Item, GetError> {
        match self.items.acquire(1).await {
            Ok(()) => Ok(self.take_permitted()),
            Err(_) => self.take().ok_or(GetError(())), // J4.
        }
    }

    pub(super) fn try_get(&self) -> Result<S::Item, TryGetError> {
        match self.items.try_acquire(1) {
            Ok(()) => Ok(self.take_permitted()),
            Err(TryAcquireError::NoPermits) => Err(TryGetError::Empty),
            Err(TryAcquireError::Closed) => self.take().ok_or(TryGetError::Closed), // J4.
        }
    }

    /// Takes an item for a permit, which is released again if something panics.
    fn take_permitted(&self) -> S::Item {
        let permit = Owed(&self.items);
        let item = self.take().expect("a permit for an item, and no item (J1)");
        std::mem::forget(permit);
        item
    }

    fn take(&self) -> Option<S::Item> {
        let mut guarded = self.guarded.lock();
        let kept = guarded.kept.pop_front();
        // A kept item has no slot any more (J4).
        let slots = self.slots.as_ref().filter(|_| kept.is_none());
        let item = kept.or_else(|| guarded.store.pop())?;
        let is_last = guarded.closed && guarded.len() == 0;
        drop(guarded);
        if slots.is_none() && !is_last {
            return Some(item);
        }
        let told = catch_unwind(AssertUnwindSafe(|| {
            let _end = is_last.then(|| Close(&self.items)); // J2.
            if let Some(slots) = slots {
                slots.permits.release(1);
            }
        }));
        match told {
            Ok(()) => Some(item),
            Err(panic) => {
                self.guarded.lock().kept.push_back(item);
                resume_unwind(panic)
            }
        }
    }

    pub(super) fn task_done(&self) -> Result<(), TaskDoneError> {
        let mut guarded = self.guarded.lock();
        guarded.not_done = guarded.not_done.checked_sub(1).ok_or(TaskDoneError(()))?;
        let all_done = guarded.not_done == 0;
        drop(guarded);
        if all_done {
            self.all_done.notify_waiters();
        }
        Ok(())
    }

    pub(super) async fn join(&self) {
        loop {
            // Born before the look (J3).
            let mut notified = self.all_done.notified();
            if self.guarded.lock().not_done == 0 {
                return;
            }
            window("J3");
            if left_out("J3") {
                notified = self.all_done.notified();
            }
            notified.await;
        }
    }

    pub(super) fn close(&self) {
        let mut guarded = self.guarded.lock();
        guarded.closed = true;
        let is_empty = guarded.len() == 0;
        drop(guarded);
        let _end = is_empty.then(|| Close(&self.items)); // J2.
        if let Some(slots) = &self.slots {
            slots.permits.close();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.guarded.lock().closed
    }

    pub(super) fn len(&self) -> usize {
        self.guarded.lock().len()
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        self.slots.as_ref().map(|slots| slots.capacity)
    }

    /// Of both lines together.
    pub(super) fn stats(&self) -> Stats {
        let mut stats = self.items.stats();
        if let Some(slots) = &self.slots {
            let putters = slots.permits.stats();
            stats.waiters += putters.waiters;
            stats.contended += putters.contended;
            stats.longest_wait = stats.longest_wait.max(putters.longest_wait);
        }
        stats
    }

    pub(super) fn enable_stats(&self) {
        self.items.enable_stats();
        if let Some(slots) = &self.slots {
            slots.permits.enable_stats();
        }
    }

    pub(super) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct(name);
        // Copied before they are printed: a writer is foreign code (J5).
        let seen = self
            .guarded
            .try_lock()
            .map(|guarded| (guarded.len(), guarded.not_done, guarded.closed));
        match seen {
            Some((len, not_done, closed)) => {
                shown.field("len", &len).field("not_done", &not_done).field("closed", &closed)
            }
            None => shown.field("len", &format_args!("<locked>")),
        };
        shown.field("capacity", &self.capacity()).finish()
    }
}
