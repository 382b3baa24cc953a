//! Cancel scopes, and what is kept out of them.

use crate::task::JoinHandle;
use crate::task::env::{self, Within};
use crate::task::{JoinError, spawn};
use crate::time::{Instant, Sleep, sleep_until, timeout};
use raddle_sync::CancellationToken;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

/// A part of a task that can be told to stop, with all that it starts.
///
/// Scopes nest: one made inside another is cancelled with it, and may be cancelled alone. Tasks spawned inside belong to
/// the scope as far as requests go: [`task::cancelled`](super::cancelled) tells them. They are not waited for, and not
/// aborted; a [`TaskGroup`](super::TaskGroup) does that.
///
/// Cancelling is graceful first: what runs inside is told, and has the [grace](CancelScope::grace) period to end by
/// itself; then it is dropped where it waits. Without a grace period that is at once.
///
/// Clones are handles of the same scope.
///
/// ```
/// # raddle::block_on(async {
/// use raddle::task::CancelScope;
/// use raddle::time::Duration;
///
/// let scope = CancelScope::new().timeout(Duration::from_millis(1)).grace(Duration::from_secs(5));
/// let end = scope.run(async {
///     raddle::task::cancelled().await;
///     "told in time"
/// });
/// assert_eq!(end.await, Ok("told in time"));
///
/// let deaf = CancelScope::new().timeout(Duration::from_millis(1));
/// assert!(deaf.run(std::future::pending::<()>()).await.is_err());
/// # })
/// ```
#[derive(Debug, Clone)]
pub struct CancelScope {
    token: CancellationToken,
    deadline: Option<Instant>,
    grace: Duration,
}

/// A cancel scope was cancelled, and what ran in it did not end by itself in time: it was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the scope was cancelled, and what ran in it was dropped")
    }
}

impl std::error::Error for Cancelled {}

impl Default for CancelScope {
    fn default() -> CancelScope {
        CancelScope::new()
    }
}

impl CancelScope {
    /// A scope inside the one it is made in, if any, with no deadline and no grace period.
    pub fn new() -> CancelScope {
        let token = match env::cancelled() {
            Some(outer) => outer.child_token(),
            None => CancellationToken::new(),
        };
        CancelScope { token, deadline: None, grace: Duration::ZERO }
    }

    /// Cancels the scope at `deadline`, while something runs in it.
    #[must_use]
    pub fn deadline(mut self, deadline: Instant) -> CancelScope {
        self.deadline = Some(deadline);
        self
    }

    /// Cancels the scope after `duration` from now, while something runs in it. A duration too long for the clock is no
    /// limit.
    #[must_use]
    pub fn timeout(mut self, duration: Duration) -> CancelScope {
        self.deadline = Instant::now().checked_add(duration);
        self
    }

    /// How long what runs inside may go on after the scope was cancelled: not at all by default.
    #[must_use]
    pub fn grace(mut self, duration: Duration) -> CancelScope {
        self.grace = duration;
        self
    }

    /// Asks all that runs inside to stop.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Whether the scope, or one around it, has been cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Runs `future` in the scope.
    ///
    /// # Errors
    /// [`Cancelled`] if the scope was cancelled, and `future` did not end in the grace period that followed.
    ///
    /// # Cancel safety
    /// That of `future`, which is dropped with this one.
    ///
    /// # Panics
    /// With a deadline or a grace period, outside a runtime.
    pub async fn run<F: Future>(&self, future: F) -> Result<F::Output, Cancelled> {
        let mut inside = pin!(Within::scope(Some(self.token.clone()), future));
        let mut cancelled = pin!(self.token.cancelled());
        let mut deadline: Option<Sleep> = self.deadline.map(sleep_until);
        let ended = poll_fn(|cx| {
            let is_late = |sleep: &mut Sleep, cx: &mut _| Pin::new(sleep).poll(cx).is_ready();
            if let Poll::Ready(output) = inside.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            if deadline.as_mut().is_some_and(|deadline| is_late(deadline, cx)) {
                return Poll::Ready(None);
            }
            cancelled.as_mut().poll(cx).map(|()| None)
        })
        .await;
        if let Some(output) = ended {
            return Ok(output);
        }
        self.token.cancel();
        if self.grace.is_zero() {
            // Once more, so that it hears of it where it does not wait for anything else.
            let last = poll_fn(|cx| Poll::Ready(inside.as_mut().poll(cx)));
            return match last.await {
                Poll::Ready(output) => Ok(output),
                Poll::Pending => Err(Cancelled),
            };
        }
        timeout(self.grace, inside).await.map_err(|_| Cancelled)
    }
}

/// Spawns `future` out of the reach of every cancel scope around: it is not told to stop with the others, and goes on
/// when the handle is dropped. Its own handle can still cancel it.
///
/// For what must not be left half done, such as a commit; await the handle where you can.
///
/// # Panics
/// Outside a runtime.
///
/// ```
/// # raddle::block_on(async {
/// use raddle::task::{self, CancelScope};
///
/// let scope = CancelScope::new();
/// let commit = scope.run(async { task::shield(async { task::is_cancelled() }) }).await.unwrap();
/// scope.cancel();
/// assert_eq!(commit.await.unwrap(), false);
/// # })
/// ```
#[track_caller]
pub fn shield<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    // Not a closure, so that the caller's location is the task's.
    let _outside = env::enter_scope(None);
    spawn(future)
}

impl<T> JoinHandle<T> {
    /// Asks the task to [stop](JoinHandle::cancel), waits, and [aborts](JoinHandle::abort) it if it has not ended after
    /// `grace`.
    ///
    /// # Errors
    /// As awaiting the handle; a task that had to be aborted gives an error whose `is_cancelled` is true.
    ///
    /// # Cancel safety
    /// The task goes on if this future is dropped; it may have been asked to stop.
    ///
    /// # Panics
    /// Outside a runtime.
    ///
    /// ```
    /// # raddle::block_on(async {
    /// use raddle::time::Duration;
    ///
    /// let deaf = raddle::spawn(std::future::pending::<()>());
    /// let end = deaf.cancel_within(Duration::from_millis(1)).await;
    /// assert!(end.unwrap_err().is_cancelled());
    /// # })
    /// ```
    pub async fn cancel_within(mut self, grace: Duration) -> Result<T, JoinError> {
        self.cancel();
        if let Ok(output) = timeout(grace, &mut self).await {
            return output;
        }
        self.abort();
        self.await
    }
}
