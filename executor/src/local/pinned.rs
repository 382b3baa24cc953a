//! Tasks that stay on the thread of one worker of a multi-thread runtime.
//!
//! Each worker slot has a local scheduler (`shared.rs`) for the thread that it is home to. It is made when the first task is
//! pinned there, by whichever thread does that.
//!
//! - **T43** *Before its first poll* a pinned task holds the function that makes its future, which is `Send`: the task may be
//!   made, and cancelled, on any thread. The future is made by the first poll, on the home thread, and does not leave it
//!   (T40).
//! - **T44** The home thread polls its pinned tasks between two polls of others, when it is in its slot: a wake sets PINNED
//!   and unparks. A spare in the slot does not see to that (P16); the home finds it when it has the slot back.
//! - **T45** The home thread closes its set before it leaves its slot, or learns that a spare has (P17): from then on nothing
//!   new comes in, and what is there is dropped on that thread. What comes later is cancelled by who brings it.
//!
//! Feared: a task is pinned while the home thread ends, and nobody ever comes for it. Closing and pushing are both under the
//! lock of the inbox: either the closer finds the task, or the pusher finds the set closed.

use super::shared::Shared as Set;
use crate::runtime::Handle;
use crate::scheduler::context;
use crate::scheduler::shared::Shared;
use crate::scheduler::slot::PINNED;
use crate::scheduler::worker::{End, Worker};
use crate::task::list::TaskKind;
use crate::task::raw::TaskRef;
use crate::task::{JoinHandle, current, extras};
use pin_project_lite::pin_project;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

/// Pinned tasks polled in a row before the worker takes another.
const TURN: usize = 8;

/// Starts a task on one given worker thread of the runtime this thread is in, counted from zero. Its future is made there, by
/// `make`, and stays there, so it need not be `Send`.
///
/// The task can be woken, aborted and joined from anywhere. Inside, [`spawn_local`](crate::task::spawn_local) starts others
/// on the same worker, and [`spawn`](crate::spawn) on the runtime.
///
/// A pinned task does not run while its thread is stuck in the poll of another task, or in
/// [`block_in_place`](crate::task::block_in_place): the worker's other tasks go elsewhere then, and the pinned ones wait. When the runtime
/// stops, the future is dropped on its own thread, and if that thread never returns from a poll, never; a task whose future
/// has not been made yet is cancelled, and `make` is dropped.
///
/// # Panics
/// Outside a runtime, and if there is no worker of that number: a current-thread runtime has none. A panic of `make` is that of
/// the task.
///
/// ```
/// use std::rc::Rc;
///
/// let runtime = raddle::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
/// let sum = runtime.block_on(async {
///     let task = raddle::task::spawn_pinned(1, || async {
///         let numbers = Rc::new([1, 2, 3]);
///         let others = raddle::task::spawn_local({
///             let numbers = numbers.clone();
///             async move { numbers.iter().sum::<i32>() }
///         });
///         others.await.unwrap()
///     });
///     task.await.unwrap()
/// });
/// assert_eq!(sum, 6);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn spawn_pinned<M, F>(worker_index: usize, make: M) -> JoinHandle<F::Output>
where
    M: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
    F::Output: Send + 'static,
{
    let location = Location::caller();
    let shared = context::expect_arc("task::spawn_pinned");
    spawn_pinned_furnished(&shared, worker_index, make, location, extras::inherit)
}

/// As [`spawn_pinned`], on the runtime of `shared`; `furnish` gives the task its extras.
#[track_caller]
pub(crate) fn spawn_pinned_furnished<M, F>(
    shared: &Arc<Shared>,
    worker_index: usize,
    make: M,
    location: &'static Location<'static>,
    furnish: impl FnOnce(TaskRef),
) -> JoinHandle<F::Output>
where
    M: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
    F::Output: Send + 'static,
{
    shared.expect_worker(worker_index);
    let future = Pinned::<M, F>::ToBeMade { make: Some(make) };
    shared.pinned_set(worker_index).spawn_from_anywhere(future, location, |task| {
        furnish(task);
        shared.track(task, TaskKind::Pinned);
    })
}

impl Handle {
    /// Starts a task on one given worker thread of this runtime, from any thread. See
    /// [`task::spawn_pinned`](crate::task::spawn_pinned).
    ///
    /// # Panics
    /// If there is no worker of that number.
    #[track_caller]
    pub fn spawn_pinned<M, F>(&self, worker_index: usize, make: M) -> JoinHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let location = Location::caller();
        spawn_pinned_furnished(&self.shared, worker_index, make, location, extras::inherit)
    }
}

pin_project! {
    /// T43.
    #[project = PinnedProjection]
    enum Pinned<M, F> {
        Made { #[pin] future: F },
        ToBeMade { make: Option<M> },
    }
}

impl<M: FnOnce() -> F, F: Future> Future for Pinned<M, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        loop {
            let future = match self.as_mut().project() {
                PinnedProjection::Made { future } => return future.poll(cx),
                PinnedProjection::ToBeMade { make } => {
                    make.take().expect("a task that has panicked is not polled again")()
                }
            };
            self.set(Pinned::Made { future });
        }
    }
}

/// T44: what wakes the home thread.
struct Home {
    runtime: Weak<Shared>,
    index: usize,
}

impl Wake for Home {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // A runtime that is gone has no tasks to be polled.
        if let Some(shared) = self.runtime.upgrade() {
            shared.slots[self.index].ask_for_attention(PINNED);
            let is_here = context::with_worker_of(&raw const *shared, |worker| {
                worker.is_some_and(|worker| worker.slot().index == self.index)
            });
            if !is_here {
                shared.unpark(self.index);
            }
        }
    }
}

impl Shared {
    #[track_caller]
    fn expect_worker(&self, index: usize) {
        let workers = self.workers;
        assert!(
            index < workers,
            "task::spawn_pinned: there is no worker {index}: this runtime has {workers} worker threads, counted from 0"
        );
    }

    fn pinned_set(self: &Arc<Shared>, index: usize) -> &Arc<Set> {
        self.slots[index].pinned.get_or_init(|| {
            let home = Home { runtime: Arc::downgrade(self), index };
            Set::unbound(Some(Waker::from(Arc::new(home))))
        })
    }

    /// T45: on the home thread of slot `index`, or if that was never started.
    pub(crate) fn end_pinned(self: &Arc<Shared>, index: usize) {
        let set = self.pinned_set(index);
        set.bind();
        set.close();
        set.cancel_everything(|task, state| self.shutdown.note_leftover(task, state));
    }
}

impl Worker<'_> {
    /// S7: the caller is the slot's home thread.
    pub(crate) fn ask_pinned(&self) {
        if let Some(set) = self.slot().pinned.get() {
            set.bind();
            set.ask_all();
        }
    }

    /// T44: polls pinned tasks for a turn. The caller is the slot's home thread.
    pub(crate) fn run_pinned(&self) -> Option<End> {
        // Before the turn: a wake during it counts anew.
        self.slot().attend_to(PINNED);
        let set = self.slot().pinned.get()?;
        set.bind();
        // P15: we are prepared to find the slot lost.
        let is_more = current::prepared(true, || set.turn(TURN));
        if is_more {
            self.slot().ask_for_attention(PINNED);
        }
        if context::has_no_slot() {
            return Some(End::Away);
        }
        self.after_poll(1);
        None
    }
}
