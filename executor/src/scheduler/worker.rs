//! A worker: one step at a time, so that a thread can run it in a loop and a simulator can choose who steps next.

use super::context;
use super::hooks::call;
use super::idle::{Searching, Unparked};
pub(crate) use super::slot::Worker;
use super::slot::{ASKED, CLOSED, Mode, PINNED, RECALLED, Slot};
use super::watch::Look;
use crate::contain::contain;
use crate::loom::sync::atomic::{Ordering::*, fence};
use crate::loom::thread;
use crate::task::list::WokenBy;
use crate::task::observer::Observer;
use crate::task::raw::TaskRef;
use crate::task::runnable::{Ran, Runnable};
use crate::task::waker::prefetch;
use crate::task::{Host, alloc, current};
use crossbeam_utils::CachePadded;
use raddle_sync::budget;
use std::task::Waker;

/// What one step did.
#[must_use]
#[derive(Debug)]
pub(crate) enum Step {
    /// Polled a task.
    Ran,
    /// Polled a task that wants another turn, after the others: for the next step, or, if something else comes first, for
    /// [`Worker::push`]. Nothing is queued behind it before that.
    Again(Runnable),
    /// Found nothing to do: park.
    Idle,
    /// Lost the slot in the middle of a poll (P15): the core is not to be touched any more.
    Away,
}

/// Whose the slot is in which a thread works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tenure {
    /// Its own.
    Home,
    /// Another thread's, which may want it back (P16).
    Spare,
}

/// Why the loop of a worker thread has ended.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The runtime is closed: the slot is to be left.
    Closed,
    /// The slot is lost (P15).
    Away,
    /// The slot's home wants it back (P16).
    Recalled,
}

impl Host for Worker<'_> {
    const IS_PREPARED: bool = true;

    #[inline]
    fn has_lost_slot(&self) -> bool {
        context::has_no_slot()
    }

    #[inline]
    fn owner(&self) -> *const () {
        std::ptr::from_ref(self.slot()).cast()
    }

    #[inline]
    fn link(&self, task: TaskRef) {
        self.core().owned.link(task, &self.slot().places);
    }

    #[inline]
    fn unlink(&self, task: TaskRef) {
        self.core().owned.unlink(task, &self.slot().places);
    }

    #[inline]
    fn observer(&self) -> Option<&Observer> {
        self.shared().observer.as_deref()
    }

    fn unlink_from(&self, home: *const (), task: TaskRef) {
        let first = self.shared().slots.as_ptr().addr();
        let home = &self.shared().slots[(home.addr() - first) / size_of::<CachePadded<Slot>>()];
        home.places.vacate(task);
        // S4: a closing worker waits until its list is empty.
        fence(SeqCst);
        if self.shared().shutdown.is_closed() {
            self.shared().unpark(home.index);
        }
    }
}

impl Worker<'_> {
    /// The loop of a worker thread. The slot is counted as active.
    pub(crate) fn run(&self, tenure: Tenure) -> End {
        self.slot().set_mode(Mode::Working);
        self.shared().wait_for_a_jump();
        self.core().pace.interrupted(self.shared().clock.now(), false);
        let reasons = match tenure {
            Tenure::Home => CLOSED | ASKED | PINNED,
            Tenure::Spare => CLOSED | ASKED | RECALLED,
        };
        let mut searching = None;
        let mut again = None;
        loop {
            if self.slot().wants(reasons) {
                self.put_back(again.take());
                // P2, P4: before, or others would rely on us to look for work, and if the slot is lost, for ever.
                if let Some(searching) = searching.take() {
                    self.stop_searching(searching);
                }
                if let Some(end) = self.attend(tenure) {
                    return end;
                }
            }
            match self.step(&mut searching, again.take()) {
                Step::Ran => {}
                Step::Again(runnable) => again = Some(runnable),
                Step::Away => return End::Away,
                // A pinned task wants another turn: nobody goes to sleep, and no hook is to hear of it.
                Step::Idle if self.slot().wants(reasons) => {}
                Step::Idle => {
                    self.announce_park();
                    // Who asks on this very thread, as a turn of pinned tasks does, leaves no notification.
                    if !self.has_own_work() && !self.slot().wants(reasons) {
                        searching = self.park(searching.take());
                    }
                    self.announce_unpark();
                }
            }
        }
    }

    /// Sees to what the slot is asked for. `None` to go on.
    #[cold]
    fn attend(&self, tenure: Tenure) -> Option<End> {
        if self.slot().wants(CLOSED) {
            return Some(End::Closed);
        }
        if self.slot().wants(ASKED) {
            self.ask_tasks();
            if tenure == Tenure::Home {
                self.ask_pinned();
            }
        }
        match tenure {
            Tenure::Home => self.run_pinned(),
            Tenure::Spare => {
                // First: a wish that comes after the look stands.
                self.slot().attend_to(RECALLED);
                self.shared().exchange.is_recalled(self.slot().index).then_some(End::Recalled)
            }
        }
    }

    /// Runs one task, if there is one to be found, and puts the last one back into the queue, if that wants another turn.
    /// Twenty instructions of a call are saved to each of the two loops.
    #[inline(always)]
    pub(crate) fn step(&self, searching: &mut Option<Searching>, again: Option<Runnable>) -> Step {
        let runnable = match self.next_own(again) {
            Some(runnable) => runnable,
            None => match self.search(searching) {
                Some(runnable) => runnable,
                None => return Step::Idle,
            },
        };
        if let Some(searching) = searching.take() {
            self.stop_searching(searching);
        }
        self.run_one(runnable)
    }

    #[cold]
    fn search(&self, searching: &mut Option<Searching>) -> Option<Runnable> {
        self.core().owned.tidy(&self.slot().places);
        // P22: high tasks were asked for before, unless it is the turn of the others.
        let lanes = &self.shared().lanes;
        self.search_others(searching)
            .or_else(|| self.pop_lane(&lanes.high))
            .or_else(|| self.pop_lane(&lanes.low))
    }

    fn search_others(&self, searching: &mut Option<Searching>) -> Option<Runnable> {
        if self.shared().slots.len() == 1 {
            return None;
        }
        if searching.is_none() {
            *searching = self.shared().idle.start_searching();
        }
        self.steal(searching.as_ref()?)
    }

    /// Ends a search, and passes it on if there may be more to find (P4).
    pub(super) fn stop_searching(&self, searching: Searching) {
        let was_last = self.shared().idle.found_work(searching);
        // P4: pairs with the fences in `Idle::wake_one` and `ask_for_a_watch`: who saw us searching, and left it to us, has
        // published before.
        fence(SeqCst);
        if was_last && self.shared().has_work() {
            self.shared().wake_one();
        }
        if self.shared().is_a_root_unwatched() {
            self.shared().wake_watcher();
        }
    }

    #[inline(always)]
    fn run_one(&self, runnable: Runnable) -> Step {
        self.core().pushes.set(0);
        self.core().queue.begin_family();
        match runnable.run(self) {
            Ran::Done => {
                self.core().pace.end();
                self.after_poll(1);
                Step::Ran
            }
            Ran::Again(runnable) => {
                // Behind what the driver brings, if it has its turn now: beside a task that computes for a millisecond
                // between yields, an event would wait for another millisecond.
                self.after_poll(0);
                if runnable.has_lane() {
                    self.push_to_lane(runnable);
                    return Step::Ran;
                }
                Step::Again(runnable)
            }
            Ran::Away => Step::Away,
        }
    }

    /// After a poll of a task or of a root future: is the backlog worth sharing, and has a window ended? The `next` of those
    /// that are queued are none: one, unless another is about to be queued as well.
    #[inline]
    pub(crate) fn after_poll(&self, next: usize) {
        let pace = &self.core().pace;
        if pace.count_poll() {
            self.window_ended(next);
        } else if pace.is_on_probation() {
            self.glance(next);
        }
    }

    /// Within a window, on probation.
    fn glance(&self, next: usize) {
        let is_waited_for = self.shared().idle.could_help() && self.core().queue.len() > 0;
        if is_waited_for && self.core().pace.was_long(self.shared().clock.now()) {
            self.share_at_any_price();
        } else {
            self.share_all_but(next);
        }
    }

    /// Once per window of polls: publish the pace, take home what has come, serve the driver.
    fn window_ended(&self, next: usize) {
        let now = self.shared().clock.now();
        let window = self.core().pace.end_window(now);
        if window.was_long {
            if next == 0 {
                // A task that has computed for long, and yields: other threads may want their turn as well. Before the driver is
                // asked, since the one that waits may be who sends to us (docs/decisions/0006).
                thread::yield_now();
            }
            self.share_at_any_price();
        } else {
            self.slot().publish_task_ns(self.core().pace.task_ns());
            self.share_all_but(next);
            let queue = &self.core().queue;
            if queue.is_open() {
                if self.core().pace.has_been_dull() {
                    queue.close();
                } else if self.core().pace.is_worth_sharing() {
                    // Thieves may have taken all there was.
                    queue.expose();
                }
            }
            let idle = &self.shared().idle;
            if window.wants_a_watch && !idle.is_watched() && self.core().queue.len() > 0 {
                // P11. If nobody sleeps now, then the next who does keeps the watch.
                if idle.could_help() {
                    self.shared().wake_watcher();
                } else if !idle.is_watch_wanted() {
                    idle.want_watch();
                }
            }
        }
        if window.is_turn_due {
            self.look_at_roots(now);
            alloc::give_back(now);
            self.turn_now();
        }
    }

    /// A turn of the driver without waiting (P7).
    fn turn_now(&self) {
        let mut woken = self.core().woken.take();
        if let Some(mut turn) = self.shared().driver.try_turn() {
            self.core().took_a_turn.set(true);
            self.shared().driver.turn_now(&mut turn, self.shared().timers(), &mut woken);
        }
        self.wake_batch(woken);
    }

    /// Whether the hook that announces a park has given this worker something to do.
    pub(crate) fn has_own_work(&self) -> bool {
        !self.slot().lifo_is_empty() || self.core().queue.len() > 0
    }

    pub(crate) fn announce_park(&self) {
        call(&self.shared().hooks.on_thread_park);
    }

    pub(crate) fn announce_unpark(&self) {
        call(&self.shared().hooks.on_thread_unpark);
    }

    /// Sleeps until there may be something to do. On return the worker is active; if it was woken to search, with the
    /// evidence.
    pub(crate) fn park(&self, searching: Option<Searching>) -> Option<Searching> {
        self.slot().set_mode(Mode::Parked);
        let nobody_searches = self.shared().idle.park(self.slot().index, searching);
        self.sleep(nobody_searches)
    }

    /// As [`park`](Worker::park), for a guest that is not active.
    pub(crate) fn park_guest(&self) -> Option<Searching> {
        self.slot().set_mode(Mode::Parked);
        let nobody_searches = self.shared().idle.park_guest(self.slot().index);
        self.sleep(nobody_searches)
    }

    fn sleep(&self, nobody_searches: bool) -> Option<Searching> {
        // P3: act as a submitter; if it is us who should wake, our notification is waiting when we get there.
        if nobody_searches && self.shared().has_work() {
            self.shared().wake_one();
        }
        let mut woken = self.core().woken.take();
        let parker = &self.slot().parker;
        self.slot().count_linked(&self.core().owned);
        self.start_watch();
        let is_guest = self.slot().index >= self.shared().workers;
        if is_guest && self.shared().is_a_root_unwatched() {
            // P9: somebody found us awake, and left it to us.
            self.shared().wake_watcher();
        }
        let (has_rescued, had_turn) = loop {
            let limit = self.next_alarm();
            let mut had_turn = false;
            let is_notified = match self.shared().driver.try_turn() {
                Some(mut turn) => {
                    self.core().took_a_turn.set(true);
                    match parker.enter_driver() {
                        Some(asleep) => {
                            let shared = self.shared();
                            let is_quiet = || shared.is_quiet();
                            shared.driver.wait(
                                &mut turn,
                                shared.timers(),
                                limit,
                                is_quiet,
                                &mut woken,
                            );
                            if !woken.is_empty() {
                                // Z1: said before another has the turn, and asks whether all is quiet.
                                self.slot().set_mode(Mode::Working);
                            }
                            had_turn = true;
                            parker.left_driver(asleep)
                        }
                        None => true,
                    }
                }
                None => {
                    // P18: who had the turn has left it to somebody who is about to go on with polls.
                    self.shared().tell_guard();
                    self.park_beside_driver(limit)
                }
            };
            // Neither: a deadline was set that is nearer, or it is time for a look.
            let has_rescued = self.look() == Look::Rescued;
            self.give_back_memory();
            if is_notified || !woken.is_empty() || has_rescued {
                break (has_rescued, had_turn);
            }
        };
        self.leave_watch();
        let unparked = self.shared().idle.unpark(self.slot().index);
        self.shared().leave_driver();
        self.slot().slept();
        self.slot().set_mode(Mode::Working);
        self.shared().wait_for_a_jump();
        self.shared().tell_guard();
        self.wake_batch(woken);
        // After it, or the first task would pay for all the waking.
        self.core().pace.interrupted(self.shared().clock.now(), had_turn);
        let searching = match unparked {
            Unparked::Alone => None,
            Unparked::ToSearch(searching) => Some(searching),
        };
        // P9, P11: who has got somebody's tasks may get stuck in them as well. (Who searches looks at the roots when it has
        // found something.)
        if has_rescued || (searching.is_none() && self.shared().is_a_root_unwatched()) {
            self.shared().wake_watcher();
        }
        searching
    }

    /// Wakes what the driver collected, with no lock held: in order, behind one another.
    pub(super) fn wake_batch(&self, mut woken: Vec<Waker>) {
        if !woken.is_empty() {
            self.core().pushes.set(0);
            // Who has waited for long is in no cache by now; and each wake would wait for its own task only.
            woken.iter().for_each(prefetch);
            self.wake_all(&mut woken);
        }
        *self.core().woken.borrow_mut() = woken;
    }

    pub(super) fn wake_all(&self, woken: &mut Vec<Waker>) {
        let before = self.core().to_the_back.replace(true);
        // P15: we go on in this slot.
        current::prepared(false, || {
            current::waking_as(WokenBy::Driver, || {
                // Between polls, one may block for a moment.
                budget::suspend(|| {
                    for waker in woken.drain(..) {
                        // A waker of another executor may panic; the rest of the batch must not be lost with it.
                        contain(|| waker.wake());
                    }
                });
            });
        });
        self.core().to_the_back.set(before);
        self.share_all_but(1);
    }
}
