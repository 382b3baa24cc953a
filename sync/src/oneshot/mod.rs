//! One value, sent once, from one task to another.
//!
//! One allocation is shared by both ends. One word in it says who owns what.
//!
//! ```text
//!   SENT      the sender has decided; with VALUE the slot holds its value, without it was dropped
//!   CLOSED    the receiver does not want a value any more
//!   TX_DONE   the sender will not touch the allocation again; RX_DONE: nor will the receiver
//!   RX_WAKER  the receiver's waker is in its slot; TX_WAKER: the sender's is in its own
//! ```
//!
//! - **O1** The value slot is the sender's until it sets `SENT`, then the receiver's. `SENT` with a
//!   `VALUE` is set only in a word without `CLOSED`: a send that succeeds reached a receiver that
//!   could take it, and one that fails still has its value. The receiver takes the value, or drops
//!   it, before it is done: an allocation that is freed holds none.
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

pub mod error;
mod receiver;
mod sender;
mod shared;

pub use receiver::Receiver;
pub use sender::Sender;

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
    let shared = shared::allocate();
    (Sender::new(shared), Receiver::new(shared))
}
