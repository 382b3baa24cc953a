//! Every message to every receiver: events, chat, invalidations.
//!
//! The channel keeps the last `capacity` messages, and sending never waits: a receiver that falls
//! further behind misses the oldest, and is told how many
//! ([`RecvError::Lagged`](error::RecvError::Lagged)). So one slow receiver costs neither memory nor
//! the others' time.
//!
//! Receivers get clones, made in parallel and under no lock: for that, messages have to be `Sync` as
//! well as `Send` before the ends may cross threads. (Tokio asks for `Send` only, and clones one at a
//! time, under a lock. What can be sent and not shared, goes into an `Arc<Mutex<_>>`.) The last receiver of a message gets the message
//! itself, if no other is just cloning it. What is expensive to clone goes into an `Arc`.
//!
//! # Closing
//! When all senders are gone, receivers get what is left for them, and then
//! [`RecvError::Closed`](error::RecvError::Closed). Sending fails while there are no receivers.
//!
//! # Examples
//! ```
//! # futures_lite::future::block_on(async {
//! use raddle_sync::broadcast;
//!
//! let (sender, mut alice) = broadcast::channel(16);
//! let mut bob = sender.subscribe();
//! sender.send("hello").unwrap();
//! assert_eq!(alice.recv().await, Ok("hello"));
//! assert_eq!(bob.recv().await, Ok("hello"));
//! # });
//! ```

pub mod error;
mod receiver;
mod ring;
mod sender;
mod shares;

pub use receiver::Receiver;
pub use sender::{Sender, WeakSender, channel};
