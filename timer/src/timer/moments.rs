//! Moments as the wheel counts them: nanoseconds since the timer was made.

use super::Timer;
use crate::wheel::{LAST_NS, NEVER_NS, tick_up};
use std::time::{Duration, Instant};

impl Timer {
    /// `start` plus `duration`, or the last moment that counts.
    pub(crate) fn later(&self, start: Instant, duration: Duration) -> Instant {
        start.checked_add(duration).unwrap_or_else(|| self.instant(LAST_NS))
    }

    /// Nanoseconds from the making of this timer to `instant`, at least 0, and at most [`LAST_NS`].
    pub(crate) fn ns(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.epoch);
        let ns = since.as_secs().saturating_mul(1_000_000_000);
        ns.saturating_add(u64::from(since.subsec_nanos())).min(LAST_NS)
    }

    /// [`ns`](Timer::ns) of what a clock shows: no clock goes to where deadlines never come.
    pub(crate) fn present(&self, now: Instant) -> u64 {
        self.ns(now).min(NEVER_NS - 1)
    }

    /// How far time has come: what the clock says, or the end of time if the timer is closed (W8).
    pub(crate) fn reached(&self) -> u64 {
        self.present(self.now()).max(self.fired_through())
    }

    /// The inverse of [`ns`](Timer::ns).
    pub(crate) fn instant(&self, ns: u64) -> Instant {
        self.epoch + Duration::from_nanos(ns)
    }

    /// W2: as what a deadline is filed.
    pub(crate) fn filed(&self, ns: u64) -> u64 {
        if self.clock.is_running() { tick_up(ns) } else { ns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ManualClock, Sleep};
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Waker};

    #[test]
    fn what_never_comes_does_not_come_at_the_end_of_time_either() {
        let clock = ManualClock::new();
        let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
        let waits = |sleep: &mut Sleep| {
            Pin::new(sleep).poll(&mut Context::from_waker(Waker::noop())).is_pending()
        };
        let mut forever = Sleep::new(timer.clone(), timer.deadline_after(Duration::MAX));
        assert!(waits(&mut forever));
        assert_eq!((timer.next_deadline(), timer.settle()), (None, None));
        for _ in 0..2 {
            clock.advance(Duration::MAX);
            let mut woken = Vec::new();
            timer.expire(timer.now(), &mut woken);
            assert!(woken.is_empty() && !timer.is_closed() && !forever.is_elapsed());
            assert!(waits(&mut forever));
        }
        let mut second = Sleep::new(timer.clone(), timer.deadline_after(Duration::from_secs(1)));
        assert!(waits(&mut second));
    }
}
