//! The door out: where a worker looks for its next task, and in what order.

use super::idle::Searching;
use super::lanes::{HIGH_STREAK_MAX, Lane};
use super::pace;
use super::slot::Slot;
use super::worker::Worker;
use crate::queue::Steal;
use crate::task::runnable::Runnable;

/// Tasks picked between looks at the injector of a worker whose own queue never runs dry (Q4). A prime, so that it does not
/// beat with the period of a workload.
pub(super) const INJECTOR_INTERVAL: u32 = 61;
/// Tasks out of the LIFO slot in a row (Q5).
const LIFO_STREAK_MAX: u32 = 3;

impl Worker<'_> {
    /// The next task that is this worker's own, or nobody's.
    #[inline(always)]
    pub(super) fn next_own(&self, mut again: Option<Runnable>) -> Option<Runnable> {
        self.slot().next_beat();
        // Not by beats, of which a root future has some, too: it might have all those that count.
        let picks = self.core().picks_left.get();
        self.core().picks_left.set(picks.wrapping_sub(1));
        if (picks == 0 || self.shared().lanes.high.waiting() > 0)
            && let Some(runnable) = self.pop_before_all(picks == 0, again.take())
        {
            return Some(runnable);
        }
        let core = self.core();
        if !self.slot().lifo_is_empty() {
            self.put_back(again.take());
            if let Some(runnable) = self.pop_lifo() {
                core.pace.begin(false);
                return Some(runnable);
            }
        }
        core.lifo_streak.set(0);
        let next = match again {
            Some(again) => self.rotate(again),
            None => core.queue.pop(),
        };
        let next = next.or_else(|| self.pop_injector());
        core.pace.begin(!core.queue.is_young());
        next
    }

    /// What comes before all that this worker has of its own.
    #[cold]
    fn pop_before_all(&self, is_overdue: bool, again: Option<Runnable>) -> Option<Runnable> {
        self.put_back(again);
        let overdue = if is_overdue { self.pop_overdue() } else { None };
        overdue.or_else(|| self.pop_high())
    }

    /// Q4, P22: a task that those in this worker's own queue must not keep waiting.
    fn pop_overdue(&self) -> Option<Runnable> {
        let core = self.core();
        core.picks_left.set(INJECTOR_INTERVAL - 1);
        let is_lows_turn = !core.lows_turn.get();
        core.lows_turn.set(is_lows_turn);
        let low = if is_lows_turn { self.pop_lane(&self.shared().lanes.low) } else { None };
        low.or_else(|| Some(self.begin_old(self.shared().injector.take()?)))
    }

    /// P22: of high priority, unless it is the turn of the others.
    fn pop_high(&self) -> Option<Runnable> {
        let high = &self.shared().lanes.high;
        if high.waiting() == 0 {
            return None;
        }
        let streak = self.core().high_streak.get();
        if streak >= HIGH_STREAK_MAX {
            self.core().high_streak.set(0);
            return None;
        }
        self.core().high_streak.set(streak + 1);
        self.pop_lane(high)
    }

    #[cold]
    pub(super) fn pop_lane(&self, lane: &Lane) -> Option<Runnable> {
        lane.take().map(|runnable| self.begin_old(runnable))
    }

    /// This task is next, and comes from elsewhere.
    fn begin_old(&self, runnable: Runnable) -> Runnable {
        self.core().queue.begin_old();
        self.core().pace.begin(true);
        runnable
    }

    #[inline]
    fn pop_lifo(&self) -> Option<Runnable> {
        let runnable = self.slot().lifo_take()?;
        let streak = self.core().lifo_streak.get() + 1;
        if streak <= LIFO_STREAK_MAX {
            self.core().lifo_streak.set(streak);
            return Some(runnable);
        }
        // Two tasks that keep waking each other would keep all others waiting: to the back with this one.
        self.push(runnable);
        None
    }

    /// One task from the injector, and this worker's share of the others.
    pub(super) fn pop_injector(&self) -> Option<Runnable> {
        let (injector, workers) = (&self.shared().injector, self.shared().workers.max(1));
        loop {
            match injector.take_share(&self.core().queue, workers) {
                Steal::Success(runnable) => return Some(runnable),
                Steal::Empty => return None,
                // Q3.
                Steal::Retry => crate::loom::hint::spin_loop(),
            }
        }
    }

    /// A task from another worker. The evidence says that we are counted as searching.
    pub(super) fn steal(&self, _: &Searching) -> Option<Runnable> {
        let slots = &self.shared().slots;
        loop {
            let mut retry = false;
            let first = self.core().rng.below(slots.len());
            for index in (first..slots.len()).chain(0..first) {
                let victim = &slots[index];
                if index == self.slot().index || !victim.is_worth_robbing() {
                    continue;
                }
                match victim.stealer.steal_into(&self.core().queue) {
                    Steal::Success(runnable) => return Some(runnable),
                    Steal::Empty => {}
                    Steal::Retry => retry = true,
                }
            }
            if let Some(runnable) = self.pop_injector() {
                return Some(runnable);
            }
            if !retry {
                return None;
            }
            // Q3.
            crate::loom::hint::spin_loop();
        }
    }
}

impl Slot {
    /// Whether a thief gains by coming here (the prices are in `pace.rs`).
    pub(crate) fn is_worth_robbing(&self) -> bool {
        let backlog = self.stealer.len();
        if backlog == 0 {
            return false;
        }
        // A worker that is not awake has its tasks taken at any price. (One that is stuck, by whoever keeps watch.)
        !self.is_awake() || pace::is_worth_stealing(backlog, self.task_ns())
    }
}
