//! What this thread is polling, for `task::id()` and for the scheduler's questions about a wake.

use super::Id;
use super::raw::TaskRef;
use std::cell::Cell;

crate::loom::thread_local! {
    static CURRENT: Current = const {
        Current { task: Cell::new(None), yielded: Cell::new(false), completing: Cell::new(false) }
    };
}

struct Current {
    task: Cell<Option<TaskRef>>,
    /// `yield_now` asked for this poll's `Pending` to mean "poll me again", sparing two transitions.
    yielded: Cell<bool>,
    /// A completed task is waking its joiner.
    completing: Cell<bool>,
}

/// Runs `poll` with `task` as the current one; also says whether it asked for a yield. The outer task, and what it has
/// asked for, come back afterwards, also after a panic.
#[inline]
pub(crate) fn with<R>(task: TaskRef, poll: impl FnOnce() -> R) -> (R, bool) {
    struct Restore(Option<TaskRef>, bool);
    impl Drop for Restore {
        #[inline]
        fn drop(&mut self) {
            CURRENT.with(|current| {
                current.task.set(self.0);
                current.yielded.set(self.1);
            });
        }
    }
    let _restore = CURRENT
        .with(|current| Restore(current.task.replace(Some(task)), current.yielded.replace(false)));
    let result = poll();
    (result, CURRENT.with(|current| current.yielded.get()))
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
    CURRENT.with(|current| current.task.get()).map(|task| task.id())
}
