//! The door out: where a worker looks for its next task, and in what order.

use super::idle::Searching;
use super::worker::Worker;
use crate::queue::Steal;
use crate::task::runnable::Runnable;

/// Polls between looks at the injector of a worker whose own queue never runs dry (Q4). A prime, so that it does not
/// beat with the period of a workload.
const INJECTOR_INTERVAL: u32 = 61;
/// Tasks out of the LIFO slot in a row (Q5).
const LIFO_STREAK_MAX: u32 = 3;

impl Worker<'_> {
    /// The next task that is this worker's own, or nobody's.
    #[inline(always)]
    pub(super) fn next_own(&self) -> Option<Runnable> {
        let beat = self.slot().next_beat();
        if beat.is_multiple_of(INJECTOR_INTERVAL)
            && let Some(runnable) = self.pop_injector(false)
        {
            self.core().queue.begin_old();
            self.core().pace.begin(true);
            return Some(runnable);
        }
        let pace = &self.core().pace;
        if let Some(runnable) = self.pop_lifo() {
            pace.begin(false);
            return Some(runnable);
        }
        self.core().lifo_streak.set(0);
        let next = self.core().queue.pop().or_else(|| self.pop_injector(true));
        pace.begin(!self.core().queue.is_young());
        next
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

    /// One task from the injector, and with `share` this worker's share of the others.
    pub(super) fn pop_injector(&self, share: bool) -> Option<Runnable> {
        let injector = &self.shared().injector;
        loop {
            let taken = match share {
                true => injector.take_share(&self.core().queue, self.shared().workers.max(1)),
                false => injector.take_one(),
            };
            match taken {
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
            if let Some(runnable) = self.pop_injector(true) {
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
