//! Asking a task to stop, from outside.

use super::cell::TRACKED;
use super::list::{self, Record};
use super::raw::TaskRef;
use super::state::Wake;
use super::{Id, Outcome, extras, waker};
use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};

/// Asks for `task` to be dropped (T7). The caller stands on a reference.
pub(crate) fn abort(task: TaskRef) {
    if task.header().special.get() & TRACKED != 0 {
        list::woken(task);
    }
    match task.state().cancel() {
        Wake::Submit => waker::submit(task),
        Wake::Nothing => {}
        Wake::Free => unreachable!("cancelling gives up no reference"),
    }
}

/// Asks `task` to stop by itself. The caller stands on a reference.
pub(crate) fn cancel(task: TaskRef) {
    if !task.state().load().is_complete() {
        task.header().origin.expect_extras().cancelled().cancel();
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

    /// The task it is of. For as long as this is kept.
    pub(crate) fn task(&self) -> TaskRef {
        self.0
    }

    /// What a list of tasks has written down about it.
    pub(crate) fn record(&self) -> Option<&Record> {
        list::record_of(self.0)
    }

    /// Asks for the task to be dropped at its next suspension, on a worker. A task that is complete stays so.
    pub fn abort(&self) {
        abort(self.0);
    }

    /// Whether the task has completed, panicked or been cancelled.
    pub fn is_finished(&self) -> bool {
        self.0.state().load().is_complete()
    }

    /// Asks the task to stop. See [`JoinHandle::cancel`](super::JoinHandle::cancel).
    pub fn cancel(&self) {
        cancel(self.0);
    }

    /// Has `f` called when the task has ended. See [`JoinHandle::on_done`](super::JoinHandle::on_done).
    pub fn on_done(&self, f: impl FnOnce(Outcome) + Send + 'static) {
        extras::on_done(self.0, Box::new(f));
    }

    /// The task's id.
    pub fn id(&self) -> Id {
        self.0.id()
    }

    /// The name the task was given by [`Builder::name`](super::Builder::name).
    pub fn name(&self) -> Option<&str> {
        self.0.name()
    }

    /// Where the task was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.0.location()
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
            .field("name", &self.name())
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
