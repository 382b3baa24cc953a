//! The bounded channel: senders wait while it is full.

use super::{
    chan::MAX_CAPACITY,
    ends::{self, Rx, Tx, WeakTx},
    error::{SendError, TrySendError},
    receiver::receiver_methods,
    send::Sending,
};
use crate::{
    blocking::{block_on, expect_may_block},
    loom::Ordering,
    stats::Stats,
};
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
};

/// Makes a channel for at most `capacity` messages at a time.
///
/// Space for them is allocated as they come.
///
/// # Panics
/// If `capacity` is zero, or more than `usize::MAX >> 3`.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// let (sender, mut receiver) = raddle_sync::mpsc::channel(8);
/// sender.send("hello").await.unwrap();
/// drop(sender);
/// assert_eq!(receiver.recv().await, Some("hello"));
/// assert_eq!(receiver.recv().await, None);
/// # });
/// ```
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel needs room for at least one message, not 0");
    assert!(
        capacity <= MAX_CAPACITY,
        "a channel for {capacity} messages is too large; the most is {MAX_CAPACITY}"
    );
    let (tx, rx) = ends::channel(capacity);
    (Sender { tx }, Receiver { rx })
}

/// The sending end of a bounded channel. Clones send to the same receiver.
///
/// # Examples
/// ```
/// let (sender, mut receiver) = raddle_sync::mpsc::channel(1);
/// let other = sender.clone();
/// std::thread::spawn(move || other.blocking_send(1)).join().unwrap().unwrap();
/// assert_eq!(receiver.try_recv(), Ok(1));
/// ```
pub struct Sender<T> {
    pub(super) tx: Tx<T>,
}

// As the channels of the standard library: a panic leaves the channel consistent.
impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Sender<T> {
    /// Waits for a free slot and sends the message. Slots are handed out in the order of asking.
    ///
    /// That it was sent does not mean that it will be received: the receiver may still be dropped.
    ///
    /// # Cancel safety
    /// Dropping this future before it completes drops the message, which is then not sent. To keep
    /// the message, [`reserve`](Self::reserve) a slot first.
    ///
    /// # Errors
    /// The message, if the receiver has been closed or dropped.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, mut receiver) = raddle_sync::mpsc::channel(1);
    /// sender.send(1).await.unwrap();
    /// assert_eq!(receiver.recv().await, Some(1));
    /// # });
    /// ```
    #[inline]
    pub fn send(&self, message: T) -> impl Future<Output = Result<(), SendError<T>>> {
        Sending::new(&self.tx, message)
    }

    /// Sends the message if there is a free slot, and nobody waits for it.
    ///
    /// # Errors
    /// The message, in [`TrySendError::Full`] or [`TrySendError::Closed`].
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel(1);
    /// assert!(sender.try_send(1).is_ok());
    /// assert!(sender.try_send(2).is_err());
    /// ```
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.tx.try_send(message)
    }

    /// As [`send`](Self::send), on this thread, which sleeps while the channel is full.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Errors
    /// The message, if the receiver has been closed or dropped.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, mut receiver) = raddle_sync::mpsc::channel(1);
    /// std::thread::spawn(move || sender.blocking_send(1));
    /// assert_eq!(receiver.recv().await, Some(1));
    /// # });
    /// ```
    #[track_caller]
    pub fn blocking_send(&self, message: T) -> Result<(), SendError<T>> {
        expect_may_block();
        match self.tx.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(message)) => Err(SendError(message)),
            Err(TrySendError::Full(message)) => block_on(self.send(message)),
        }
    }

    /// Waits until the receiver is closed or dropped.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, receiver) = raddle_sync::mpsc::channel::<()>(1);
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
    /// let (sender, receiver) = raddle_sync::mpsc::channel::<()>(1);
    /// assert!(!sender.is_closed());
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
    /// let (sender, _receiver) = raddle_sync::mpsc::channel::<()>(1);
    /// assert!(sender.same_channel(&sender.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        self.tx.same_channel(&other.tx)
    }

    /// The number of free slots at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel(2);
    /// sender.try_send(1).unwrap();
    /// assert_eq!(sender.capacity(), 1);
    /// ```
    pub fn capacity(&self) -> usize {
        self.tx.free_slots()
    }

    /// The number of slots, free or not: what was given to [`channel`].
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel::<()>(2);
    /// assert_eq!(sender.max_capacity(), 2);
    /// ```
    pub fn max_capacity(&self) -> usize {
        self.tx.capacity
    }

    /// A sender that does not keep the channel open.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = raddle_sync::mpsc::channel::<()>(1);
    /// let weak = sender.downgrade();
    /// drop(sender);
    /// assert!(weak.upgrade().is_none());
    /// assert!(receiver.blocking_recv().is_none());
    /// ```
    #[must_use = "a weak sender is for keeping"]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { tx: self.tx.downgrade() }
    }

    /// The number of senders at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel::<()>(1);
    /// assert_eq!(sender.strong_count(), 1);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.tx.senders.load(Ordering::Acquire)
    }

    /// The number of weak senders at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel::<()>(1);
    /// let _weak = sender.downgrade();
    /// assert_eq!(sender.weak_count(), 1);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.tx.weak_senders.load(Ordering::Relaxed)
    }

    /// Which senders wait for a slot, how many have, and the longest wait if
    /// [timed](Self::enable_stats).
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel::<()>(2);
    /// assert_eq!(sender.stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.tx.stats()
    }

    /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel::<()>(2);
    /// sender.enable_stats();
    /// assert!(sender.stats().longest_wait.is_zero());
    /// ```
    pub fn enable_stats(&self) {
        self.tx.enable_stats();
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { tx: self.tx.clone() }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("channel", &*self.tx).finish()
    }
}

/// A [`Sender`] that does not keep the channel open, made by [`Sender::downgrade`].
///
/// # Examples
/// ```
/// let (sender, _receiver) = raddle_sync::mpsc::channel(1);
/// let weak = sender.downgrade();
/// weak.upgrade().unwrap().try_send(1).unwrap();
/// ```
pub struct WeakSender<T> {
    tx: WeakTx<T>,
}

impl<T> UnwindSafe for WeakSender<T> {}
impl<T> RefUnwindSafe for WeakSender<T> {}

impl<T> WeakSender<T> {
    /// A sender, unless all of them have been dropped.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel::<()>(1);
    /// let weak = sender.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// ```
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.tx.upgrade().map(|tx| Sender { tx })
    }

    /// The number of senders at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel::<()>(1);
    /// assert_eq!(sender.downgrade().strong_count(), 1);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.tx.senders.load(Ordering::Acquire)
    }

    /// The number of weak senders at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::mpsc::channel::<()>(1);
    /// assert_eq!(sender.downgrade().weak_count(), 1);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.tx.weak_senders.load(Ordering::Relaxed)
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self { tx: self.tx.clone() }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").field("channel", &*self.tx).finish()
    }
}

/// The receiving end of a bounded channel.
///
/// # Examples
/// ```
/// let (sender, mut receiver) = raddle_sync::mpsc::channel(2);
/// sender.try_send(1).unwrap();
/// assert_eq!(receiver.blocking_recv(), Some(1));
/// ```
pub struct Receiver<T> {
    rx: Rx<T>,
}

receiver_methods!(Receiver, "channel(16)", "blocking_send");

impl<T> Receiver<T> {
    /// The number of free slots at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::mpsc::channel(2);
    /// sender.try_send(1).unwrap();
    /// assert_eq!(receiver.capacity(), 1);
    /// ```
    pub fn capacity(&self) -> usize {
        self.rx.free_slots()
    }

    /// The number of slots, free or not: what was given to [`channel`].
    ///
    /// # Examples
    /// ```
    /// let (_sender, receiver) = raddle_sync::mpsc::channel::<()>(2);
    /// assert_eq!(receiver.max_capacity(), 2);
    /// ```
    pub fn max_capacity(&self) -> usize {
        self.rx.capacity
    }

    /// Which senders wait for a slot, how many have, and the longest wait if
    /// [timed](Self::enable_stats).
    ///
    /// # Examples
    /// ```
    /// let (_sender, receiver) = raddle_sync::mpsc::channel::<()>(2);
    /// assert_eq!(receiver.stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.rx.stats()
    }

    /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
    ///
    /// # Examples
    /// ```
    /// let (_sender, receiver) = raddle_sync::mpsc::channel::<()>(2);
    /// receiver.enable_stats();
    /// assert!(receiver.stats().longest_wait.is_zero());
    /// ```
    pub fn enable_stats(&self) {
        self.rx.enable_stats();
    }
}
