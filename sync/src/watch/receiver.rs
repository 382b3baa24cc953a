//! The end that looks at the value, and waits for another.

use super::{
    Ref,
    error::RecvError,
    shared::{STEP, Shared},
};
use crate::{
    budget,
    loom::{Arc, Ordering, left_out},
};
use std::{
    fmt,
    future::poll_fn,
    panic::{RefUnwindSafe, UnwindSafe},
    task::{Poll, ready},
};

/// Looks at the value of a watch channel, and remembers which it has seen.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// let (sender, mut receiver) = raddle_sync::watch::channel(0);
/// sender.send(1).unwrap();
/// sender.send(2).unwrap();
/// receiver.changed().await.unwrap();
/// assert_eq!(*receiver.borrow(), 2);
/// # });
/// ```
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The version it has seen (Y2).
    seen: usize,
}

// A panic leaves the channel consistent.
impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Receiver<T> {
    /// For a receiver that has been counted.
    pub(super) fn new(shared: Arc<Shared<T>>, seen: usize) -> Self {
        Self { shared, seen }
    }

    /// The latest value, locked for reading: do not keep it. See [the module](super).
    ///
    /// Does not count as having seen it.
    ///
    /// # Examples
    /// ```
    /// let (_sender, receiver) = raddle_sync::watch::channel("hello");
    /// assert_eq!(*receiver.borrow(), "hello");
    /// ```
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.borrow(self.seen).0
    }

    /// As [`borrow`](Self::borrow), and the value has been seen.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = raddle_sync::watch::channel(0);
    /// sender.send(1).unwrap();
    /// assert_eq!(*receiver.borrow_and_update(), 1);
    /// assert!(!receiver.has_changed().unwrap());
    /// ```
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let (value, version) = self.shared.borrow(self.seen);
        self.seen = version;
        value
    }

    /// Whether there is a value that this receiver has not seen.
    ///
    /// # Errors
    /// If all senders have been dropped, also when the last value has not been seen.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::watch::channel(0);
    /// assert_eq!(receiver.has_changed(), Ok(false));
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.has_changed(), Ok(true));
    /// drop(sender);
    /// assert!(receiver.has_changed().is_err());
    /// ```
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        let (version, is_open) = self.shared.version();
        if is_open { Ok(version != self.seen) } else { Err(RecvError(())) }
    }

    /// Makes the value count as not seen.
    ///
    /// # Examples
    /// ```
    /// let (_sender, mut receiver) = raddle_sync::watch::channel(0);
    /// receiver.mark_changed();
    /// assert_eq!(receiver.has_changed(), Ok(true));
    /// ```
    pub fn mark_changed(&mut self) {
        self.seen = self.shared.version().0.wrapping_sub(STEP);
    }

    /// Makes the value count as seen.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = raddle_sync::watch::channel(0);
    /// sender.send(1).unwrap();
    /// receiver.mark_unchanged();
    /// assert_eq!(receiver.has_changed(), Ok(false));
    /// ```
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.version().0;
    }

    /// Waits until there is a value that this receiver has not seen, and counts it as seen.
    ///
    /// # Cancel safety
    /// Dropping this future before it completes leaves the value unseen.
    ///
    /// # Errors
    /// If all senders have been dropped, and the last value has been seen.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, mut receiver) = raddle_sync::watch::channel(0);
    /// sender.send(1).unwrap();
    /// drop(sender);
    /// assert!(receiver.changed().await.is_ok());
    /// assert!(receiver.changed().await.is_err());
    /// # });
    /// ```
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        changed(&self.shared, &mut self.seen).await
    }

    /// Waits until the value meets a condition, and returns it, locked for reading. It has been seen
    /// then.
    ///
    /// Looks at the present value first. `condition` runs while the value is locked for reading: it
    /// must not use the channel.
    ///
    /// # Panics
    /// If `condition` does. The channel goes on.
    ///
    /// # Cancel safety
    /// Nothing is lost, but the values that were looked at count as seen.
    ///
    /// # Errors
    /// If all senders have been dropped, and the last value does not meet it.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, mut receiver) = raddle_sync::watch::channel(0);
    /// std::thread::spawn(move || (1..10).for_each(|now| drop(sender.send_replace(now))));
    /// assert!(*receiver.wait_for(|&now| now > 6).await.unwrap() > 6);
    /// # });
    /// ```
    pub async fn wait_for(
        &mut self,
        mut condition: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, RecvError> {
        let mut is_over = false;
        loop {
            {
                let (value, version) = self.shared.borrow(self.seen);
                self.seen = version;
                // After the end it is looked at once more only if it is another.
                if (!is_over || value.has_changed) && condition(&value) {
                    return Ok(value);
                }
            }
            if is_over {
                return Err(RecvError(()));
            }
            // Not seen as yet: the borrow will say that it has changed.
            let mut reported = self.seen;
            is_over = changed(&self.shared, &mut reported).await.is_err();
        }
    }

    /// Whether all senders have been dropped.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::watch::channel(0);
    /// drop(sender);
    /// assert!(receiver.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        !self.shared.version().1
    }

    /// Whether both look at the same value.
    ///
    /// # Examples
    /// ```
    /// let (_sender, receiver) = raddle_sync::watch::channel(0);
    /// assert!(receiver.same_channel(&receiver.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

/// Waits for a version other than `seen`, which it becomes, or the end.
async fn changed<T>(shared: &Shared<T>, seen: &mut usize) -> Result<(), RecvError> {
    let report = poll_fn(|cx| {
        let unit = ready!(budget::poll_proceed(cx));
        let report = shared.report(seen);
        if report.is_some() {
            unit.made_progress();
        }
        Poll::Ready(report)
    });
    if let Some(report) = report.await {
        return report;
    }
    loop {
        // Born before the look (Y3).
        let notified = shared.changed.notified();
        if let Some(report) = shared.report(seen) {
            return report;
        }
        let notified = if left_out("Y3") { shared.changed.notified() } else { notified };
        notified.await;
    }
}

impl<T> Clone for Receiver<T> {
    /// A receiver that has seen what this one has.
    fn clone(&self) -> Self {
        // Relaxed: made from a receiver, so the count is not zero.
        self.shared.receivers.fetch_add(1, Ordering::Relaxed);
        Self::new(Arc::clone(&self.shared), self.seen)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // AcqRel: Release pairs with the Acquire in `Sender::receiver_count`.
        if self.shared.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.deserted.notify_waiters();
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("channel", &self.shared).finish_non_exhaustive()
    }
}
