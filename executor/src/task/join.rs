//! The handle of a spawned task.
//!
//! # Safety
//! A `JoinHandle` owns one reference (T10), and once the task is complete, its output (T5).

#![allow(unsafe_code)]

use super::cell::Stage;
use super::raw::TaskRef;
use super::state::DropHandle;
use super::{AbortHandle, Id, JoinError, Outcome, extras, poll};
use crate::contain::discard;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Owns the right to wait for a task's output. Awaiting it gives `Result<T, JoinError>`.
///
/// Dropping the handle detaches the task: it goes on, and its output is dropped.
///
/// # Cancel safety
/// Awaiting `&mut handle` loses nothing when dropped: the output stays with the task.
///
/// # Panics
/// If polled again after it has returned the output.
///
/// ```
/// # raddle::block_on(async {
/// let task = raddle::spawn(async { 6 * 7 });
/// assert_eq!(task.await.unwrap(), 42);
/// # })
/// ```
pub struct JoinHandle<T> {
    task: TaskRef,
    output: PhantomData<T>,
}

// SAFETY: the handle gives access to the output by value only, so sending it sends at most a `T`.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: a shared handle gives no access to the output.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

impl<T> Unpin for JoinHandle<T> {}
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// Takes over the reference a new task was made with.
    ///
    /// # Safety
    /// `task`'s future must have the output `T`, and this must be its only `JoinHandle`.
    pub(crate) unsafe fn new(task: TaskRef) -> JoinHandle<T> {
        JoinHandle { task, output: PhantomData }
    }

    /// Asks for the task to be dropped at its next suspension, on a worker; awaiting the handle then gives an error
    /// whose [`is_cancelled`](JoinError::is_cancelled) is true. A task that completes first keeps its output.
    ///
    /// ```
    /// # raddle::block_on(async {
    /// let task = raddle::spawn(std::future::pending::<()>());
    /// task.abort();
    /// assert!(task.await.unwrap_err().is_cancelled());
    /// # })
    /// ```
    pub fn abort(&self) {
        super::abort::abort(self.task);
    }

    /// Asks the task to stop, and leaves it to the task when: [`task::cancelled`](super::cancelled) and
    /// [`task::is_cancelled`](super::is_cancelled) tell it, so that it can finish what must be finished. A task that does
    /// not listen goes on. [`cancel_within`](JoinHandle::cancel_within) waits, and aborts such.
    ///
    /// ```
    /// # raddle::block_on(async {
    /// let task = raddle::spawn(async {
    ///     raddle::task::cancelled().await;
    ///     raddle::task::yield_now().await; // Says good-bye to somebody.
    ///     "cleaned up"
    /// });
    /// task.cancel();
    /// assert_eq!(task.await.unwrap(), "cleaned up");
    /// # })
    /// ```
    pub fn cancel(&self) {
        super::abort::cancel(self.task);
    }

    /// Has `f` called once when the task has ended, however it ends, with how it did.
    ///
    /// It is called by the thread that ends the task, as a rule a worker, right after a joiner has been woken; or here and
    /// now, if the task has ended already. It should be short. Its panic is reported by the panic hook, and ignored.
    ///
    /// ```
    /// # raddle::block_on(async {
    /// use raddle::task::Outcome;
    ///
    /// let (tell, told) = raddle::sync::oneshot::channel();
    /// let task = raddle::spawn(async { panic!("no more tea") });
    /// task.on_done(move |outcome| tell.send(outcome).unwrap());
    /// assert_eq!(told.await, Ok(Outcome::Panicked));
    /// # })
    /// ```
    pub fn on_done(&self, f: impl FnOnce(Outcome) + Send + 'static) {
        extras::on_done(self.task, Box::new(f));
    }

    /// Lets the task go on alone. The same as dropping the handle, said aloud.
    pub fn detach(self) {}

    /// Another handle that can [`abort`](JoinHandle::abort) the task, and does not own its output.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle::new(self.task)
    }

    /// Whether the task has completed, panicked or been cancelled.
    pub fn is_finished(&self) -> bool {
        self.task.state().load().is_complete()
    }

    /// The task's id.
    pub fn id(&self) -> Id {
        self.task.id()
    }

    /// The name the task was given by [`Builder::name`](super::Builder::name).
    pub fn name(&self) -> Option<&str> {
        self.task.name()
    }

    /// Where the task was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.task.location()
    }
}

impl<T> JoinHandle<T> {
    /// Waits for the end of the task, without taking its output or spending budget.
    pub(crate) fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        poll::poll_join(self.task, cx)
    }

    /// The output of a task that is complete.
    ///
    /// # Panics
    /// If it is not, or the output was taken before.
    pub(crate) fn take_output(&mut self) -> Result<T, JoinError> {
        assert!(self.is_finished(), "the output of a task that has not ended");
        let mut output: Option<Result<T, JoinError>> = None;
        // SAFETY: T5: the task is complete and we are its `JoinHandle`; `output` has the type the vtable expects.
        unsafe { (self.task.header().vtable.take_output)(self.task, (&raw mut output).cast()) };
        output.expect("take_output stores the output or panics")
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let budget = ready!(raddle_sync::budget::poll_proceed(cx));
        ready!(poll::poll_join(self.task, cx));
        budget.made_progress();
        let mut output: Option<Self::Output> = None;
        // SAFETY: T5: the task is complete and we are its `JoinHandle`; `output` has the type the vtable expects.
        unsafe { (self.task.header().vtable.take_output)(self.task, (&raw mut output).cast()) };
        Poll::Ready(output.expect("take_output stores the output or panics"))
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        let task = self.task;
        match task.state().drop_join_handle() {
            DropHandle::Detached => {}
            DropHandle::DetachedWithWaker => drop_waker(task),
            DropHandle::Output => {
                if task.header().stage.get() == Stage::Output {
                    return drop_output(task);
                }
                task.drop_reference();
            }
        }
    }
}

#[inline(never)]
fn drop_waker(task: TaskRef) {
    // Given up also if the waker's destructor panics.
    let _reference = Reference(task);
    poll::drop_join_waker(task);
}

/// Drops the output with the handle, who owns it, and whose dropper hears of a panic; the cell is given up first.
#[inline(never)]
fn drop_output(task: TaskRef) {
    // SAFETY: T5: ours, and there.
    let dropped =
        catch_unwind(AssertUnwindSafe(|| unsafe { (task.header().vtable.drop_output)(task) }));
    task.drop_reference();
    match dropped {
        Ok(()) => {}
        Err(panic) if std::thread::panicking() => discard(panic),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// A reference to give up.
struct Reference(TaskRef);

impl Drop for Reference {
    fn drop(&mut self) {
        self.0.drop_reference();
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("spawned_at", &format_args!("{}", self.spawned_at()))
            .field("is_finished", &self.is_finished())
            .finish()
    }
}
