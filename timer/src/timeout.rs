//! A future with a deadline.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use pin_project_lite::pin_project;

use crate::error::Elapsed;
use crate::sleep::Sleep;
use crate::timer::Timer;

pin_project! {
    /// Gives a future until a deadline to complete: `Ok` with its output, or `Err(`[`Elapsed`]`)`.
    ///
    /// The future is polled first, so one that is ready is never timed out, however late it is looked at. It is dropped
    /// with the `Timeout`, not when the deadline passes; a future that never yields is not interrupted.
    ///
    /// # Errors
    /// [`Elapsed`] if the deadline passes, or the timer is [closed](Timer::close), while the future is not ready.
    ///
    /// # Cancel safety
    /// Dropping it drops the future: what that loses is lost.
    ///
    /// # Examples
    /// ```
    /// use std::future::{self, Future};
    /// use std::task::{Context, Poll, Waker};
    /// use std::{pin::pin, sync::Arc, time::Duration};
    /// use raddle_timer::{Elapsed, ManualClock, Timeout, Timer};
    ///
    /// let clock = ManualClock::new();
    /// let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
    /// let cx = &mut Context::from_waker(Waker::noop());
    /// let deadline = timer.deadline_after(Duration::from_secs(1));
    /// let mut quick = pin!(Timeout::new(timer.clone(), deadline, future::ready("done")));
    /// let mut stuck = pin!(Timeout::new(timer.clone(), deadline, future::pending::<&str>()));
    ///
    /// clock.advance(Duration::from_secs(1));
    /// assert_eq!(quick.as_mut().poll(cx), Poll::Ready(Ok("done")));
    /// assert_eq!(stuck.as_mut().poll(cx), Poll::Ready(Err(Elapsed)));
    /// ```
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        sleep: Sleep,
    }
}

impl<F> Timeout<F> {
    /// `future`, which has until `deadline` on `timer`.
    ///
    /// # Examples
    /// ```
    /// # use std::{future, sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{SystemClock, Timeout, Timer};
    /// let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let deadline = timer.deadline_after(Duration::from_secs(30));
    /// let reply = Timeout::new(timer, deadline, future::ready(7));
    /// # drop(reply);
    /// ```
    pub fn new(timer: Arc<Timer>, deadline: Instant, future: F) -> Self {
        Self { future, sleep: Sleep::new(timer, deadline) }
    }

    /// The deadline, as [`Sleep::deadline`] gives it.
    ///
    /// # Examples
    /// ```
    /// # use std::{future, sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{SystemClock, Timeout, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let deadline = timer.deadline_after(Duration::from_secs(30));
    /// assert_eq!(Timeout::new(timer, deadline, ()).deadline(), deadline);
    /// ```
    pub fn deadline(&self) -> Instant {
        self.sleep.deadline()
    }

    /// The future.
    ///
    /// # Examples
    /// ```
    /// # use std::{future, sync::Arc, task::Waker};
    /// # use raddle_timer::{SystemClock, Timeout, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let timeout = Timeout::new(timer.clone(), timer.now(), future::ready(7));
    /// assert_eq!(timeout.get_ref().clone().into_inner(), 7);
    /// ```
    pub fn get_ref(&self) -> &F {
        &self.future
    }

    /// The future, to be changed.
    ///
    /// # Examples
    /// ```
    /// # use std::{future, sync::Arc, task::Waker};
    /// # use raddle_timer::{SystemClock, Timeout, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let mut timeout = Timeout::new(timer.clone(), timer.now(), future::ready(7));
    /// *timeout.get_mut() = future::ready(8);
    /// ```
    pub fn get_mut(&mut self) -> &mut F {
        &mut self.future
    }

    /// The future, without its deadline.
    ///
    /// # Examples
    /// ```
    /// # use std::{future, sync::Arc, task::Waker};
    /// # use raddle_timer::{SystemClock, Timeout, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let timeout = Timeout::new(timer.clone(), timer.now(), future::ready(7));
    /// assert_eq!(timeout.into_inner().into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> F {
        self.future
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(this.sleep).poll(cx).map(|()| Err(Elapsed))
    }
}
