//! The cooperative budget: how much a task may do before it lets others run.
//!
//! A task that always finds a message, a permit or a readable socket never returns `Pending`, and
//! would keep its thread for ever. So an executor [`refill`]s the thread's budget before it polls a
//! task, and every future of this crate spends one unit of it per operation. When nothing is left,
//! the future wakes its own task and returns `Pending`, which sends the task to the back of the
//! queue. Threads whose executor never refills are unconstrained: they are never forced to yield.
//!
//! # Blocking
//!
//! From a [`refill`] to the next [`clear`], and outside of [`suspend`], this thread is in a poll. There the `blocking_*`
//! functions of this crate panic: the thread would be held up, and with it every other task that it is to run, maybe
//! also the one that is waited for. On threads whose executor never refills nothing is known, and they block.
//!
//! # Other futures
//!
//! Futures of other crates take part through [`poll_proceed`]:
//!
//! ```
//! use raddle_sync::budget;
//! use std::task::{Context, Poll, ready};
//!
//! fn poll_next_line(cx: &mut Context<'_>, lines: &mut Vec<String>) -> Poll<String> {
//!     let unit = ready!(budget::poll_proceed(cx));
//!     match lines.pop() {
//!         Some(line) => {
//!             unit.made_progress();
//!             Poll::Ready(line)
//!         }
//!         None => Poll::Pending, // Dropping `unit` gives it back: nothing was done.
//!     }
//! }
//! ```

use crate::loom::thread_local_u8;
use pin_project_lite::pin_project;
use std::{
    cell::Cell,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
};

/// What [`refill`] grants: enough to amortize a trip through the run queue, little enough that a
/// poll stays in the tens of microseconds.
pub const DEFAULT: u8 = 128;

/// No executor of this thread takes part.
const UNCONSTRAINED: u8 = u8::MAX;

/// As `UNCONSTRAINED`, for a part of a poll: see [`unconstrained`]. What is more than `DEFAULT` is not counted.
const LIFTED: u8 = u8::MAX - 1;

thread_local_u8!(BUDGET, UNCONSTRAINED);

/// Gives the current thread a full budget, and marks it as [being in a poll](self#blocking). Only an executor calls
/// this, before each poll of a task.
///
/// ```
/// use raddle_sync::budget;
///
/// budget::refill();
/// assert!(budget::has_remaining());
/// budget::clear();
/// ```
#[inline]
pub fn refill() {
    BUDGET.with(|budget| budget.set(DEFAULT));
}

/// Takes the current thread out of budgeting, as it was before the first [`refill`].
///
/// An executor calls this when it stops polling tasks on a thread.
///
/// ```
/// use raddle_sync::budget;
///
/// budget::refill();
/// budget::clear();
/// assert!(budget::has_remaining()); // Whatever the task does, it is not asked to yield.
/// ```
#[inline]
pub fn clear() {
    BUDGET.with(|budget| budget.set(UNCONSTRAINED));
}

/// Whether the next operation may go ahead without yielding first.
///
/// ```
/// assert!(raddle_sync::budget::has_remaining()); // This thread runs no tasks.
/// ```
#[inline]
pub fn has_remaining() -> bool {
    BUDGET.with(|budget| budget.get() != 0)
}

/// Spends one unit, or makes the task yield when none is left.
///
/// `Pending` means that the budget is spent; the task has been woken and runs again after others.
/// `Ready` hands out a [`RestoreOnPending`], which gives the unit back when dropped, unless
/// [`made_progress`](RestoreOnPending::made_progress) was called on it.
///
/// ```
/// # futures_lite::future::block_on(std::future::poll_fn(|cx| {
/// use raddle_sync::budget;
/// use std::task::Poll;
///
/// budget::refill();
/// for _ in 0..budget::DEFAULT {
///     let Poll::Ready(unit) = budget::poll_proceed(cx) else { unreachable!() };
///     unit.made_progress();
/// }
/// assert!(budget::poll_proceed(cx).is_pending());
/// # budget::clear();
/// # Poll::Ready(()) }));
/// ```
#[inline]
pub fn poll_proceed(cx: &mut Context<'_>) -> Poll<RestoreOnPending> {
    BUDGET.with(|budget| match budget.get() {
        0 => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        left if left > DEFAULT => Poll::Ready(RestoreOnPending::new(false)),
        left => {
            budget.set(left - 1);
            Poll::Ready(RestoreOnPending::new(true))
        }
    })
}

/// Spends a unit on `operation` if that is done at once: the way in for an operation that seldom has
/// to wait, which needs no future then.
///
/// `None` if `operation` says so, because it would have to wait; and if nothing is left, without
/// asking it. Then the caller's future has to be polled, which tells the two apart.
#[inline]
pub(crate) fn at_once<R>(operation: impl FnOnce() -> Option<R>) -> Option<R> {
    BUDGET.with(|budget| {
        let left = budget.get();
        if left == 0 {
            return None;
        }
        let outcome = operation()?;
        if left <= DEFAULT {
            budget.set(left - 1);
        }
        Some(outcome)
    })
}

/// One unit of the budget, given back on drop unless [`made_progress`](Self::made_progress).
///
/// See [`poll_proceed`] for an example.
#[derive(Debug)]
#[must_use = "dropping it at once gives the unit back"]
pub struct RestoreOnPending {
    restore: Cell<bool>,
    // The unit belongs to this thread's budget.
    _not_send: PhantomData<*const ()>,
}

impl RestoreOnPending {
    #[inline]
    fn new(restore: bool) -> Self {
        Self { restore: Cell::new(restore), _not_send: PhantomData }
    }

    /// Keeps the unit spent: the operation returns `Ready`.
    ///
    /// See [`poll_proceed`] for an example.
    #[inline]
    pub fn made_progress(&self) {
        self.restore.set(false);
    }
}

impl Drop for RestoreOnPending {
    #[inline]
    fn drop(&mut self) {
        if self.restore.get() {
            BUDGET.with(|budget| match budget.get() {
                left if left >= DEFAULT => {} // Full, or not counted.
                left => budget.set(left + 1),
            });
        }
    }
}

/// Whether this thread polls a task, as far as its executor has said so.
#[inline]
pub(crate) fn is_in_poll() -> bool {
    BUDGET.with(|budget| budget.get() != UNCONSTRAINED)
}

/// Runs `f` without a budget, as if outside of every poll: it [may block](self#blocking). Afterwards the thread has
/// the budget that it had before, also if `f` panics.
///
/// ```
/// use raddle_sync::budget;
///
/// budget::refill();
/// let answer = budget::suspend(|| {
///     budget::refill(); // An executor inside.
///     budget::clear();
///     42
/// });
/// assert_eq!(answer, 42);
/// # budget::clear();
/// ```
pub fn suspend<R>(f: impl FnOnce() -> R) -> R {
    with(UNCONSTRAINED, f)
}

fn with<R>(budget: u8, f: impl FnOnce() -> R) -> R {
    /// Puts the budget back.
    struct Restore(u8);
    impl Drop for Restore {
        fn drop(&mut self) {
            BUDGET.with(|budget| budget.set(self.0));
        }
    }
    let _restore = Restore(BUDGET.with(|own| own.replace(budget)));
    f()
}

/// Runs `future` without a budget: its operations never make the task yield.
///
/// The rest of the task is budgeted as before. A future that loops over ready channels inside
/// `unconstrained` can starve every other task of its thread.
///
/// # Cancel safety
/// That of the inner future.
///
/// ```
/// # futures_lite::future::block_on(async {
/// let total = raddle_sync::budget::unconstrained(async { 40 + 2 }).await;
/// assert_eq!(total, 42);
/// # });
/// ```
pub fn unconstrained<F>(future: F) -> Unconstrained<F> {
    Unconstrained { future }
}

pin_project! {
    /// The future of [`unconstrained`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct Unconstrained<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let lifted = if is_in_poll() { LIFTED } else { UNCONSTRAINED };
        with(lifted, || self.project().future.poll(cx))
    }
}
