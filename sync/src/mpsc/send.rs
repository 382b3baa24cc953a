//! The future of `Sender::send`.
//!
//! Written by hand, because most of the time there is a slot, and then it is done in one poll: the
//! place in line comes into being only when there is none.

use super::{
    chan::{Chan, Offer},
    error::SendError,
};
use crate::{acquire::Acquire, budget};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    /// Resolves when the message is in the channel, or the channel closed.
    #[must_use = "futures do nothing unless polled or awaited"]
    pub(super) struct Sending<'a, T> {
        chan: &'a Chan<T>,
        // `None` once it is sent, or given back.
        message: Option<T>,
        #[pin]
        place: Option<Acquire<'a, Chan<T>>>,
    }
}

impl<'a, T> Sending<'a, T> {
    #[inline]
    pub(super) fn new(chan: &'a Chan<T>, message: T) -> Self {
        Self { chan, message: Some(message), place: None }
    }
}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.place.is_none() {
            assert!(this.message.is_some(), "a future was polled after it had completed");
            let unit = ready!(budget::poll_proceed(cx));
            match this.chan.offer(this.message) {
                Offer::Sent => {
                    unit.made_progress();
                    return Poll::Ready(Ok(()));
                }
                Offer::Closed => {
                    unit.made_progress();
                    return Poll::Ready(Err(SendError(take(this.message))));
                }
                Offer::Full => this.place.set(Some(Acquire::new(this.chan, 1))),
            }
        }
        send_in_turn(this.chan, this.message, this.place, cx)
    }
}

#[cold]
fn send_in_turn<'a, T>(
    chan: &'a Chan<T>,
    message: &mut Option<T>,
    place: Pin<&mut Option<Acquire<'a, Chan<T>>>>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), SendError<T>>> {
    let place = place.as_pin_mut().expect("a sender that waits has a place in line");
    let served = ready!(place.poll(cx));
    let message = take(message);
    Poll::Ready(match served {
        Ok(()) => chan.send_reserved(message).map_err(SendError),
        Err(_) => Err(SendError(message)),
    })
}

fn take<T>(message: &mut Option<T>) -> T {
    message.take().expect("a future was polled after it had completed")
}
