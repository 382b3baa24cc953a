//! What can go wrong when something has a limited time, where Tokio has it and beside.

use raddle_sync::AcquireError;
use raddle_sync::queue::error::GetError;
use std::error::Error;
use std::fmt;

pub use raddle_timer::Elapsed;

/// Why [`send_timeout`](super::limits::SendTimeout::send_timeout) did not send. Gives the message back.
///
/// ```
/// use raddle::time::error::SendTimeoutError;
///
/// assert_eq!(SendTimeoutError::Timeout(3).into_inner(), 3);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendTimeoutError<T> {
    /// There was no room in time.
    Timeout(T),
    /// There is no receiver any more, or it was closed.
    Closed(T),
}

impl<T> SendTimeoutError<T> {
    /// The message.
    pub fn into_inner(self) -> T {
        match self {
            SendTimeoutError::Timeout(message) | SendTimeoutError::Closed(message) => message,
        }
    }
}

impl<T> fmt::Debug for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendTimeoutError::Timeout(_) => "Timeout(..)",
            SendTimeoutError::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for SendTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendTimeoutError::Timeout(_) => "the channel had no room in time",
            SendTimeoutError::Closed(_) => "channel closed",
        })
    }
}

impl<T> Error for SendTimeoutError<T> {}

/// Why [`acquire_timeout`](super::limits::AcquireTimeout::acquire_timeout) got no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcquireTimeoutError {
    /// There was none in time.
    Timeout,
    /// The semaphore has been closed.
    Closed,
}

impl fmt::Display for AcquireTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AcquireTimeoutError::Timeout => "the semaphore had no permit in time",
            AcquireTimeoutError::Closed => "semaphore closed",
        })
    }
}

impl Error for AcquireTimeoutError {}

impl From<Elapsed> for AcquireTimeoutError {
    fn from(_: Elapsed) -> AcquireTimeoutError {
        AcquireTimeoutError::Timeout
    }
}

impl From<AcquireError> for AcquireTimeoutError {
    fn from(_: AcquireError) -> AcquireTimeoutError {
        AcquireTimeoutError::Closed
    }
}

/// Why [`get_timeout`](super::limits::GetTimeout::get_timeout) got no item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GetTimeoutError {
    /// There was none in time.
    Timeout,
    /// The queue has been closed, and is empty.
    Closed,
}

impl fmt::Display for GetTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GetTimeoutError::Timeout => "the queue had no item in time",
            GetTimeoutError::Closed => "queue closed",
        })
    }
}

impl Error for GetTimeoutError {}

impl From<Elapsed> for GetTimeoutError {
    fn from(_: Elapsed) -> GetTimeoutError {
        GetTimeoutError::Timeout
    }
}

impl From<GetError> for GetTimeoutError {
    fn from(_: GetError) -> GetTimeoutError {
        GetTimeoutError::Closed
    }
}

/// Why [`put_timeout`](super::limits::PutTimeout::put_timeout) did not put. Gives the item back.
///
/// ```
/// use raddle::time::error::PutTimeoutError;
///
/// assert_eq!(PutTimeoutError::Timeout(3).into_inner(), 3);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PutTimeoutError<T> {
    /// There was no room in time.
    Timeout(T),
    /// The queue has been closed.
    Closed(T),
}

impl<T> PutTimeoutError<T> {
    /// The item.
    pub fn into_inner(self) -> T {
        match self {
            PutTimeoutError::Timeout(item) | PutTimeoutError::Closed(item) => item,
        }
    }
}

impl<T> fmt::Debug for PutTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutTimeoutError::Timeout(_) => "Timeout(..)",
            PutTimeoutError::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for PutTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutTimeoutError::Timeout(_) => "the queue had no room in time",
            PutTimeoutError::Closed(_) => "queue closed",
        })
    }
}

impl<T> Error for PutTimeoutError<T> {}
