//! What this thread is polling, for `task::id()` and for the scheduler's questions about a wake.

use super::env::Entry;
use super::raw::TaskRef;
use super::{AbortHandle, Id};
use std::cell::Cell;
use std::ptr;

crate::loom::thread_local! {
    static CURRENT: Current = const {
        Current {
            task: Cell::new(None),
            yielded: Cell::new(false),
            completing: Cell::new(false),
            env: Cell::new(ptr::null()),
        }
    };
}

struct Current {
    task: Cell<Option<TaskRef>>,
    /// `yield_now` asked for this poll's `Pending` to mean "poll me again", sparing two transitions.
    yielded: Cell<bool>,
    /// A completed task is waking its joiner.
    completing: Cell<bool>,
    /// What is passed on to tasks spawned here (T15).
    env: Cell<*const Entry>,
}

/// Runs `poll` with `task` as the current one, and its environment, which the caller keeps alive (T15); also says whether
/// it asked for a yield. The outer task, and what it has asked for, come back afterwards, also after a panic.
#[inline]
pub(crate) fn with<R>(task: TaskRef, env: *const Entry, poll: impl FnOnce() -> R) -> (R, bool) {
    struct Restore(Option<TaskRef>, bool, *const Entry);
    impl Drop for Restore {
        #[inline]
        fn drop(&mut self) {
            CURRENT.with(|current| {
                current.task.set(self.0);
                current.yielded.set(self.1);
                current.env.set(self.2);
            });
        }
    }
    let _restore = CURRENT.with(|current| {
        let task = current.task.replace(Some(task));
        Restore(task, current.yielded.replace(false), current.env.replace(env))
    });
    let result = poll();
    (result, CURRENT.with(|current| current.yielded.get()))
}

/// The task being polled on this thread.
#[inline]
pub(crate) fn task() -> Option<TaskRef> {
    CURRENT.with(|current| current.task.get())
}

/// What is passed on here; null for nothing.
#[inline]
pub(crate) fn env() -> *const Entry {
    CURRENT.with(|current| current.env.get())
}

/// Sets the environment; the caller keeps it alive, and puts back what this returns (T15).
pub(crate) fn replace_env(env: *const Entry) -> *const Entry {
    CURRENT.with(|current| current.env.replace(env))
}

/// Runs `f` with another environment, which the caller keeps alive (T15).
pub(crate) fn with_env<R>(env: *const Entry, f: impl FnOnce() -> R) -> R {
    struct Restore(*const Entry);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.with(|current| current.env.set(self.0));
        }
    }
    let _restore = Restore(CURRENT.with(|current| current.env.replace(env)));
    f()
}

/// Asks the poller of `task` to submit it again, if it is the one being polled. `false` if it is not.
#[inline]
pub(crate) fn request_yield(is_current: impl FnOnce(TaskRef) -> bool) -> bool {
    CURRENT.with(|current| {
        let ours = current.task.get().is_some_and(is_current);
        if ours {
            current.yielded.set(true);
        }
        ours
    })
}

/// Runs `wake`, during which [`is_completing`] is true.
#[inline]
pub(crate) fn completing(wake: impl FnOnce()) {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.with(|current| current.completing.set(self.0));
        }
    }
    let _restore = Restore(CURRENT.with(|current| current.completing.replace(true)));
    wake();
}

/// Whether the wake under way on this thread is that of a joiner by its finished child.
#[inline]
pub(crate) fn is_completing() -> bool {
    CURRENT.with(|current| current.completing.get())
}

/// The id of the task being polled on this thread.
///
/// # Panics
/// Outside a task, also directly inside `block_on`; [`try_id`] returns `None` there.
///
/// ```
/// # raddle::block_on(async {
/// let task = raddle::spawn(async { raddle::task::id() });
/// let id = task.id();
/// assert_eq!(task.await.unwrap(), id);
/// # })
/// ```
#[track_caller]
pub fn id() -> Id {
    try_id().expect("task::id() outside a task: only a future given to spawn has an id")
}

/// The id of the task being polled on this thread, if there is one.
pub fn try_id() -> Option<Id> {
    task().map(|task| task.id())
}

/// A handle to the task being polled on this thread, which can ask it to stop, or be asked for its name.
///
/// # Panics
/// Outside a task, as [`id`].
///
/// ```
/// # raddle::block_on(async {
/// let task = raddle::task::Builder::new().name("reader").spawn(async {
///     raddle::task::current().name().map(str::to_owned)
/// });
/// assert_eq!(task.await.unwrap().as_deref(), Some("reader"));
/// # })
/// ```
#[track_caller]
pub fn current() -> AbortHandle {
    try_current().expect("task::current() outside a task: only a future given to spawn runs in one")
}

/// A handle to the task being polled on this thread, if there is one.
pub fn try_current() -> Option<AbortHandle> {
    task().map(AbortHandle::new)
}
