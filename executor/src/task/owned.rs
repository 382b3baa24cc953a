//! The tasks a worker has linked, and the way home for those that complete elsewhere.
//!
//! A spawn writes nothing here, and neither does a task that completes in its first poll (T10). Linking and unlinking
//! are a few plain writes by the home worker (T11), where a set shared by all workers would cost a lock or two.
//!
//! The list is an array of places, not a chain through the tasks: taking one out of a hundred thousand that wait would touch
//! two neighbors, whose memory is in no cache, and a place is an eighth of a line. Places that are free are chained.
//!
//! # Safety
//! A [`Place`] is a task's address if it says so. [`Returns`] dereferences tasks it was handed, which stand on the owner's
//! reference until they are taken out.

#![allow(unsafe_code)]

use super::cell::Header;
use super::raw::TaskRef;
use super::state::Wake;
use crate::loom::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::*};
use std::cell::{Cell, RefCell};
use std::ptr;

/// Places that are kept when the last task has gone.
const KEPT: usize = 1 << 12;
/// In place of the number of a free place; there are fewer.
const NONE: u32 = u32::MAX >> 1;

/// The address of a task, which is even, or the number of the next free place, doubled and made odd.
#[derive(Clone, Copy, Debug)]
struct Place(*const Header);

// SAFETY: as a `TaskRef`.
unsafe impl Send for Place {}

impl Place {
    #[inline]
    fn of(task: TaskRef) -> Place {
        Place(task.as_ptr())
    }

    #[inline]
    fn free(next: u32) -> Place {
        Place(ptr::without_provenance((next as usize) << 1 | 1))
    }

    /// The task here, or the next free place.
    #[inline]
    fn get(self) -> Result<TaskRef, u32> {
        match self.0.addr() & 1 {
            // SAFETY: made by `of`.
            0 => Ok(unsafe { TaskRef::from_ptr(self.0) }),
            _ => Err((self.0.addr() >> 1) as u32),
        }
    }
}

/// A list of tasks, used by one worker only.
#[derive(Debug)]
pub struct OwnedTasks {
    places: RefCell<Vec<Place>>,
    free: Cell<u32>,
    len: Cell<usize>,
}

impl Default for OwnedTasks {
    fn default() -> OwnedTasks {
        OwnedTasks { places: RefCell::default(), free: Cell::new(NONE), len: Cell::new(0) }
    }
}

impl OwnedTasks {
    /// Puts `task` into the list.
    #[inline]
    pub(crate) fn link(&self, task: TaskRef) {
        let mut places = self.places.borrow_mut();
        let free = self.free.get();
        let number = match places.get_mut(free as usize) {
            Some(place) => {
                let next = std::mem::replace(place, Place::of(task)).get();
                self.free.set(next.expect_err("a free place holds no task"));
                free
            }
            None => push(&mut places, task),
        };
        task.header().place.set(number);
        self.len.set(self.len.get() + 1);
    }

    /// Takes `task` out, which must be in this list.
    #[inline]
    pub(crate) fn unlink(&self, task: TaskRef) {
        let number = task.header().place.get();
        let mut places = self.places.borrow_mut();
        debug_assert_eq!(places[number as usize].get(), Ok(task));
        places[number as usize] = Place::free(self.free.replace(number));
        let left = self.len.get() - 1;
        self.len.set(left);
        if left == 0 && places.len() > KEPT {
            // A crowd has gone. Its memory may be needed elsewhere.
            *places = Vec::new();
            self.free.set(NONE);
        }
    }

    /// How many tasks are linked.
    #[inline]
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// The task at the first place from this one on that has one, and the place after it.
    fn next_from(&self, number: usize) -> Option<(TaskRef, usize)> {
        let places = self.places.borrow();
        let tasks = places.iter().enumerate().skip(number);
        tasks.into_iter().find_map(|(number, place)| Some((place.get().ok()?, number + 1)))
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

    /// Shows every task in the list.
    pub(crate) fn for_each(&self, mut f: impl FnMut(TaskRef)) {
        let mut number = 0;
        while let Some((task, next)) = self.next_from(number) {
            f(task);
            number = next;
        }
    }

    /// Asks every task in the list to stop, and hands those to `cancel` whose right to poll that grants. The others
    /// are queued, or being polled elsewhere, and their poller will see it (T7).
    pub(crate) fn cancel_all(&self, mut cancel: impl FnMut(TaskRef)) {
        // `cancel` completes the task, which takes it out. Destructors take out no other: they only wake others, and the
        // caller submits those.
        self.for_each(|task| {
            if task.state().cancel() == Wake::Submit {
                cancel(task);
            }
        });
    }
}

/// A place behind all others.
#[inline(never)]
fn push(places: &mut Vec<Place>, task: TaskRef) -> u32 {
    let number = u32::try_from(places.len()).ok().filter(|&number| number < NONE);
    places.push(Place::of(task));
    number.expect("a worker has fewer than 2^31 tasks that wait")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::runnable::{Nowhere, Runnable};
    use crate::task::{Id, JoinHandle, Schedule, cell};
    use std::panic::Location;

    /// Nobody is to wake these tasks.
    struct Nobody;

    impl Schedule for Nobody {
        unsafe fn schedule(_: *const Nobody, runnable: Runnable) {
            panic!("task {} was woken", runnable.task().id());
        }
    }

    fn task() -> TaskRef {
        cell::allocate(
            std::future::ready(()),
            ptr::null::<Nobody>(),
            Id::next(),
            Location::caller(),
        )
    }

    fn end(task: TaskRef) {
        // SAFETY: made for this output, and this is its one handle.
        drop(unsafe { JoinHandle::<()>::new(task) });
        Runnable::from_wake(task).cancel(&Nowhere);
    }

    fn listed(owned: &OwnedTasks) -> Vec<TaskRef> {
        let mut listed = Vec::new();
        owned.for_each(|task| listed.push(task));
        listed
    }

    #[test]
    fn a_place_that_is_free_is_taken_again() {
        let owned = OwnedTasks::default();
        let tasks = [task(), task(), task(), task()];
        tasks[..3].iter().for_each(|&task| owned.link(task));
        owned.unlink(tasks[1]);
        owned.unlink(tasks[0]);
        assert_eq!((listed(&owned), owned.len()), (vec![tasks[2]], 1));
        owned.link(tasks[3]);
        owned.link(tasks[1]);
        assert_eq!(listed(&owned), [tasks[3], tasks[1], tasks[2]]);
        assert_eq!(owned.places.borrow().len(), 3);
        tasks.into_iter().for_each(end);
    }

    #[test]
    fn a_crowd_leaves_nothing_behind() {
        let owned = OwnedTasks::default();
        for count in [KEPT + 1, 1] {
            let tasks: Vec<_> = std::iter::repeat_with(task).take(count).collect();
            tasks.iter().for_each(|&task| owned.link(task));
            assert_eq!(owned.len(), count);
            tasks.iter().for_each(|&task| owned.unlink(task));
            assert_eq!((owned.len(), listed(&owned)), (0, vec![]));
            assert!(owned.places.borrow().capacity() <= KEPT);
            tasks.into_iter().for_each(end);
        }
    }
}
