//! The tasks a worker has linked, and the way home for those that complete elsewhere.
//!
//! A spawn writes nothing here, and neither does a task that completes in its first poll (T10). Linking and unlinking
//! are a few plain writes by the home worker (T11), where a set shared by all workers would cost a lock or two.
//!
//! # Safety
//! [`Returns`] dereferences tasks it was handed, which stand on the owner's reference until they are taken out.

#![allow(unsafe_code)]

use super::cell::{Header, Links};
use super::raw::TaskRef;
use super::state::Wake;
use crate::loom::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::*};
use std::cell::Cell;
use std::ptr;

/// A doubly linked list of tasks, used by one worker only.
#[derive(Debug, Default)]
pub struct OwnedTasks {
    head: Cell<Option<TaskRef>>,
    len: Cell<usize>,
}

impl OwnedTasks {
    /// Links `task` in front.
    #[inline]
    pub(crate) fn link(&self, task: TaskRef) {
        let next = self.head.replace(Some(task));
        task.header().links.set(Links { previous: None, next });
        if let Some(next) = next {
            let links = next.header().links.get();
            next.header().links.set(Links { previous: Some(task), ..links });
        }
        self.len.set(self.len.get() + 1);
    }

    /// Unlinks `task`, which must be in this list.
    #[inline]
    pub(crate) fn unlink(&self, task: TaskRef) {
        let Links { previous, next } = task.header().links.get();
        match previous {
            Some(previous) => {
                let links = previous.header().links.get();
                previous.header().links.set(Links { next, ..links });
            }
            None => self.head.set(next),
        }
        if let Some(next) = next {
            let links = next.header().links.get();
            next.header().links.set(Links { previous, ..links });
        }
        self.len.set(self.len.get() - 1);
    }

    /// How many tasks are linked.
    #[inline]
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// Takes back tasks that completed elsewhere, and gives up the list's references to them.
    #[inline]
    pub(crate) fn welcome_home(&self, returns: &Returns) {
        let mut next = returns.take();
        while let Some(task) = next {
            next = next_returned(task);
            self.unlink(task);
            task.drop_reference();
        }
    }

    /// Shows every task in the list, which must stay as it is meanwhile.
    pub(crate) fn for_each(&self, mut f: impl FnMut(TaskRef)) {
        let mut next = self.head.get();
        while let Some(task) = next {
            f(task);
            next = task.header().links.get().next;
        }
    }

    /// Asks every task in the list to stop, and hands those to `cancel` whose right to poll that grants. The others
    /// are queued, or being polled elsewhere, and their poller will see it (T7).
    pub(crate) fn cancel_all(&self, mut cancel: impl FnMut(TaskRef)) {
        let mut next = self.head.get();
        while let Some(task) = next {
            // Read first: `cancel` completes the task, which unlinks it. It unlinks no other, because destructors
            // only wake others, and the caller submits those.
            next = task.header().links.get().next;
            if task.state().cancel() == Wake::Submit {
                cancel(task);
            }
        }
    }
}

/// Completed tasks on their way to the worker that linked them: a stack that anybody pushes to and the home empties
/// (R. K. Treiber, 1986). Emptying takes all at once, so no address can come back between a read and an exchange.
#[derive(Debug)]
pub struct Returns {
    head: AtomicPtr<Header>,
    /// How many have ever been pushed.
    count: AtomicUsize,
}

impl Returns {
    pub(crate) fn new() -> Returns {
        Returns { head: AtomicPtr::new(ptr::null_mut()), count: AtomicUsize::new(0) }
    }

    /// Whether nothing waits to be taken home.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // Relaxed: a hint; `take` synchronizes.
        self.head.load(Relaxed).is_null()
    }

    /// Sends a completed task home, with the list's reference. Says how many have come this way.
    pub(crate) fn push(&self, task: TaskRef) -> usize {
        // Relaxed: a count for housekeeping.
        let count = self.count.fetch_add(1, Relaxed) + 1;
        // Relaxed: only compared; the exchange synchronizes.
        let mut head = self.head.load(Relaxed);
        loop {
            // T11: nobody else reads the owner pointer after COMPLETE.
            task.header().owner.set(head.cast_const().cast());
            // Release: pairs with `take`, which must see the link just stored and the completion before it.
            match self.head.compare_exchange_weak(head, task.as_ptr().cast_mut(), Release, Relaxed)
            {
                Ok(_) => return count,
                Err(now) => head = now,
            }
        }
    }

    #[inline]
    fn take(&self) -> Option<TaskRef> {
        if self.is_empty() {
            return None;
        }
        // Acquire: pairs with `push`.
        as_task(self.head.swap(ptr::null_mut(), Acquire))
    }
}

fn next_returned(task: TaskRef) -> Option<TaskRef> {
    as_task(task.header().owner.get().cast::<Header>().cast_mut())
}

fn as_task(header: *mut Header) -> Option<TaskRef> {
    // SAFETY: only `TaskRef::as_ptr` pointers are pushed.
    (!header.is_null()).then(|| unsafe { TaskRef::from_ptr(header) })
}
