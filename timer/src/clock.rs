//! Where a timer's "now" comes from: the system, or a hand on the dial.
//!
//! A [`Timer`](crate::Timer) never asks the operating system for the time. It asks its [`Clock`], so a test or a
//! simulation that owns a [`ManualClock`] decides when an hour has passed.

use std::fmt::{self, Debug};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::loom::{AtomicU64, Ordering, Unobserved};

/// A source of monotonic time.
///
/// # Contract
/// `now` never goes backwards, seen from any thread, and is cheap: it is read at the first poll of many a
/// [`Sleep`](crate::Sleep). An earlier reading than before does no harm to the timer, it only fires nothing.
///
/// Whoever drives a timer waits for as long as the clock has to run until the next deadline. A clock on which that is
/// not the time to wait, because it stands still or jumps, says so by the other two methods.
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

    /// Whether time passes by itself, as fast as everybody's. If not, deadlines are not rounded, and nobody waits for
    /// them by the system's clock. May change, if [`on_jump`](Clock::on_jump) is told.
    fn is_running(&self) -> bool {
        true
    }

    /// Has `listener` called, as long as it is there, after each jump of the time, and each change of
    /// [`is_running`](Clock::is_running). A clock that never does either has nothing to call.
    fn on_jump(&self, listener: Weak<Listener>) {
        drop(listener);
    }
}

/// The farthest that a clock can be moved: 292 years.
pub(crate) const LIMIT_NS: u64 = u64::MAX >> 1;

/// What a [`Clock`] calls [when its time has jumped](Clock::on_jump), on the thread that has moved it.
pub type Listener = dyn Fn() + Send + Sync;

/// Who is to be told of jumps.
#[derive(Default)]
pub(crate) struct Listeners(Unobserved<Vec<Weak<Listener>>>);

impl Listeners {
    pub(crate) fn add(&self, listener: Weak<Listener>) {
        let mut listeners = self.0.lock();
        // Those of drivers that are gone make room for those to come.
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(listener);
    }

    /// Calls them, with no lock held.
    pub(crate) fn call(&self) {
        let listeners: Vec<_> = self.0.lock().iter().filter_map(Weak::upgrade).collect();
        for listener in listeners {
            listener();
        }
    }
}

impl Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners").finish_non_exhaustive()
    }
}

/// The operating system's monotonic clock: [`Instant::now`].
///
/// # Platform limits
/// Whether time passes while the machine is suspended is the system's choice: on Linux and macOS it does not, on Windows it
/// does. Where it does, everything that came due meanwhile fires at once after waking up, in the order of the deadlines.
///
/// How fine the time is told is the system's choice, too: a nanosecond on Linux, 100 on Windows.
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
/// Clones show the same time: keep one, hand the other to the timer, or to a runtime. Advancing wakes nobody by itself: it
/// tells [whoever drives a timer](Clock::on_jump), who calls [`Timer::expire`](crate::Timer::expire).
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
    listeners: Listeners,
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
        Self(Arc::new(Dial {
            start: Instant::now(),
            advanced_ns: AtomicU64::new(0),
            listeners: Listeners::default(),
        }))
    }

    /// Moves the time of this clock and all its clones forward by `by`, at most 292 years in all, and tells those who
    /// wait for deadlines by it.
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
        let by_ns = u64::try_from(by.as_nanos()).unwrap_or(LIMIT_NS);
        // Relaxed: the number is the whole message. A thread that learns of it through the timer has synchronized with
        // it there (W7).
        let advance = |past: u64| Some(past.saturating_add(by_ns).min(LIMIT_NS));
        let _ = self.0.advanced_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, advance);
        self.0.listeners.call();
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

    fn is_running(&self) -> bool {
        false
    }

    fn on_jump(&self, listener: Weak<Listener>) {
        self.0.listeners.add(listener);
    }
}
