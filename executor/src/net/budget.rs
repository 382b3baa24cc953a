//! Spending the task's budget on sockets: one unit for each operation that completes.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, ready};

use raddle_sync::budget::poll_proceed;

/// Runs one poll of an operation on the budget: a unit if it completes, nothing if it waits.
#[inline]
pub(crate) fn spend<R>(
    cx: &mut Context<'_>,
    operation: impl FnOnce(&mut Context<'_>) -> Poll<R>,
) -> Poll<R> {
    let unit = ready!(poll_proceed(cx));
    let outcome = ready!(operation(cx));
    unit.made_progress();
    Poll::Ready(outcome)
}

/// Runs a future that is one operation on the budget.
pub(crate) async fn spending<F: Future>(operation: F) -> F::Output {
    let mut operation = pin!(operation);
    poll_fn(|cx| spend(cx, |cx| operation.as_mut().poll(cx))).await
}
