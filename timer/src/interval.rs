//! A beat: one tick per period, and a policy for those that were missed.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use crate::sleep::Sleep;
use crate::timer::Timer;

/// A tick that is taken later than this, or than half a period, makes the next one a matter of policy.
const TOLERANCE: Duration = Duration::from_millis(5);

/// Ticks once per period: at its start, one period later, and so on.
///
/// The ticks lie on a fixed grid; what happens when one is taken so late that the grid has moved on is up to the
/// [`MissedTickBehavior`]. On a timer that is [closed](Timer::close) every tick comes at once.
///
/// # Examples
/// ```
/// use std::task::{Context, Poll, Waker};
/// use std::{sync::Arc, time::Duration};
/// use raddle_timer::{Interval, ManualClock, Timer};
///
/// let clock = ManualClock::new();
/// let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
/// let cx = &mut Context::from_waker(Waker::noop());
/// let start = timer.now();
/// let period = Duration::from_secs(10);
///
/// let mut interval = Interval::new(timer.clone(), period);
/// assert_eq!(interval.poll_tick(cx), Poll::Ready(start));
/// assert_eq!(interval.poll_tick(cx), Poll::Pending);
///
/// clock.advance(period);
/// timer.expire(timer.now(), &mut Vec::new());
/// assert_eq!(interval.poll_tick(cx), Poll::Ready(start + period));
/// ```
#[derive(Debug)]
pub struct Interval {
    sleep: Sleep,
    period: Duration,
    missed_tick_behavior: MissedTickBehavior,
}

/// When the next tick comes after one that was taken late.
///
/// Late means by more than 5 ms, or by more than half a period if that is less; anything else leaves the grid as it is.
/// For a period of ten seconds, with a tick due at 10 taken at 34:
///
/// | | the next ticks |
/// |---|---|
/// | `Burst` | 20 and 30 (at once), 40, 50 |
/// | `Delay` | 44, 54, 64 |
/// | `Skip` | 40, 50, 60 |
///
/// # Examples
/// ```
/// use std::{sync::Arc, task::Waker, time::Duration};
/// use raddle_timer::{Interval, MissedTickBehavior, SystemClock, Timer};
///
/// let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
/// let mut interval = Interval::new(timer, Duration::from_secs(10));
/// assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Burst);
/// interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// Every tick of the grid, the missed ones one after another at once: the count is right.
    #[default]
    Burst,
    /// A new grid that starts at the late tick: two ticks are never closer than a period, but for the tolerance.
    Delay,
    /// The next tick of the grid that is still ahead: the phase is right.
    Skip,
}

impl MissedTickBehavior {
    fn next(self, timer: &Timer, due: Instant, now: Instant, period: Duration) -> Instant {
        let late = now.saturating_duration_since(due);
        if late <= TOLERANCE.min(period / 2) {
            return timer.later(due, period);
        }
        match self {
            Self::Burst => timer.later(due, period),
            Self::Delay => timer.later(now, period),
            Self::Skip => {
                let into_period_ns = late.as_nanos() % period.as_nanos();
                // A remainder is less than the period and not more than the lateness, which is at most 292 years.
                let into_period = Duration::from_nanos(into_period_ns as u64);
                timer.later(now, period - into_period)
            }
        }
    }
}

impl Interval {
    /// An interval on `timer` whose first tick comes at once.
    ///
    /// # Panics
    /// If `period` is zero.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{Interval, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// # async fn sample() {}
    /// # async fn example(timer: Arc<Timer>) {
    /// let mut interval = Interval::new(timer, Duration::from_secs(1));
    /// loop {
    ///     interval.tick().await;
    ///     sample().await;
    /// }
    /// # }
    /// # drop(example(timer));
    /// ```
    #[track_caller]
    pub fn new(timer: Arc<Timer>, period: Duration) -> Self {
        let start = timer.now();
        Self::new_at(timer, start, period)
    }

    /// An interval on `timer` whose first tick comes at `start`.
    ///
    /// # Panics
    /// If `period` is zero.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{Interval, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let start = timer.deadline_after(Duration::from_secs(60));
    /// let interval = Interval::new_at(timer, start, Duration::from_secs(1));
    /// # drop(interval);
    /// ```
    #[track_caller]
    pub fn new_at(timer: Arc<Timer>, start: Instant, period: Duration) -> Self {
        assert!(!period.is_zero(), "the period of an interval must not be zero");
        let sleep = Sleep::new(timer, start);
        Self { sleep, period, missed_tick_behavior: MissedTickBehavior::default() }
    }

    /// Waits for the next tick, and returns the moment it was due.
    ///
    /// # Cancel safety
    /// Dropping this before it completes loses no tick: the next call waits for the same one.
    ///
    /// # Examples
    /// ```
    /// # use std::{future::Future, pin::pin, sync::Arc, task::{Context, Poll, Waker}, time::Duration};
    /// # use raddle_timer::{Interval, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// # let example = async {
    /// let mut interval = Interval::new(timer, Duration::from_secs(1));
    /// let first = interval.tick().await;
    /// # first };
    /// # assert!(pin!(example).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    /// ```
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// What [`tick`](Interval::tick) awaits: the moment the tick was due, if it has come; else the task of `cx` is
    /// woken when it does, and the task of an earlier call is not.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::{Context, Waker}, time::Duration};
    /// # use raddle_timer::{Interval, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let mut interval = Interval::new(timer, Duration::from_secs(1));
    /// assert!(interval.poll_tick(&mut Context::from_waker(Waker::noop())).is_ready());
    /// ```
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(Pin::new(&mut self.sleep).poll(cx));
        let timer = self.sleep.timer();
        let due = self.sleep.deadline();
        let next = self.missed_tick_behavior.next(timer, due, timer.now(), self.period);
        self.sleep.reset(next);
        Poll::Ready(due)
    }

    /// Lets the next tick come one period from now.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::{Context, Waker}, time::Duration};
    /// # use raddle_timer::{Interval, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let mut interval = Interval::new(timer, Duration::from_secs(1));
    /// interval.reset();
    /// assert!(interval.poll_tick(&mut Context::from_waker(Waker::noop())).is_pending());
    /// ```
    pub fn reset(&mut self) {
        self.reset_after(self.period);
    }

    /// Lets the next tick come at once, and the others follow from now.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::{Context, Waker}, time::Duration};
    /// # use raddle_timer::{Interval, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// # let cx = &mut Context::from_waker(Waker::noop());
    /// let mut interval = Interval::new(timer, Duration::from_secs(1));
    /// assert!(interval.poll_tick(cx).is_ready());
    /// interval.reset_immediately();
    /// assert!(interval.poll_tick(cx).is_ready());
    /// ```
    pub fn reset_immediately(&mut self) {
        self.reset_after(Duration::ZERO);
    }

    /// Lets the next tick come `after` from now, and the others follow from then.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::{Context, Waker}, time::Duration};
    /// # use raddle_timer::{Interval, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let mut interval = Interval::new(timer, Duration::from_secs(1));
    /// interval.reset_after(Duration::from_secs(60));
    /// assert!(interval.poll_tick(&mut Context::from_waker(Waker::noop())).is_pending());
    /// ```
    pub fn reset_after(&mut self, after: Duration) {
        let deadline = self.sleep.timer().deadline_after(after);
        self.sleep.reset(deadline);
    }

    /// Lets the next tick come at `deadline`, and the others follow from then.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::{Context, Poll, Waker}, time::Duration};
    /// # use raddle_timer::{Interval, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let now = timer.now();
    /// let mut interval = Interval::new(timer, Duration::from_secs(1));
    /// interval.reset_at(now);
    /// assert_eq!(interval.poll_tick(&mut Context::from_waker(Waker::noop())), Poll::Ready(now));
    /// ```
    pub fn reset_at(&mut self, deadline: Instant) {
        self.sleep.reset(deadline);
    }

    /// What becomes of missed ticks.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{Interval, MissedTickBehavior, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let interval = Interval::new(timer, Duration::from_secs(1));
    /// assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Burst);
    /// ```
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed_tick_behavior
    }

    /// Chooses what becomes of missed ticks from the next one on.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{Interval, MissedTickBehavior, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let mut interval = Interval::new(timer, Duration::from_secs(1));
    /// interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    /// # assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Delay);
    /// ```
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed_tick_behavior = behavior;
    }

    /// The time from one tick to the next.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{Interval, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// assert_eq!(Interval::new(timer, Duration::from_secs(1)).period(), Duration::from_secs(1));
    /// ```
    pub fn period(&self) -> Duration {
        self.period
    }
}
