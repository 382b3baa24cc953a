//! Waiting for moments, and giving up on futures that take too long.
//!
//! [`sleep`], [`timeout`] and [`interval`] are what most programs need. [`call_later`] calls a function; a [`DelayQueue`]
//! gives items back when they are due; [`limits`] gives the operations of [`sync`](crate::sync) a limited time;
//! [`pause`] stops the time, for tests.
//!
//! # Precision
//! Deadlines are kept in a timing wheel per worker with a tick of 4,096 ns: a sleep ends at the first tick after its
//! deadline, and never before the deadline by the runtime's clock, not by a nanosecond. How late it ends beyond that is up
//! to the system and to who is awake:
//!
//! - Linux ends a wait late, so as to wake several threads at once: by 50 µs or a thousandth of the wait, as a rule. The
//!   runtime asks for an earlier end by as much. (The 50 µs are the timer slack of the thread that builds the runtime, which
//!   is read then. A niced process waits up to a two-hundredth longer; without the feature `net`, waits end those 50 µs
//!   late.) What remains is what a processor that sleeps takes to wake up: some 10 to
//!   50 µs. Waits are in nanoseconds where the system has them (`epoll_pwait2`, Linux 5.11), and
//!   are rounded up to milliseconds where it has not: other systems, and older kernels.
//! - Where deadlines come close together, they pass together: once two have, those that follow wait until 155 µs after them.
//!   So they are late by some 80 µs on average, and by 155 at most; what the system adds to a wait is made up for up to that, and
//!   comes on top beyond.
//! - A task whose deadline has passed is put behind those that are runnable already.
//! - While some worker sleeps, or gets on with its polls, a deadline is served 5 ms late at most. If all are in long polls, a thread that
//!   stands in for them serves it some ten milliseconds late ([`Builder::relief_threads`](crate::runtime::Builder::relief_threads)); without
//!   such threads it waits for the end of a poll.
//!
//! Durations too long for the clock, as [`Duration::MAX`], never end: what is due 292 years after the runtime's begin or later does not come,
//! also when [`advance`] moves the time there. A sleep belongs to the runtime in which it was made. If that ends, it ends at once, and so
//! do timeouts and ticks. While the machine is suspended, time stands still
//! on Linux and macOS, and goes on on Windows; what came due meanwhile fires at once then. See [`raddle_timer`].

use crate::scheduler::context;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

mod call;
pub(crate) mod contained;
mod delay_queue;
pub mod error;
mod instant;
mod interval;
pub mod limits;
mod pause;
mod timeout;

pub use call::{TimerHandle, call_at, call_later};
pub use delay_queue::{DelayQueue, Expired, Key};
pub use instant::Instant;
pub use interval::{Interval, interval, interval_at};
pub use pause::{advance, pause, resume};
pub use raddle_timer::{Clock, Elapsed, ManualClock, MissedTickBehavior, SystemClock};
pub use std::time::Duration;
pub use timeout::{Timeout, timeout, timeout_at};

/// Ends at a deadline. Made by [`sleep`] and [`sleep_until`].
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep(raddle_timer::Sleep);

impl Sleep {
    /// When it ends. A moment before the runtime's begin is given as that, one beyond 292 years as the last.
    pub fn deadline(&self) -> Instant {
        Instant(self.0.deadline())
    }

    /// Whether the deadline has passed, or the runtime has ended. The task may be woken a little later.
    pub fn is_elapsed(&self) -> bool {
        self.0.is_elapsed()
    }

    /// Moves the deadline, also of a sleep that has ended. A task that waits is woken at the new one, and if that has passed, at once.
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
/// A duration too long for the clock waits for ever; so it does while time is paused. If the runtime ends, so does the wait.
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

/// Waits until `deadline`; not at all if that has passed. (If the runtime has not looked at the time since an earlier deadline, it does that
/// first, and this waits for it.)
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
