//! Blocking calls, on threads of their own.

mod class;
mod in_place;
mod pool;
mod wait;

pub use class::{BlockingStats, Busy, Class, spawn_blocking_when_free, try_spawn_blocking};
pub use in_place::block_in_place;
pub(crate) use pool::{Config, Pool};

use crate::scheduler::context;
use crate::scheduler::shared::Shared;
use crate::scheduler::slot::Slot;
use crate::task::list::TaskKind;
use crate::task::raw::TaskRef;
use crate::task::runnable::Runnable;
use crate::task::{Id, JoinHandle, cell, extras};
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Runs a function that may block on a thread kept for such, and gives a handle to its result.
///
/// Use it for what would hold up a worker: file access, name resolution, long computations. The threads are started on
/// demand, up to [`max_blocking_threads`](crate::runtime::Builder::max_blocking_threads), and end after
/// [`thread_keep_alive`](crate::runtime::Builder::thread_keep_alive) without work; further calls wait their turn.
///
/// A call that has begun cannot be aborted; [`JoinHandle::abort`] before that cancels it. When the runtime is dropped,
/// calls that wait for a thread are cancelled, and those that have begun are waited for. Should the system refuse
/// the pool a thread, the calls wait for the others; if there is none, they are not made, and their handles say so
/// ([`JoinError::is_refused`](crate::task::JoinError::is_refused)).
///
/// # Panics
/// Outside a runtime. A panic of `f` is returned as a [`JoinError`](crate::task::JoinError).
///
/// ```
/// # raddle::block_on(async {
/// let sum = raddle::task::spawn_blocking(|| (0..1_000_u64).sum::<u64>());
/// assert_eq!(sum.await.unwrap(), 499_500);
/// # })
/// ```
#[track_caller]
pub fn spawn_blocking<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let location = Location::caller();
    // Found first, and then spawned on: the panic outside a runtime names the caller.
    let shared = context::expect_arc("task::spawn_blocking");
    spawn(&shared, f, location, extras::inherit)
}

/// A task that calls `f` in its only poll.
struct Call<F>(Option<F>);

impl<F> Unpin for Call<F> {}

impl<F: FnOnce() -> R, R> Future for Call<F> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<R> {
        // A blocking call may drive futures of its own, for as long as it likes.
        raddle_sync::budget::clear();
        let f = self.0.take().expect("a call is polled once");
        Poll::Ready(f())
    }
}

pub(crate) fn spawn<F, R>(
    shared: &Arc<Shared>,
    f: F,
    location: &'static Location<'static>,
    furnish: impl FnOnce(TaskRef),
) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    // SAFETY: they live for ever.
    #[allow(unsafe_code)]
    unsafe {
        spawn_unchecked(shared, f, location, furnish)
    }
}

/// As [`spawn`].
///
/// # Safety
/// As `Shared::spawn_unchecked`.
#[allow(unsafe_code)]
pub(crate) unsafe fn spawn_unchecked<F, R>(
    shared: &Arc<Shared>,
    f: F,
    location: &'static Location<'static>,
    furnish: impl FnOnce(TaskRef),
) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send,
    R: Send,
{
    let owner: *const Slot = &**shared.slots.first().expect("a runtime has a slot");
    let task = cell::allocate(Call(Some(f)), owner, Id::next(), location);
    furnish(task);
    shared.track(task, TaskKind::Blocking);
    shared.blocking.submit(shared, Runnable::from_wake(task));
    // SAFETY: just made for `Call<F>`, whose output is `R`, and this is its one handle.
    unsafe { JoinHandle::new(task) }
}
