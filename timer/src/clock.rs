//! Where a timer's "now" comes from: the system, or a hand on the dial.
//!
//! A [`Timer`](crate::Timer) never asks the operating system for the time. It asks its [`Clock`], so a test or a
//! simulation that owns a [`ManualClock`] decides when an hour has passed.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::loom::{AtomicU64, Ordering};

/// A source of monotonic time.
///
/// # Contract
/// `now` never goes backwards, seen from any thread, and is cheap: it is read at the first poll of many a
/// [`Sleep`](crate::Sleep). An earlier reading than before does no harm to the timer, it only fires nothing.
///
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
/// use raddle_timer::{Clock, SystemClock};
///
/// /// Runs a minute ahead of everybody else.
/// #[derive(Debug)]
/// struct Hasty;
///
/// impl Clock for Hasty {
///     fn now(&self) -> Instant {
///         SystemClock.now() + Duration::from_secs(60)
///     }
/// }
/// assert!(Hasty.now() > SystemClock.now());
/// ```
pub trait Clock: Send + Sync + Debug {
    /// The present moment.
    fn now(&self) -> Instant;
}

/// The operating system's monotonic clock: [`Instant::now`].
///
/// # Platform limits
/// Whether time passes while the machine is suspended is the system's choice: on Linux it does not, on Windows it does.
///
/// # Examples
/// ```
/// use raddle_timer::{Clock, SystemClock};
///
/// let before = SystemClock.now();
/// assert!(SystemClock.now() >= before);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that stands still until it is [advanced](ManualClock::advance).
///
/// Clones show the same time: keep one, hand the other to the timer. Advancing wakes nobody by itself; whoever drives
/// the timer calls [`Timer::expire`](crate::Timer::expire) afterwards.
///
/// # Examples
/// ```
/// use std::{sync::Arc, task::Waker, time::Duration};
/// use raddle_timer::{ManualClock, Timer};
///
/// let clock = ManualClock::new();
/// let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
/// timer.insert(timer.deadline_after(Duration::from_secs(3600)), Waker::noop());
///
/// clock.advance(Duration::from_secs(3601));
/// let mut woken = Vec::new();
/// timer.expire(timer.now(), &mut woken);
/// assert_eq!(woken.len(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Dial>);

#[derive(Debug)]
struct Dial {
    start: Instant,
    advanced_ns: AtomicU64,
}

impl ManualClock {
    /// A clock that starts at the system's present moment, and stays there.
    ///
    /// # Examples
    /// ```
    /// use raddle_timer::{Clock, ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// assert_eq!(clock.now(), clock.now());
    /// ```
    pub fn new() -> Self {
        Self(Arc::new(Dial { start: Instant::now(), advanced_ns: AtomicU64::new(0) }))
    }

    /// Moves the time of this clock and all its clones forward by `by`, at most 292 years in all.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use raddle_timer::{Clock, ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// let before = clock.now();
    /// clock.clone().advance(Duration::from_millis(5));
    /// assert_eq!(clock.now() - before, Duration::from_millis(5));
    /// ```
    pub fn advance(&self, by: Duration) {
        const LIMIT_NS: u64 = u64::MAX >> 1;
        let by_ns = u64::try_from(by.as_nanos()).unwrap_or(LIMIT_NS);
        // Relaxed: the number is the whole message. A thread that learns of it through the timer has synchronized with
        // it there (W7).
        let advance = |past: u64| Some(past.saturating_add(by_ns).min(LIMIT_NS));
        let _ = self.0.advanced_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, advance);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        // Relaxed: as in `advance`; reads of one atomic never go backwards.
        self.0.start + Duration::from_nanos(self.0.advanced_ns.load(Ordering::Relaxed))
    }
}
