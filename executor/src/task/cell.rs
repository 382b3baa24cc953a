//! The memory of a task, and the few operations that know the future's type.
//!
//! The header is 64 bytes; the stage behind it is as large as the future or the output, whichever is larger. Blocks have no
//! header of their own, so a future of up to 64 bytes makes a task of 128.
//!
//! # Safety
//! Types are erased here: a [`TaskRef`] is cast back to the `Cell<F, S>` it was made from. The vtable in the header
//! was made for the same `F` and `S`, and every function in it is reached through that header only.

#![allow(unsafe_code)]

use super::extras::Origin;
use super::raw::TaskRef;
use super::runnable::Runnable;
use super::state::State;
use super::{Id, JoinError, Outcome, Schedule, alloc};
use crate::contain::contain;
use crate::loom::cell::UnsafeCell;
use std::cell::Cell as StdCell;
use std::io;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

/// What is in the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Future,
    Output,
    Nothing,
}

/// The part of a task that does not depend on its future.
#[derive(Debug)]
pub struct Header {
    pub(crate) state: State,
    pub(crate) vtable: &'static Vtable,
    /// The worker to tell about this task (T12).
    pub(crate) owner: StdCell<*const ()>,
    pub(crate) join_waker: UnsafeCell<Option<Waker>>,
    pub(crate) id: Id,
    /// Where the task was spawned, or its extras, which know (T13).
    pub(crate) origin: Origin,
    /// What the stage holds: the poller's until COMPLETE (T3), then the output's owner's (T5).
    pub(crate) stage: StdCell<Stage>,
    /// Whether the task is in its owner's list (T10).
    pub(crate) linked: StdCell<bool>,
    /// How the task has ended: written by the poller before COMPLETE, and never after.
    pub(crate) outcome: StdCell<Outcome>,
    /// What few tasks have, so that the others pay one look: [`ENV`], [`OBSERVED`], [`HIGH`], [`LOW`], [`TRACKED`].
    /// Does not change once the task is known to others.
    pub(crate) special: StdCell<u8>,
    /// Where the task is in its home worker's list (T11).
    pub(crate) place: StdCell<u32>,
}

/// The extras hold an environment (T15).
pub(crate) const ENV: u8 = 1;
/// The runtime has hooks for its tasks.
pub(crate) const OBSERVED: u8 = 2;
/// The task's priority, if it is not normal (P21).
pub(crate) const HIGH: u8 = 4;
pub(crate) const LOW: u8 = 8;
/// The runtime keeps a list of its tasks: the extras hold a record (T70).
pub(crate) const TRACKED: u8 = 16;

/// What depends on the future's type.
#[derive(Debug)]
pub(crate) struct Vtable {
    /// Polls the future; on `Ready`, the future is gone and the stage holds the output.
    pub(crate) poll: unsafe fn(TaskRef, &mut Context<'_>) -> Poll<()>,
    /// Drops the future and stores a cancellation as the output, or that the system refused a thread, and why.
    pub(crate) cancel: unsafe fn(TaskRef, Option<io::Error>),
    /// Moves the output to an `Option<Result<Output, JoinError>>` behind the pointer.
    pub(crate) take_output: unsafe fn(TaskRef, *mut ()),
    pub(crate) drop_output: unsafe fn(TaskRef),
    /// Whether dropping the output of a future that has returned does anything.
    pub(crate) has_output_drop: bool,
    pub(crate) schedule: unsafe fn(Runnable),
    pub(crate) free: unsafe fn(TaskRef),
}

#[repr(C)]
struct Cell<F: Future, S> {
    header: Header,
    stage: std::cell::UnsafeCell<StageOf<F>>,
    schedule: PhantomData<fn(S)>,
}

union StageOf<F: Future> {
    future: ManuallyDrop<F>,
    output: ManuallyDrop<Result<F::Output, JoinError>>,
}

/// Makes a task in its initial state. The caller owns the `Runnable` and the `JoinHandle`'s reference.
pub(crate) fn allocate<F, S>(
    future: F,
    owner: *const S,
    id: Id,
    location: &'static Location<'static>,
) -> TaskRef
where
    F: Future,
    S: Schedule,
{
    let memory = alloc::allocate::<Cell<F, S>>();
    let cell = Cell {
        header: Header {
            state: State::new(),
            vtable: const { &vtable::<F, S>() },
            owner: StdCell::new(owner.cast()),
            join_waker: UnsafeCell::new(None),
            id,
            origin: Origin::new(location),
            stage: StdCell::new(Stage::Future),
            linked: StdCell::new(false),
            outcome: StdCell::new(Outcome::Completed),
            special: StdCell::new(0),
            place: StdCell::new(0),
        },
        stage: std::cell::UnsafeCell::new(StageOf { future: ManuallyDrop::new(future) }),
        schedule: PhantomData::<fn(S)>,
    };
    // SAFETY: `allocate` returned memory of this type's layout that nobody else knows of.
    unsafe { memory.as_ptr().write(cell) };
    TaskRef::new(memory.cast::<Header>())
}

const fn vtable<F: Future, S: Schedule>() -> Vtable {
    Vtable {
        poll: poll::<F, S>,
        cancel: cancel::<F, S>,
        take_output: take_output::<F, S>,
        drop_output: drop_output::<F, S>,
        has_output_drop: std::mem::needs_drop::<F::Output>(),
        schedule: schedule::<S>,
        free: free::<F, S>,
    }
}

/// # Safety
/// `task` must have been made by `allocate::<F, S>` and not been freed.
#[inline]
unsafe fn cell_of<'a, F: Future, S>(task: TaskRef) -> &'a Cell<F, S> {
    // SAFETY: the header is the first field of a `repr(C)` struct of the caller's type.
    unsafe { &*task.as_ptr().cast::<Cell<F, S>>() }
}

unsafe fn poll<F: Future, S>(task: TaskRef, cx: &mut Context<'_>) -> Poll<()> {
    // SAFETY: the vtable is reached through a cell of its own types.
    let cell = unsafe { cell_of::<F, S>(task) };
    let header = &cell.header;
    debug_assert_eq!(header.stage.get(), Stage::Future);
    // One catch for the poll and for the destructor that follows `Ready`; `stage` tells the two apart (T9).
    let polled = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: T3: the caller holds the right to poll, and the stage is a future, which never moves again.
        let future = unsafe { Pin::new_unchecked(&mut *(*cell.stage.get()).future) };
        let Poll::Ready(output) = future.poll(cx) else { return Poll::Pending };
        drop_future(cell);
        store_output(cell, Ok(output));
        Poll::Ready(())
    }));
    polled.unwrap_or_else(|panic| {
        if header.stage.get() == Stage::Future {
            // A second panic, out of the destructor, is dropped in favor of the first, which explains more.
            contain(|| drop_future(cell));
        }
        header.outcome.set(Outcome::Panicked);
        store_output(cell, Err(JoinError::panic(header.id, panic)));
        Poll::Ready(())
    })
}

unsafe fn cancel<F: Future, S>(task: TaskRef, refused: Option<io::Error>) {
    // SAFETY: as in `poll`.
    let cell = unsafe { cell_of::<F, S>(task) };
    let id = cell.header.id;
    let (outcome, error) = match catch_unwind(AssertUnwindSafe(|| drop_future(cell))) {
        Ok(()) => match refused {
            None => (Outcome::Cancelled, JoinError::cancelled(id)),
            Some(error) => (Outcome::Refused, JoinError::refused(id, error)),
        },
        Err(panic) => (Outcome::Panicked, JoinError::panic(id, panic)),
    };
    cell.header.outcome.set(outcome);
    store_output(cell, Err(error));
}

/// Drops the future in place. The caller has the stage (T3).
#[inline]
fn drop_future<F: Future, S>(cell: &Cell<F, S>) {
    debug_assert_eq!(cell.header.stage.get(), Stage::Future);
    // First, so that a panicking destructor is not run twice.
    cell.header.stage.set(Stage::Nothing);
    // SAFETY: T3: ours, and it was a future until the line above.
    unsafe { ManuallyDrop::drop(&mut (*cell.stage.get()).future) };
}

#[inline]
fn store_output<F: Future, S>(cell: &Cell<F, S>, output: Result<F::Output, JoinError>) {
    debug_assert_eq!(cell.header.stage.get(), Stage::Nothing);
    // SAFETY: T3: the stage is ours and holds nothing.
    unsafe { (*cell.stage.get()).output = ManuallyDrop::new(output) };
    cell.header.stage.set(Stage::Output);
}

unsafe fn take_output<F: Future, S>(task: TaskRef, to: *mut ()) {
    // SAFETY: as in `poll`.
    let cell = unsafe { cell_of::<F, S>(task) };
    let is_there = cell.header.stage.get() == Stage::Output;
    assert!(is_there, "a JoinHandle was polled after it had returned its output");
    cell.header.stage.set(Stage::Nothing);
    // SAFETY: T5: the caller is the `JoinHandle` of a complete task, so the output is its own, and it was there until
    // the line above. `to` points to the handle's `Option<Result<F::Output, JoinError>>`.
    unsafe {
        let output = ManuallyDrop::take(&mut (*cell.stage.get()).output);
        *to.cast::<Option<Result<F::Output, JoinError>>>() = Some(output);
    }
}

unsafe fn drop_output<F: Future, S>(task: TaskRef) {
    // SAFETY: as in `poll`.
    let cell = unsafe { cell_of::<F, S>(task) };
    cell.header.stage.set(Stage::Nothing);
    // SAFETY: T5: the caller owns the output, and saw that it is there.
    unsafe { ManuallyDrop::drop(&mut (*cell.stage.get()).output) };
}

unsafe fn schedule<S: Schedule>(runnable: Runnable) {
    // T12: we hold the `Runnable`, so the owner pointer is an `S` that is alive.
    let owner = runnable.task().header().owner.get().cast::<S>();
    // SAFETY: as just said.
    unsafe { S::schedule(owner, runnable) }
}

unsafe fn free<F: Future, S>(task: TaskRef) {
    debug_assert_eq!(
        task.header().stage.get(),
        Stage::Nothing,
        "freed with something in the stage"
    );
    let cell = task.as_ptr().cast::<Cell<F, S>>().cast_mut();
    // SAFETY: no reference is left, so the cell is the caller's. The stage needs no drop: a union has no drop glue,
    // and it holds nothing.
    unsafe {
        std::ptr::drop_in_place(cell);
        alloc::free(NonNull::new_unchecked(cell));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_of_a_small_future_takes_at_most_128_bytes() {
        let taken = |size: usize| size.next_multiple_of(8);
        assert_eq!(size_of::<Header>(), 64);
        assert!(taken(size_of::<Cell<std::future::Ready<()>, ()>>()) <= 96);
        assert!(taken(size_of::<Cell<std::future::Ready<[u64; 4]>, ()>>()) <= 128);
    }
}
