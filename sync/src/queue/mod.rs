//! Many putters, many getters: work handed out to whoever is free, and a way to wait for its end.
//!
//! | | hands out |
//! |---|---|
//! | [`Queue`] | what was put first |
//! | [`LifoQueue`] | what was put last |
//! | [`PriorityQueue`] | the smallest; of equals what was put first |
//!
//! All of them are bounded or not, and are used through a shared reference: put one into an `Arc`.
//! Names and meanings are those of Python's `asyncio.Queue`.
//!
//! Putters and getters are served in the order of asking, whatever the order of the items.
//!
//! # Done and closed
//! Each item that was put is to be reported once with `task_done`, when the work is done; `join`
//! waits until all are. After `close` nothing can be put, and getters get what is left and then an
//! error: each in its turn, so who had been next in line when the queue was closed gets its item.
//!
//! # Examples
//! ```
//! # futures_lite::future::block_on(async {
//! use raddle_sync::queue::Queue;
//! use std::sync::Arc;
//!
//! let jobs = Arc::new(Queue::<u32>::bounded(8));
//! for _ in 0..2 {
//!     let jobs = Arc::clone(&jobs);
//!     std::thread::spawn(move || {
//!         while let Ok(job) = jobs.blocking_get() {
//!             let _answer = job * job;
//!             jobs.task_done().unwrap();
//!         }
//!     });
//! }
//! for job in 0..100 {
//!     jobs.put(job).await.unwrap();
//! }
//! jobs.join().await; // All hundred are done,
//! jobs.close(); // and the workers may go home.
//! # });
//! ```

mod core;
pub mod error;
mod heap;
mod kinds;

pub use kinds::{LifoQueue, PriorityQueue, Queue};
