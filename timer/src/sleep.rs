//! A future that completes at a deadline.
//!
//! 24 bytes: the timer, the deadline, the key. It is [`Unpin`], because what waits is an entry of the wheel's slab and
//! not the future itself.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::timer::Timer;
use crate::wheel::{Key, tick_up};

/// Completes at its deadline, rounded up to a [tick](Timer#precision) if the clock runs, and never before; or when its timer is
/// [closed](Timer::close).
///
/// Nothing is registered before the first poll, and a deadline that has passed by then completes that poll without
/// touching the wheel; but it does not overtake an earlier deadline that has passed and was not
/// [expired](Timer::expire) yet: then the two fire together. Polled after completion, it completes again.
///
/// # Cancel safety
/// Dropping it gives up the registration, and nothing else: a later `Sleep` of the same deadline is as good. Dropping
/// takes the timer's lock for a moment if the registration has not fired.
///
/// # Examples
/// ```
/// use std::future::Future;
/// use std::task::{Context, Poll, Waker};
/// use std::{pin::Pin, sync::Arc, time::Duration};
/// use raddle_timer::{ManualClock, Sleep, Timer};
///
/// let clock = ManualClock::new();
/// let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
/// let cx = &mut Context::from_waker(Waker::noop());
///
/// let mut sleep = Sleep::new(timer.clone(), timer.deadline_after(Duration::from_secs(1)));
/// assert_eq!(Pin::new(&mut sleep).poll(cx), Poll::Pending);
///
/// clock.advance(Duration::from_secs(1));
/// timer.expire(timer.now(), &mut Vec::new());
/// assert_eq!(Pin::new(&mut sleep).poll(cx), Poll::Ready(()));
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct Sleep {
    timer: Arc<Timer>,
    deadline_ns: u64,
    /// `None` before the first poll, and after completion.
    key: Option<Key>,
}

impl Sleep {
    /// A sleep until `deadline`, on `timer`.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{Sleep, SystemClock, Timer};
    /// let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let sleep = Sleep::new(timer.clone(), timer.deadline_after(Duration::from_millis(10)));
    /// assert!(timer.is_empty(), "not registered before the first poll");
    /// # drop(sleep);
    /// ```
    pub fn new(timer: Arc<Timer>, deadline: Instant) -> Self {
        let deadline_ns = timer.ns(deadline);
        Self { timer, deadline_ns, key: None }
    }

    /// The deadline. One before the timer was made is given as that moment, one beyond its
    /// [range](Timer#precision) as the end of that.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{Sleep, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let deadline = timer.deadline_after(Duration::from_millis(10));
    /// assert_eq!(Sleep::new(timer, deadline).deadline(), deadline);
    /// ```
    pub fn deadline(&self) -> Instant {
        self.timer.instant(self.deadline_ns)
    }

    /// Whether the deadline has passed, or the timer was closed. Reads the clock.
    ///
    /// A sleep can be elapsed and not yet woken: for a tick, or for as long as its timer is not driven.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{ManualClock, Sleep, Timer};
    /// let clock = ManualClock::new();
    /// let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
    /// let sleep = Sleep::new(timer.clone(), timer.deadline_after(Duration::from_secs(1)));
    /// assert!(!sleep.is_elapsed());
    /// clock.advance(Duration::from_secs(1));
    /// assert!(sleep.is_elapsed());
    /// ```
    pub fn is_elapsed(&self) -> bool {
        self.has_fired() || self.has_passed()
    }

    /// Sets another deadline, earlier or later, whether or not the old one has passed.
    ///
    /// A registration moves along with its waker: a task that waited for the old deadline is woken at the new one, and
    /// if that has passed, at once: by this call, or when the timer is driven next. O(1), as setting it was.
    ///
    /// # Panics
    /// If the waker that is woken panics.
    ///
    /// # Examples
    /// Half a minute of silence, starting over with every message:
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{Sleep, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// const SILENCE: Duration = Duration::from_secs(30);
    /// let mut silence = Sleep::new(timer.clone(), timer.deadline_after(SILENCE));
    /// // On each message:
    /// silence.reset(timer.deadline_after(SILENCE));
    /// # assert!(!silence.is_elapsed());
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline_ns = self.timer.ns(deadline);
        if let Some(key) = self.key
            && !self.timer.reschedule(key, self.deadline_ns)
        {
            // Fired, or given up and woken: either way, the next poll decides anew.
            self.key = None;
        }
    }

    pub(crate) fn timer(&self) -> &Arc<Timer> {
        &self.timer
    }

    fn filed(&self) -> u64 {
        self.timer.filed(self.deadline_ns)
    }

    /// W7: whether an entry of this deadline has fired, however it was filed.
    fn has_fired(&self) -> bool {
        self.timer.has_fired_through(tick_up(self.deadline_ns))
    }

    fn has_passed(&self) -> bool {
        self.timer.present(self.timer.now()) >= self.deadline_ns
    }

    fn poll_once(&mut self, waker: &Waker) -> Poll<()> {
        if self.has_fired() {
            return Poll::Ready(()); // W7: nothing to cancel.
        }
        match self.key {
            Some(key) => self.timer.poll(key, waker),
            None => {
                let filed = self.filed();
                if self.timer.would_be_nearest(filed) && self.has_passed() {
                    return Poll::Ready(()); // W9.
                }
                match self.timer.insert_at(filed, waker) {
                    Key::FIRED => Poll::Ready(()),
                    key => {
                        self.key = Some(key);
                        Poll::Pending
                    }
                }
            }
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polled = self.poll_once(cx.waker());
        if polled.is_ready() {
            self.key = None;
        }
        polled
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key
            && !self.has_fired()
        {
            self.timer.cancel(key);
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline())
            .field("is_registered", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;
    use std::task::Wake;
    use std::time::Duration;

    /// A task that sets timers while it is dropped, as any task may.
    struct Restless(Arc<Timer>);

    impl Wake for Restless {
        fn wake(self: Arc<Self>) {}
    }

    impl Drop for Restless {
        fn drop(&mut self) {
            self.0.insert(self.0.deadline_after(Duration::from_secs(9)), Waker::noop());
        }
    }

    #[test]
    fn no_waker_is_dropped_under_the_lock() {
        let clock = ManualClock::new();
        let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
        let restless = || Waker::from(Arc::new(Restless(timer.clone())));
        let deadline = timer.deadline_after(Duration::from_secs(1));

        let key = timer.insert(deadline, &restless());
        assert!(timer.poll(key, &restless()).is_pending(), "replaced");
        timer.cancel(key);
        timer.insert(deadline, &restless());
        clock.advance(Duration::from_secs(2));
        timer.expire(timer.now(), &mut Vec::new());
        assert_eq!(timer.insert(deadline, &restless()), Key::FIRED);
        assert_eq!(timer.len(), 4, "replaced, cancelled, fired, and refused");
    }

    #[test]
    fn a_sleep_takes_24_bytes_and_moves_freely() {
        fn assert_send_unpin<T: Send + Sync + Unpin>() {}
        assert_send_unpin::<Sleep>();
        assert_eq!(size_of::<Sleep>(), 24);
    }
}
