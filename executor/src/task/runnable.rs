//! The right to poll a task once.

use super::Host;
use super::Priority;
use super::cell::{HIGH, LOW};
use super::poll;
use super::raw::TaskRef;

/// The one right to poll a task (T2). Dropping it cancels the task: its future is dropped here and now.
#[must_use]
#[derive(Debug)]
pub struct Runnable(TaskRef);

/// What a poll left behind.
#[must_use]
#[derive(Debug)]
pub enum Ran {
    /// The task waits to be woken, or has completed.
    Done,
    /// The task wants another turn, after the others.
    Again(Runnable),
    /// The poll has cost its thread the slot (P15). Only from a host that is prepared for that.
    Away,
}

impl Runnable {
    /// Takes up the right that a transition of the state word just granted.
    #[inline]
    pub(crate) fn from_wake(task: TaskRef) -> Runnable {
        Runnable(task)
    }

    /// Lets go of the right without using it up, to store it as a pointer.
    #[inline]
    pub(crate) fn into_task(self) -> TaskRef {
        let task = self.0;
        std::mem::forget(self);
        task
    }

    /// The task this is the right to poll.
    #[inline]
    pub(crate) fn task(&self) -> TaskRef {
        self.0
    }

    /// Whether the task waits where others do not (P21).
    #[inline]
    pub(crate) fn has_lane(&self) -> bool {
        self.0.header().special.get() & (HIGH | LOW) != 0
    }

    pub(crate) fn priority(&self) -> Priority {
        self.0.priority()
    }

    /// Polls the task once.
    #[inline(always)]
    pub fn run(self, host: &impl Host) -> Ran {
        poll::run(self.into_task(), host)
    }

    /// Drops the future; the `JoinHandle` hears that the system has no thread for it.
    pub(crate) fn refuse(self, error: std::io::Error, host: &impl Host) {
        poll::refuse(self.into_task(), error, host);
    }

    /// Drops the future; the `JoinHandle` gets a cancellation.
    pub fn cancel(self, host: &impl Host) {
        poll::cancel(self.into_task(), host);
    }
}

impl Drop for Runnable {
    fn drop(&mut self) {
        poll::cancel(self.0, &Nowhere);
    }
}

/// The host of a poll that happens outside any worker: it can complete a task, but not keep one.
#[derive(Debug)]
pub struct Nowhere;

impl Host for Nowhere {
    fn owner(&self) -> *const () {
        std::ptr::null()
    }

    fn link(&self, task: TaskRef) {
        unreachable!("task {} waits for a wake, but was polled outside a worker", task.id());
    }

    fn unlink(&self, task: TaskRef) {
        unreachable!("task {} is linked to no worker", task.id());
    }

    fn unlink_from(&self, _: *const (), task: TaskRef) {
        unreachable!(
            "task {} is in a worker's list, but was completed outside a worker",
            task.id()
        );
    }
}
