//! The end that receives.
//!
//! # Safety
//! The receiver's part in the rules of the module.
#![allow(unsafe_code)]

use super::{
    error::{RecvError, TryRecvError},
    shared::{CLOSED, RX_DONE, SENT, Shared, TX_DONE, VALUE, close, free, let_go},
};
use crate::{blocking::block_on, budget, loom::Ordering};
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    pin::Pin,
    ptr::NonNull,
    task::{Context, Poll, ready},
};

/// The receiving end: a future of the value.
///
/// # Cancel safety
/// Nothing is lost when a wait on `&mut receiver` is dropped. Dropping the receiver itself drops a
/// value that has been sent.
///
/// # Panics
/// When polled again after it has returned `Ready`.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// let (sender, receiver) = raddle_sync::oneshot::channel::<u32>();
/// drop(sender);
/// assert!(receiver.await.is_err());
/// # });
/// ```
#[must_use = "futures do nothing unless polled or awaited"]
pub struct Receiver<T> {
    /// `None` once the outcome has been taken.
    shared: Option<NonNull<Shared<T>>>,
}

// SAFETY: the value and the wakers pass between threads by the rules above; `&Receiver` only reads
// the word and whether there is a value.
unsafe impl<T: Send> Send for Receiver<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Receiver<T> {}

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Receiver<T> {
    pub(super) fn new(shared: NonNull<Shared<T>>) -> Self {
        Self { shared: Some(shared) }
    }

    /// Refuses a value from now on. One that has been sent already can still be received.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = raddle_sync::oneshot::channel();
    /// receiver.close();
    /// assert_eq!(sender.send(1), Err(1));
    /// assert!(receiver.try_recv().is_err());
    /// ```
    pub fn close(&mut self) {
        if let Some(shared) = self.shared {
            // SAFETY: O3: `RX_DONE` is not set while we have the pointer.
            if let Some(waker) = unsafe { close(shared, 0) }.1 {
                waker.wake();
            }
        }
    }

    /// Whether the outcome has been taken: polling again would panic.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = raddle_sync::oneshot::channel();
    /// sender.send(1).unwrap();
    /// assert!(!receiver.is_terminated());
    /// receiver.try_recv().unwrap();
    /// assert!(receiver.is_terminated());
    /// ```
    pub fn is_terminated(&self) -> bool {
        self.shared.is_none()
    }

    /// Whether there is no value to take now. There may be one a moment later.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::oneshot::channel();
    /// assert!(receiver.is_empty());
    /// sender.send(1).unwrap();
    /// assert!(!receiver.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.shared.is_none_or(|shared| {
            // SAFETY: O3: `RX_DONE` is not set while we have the pointer.
            let shared = unsafe { shared.as_ref() };
            // A value that was taken took the pointer with it.
            // Acquire: pairs with the Release of `SENT`: who sees that there is a value sees what came
            // before it was sent.
            shared.word.load(Ordering::Acquire) & VALUE == 0
        })
    }

    /// Takes the value if it has been sent.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if it may still come; [`TryRecvError::Closed`] if the sender was
    /// dropped, or the receiver closed or already used up.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::oneshot::{self, error::TryRecvError};
    ///
    /// let (sender, mut receiver) = oneshot::channel();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let Some(shared) = self.shared else { return Err(TryRecvError::Closed) };
        // Acquire: pairs with the Release of `SENT`, for the value.
        // SAFETY: O3: `RX_DONE` is not set while we have the pointer.
        let word = unsafe { shared.as_ref() }.word.load(Ordering::Acquire);
        if word & (SENT | CLOSED) == 0 {
            return Err(TryRecvError::Empty);
        }
        self.take_outcome(word).ok_or(TryRecvError::Closed)
    }

    /// Waits for the value on this thread, which sleeps meanwhile.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Errors
    /// [`RecvError`] if the sender was dropped without sending.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = raddle_sync::oneshot::channel();
    /// std::thread::spawn(move || sender.send(1));
    /// assert_eq!(receiver.blocking_recv(), Ok(1));
    /// ```
    #[track_caller]
    pub fn blocking_recv(self) -> Result<T, RecvError> {
        block_on(self)
    }

    /// Takes what `word`, read with Acquire, says there is: a value if it was `SENT`.
    fn take_outcome(&mut self, word: usize) -> Option<T> {
        let ptr = self.shared.take()?;
        // SAFETY: O3: `RX_DONE` is not set yet.
        let shared = unsafe { ptr.as_ref() };
        let value = (word & VALUE != 0).then(|| {
            // SAFETY: O1: after `SENT` the slot is ours, with `VALUE` it is full, and we come here
            // once: the pointer is gone.
            shared.value.with_mut(|slot| unsafe { (*slot).assume_init_read() })
        });
        if word & TX_DONE != 0 {
            // SAFETY: O3: the sender is done, and so are we.
            unsafe { free(ptr) };
        } else {
            // `CLOSED` goes with it (it may be set already): there is no receiver any more.
            // SAFETY: O3: we have given the pointer up.
            unsafe { let_go(ptr, CLOSED | RX_DONE, TX_DONE) };
        }
        value
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let unit = ready!(budget::poll_proceed(cx));
        let ptr = self.shared.expect("a oneshot receiver was polled after it had completed");
        // SAFETY: O3: `RX_DONE` is not set while we have the pointer.
        let shared = unsafe { ptr.as_ref() };
        // Acquire: pairs with the Release of `SENT`, for the value.
        let mut word = shared.word.load(Ordering::Acquire);
        if word & (SENT | CLOSED) == 0 {
            if shared.rx_slot().register(word, cx.waker()) {
                return Poll::Pending;
            }
            word = shared.word.load(Ordering::Acquire);
        }
        unit.made_progress();
        Poll::Ready(self.take_outcome(word).ok_or(RecvError(())))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let Some(ptr) = self.shared else { return };
        // SAFETY: O3: `RX_DONE` is not set while we have the pointer.
        let (word, waker) = unsafe { close(ptr, RX_DONE) };
        if word & SENT != 0 {
            // The value, if it was one, is dropped after the allocation has been let go.
            drop(self.take_outcome(word));
        } else if word & RX_DONE == 0 {
            // SAFETY: O3: the pointer goes with us.
            unsafe { let_go(ptr, RX_DONE, TX_DONE) };
            if let Some(waker) = waker {
                waker.wake(); // O4.
            }
        } else if word & TX_DONE != 0 {
            // The sender tried to send after `close`, and left.
            // SAFETY: both are done (O3).
            unsafe { free(ptr) };
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("is_empty", &self.is_empty())
            .field("is_terminated", &self.is_terminated())
            .finish()
    }
}
