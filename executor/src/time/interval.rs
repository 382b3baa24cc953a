//! Moments that come again and again.

use super::{Instant, MissedTickBehavior};
use crate::scheduler::context;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Ticks at equal distances. Made by [`interval`] and [`interval_at`].
#[derive(Debug)]
pub struct Interval(raddle_timer::Interval);

impl Interval {
    /// Waits for the next tick, and returns when it was due.
    ///
    /// # Cancel safety
    /// A tick that has not been returned is not lost.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Polls for the next tick.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        // A task that lags behind its ticks is ready at once, again and again; others want to run, too.
        let budget = ready!(raddle_sync::budget::poll_proceed(cx));
        let due = ready!(self.0.poll_tick(cx));
        budget.made_progress();
        Poll::Ready(Instant(due))
    }

    /// The next tick comes a period from now.
    pub fn reset(&mut self) {
        self.0.reset();
    }

    /// The next tick comes at once.
    pub fn reset_immediately(&mut self) {
        self.0.reset_immediately();
    }

    /// The next tick comes after `after`.
    pub fn reset_after(&mut self, after: Duration) {
        self.0.reset_after(after);
    }

    /// The next tick comes at `deadline`.
    pub fn reset_at(&mut self, deadline: Instant) {
        self.0.reset_at(deadline.0);
    }

    /// What happens to ticks that were missed.
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.0.missed_tick_behavior()
    }

    /// Says what shall happen to ticks that are missed.
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.0.set_missed_tick_behavior(behavior);
    }

    /// The distance between ticks.
    pub fn period(&self) -> Duration {
        self.0.period()
    }
}

/// Ticks every `period`, for the first time at once.
///
/// Ticks that are missed are made up for ([`MissedTickBehavior::Burst`]), unless
/// [`set_missed_tick_behavior`](Interval::set_missed_tick_behavior) says otherwise. A tick is missed if it is late by more than 5 ms, or by more
/// than half a period where that is less.
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
    Interval(raddle_timer::Interval::new(context::timer("time::interval"), period))
}

/// Ticks every `period`, for the first time at `start`. A `start` before the runtime's own counts as that.
///
/// # Panics
/// As [`interval`].
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    Interval(raddle_timer::Interval::new_at(context::timer("time::interval_at"), start.0, period))
}
