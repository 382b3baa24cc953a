//! The waker of a task: one vtable for all of them, so that `will_wake` is a comparison of two words. (And another for those in
//! a list, which write down who wakes.)
//!
//! # Safety
//! The data pointer of every waker made here is a task's address, and every waker but the borrowed one owns a
//! reference (T10).

#![allow(unsafe_code)]

use super::cell::Header;
use super::list;
use super::raw::TaskRef;
use super::runnable::Runnable;
use super::state::Wake;
use std::mem::ManuallyDrop;
use std::task::{RawWaker, RawWakerVTable, Waker};

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop);
/// Of the wakers of TRACKED tasks.
static TRACKED: RawWakerVTable =
    RawWakerVTable::new(clone_tracked, wake_tracked, wake_tracked_by_ref, drop);

/// A waker for the length of one poll, which stands on the poller's right and counts no reference.
#[inline]
pub(crate) fn borrowed(task: TaskRef) -> ManuallyDrop<Waker> {
    // SAFETY: the vtable's functions keep the contract of `RawWaker`; the reference this waker does not own is never
    // given up, because it is never dropped.
    ManuallyDrop::new(unsafe { Waker::from_raw(raw(task, &VTABLE)) })
}

/// As [`borrowed`], of a TRACKED task.
pub(crate) fn borrowed_tracked(task: TaskRef) -> ManuallyDrop<Waker> {
    // SAFETY: as there.
    ManuallyDrop::new(unsafe { Waker::from_raw(raw(task, &TRACKED)) })
}

/// Whether `waker` wakes `task` and nothing else.
#[inline]
pub(crate) fn is_waker_of(waker: &Waker, task: TaskRef) -> bool {
    let is_of_a_task =
        std::ptr::eq(waker.vtable(), &VTABLE) || std::ptr::eq(waker.vtable(), &TRACKED);
    is_of_a_task && std::ptr::eq(waker.data(), task.as_ptr().cast())
}

/// Asks for the memory of what is about to be woken.
#[inline]
pub(crate) fn prefetch(waker: &Waker) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let header = waker.data().cast::<i8>();
        // SAFETY: a hint: it reads nothing, and any address will do, that of another executor's waker, too.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(header);
            // Where the future begins.
            _mm_prefetch::<_MM_HINT_T0>(header.wrapping_add(64));
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = waker;
}

#[inline]
fn raw(task: TaskRef, vtable: &'static RawWakerVTable) -> RawWaker {
    RawWaker::new(task.as_ptr().cast(), vtable)
}

#[inline]
unsafe fn task_of(data: *const ()) -> TaskRef {
    // SAFETY: only `raw` makes wakers with these vtables.
    unsafe { TaskRef::from_ptr(data.cast::<Header>()) }
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: called by `Waker` with its own data pointer.
    let task = unsafe { task_of(data) };
    task.state().ref_inc();
    raw(task, &VTABLE)
}

unsafe fn clone_tracked(data: *const ()) -> RawWaker {
    // SAFETY: as in `clone`.
    let task = unsafe { task_of(data) };
    task.state().ref_inc();
    raw(task, &TRACKED)
}

unsafe fn wake_tracked(data: *const ()) {
    // SAFETY: as in `clone`; the reference stands until the wake.
    unsafe {
        list::woken(task_of(data));
        wake(data);
    }
}

unsafe fn wake_tracked_by_ref(data: *const ()) {
    // SAFETY: as in `clone`.
    unsafe {
        list::woken(task_of(data));
        wake_by_ref(data);
    }
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
