//! The waker of a task: one vtable for all of them, so that `will_wake` is a comparison of two words.
//!
//! # Safety
//! The data pointer of every waker made here is a task's address, and every waker but the borrowed one owns a
//! reference (T10).

#![allow(unsafe_code)]

use super::cell::Header;
use super::raw::TaskRef;
use super::runnable::Runnable;
use super::state::Wake;
use std::mem::ManuallyDrop;
use std::task::{RawWaker, RawWakerVTable, Waker};

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop);

/// A waker for the length of one poll, which stands on the poller's right and counts no reference.
#[inline]
pub(crate) fn borrowed(task: TaskRef) -> ManuallyDrop<Waker> {
    // SAFETY: the vtable's functions keep the contract of `RawWaker`; the reference this waker does not own is never
    // given up, because it is never dropped.
    ManuallyDrop::new(unsafe { Waker::from_raw(raw(task)) })
}

/// Whether `waker` wakes `task` and nothing else.
#[inline]
pub(crate) fn is_waker_of(waker: &Waker, task: TaskRef) -> bool {
    std::ptr::eq(waker.vtable(), &VTABLE) && std::ptr::eq(waker.data(), task.as_ptr().cast())
}

#[inline]
fn raw(task: TaskRef) -> RawWaker {
    RawWaker::new(task.as_ptr().cast(), &VTABLE)
}

#[inline]
unsafe fn task_of(data: *const ()) -> TaskRef {
    // SAFETY: only `raw` makes wakers with this vtable.
    unsafe { TaskRef::from_ptr(data.cast::<Header>()) }
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: called by `Waker` with its own data pointer.
    let task = unsafe { task_of(data) };
    task.state().ref_inc();
    raw(task)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: as in `clone`; the reference is consumed by the transition.
    let task = unsafe { task_of(data) };
    match task.state().wake_by_value() {
        Wake::Submit => submit(task),
        Wake::Nothing => {}
        Wake::Free => task.free(),
    }
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: as in `clone`.
    let task = unsafe { task_of(data) };
    match task.state().wake_by_ref() {
        Wake::Submit => submit(task),
        Wake::Nothing => {}
        Wake::Free => unreachable!("a wake by reference gives up none"),
    }
}

unsafe fn drop(data: *const ()) {
    // SAFETY: as in `clone`; this waker's reference is given up.
    unsafe { task_of(data) }.drop_reference();
}

/// Hands a task to its scheduler. The caller holds the right to poll it, fresh from a transition.
#[inline]
pub(crate) fn submit(task: TaskRef) {
    let runnable = Runnable::from_wake(task);
    // SAFETY: T12: the caller holds the `Runnable`, and passes it on.
    unsafe { (task.header().vtable.schedule)(runnable) }
}
