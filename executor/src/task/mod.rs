//! Tasks, their handles, and blocking calls.
//!
//! [`spawn`] starts a task and gives a [`JoinHandle`], which can be awaited, or [aborted](JoinHandle::abort) and then
//! awaited; dropping it lets the task go on alone. [`spawn_blocking`] does the same for a function that may block.
//! [`yield_now`] lets others run. A panic in a task ends that task only, and comes out of its handle as a [`JoinError`].
//!
//! The rest of this page is for those who change raddle.
//!
//! A task is one allocation that holds a future, then its output, and the word that says who may touch which part.
//!
//! This folder knows nothing of queues or workers. It tells its scheduler two things through `Schedule` and
//! `Host`: "this task wants to be polled", and "this task belongs to this worker's list, or no longer does".
//!
//! # States
//!
//! ```text
//!                    wake (State::wake_by_*)                   Runnable::run
//!   idle, in a list ────────────────────────► queued ────────────────────────► being polled
//!        ▲                                      ▲                                 │  │  │
//!        │ finish_poll: Idle                    │ finish_poll: Again, or yield_now│  │  │
//!        └──────────────────────────────────────┼─────────────────────────────────┘  │  │
//!                                               └────────────────────────────────────┘  │
//!                         State::complete: Ready, panicked or cancelled                 ▼
//!                                                                      complete ──► freed with the last reference
//! ```
//!
//! # The word
//!
//! | part | meaning |
//! |---|---|
//! | `COMPLETE` | the future is gone; set once |
//! | `CANCELLED` | the next poller drops the future instead of polling it |
//! | `JOIN_HANDLE` | the `JoinHandle` lives and owns the output |
//! | `JOIN_WAKER` | the join-waker slot is shared and read-only |
//! | `WATCHED` | somebody wants to be called at the end |
//! | references, 28 bits | one for the owner, one for the `JoinHandle`, one per waker and `AbortHandle` |
//! | wakes, 28 bits | wakes that no poll has answered yet |
//!
//! # The task protocol
//!
//! - **T1** Everything two threads may change is in the one word; every change is one atomic read-modify-write.
//! - **T2** While wakes > 0 and not COMPLETE there is exactly one `Runnable`, and its holder has the one right to
//!   poll. Whoever raises wakes from 0 makes it; a poll that ends with wakes left keeps it. So no RUNNING bit is
//!   needed: starting a poll is a load, ending it one subtraction. (The count comes from Barthélemy Chevalier's
//!   nexosim executor, which uses it in place of a scheduled flag.)
//! - **T3** The stage (the future, later its output), the place, the owner pointer and `linked` belong to the holder
//!   of the `Runnable` until COMPLETE.
//! - **T4** A wake is always an AcqRel read-modify-write, also when it changes nothing: what the waker wrote is seen
//!   by the poll that answers it.
//! - **T5** COMPLETE is set once, by the poller. From then on the output belongs to the `JoinHandle` if JOIN_HANDLE
//!   is set, else to the completer, which drops it before setting COMPLETE.
//! - **T6** The join-waker slot is the `JoinHandle`'s while JOIN_WAKER is clear, and shared and read-only while it is
//!   set. Only the `JoinHandle` flips JOIN_WAKER, and only before COMPLETE; if it is set then, the slot is the
//!   completer's.
//! - **T7** Abort sets CANCELLED and wakes. The future is dropped by a poller, never by the aborter.
//! - **T8** The future is dropped before COMPLETE is visible: a joiner has seen every destructor run.
//! - **T9** No panic of user code leaves a transition half done: it is caught in `cell.rs` and `poll.rs`. A panic in
//!   `poll` or in the future's destructor becomes the output; one in the destructor of an output nobody will read
//!   and one in a join waker have nowhere to go, and end there after the panic hook has reported them.
//! - **T10** The owner's reference is held by whoever holds the `Runnable` until the first poll that returns
//!   `Pending`; then by the list of the worker that made that poll. A task that completes in its first poll is never
//!   in a list. So a live task is queued, being polled, or linked, and shutdown reaches them all. How it leaves the list
//!   again, wherever it completes, is T11, and how the list is looked through meanwhile T23, both in `places.rs`.
//! - **T12** A task that is not COMPLETE keeps its scheduler alive (S4 waits for it). So whoever holds a `Runnable`
//!   may follow the owner pointer, and nobody else does.
//!
//! - **T16** *Eager.* A task may be polled for the first time inside the code that spawns it, with the right to poll it was
//!   made with (T2), and on the budget of that code. It is the current task there, has the environment it inherits, and sees
//!   no value of a key that its spawner is in the scope of (`local.rs`). If it waits, it is linked (T10) as after any poll; on a
//!   thread that has lost its slot meanwhile (P15), it is polled once more by somebody else. Eager polls inside one another
//!   are counted, and beyond a limit the task is queued. What the spawner's poller must be prepared for, so must that of an
//!   eager poll: whether the slot may be lost is inherited.
//! - **T17** Who completes a task, and finds the owner's reference to be the only one and no `JoinHandle`, is alone
//!   with it: references are made from references. It frees the cell, and COMPLETE is never set.
//!
//! What few tasks have, such as a name or a callback, is beside the cell: T13 and T14 in `extras.rs`, T15 in `env.rs`. Who
//! looks at a poll from outside follows T18 and T19, in `polled.rs`; who keeps a list of tasks, T70 and T71, in `list.rs`.
//!
//! Spawn, poll and join of a task that never waits cost one read-modify-write on the word (`complete`; or, if the handle
//! is dropped before, that), a wake and its poll cost two; nothing that another core writes is touched.

mod abort;
pub(crate) mod alloc;
pub(crate) mod cell;
pub mod coop;
pub(crate) mod current;
pub(crate) mod env;
mod error;
pub(crate) mod extras;
mod id;
mod join;
pub(crate) mod list;
mod local;
pub(crate) mod observer;
mod outcome;
pub(crate) mod owned;
pub(crate) mod places;
pub(crate) mod poll;
pub(crate) mod polled;
mod priority;
pub(crate) mod raw;
pub(crate) mod runnable;
pub(crate) mod state;
pub(crate) mod waker;
mod yield_now;

pub use crate::builder::Builder;
pub use crate::local::{LocalEnterGuard, LocalRuntime, LocalSet, spawn_local, spawn_pinned};
pub use crate::scope::{
    BlockingScope, CancelScope, Cancelled, Cause, Child, ChildFailed, Failure, GroupError,
    GroupOptions, ScopedJoinHandle, TaskGroup, Who, cancelled, is_cancelled, scope_blocking,
    shield,
};
pub use abort::AbortHandle;
pub use coop::{Unconstrained, consume_budget, unconstrained};
pub use current::{current, id, try_current, try_id};
pub use error::JoinError;
pub use id::Id;
pub(crate) use id::IdBlock;
pub use join::JoinHandle;
#[doc(hidden)]
pub use local::LocalValue;
pub use local::{AccessError, InheritedLocalKey, LocalKey, TaskLocalFuture};
pub use observer::TaskMeta;
pub use outcome::Outcome;
pub use priority::Priority;
pub use yield_now::{YieldNow, yield_now};

pub use crate::blocking::{
    block_in_place, spawn_blocking, spawn_blocking_when_free, try_spawn_blocking,
};

/// Kinds of blocking calls with limits, and how busy their threads are.
pub mod blocking {
    pub use crate::blocking::{BlockingStats, Busy, Class};
}

pub use crate::sets::{
    JoinMap, JoinSet, JoinSetBuilder, Pool, TaskTracker, TaskTrackerToken, TrackedFuture,
    TryJoinError, When, join_all, try_join_all,
};
pub use crate::spawn;

/// Under Tokio's names: [`JoinSet`], and the [`Builder`](join_set::Builder) of its tasks.
pub mod join_set {
    pub use crate::sets::{JoinSet, JoinSetBuilder as Builder};
}

/// Under Tokio's name: the future of [`LocalKey::scope`].
pub mod futures {
    pub use super::local::TaskLocalFuture;
}

use raw::TaskRef;
use runnable::Runnable;

/// How a task asks to be polled. Implemented by what a task's owner pointer points to.
pub(crate) trait Schedule: Sized + 'static {
    /// Submits `runnable`. Called on any thread, by a wake.
    ///
    /// # Safety
    /// `this` must be the owner pointer of the task behind `runnable`, which keeps it valid for as long as the
    /// callee holds `runnable` (T12), and no longer.
    #[allow(unsafe_code)]
    unsafe fn schedule(this: *const Self, runnable: Runnable);
}

/// The worker that polls a task.
pub(crate) trait Host {
    /// Whether this worker expects that a poll may cost its thread the slot (P15).
    const IS_PREPARED: bool = false;

    /// Whether that has happened.
    #[inline]
    fn has_lost_slot(&self) -> bool {
        false
    }

    /// What the owner pointer of a task linked here looks like.
    fn owner(&self) -> *const ();

    /// Links a task into this worker's list, before its first `Pending` becomes visible (T10).
    fn link(&self, task: TaskRef);

    /// Unlinks a task whose home this is.
    fn unlink(&self, task: TaskRef);

    /// Whom to tell about the tasks polled here; nobody, as a rule.
    #[inline]
    fn observer(&self) -> Option<&observer::Observer> {
        None
    }

    /// Takes a task out of the list of `home`, which is another worker (T11).
    fn unlink_from(&self, home: *const (), task: TaskRef);
}

/// A host whose thread has lost its slot in the middle of a poll (P15): a task can still complete there.
pub(crate) struct Away<'a, H>(pub(crate) &'a H);

impl<H: Host> Host for Away<'_, H> {
    fn owner(&self) -> *const () {
        std::ptr::null()
    }

    fn link(&self, task: TaskRef) {
        unreachable!("task {} waits, on a thread that has lost its slot", task.id());
    }

    fn unlink(&self, task: TaskRef) {
        unreachable!("task {} is in no list of a thread that has lost its slot", task.id());
    }

    fn observer(&self) -> Option<&observer::Observer> {
        self.0.observer()
    }

    fn unlink_from(&self, home: *const (), task: TaskRef) {
        self.0.unlink_from(home, task);
    }
}
