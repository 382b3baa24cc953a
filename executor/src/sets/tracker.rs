//! Knowing when all of many tasks are gone, without keeping their handles.
//!
//! - **T33** What is tracked is counted in one word with the flag that says that the tracker is closed. Whoever makes it
//!   closed with nothing tracked, by closing or by letting go of the last, tells all who wait. Who waits says so before it
//!   looks at the word.

use crate::local::LocalSet;
use crate::loom::left_out;
use crate::loom::sync::atomic::{AtomicUsize, Ordering::*};
use crate::runtime::Handle;
use crate::task::JoinHandle;
use pin_project_lite::pin_project;
use raddle_sync::Notify;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Whether the tracker is closed: the lowest bit. The rest counts what is tracked.
const CLOSED: usize = 1;
const ONE: usize = 2;

/// Counts tasks, and tells when it is closed and all of them are gone. Names and meanings are those of
/// `tokio_util::task`.
///
/// Unlike a [`JoinSet`](super::JoinSet), it keeps nothing of a task that has ended, aborts nothing, and its clones can be
/// given to whoever spawns. For a graceful shutdown: cancel a token, close the tracker, wait.
///
/// ```
/// # raddle::block_on(async {
/// let tracker = raddle::task::TaskTracker::new();
/// for _ in 0..10 {
///     tracker.spawn(raddle::task::yield_now());
/// }
/// tracker.close();
/// tracker.wait().await;
/// assert!(tracker.is_empty());
/// # })
/// ```
#[derive(Clone)]
pub struct TaskTracker {
    shared: Arc<Shared>,
}

struct Shared {
    word: AtomicUsize,
    idle: Notify,
}

/// Is counted by a [`TaskTracker`] as long as it lives.
#[derive(Debug)]
pub struct TaskTrackerToken {
    tracker: TaskTracker,
}

pin_project! {
    /// A future that a [`TaskTracker`] counts until it is dropped. Made by [`TaskTracker::track_future`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct TrackedFuture<F> {
        // In this order: the future is gone before it stops being counted.
        #[pin]
        future: F,
        token: TaskTrackerToken,
    }
}

impl TaskTracker {
    /// Open, and counting nothing.
    #[must_use]
    pub fn new() -> TaskTracker {
        TaskTracker { shared: Arc::new(Shared { word: AtomicUsize::new(0), idle: Notify::new() }) }
    }

    fn word(&self) -> usize {
        // Acquire: pairs with the end of a token, so that who sees none left has seen what they did.
        self.shared.word.load(Acquire)
    }

    /// Waits until the tracker is closed and empty.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn wait(&self) {
        loop {
            // T33: made first: it hears of what happens after the look.
            let mut idle = self.shared.idle.notified();
            if self.word() == CLOSED {
                return;
            }
            if left_out("T33") {
                idle = self.shared.idle.notified();
            }
            idle.await;
        }
    }

    /// From now on [`wait`](TaskTracker::wait) ends when nothing is left. Tasks can be spawned as before. Says whether the
    /// tracker was open.
    pub fn close(&self) -> bool {
        // AcqRel: as in the end of a token.
        let before = self.shared.word.fetch_or(CLOSED, AcqRel);
        if before == 0 {
            self.shared.idle.notify_waiters();
        }
        before & CLOSED == 0
    }

    /// Undoes [`close`](TaskTracker::close). Says whether the tracker was closed.
    pub fn reopen(&self) -> bool {
        self.shared.word.fetch_and(!CLOSED, AcqRel) & CLOSED != 0
    }

    /// Whether the tracker is closed.
    pub fn is_closed(&self) -> bool {
        self.word() & CLOSED != 0
    }

    /// How many tasks, futures and tokens are tracked.
    pub fn len(&self) -> usize {
        self.word() / ONE
    }

    /// Whether nothing is tracked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both are the same tracker.
    pub fn ptr_eq(left: &TaskTracker, right: &TaskTracker) -> bool {
        Arc::ptr_eq(&left.shared, &right.shared)
    }

    /// Spawns a task that is tracked until its future is dropped.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        crate::spawn(self.track_future(future))
    }

    /// As [`spawn`](TaskTracker::spawn), on a given runtime, from any thread.
    #[track_caller]
    pub fn spawn_on<F>(&self, future: F, runtime: &Handle) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        runtime.spawn(self.track_future(future))
    }

    /// Runs a function that may block, tracked until it has returned.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        crate::blocking::spawn_blocking(tracked(f, self.token()))
    }

    /// As [`spawn_blocking`](TaskTracker::spawn_blocking), on a given runtime, from any thread.
    #[track_caller]
    pub fn spawn_blocking_on<F, R>(&self, f: F, runtime: &Handle) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        runtime.spawn_blocking(tracked(f, self.token()))
    }

    /// As [`spawn`](TaskTracker::spawn), on the local set whose code is running here.
    ///
    /// # Panics
    /// Outside a [`LocalSet`].
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        crate::local::spawn_local(self.track_future(future))
    }

    /// As [`spawn_local`](TaskTracker::spawn_local), on a given set.
    #[track_caller]
    pub fn spawn_local_on<F>(&self, future: F, set: &LocalSet) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        set.spawn_local(self.track_future(future))
    }

    /// A future that is tracked from now on, whether it is polled or not.
    pub fn track_future<F: Future>(&self, future: F) -> TrackedFuture<F> {
        TrackedFuture { future, token: self.token() }
    }

    /// Is tracked as long as it lives.
    #[must_use]
    pub fn token(&self) -> TaskTrackerToken {
        // Relaxed: a count; what it counts is published by other means.
        self.shared.word.fetch_add(ONE, Relaxed);
        TaskTrackerToken { tracker: self.clone() }
    }
}

/// A call that is tracked until it has returned, or is never made.
fn tracked<F, R>(f: F, token: TaskTrackerToken) -> impl FnOnce() -> R
where
    F: FnOnce() -> R,
{
    move || {
        // Captured in this order: a call that is never made drops `f` before it stops being tracked.
        let call = f;
        let _token = token;
        call()
    }
}

impl TaskTrackerToken {
    /// Whose it is.
    pub fn task_tracker(&self) -> &TaskTracker {
        &self.tracker
    }
}

impl Clone for TaskTrackerToken {
    /// Another token of the same tracker.
    fn clone(&self) -> TaskTrackerToken {
        self.tracker.token()
    }
}

impl Drop for TaskTrackerToken {
    fn drop(&mut self) {
        // AcqRel: Release publishes what the task did to whoever waits; Acquire passes on what the others published.
        let before = self.tracker.shared.word.fetch_sub(ONE, AcqRel);
        if before == ONE | CLOSED {
            self.tracker.shared.idle.notify_waiters();
        }
    }
}

impl<F: Future> Future for TrackedFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(cx)
    }
}

impl Default for TaskTracker {
    fn default() -> TaskTracker {
        TaskTracker::new()
    }
}

impl fmt::Debug for TaskTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskTracker")
            .field("len", &self.len())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}
