//! Waiting for moments, and giving up on futures that take too long.
//!
//! Deadlines are kept in a timing wheel per worker with a tick of 32,768 ns: a sleep ends at the first tick after its
//! deadline, never before it. See [`raddle_timer`].

use crate::scheduler::context;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

mod instant;
mod interval;
mod timeout;

pub use instant::Instant;
pub use interval::{Interval, interval, interval_at};
pub use raddle_timer::{Elapsed, MissedTickBehavior};
pub use std::time::Duration;
pub use timeout::{Timeout, timeout, timeout_at};

/// Errors, where Tokio has them.
pub mod error {
    pub use raddle_timer::Elapsed;
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
