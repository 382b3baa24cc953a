//! A child of a task group, from both sides.

use super::group::Shared;
use pin_project_lite::pin_project;
use raddle_sync::oneshot;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The value of a child of a [`TaskGroup`](super::TaskGroup), when it has one. Dropping it changes nothing.
///
/// # Cancel safety
/// Awaiting `&mut child` loses nothing when dropped.
pub struct Child<T>(oneshot::Receiver<T>);

/// A child has no value: it has failed, or was aborted. Why is in the group's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChildFailed;

impl fmt::Display for ChildFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this child of a task group has failed, or was aborted: the group's error says why",
        )
    }
}

impl std::error::Error for ChildFailed {}

impl<T> Child<T> {
    pub(super) fn new(receive: oneshot::Receiver<T>) -> Child<T> {
        Child(receive)
    }
}

impl<T> Future for Child<T> {
    type Output = Result<T, ChildFailed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(|_| ChildFailed)
    }
}

impl<T> fmt::Debug for Child<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child").finish_non_exhaustive()
    }
}

/// Reports the end of a child when dropped (T20).
pub(super) struct Ended<E> {
    group: Arc<Shared<E>>,
    key: u64,
}

impl<E> Ended<E> {
    pub(super) fn new(group: Arc<Shared<E>>, key: u64) -> Ended<E> {
        Ended { group, key }
    }
}

impl<E> Drop for Ended<E> {
    fn drop(&mut self) {
        self.group.ended(self.key);
    }
}

pin_project! {
    /// A child's future, which is gone before its end is reported (T20). The fields are dropped in this order; what an
    /// `async` block has captured would not be, in one that was never polled.
    pub(super) struct Tracked<F, E> {
        #[pin]
        future: F,
        ended: Ended<E>,
    }
}

impl<F, E> Tracked<F, E> {
    pub(super) fn new(future: F, ended: Ended<E>) -> Tracked<F, E> {
        Tracked { future, ended }
    }
}

impl<F: Future<Output = ()>, E> Future for Tracked<F, E> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().future.poll(cx)
    }
}

pin_project! {
    /// A future whose panic is its output. It is dropped as soon as it has ended, and a panic of its destructor counts, too.
    pub(super) struct Catch<F> {
        #[pin]
        future: Option<F>,
    }
}

pub(super) fn catch<F: Future>(future: F) -> Catch<F> {
    Catch { future: Some(future) }
}

impl<F: Future> Future for Catch<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut future = self.project().future;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let running = future.as_mut().as_pin_mut();
            let polled = running.expect("a future is not polled after it has ended").poll(cx);
            if polled.is_ready() {
                future.set(None);
            }
            polled
        }));
        polled.map_or_else(|panic| Poll::Ready(Err(panic)), |polled| polled.map(Ok))
    }
}
