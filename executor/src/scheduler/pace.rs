//! What a backlog is worth: a running estimate of how long a worker takes to get rid of a queued task, from a clock
//! read once per several polls, and the prices it is compared with.
//!
//! Not the time per poll counts, but the time per task *by which the queue gets shorter*: a task that spawns, wakes
//! another or yields takes more of a worker's time than its poll, and who steals it takes all of that. A thousand tasks
//! that compute for 100 ns are gone after as many polls; two hundred that yield never are, and two workers get through
//! them twice as fast, however short the polls.
//!
//! The mean lies: the one long poll that spawns a thousand tasks doubles it. So a sample is taken over a window, and the
//! estimate follows the smaller of the last two samples: one odd window moves nothing, two in a row do. Windows are at
//! most [`WINDOW_MAX`] polls and, once polls take microseconds, one poll long; so a task costs at most sixteen polls, and
//! a queue of one or two that never ends is not worth a wake.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Polls per clock read at most: 28 ns of clock cost 2 ns per poll.
const WINDOW_MAX: u32 = 16;
/// Aim of a window's length.
const WINDOW_NS: u32 = 4_000;
/// What a worker without history assumes: long enough for the first backlog to be shared.
const UNKNOWN_NS: u32 = 2_000;
/// A stolen task costs two line transfers and a visit to the victim's queue before it does anything; below this time
/// per task, two workers are slower than one (docs/decisions/0003).
const STEAL_MIN_NS: u32 = 150;
/// A wake costs the waker three microseconds, and the woken another two before it runs.
const WAKE_WORTH_NS: u64 = 8_000;
/// A visit to a victim's queue.
const STEAL_WORTH_NS: u64 = 1_000;

/// Five hundred polls.
const DULL_WINDOWS: u32 = 32;
/// A window that took this long held a poll that nothing should have waited behind, whatever the estimate says.
const LONG_NS: u32 = 100_000;

/// How long after a break a worker reads the clock after every poll that something has waited for: who has just been
/// woken knows nothing of what it is about to run.
const PROBATION: Duration = Duration::from_millis(1);

/// A window that has ended.
#[derive(Debug)]
pub(crate) struct Window {
    /// When.
    pub(crate) ended: Instant,
    /// Whether some poll in it was long enough to share the backlog at any price.
    pub(crate) was_long: bool,
}

/// One worker's estimate. Owner only.
#[derive(Debug)]
pub(crate) struct Pace {
    window: Cell<u32>,
    left: Cell<u32>,
    window_began: Cell<Instant>,
    /// The queue's length when the window began.
    backlog: Cell<usize>,
    last_sample_ns: Cell<u32>,
    task_ns: Cell<u32>,
    /// When the worker came back from its last break, and whether that was less than [`PROBATION`] ago.
    since: Cell<Instant>,
    on_probation: Cell<bool>,
    /// Windows in a row whose tasks were too small to share.
    dull_windows: Cell<u32>,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Pace {
        Pace {
            window: Cell::new(1),
            left: Cell::new(1),
            window_began: Cell::new(now),
            backlog: Cell::new(0),
            last_sample_ns: Cell::new(UNKNOWN_NS),
            task_ns: Cell::new(UNKNOWN_NS),
            since: Cell::new(now),
            on_probation: Cell::new(true),
            dull_windows: Cell::new(0),
        }
    }

    /// The worker was away: what passed was no poll. Windows start short again, so that a change of load across the
    /// break is noticed after a poll or two.
    pub(crate) fn interrupted(&self, now: Instant) {
        self.window_began.set(now);
        self.since.set(now);
        self.on_probation.set(true);
        self.window.set(1);
        self.left.set(1);
    }

    /// Counts a poll. At the end of a window, says what it looked like. On probation, a poll is a window of its own if
    /// `is_waited_for` says that something has waited for its end.
    #[inline]
    pub(crate) fn after_poll(
        &self,
        now: impl FnOnce() -> Instant,
        backlog: impl FnOnce() -> usize,
        is_waited_for: impl FnOnce() -> bool,
    ) -> Option<Window> {
        let left = self.left.get() - 1;
        self.left.set(left);
        if left > 0 && !(self.on_probation.get() && is_waited_for()) {
            return None;
        }
        Some(self.end_window(now(), backlog()))
    }

    fn end_window(&self, now: Instant, backlog: usize) -> Window {
        let elapsed = now.saturating_duration_since(self.window_began.replace(now)).as_nanos();
        let elapsed = u32::try_from(elapsed).unwrap_or(u32::MAX);
        let was_long = elapsed >= LONG_NS;
        let polls = self.window.get() - self.left.get();
        // Never more than one task a poll: what was stolen meanwhile is not our work.
        let gone = self.backlog.replace(backlog).saturating_sub(backlog).clamp(1, polls as usize);
        let sample = elapsed / gone as u32;
        let sample = sample.min(self.last_sample_ns.replace(sample));
        let estimate = self.task_ns.get();
        // Up by doubling, down by halving: a change of load is followed within a few windows.
        self.task_ns.set(sample.clamp(estimate / 2, estimate.saturating_mul(2)).max(1));
        self.dull_windows.set(if self.is_worth_sharing() {
            0
        } else {
            self.dull_windows.get().saturating_add(1)
        });
        if self.on_probation.get() && now.saturating_duration_since(self.since.get()) >= PROBATION {
            self.on_probation.set(false);
        }
        let aim = (WINDOW_NS / (elapsed / polls).max(1)).clamp(1, WINDOW_MAX);
        self.window.set(aim.min(2 * self.window.get()));
        self.left.set(self.window.get());
        Window { ended: now, was_long }
    }

    /// The estimate.
    pub(crate) fn task_ns(&self) -> u32 {
        self.task_ns.get()
    }

    /// The sample of the last window, which the estimate may not believe yet.
    pub(crate) fn last_sample_ns(&self) -> u32 {
        self.last_sample_ns.get()
    }

    /// Whether tasks of this size are worth moving to another core at all.
    #[inline]
    pub(crate) fn is_worth_sharing(&self) -> bool {
        self.task_ns.get() >= STEAL_MIN_NS
    }

    /// Whether tasks have been too small to share for so long that a queue kept open for thieves may be closed, which
    /// costs a read-modify-write per task in it.
    pub(crate) fn has_been_dull(&self) -> bool {
        self.dull_windows.get() >= DULL_WINDOWS
    }

    /// Whether `backlog` tasks of this worker are worth waking another for.
    pub(crate) fn is_worth_a_wake(&self, backlog: usize) -> bool {
        self.is_worth_sharing() && backlog as u64 * u64::from(self.task_ns.get()) >= WAKE_WORTH_NS
    }
}

/// Whether a thief gains by taking half of `backlog` tasks from a worker that is getting to them itself.
pub(crate) fn is_worth_stealing(backlog: usize, task_ns: u32) -> bool {
    task_ns >= STEAL_MIN_NS && backlog as u64 * u64::from(task_ns) >= STEAL_WORTH_NS
}

/// How long a worker without a break goes without a turn of the driver (P7).
pub(crate) const TURN_INTERVAL: Duration = Duration::from_micros(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pace: &Pace, now: &mut Instant, polls: u32, each: Duration) {
        // A queue that gets shorter by one with each poll.
        let mut left = polls as usize;
        for _ in 0..polls {
            *now += each;
            pace.after_poll(|| *now, || left, || false);
            left = left.saturating_sub(1);
        }
    }

    #[test]
    fn one_long_poll_among_short_ones_moves_nothing() {
        let mut now = Instant::now();
        let pace = Pace::new(now);
        run(&pace, &mut now, 1_000, Duration::from_nanos(80));
        assert_eq!(pace.task_ns(), 80);
        run(&pace, &mut now, 1, Duration::from_millis(1));
        run(&pace, &mut now, 100, Duration::from_nanos(80));
        assert_eq!(pace.task_ns(), 80);
        assert!(!pace.is_worth_a_wake(1_000_000));
    }

    #[test]
    fn a_long_poll_is_reported_at_the_end_of_its_window_and_the_next_at_its_own() {
        let mut now = Instant::now();
        let pace = Pace::new(now);
        run(&pace, &mut now, 1_000, Duration::from_nanos(80));
        let mut is_reported = || {
            now += Duration::from_millis(1);
            pace.after_poll(|| now, || 0, || false).is_some_and(|window| window.was_long)
        };
        let first = (0..WINDOW_MAX).position(|_| is_reported());
        assert!(first.is_some());
        assert!(is_reported());
    }

    #[test]
    fn tasks_that_stay_are_worth_more_than_their_polls() {
        let mut now = Instant::now();
        let pace = Pace::new(now);
        for _ in 0..1_000 {
            now += Duration::from_nanos(30);
            pace.after_poll(|| now, || 200, || false);
        }
        assert!(pace.is_worth_a_wake(200), "{pace:?}");
        assert!(!pace.is_worth_a_wake(2), "{pace:?}");
    }

    #[test]
    fn a_long_poll_right_after_a_break_is_reported_at_its_end() {
        let mut now = Instant::now();
        let pace = Pace::new(now);
        run(&pace, &mut now, 1_000, Duration::from_nanos(80));
        pace.interrupted(now);
        now += Duration::from_millis(1);
        assert!(pace.after_poll(|| now, || 0, || false).is_some_and(|window| window.was_long));
    }

    #[test]
    fn a_long_poll_soon_after_a_break_is_reported_if_something_waits_for_its_end() {
        let mut now = Instant::now();
        let pace = Pace::new(now);
        run(&pace, &mut now, 100_000, Duration::from_nanos(80));
        pace.interrupted(now);
        run(&pace, &mut now, 20, Duration::from_nanos(80));
        now += Duration::from_millis(1);
        assert!(pace.after_poll(|| now, || 0, || true).is_some_and(|window| window.was_long));
    }

    #[test]
    fn a_change_of_load_is_followed_soon() {
        let mut now = Instant::now();
        let pace = Pace::new(now);
        run(&pace, &mut now, 1_000, Duration::from_nanos(80));
        run(&pace, &mut now, 3 * WINDOW_MAX, Duration::from_micros(50));
        assert!(pace.is_worth_a_wake(50), "{pace:?}");
        run(&pace, &mut now, 20, Duration::from_micros(50));
        assert!(pace.is_worth_a_wake(1), "{pace:?}");
    }

    #[test]
    fn time_away_is_no_poll() {
        let mut now = Instant::now();
        let pace = Pace::new(now);
        run(&pace, &mut now, 1_000, Duration::from_nanos(80));
        now += Duration::from_secs(60);
        pace.interrupted(now);
        run(&pace, &mut now, 1_000, Duration::from_nanos(80));
        assert_eq!(pace.task_ns(), 80);
    }
}
