//! Where tasks wait that are not to wait in line with the others.
//!
//! Those of high priority come before all others, those of low priority after them. Each of the two kinds has a *lane*: one
//! queue for the whole runtime, first in, first out.
//!
//! - **P21** A task of another priority than normal is queued in its lane, whoever spawns or wakes it, and nowhere else. So
//!   none is held up by what is queued at a worker. If that one is stuck, whoever keeps watch, or stands in for it, takes
//!   what is in the lanes as what is queued there (P11, P20).
//! - **P22** Before a poll, a worker asks for a task of high priority; but after [`HIGH_STREAK_MAX`] of them it asks all
//!   others first, those at other workers included. It asks for one of low priority when it has found nothing to run and
//!   nothing to steal, or too many look for that already (P6), and, so that these do not starve, every other time that it
//!   looks into the injector. Tasks are counted, not beats, of which a root future has some.
//! - **P23** Who queues a high task, or any from outside the workers, from a root future or inside the deque (Q11), does as
//!   for the injector (P2). A worker that queues a low one, or one that has just been polled, goes on, and will look into
//!   the lane before it sleeps (P3); so it wakes another only if the backlog is worth it ([`pace`](super::pace)), and tells
//!   who wants to be told of a push (Q10). Like a normal task, a low one may wait for one long poll of the worker that has
//!   queued it, while others sleep.
//! - **P24** The number of those that wait is raised before a task is queued, and lowered after one has been taken. So it
//!   is zero only if none is there, or one has come this moment; and a poll costs one look at a line that nobody writes as
//!   long as all tasks are normal.
//!
//! Who looks because nobody else may (P3) looks at the queues themselves.
//!
//! Rejected: lanes in each worker, with their own thieves. They would cost every search and every rescue two more looks, and
//! a high task would wait behind those of one worker while another runs normal ones.

use crate::loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use crate::queue::Inject;
use crate::task::Priority;
use crate::task::runnable::Runnable;
use crossbeam_utils::CachePadded;

/// Most high tasks polled by a worker before it asks for others (P22).
pub(super) const HIGH_STREAK_MAX: u32 = 7;

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
        let runnable = self.queue.take()?;
        // Relaxed: as in `push`.
        self.waiting.fetch_sub(1, Relaxed);
        Some(runnable)
    }
}
