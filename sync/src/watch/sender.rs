//! The end that changes the value.

use super::{
    Receiver, Ref,
    error::SendError,
    shared::{CLOSED, STEP, Shared},
};
use crate::{
    loom::{Arc, Ordering, left_out},
    stats::Stats,
};
use std::{
    fmt, mem,
    panic::{RefUnwindSafe, UnwindSafe},
};

/// Changes the value of a watch channel. Clones change the same value.
///
/// # Examples
/// ```
/// let (sender, mut receiver) = raddle_sync::watch::channel(0);
/// sender.send_modify(|count| *count += 1);
/// assert_eq!(*receiver.borrow_and_update(), 1);
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

// A panic of a closure leaves the value as far as the closure came, and the channel consistent.
impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Sender<T> {
    /// A channel without receivers as yet; [`subscribe`](Self::subscribe) makes them.
    ///
    /// # Examples
    /// ```
    /// let sender = raddle_sync::watch::Sender::new(1);
    /// assert_eq!(*sender.subscribe().borrow(), 1);
    /// ```
    pub fn new(initial: T) -> Self {
        Self { shared: Shared::new(initial) }
    }

    /// Replaces the value, and wakes all receivers that wait for it to change.
    ///
    /// # Errors
    /// The new value, if there are no receivers; the old one stays then. To set the value all the
    /// same, use [`send_replace`](Self::send_replace).
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::watch::channel(0);
    /// sender.send(1).unwrap();
    /// drop(receiver);
    /// assert!(sender.send(2).is_err());
    /// ```
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.receiver_count() == 0 {
            return Err(SendError(value));
        }
        drop(self.send_replace(value));
        Ok(())
    }

    /// Changes the value in place, and wakes all receivers that wait for it to change.
    ///
    /// `modify` runs while the value is locked: it must not use the channel.
    ///
    /// # Panics
    /// If `modify` does. What it has done to the value stays, and no receiver hears of it before the
    /// next change.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::watch::channel(vec![1]);
    /// sender.send_modify(|list| list.push(2));
    /// assert_eq!(*receiver.borrow(), [1, 2]);
    /// ```
    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// As [`send_modify`](Self::send_modify); receivers hear of it only if `modify` returns `true`.
    /// Returns what it returned.
    ///
    /// # Panics
    /// If `modify` does. What it has done to the value stays, and no receiver hears of it before the
    /// next change.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::watch::channel(5);
    /// let raise = |to: u32| {
    ///     sender.send_if_modified(|highest| {
    ///         let is_higher = to > *highest;
    ///         *highest = to.max(*highest);
    ///         is_higher
    ///     })
    /// };
    /// assert!(!raise(4));
    /// assert!(!receiver.has_changed().unwrap());
    /// assert!(raise(6));
    /// assert!(receiver.has_changed().unwrap());
    /// ```
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        if left_out("Y1") {
            self.shared.version.fetch_add(STEP, Ordering::Release);
        }
        let mut value = self.shared.value.write();
        if !modify(&mut value) {
            return false;
        }
        if !left_out("Y1") {
            // Release: pairs with the Acquire in `Shared::version`.
            self.shared.version.fetch_add(STEP, Ordering::Release);
        }
        drop(value);
        self.shared.changed.notify_waiters();
        true
    }

    /// Replaces the value, also if there are no receivers, and returns the one before.
    ///
    /// # Examples
    /// ```
    /// let sender = raddle_sync::watch::Sender::new(1);
    /// assert_eq!(sender.send_replace(2), 1);
    /// ```
    pub fn send_replace(&self, mut value: T) -> T {
        self.send_modify(|current| mem::swap(current, &mut value));
        value
    }

    /// The value, locked for reading: do not keep it. See [the module](super).
    ///
    /// # Examples
    /// ```
    /// let sender = raddle_sync::watch::Sender::new(1);
    /// assert_eq!(*sender.borrow(), 1);
    /// ```
    pub fn borrow(&self) -> Ref<'_, T> {
        let value = self.shared.value.read();
        Ref { value, has_changed: false }
    }

    /// A new receiver, which has seen the value.
    ///
    /// # Examples
    /// ```
    /// let sender = raddle_sync::watch::Sender::new(1);
    /// let receiver = sender.subscribe();
    /// assert!(!receiver.has_changed().unwrap());
    /// ```
    pub fn subscribe(&self) -> Receiver<T> {
        // Relaxed: only the way to zero is waited for.
        self.shared.receivers.fetch_add(1, Ordering::Relaxed);
        Receiver::new(Arc::clone(&self.shared), self.shared.version().0)
    }

    /// Waits until there are no receivers.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, receiver) = raddle_sync::watch::channel(0);
    /// drop(receiver);
    /// sender.closed().await;
    /// # });
    /// ```
    pub async fn closed(&self) {
        loop {
            // Born before the look (Y3).
            let notified = self.shared.deserted.notified();
            if self.is_closed() {
                return;
            }
            notified.await;
        }
    }

    /// Whether there are no receivers.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::watch::channel(0);
    /// assert!(!sender.is_closed());
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// The number of receivers at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = raddle_sync::watch::channel(0);
    /// assert_eq!(sender.receiver_count(), 1);
    /// ```
    pub fn receiver_count(&self) -> usize {
        // Acquire: pairs with the Release of a receiver's end.
        self.shared.receivers.load(Ordering::Acquire)
    }

    /// The number of senders at this moment.
    ///
    /// # Examples
    /// ```
    /// let sender = raddle_sync::watch::Sender::new(1);
    /// let _other = sender.clone();
    /// assert_eq!(sender.sender_count(), 2);
    /// ```
    pub fn sender_count(&self) -> usize {
        self.shared.senders.load(Ordering::Relaxed)
    }

    /// Whether both change the same value.
    ///
    /// # Examples
    /// ```
    /// let sender = raddle_sync::watch::Sender::new(1);
    /// assert!(sender.same_channel(&sender.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Which receivers wait for a change, how many have, and the longest wait if
    /// [timed](Self::enable_stats).
    ///
    /// # Examples
    /// ```
    /// assert_eq!(raddle_sync::watch::Sender::new(1).stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.shared.changed.stats()
    }

    /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
    ///
    /// # Examples
    /// ```
    /// let sender = raddle_sync::watch::Sender::new(1);
    /// sender.enable_stats();
    /// assert!(sender.stats().longest_wait.is_zero());
    /// ```
    pub fn enable_stats(&self) {
        self.shared.changed.enable_stats();
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        // Relaxed: made from a sender, so the count is not zero.
        self.shared.senders.fetch_add(1, Ordering::Relaxed);
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // AcqRel: gathers what the other senders did, for the one that comes last.
        if self.shared.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Release: pairs with the Acquire in `Shared::version`.
            self.shared.version.fetch_or(CLOSED, Ordering::Release);
            self.shared.changed.notify_waiters();
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("channel", &self.shared).finish()
    }
}
