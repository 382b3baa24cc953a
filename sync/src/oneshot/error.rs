//! What can go wrong with a oneshot channel.

use std::{error::Error, fmt};

/// The sender was dropped without sending, or the receiver had been closed.
///
/// ```
/// let (sender, receiver) = raddle_sync::oneshot::channel::<()>();
/// drop(sender);
/// let error = receiver.blocking_recv().unwrap_err();
/// assert_eq!(error.to_string(), "channel closed");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecvError(pub(super) ());

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channel closed")
    }
}

impl Error for RecvError {}

/// Why [`try_recv`](super::Receiver::try_recv) got nothing.
///
/// ```
/// use raddle_sync::oneshot::{self, error::TryRecvError};
///
/// let (_sender, mut receiver) = oneshot::channel::<()>();
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TryRecvError {
    /// Nothing has been sent yet.
    Empty,
    /// Nothing will be sent any more.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "channel empty",
            Self::Closed => "channel closed",
        })
    }
}

impl Error for TryRecvError {}
