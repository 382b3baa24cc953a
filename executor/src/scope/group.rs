//! Task groups: tasks that do not outlive the block that started them.
//!
//! - **T20** A child is *live* from before it is spawned until its future is dropped; its report, if it failed, is in the
//!   list before it stops being live. [`TaskGroup::run`] ends when the body has ended and no child is live.
//! - **T21** A group is open, aborting or closed, under one lock with the list of live children. A child is entered while
//!   the group is open only; its abort handle is put in after the spawn, and aborts it at once if the group is aborting
//!   by then. So no child escapes between its spawn and the abort of all.
//! - **T22** The first failure cancels the group's scope. When the grace period is over, the group aborts what is live,
//!   and drops its body.

use super::child::{Child, Ended, Tracked, catch};
use super::group_error::{Failure, GroupError, Who};
use super::run::GroupOptions;
use crate::contain::contain;
use crate::loom::sync::Mutex;
use crate::runtime::Handle;
use crate::task::AbortHandle;
use crate::task::env;
use raddle_sync::{AtomicWaker, CancellationToken, oneshot};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

/// Starts tasks that end with the group. Given to the body of [`TaskGroup::run`]; clones are handles of the same group,
/// and children may have one.
///
/// Children run in parallel, on all workers, so they have to be `Send` and `'static`: Rust has no way to make sure that a
/// future which borrows is not leaked while its borrower still runs. Share by `Arc`. Futures joined by
/// [`join!`](crate::join) run in the task of the body, and may borrow.
pub struct TaskGroup<E> {
    pub(super) shared: Arc<Shared<E>>,
}

pub(crate) struct Shared<E> {
    pub(super) runtime: Handle,
    pub(super) token: CancellationToken,
    pub(super) state: Mutex<State<E>>,
    /// The body's: told of failures, and when no child is live.
    pub(super) waker: AtomicWaker,
}

pub(super) struct State<E> {
    pub(super) phase: Phase,
    pub(super) next_key: u64,
    /// T20. Without a handle while it is being spawned.
    pub(super) live: BTreeMap<u64, Option<AbortHandle>>,
    pub(super) failures: Vec<Failure<E>>,
    pub(super) aborted: Vec<Who>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    Aborting,
    Closed,
}

// Of one type only, so that `TaskGroup::options()` says which; the group that runs is of any.
impl TaskGroup<Infallible> {
    /// A group with a deadline or a grace period.
    ///
    /// ```
    /// # raddle::block_on(async {
    /// use raddle::task::TaskGroup;
    /// use raddle::time::Duration;
    ///
    /// let polite = TaskGroup::options().grace(Duration::from_secs(5)).run(async |group| {
    ///     let child = group.spawn(async {
    ///         raddle::task::cancelled().await;
    ///         Ok::<_, String>("cleaned up")
    ///     });
    ///     group.cancel();
    ///     Ok(child.await.unwrap())
    /// });
    /// assert_eq!(polite.await.unwrap(), "cleaned up");
    /// # })
    /// ```
    pub fn options() -> GroupOptions {
        GroupOptions::default()
    }
}

impl<E: Send + 'static> TaskGroup<E> {
    /// Runs `body`, and waits for every task that it has spawned into the group, and that those have.
    ///
    /// The first error or panic, of a child or of the body, cancels the others: they are aborted at once, or told first
    /// and aborted later if there is a [grace period](GroupOptions::grace). So does a cancel scope around.
    ///
    /// # Errors
    /// [`GroupError`] with every failure in the order of their happening, and the names of those that were aborted.
    ///
    /// # Cancel safety
    /// If this future is dropped, all children are aborted: each is dropped at its next suspension, by its worker, which
    /// nobody waits for then.
    ///
    /// # Panics
    /// Outside a runtime; and with the panic of the body, after all children have ended.
    ///
    /// ```
    /// # raddle::block_on(async {
    /// use raddle::task::TaskGroup;
    ///
    /// let sum = TaskGroup::run(async |group| {
    ///     let one = group.spawn(async { Ok::<_, String>(1) });
    ///     let two = group.spawn(async { Ok(2) });
    ///     Ok(one.await.unwrap() + two.await.unwrap())
    /// });
    /// assert_eq!(sum.await.unwrap(), 3);
    ///
    /// let failed = TaskGroup::run(async |group| {
    ///     group.spawn(std::future::pending::<Result<(), _>>());
    ///     group.spawn(async { Err::<(), _>("no tea") });
    ///     Ok(())
    /// });
    /// let error = failed.await.unwrap_err();
    /// assert_eq!(error.errors().collect::<Vec<_>>(), [&"no tea"]);
    /// # })
    /// ```
    #[track_caller]
    pub fn run<T, F, B>(body: F) -> impl Future<Output = Result<T, GroupError<E>>>
    where
        F: FnOnce(TaskGroup<E>) -> B,
        B: Future<Output = Result<T, E>>,
    {
        GroupOptions::default().run(body)
    }

    /// Spawns a child. The handle gives its value, if it has one in the end; it need not be awaited.
    ///
    /// A child of a group that is aborting, or over, is dropped without being polled.
    #[track_caller]
    pub fn spawn<T, F>(&self, future: F) -> Child<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
    {
        self.enter(None, Location::caller(), future, Shared::spawned)
    }

    /// As [`spawn`](TaskGroup::spawn), with a name, which errors and reports use.
    #[track_caller]
    pub fn spawn_named<T, F>(&self, name: &str, future: F) -> Child<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
    {
        self.enter(Some(name), Location::caller(), future, Shared::spawned)
    }

    /// T21; `spawned` is the second half.
    pub(crate) fn enter<T, F>(
        &self,
        name: Option<&str>,
        location: &'static Location<'static>,
        future: F,
        spawned: impl FnOnce(&Shared<E>, u64, AbortHandle),
    ) -> Child<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
    {
        let (send, receive) = oneshot::channel();
        let child = Child::new(receive);
        let shared = &self.shared;
        // T21.
        let Some(key) = shared.state.lock().enter() else { return child };
        let ended = Ended::new(shared.clone(), key);
        let who = Who { id: None, name: name.map(str::to_owned), spawned_at: location };
        let group = shared.clone();
        let task = async move {
            match catch(future).await {
                Ok(Ok(value)) => _ = send.send(value),
                Ok(Err(error)) => group.failed(Failure::error(who.here(), error)),
                Err(panic) => group.failed(Failure::panic(who.here(), panic)),
            }
        };
        let task = Tracked::new(task, ended);
        let mut builder = crate::task::Builder::new().location(location);
        if let Some(name) = name {
            builder = builder.name(name);
        }
        let handle = {
            let _inside = env::enter_scope(Some(shared.token.clone()));
            builder.spawn_on(task, &shared.runtime)
        };
        spawned(shared, key, handle.abort_handle());
        child
    }

    /// Asks all in the group to stop; what has not ended after the grace period is aborted.
    pub fn cancel(&self) {
        self.shared.token.cancel();
    }

    /// Whether the group has been cancelled, be it by a failure.
    pub fn is_cancelled(&self) -> bool {
        self.shared.token.is_cancelled()
    }

    /// How many children have not ended.
    pub fn len(&self) -> usize {
        self.shared.state.lock().live.len()
    }

    /// Whether every child has ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> TaskGroup<E> {
        TaskGroup { shared: self.shared.clone() }
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state.lock();
        f.debug_struct("TaskGroup")
            .field("live", &state.live.len())
            .field("phase", &state.phase)
            .finish_non_exhaustive()
    }
}

impl<E> State<E> {
    /// T21.
    fn enter(&mut self) -> Option<u64> {
        (self.phase == Phase::Open).then(|| {
            let key = self.next_key;
            self.next_key += 1;
            self.live.insert(key, None);
            key
        })
    }
}

impl<E> Shared<E> {
    /// T21: the second half of entering a child.
    fn spawned(&self, key: u64, handle: AbortHandle) {
        if self.put_in(key, &handle) != Phase::Open {
            handle.abort();
        }
    }

    /// Makes the child known to who aborts all, and says in which phase that was.
    pub(crate) fn put_in(&self, key: u64, handle: &AbortHandle) -> Phase {
        let handle = handle.clone();
        let mut state = self.state.lock();
        if let Some(entry) = state.live.get_mut(&key) {
            *entry = Some(handle);
        }
        state.phase
    }

    /// T22. A foreign waker may panic: what follows has to be done all the same.
    pub(super) fn cancel(&self) {
        contain(|| self.token.cancel());
    }

    /// T20, T22.
    pub(super) fn failed(&self, failure: Failure<E>) {
        self.state.lock().failures.push(failure);
        self.cancel();
        self.waker.wake();
    }

    /// T20.
    pub(super) fn ended(&self, key: u64) {
        let (handle, is_last) = {
            let mut state = self.state.lock();
            (state.live.remove(&key), state.live.is_empty())
        };
        drop(handle);
        if is_last {
            self.waker.wake();
        }
    }

    /// T22.
    pub(super) fn abort_all(&self, phase: Phase) {
        let live: Vec<AbortHandle> = {
            let mut state = self.state.lock();
            state.phase = phase;
            let live: Vec<_> = state.live.values().flatten().cloned().collect();
            state.aborted.extend(live.iter().map(Who::of));
            live
        };
        for child in live {
            child.abort();
        }
    }

    /// T20: closes the group, unless a child is live. In one step, or another might be entered in between.
    pub(super) fn close_if_idle(&self) -> bool {
        let mut state = self.state.lock();
        let is_idle = state.live.is_empty();
        if is_idle {
            state.phase = Phase::Closed;
        }
        is_idle
    }
}
