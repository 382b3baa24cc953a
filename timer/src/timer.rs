//! A wheel behind one lock, and two atomics that spare most callers the lock.
//!
//! Nothing here wakes a waiter: [`Timer::expire`] and [`Timer::close`] hand the wakers to their caller, who wakes them.
//! The one waker called here is `on_earlier`, and no waker is woken or dropped under the lock. The rules, W1 to W9, stand
//! at the head of `wheel/mod.rs`.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::loom::{AtomicU64, Mutex, Ordering, fence};
use crate::wheel::{Key, LAST_NS, NEVER_NS, Wheel};

mod moments;

/// What `nearest` holds when nobody waits.
const NEVER: u64 = u64::MAX;

/// Deadlines, and who waits for them.
///
/// Whoever drives the timer sleeps until [`next_deadline`](Timer::next_deadline), and then calls
/// [`expire`](Timer::expire); `on_earlier` tells it when it must wake up sooner. Waiting itself is the business of
/// [`Sleep`](crate::Sleep), [`Timeout`](crate::Timeout) and [`Interval`](crate::Interval), or of the low-level
/// [`insert`](Timer::insert), [`poll`](Timer::poll) and [`cancel`](Timer::cancel).
///
/// # Precision
/// While the clock [runs](Clock::is_running), deadlines round up to a tick of 2¹² ns (4.096 µs); on a clock that stands
/// still and is moved by hand, they are exact. They never fire early. Deadlines more than 292 years ahead, such as those
/// made of [`Duration::MAX`], are treated as 292 years ahead, and what is that far ahead never comes.
///
/// # Memory
/// 22 KiB, 36 KiB once 64 have waited at a time, and 40 bytes per waiter; what the largest crowd of waiters took is kept for
/// the next.
///
/// # Examples
/// A driver of one's own:
/// ```
/// use std::{sync::Arc, task::Waker, thread, time::Duration};
/// use raddle_timer::{SystemClock, Timer};
///
/// let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
/// timer.insert(timer.deadline_after(Duration::from_millis(2)), Waker::noop());
///
/// let mut woken = Vec::new();
/// while let Some(deadline) = timer.next_deadline() {
///     thread::sleep(deadline.saturating_duration_since(timer.now()));
///     timer.expire(timer.now(), &mut woken);
///     woken.drain(..).for_each(Waker::wake);
/// }
/// ```
pub struct Timer {
    /// The nearest deadline (W4) in nanoseconds since `epoch`, or [`NEVER`].
    nearest: AtomicU64,
    /// W7.
    fired_through: AtomicU64,
    wheel: Mutex<Wheel<Waker>>,
    epoch: Instant,
    clock: Arc<dyn Clock>,
    on_earlier: Waker,
}

impl Timer {
    /// A timer that reads `clock`, and wakes `on_earlier` whenever its nearest deadline has moved nearer.
    ///
    /// `on_earlier` is woken on the thread that set the deadline, without any lock held, after the new deadline can be
    /// read by [`next_deadline`](Timer::next_deadline). See there what it must do.
    ///
    /// # Examples
    /// ```
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use std::{sync::Arc, task::{Wake, Waker}, time::Duration};
    /// use raddle_timer::{SystemClock, Timer};
    ///
    /// #[derive(Default)]
    /// struct Nudge(AtomicBool);
    /// impl Wake for Nudge {
    ///     fn wake(self: Arc<Self>) {
    ///         self.0.store(true, Ordering::Relaxed);
    ///     }
    /// }
    /// let nudge = Arc::new(Nudge::default());
    /// let timer = Timer::new(Arc::new(SystemClock), nudge.clone().into());
    ///
    /// timer.insert(timer.deadline_after(Duration::from_secs(5)), Waker::noop());
    /// assert!(nudge.0.swap(false, Ordering::Relaxed));
    /// timer.insert(timer.deadline_after(Duration::from_secs(6)), Waker::noop());
    /// assert!(!nudge.0.load(Ordering::Relaxed), "six seconds are not nearer than five");
    /// ```
    pub fn new(clock: Arc<dyn Clock>, on_earlier: Waker) -> Arc<Self> {
        Arc::new(Self {
            nearest: AtomicU64::new(NEVER),
            fired_through: AtomicU64::new(0),
            wheel: Mutex::new(Wheel::new(0)),
            epoch: clock.now(),
            clock,
            on_earlier,
        })
    }

    /// The present moment on this timer's clock.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{Clock, ManualClock, Timer};
    /// let clock = ManualClock::new();
    /// let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
    /// assert_eq!(timer.now(), clock.now());
    /// ```
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The moment `duration` from now, or the farthest one this timer can tell if there is no such moment.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{ManualClock, Timer};
    /// let timer = Timer::new(Arc::new(ManualClock::new()), Waker::noop().clone());
    /// assert_eq!(timer.deadline_after(Duration::from_secs(1)) - timer.now(), Duration::from_secs(1));
    /// assert!(timer.deadline_after(Duration::MAX) > timer.now());
    /// ```
    pub fn deadline_after(&self, duration: Duration) -> Instant {
        self.later(self.now(), duration)
    }

    /// When [`expire`](Timer::expire) should be called next; `None` if nobody waits. Takes no lock: one atomic load.
    ///
    /// Never too late, and too early only if the nearest deadline was cancelled since: waking then fires nothing, and
    /// settles the matter.
    ///
    /// # Sleeping until then
    /// An earlier deadline may be set just after this was read. So that it is not missed, the driver first *announces*
    /// that it is about to sleep by a store that `on_earlier` looks at, then issues a
    /// [`fence(SeqCst)`](std::sync::atomic::fence), and then calls this. Setting an earlier deadline publishes it,
    /// issues such a fence, and wakes `on_earlier`. Whichever fence comes second, its thread sees what the other wrote
    /// (W6): either the driver reads the new deadline here, or `on_earlier` finds somebody to wake. Nothing needs to be
    /// done there if nobody sleeps.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{ManualClock, Timer};
    /// let timer = Timer::new(Arc::new(ManualClock::new()), Waker::noop().clone());
    /// assert_eq!(timer.next_deadline(), None);
    ///
    /// let deadline = timer.deadline_after(Duration::from_millis(10));
    /// timer.insert(deadline, Waker::noop());
    /// let rounded_up = timer.next_deadline().unwrap() - deadline;
    /// assert!(rounded_up < Duration::from_micros(5));
    /// ```
    #[inline]
    pub fn next_deadline(&self) -> Option<Instant> {
        // Relaxed: the number is the whole message, and the caller's fence orders it (W6).
        match self.nearest.load(Ordering::Relaxed) {
            NEVER_NS.. => None,
            ns => Some(self.instant(ns)),
        }
    }

    /// Appends to `woken` the wakers of all who wait for `now` or earlier, in the order of their deadlines; the caller
    /// wakes them. Takes no lock if [`next_deadline`](Timer::next_deadline) is later than `now`.
    ///
    /// Any thread may call this at any time. Time that went backwards fires nothing.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{ManualClock, Timer};
    /// let clock = ManualClock::new();
    /// let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
    /// timer.insert(timer.deadline_after(Duration::from_secs(1)), Waker::noop());
    /// timer.insert(timer.deadline_after(Duration::from_secs(9)), Waker::noop());
    ///
    /// clock.advance(Duration::from_secs(2));
    /// let mut woken = Vec::new();
    /// timer.expire(timer.now(), &mut woken);
    /// assert_eq!(woken.len(), 1);
    /// ```
    #[inline]
    pub fn expire(&self, now: Instant, woken: &mut Vec<Waker>) {
        let now = self.present(now);
        // Relaxed: a deadline filed this moment is seen before its driver sleeps (W6), and that is soon enough.
        if now >= self.nearest.load(Ordering::Relaxed) {
            self.expire_through(now, woken);
        }
    }

    /// Registers `waker` to be woken at `deadline`.
    ///
    /// A deadline is compared with the last [`expire`](Timer::expire), not with the clock: one that is past but newer
    /// than that is filed, and fires at the next. If it is older, or the timer is [closed](Timer::close), nothing is
    /// registered or woken, and the key is [`Key::FIRED`].
    ///
    /// # Panics
    /// If 4,294,967,295 registrations are there already, or if `on_earlier` panics.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::{Poll, Waker}, time::Duration};
    /// # use raddle_timer::{ManualClock, Timer};
    /// let clock = ManualClock::new();
    /// let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
    /// let key = timer.insert(timer.deadline_after(Duration::from_secs(1)), Waker::noop());
    /// assert_eq!(timer.poll(key, Waker::noop()), Poll::Pending);
    ///
    /// clock.advance(Duration::from_secs(2));
    /// timer.expire(timer.now(), &mut Vec::new());
    /// assert_eq!(timer.poll(key, Waker::noop()), Poll::Ready(()));
    /// ```
    pub fn insert(&self, deadline: Instant, waker: &Waker) -> Key {
        self.insert_at(self.filed(self.ns(deadline)), waker)
    }

    /// Whether the registration has fired; if not, `waker` replaces the one it had.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::{Poll, Waker}, time::Duration};
    /// # use raddle_timer::{ManualClock, Timer};
    /// let timer = Timer::new(Arc::new(ManualClock::new()), Waker::noop().clone());
    /// let key = timer.insert(timer.deadline_after(Duration::from_secs(1)), Waker::noop());
    /// let another_task = Waker::noop();
    /// assert_eq!(timer.poll(key, another_task), Poll::Pending);
    /// ```
    pub fn poll(&self, key: Key, waker: &Waker) -> Poll<()> {
        match self.wheel.lock().payload_mut(key) {
            None => return Poll::Ready(()),
            Some(registered) if registered.will_wake(waker) => return Poll::Pending,
            Some(_) => {}
        }
        // A waker is foreign code, also when it is cloned or dropped.
        let mut waker = waker.clone();
        let replaced = self.wheel.lock().payload_mut(key).map(|it| mem::swap(it, &mut waker));
        drop(waker);
        if replaced.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Forgets the registration. Does nothing if it has fired, or was cancelled before.
    ///
    /// [`next_deadline`](Timer::next_deadline) may go on naming the cancelled deadline until that has passed.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{ManualClock, Timer};
    /// let clock = ManualClock::new();
    /// let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
    /// let key = timer.insert(timer.deadline_after(Duration::from_secs(1)), Waker::noop());
    /// timer.cancel(key);
    /// timer.cancel(key);
    /// assert!(timer.is_empty());
    ///
    /// clock.advance(Duration::from_secs(2));
    /// let mut woken = Vec::new();
    /// timer.expire(timer.now(), &mut woken);
    /// assert!(woken.is_empty());
    /// assert_eq!(timer.next_deadline(), None);
    /// ```
    pub fn cancel(&self, key: Key) {
        // The guard is gone at the end of this statement, the waker at the end of the next.
        let cancelled = self.wheel.lock().remove(key);
        drop(cancelled);
    }

    /// The nearest deadline, exactly: cancelled ones are forgotten. Looks at all registrations of one slot of the wheel, with
    /// the lock held; [`next_deadline`](Timer::next_deadline) is one load.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{ManualClock, Timer};
    /// let timer = Timer::new(Arc::new(ManualClock::new()), Waker::noop().clone());
    /// let key = timer.insert(timer.deadline_after(Duration::from_secs(1)), Waker::noop());
    /// timer.cancel(key);
    /// assert!(timer.next_deadline().is_some());
    /// assert_eq!(timer.settle(), None);
    /// assert_eq!(timer.next_deadline(), None);
    /// ```
    pub fn settle(&self) -> Option<Instant> {
        let wheel = self.wheel.lock();
        let nearest = wheel.peek().map_or(NEVER, |index| wheel.entries().deadline(index));
        // Relaxed: as in `expire_through`.
        self.nearest.store(nearest, Ordering::Relaxed);
        drop(wheel);
        self.next_deadline()
    }

    /// Fires everything, now and forever: appends the wakers of all who wait to `woken`, and lets later registrations
    /// fire at once. The caller wakes the wakers.
    ///
    /// Every [`Sleep`](crate::Sleep) of a closed timer completes when polled, whatever its deadline; so a timeout
    /// elapses and an interval ticks. [`is_closed`](Timer::is_closed) tells that from the passing of time.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{ManualClock, Timer};
    /// let timer = Timer::new(Arc::new(ManualClock::new()), Waker::noop().clone());
    /// timer.insert(timer.deadline_after(Duration::from_secs(3600)), Waker::noop());
    ///
    /// let mut woken = Vec::new();
    /// timer.close(&mut woken);
    /// assert_eq!(woken.len(), 1);
    /// assert!(timer.is_closed());
    /// ```
    pub fn close(&self, woken: &mut Vec<Waker>) {
        self.expire_through(LAST_NS, woken); // W8
    }

    /// Whether the timer was [closed](Timer::close).
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker};
    /// # use raddle_timer::{SystemClock, Timer};
    /// assert!(!Timer::new(Arc::new(SystemClock), Waker::noop().clone()).is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.has_fired_through(LAST_NS)
    }

    /// How many registrations have neither fired nor been cancelled. Takes the lock.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{SystemClock, Timer};
    /// let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// timer.insert(timer.deadline_after(Duration::from_secs(3600)), Waker::noop());
    /// assert_eq!(timer.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.wheel.lock().entries().len()
    }

    /// Whether nobody waits. Takes the lock.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker};
    /// # use raddle_timer::{SystemClock, Timer};
    /// assert!(Timer::new(Arc::new(SystemClock), Waker::noop().clone()).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// W7.
    pub(crate) fn has_fired_through(&self, ns: u64) -> bool {
        self.fired_through() >= ns
    }

    fn fired_through(&self) -> u64 {
        // Acquire: pairs with the Release store in `expire_through`; who finds its time come has seen the clock that
        // said so.
        self.fired_through.load(Ordering::Acquire)
    }

    /// W9: whether a deadline is earlier than all that are registered, so that only the clock can tell if it has passed.
    pub(crate) fn would_be_nearest(&self, deadline: u64) -> bool {
        // Relaxed: either answer is right, if another registers this moment.
        deadline < self.nearest.load(Ordering::Relaxed)
    }

    pub(crate) fn insert_at(&self, deadline: u64, waker: &Waker) -> Key {
        let waker = waker.clone();
        let mut wheel = self.wheel.lock();
        match wheel.insert(deadline, waker) {
            Ok(key) => {
                let earlier = self.publish_if_earlier(deadline);
                drop(wheel);
                self.announce(earlier);
                key
            }
            Err(waker) => {
                drop(wheel);
                drop(waker);
                Key::FIRED
            }
        }
    }

    /// Moves a registration, and says whether it is now waiting for `deadline`. If not, it has fired, or `deadline` has passed: then
    /// it is given up, and its waker woken.
    pub(crate) fn reschedule(&self, key: Key, deadline: u64) -> bool {
        let filed = self.filed(deadline);
        let mut wheel = self.wheel.lock();
        // W2: what has passed is not rounded up into the future.
        let filed = if deadline > wheel.elapsed() { filed } else { deadline };
        match wheel.reschedule(key, filed) {
            Some(Ok(())) => {
                let earlier = self.publish_if_earlier(filed);
                drop(wheel);
                self.announce(earlier);
                true
            }
            Some(Err(waker)) => {
                drop(wheel);
                waker.wake();
                false
            }
            None => false,
        }
    }

    fn expire_through(&self, now: u64, woken: &mut Vec<Waker>) {
        let mut wheel = self.wheel.lock();
        wheel.expire(now, |entries, index| woken.push(entries.remove(index)));
        // Relaxed: written under the lock only, and moved later here, which nobody needs to hear of at once.
        self.nearest.store(wheel.nearest().unwrap_or(NEVER), Ordering::Relaxed);
        // Release: pairs with the Acquire load in `has_fired_through` (W7).
        self.fired_through.store(wheel.elapsed(), Ordering::Release);
    }

    /// W4, W6: call under the lock, and hand what it says to [`announce`](Timer::announce) after it.
    fn publish_if_earlier(&self, deadline: u64) -> bool {
        // Relaxed, both: written under the lock only; who reads without it has fenced, and so will `announce`.
        let earlier = deadline < self.nearest.load(Ordering::Relaxed);
        if earlier {
            self.nearest.store(deadline, Ordering::Relaxed);
        }
        earlier
    }

    fn announce(&self, earlier: bool) {
        if earlier {
            // SeqCst: pairs with the fence of a driver between announcing its sleep and `next_deadline` (W6).
            fence(Ordering::SeqCst);
            self.on_earlier.wake_by_ref();
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("clock", &self.clock)
            .field("next_deadline", &self.next_deadline())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
