//! The futures that end when a token is cancelled.

use super::CancellationToken;
use crate::notify::Notified;
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    /// Resolves when a token is cancelled. Made by [`CancellationToken::cancelled`].
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use raddle_sync::{CancellationToken, futures::WaitForCancellationFuture};
    ///
    /// let token = CancellationToken::new();
    /// let waiting: WaitForCancellationFuture<'_> = token.cancelled();
    /// token.cancel();
    /// waiting.await;
    /// # });
    /// ```
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct WaitForCancellationFuture<'a> {
        token: &'a CancellationToken,
        #[pin]
        notified: Notified<'a>,
    }
}

impl<'a> WaitForCancellationFuture<'a> {
    pub(super) fn new(token: &'a CancellationToken) -> Self {
        Self { token, notified: token.token.notify.notified() }
    }
}

impl Future for WaitForCancellationFuture<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if !this.token.is_cancelled() {
            // F4: born before the look. Whoever notifies has set the mark before.
            ready!(this.notified.poll(cx));
        }
        Poll::Ready(())
    }
}

pin_project! {
    /// The future of `run_until_cancelled`.
    pub(super) struct RunUntilCancelled<'a, F> {
        #[pin]
        cancelled: WaitForCancellationFuture<'a>,
        #[pin]
        future: F,
    }
}

impl<'a, F> RunUntilCancelled<'a, F> {
    pub(super) fn new(token: &'a CancellationToken, future: F) -> Self {
        Self { cancelled: token.cancelled(), future }
    }
}

impl<F: Future> Future for RunUntilCancelled<'_, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Some(output));
        }
        ready!(this.cancelled.poll(cx));
        Poll::Ready(None)
    }
}
