//! The tasks a worker has linked, as that worker sees them.
//!
//! A spawn writes nothing here, and neither does a task that completes in its first poll (T10). Linking, and unlinking at
//! home, are a few plain writes, where a set shared by all workers would cost a lock or two. What others do is in
//! `places.rs`.
//!
//! The list is an array, not a chain through the tasks: taking one out of a hundred thousand that wait would touch two
//! neighbors, whose memory is in no cache, and a place is an eighth of a line.

use super::places::{NONE, Places};
use super::raw::TaskRef;
use super::state::Wake;
use crate::loom::{KEPT_ROOMS, ROOMS};
use std::cell::Cell;

/// A list of tasks, used by one worker only. Whoever calls hands in the list's places, which are always the same.
#[derive(Debug)]
pub struct OwnedTasks {
    /// The first of the chain of free places.
    free: Cell<u32>,
    /// Places from this number on were never filled.
    fresh: Cell<u32>,
    /// How many there are.
    built: Cell<u32>,
    rooms: Cell<usize>,
    /// How many tasks were put in and not taken out here, ever; it wraps around.
    linked: Cell<u32>,
}

impl Default for OwnedTasks {
    fn default() -> OwnedTasks {
        OwnedTasks {
            free: Cell::new(NONE),
            fresh: Cell::new(0),
            built: Cell::new(0),
            rooms: Cell::new(0),
            linked: Cell::new(0),
        }
    }
}

impl OwnedTasks {
    /// Puts `task` into the list.
    #[inline]
    pub(crate) fn link(&self, task: TaskRef, places: &Places) {
        let mut number = self.free.get();
        if number == NONE {
            number = self.find_free(places);
        }
        // A fresh place is in no chain: it says that none comes after it.
        self.free.set(places.fill(number, task));
        task.header().place.set(number);
        self.linked.set(self.linked.get().wrapping_add(1));
    }

    /// A place that others have emptied, or one that was never filled.
    #[inline(never)]
    fn find_free(&self, places: &Places) -> u32 {
        let emptied = places.take_emptied();
        if emptied != NONE {
            return emptied;
        }
        let number = self.fresh.get();
        if number == self.built.get() {
            let room = self.rooms.get();
            assert!(room < ROOMS, "a worker has fewer than 2^31 tasks that wait");
            self.built.set(number + places.build(room));
            self.rooms.set(room + 1);
        }
        self.fresh.set(number + 1);
        number
    }

    /// Takes `task` out, which must be in this list. The caller completes it, and has the owner's reference now (T11).
    #[inline]
    pub(crate) fn unlink(&self, task: TaskRef, places: &Places) {
        self.free.set(places.empty(task, self.free.get()));
        self.linked.set(self.linked.get().wrapping_sub(1));
    }

    /// How many tasks are linked.
    #[inline]
    pub fn len(&self, places: &Places) -> usize {
        self.linked.get().wrapping_sub(places.emptied()) as usize
    }

    /// As `len`, without those that others have taken out.
    pub(crate) fn linked_here(&self) -> u32 {
        self.linked.get()
    }

    /// Gives memory back if a crowd has gone: it may be needed elsewhere. For a worker that has nothing to do.
    #[inline]
    pub(crate) fn tidy(&self, places: &Places) {
        if self.rooms.get() > KEPT_ROOMS && self.len(places) == 0 {
            // T11: `len` has seen that others emptied as many as are missing, so nobody is about to.
            places.take_emptied();
            places.tear_down();
            self.free.set(NONE);
            self.fresh.set(0);
            self.built.set(0);
            self.rooms.set(0);
        }
    }

    /// Shows every task in the list. Tasks that others complete meanwhile may be among them.
    pub(crate) fn for_each(&self, places: &Places, mut f: impl FnMut(TaskRef)) {
        /// Also if `f` panics.
        struct Held(TaskRef);
        impl Drop for Held {
            fn drop(&mut self) {
                self.0.drop_reference();
            }
        }
        let mut number = 0;
        // What `f` links may be in a place that was passed, or in a new one.
        while number < self.fresh.get() {
            if let Some(task) = places.look(number).map(Held) {
                f(task.0);
            }
            number += 1;
        }
    }

    /// Asks every task in the list to stop, and hands those to `cancel` whose right to poll that grants. The others
    /// are queued, or being polled elsewhere, and their poller will see it (T7).
    pub(crate) fn cancel_all(&self, places: &Places, mut cancel: impl FnMut(TaskRef)) {
        // `cancel` completes the task, which takes it out. Destructors take out no other: they only wake others, and the
        // caller submits those.
        self.for_each(places, |task| {
            if task.state().cancel() == Wake::Submit {
                cancel(task);
            }
        });
    }
}

#[cfg(test)]
#[allow(unsafe_code)]
mod tests {
    use super::*;
    use crate::loom::FIRST_ROOM;
    use crate::task::runnable::{Nowhere, Runnable};
    use crate::task::{Id, JoinHandle, Schedule, cell};
    use std::panic::Location;
    use std::ptr;

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

    fn listed(owned: &OwnedTasks, places: &Places) -> Vec<TaskRef> {
        let mut listed = Vec::new();
        owned.for_each(places, |task| listed.push(task));
        listed
    }

    #[test]
    fn a_place_that_is_free_is_filled_again() {
        let (owned, places) = (OwnedTasks::default(), Places::new());
        let tasks = [task(), task(), task(), task()];
        tasks[..3].iter().for_each(|&task| owned.link(task, &places));
        owned.unlink(tasks[1], &places);
        places.vacate(tasks[0]);
        assert_eq!((listed(&owned, &places), owned.len(&places)), (vec![tasks[2]], 1));
        owned.link(tasks[1], &places);
        owned.link(tasks[3], &places);
        assert_eq!(listed(&owned, &places), [tasks[3], tasks[1], tasks[2]]);
        assert_eq!(owned.fresh.get(), 3);
        tasks[1..].iter().for_each(|&task| owned.unlink(task, &places));
        tasks.into_iter().for_each(end);
    }

    #[test]
    fn a_crowd_leaves_nothing_behind() {
        let (owned, places) = (OwnedTasks::default(), Places::new());
        let kept = FIRST_ROOM << KEPT_ROOMS;
        for (count, are_rooms_left) in [(kept, false), (kept / 2, true)] {
            let tasks: Vec<_> = std::iter::repeat_with(task).take(count).collect();
            tasks.iter().for_each(|&task| owned.link(task, &places));
            assert_eq!(owned.len(&places), count);
            assert_eq!(listed(&owned, &places).len(), count);
            for (index, &task) in tasks.iter().enumerate() {
                if index % 2 == 0 {
                    owned.unlink(task, &places);
                } else {
                    places.vacate(task);
                }
            }
            assert_eq!((owned.len(&places), listed(&owned, &places)), (0, vec![]));
            owned.tidy(&places);
            assert_eq!(owned.rooms.get() != 0, are_rooms_left);
            tasks.into_iter().for_each(end);
        }
    }

    #[test]
    fn a_task_that_is_being_looked_at_keeps_its_reference() {
        let (owned, places) = (OwnedTasks::default(), Places::new());
        let task = task();
        owned.link(task, &places);
        owned.for_each(&places, |seen| {
            assert_eq!(seen, task);
            places.vacate(task);
            end(task);
        });
        assert_eq!(owned.len(&places), 0);
    }
}
