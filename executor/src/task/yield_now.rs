//! Letting the others run.

use super::{current, waker};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Gives every other task that is ready a turn before this one goes on.
///
/// The task goes to the back of its worker's queue. Inside another executor, or inside a combinator that brings its
/// own waker, this wakes the waker and returns `Pending` once, which comes to the same.
///
/// # Cancel safety
/// Nothing is lost by dropping the future.
///
/// ```
/// # raddle::block_on(async {
/// for chunk in [1, 2, 3] {
///     // ... compute ...
///     raddle::task::yield_now().await;
/// }
/// # })
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { has_yielded: false }
}

/// The future of [`yield_now`].
// Not that of an async function, whose states would cost each yield ten instructions more.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct YieldNow {
    has_yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.has_yielded, true) {
            return Poll::Ready(());
        }
        if !current::request_yield(|task| waker::is_waker_of(cx.waker(), task)) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
