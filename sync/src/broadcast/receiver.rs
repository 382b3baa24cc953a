//! The end that receives.

use super::{
    error::{RecvError, TryRecvError},
    ring::Shared,
    shares::Share,
};
use crate::{
    blocking::block_on,
    budget,
    loom::{Arc, Ordering},
    notify::Notified,
};
use pin_project_lite::pin_project;
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The receiving end of a broadcast channel: gets what is sent while it exists.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// let (sender, mut receiver) = raddle_sync::broadcast::channel(16);
/// sender.send("hello").unwrap();
/// assert_eq!(receiver.recv().await, Ok("hello"));
/// # });
/// ```
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The number of the next message.
    next: u64,
}

// A panic leaves the channel consistent.
impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Receiver<T> {
    /// A receiver of what comes from now on.
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        let next = shared.subscribe();
        Self { shared, next }
    }

    /// A second receiver, which gets what is sent from now on, and not what this one has not
    /// received yet.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::broadcast::channel(16);
    /// sender.send(1).unwrap();
    /// assert!(receiver.resubscribe().is_empty());
    /// ```
    #[must_use = "a receiver that is dropped receives nothing"]
    pub fn resubscribe(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }

    /// The number of messages sent that this receiver has not received. If it is more than the
    /// channel keeps, the next call reports a lag.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::broadcast::channel(16);
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.sent_since(self.next)
    }

    /// Whether this receiver has received everything.
    ///
    /// # Examples
    /// ```
    /// let (_sender, receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// assert!(receiver.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all senders have been dropped. There may be messages left.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// drop(sender);
    /// assert!(receiver.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Whether both receive from the same senders.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// assert!(receiver.same_channel(&sender.subscribe()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// The number of senders at this moment.
    ///
    /// # Examples
    /// ```
    /// let (_sender, receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// assert_eq!(receiver.sender_strong_count(), 1);
    /// ```
    pub fn sender_strong_count(&self) -> usize {
        self.shared.senders.load(Ordering::Acquire)
    }

    /// The number of weak senders at this moment.
    ///
    /// # Examples
    /// ```
    /// let (_sender, receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// assert_eq!(receiver.sender_weak_count(), 0);
    /// ```
    pub fn sender_weak_count(&self) -> usize {
        self.shared.weak_senders.load(Ordering::Relaxed)
    }
}

impl<T: Clone> Receiver<T> {
    /// Waits for the next message.
    ///
    /// # Panics
    /// If `T::clone` does. This receiver has lost the message then; the channel goes on.
    ///
    /// # Cancel safety
    /// Dropping this future loses no message.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] if messages were missed: the next call goes on with the oldest there
    /// is. [`RecvError::Closed`] if all senders are gone, and everything has been received.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, mut receiver) = raddle_sync::broadcast::channel(16);
    /// sender.send(1).unwrap();
    /// drop(sender);
    /// while let Ok(message) = receiver.recv().await {
    ///     assert_eq!(message, 1);
    /// }
    /// # });
    /// ```
    #[inline]
    pub fn recv(&mut self) -> impl Future<Output = Result<T, RecvError>> {
        Receiving { shared: &*self.shared, next: &mut self.next, notified: None }
    }

    /// Takes the next message if it is there.
    ///
    /// # Panics
    /// If `T::clone` does. This receiver has lost the message then; the channel goes on.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if it may still come; the others as for [`recv`](Self::recv).
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = raddle_sync::broadcast::channel(16);
    /// assert!(receiver.try_recv().is_err());
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.shared.receive(&mut self.next, false).map(Share::into_value)
    }

    /// As [`recv`](Self::recv), on this thread, which sleeps meanwhile.
    ///
    /// # Panics
    /// If `T::clone` does.
    ///
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = raddle_sync::broadcast::channel(16);
    /// std::thread::spawn(move || sender.send(1));
    /// assert_eq!(receiver.blocking_recv(), Ok(1));
    /// ```
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Result<T, RecvError> {
        block_on(self.recv())
    }
}

pin_project! {
    /// The future of `recv`. Written by hand: mostly the message is there, and it is done in one
    /// poll.
    #[must_use = "futures do nothing unless polled or awaited"]
    struct Receiving<'a, T> {
        shared: &'a Shared<T>,
        next: &'a mut u64,
        #[pin]
        notified: Option<Notified<'a>>,
    }
}

impl<T: Clone> Future for Receiving<'_, T> {
    type Output = Result<T, RecvError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.notified.is_none() {
            let unit = ready!(budget::poll_proceed(cx));
            if let Some(share) = this.shared.take(this.next) {
                unit.made_progress();
                return Poll::Ready(Ok(share.into_value()));
            }
        }
        wait(this.shared, this.next, this.notified, cx)
    }
}

#[cold]
fn wait<'a, T: Clone>(
    shared: &'a Shared<T>,
    next: &mut u64,
    mut notified: Pin<&mut Option<Notified<'a>>>,
    cx: &mut Context<'_>,
) -> Poll<Result<T, RecvError>> {
    loop {
        if let Some(notified) = notified.as_mut().as_pin_mut() {
            ready!(notified.poll(cx));
        }
        // Born before the look (D5).
        notified.set(Some(shared.arrived.notified()));
        return Poll::Ready(match shared.receive(next, true) {
            Ok(share) => Ok(share.into_value()),
            Err(TryRecvError::Lagged(missed)) => Err(RecvError::Lagged(missed)),
            Err(TryRecvError::Closed) => Err(RecvError::Closed),
            Err(TryRecvError::Empty) => continue,
        });
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.unsubscribe(self.next);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("channel", &*self.shared).finish_non_exhaustive()
    }
}
