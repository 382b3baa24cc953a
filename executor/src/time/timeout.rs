//! Giving up on futures that take too long.

use super::Instant;
use crate::scheduler::context;
use pin_project_lite::pin_project;
use raddle_sync::budget;
use raddle_timer::Elapsed;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pin_project! {
    /// A future with a deadline. Made by [`timeout`] and [`timeout_at`].
    #[derive(Debug)]
    #[must_use = "a timeout does nothing unless it is awaited"]
    pub struct Timeout<F> {
        #[pin]
        inner: raddle_timer::Timeout<F>,
    }
}

impl<F> Timeout<F> {
    /// When the time is up.
    pub fn deadline(&self) -> Instant {
        Instant(self.inner.deadline())
    }

    /// The future.
    pub fn get_ref(&self) -> &F {
        self.inner.get_ref()
    }

    /// The future.
    pub fn get_mut(&mut self) -> &mut F {
        self.inner.get_mut()
    }

    /// The future, without a deadline.
    pub fn into_inner(self) -> F {
        self.inner.into_inner()
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Asked for, and given back: the future is to have all there is, or it would be late for want of the unit we hold,
        // though what it waits for is there.
        drop(ready!(budget::poll_proceed(cx)));
        let output = ready!(self.project().inner.poll(cx));
        if budget::has_remaining()
            && let Poll::Ready(unit) = budget::poll_proceed(cx)
        {
            unit.made_progress();
        }
        Poll::Ready(output)
    }
}

/// Gives `future` a limited time.
///
/// # Errors
/// [`Elapsed`] if the time is up first; the future is dropped then, with the `Timeout`. A future that is ready in the
/// same poll as the deadline wins. If the runtime ends, the time is up.
///
/// # Cancel safety
/// Dropping it drops `future`, and loses what that loses.
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
    Timeout { inner: raddle_timer::Timeout::new(timer, deadline, future.into_future()) }
}

/// Gives `future` until `deadline`. See [`timeout`], also for what is lost when it is dropped.
///
/// # Errors
/// As [`timeout`].
///
/// # Panics
/// Outside a runtime.
#[track_caller]
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    let timer = context::timer("time::timeout_at");
    Timeout { inner: raddle_timer::Timeout::new(timer, deadline.0, future.into_future()) }
}
