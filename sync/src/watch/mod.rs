//! The latest value, for everybody to see: configuration, progress, "are we shutting down".
//!
//! A [`Sender`] replaces or changes the value, any number of [`Receiver`]s look at it, and wait for
//! it to become another. A receiver that is slow misses what came in between, and never the latest.
//!
//! # Borrowing
//! [`borrow`](Receiver::borrow) does not copy the value: the [`Ref`] it returns holds a lock for
//! reading, and who sends waits, thread and all, until it is gone. So keep it for a moment only; it
//! cannot be kept across an await. Whoever holds one and borrows a second time on the same thread can
//! block for ever, when somebody wants to send in between.
//!
//! # Examples
//! ```
//! # futures_lite::future::block_on(async {
//! use raddle_sync::watch;
//!
//! let (level, mut gauge) = watch::channel(0);
//! let rise = std::thread::spawn(move || (1..=5).for_each(|now| level.send(now).unwrap()));
//! gauge.wait_for(|&level| level >= 3).await.unwrap();
//! rise.join().unwrap();
//! assert_eq!(*gauge.borrow(), 5);
//! # });
//! ```

pub mod error;
mod receiver;
mod sender;
mod shared;

pub use receiver::Receiver;
pub use sender::Sender;
pub use shared::{Ref, channel};
