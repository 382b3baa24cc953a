//! Reserving slots in a channel for a limited time.

use crate::time::error::SendTimeoutError;
use crate::time::{Elapsed, timeout};
use raddle_sync::mpsc::{OwnedPermit, Permit, PermitIterator, Sender};
use std::future::Future;
use std::time::Duration;

/// Reserving with a limit, for [`mpsc::Sender`](Sender).
pub trait ReserveTimeout<T>: Sized {
    /// Waits for a free slot for `limit` at most, to send into it later without waiting.
    ///
    /// # Errors
    /// [`SendTimeoutError`]: there was no slot in time, or there is no receiver any more.
    ///
    /// # Cancel safety
    /// Dropping this takes no slot.
    ///
    /// ```
    /// use raddle::time::{Duration, error::SendTimeoutError, limits::ReserveTimeout};
    ///
    /// # raddle::block_on(async {
    /// let (sender, _receiver) = raddle::sync::mpsc::channel(1);
    /// let limit = Duration::from_millis(1);
    /// sender.reserve_timeout(limit).await.unwrap().send('a');
    /// let late = sender.reserve_timeout(limit).await;
    /// assert_eq!(late.unwrap_err(), SendTimeoutError::Timeout(()));
    /// # })
    /// ```
    fn reserve_timeout<'a>(
        &'a self,
        limit: Duration,
    ) -> impl Future<Output = Result<Permit<'a, T>, SendTimeoutError<()>>>
    where
        T: 'a;

    /// Waits for `count` slots for `limit` at most. They are collected meanwhile, and given back if they were too few.
    ///
    /// # Errors
    /// As [`reserve_timeout`](ReserveTimeout::reserve_timeout), and [`SendTimeoutError::Closed`] if the channel has not that
    /// many slots at all.
    ///
    /// # Cancel safety
    /// As [`reserve_timeout`](ReserveTimeout::reserve_timeout).
    fn reserve_many_timeout<'a>(
        &'a self,
        count: usize,
        limit: Duration,
    ) -> impl Future<Output = Result<PermitIterator<'a, T>, SendTimeoutError<()>>>
    where
        T: 'a;

    /// As [`reserve_timeout`](ReserveTimeout::reserve_timeout), for a permit that holds this sender.
    ///
    /// # Errors
    /// [`SendTimeoutError`] gives the sender back.
    ///
    /// # Cancel safety
    /// Dropping this drops the sender.
    ///
    /// ```
    /// use raddle::time::{Duration, limits::ReserveTimeout};
    ///
    /// # raddle::block_on(async {
    /// let (sender, mut receiver) = raddle::sync::mpsc::channel(1);
    /// let limit = Duration::from_millis(1);
    /// let sender = sender.reserve_owned_timeout(limit).await.unwrap().send('a');
    /// let sender = sender.reserve_owned_timeout(limit).await.unwrap_err().into_inner();
    /// assert_eq!(receiver.recv().await, Some('a'));
    /// assert!(sender.try_send('b').is_ok());
    /// # })
    /// ```
    fn reserve_owned_timeout(
        self,
        limit: Duration,
    ) -> impl Future<Output = Result<OwnedPermit<T>, SendTimeoutError<Self>>>;
}

impl<T> ReserveTimeout<T> for Sender<T> {
    async fn reserve_timeout<'a>(
        &'a self,
        limit: Duration,
    ) -> Result<Permit<'a, T>, SendTimeoutError<()>>
    where
        T: 'a,
    {
        in_time(timeout(limit, self.reserve()).await).map_err(|late| late(()))
    }

    async fn reserve_many_timeout<'a>(
        &'a self,
        count: usize,
        limit: Duration,
    ) -> Result<PermitIterator<'a, T>, SendTimeoutError<()>>
    where
        T: 'a,
    {
        in_time(timeout(limit, self.reserve_many(count)).await).map_err(|late| late(()))
    }

    async fn reserve_owned_timeout(
        self,
        limit: Duration,
    ) -> Result<OwnedPermit<T>, SendTimeoutError<Self>> {
        // Another of its kind waits, because who waits for an owned permit is gone when it is in vain.
        let reserved = timeout(limit, self.clone().reserve_owned()).await;
        in_time(reserved).map_err(|late| late(self))
    }
}

/// The permit, or what to put into the error.
fn in_time<P, E, V>(
    reserved: Result<Result<P, E>, Elapsed>,
) -> Result<P, fn(V) -> SendTimeoutError<V>> {
    match reserved {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) => Err(SendTimeoutError::Closed),
        Err(Elapsed) => Err(SendTimeoutError::Timeout),
    }
}
