//! Where tasks wait that are not to wait in line with the others.
//!
//! Those of high priority come before all others, those of low priority after them. Each of the two kinds has a *lane*: one
//! queue for the whole runtime, first in, first out.
//!
//! - **P21** A task of another priority than normal is queued in its lane, whoever spawns or wakes it, and nowhere else. So none
//!   is held up by a worker that is stuck, or by what is queued at one.
//! - **P22** Before a poll, a worker asks for a task of high priority; but every [`OTHERS_TURN`]th time only if it finds nothing
//!   else. It asks for one of low priority when it has found nothing to run and nothing to steal, and, so that these
//!   do not starve, every other time that it looks into the injector.
//! - **P23** Who queues a high task, or any from outside the workers or from a root future, does as for the injector (P2). A worker that
//!   queues a low one goes on, and will look into the lane before it sleeps (P3); so it wakes another only if the backlog is
//!   worth it ([`pace`](super::pace)).
//! - **P24** The number of those that wait is raised before a task is queued, and lowered after one has been taken. So it is zero
//!   only if none is there, or one has come this moment; and a poll costs one look at a line that nobody writes as long as
//!   all tasks are normal.
//!
//! Who looks because nobody else may (P3) looks at the queues themselves.
//!
//! Rejected: lanes in each worker, with their own thieves. They would cost every search and every rescue two more looks, and
//! a high task would wait behind those of one worker while another runs normal ones.

use crate::loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use crate::queue::{Inject, Steal};
use crate::task::Priority;
use crate::task::runnable::Runnable;
use crossbeam_utils::CachePadded;

/// Of so many polls in a row, one at least is not that of a high task (P22).
pub(super) const OTHERS_TURN: u32 = 8;

/// The two lanes of a runtime.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    pub(super) high: Lane,
    pub(super) low: Lane,
}

/// The tasks of one priority that want to be polled.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    queue: Inject<Runnable>,
    /// P24.
    waiting: CachePadded<AtomicUsize>,
}

impl Lanes {
    /// Whether nobody waits. After a fence, where that has to be true (P3).
    pub(crate) fn is_empty(&self) -> bool {
        self.high.queue.is_empty() && self.low.queue.is_empty()
    }

    /// The lane for tasks of this priority, if they have one.
    pub(super) fn of(&self, priority: Priority) -> Option<&Lane> {
        match priority {
            Priority::High => Some(&self.high),
            Priority::Normal => None,
            Priority::Low => Some(&self.low),
        }
    }

    /// How many wait in each, the high ones first, about.
    pub(crate) fn lengths(&self) -> (usize, usize) {
        (self.high.waiting(), self.low.waiting())
    }

    /// What is next in either.
    pub(super) fn take(&self) -> Option<Runnable> {
        self.high.take().or_else(|| self.low.take())
    }
}

impl Lane {
    pub(super) fn push(&self, runnable: Runnable) {
        // Relaxed: a hint. Who must not miss it goes by the queue.
        self.waiting.fetch_add(1, Relaxed);
        self.queue.push(runnable);
    }

    /// How many wait, about (P24).
    #[inline]
    pub(super) fn waiting(&self) -> usize {
        // Relaxed: as in `push`.
        self.waiting.load(Relaxed)
    }

    pub(super) fn take(&self) -> Option<Runnable> {
        loop {
            match self.queue.take_one() {
                Steal::Success(runnable) => {
                    // Relaxed: as in `push`.
                    self.waiting.fetch_sub(1, Relaxed);
                    return Some(runnable);
                }
                Steal::Empty => return None,
                // Q3.
                Steal::Retry => crate::loom::hint::spin_loop(),
            }
        }
    }
}
