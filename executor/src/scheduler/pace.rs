//! What a backlog is worth: a running estimate of how long a worker takes to be done with a queued task, from a clock
//! read once per several polls, and the prices it is compared with.
//!
//! A poll after which the task is queued again at once (it yielded) counts with the next one: two hundred tasks that
//! yield for ever take more than any wake costs, however short their polls. So do the young that a task has spawned (Q12),
//! and what its messages wake into the LIFO slot, with the task that began it: whoever takes that one takes it all.
//!
//! The mean lies: the one long poll that spawns a thousand tasks doubles it. So a sample is the time per task over a
//! window, and the estimate follows the smaller of the last two samples: one odd window moves nothing, two in a row
//! do. Windows are at most [`WINDOW_MAX`] polls and, once polls take microseconds, one poll long.

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
const STEAL_MIN_NS: u32 = 250;
/// A wake costs the waker three microseconds, and the woken another two before it runs.
const WAKE_WORTH_NS: u64 = 8_000;
/// After a break it is worth less. Tasks take longer than they will, because their memory has left the caches; and a sibling
/// asleep with us costs a core that sleeps, some ten microseconds. Beside a sleep that ends alone nobody should be woken
/// for the dozen that end with it (docs/decisions/0009).
const WAKE_WORTH_AFTER_A_BREAK_NS: u64 = 20_000;
/// A visit to a victim's queue.
const STEAL_WORTH_NS: u64 = 1_000;
/// Who leaves the driver for a task as long as this should have somebody take its place there: what comes meanwhile would
/// wait. Four wakes.
const STAY_NS: u32 = 32_000;

/// Five hundred polls.
const DULL_WINDOWS: u32 = 32;
/// A window that took this long held a poll that nothing should have waited behind, whatever the estimate says.
const LONG_NS: u32 = 100_000;

/// How long after a break a worker reads the clock after every poll that something has waited for: who has just been
/// woken knows nothing of what it is about to run. After that, somebody else keeps watch (P11).
const PROBATION: Duration = Duration::from_micros(100);

/// A wake per millisecond is little for anybody.
const LONG_RUN: Duration = Duration::from_millis(1);

/// How long a worker without a break goes without a turn of the driver (P7).
const TURN_INTERVAL: Duration = Duration::from_micros(100);

/// A window that has ended.
#[derive(Debug)]
pub(crate) struct Window {
    /// Whether some poll in it was long enough to share the backlog at any price.
    pub(crate) was_long: bool,
    /// Whether clocks are read so seldom by now that others should look after the queue (P11). For tasks worth sharing,
    /// whose windows are short, that takes longer.
    pub(crate) wants_a_watch: bool,
    /// Whether the driver has not had a turn for [`TURN_INTERVAL`].
    pub(crate) is_turn_due: bool,
}

/// One worker's estimate. Owner only. Moments are nanoseconds since `base`.
#[derive(Debug)]
pub(crate) struct Pace {
    base: Instant,
    alone: bool,
    /// Polls of this window, and those left of them.
    window: Cell<u32>,
    left: Cell<u32>,
    window_began: Cell<u64>,
    /// Tasks of this window that count: old ones that were not queued again.
    done: Cell<u32>,
    /// Whether the task being polled counts.
    counts: Cell<bool>,
    /// The last reading of the clock.
    last_look: Cell<u64>,
    last_sample_ns: Cell<u32>,
    task_ns: Cell<u32>,
    poll_ns: Cell<u32>,
    /// When the worker came back from its last break, and whether that was less than [`PROBATION`] ago.
    since: Cell<u64>,
    on_probation: Cell<bool>,
    /// Windows in a row whose tasks were too small to share.
    dull_windows: Cell<u32>,
    /// When the driver is to have a turn.
    turn_due: Cell<u64>,
}

impl Pace {
    /// A worker that is `alone` has nobody to share with, ever.
    pub(crate) fn new(now: Instant, alone: bool) -> Pace {
        Pace {
            base: now,
            alone,
            window: Cell::new(1),
            left: Cell::new(1),
            window_began: Cell::new(0),
            done: Cell::new(0),
            counts: Cell::new(true),
            last_look: Cell::new(0),
            last_sample_ns: Cell::new(UNKNOWN_NS),
            task_ns: Cell::new(UNKNOWN_NS),
            poll_ns: Cell::new(UNKNOWN_NS),
            since: Cell::new(0),
            on_probation: Cell::new(!alone),
            dull_windows: Cell::new(0),
            turn_due: Cell::new(0),
        }
    }

    fn moment(&self, now: Instant) -> u64 {
        // 584 years fit.
        now.saturating_duration_since(self.base).as_nanos() as u64
    }

    /// The worker was away: what passed was no poll. Windows start short again, so that a change of load across the
    /// break is noticed after a poll or two. If it `had_turn`, it comes from the driver, which has told all there is.
    pub(crate) fn interrupted(&self, now: Instant, had_turn: bool) {
        let now = self.moment(now);
        self.window_began.set(now);
        self.last_look.set(now);
        self.since.set(now);
        self.on_probation.set(!self.alone);
        self.window.set(1);
        self.left.set(1);
        self.done.set(0);
        self.turn_due.set(if had_turn { now + TURN_INTERVAL.as_nanos() as u64 } else { 0 });
    }

    /// A task is about to be polled. One that `counts` is old; the others go on with the work of one that was.
    #[inline]
    pub(crate) fn begin(&self, counts: bool) {
        self.counts.set(counts);
    }

    /// The task just polled is not queued again.
    #[inline]
    pub(crate) fn end(&self) {
        self.done.set(self.done.get() + u32::from(self.counts.get()));
    }

    /// Counts a poll. Whether it was the last of its window.
    #[inline]
    pub(crate) fn count_poll(&self) -> bool {
        let left = self.left.get() - 1;
        self.left.set(left);
        left == 0
    }

    /// Whether the worker has come back only just, and looks about itself after every poll, not only at the end of windows.
    #[inline]
    pub(crate) fn is_on_probation(&self) -> bool {
        self.on_probation.get()
    }

    /// On probation: whether the poll just ended was long enough to share the backlog at any price.
    pub(crate) fn was_long(&self, now: Instant) -> bool {
        self.is_long(self.moment(now))
    }

    /// Whether the clock has not been looked at for so long that some poll since then must have been long.
    fn is_long(&self, now: u64) -> bool {
        now.saturating_sub(self.last_look.replace(now)) >= u64::from(LONG_NS)
    }

    /// A window is over.
    pub(crate) fn end_window(&self, now: Instant) -> Window {
        let now = self.moment(now);
        let was_long = self.is_long(now);
        let elapsed = now.saturating_sub(self.window_began.replace(now));
        let elapsed = u32::try_from(elapsed).unwrap_or(u32::MAX);
        let polls = self.window.get();
        let done = self.done.replace(0).max(1);
        let sample = elapsed / done;
        let sample = sample.min(self.last_sample_ns.replace(sample));
        // Up by doubling, down by halving: a change of load is followed within a few windows.
        let follow = |estimate: u32, sample: u32| {
            sample.clamp(estimate / 2, estimate.saturating_mul(2)).max(1)
        };
        self.task_ns.set(follow(self.task_ns.get(), sample));
        self.poll_ns.set(follow(self.poll_ns.get(), elapsed / polls));
        let is_worth_sharing = self.is_worth_sharing();
        self.dull_windows.set(match is_worth_sharing {
            true => 0,
            false => self.dull_windows.get().saturating_add(1),
        });
        let busy = Duration::from_nanos(now - self.since.get());
        if self.on_probation.get() && busy >= PROBATION {
            self.on_probation.set(false);
        }
        let wants_a_watch = busy >= if is_worth_sharing { LONG_RUN } else { PROBATION };
        let aim = (WINDOW_NS / self.poll_ns.get()).clamp(1, WINDOW_MAX);
        self.window.set(aim.min(2 * self.window.get()));
        self.left.set(self.window.get());
        let is_turn_due = now >= self.turn_due.get();
        if is_turn_due {
            self.turn_due.set(now + TURN_INTERVAL.as_nanos() as u64);
        }
        Window { was_long, wants_a_watch, is_turn_due }
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

    /// How many of those that are `queued` wait for others, if this worker is about to run the `next` of them. If they are
    /// long, all: events would wait as well, for somebody to look after the driver.
    pub(crate) fn waiting(&self, queued: usize, next: usize) -> usize {
        match self.task_ns.get() {
            ..STAY_NS => queued.saturating_sub(next),
            _ => queued,
        }
    }

    /// Whether `backlog` tasks of this worker are worth waking another for.
    pub(crate) fn is_worth_a_wake(&self, backlog: usize) -> bool {
        let worth_ns = match self.is_on_probation() {
            true => WAKE_WORTH_AFTER_A_BREAK_NS,
            false => WAKE_WORTH_NS,
        };
        self.is_worth_sharing() && backlog as u64 * u64::from(self.task_ns.get()) >= worth_ns
    }
}

/// Whether a thief gains by taking half of `backlog` tasks from a worker that is getting to them itself.
pub(crate) fn is_worth_stealing(backlog: usize, task_ns: u32) -> bool {
    task_ns >= STEAL_MIN_NS && backlog as u64 * u64::from(task_ns) >= STEAL_WORTH_NS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pace: &Pace, now: &mut Instant, polls: u32, each: Duration) {
        for _ in 0..polls {
            *now += each;
            pace.begin(true);
            pace.end();
            poll(pace, *now, false);
        }
    }

    fn is_reported(pace: &Pace, now: &mut Instant, is_waited_for: bool) -> bool {
        *now += Duration::from_millis(1);
        pace.begin(true);
        pace.end();
        poll(pace, *now, is_waited_for)
    }

    /// Whether it was reported as long.
    fn poll(pace: &Pace, now: Instant, is_waited_for: bool) -> bool {
        match pace.count_poll() {
            true => pace.end_window(now).was_long,
            false => pace.is_on_probation() && is_waited_for && pace.was_long(now),
        }
    }

    #[test]
    fn one_long_poll_among_short_ones_moves_nothing() {
        let mut now = Instant::now();
        let pace = Pace::new(now, false);
        run(&pace, &mut now, 1_000, Duration::from_nanos(80));
        assert_eq!(pace.task_ns(), 80);
        run(&pace, &mut now, 1, Duration::from_millis(1));
        run(&pace, &mut now, 100, Duration::from_nanos(80));
        assert_eq!(pace.task_ns(), 80);
        assert!(!pace.is_worth_a_wake(1_000_000));
    }

    #[test]
    fn the_next_task_is_worth_no_wake_unless_it_is_long() {
        let mut now = Instant::now();
        let pace = Pace::new(now, false);
        let is_worth_a_wake = |queued, next| pace.is_worth_a_wake(pace.waiting(queued, next));
        run(&pace, &mut now, 100, Duration::from_micros(10));
        assert!(!is_worth_a_wake(1, 1) && is_worth_a_wake(2, 1));
        assert!(is_worth_a_wake(1, 0), "another is run before it");
        run(&pace, &mut now, 100, Duration::from_micros(100));
        assert!(is_worth_a_wake(1, 1) && !is_worth_a_wake(0, 1));
    }

    #[test]
    fn a_long_poll_is_reported_at_the_end_of_its_window() {
        let mut now = Instant::now();
        let pace = Pace::new(now, false);
        run(&pace, &mut now, 10_000, Duration::from_nanos(80));
        let reported = (0..WINDOW_MAX).filter(|_| is_reported(&pace, &mut now, true)).count();
        assert_eq!(reported, 1);
    }

    #[test]
    fn a_long_poll_right_after_a_break_is_reported_at_its_end() {
        let mut now = Instant::now();
        let pace = Pace::new(now, false);
        run(&pace, &mut now, 1_000, Duration::from_nanos(80));
        pace.interrupted(now, true);
        assert!(is_reported(&pace, &mut now, false));
    }

    #[test]
    fn a_long_poll_soon_after_a_break_is_reported_if_something_waits_for_its_end() {
        let mut now = Instant::now();
        let pace = Pace::new(now, false);
        run(&pace, &mut now, 100_000, Duration::from_nanos(80));
        pace.interrupted(now, true);
        run(&pace, &mut now, 20, Duration::from_nanos(80));
        assert!(is_reported(&pace, &mut now, true));
    }

    #[test]
    fn tasks_that_stay_are_worth_more_than_their_polls() {
        let mut now = Instant::now();
        let pace = Pace::new(now, false);
        for _ in 0..1_000 {
            now += Duration::from_nanos(30);
            pace.begin(true);
            poll(&pace, now, false);
        }
        assert!(pace.is_worth_a_wake(200), "{pace:?}");
        assert!(!pace.is_worth_a_wake(2), "{pace:?}");
    }

    #[test]
    fn a_change_of_load_is_followed_soon() {
        let mut now = Instant::now();
        let pace = Pace::new(now, false);
        run(&pace, &mut now, 1_000, Duration::from_nanos(80));
        run(&pace, &mut now, 3 * WINDOW_MAX, Duration::from_micros(50));
        assert!(pace.is_worth_a_wake(50), "{pace:?}");
        run(&pace, &mut now, 20, Duration::from_micros(50));
        assert!(pace.is_worth_a_wake(1), "{pace:?}");
    }

    #[test]
    fn a_backlog_is_worth_a_wake_sooner_when_the_worker_has_been_busy() {
        let mut now = Instant::now();
        let pace = Pace::new(now, false);
        run(&pace, &mut now, 1_000, Duration::from_micros(1));
        assert!(pace.is_worth_a_wake(13) && !pace.is_worth_a_wake(7));
        pace.interrupted(now, true);
        run(&pace, &mut now, 1, Duration::from_micros(1));
        assert!(!pace.is_worth_a_wake(13) && pace.is_worth_a_wake(26));
        run(&pace, &mut now, 200, Duration::from_micros(1));
        assert!(pace.is_worth_a_wake(13));
    }

    #[test]
    fn time_away_is_no_poll() {
        let mut now = Instant::now();
        let pace = Pace::new(now, false);
        run(&pace, &mut now, 1_000, Duration::from_nanos(80));
        now += Duration::from_secs(60);
        pace.interrupted(now, true);
        run(&pace, &mut now, 1_000, Duration::from_nanos(80));
        assert_eq!(pace.task_ns(), 80);
    }
}
