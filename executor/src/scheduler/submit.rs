//! The door in: every task that wants to be polled comes through here, whoever spawned or woke it.
//!
//! # Safety
//! `Schedule::schedule` follows a task's owner pointer; T12 says why it may.

#![allow(unsafe_code)]

use super::context;
use super::shared::Shared;
use super::slot::Slot;
use super::worker::Worker;
use crate::loom::sync::atomic::{Ordering::*, fence};
use crate::queue::Push;
use crate::task::runnable::Runnable;
use crate::task::{Priority, Schedule, current};
use std::sync::Arc;

/// Pushes within one poll between looks at the backlog.
const PUSHES_PER_LOOK: u32 = 16;

impl Schedule for Slot {
    #[inline]
    unsafe fn schedule(this: *const Slot, runnable: Runnable) {
        // SAFETY: T12: we hold the `Runnable`, so the runtime is alive.
        let shared = unsafe { (*this).shared };
        context::with_worker_of(shared, |worker| match worker {
            Some(worker) => worker.submit_woken(runnable),
            None => {
                // SAFETY: as above, and `shared` is the pointer of the `Arc` it was made in. From the push on, T12
                // no longer holds for us; the reference taken here does.
                let shared = unsafe {
                    Arc::increment_strong_count(shared);
                    Arc::from_raw(shared)
                };
                shared.submit_remote(runnable);
            }
        });
    }
}

impl Shared {
    /// A task from outside the workers: publish, then see whether somebody should wake (P2).
    pub(crate) fn submit_remote(&self, runnable: Runnable) {
        match self.lanes.of(runnable.priority()) {
            None => self.injector.push(runnable),
            Some(lane) => lane.push(runnable),
        }
        self.wake_one();
        // After the fence in `wake_one` (S5).
        if self.shutdown.is_closed() {
            self.submitted_while_closed();
        }
    }
}

impl Worker<'_> {
    /// A task spawned by another may be next (Q12); one spawned by a root future goes to the back of the queue.
    #[inline]
    pub(crate) fn submit_spawned(&self, runnable: Runnable) {
        if runnable.has_lane() {
            return self.submit_to_lane(runnable);
        }
        if self.core().to_the_back.get() {
            return self.push_back(runnable);
        }
        self.pushed(self.core().queue.push_child(runnable));
        self.count_push();
    }

    /// A task woken by this worker. One woken by a message is likely to find its data in this core's cache, and runs
    /// next; the joiner of a finished child waits behind the other children, or it would be polled once for each.
    #[inline]
    fn submit_woken(&self, runnable: Runnable) {
        if runnable.has_lane() {
            self.submit_to_lane(runnable);
        } else if self.core().to_the_back.get() {
            self.push_back(runnable);
        } else if current::is_completing() {
            let queue = &self.core().queue;
            self.pushed(match queue.is_young() {
                true => queue.push_joiner(runnable),
                false => queue.push(runnable),
            });
            self.count_push();
        } else {
            if let Some(displaced) = self.slot().lifo_put(runnable) {
                self.push_back(displaced);
            }
            if self.core().queue.wants_to_know() {
                self.ask_for_a_watch();
            }
        }
    }

    /// To the back of the local queue; now and then looks whether the backlog is worth a wake.
    #[inline]
    pub(crate) fn push_back(&self, runnable: Runnable) {
        self.push(runnable);
        self.count_push();
    }

    /// P23. (Inside the deque, the thread may be one that keeps watch, and goes on to sleep: Q11.)
    #[cold]
    fn submit_to_lane(&self, runnable: Runnable) {
        let goes_on = !self.slot().is_rooting() && !self.core().queue.is_inside();
        match runnable.priority() {
            Priority::Low if goes_on => self.push_to_lane(runnable),
            _ => self.shared().submit_remote(runnable),
        }
    }

    /// P23: this worker goes on, and looks there before it sleeps.
    #[cold]
    pub(super) fn push_to_lane(&self, runnable: Runnable) {
        let Some(lane) = self.shared().lanes.of(runnable.priority()) else {
            return self.push_back(runnable);
        };
        lane.push(runnable);
        if self.core().pace.is_worth_a_wake(lane.waiting()) && self.shared().idle.could_help() {
            self.shared().wake_one();
        }
        if self.core().queue.wants_to_know() {
            self.ask_for_a_watch();
        }
    }

    #[inline]
    fn count_push(&self) {
        let pushes = self.core().pushes.get().wrapping_add(1);
        self.core().pushes.set(pushes);
        if pushes.is_multiple_of(PUSHES_PER_LOOK) {
            self.share_backlog();
        }
    }

    /// To the back of the local queue.
    #[inline]
    pub(super) fn push(&self, runnable: Runnable) {
        self.pushed(self.core().queue.push(runnable));
    }

    /// A task that has had its turn, and wants another: to the back.
    #[inline]
    pub(super) fn put_back(&self, again: Option<Runnable>) {
        if let Some(again) = again {
            self.push(again);
        }
    }

    /// The same, and what is next.
    #[inline(always)]
    pub(super) fn rotate(&self, runnable: Runnable) -> Option<Runnable> {
        match self.core().queue.rotate(runnable) {
            Ok((next, is_called)) => {
                if is_called {
                    self.ask_for_a_watch();
                }
                Some(next)
            }
            Err(runnable) => {
                self.push(runnable);
                self.core().queue.pop()
            }
        }
    }

    #[inline]
    fn pushed(&self, push: Push<Runnable>) {
        match push {
            Push::Done => {}
            push => self.pushed_with_consequences(push),
        }
    }

    #[cold]
    fn pushed_with_consequences(&self, push: Push<Runnable>) {
        match push {
            Push::Done => {}
            Push::Called => self.ask_for_a_watch(),
            // Q11: this is a destructor inside the queue.
            Push::Refused(runnable) => self.shared().submit_remote(runnable),
        }
    }

    /// Gives what is queued here to whoever gets to it first.
    pub(super) fn hand_over(&self) {
        let queued = || self.slot().lifo_take().or_else(|| self.core().queue.pop());
        let mut is_any = false;
        while let Some(runnable) = queued() {
            self.shared().injector.push(runnable);
            is_any = true;
        }
        if is_any {
            self.shared().wake_one();
        }
    }

    /// Shares what is queued here with the others, if there is enough of it to be worth the trouble: makes it reachable
    /// if somebody is awake, and wakes a sibling if nobody looks for work.
    #[inline]
    pub(crate) fn share_backlog(&self) {
        self.share_all_but(0);
    }

    /// As [`share_backlog`](Worker::share_backlog), between polls, where the `next` of those that are queued are no backlog:
    /// this worker is about to run them. To wake another for the only task there is costs more than running it, and the
    /// other comes too late; unless it is long enough that the other had better look after the driver.
    #[inline]
    pub(crate) fn share_all_but(&self, next: usize) {
        if self.core().pace.is_worth_sharing() && self.shared().idle.is_company_possible() {
            self.price_backlog(next);
        }
    }

    fn price_backlog(&self, next: usize) {
        let (pace, queue) = (&self.core().pace, &self.core().queue);
        if self.shared().idle.could_help() {
            // What is in the LIFO slot comes before all that is queued.
            let next = if self.slot().lifo_is_empty() { next } else { 0 };
            if pace.is_worth_a_wake(pace.waiting(queue.len(), next)) {
                self.share(pace.task_ns());
            }
        } else if !queue.is_open() && self.has_company() {
            queue.expose();
        }
    }

    /// Whether another worker is awake, running or searching, and might come to steal.
    fn has_company(&self) -> bool {
        let this_one = usize::from(!self.slot().is_rooting());
        self.shared().idle.active() > this_one
    }

    /// After a poll that was long, however short polls are said to be: nothing shall wait behind a second one.
    #[cold]
    pub(super) fn share_at_any_price(&self) {
        if self.core().queue.len() > 0 {
            self.share(self.core().pace.last_sample_ns());
        } else if !self.shared().lanes.is_empty() {
            self.shared().wake_one();
        }
    }

    /// Makes the queue reachable and wakes somebody, if anybody may be woken.
    fn share(&self, task_ns: u32) {
        self.core().queue.expose();
        // The estimate that thieves go by must be the one that called them.
        self.slot().publish_task_ns(task_ns);
        self.shared().wake_one();
    }

    /// P9: something was pushed that nobody may come for, if this thread stays where it is.
    #[cold]
    fn ask_for_a_watch(&self) {
        self.core().queue.take_call();
        self.shared().idle.want_watch();
        // P9: pairs with the fence in `Worker::end_watch`: either the watch goes on, or we see that it is over.
        fence(SeqCst);
        self.shared().wake_watcher();
    }

    /// P9: this guest is about to poll its root future, which may block, and is not active any more. What it would have
    /// done next must be done by somebody: what is queued here, what others published while as many were active as may
    /// be (in the injector), and the driver, if somebody went to sleep
    /// counting on this thread to hold it.
    pub(super) fn expect_absence(&self) {
        if self.shared().workers == 0 {
            return;
        }
        let is_called = self.core().queue.call();
        // P2: pairs with the fence of a submitter that saw us active, and no room for another.
        fence(SeqCst);
        if self.shared().has_work() {
            self.shared().wake_one();
        }
        // P9: not called, if a rescuer is here just now; and another root future may have counted on us to park.
        if !is_called || self.core().queue.len() > 0 || self.shared().is_a_root_unwatched() {
            self.ask_for_a_watch();
        }
        if self.core().took_a_turn.replace(false) {
            self.shared().wake_one();
        }
    }
}
