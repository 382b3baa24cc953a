//! What can go wrong with a watch channel.

use std::{error::Error, fmt};

/// There are no receivers. Gives the value back.
///
/// ```
/// let (sender, receiver) = raddle_sync::watch::channel(0);
/// drop(receiver);
/// assert_eq!(sender.send(5).unwrap_err().0, 5);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channel closed")
    }
}

impl<T> Error for SendError<T> {}

/// All senders have been dropped: the value will not change any more.
///
/// ```
/// let (sender, receiver) = raddle_sync::watch::channel(0);
/// drop(sender);
/// assert_eq!(receiver.has_changed().unwrap_err().to_string(), "channel closed");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecvError(pub(super) ());

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("channel closed")
    }
}

impl Error for RecvError {}
