//! Sets of local tasks.

use super::shared::{Entered, Shared};
use crate::runtime::{Handle, Runtime};
use crate::task::raw::TaskRef;
use crate::task::{JoinHandle, extras};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Tasks polled in a row, before others on this thread have a turn.
const TURN: usize = 61;

/// A set of tasks that run on the thread of the set, and may hold what is not `Send`.
///
/// The tasks run while the set is awaited, or while [`run_until`](LocalSet::run_until) or
/// [`block_on`](LocalSet::block_on) runs. They can spawn others with [`spawn_local`], and `Send` tasks on the runtime with
/// [`spawn`](crate::spawn). They can be woken, aborted and joined from any thread.
///
/// Dropping the set drops the futures in it. What is spawned into it after that, inside an [`enter`](LocalSet::enter) guard, is
/// dropped at once.
///
/// ```
/// use std::rc::Rc;
///
/// let runtime = raddle::runtime::Runtime::new()?;
/// let set = raddle::task::LocalSet::new();
/// let length = set.block_on(&runtime, async {
///     let shared = Rc::new("not Send".to_owned());
///     let task = raddle::task::spawn_local({
///         let shared = shared.clone();
///         async move { shared.len() }
///     });
///     task.await.unwrap()
/// });
/// assert_eq!(length, 8);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct LocalSet {
    shared: Arc<Shared>,
    /// The set stays on its thread.
    not_send: PhantomData<*const ()>,
}

/// Makes a [`LocalSet`] the one that [`spawn_local`] on this thread spawns to, until it is dropped. From
/// [`LocalSet::enter`].
#[must_use = "the set is left as soon as the guard is dropped"]
pub struct LocalEnterGuard {
    _entered: Entered,
}

/// Starts a task on the [`LocalSet`], or [`LocalRuntime`](super::LocalRuntime), whose code is running on this thread.
///
/// # Panics
/// Outside of such.
///
/// ```
/// # use std::rc::Rc;
/// let runtime = raddle::task::LocalRuntime::new()?;
/// runtime.block_on(async {
///     let number = Rc::new(7);
///     assert_eq!(raddle::task::spawn_local(async move { *number }).await.unwrap(), 7);
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_local_furnished(future, Location::caller(), extras::inherit)
}

/// As [`spawn_local`]; `furnish` gives the task its extras.
#[track_caller]
pub(crate) fn spawn_local_furnished<F>(
    future: F,
    location: &'static Location<'static>,
    furnish: impl FnOnce(TaskRef),
) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    match Shared::current() {
        Some(shared) => shared.spawn(future, location, furnish),
        None => panic!(
            "task::spawn_local needs a LocalSet or a LocalRuntime, and no code of such is running on this thread: call \
             it inside `LocalSet::run_until`, or use `LocalSet::spawn_local`"
        ),
    }
}

impl LocalSet {
    /// Without tasks, for the calling thread.
    pub fn new() -> LocalSet {
        LocalSet { shared: Shared::new(), not_send: PhantomData }
    }

    /// Starts a task in this set.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.spawn_furnished(future, Location::caller(), extras::inherit)
    }

    pub(crate) fn spawn_furnished<F>(
        &self,
        future: F,
        location: &'static Location<'static>,
        furnish: impl FnOnce(TaskRef),
    ) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.shared.spawn(future, location, furnish)
    }

    /// Runs `future`, and the tasks of the set in between, until `future` has ended. The tasks that have not stay in the set.
    ///
    /// # Cancel safety
    /// That of `future`; the tasks stay in the set.
    pub fn run_until<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<'_, F> {
        RunUntil { set: self, future }
    }

    /// Runs `future` on the calling thread, as [`Runtime::block_on`], and the tasks of the set in between.
    ///
    /// # Panics
    /// As [`Runtime::block_on`].
    #[track_caller]
    pub fn block_on<F: Future>(&self, runtime: &Runtime, future: F) -> F::Output {
        runtime.block_on(self.run_until(future))
    }

    /// As [`block_on`](LocalSet::block_on), by a handle.
    ///
    /// # Panics
    /// As [`Handle::block_on`].
    #[track_caller]
    pub fn block_on_handle<F: Future>(&self, runtime: &Handle, future: F) -> F::Output {
        runtime.block_on(self.run_until(future))
    }

    /// Makes this the set that [`spawn_local`] spawns to, until the guard is dropped. The tasks do not run by that.
    ///
    /// Guards are to be dropped in the reverse order of entering; one that is not leaves the memory of its set behind.
    pub fn enter(&self) -> LocalEnterGuard {
        LocalEnterGuard { _entered: Entered::new(self.shared.clone()) }
    }

    pub(super) fn inside<R>(&self, f: impl FnOnce() -> R) -> R {
        self.shared.inside(f)
    }

    /// Whether no task is in the set.
    pub fn is_empty(&self) -> bool {
        self.shared.is_idle()
    }

    /// A turn of the tasks, on behalf of `cx`.
    fn poll_tasks(&self, cx: &mut Context<'_>) {
        // First: a wake during the turn is for the next.
        self.shared.waker.register(cx.waker());
        if self.shared.turn(TURN) {
            // Others on this thread have their turn before.
            cx.waker().wake_by_ref();
        }
    }
}

/// Ends when no task is left in the set.
///
/// # Cancel safety
/// The tasks stay in the set, if that is awaited by reference.
impl Future for LocalSet {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_tasks(cx);
        if self.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

pin_project! {
    struct RunUntil<'a, F> {
        set: &'a LocalSet,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for RunUntil<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let set: &LocalSet = this.set;
        if let Poll::Ready(output) = set.inside(|| this.future.poll(cx)) {
            return Poll::Ready(output);
        }
        set.poll_tasks(cx);
        Poll::Pending
    }
}

impl Drop for LocalSet {
    fn drop(&mut self) {
        self.shared.cancel_everything(|_, _| ());
    }
}

impl Default for LocalSet {
    fn default() -> LocalSet {
        LocalSet::new()
    }
}

impl fmt::Debug for LocalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSet").field("is_empty", &self.is_empty()).finish()
    }
}

impl fmt::Debug for LocalEnterGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalEnterGuard").finish_non_exhaustive()
    }
}
