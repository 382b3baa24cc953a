//! Who serves the driver when its holder is stuck in a task.
//!
//! The holder of the turn leaves it when there is something to run, and comes back when it parks again, or takes a turn
//! now and then between polls. If a poll in between lasts, nobody hears of events and deadlines, although others may
//! sleep in their parkers. To wake one of them whenever the driver is left costs three microseconds each time, for nothing
//! as a rule. So one of them stands by with an alarm clock:
//!
//! - **P12** *Standing by.* Of those who park beside a driver that is taken, one is the *understudy*: it says so, fences,
//!   reads the deadlines, and sleeps until the first of them, plus [`GRACE`]. Awake without having been called, it takes
//!   the turn if that is free, or sets its alarm anew. Whoever leaves its bed with nobody waiting in the driver, and
//!   whoever files a nearer deadline then, fences, and calls the understudy if that would sleep for longer than
//!   [`GRACE`] past the first deadline. One who finds no understudy calls any sleeper. Who is called stays in bed, and
//!   takes the turn, which is free.
//!
//! So a deadline is met late by [`GRACE`] and a wake-up at most, as long as one worker sleeps, or gets on with its polls
//! (P7). A call costs a wake-up, but once an alarm is set, deadlines that move on with the time need none: a worker that
//! sleeps a millisecond again and again has its understudy wake up every four, and never calls it.
//!
//! Feared: the understudy sleeps without an alarm, because there was no deadline, and one is filed while nobody waits
//! in the driver. Both fence between what they write and what they read: if the filer's fence comes first, the
//! understudy sees the deadline; if the understudy's does, the filer sees for how long it sleeps, and calls it. Who leaves
//! the driver fences between saying so and reading the deadlines: either it sees the deadline, or its filer sees the
//! driver left.

use super::driver::first_deadline;
use super::interrupt::{NOBODY, UNDECIDED};
use super::shared::Shared;
use super::worker::Worker;
use crate::loom::left_out;
use crate::loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering::*, fence};
use std::time::{Duration, Instant};

/// How late a deadline may be met, apart from what it takes to wake up.
const GRACE: Duration = Duration::from_millis(4);

/// The one who sleeps with an alarm.
#[derive(Debug)]
pub(crate) struct Standby {
    /// Its slot plus one, or zero.
    understudy: AtomicUsize,
    /// Until when it sleeps, as [`Interrupt::until`](super::interrupt::Interrupt).
    until: AtomicU64,
}

impl Standby {
    pub(crate) fn new() -> Standby {
        Standby { understudy: AtomicUsize::new(0), until: AtomicU64::new(NOBODY) }
    }

    fn try_enter(&self, index: usize) -> bool {
        // Relaxed, the look: the exchange decides. AcqRel: from one understudy to the next.
        self.understudy.load(Relaxed) == 0
            && self.understudy.compare_exchange(0, index + 1, AcqRel, Relaxed).is_ok()
    }

    fn leave(&self) {
        self.until.store(NOBODY, Relaxed);
        // Release: pairs with `try_enter`.
        self.understudy.store(0, Release);
    }
}

impl Worker<'_> {
    /// Sleeps beside the driver, until unparked or until `limit`. Says whether it was unparked.
    pub(super) fn park_beside_driver(&self, limit: Option<Instant>) -> bool {
        let standby = &self.shared().standby;
        self.shared().may_be_quiet();
        if !standby.try_enter(self.slot().index) {
            return self.slot().parker.park(limit);
        }
        standby.until.store(UNDECIDED, Relaxed);
        // P12: pairs with the fences in `Earlier::wake_by_ref` and `leave_driver`.
        fence(SeqCst);
        let alarm = self.shared().alarm();
        if let Some((until, _)) = alarm {
            standby.until.store(until, Relaxed);
        }
        let alarm = alarm.map(|(_, real)| real);
        let is_notified = self.slot().parker.park(alarm.into_iter().chain(limit).min());
        standby.leave();
        is_notified
    }
}

impl Shared {
    /// When an understudy has to get up: as a value of `until`, and on the scheduler's clock. `None` if there is no
    /// deadline, or time does not pass: then whoever moves it tells.
    fn alarm(&self) -> Option<(u64, Instant)> {
        let deadline = first_deadline(self.timers())?;
        if !self.time_is_running() {
            return None;
        }
        let late = deadline.checked_add(GRACE)?;
        let left = late.saturating_duration_since(self.time_now());
        // Not at once again and again, if somebody holds the turn and is about to expire what is due.
        let left = left.max(GRACE / 4);
        Some((self.driver.interrupt.nanos(late), self.clock.now().checked_add(left)?))
    }

    /// P8, P12: a deadline was filed, and a fence passed.
    pub(super) fn driver_must_see(&self, deadline: Instant) {
        let interrupt = &self.driver.interrupt;
        let until = interrupt.until();
        if until == NOBODY {
            if self.time_is_running() {
                self.call_understudy(deadline);
            }
        } else if interrupt.nanos(deadline) < until {
            // In doubt, too: a value just below the deadline the holder waits for, or none.
            interrupt.ring();
        }
    }

    /// P12: who leaves its bed to work leaves the driver to others, or to nobody.
    pub(super) fn leave_driver(&self) {
        if !self.time_is_running() {
            return;
        }
        // P12: pairs with the fences in `Earlier::wake_by_ref` and `park_beside_driver`.
        fence(SeqCst);
        if self.driver.interrupt.until() == NOBODY
            && let Some(deadline) = first_deadline(self.timers())
        {
            self.call_understudy(deadline);
        }
    }

    /// P12: nobody waits in the driver. After a fence.
    fn call_understudy(&self, deadline: Instant) {
        if left_out("P12") {
            return;
        }
        let index = self.standby.understudy.load(Relaxed);
        let until = self.standby.until.load(Relaxed);
        if index == 0 {
            // Some sleeper, who finds the turn free; if there is none, whoever goes to bed next will look.
            if let Some(index) = self.idle.any_sleeper() {
                self.slots[index].parker.call();
            }
        } else if self.driver.interrupt.nanos(deadline + GRACE) < until {
            self.slots[index - 1].parker.call();
        }
    }

    /// Tells whoever serves the driver that time has been moved, stopped or let go.
    pub(super) fn time_jumped(&self) {
        // P8, P12: as in `Earlier::wake_by_ref`; what is read by them is the time.
        fence(SeqCst);
        let understudy = self.standby.understudy.load(Relaxed);
        if self.driver.interrupt.until() == NOBODY && understudy > 0 {
            self.slots[understudy - 1].parker.call();
        }
        // Counts for the next wait, if nobody is in one.
        self.driver.interrupt();
    }
}
