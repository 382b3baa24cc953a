//! What the three queues share: who may put, who may get, and how much is not done yet.
//!
//! A queue is its items under a lock, between two lines of waiters: putters wait for `slots`,
//! getters for `items`, both of them numbers of permits ([`Permits`], M1 to M4).
//!
//! - **J1** Who puts takes a slot, stores the item under the lock, and releases a permit for it. Who
//!   gets takes a permit, takes an item under the lock, and releases its slot. So there are never
//!   more permits than items, nor more items than slots; who was granted a permit and gives up hands
//!   it on (L4).
//! - **J2** `closed` is set under the lock of the items; nothing is stored after it. Then both
//!   permits are closed: putters get their item back, and getters, who need no permit any more, take
//!   what is left until there is nothing.
//! - **J3** An item counts as not done from when it is stored until its `task_done`. Who joins makes
//!   its `Notified` first and looks at the count second (N3).
//! - **J4** If a waker panics when a slot is released, the item stays in the queue, first of all:
//!   in `kept`. Its slot has been released then, and is not a second time.
//! - **J5** Items leave the lock before they are dropped. `Ord::cmp` of a priority queue's items is
//!   the one kind of foreign code that runs under the lock, because the order is a matter between
//!   items that only the lock keeps in place. If it panics, nothing has moved: the item that was
//!   being put is dropped, one that was being got stays.
//!
//! Feared: the queue is closed between a putter's slot and its storing, all getters see it empty and
//! leave, and the item comes after. But storing looks at `closed` under the lock (J2).

use super::error::{GetError, PutError, TaskDoneError, TryGetError, TryPutError};
use crate::{
    error::TryAcquireError,
    loom::{Mutex, const_fn},
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
        if !guarded.closed {
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
        if self.items.acquire(1).await.is_ok() {
            return self.take_permitted().ok_or(GetError(()));
        }
        self.take().ok_or(GetError(()))
    }

    pub(super) fn try_get(&self) -> Result<S::Item, TryGetError> {
        match self.items.try_acquire(1) {
            Ok(()) => self.take_permitted().ok_or(TryGetError::Closed),
            Err(TryAcquireError::NoPermits) => Err(TryGetError::Empty),
            Err(TryAcquireError::Closed) => self.take().ok_or(TryGetError::Closed),
        }
    }

    /// Takes an item for a permit, which is released again if nothing comes of it. There is one,
    /// unless the queue has been closed (J1, J2).
    fn take_permitted(&self) -> Option<S::Item> {
        let permit = Owed(&self.items);
        let item = self.take()?;
        std::mem::forget(permit);
        Some(item)
    }

    fn take(&self) -> Option<S::Item> {
        let mut guarded = self.guarded.lock();
        if let Some(item) = guarded.kept.pop_front() {
            return Some(item);
        }
        let item = guarded.store.pop()?;
        drop(guarded);
        let Some(slots) = &self.slots else { return Some(item) };
        match catch_unwind(AssertUnwindSafe(|| slots.permits.release(1))) {
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
            let notified = self.all_done.notified();
            if self.guarded.lock().not_done == 0 {
                return;
            }
            notified.await;
        }
    }

    pub(super) fn close(&self) {
        /// Closes the second of two, also when a waker of the first panics.
        struct Close<'a>(&'a Permits);
        impl Drop for Close<'_> {
            fn drop(&mut self) {
                self.0.close();
            }
        }
        self.guarded.lock().closed = true;
        let _last = Close(&self.items);
        if let Some(slots) = &self.slots {
            slots.permits.close();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.guarded.lock().closed
    }

    pub(super) fn len(&self) -> usize {
        let guarded = self.guarded.lock();
        guarded.store.len() + guarded.kept.len()
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
        match self.guarded.try_lock() {
            Some(guarded) => shown
                .field("len", &(guarded.store.len() + guarded.kept.len()))
                .field("not_done", &guarded.not_done)
                .field("closed", &guarded.closed),
            None => shown.field("len", &format_args!("<locked>")),
        };
        shown.field("capacity", &self.capacity()).finish()
    }
}
