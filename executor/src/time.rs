//! Waiting for moments, and giving up on futures that take too long.
//!
//! Deadlines are kept in a timing wheel per worker with a tick of 32,768 ns: a sleep ends at the first tick after its
//! deadline, never before it. See [`raddle_timer`].

use crate::scheduler::context;
use std::fmt;
use std::future::Future;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pub use raddle_timer::{Elapsed, Interval, MissedTickBehavior, Timeout};
pub use std::time::Duration;

/// A moment on the clock of the runtime this thread is in; outside a runtime, on the system's monotonic clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(std::time::Instant);

impl Instant {
    /// This moment.
    pub fn now() -> Instant {
        context::with_current(|shared| match shared {
            Some(shared) => Instant(shared.clock.now()),
            None => Instant(std::time::Instant::now()),
        })
    }

    /// The same moment as the standard library's type.
    pub fn into_std(self) -> std::time::Instant {
        self.0
    }

    /// The same moment as this type.
    pub fn from_std(instant: std::time::Instant) -> Instant {
        Instant(instant)
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// The time from this moment to now; zero if this moment is in the future.
    pub fn elapsed(&self) -> Duration {
        Instant::now().duration_since(*self)
    }

    /// This moment plus `duration`, if that can be represented.
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        self.0.checked_add(duration).map(Instant)
    }

    /// This moment minus `duration`, if that can be represented.
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        self.0.checked_sub(duration).map(Instant)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<std::time::Instant> for Instant {
    fn from(instant: std::time::Instant) -> Instant {
        Instant(instant)
    }
}

impl From<Instant> for std::time::Instant {
    fn from(instant: Instant) -> std::time::Instant {
        instant.0
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, duration: Duration) -> Instant {
        Instant(self.0 + duration)
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        self.0 += duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;
    fn sub(self, duration: Duration) -> Instant {
        Instant(self.0 - duration)
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        self.0 -= duration;
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;
    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

/// Ends at a deadline. Made by [`sleep`] and [`sleep_until`].
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep(raddle_timer::Sleep);

impl Sleep {
    /// When it ends.
    pub fn deadline(&self) -> Instant {
        Instant(self.0.deadline())
    }

    /// Whether it has ended.
    pub fn is_elapsed(&self) -> bool {
        self.0.is_elapsed()
    }

    /// Moves the deadline, also of a sleep that has ended.
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        Pin::new(&mut self.get_mut().0).reset(deadline.0);
    }
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let budget = ready!(raddle_sync::budget::poll_proceed(cx));
        ready!(Pin::new(&mut self.0).poll(cx));
        budget.made_progress();
        Poll::Ready(())
    }
}

/// Waits for `duration`.
///
/// A duration too long for the clock waits for ever.
///
/// # Cancel safety
/// Nothing is lost by dropping the future.
///
/// # Panics
/// Outside a runtime.
///
/// ```
/// # use std::time::Duration;
/// # raddle::block_on(async {
/// let begun = raddle::time::Instant::now();
/// raddle::time::sleep(Duration::from_millis(2)).await;
/// assert!(begun.elapsed() >= Duration::from_millis(2));
/// # })
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    let timer = context::timer("time::sleep");
    let deadline = timer.deadline_after(duration);
    Sleep(raddle_timer::Sleep::new(timer, deadline))
}

/// Waits until `deadline`; not at all if that has passed.
///
/// # Cancel safety
/// Nothing is lost by dropping the future.
///
/// # Panics
/// Outside a runtime.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep(raddle_timer::Sleep::new(context::timer("time::sleep_until"), deadline.0))
}

/// Gives `future` a limited time.
///
/// # Errors
/// [`Elapsed`] if the time is up first; the future is dropped then, with the `Timeout`. A future that is ready in the
/// same poll as the deadline wins.
///
/// # Panics
/// Outside a runtime.
///
/// ```
/// # use std::time::Duration;
/// # raddle::block_on(async {
/// use raddle::time::timeout;
/// assert_eq!(timeout(Duration::from_secs(1), async { 1 }).await, Ok(1));
/// assert!(timeout(Duration::from_millis(1), std::future::pending::<()>()).await.is_err());
/// # })
/// ```
#[track_caller]
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    let timer = context::timer("time::timeout");
    let deadline = timer.deadline_after(duration);
    Timeout::new(timer, deadline, future.into_future())
}

/// Gives `future` until `deadline`. See [`timeout`].
///
/// # Errors
/// As [`timeout`].
///
/// # Panics
/// Outside a runtime.
#[track_caller]
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout::new(context::timer("time::timeout_at"), deadline.0, future.into_future())
}

/// Ticks every `period`, for the first time at once.
///
/// # Panics
/// If `period` is zero, and outside a runtime.
///
/// ```
/// # use std::time::Duration;
/// # raddle::block_on(async {
/// let mut ticks = raddle::time::interval(Duration::from_millis(1));
/// ticks.tick().await;
/// ticks.tick().await;
/// # })
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    Interval::new(context::timer("time::interval"), period)
}

/// Ticks every `period`, for the first time at `start`.
///
/// # Panics
/// As [`interval`].
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    Interval::new_at(context::timer("time::interval_at"), start.0, period)
}
