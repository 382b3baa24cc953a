//! The unbounded channel: sending never waits.

use super::{
    chan::UNBOUNDED,
    ends::{self, Rx, Tx, WeakTx},
    error::{SendError, TrySendError},
    receiver::receiver_methods,
};
use crate::loom::Ordering;
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
};

/// Makes a channel in which sending never waits.
///
/// Nothing but memory limits the number of messages: where the senders can be faster than the
/// receiver for long, use [`channel`](super::channel).
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// let (sender, mut receiver) = raddle_sync::mpsc::unbounded_channel();
/// sender.send("hello").unwrap();
/// assert_eq!(receiver.recv().await, Some("hello"));
/// # });
/// ```
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (tx, rx) = ends::channel(UNBOUNDED);
    (UnboundedSender { tx }, UnboundedReceiver { rx })
}

/// The sending end of an unbounded channel. Clones send to the same receiver.
///
/// # Examples
/// ```
/// let (sender, mut receiver) = raddle_sync::mpsc::unbounded_channel();
/// sender.clone().send(1).unwrap();
/// assert_eq!(receiver.try_recv(), Ok(1));
/// ```
pub struct UnboundedSender<T> {
    tx: Tx<T>,
}

// As the channels of the standard library: a panic leaves the channel consistent.
impl<T> UnwindSafe for UnboundedSender<T> {}
impl<T> RefUnwindSafe for UnboundedSender<T> {}

impl<T> UnboundedSender<T> {
    /// Sends the message. Never waits, and so may be called from anywhere.
    ///
    /// # Errors
    /// The message, if the receiver has been closed or dropped.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::mpsc::unbounded_channel();
    /// sender.send(1).unwrap();
    /// drop(receiver);
    /// assert_eq!(sender.send(2).unwrap_err().0, 2);
    /// ```
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.tx.try_send(message).map_err(|error: TrySendError<T>| SendError(error.into_inner()))
    }

    /// Waits until the receiver is closed or dropped.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, receiver) = raddle_sync::mpsc::unbounded_channel::<()>();
    /// drop(receiver);
    /// sender.closed().await;
    /// # });
    /// ```
    pub async fn closed(&self) {
        self.tx.closed().await;
    }

    /// Whether the receiver has been closed or dropped.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::mpsc::unbounded_channel::<()>();
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.tx.is_closed()
    }

    /// Whether both send to the same receiver.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::unbounded_channel::<()>();
    /// assert!(sender.same_channel(&sender.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.tx.same_channel(&other.tx)
    }

    /// A sender that does not keep the channel open.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::unbounded_channel::<()>();
    /// let weak = sender.downgrade();
    /// drop(sender);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[must_use = "a weak sender is for keeping"]
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        WeakUnboundedSender { tx: self.tx.downgrade() }
    }

    /// The number of senders at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::unbounded_channel::<()>();
    /// assert_eq!(sender.strong_count(), 1);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.tx.senders.load(Ordering::Acquire)
    }

    /// The number of weak senders at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::unbounded_channel::<()>();
    /// assert_eq!(sender.weak_count(), 0);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.tx.weak_senders.load(Ordering::Relaxed)
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        Self { tx: self.tx.clone() }
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedSender").field("channel", &*self.tx).finish()
    }
}

/// An [`UnboundedSender`] that does not keep the channel open, made by
/// [`UnboundedSender::downgrade`].
///
/// # Examples
/// ```
/// let (sender, _receiver) = raddle_sync::mpsc::unbounded_channel();
/// let weak = sender.downgrade();
/// weak.upgrade().unwrap().send(1).unwrap();
/// ```
pub struct WeakUnboundedSender<T> {
    tx: WeakTx<T>,
}

impl<T> UnwindSafe for WeakUnboundedSender<T> {}
impl<T> RefUnwindSafe for WeakUnboundedSender<T> {}

impl<T> WeakUnboundedSender<T> {
    /// A sender, unless all of them have been dropped.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::unbounded_channel::<()>();
    /// assert!(sender.downgrade().upgrade().is_some());
    /// ```
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        self.tx.upgrade().map(|tx| UnboundedSender { tx })
    }

    /// The number of senders at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::unbounded_channel::<()>();
    /// assert_eq!(sender.downgrade().strong_count(), 1);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.tx.senders.load(Ordering::Acquire)
    }

    /// The number of weak senders at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::unbounded_channel::<()>();
    /// assert_eq!(sender.downgrade().weak_count(), 1);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.tx.weak_senders.load(Ordering::Relaxed)
    }
}

impl<T> Clone for WeakUnboundedSender<T> {
    fn clone(&self) -> Self {
        Self { tx: self.tx.clone() }
    }
}

impl<T> fmt::Debug for WeakUnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakUnboundedSender").field("channel", &*self.tx).finish()
    }
}

/// The receiving end of an unbounded channel.
///
/// # Examples
/// ```
/// let (sender, mut receiver) = raddle_sync::mpsc::unbounded_channel();
/// sender.send(1).unwrap();
/// assert_eq!(receiver.blocking_recv(), Some(1));
/// ```
pub struct UnboundedReceiver<T> {
    rx: Rx<T>,
}

receiver_methods!(UnboundedReceiver, "unbounded_channel()", "send");
