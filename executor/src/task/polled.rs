//! Which task a thread is polling, for those who ask from another thread.
//!
//! Only the end of a runtime asks, for its report. So the question costs a system call, and a poll that nobody asks about two
//! instructions.
//!
//! - **T18** *Looked at.* A thread writes down which task it polls, and afterwards which it was polling around that. Who asks
//!   locks the *look* of that thread, says that it is looked at, passes a heavy fence, and reads. Who ends a poll writes,
//!   passes a light fence, and goes through the lock if it is looked at, taking that back; only then may the task be freed. One
//!   of the two sees the other: a task that is found stays until the look is over.
//! - **T19** *Listed.* A thread that polls the tasks of a runtime is in that runtime's list from before its first poll until
//!   after its last. Who asks holds the list meanwhile, so a thread that is in it is there.
//!
//! Feared: the task is found, its poll ends, and its memory is given back while its name is copied. Without a fence between
//! the write and the look at the flag that happens: the model in `tests/loom/polled.rs` shows it.
//!
//! Where a fence on one side is not to be had (`loom/barrier.rs`: outside Linux, as a rule), nothing is found: a fence per poll
//! would be a high price for a report.
//!
//! # Safety
//! The list holds pointers to thread-locals, and these to tasks. T19 and T18 say why they may be followed.

#![allow(unsafe_code)]

use super::cell::Header;
use super::current;
use super::raw::TaskRef;
use crate::loom::barrier;
use crate::loom::left_out;
use crate::loom::sync::atomic::{AtomicBool, AtomicPtr, Ordering::*};
use std::ptr;

/// One thread's note of what it polls. Its own thread-local (`current.rs`).
#[derive(Debug)]
pub struct Polled {
    pub(crate) task: AtomicPtr<Header>,
    pub(crate) is_looked_at: AtomicBool,
    pub(crate) look: crate::loom::sync::Mutex<()>,
}

impl Polled {
    /// The task being polled; null for none. For the thread itself.
    #[inline]
    pub(crate) fn task(&self) -> *const Header {
        // Relaxed: what this thread has written.
        self.task.load(Relaxed)
    }

    /// A poll begins. Gives the task of the one around it, for [`end`](Polled::end).
    #[inline]
    pub(crate) fn begin(&self, task: *const Header) -> *const Header {
        let outer = self.task();
        // Release: pairs with `look`, which reads what this thread knows of the task.
        self.task.store(task.cast_mut(), Release);
        outer
    }

    /// T18: the poll is over, and that around it goes on.
    #[inline]
    pub(crate) fn end(&self, outer: *const Header) {
        // Release: as above.
        self.task.store(outer.cast_mut(), Release);
        // T18: pairs with the heavy fence in `look`.
        barrier::light_or_nothing();
        // Relaxed: the fence orders it; the lock synchronizes.
        if self.is_looked_at.load(Relaxed) && !left_out("T18") {
            self.wait_for_the_look();
        }
    }

    #[cold]
    fn wait_for_the_look(&self) {
        let _look = self.look.lock();
        // Relaxed: the lock orders it against the next look.
        self.is_looked_at.store(false, Relaxed);
    }

    /// T18: runs `f` with the task being polled; null for none, and if it cannot be told.
    pub(crate) fn look<R>(&self, f: impl FnOnce(*const Header) -> R) -> R {
        let _look = self.look.lock();
        // Relaxed: the fence orders it.
        self.is_looked_at.store(true, Relaxed);
        // T18: pairs with the light fence in `end`.
        let is_ordered = barrier::heavy_only();
        // Acquire: pairs with `begin`.
        let task = if is_ordered { self.task.load(Acquire) } else { ptr::null_mut() };
        f(task)
    }
}

/// The threads that poll tasks of one runtime (T19).
#[derive(Debug, Default)]
pub(crate) struct Pollers(parking_lot::Mutex<Vec<Poller>>);

/// How a thread polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polls {
    /// As a worker.
    Tasks,
    /// As a thread for blocking calls.
    Calls,
}

#[derive(Debug)]
struct Poller {
    polled: *const Polled,
    /// What the thread was polling when it came: of another runtime, or known already.
    outer: *const Header,
    polls: Polls,
}

// SAFETY: T19: the note is made of atomics and a lock, and there for as long as this is in the list.
unsafe impl Send for Poller {}

/// Takes its thread out of the list when dropped.
pub(crate) struct Listed<'a>(&'a Pollers, *const Polled);

impl Pollers {
    /// T19: the calling thread is about to poll.
    pub(crate) fn enter(&self, polls: Polls) -> Listed<'_> {
        let (polled, outer) = current::polled(|polled| (ptr::from_ref(polled), polled.task()));
        self.0.lock().push(Poller { polled, outer, polls });
        Listed(self, polled)
    }

    /// Shows the tasks being polled at this moment, each by the innermost poll of its thread. `f` must not take long.
    pub(crate) fn for_each(&self, mut f: impl FnMut(TaskRef, Polls)) {
        let pollers = self.0.lock();
        let mut found: Vec<*const Polled> = Vec::new();
        // The last first: a thread may be here twice, in a `block_on` inside a blocking call.
        for poller in pollers.iter().rev() {
            if found.contains(&poller.polled) {
                continue;
            }
            // SAFETY: T19: it is in the list, which is locked.
            let polled = unsafe { &*poller.polled };
            polled.look(|task| {
                if !task.is_null() && task != poller.outer {
                    found.push(poller.polled);
                    // SAFETY: only addresses of tasks are written there; T18: it is not freed meanwhile.
                    f(unsafe { TaskRef::from_ptr(task) }, poller.polls);
                }
            });
        }
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        let mut pollers = self.0.0.lock();
        // The last: in the reverse order of coming.
        if let Some(mine) = pollers.iter().rposition(|poller| poller.polled == self.1) {
            pollers.remove(mine);
        }
    }
}
