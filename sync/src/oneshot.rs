//! One value, sent once, from one task to another.
//!
//! One allocation is shared by both ends. One word in it says who owns what.
//!
//! ```text
//!   SENT      the sender has decided: the slot holds its value, or nothing if it was dropped
//!   CLOSED    the receiver does not want a value any more
//!   TX_DONE   the sender will not touch the allocation again; RX_DONE: nor will the receiver
//!   RX_WAKER  the receiver's waker is in its slot; TX_WAKER: the sender's is in its own
//! ```
//!
//! - **O1** The value slot is the sender's until it sets `SENT`, then the receiver's. `SENT` with a
//!   value is set only in a word without `CLOSED`: a send that succeeds reached a receiver that
//!   could take it, and one that fails still has its value.
//! - **O2** A waker slot is its writer's while its bit is clear. The step that sets `SENT`
//!   (`CLOSED`) in a word with `RX_WAKER` (`TX_WAKER`) hands the slot to the other end for good. A
//!   writer that wants its slot back clears the bit, and finds in the same step whether it came too
//!   late.
//! - **O3** After setting its `DONE` bit an end does not touch the allocation. The end that sets
//!   the second one, or reads that the other is set and has nothing left to do, frees it.
//! - **O4** An end that owns the other's waker takes it, sets `DONE`, and only then wakes: no
//!   foreign code runs between taking and letting go.
//!
//! If the value is sent before the receiver looks, the whole life costs one read-modify-write: the
//! send sets `SENT` and `TX_DONE` together, and the receiver's load of both frees the allocation.
//! If the receiver waits first, it is four.
//!
//! # Safety
//! The slots are touched by their owners according to O1 and O2, the allocation until O3 forbids
//! it.
#![allow(unsafe_code)]

use crate::{
    blocking::block_on,
    budget,
    loom::{AtomicUsize, Ordering, UnsafeCell},
};
use error::{RecvError, TryRecvError};
use std::{
    fmt, mem,
    panic::{RefUnwindSafe, UnwindSafe},
    pin::Pin,
    ptr::{self, NonNull},
    task::{Context, Poll, Waker, ready},
};

const SENT: usize = 1;
const CLOSED: usize = 2;
const TX_DONE: usize = 4;
const RX_DONE: usize = 8;
const RX_WAKER: usize = 16;
const TX_WAKER: usize = 32;

/// Makes the two ends of a channel for one value.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// use raddle_sync::oneshot;
///
/// let (answer, question) = oneshot::channel();
/// std::thread::spawn(move || answer.send(42));
/// assert_eq!(question.await, Ok(42));
/// # });
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = NonNull::from(Box::leak(Box::new(Shared {
        word: AtomicUsize::new(0),
        value: UnsafeCell::new(None),
        rx_waker: UnsafeCell::new(None),
        tx_waker: UnsafeCell::new(None),
    })));
    (Sender { shared }, Receiver { shared: Some(shared) })
}

struct Shared<T> {
    word: AtomicUsize,
    value: UnsafeCell<Option<T>>,
    rx_waker: UnsafeCell<Option<Waker>>,
    tx_waker: UnsafeCell<Option<Waker>>,
}

/// A waker slot, its bit, and the bit by which the other end takes it over (O2).
struct WakerSlot<'a> {
    word: &'a AtomicUsize,
    slot: &'a UnsafeCell<Option<Waker>>,
    set: usize,
    taken_over: usize,
}

impl WakerSlot<'_> {
    /// Puts `waker` into the slot; `false` if the other end has done what was to be waited for.
    fn register(&self, word: usize, waker: &Waker) -> bool {
        // AcqRel, here and below: Acquire for the value and whatever came before the other end's
        // step; Release so that it finds the waker we have put there.
        if word & self.set != 0
            && self.word.fetch_and(!self.set, Ordering::AcqRel) & self.taken_over != 0
        {
            return false;
        }
        // SAFETY: O2: the bit is clear and we are the slot's writer. If the clone panics nothing
        // has changed.
        let replaced = self.slot.with_mut(|slot| unsafe {
            match &mut *slot {
                Some(current) if current.will_wake(waker) => None,
                slot => slot.replace(waker.clone()),
            }
        });
        let late = self.word.fetch_or(self.set, Ordering::AcqRel) & self.taken_over != 0;
        drop(replaced);
        !late
    }
}

impl<T> Shared<T> {
    fn rx_slot(&self) -> WakerSlot<'_> {
        WakerSlot { word: &self.word, slot: &self.rx_waker, set: RX_WAKER, taken_over: SENT }
    }

    fn tx_slot(&self) -> WakerSlot<'_> {
        WakerSlot { word: &self.word, slot: &self.tx_waker, set: TX_WAKER, taken_over: CLOSED }
    }
}

/// Sets the `DONE` bit of one end, and frees the allocation if the other's is set.
///
/// # Safety
/// The end has not set its bit before, and does not touch the allocation after this (O3).
unsafe fn let_go<T>(shared: NonNull<Shared<T>>, done: usize, other_done: usize) {
    // SAFETY: our bit is not set yet, so the other end has not freed it (O3).
    let word = unsafe { shared.as_ref() }.word.fetch_or(done, Ordering::AcqRel);
    if word & other_done != 0 {
        // SAFETY: both are done. AcqRel above: all that the other end did happened before this.
        unsafe { free(shared) };
    }
}

/// # Safety
/// Both ends are done (O3).
unsafe fn free<T>(shared: NonNull<Shared<T>>) {
    // SAFETY: it came from a box in `channel`, and nobody else refers to it.
    drop(unsafe { Box::from_raw(shared.as_ptr()) });
}

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

/// Sends, or says that nothing will be sent. Returns the value if nobody wants it.
///
/// # Safety
/// The caller is the sender, which does not touch the allocation after this (O3).
#[inline]
unsafe fn decide<T>(ptr: NonNull<Shared<T>>, value: Option<T>) -> Option<T> {
    // SAFETY: O3: `TX_DONE` is not set yet.
    let shared = unsafe { ptr.as_ref() };
    let sending = value.is_some();
    // SAFETY: O1: `SENT` is not set yet. The slot was empty, so nothing is dropped here.
    shared.value.with_mut(|slot| unsafe { ptr::write(slot, value) });
    // Acquire: in case we have to free, or get the waker.
    let mut word = shared.word.load(Ordering::Acquire);
    loop {
        if word & CLOSED != 0 && sending {
            // SAFETY: O1: `SENT` is not set yet.
            let value = shared.value.with_mut(|slot| unsafe { (*slot).take() });
            // SAFETY: the caller's word, and O3.
            unsafe { let_go(ptr, TX_DONE, RX_DONE) };
            return value;
        }
        let waiting = word & RX_WAKER != 0 && word & CLOSED == 0;
        let decision = if waiting { SENT } else { SENT | TX_DONE };
        // AcqRel: Release pairs with the receiver's Acquire, which then sees the value; Acquire
        // pairs with its Release of the waker.
        match shared.word.compare_exchange_weak(
            word,
            word | decision,
            Ordering::AcqRel,
            Ordering::Acquire,
        ) {
            Ok(_) if waiting => {
                // SAFETY: O2: our step took the slot over; `TX_DONE` is not set, so it is still
                // there.
                let waker = shared.rx_waker.with_mut(|slot| unsafe { (*slot).take() });
                // SAFETY: the caller's word, and O3.
                unsafe { let_go(ptr, TX_DONE, RX_DONE) };
                if let Some(waker) = waker {
                    waker.wake(); // O4.
                }
                return None;
            }
            Ok(_) => {
                if word & RX_DONE != 0 {
                    // SAFETY: both are done (O3).
                    unsafe { free(ptr) };
                }
                return None;
            }
            Err(now) => word = now,
        }
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
            // SAFETY: O1: after `SENT` the slot is ours, and nobody takes from it but `&mut self`.
            shared.word.load(Ordering::Acquire) & SENT == 0
                || shared.value.with(|slot| unsafe { (*slot).is_none() })
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
    /// Not for use inside a task: it holds up the thread that runs it.
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
    pub fn blocking_recv(self) -> Result<T, RecvError> {
        block_on(self)
    }

    /// Takes what `word`, read with Acquire, says there is: a value if it was `SENT`.
    fn take_outcome(&mut self, word: usize) -> Option<T> {
        let ptr = self.shared.take()?;
        // SAFETY: O3: `RX_DONE` is not set yet.
        let shared = unsafe { ptr.as_ref() };
        let value = if word & SENT != 0 {
            // SAFETY: O1: it is ours after `SENT`.
            shared.value.with_mut(|slot| unsafe { (*slot).take() })
        } else {
            None
        };
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

/// Sets `CLOSED`, unless the sender has decided, and takes the sender's waker over if there is one
/// (O2).
///
/// Returns the waker and the word. If the word has `done` in it, that was set in the same step, and
/// the allocation is not to be touched again.
///
/// Takes a pointer, because a reference that is an argument counts as in use until the function
/// returns, and after `done` is set the sender may free what it refers to before that.
///
/// # Safety
/// The caller is the receiver, and its `RX_DONE` is not set (O3).
unsafe fn close<T>(ptr: NonNull<Shared<T>>, done: usize) -> (usize, Option<Waker>) {
    // SAFETY: O3: the bit is not set yet. The reference is not used after the step that sets it.
    let shared = unsafe { ptr.as_ref() };
    // Acquire, here and below: for the value if it was sent, and for the sender's waker.
    let mut word = shared.word.load(Ordering::Acquire);
    loop {
        if word & SENT != 0 {
            return (word, None);
        }
        let waiting = word & TX_WAKER != 0 && word & CLOSED == 0;
        let next = word | CLOSED | if waiting { 0 } else { done };
        // AcqRel: Release so that the sender sees what came before.
        match shared.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) if waiting => {
                // SAFETY: O2: our step took the slot over, and without `RX_DONE` it is still there.
                return (word, shared.tx_waker.with_mut(|slot| unsafe { (*slot).take() }));
            }
            Ok(_) => return (next, None),
            Err(now) => word = now,
        }
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

/// What can go wrong with a oneshot channel.
pub mod error {
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
}
