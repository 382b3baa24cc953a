//! Sending and receiving for a limited time.

use crate::time::error::SendTimeoutError;
use crate::time::{Elapsed, timeout};
use raddle_sync::{broadcast, mpsc, watch};
use std::future::Future;
use std::time::Duration;

/// Sending with a limit, for [`mpsc::Sender`].
pub trait SendTimeout<T> {
    /// Sends `message`, if there is room for it within `limit`.
    ///
    /// # Errors
    /// [`SendTimeoutError`] gives the message back: there was no room in time, or there is no receiver any more.
    ///
    /// # Cancel safety
    /// Dropping this drops the message unsent.
    ///
    /// ```
    /// use raddle::sync::mpsc;
    /// use raddle::time::{Duration, error::SendTimeoutError, limits::SendTimeout};
    ///
    /// # raddle::block_on(async {
    /// let (sender, _receiver) = mpsc::channel(1);
    /// let limit = Duration::from_millis(1);
    /// assert_eq!(sender.send_timeout(1, limit).await, Ok(()));
    /// assert_eq!(sender.send_timeout(2, limit).await, Err(SendTimeoutError::Timeout(2)));
    /// # })
    /// ```
    fn send_timeout(
        &self,
        message: T,
        limit: Duration,
    ) -> impl Future<Output = Result<(), SendTimeoutError<T>>>;
}

impl<T> SendTimeout<T> for mpsc::Sender<T> {
    async fn send_timeout(&self, message: T, limit: Duration) -> Result<(), SendTimeoutError<T>> {
        match timeout(limit, self.reserve()).await {
            Ok(Ok(permit)) => {
                permit.send(message);
                Ok(())
            }
            Ok(Err(_)) => Err(SendTimeoutError::Closed(message)),
            Err(Elapsed) => Err(SendTimeoutError::Timeout(message)),
        }
    }
}

/// Receiving with a limit, for the receivers of [`mpsc`] and [`broadcast`]. (That of a `oneshot` is a future: see
/// [`FutureExt::timeout`](super::FutureExt::timeout).)
pub trait RecvTimeout {
    /// What `recv` returns.
    type Output;

    /// The next message, if it comes within `limit`; what `recv` returns if all senders are gone and all messages
    /// received.
    ///
    /// # Errors
    /// [`Elapsed`] if no message came in time.
    ///
    /// # Cancel safety
    /// No message is lost.
    ///
    /// ```
    /// use raddle::time::{Duration, limits::RecvTimeout};
    ///
    /// # raddle::block_on(async {
    /// let (sender, mut receiver) = raddle::sync::mpsc::channel(1);
    /// sender.try_send(1).unwrap();
    /// let limit = Duration::from_millis(1);
    /// assert_eq!(receiver.recv_timeout(limit).await, Ok(Some(1)));
    /// assert!(receiver.recv_timeout(limit).await.is_err());
    /// drop(sender);
    /// assert_eq!(receiver.recv_timeout(limit).await, Ok(None));
    /// # })
    /// ```
    fn recv_timeout(
        &mut self,
        limit: Duration,
    ) -> impl Future<Output = Result<Self::Output, Elapsed>>;
}

impl<T> RecvTimeout for mpsc::Receiver<T> {
    type Output = Option<T>;

    async fn recv_timeout(&mut self, limit: Duration) -> Result<Option<T>, Elapsed> {
        timeout(limit, self.recv()).await
    }
}

impl<T> RecvTimeout for mpsc::UnboundedReceiver<T> {
    type Output = Option<T>;

    async fn recv_timeout(&mut self, limit: Duration) -> Result<Option<T>, Elapsed> {
        timeout(limit, self.recv()).await
    }
}

impl<T: Clone> RecvTimeout for broadcast::Receiver<T> {
    type Output = Result<T, broadcast::error::RecvError>;

    async fn recv_timeout(&mut self, limit: Duration) -> Result<Self::Output, Elapsed> {
        timeout(limit, self.recv()).await
    }
}

/// Receiving several with a limit, for the receivers of [`mpsc`].
pub trait RecvManyTimeout<T> {
    /// Appends to `into` the messages that are there, `max` at most, or, if there is none, waits for the first of them for
    /// `limit` at most; what `recv_many` returns.
    ///
    /// # Errors
    /// [`Elapsed`] if no message came in time.
    ///
    /// # Cancel safety
    /// No message is lost.
    ///
    /// ```
    /// use raddle::time::{Duration, limits::RecvManyTimeout};
    ///
    /// # raddle::block_on(async {
    /// let (sender, mut receiver) = raddle::sync::mpsc::channel(2);
    /// sender.try_send(1).unwrap();
    /// sender.try_send(2).unwrap();
    /// let (mut batch, limit) = (Vec::new(), Duration::from_millis(1));
    /// assert_eq!(receiver.recv_many_timeout(&mut batch, 10, limit).await, Ok(2));
    /// assert!(receiver.recv_many_timeout(&mut batch, 10, limit).await.is_err());
    /// # })
    /// ```
    fn recv_many_timeout(
        &mut self,
        into: &mut Vec<T>,
        max: usize,
        limit: Duration,
    ) -> impl Future<Output = Result<usize, Elapsed>>;
}

impl<T> RecvManyTimeout<T> for mpsc::Receiver<T> {
    async fn recv_many_timeout(
        &mut self,
        into: &mut Vec<T>,
        max: usize,
        limit: Duration,
    ) -> Result<usize, Elapsed> {
        timeout(limit, self.recv_many(into, max)).await
    }
}

impl<T> RecvManyTimeout<T> for mpsc::UnboundedReceiver<T> {
    async fn recv_many_timeout(
        &mut self,
        into: &mut Vec<T>,
        max: usize,
        limit: Duration,
    ) -> Result<usize, Elapsed> {
        timeout(limit, self.recv_many(into, max)).await
    }
}

/// Waiting with a limit for another value, for [`watch::Receiver`].
pub trait ChangedTimeout {
    /// Waits until the value has changed since it was seen last, for `limit` at most; what
    /// [`changed`](watch::Receiver::changed) returns.
    ///
    /// # Errors
    /// [`Elapsed`] if it did not change in time.
    ///
    /// # Cancel safety
    /// A change that was not returned counts as not seen.
    ///
    /// ```
    /// use raddle::time::{Duration, limits::ChangedTimeout};
    ///
    /// # raddle::block_on(async {
    /// let (sender, mut receiver) = raddle::sync::watch::channel(1);
    /// let limit = Duration::from_millis(1);
    /// assert!(receiver.changed_timeout(limit).await.is_err());
    /// sender.send(2).unwrap();
    /// assert_eq!(receiver.changed_timeout(limit).await, Ok(Ok(())));
    /// # })
    /// ```
    fn changed_timeout(
        &mut self,
        limit: Duration,
    ) -> impl Future<Output = Result<Result<(), watch::error::RecvError>, Elapsed>>;
}

impl<T> ChangedTimeout for watch::Receiver<T> {
    async fn changed_timeout(
        &mut self,
        limit: Duration,
    ) -> Result<Result<(), watch::error::RecvError>, Elapsed> {
        timeout(limit, self.changed()).await
    }
}

/// Waiting with a limit for a value that meets a condition, for [`watch::Receiver`].
pub trait WaitForTimeout<T> {
    /// Waits until the value meets `condition`, for `limit` at most; what [`wait_for`](watch::Receiver::wait_for) returns,
    /// and as there, `condition` must not use the channel.
    ///
    /// # Panics
    /// If `condition` does. The channel goes on.
    ///
    /// # Errors
    /// [`Elapsed`] if no such value came in time.
    ///
    /// # Cancel safety
    /// Nothing is lost, but the values that were looked at count as seen.
    ///
    /// ```
    /// use raddle::time::{Duration, limits::WaitForTimeout};
    ///
    /// # raddle::block_on(async {
    /// let (sender, mut receiver) = raddle::sync::watch::channel(1);
    /// let limit = Duration::from_millis(1);
    /// assert!(receiver.wait_for_timeout(|&value| value > 1, limit).await.is_err());
    /// sender.send(2).unwrap();
    /// assert_eq!(*receiver.wait_for_timeout(|&value| value > 1, limit).await.unwrap().unwrap(), 2);
    /// # })
    /// ```
    fn wait_for_timeout<'a>(
        &'a mut self,
        condition: impl FnMut(&T) -> bool,
        limit: Duration,
    ) -> impl Future<Output = Result<Result<watch::Ref<'a, T>, watch::error::RecvError>, Elapsed>>
    where
        T: 'a;
}

impl<T> WaitForTimeout<T> for watch::Receiver<T> {
    async fn wait_for_timeout<'a>(
        &'a mut self,
        condition: impl FnMut(&T) -> bool,
        limit: Duration,
    ) -> Result<Result<watch::Ref<'a, T>, watch::error::RecvError>, Elapsed>
    where
        T: 'a,
    {
        timeout(limit, self.wait_for(condition)).await
    }
}
