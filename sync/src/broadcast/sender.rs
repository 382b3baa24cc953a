//! The end that sends.

use super::{Receiver, error::SendError, ring::Shared};
use crate::{
    loom::{Arc, Ordering},
    stats::Stats,
};
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
};

/// Makes a channel that keeps the last `capacity` messages, and more if that is no power of two.
///
/// # Panics
/// If `capacity` is zero, or more than `usize::MAX / 2`.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// let (sender, mut receiver) = raddle_sync::broadcast::channel(16);
/// sender.send(1).unwrap();
/// assert_eq!(receiver.recv().await, Ok(1));
/// # });
/// ```
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(capacity);
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// The sending end of a broadcast channel. Clones send to the same receivers.
///
/// # Examples
/// ```
/// let (sender, mut receiver) = raddle_sync::broadcast::channel(16);
/// sender.clone().send(1).unwrap();
/// assert_eq!(receiver.try_recv(), Ok(1));
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

// A panic leaves the channel consistent.
impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Sender<T> {
    /// A channel without receivers as yet; [`subscribe`](Self::subscribe) makes them.
    ///
    /// # Panics
    /// If `capacity` is zero, or more than `usize::MAX / 2`.
    ///
    /// # Examples
    /// ```
    /// let sender = raddle_sync::broadcast::Sender::new(16);
    /// assert!(sender.send(1).is_err());
    /// let mut receiver = sender.subscribe();
    /// sender.send(2).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(2));
    /// ```
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        Self { shared: Shared::new(capacity) }
    }

    /// Sends a message to all receivers there are, and returns how many. Never waits.
    ///
    /// That it was sent does not mean that it will be received: receivers may lag, or be dropped.
    ///
    /// # Errors
    /// The message, if there are no receivers.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::broadcast::channel(16);
    /// let _other = sender.subscribe();
    /// assert_eq!(sender.send("hello"), Ok(2));
    /// ```
    pub fn send(&self, message: T) -> Result<usize, SendError<T>> {
        self.shared.send(message).map_err(SendError)
    }

    /// A new receiver, which gets what is sent from now on.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::broadcast::channel(16);
    /// sender.send(1).unwrap();
    /// let mut late = sender.subscribe();
    /// sender.send(2).unwrap();
    /// assert_eq!(late.try_recv(), Ok(2));
    /// ```
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(Arc::clone(&self.shared))
    }

    /// The number of messages that some receiver is still to get, of those the channel keeps.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = raddle_sync::broadcast::channel(16);
    /// sender.send(1).unwrap();
    /// sender.send(2).unwrap();
    /// receiver.try_recv().unwrap();
    /// assert_eq!(sender.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether every receiver has got everything.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// assert!(sender.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.shared.len() == 0
    }

    /// The number of receivers at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// assert_eq!(sender.receiver_count(), 1);
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers()
    }

    /// Waits until there are no receivers.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// drop(receiver);
    /// sender.closed().await;
    /// # });
    /// ```
    pub async fn closed(&self) {
        loop {
            // Born before the look (N3).
            let notified = self.shared.deserted.notified();
            if self.shared.receivers() == 0 {
                return;
            }
            notified.await;
        }
    }

    /// Whether both send to the same receivers.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// assert!(sender.same_channel(&sender.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// A sender that does not keep the channel open.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// let weak = sender.downgrade();
    /// drop(sender);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[must_use = "a weak sender is for keeping"]
    pub fn downgrade(&self) -> WeakSender<T> {
        // Relaxed: the count is for information.
        self.shared.weak_senders.fetch_add(1, Ordering::Relaxed);
        WeakSender { shared: Arc::clone(&self.shared) }
    }

    /// The number of senders at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// assert_eq!(sender.strong_count(), 1);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.shared.senders.load(Ordering::Acquire)
    }

    /// The number of weak senders at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// let _weak = sender.downgrade();
    /// assert_eq!(sender.weak_count(), 1);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.shared.weak_senders.load(Ordering::Relaxed)
    }

    /// Which receivers wait for a message, how many have, and the longest wait if
    /// [timed](Self::enable_stats).
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// assert_eq!(sender.stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.shared.arrived.stats()
    }

    /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// sender.enable_stats();
    /// assert!(sender.stats().longest_wait.is_zero());
    /// ```
    pub fn enable_stats(&self) {
        self.shared.arrived.enable_stats();
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        // Relaxed: made from a sender, so the count is not zero, and nobody acts on a larger one.
        self.shared.senders.fetch_add(1, Ordering::Relaxed);
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // AcqRel: gathers what the other senders did, for the one that comes last.
        if self.shared.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.close();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("channel", &*self.shared).finish()
    }
}

/// A [`Sender`] that does not keep the channel open, made by [`Sender::downgrade`].
///
/// # Examples
/// ```
/// let (sender, mut receiver) = raddle_sync::broadcast::channel(16);
/// let weak = sender.downgrade();
/// weak.upgrade().unwrap().send(1).unwrap();
/// assert_eq!(receiver.try_recv(), Ok(1));
/// ```
pub struct WeakSender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> UnwindSafe for WeakSender<T> {}
impl<T> RefUnwindSafe for WeakSender<T> {}

impl<T> WeakSender<T> {
    /// A sender, unless all of them have been dropped.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// assert!(sender.downgrade().upgrade().is_some());
    /// ```
    pub fn upgrade(&self) -> Option<Sender<T>> {
        // Relaxed: the exchange decides, and nothing depends on what it brings.
        self.shared
            .senders
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count != 0).then_some(count + 1)
            })
            .ok()?;
        Some(Sender { shared: Arc::clone(&self.shared) })
    }

    /// The number of senders at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// assert_eq!(sender.downgrade().strong_count(), 1);
    /// ```
    pub fn strong_count(&self) -> usize {
        self.shared.senders.load(Ordering::Acquire)
    }

    /// The number of weak senders at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::broadcast::channel::<u32>(16);
    /// assert_eq!(sender.downgrade().weak_count(), 1);
    /// ```
    pub fn weak_count(&self) -> usize {
        self.shared.weak_senders.load(Ordering::Relaxed)
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        self.shared.weak_senders.fetch_add(1, Ordering::Relaxed);
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        self.shared.weak_senders.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").field("channel", &*self.shared).finish()
    }
}
