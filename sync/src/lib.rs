//! Locks, semaphores, notifications and channels for async code.
//!
//! Everything here works on any executor, and from plain threads through the `blocking_*`
//! functions: all it needs is a [`Waker`](std::task::Waker). Names and meanings are those of
//! Tokio's `sync` module; [`Event`] is asyncio's, and so is [`BoundedSemaphore`].
//!
//! # Which one do I want?
//!
//! | I want to | use |
//! |---|---|
//! | get one answer from another task | [`oneshot`] |
//! | send messages to one task, from many, without filling the memory | [`mpsc::channel`] |
//! | send messages to one task from code that cannot wait | [`mpsc::unbounded_channel`] |
//! | send every message to everybody | [`broadcast`] |
//! | let everybody see the latest value, and wait for another | [`watch`] |
//! | hand work to whoever is free, in order or by priority, and wait until it is done | [`queue`] |
//! | change a value from several tasks, and hold it across an await | [`Mutex`] |
//! | read a value in many tasks at a time, and seldom change it | [`RwLock`] |
//! | change a value from several tasks, quickly | `std::sync::Mutex` |
//! | allow only so many at a time | [`Semaphore`] |
//! | the same, where permits are returned by somebody else | [`BoundedSemaphore`] |
//! | tell a task, or all, to look again | [`Notify`] |
//! | let tasks wait while a flag is down | [`Event`] |
//! | wait for a change of what a mutex guards | [`Condvar`] |
//! | let tasks wait for each other | [`Barrier`] |
//! | make a value when it is first needed, once | [`OnceCell`] |
//! | wait for a value that is set once | [`SetOnce`] |
//! | tell a task, and all it has started, to stop | [`CancellationToken`] |
//! | build a primitive of my own with one waiting task | [`AtomicWaker`] |
//! | let a future of my own take part in fair scheduling | [`budget`] |
//!
//! # What holds for all of them
//!
//! *Fair.* Permits, locks and slots are handed out in the order of asking. Only `try_*` functions
//! could overtake.
//!
//! *Cancel-safe.* A wait that is dropped takes nothing and loses nothing: what it had been given
//! goes to the next in line. The one exception is [`mpsc::Sender::send`], whose message goes with
//! it; to keep it, reserve a slot first.
//!
//! *Nothing of yours runs under a lock of ours*: no waker is woken, no value dropped or cloned.
//! (Wakers are cloned under it. What is asked for in so many words is, too: the closures that
//! [`watch`] calls with a reference into its value, and the order of a [`queue::PriorityQueue`]'s
//! items.) A panic in such code leaves the primitive usable.
//!
//! *No allocation per wait.* The place in line is inside the future that waits.
//!
//! *Cooperative.* Each operation spends from the thread's [`budget`], if its executor keeps one, so
//! that a task that never has to wait yields now and then.
//!
//! *Statistics.* Each primitive has `stats()`: who waits, and how many ever had to. After
//! `enable_stats()` waits are timed as well. Who does not wait pays nothing for it.
//!
//! *Can be model-checked.* Compiled with `--cfg loom` the crate runs on loom's types, so that code
//! which uses it can be checked by its own author: `docs/loom-for-users.md` in the repository says
//! how, and `examples/model-checked` is a crate that does.
//!
//! # Examples
//! ```
//! # futures_lite::future::block_on(async {
//! use raddle_sync::{mpsc, oneshot};
//!
//! // A task that owns a counter, and answers requests for the next number.
//! let (requests, mut inbox) = mpsc::channel::<oneshot::Sender<u64>>(16);
//! let counter = async move {
//!     let mut next = 0;
//!     while let Some(reply) = inbox.recv().await {
//!         let _ = reply.send(next); // Whoever asked may have left.
//!         next += 1;
//!     }
//! };
//! let client = async move {
//!     let (reply, answer) = oneshot::channel();
//!     requests.send(reply).await.unwrap();
//!     assert_eq!(answer.await, Ok(0));
//! };
//! futures_lite::future::zip(counter, client).await;
//! # });
//! ```
#![deny(unsafe_code)]

mod acquire;
mod atomic_waker;
mod barrier;
mod blocking;
mod bounded_semaphore;
pub mod broadcast;
pub mod budget;
mod cancellation_token;
mod condvar;
mod doorway;
mod error;
mod event;
mod flag;
mod guard;
#[doc(hidden)]
pub mod loom;
pub mod mpsc;
mod mutex;
mod notify;
mod once_cell;
mod once_slot;
pub mod oneshot;
mod patience;
mod permits;
pub mod queue;
mod rwlock;
mod semaphore;
mod set_once;
mod short_lock;
mod stats;
mod wait_list;
mod wakers;
pub mod watch;

pub use atomic_waker::AtomicWaker;
pub use barrier::{Barrier, BarrierWaitResult};
pub use bounded_semaphore::{
    BoundedSemaphore, BoundedSemaphorePermit, OwnedBoundedSemaphorePermit,
};
pub use cancellation_token::{CancellationToken, DropGuard, DropGuardRef};
pub use condvar::Condvar;
pub use error::{AcquireError, ReleaseError, TryAcquireError, TryLockError};
pub use event::Event;
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard};
pub use notify::{Notified, Notify, OwnedNotified};
pub use once_cell::{OnceCell, SetError};
pub use rwlock::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockUpgradableReadGuard,
    OwnedRwLockWriteGuard, RwLock, RwLockMappedWriteGuard, RwLockReadGuard,
    RwLockUpgradableReadGuard, RwLockWriteGuard,
};
pub use semaphore::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
pub use set_once::{SetOnce, SetOnceError};
pub use stats::Stats;

/// The futures that have names, for those who store them.
pub mod futures {
    pub use crate::{
        cancellation_token::WaitForCancellationFuture,
        notify::{Notified, OwnedNotified},
    };
}

/// Runs the examples of the README with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
