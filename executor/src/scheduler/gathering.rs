//! Many deadlines, few waits.
//!
//! Each return from a wait costs some microseconds, and on a virtual machine tens of them, whether one task is woken or fifty.
//! So when two deadlines or more have passed together, those that follow are gathered: [`PERIOD`] lies between one crowd and
//! the next, and who comes due meanwhile waits, half of it on average. A deadline that comes alone is met as soon as the
//! system lets us.
//!
//! Waits end late, by what the system makes of them: some microseconds here, a hundred there. To add that to the period would
//! make the same deadlines late on one machine that are met on another. So it is measured, and the wait is asked to end
//! earlier by it, but never before the first deadline.

use std::time::{Duration, Instant};

/// How far apart crowds are.
const PERIOD: Duration = Duration::from_micros(155);
/// How many must have passed together to be called a crowd.
const CROWD: usize = 2;
/// One wait among so many tells how late waits end.
const WEIGHT: u32 = 8;

/// The holder's memory of its last waits, on the timers' clock.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// When a crowd has passed last, if the last wait ended with one.
    crowd: Option<Instant>,
    /// How late a wait ends, lately.
    late: Duration,
}

impl Gathering {
    /// When the wait for `deadline`, the first one, should end.
    pub(super) fn end(&self, deadline: Instant) -> Instant {
        let gathered = self.crowd.map(|crowd| crowd + PERIOD.saturating_sub(self.late));
        gathered.map_or(deadline, |gathered| gathered.max(deadline))
    }

    /// A wait has ended, and so many deadlines have passed in it. It should have ended at `end`, if that was ahead when it began.
    pub(super) fn ended(
        &mut self,
        end: Option<Instant>,
        passed: usize,
        now: impl FnOnce() -> Instant,
    ) {
        self.crowd = None;
        if passed == 0 {
            return;
        }
        let now = now();
        self.crowd = (passed >= CROWD).then_some(now);
        // If it ended before, it was for something else.
        if let Some(late) = end.and_then(|end| now.checked_duration_since(end)) {
            // No more than can be made up for, or one long absence would count for many.
            self.late = (self.late * (WEIGHT - 1) + late.min(PERIOD)) / WEIGHT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Duration = Duration::from_micros(1);

    /// Crowds, a deadline every 10 µs, on a system that ends waits so late: how far apart they are in the end.
    fn apart(late: Duration) -> Duration {
        let mut gathering = Gathering::default();
        let mut now = Instant::now();
        let mut last = now;
        for _ in 0..100 {
            last = now;
            let end = gathering.end(now + 10 * US);
            now = end + late;
            gathering.ended(Some(end), CROWD, || now);
        }
        now - last
    }

    #[test]
    fn crowds_are_equally_far_apart_on_every_machine() {
        for late in [0, 5, 50, 100, 140] {
            let apart = apart(late * US);
            assert!(apart.abs_diff(PERIOD) < US, "{apart:?} apart, {late} µs late");
        }
    }

    #[test]
    fn no_wait_should_end_before_the_first_deadline() {
        assert_eq!(apart(PERIOD), PERIOD + 10 * US);
        assert_eq!(apart(1_000 * US), 1_010 * US);
    }

    #[test]
    fn who_comes_alone_is_not_kept_waiting() {
        let mut gathering = Gathering::default();
        let now = Instant::now();
        assert_eq!(gathering.end(now + US), now + US);
        for passed in [CROWD - 1, 0] {
            gathering.ended(None, CROWD, || now);
            assert_eq!(gathering.end(now + US), now + PERIOD);
            gathering.ended(None, passed, || now);
            assert_eq!(gathering.end(now + US), now + US);
        }
    }

    #[test]
    fn a_wait_that_was_cut_short_says_nothing_of_how_late_waits_end() {
        let mut gathering = Gathering::default();
        let now = Instant::now();
        gathering.ended(Some(now), CROWD, || now + 80 * US);
        let end = gathering.end(now);
        gathering.ended(Some(now + 90 * US), CROWD, || now + 80 * US);
        assert_eq!(gathering.end(now), end);
    }
}
