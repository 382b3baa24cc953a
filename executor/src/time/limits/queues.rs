//! Putting into queues, getting out of them, and waiting until all is done, for a limited time.

use crate::time::error::{GetTimeoutError, PutTimeoutError};
use crate::time::{Elapsed, timeout};
use raddle_sync::queue::{LifoQueue, PriorityQueue, Queue};
use std::future::Future;
use std::time::Duration;

/// Putting with a limit, for the queues of [`sync::queue`](crate::sync::queue).
pub trait PutTimeout<T> {
    /// Puts `item` in, if there is room for it within `limit`.
    ///
    /// # Errors
    /// [`PutTimeoutError`] gives the item back: there was no room in time, or the queue is closed.
    ///
    /// # Cancel safety
    /// Dropping this drops the item, which is then not put.
    ///
    /// ```
    /// use raddle::sync::queue::Queue;
    /// use raddle::time::{Duration, error::PutTimeoutError, limits::PutTimeout};
    ///
    /// # raddle::block_on(async {
    /// let queue = Queue::bounded(1);
    /// let limit = Duration::from_millis(1);
    /// assert_eq!(queue.put_timeout(1, limit).await, Ok(()));
    /// assert_eq!(queue.put_timeout(2, limit).await, Err(PutTimeoutError::Timeout(2)));
    /// # })
    /// ```
    fn put_timeout(
        &self,
        item: T,
        limit: Duration,
    ) -> impl Future<Output = Result<(), PutTimeoutError<T>>>;
}

/// Getting with a limit, for the queues of [`sync::queue`](crate::sync::queue).
pub trait GetTimeout<T> {
    /// Takes an item out, if there is one within `limit`.
    ///
    /// # Errors
    /// [`GetTimeoutError`]: there was none in time, or the queue was closed and is empty.
    ///
    /// # Cancel safety
    /// No item is lost.
    ///
    /// ```
    /// use raddle::sync::queue::Queue;
    /// use raddle::time::{Duration, error::GetTimeoutError, limits::GetTimeout};
    ///
    /// # raddle::block_on(async {
    /// let queue = Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// let limit = Duration::from_millis(1);
    /// assert_eq!(queue.get_timeout(limit).await, Ok(1));
    /// assert_eq!(queue.get_timeout(limit).await, Err(GetTimeoutError::Timeout));
    /// # })
    /// ```
    fn get_timeout(&self, limit: Duration) -> impl Future<Output = Result<T, GetTimeoutError>>;
}

/// Waiting with a limit until all items are done, for the queues of [`sync::queue`](crate::sync::queue).
pub trait JoinTimeout {
    /// Waits until every item that was put has been marked done, for `limit` at most.
    ///
    /// # Errors
    /// [`Elapsed`] if some were not in time.
    ///
    /// ```
    /// use raddle::sync::queue::Queue;
    /// use raddle::time::{Duration, limits::JoinTimeout};
    ///
    /// # raddle::block_on(async {
    /// let queue = Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// let limit = Duration::from_millis(1);
    /// assert!(queue.join_timeout(limit).await.is_err());
    /// queue.get().await.unwrap();
    /// queue.task_done().unwrap();
    /// assert!(queue.join_timeout(limit).await.is_ok());
    /// # })
    /// ```
    fn join_timeout(&self, limit: Duration) -> impl Future<Output = Result<(), Elapsed>>;
}

/// The kinds differ in their type only.
macro_rules! limits_of_queues {
    ($($queue:ident: $($bound:ident)?;)*) => {$(
        impl<T $(: $bound)?> PutTimeout<T> for $queue<T> {
            async fn put_timeout(&self, item: T, limit: Duration) -> Result<(), PutTimeoutError<T>> {
                let mut item = Some(item);
                let put = timeout(limit, self.put_from(&mut item)).await;
                match (put, item) {
                    (Err(Elapsed), Some(item)) => Err(PutTimeoutError::Timeout(item)),
                    (Ok(Err(_)), Some(item)) => Err(PutTimeoutError::Closed(item)),
                    (_, None) | (Ok(Ok(())), _) => Ok(()),
                }
            }
        }

        impl<T $(: $bound)?> GetTimeout<T> for $queue<T> {
            async fn get_timeout(&self, limit: Duration) -> Result<T, GetTimeoutError> {
                Ok(timeout(limit, self.get()).await??)
            }
        }

        impl<T $(: $bound)?> JoinTimeout for $queue<T> {
            async fn join_timeout(&self, limit: Duration) -> Result<(), Elapsed> {
                timeout(limit, self.join()).await
            }
        }
    )*};
}

limits_of_queues! {
    Queue:;
    LifoQueue:;
    PriorityQueue: Ord;
}
