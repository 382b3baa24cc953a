//! The end that sends.
//!
//! # Safety
//! The sender's part in the rules of the module.
#![allow(unsafe_code)]

use super::shared::{CLOSED, Shared, decide};
use crate::{budget, loom::Ordering};
use std::{
    fmt, mem,
    panic::{RefUnwindSafe, UnwindSafe},
    ptr::NonNull,
    task::{Context, Poll, ready},
};

/// The sending end. Dropping it unsent gives the receiver an error.
///
/// # Examples
/// ```
/// let (sender, mut receiver) = raddle_sync::oneshot::channel();
/// sender.send("done").unwrap();
/// assert_eq!(receiver.try_recv(), Ok("done"));
/// ```
pub struct Sender<T> {
    shared: NonNull<Shared<T>>,
}

// SAFETY: the value and the wakers pass between threads by the rules above; `&Sender` only reads
// the word.
unsafe impl<T: Send> Send for Sender<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Sender<T> {}

impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Sender<T> {
    pub(super) fn new(shared: NonNull<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Sends the value. Never waits.
    ///
    /// That it was sent does not mean that it will be received: the receiver may still be dropped.
    ///
    /// # Errors
    /// The value, if the receiver has been dropped or closed.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::oneshot::channel();
    /// drop(receiver);
    /// assert_eq!(sender.send(7), Err(7));
    /// ```
    pub fn send(self, value: T) -> Result<(), T> {
        let shared = self.shared;
        mem::forget(self);
        // SAFETY: the sender is gone, and its right to decide with it.
        match unsafe { decide(shared, Some(value)) } {
            None => Ok(()),
            Some(value) => Err(value),
        }
    }

    /// Waits until the receiver is dropped or closed: nobody wants the value any more.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (mut sender, receiver) = raddle_sync::oneshot::channel::<()>();
    /// drop(receiver);
    /// sender.closed().await;
    /// # });
    /// ```
    pub async fn closed(&mut self) {
        std::future::poll_fn(|cx| self.poll_closed(cx)).await;
    }

    /// Whether the receiver has been dropped or closed.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::oneshot::channel::<()>();
    /// assert!(!sender.is_closed());
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        // Acquire: pairs with the Release in `close`, here and in `poll_closed`.
        self.shared().word.load(Ordering::Acquire) & CLOSED != 0
    }

    /// As [`closed`](Self::closed), for hand-written futures: ready once nobody wants the value.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (mut sender, mut receiver) = raddle_sync::oneshot::channel::<()>();
    /// receiver.close();
    /// std::future::poll_fn(|cx| sender.poll_closed(cx)).await;
    /// # });
    /// ```
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let unit = ready!(budget::poll_proceed(cx));
        let shared = self.shared();
        let word = shared.word.load(Ordering::Acquire);
        if word & CLOSED == 0 && shared.tx_slot().register(word, cx.waker()) {
            return Poll::Pending;
        }
        unit.made_progress();
        Poll::Ready(())
    }

    fn shared(&self) -> &Shared<T> {
        // SAFETY: O3: our bit is not set while we exist.
        unsafe { self.shared.as_ref() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // SAFETY: it is the sender, and gone after this.
        unsafe { decide(self.shared, None) };
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("closed", &self.is_closed()).finish()
    }
}
