//! What can go wrong with a queue.

use std::{error::Error, fmt};

/// The queue is closed. Gives the item back.
///
/// ```
/// # futures_lite::future::block_on(async {
/// let queue = raddle_sync::queue::Queue::unbounded();
/// queue.close();
/// assert_eq!(queue.put(1).await.unwrap_err().0, 1);
/// # });
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PutError<T>(pub T);

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("queue closed")
    }
}

impl<T> Error for PutError<T> {}

/// Why an item could not be put at once. Gives it back.
///
/// ```
/// use raddle_sync::queue::{Queue, error::TryPutError};
///
/// let queue = Queue::bounded(1);
/// queue.try_put(1).unwrap();
/// assert_eq!(queue.try_put(2), Err(TryPutError::Full(2)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TryPutError<T> {
    /// There is no room, or others are waiting for it.
    Full(T),
    /// The queue is closed.
    Closed(T),
}

impl<T> TryPutError<T> {
    /// The item.
    ///
    /// ```
    /// assert_eq!(raddle_sync::queue::error::TryPutError::Full(3).into_inner(), 3);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item) | Self::Closed(item) => item,
        }
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "queue full",
            Self::Closed(_) => "queue closed",
        })
    }
}

impl<T> Error for TryPutError<T> {}

/// The queue is closed, and everything in it has been got.
///
/// ```
/// # futures_lite::future::block_on(async {
/// let queue = raddle_sync::queue::Queue::<u32>::unbounded();
/// queue.close();
/// assert_eq!(queue.get().await.unwrap_err().to_string(), "queue closed");
/// # });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetError(pub(super) ());

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("queue closed")
    }
}

impl Error for GetError {}

/// Why there was nothing to get at once.
///
/// ```
/// use raddle_sync::queue::{Queue, error::TryGetError};
///
/// let queue = Queue::<u32>::unbounded();
/// assert_eq!(queue.try_get(), Err(TryGetError::Empty));
/// queue.close();
/// assert_eq!(queue.try_get(), Err(TryGetError::Closed));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryGetError {
    /// There is nothing, or others are waiting for it.
    Empty,
    /// The queue is closed, and everything in it has been got.
    Closed,
}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "queue empty",
            Self::Closed => "queue closed",
        })
    }
}

impl Error for TryGetError {}

/// `task_done` was called more often than items were put.
///
/// ```
/// let queue = raddle_sync::queue::Queue::<u32>::unbounded();
/// assert!(queue.task_done().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskDoneError(pub(super) ());

impl fmt::Display for TaskDoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("task_done was called more often than items were put")
    }
}

impl Error for TaskDoneError {}
