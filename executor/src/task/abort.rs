//! Asking a task to stop, from outside.

use super::raw::TaskRef;
use super::state::Wake;
use super::{Id, waker};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// Asks for `task` to be dropped (T7). The caller stands on a reference.
pub(crate) fn abort(task: TaskRef) {
    match task.state().cancel() {
        Wake::Submit => waker::submit(task),
        Wake::Nothing => {}
        Wake::Free => unreachable!("cancelling gives up no reference"),
    }
}

/// Can abort a task, and does not own its output. Made by [`JoinHandle::abort_handle`](super::JoinHandle::abort_handle).
///
/// ```
/// # raddle::block_on(async {
/// let task = raddle::spawn(std::future::pending::<()>());
/// let stop = task.abort_handle();
/// stop.abort();
/// assert!(task.await.unwrap_err().is_cancelled());
/// assert!(stop.is_finished());
/// # })
/// ```
pub struct AbortHandle(TaskRef);

impl AbortHandle {
    pub(crate) fn new(task: TaskRef) -> AbortHandle {
        task.state().ref_inc();
        AbortHandle(task)
    }

    /// Asks for the task to be dropped at its next suspension, on a worker. A task that is complete stays so.
    pub fn abort(&self) {
        abort(self.0);
    }

    /// Whether the task has completed, panicked or been cancelled.
    pub fn is_finished(&self) -> bool {
        self.0.state().load().is_complete()
    }

    /// The task's id.
    pub fn id(&self) -> Id {
        self.0.id()
    }
}

impl Clone for AbortHandle {
    fn clone(&self) -> AbortHandle {
        AbortHandle::new(self.0)
    }
}

impl Drop for AbortHandle {
    fn drop(&mut self) {
        self.0.drop_reference();
    }
}

impl UnwindSafe for AbortHandle {}
impl RefUnwindSafe for AbortHandle {}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle")
            .field("id", &self.id())
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
