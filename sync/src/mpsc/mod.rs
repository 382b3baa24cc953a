//! Many senders, one receiver: messages in the order of sending, bounded or not.
//!
//! [`channel`] makes a bounded channel: senders wait while it is full, which is what keeps a fast
//! producer from filling the memory. [`unbounded_channel`] makes one in which sending never waits.
//!
//! # Closing
//! When all senders are gone, the receiver gets what is left, and then `None`. When the receiver is
//! [closed](Receiver::close) or dropped, sending fails and gives the message back; a closed
//! receiver can still receive what was sent before.
//!
//! # Threads and executors
//! Every operation works on any executor; `blocking_send` and `blocking_recv` are for plain
//! threads.
//!
//! # Examples
//! ```
//! # futures_lite::future::block_on(async {
//! use raddle_sync::mpsc;
//!
//! let (sender, mut receiver) = mpsc::channel(16);
//! for worker in 0..2 {
//!     let sender = sender.clone();
//!     std::thread::spawn(move || sender.blocking_send(worker));
//! }
//! drop(sender);
//!
//! let mut heard = Vec::new();
//! while let Some(worker) = receiver.recv().await {
//!     heard.push(worker);
//! }
//! heard.sort();
//! assert_eq!(heard, [0, 1]);
//! # });
//! ```

mod bounded;
mod chan;
mod ends;
pub mod error;
mod permit;
mod receiver;
mod send;
mod unbounded;

pub use bounded::{Receiver, Sender, WeakSender, channel};
pub use permit::{OwnedPermit, Permit, PermitIterator};
pub use unbounded::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel};
