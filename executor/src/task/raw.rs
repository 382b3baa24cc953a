//! A pointer to a task whose future's type is forgotten.
//!
//! # Safety
//! A [`TaskRef`] is a plain pointer: it neither counts as a reference nor keeps the cell alive. Whoever uses one says
//! which reference it stands on.

#![allow(unsafe_code)]

use super::cell::Header;
use super::state::State;
use super::{Id, Priority};
use std::panic::Location;
use std::ptr::NonNull;

/// The address of a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TaskRef(NonNull<Header>);

// SAFETY: the address alone gives no access; every access goes through the rules of `task/mod.rs`, which are about
// threads.
unsafe impl Send for TaskRef {}
// SAFETY: as above.
unsafe impl Sync for TaskRef {}

impl TaskRef {
    #[inline]
    pub(crate) fn new(header: NonNull<Header>) -> TaskRef {
        TaskRef(header)
    }

    #[inline]
    pub(crate) fn as_ptr(self) -> *const Header {
        self.0.as_ptr()
    }

    /// # Safety
    /// `ptr` must come from [`TaskRef::as_ptr`].
    #[inline]
    pub(crate) unsafe fn from_ptr(ptr: *const Header) -> TaskRef {
        // SAFETY: the caller's promise; a `TaskRef` is never null.
        TaskRef(unsafe { NonNull::new_unchecked(ptr.cast_mut()) })
    }

    /// The part of the cell that does not depend on the future.
    ///
    /// The lifetime is a lie the callers keep true: nobody holds on to it past the reference they stand on.
    #[inline]
    pub(crate) fn header<'a>(self) -> &'a Header {
        // SAFETY: every caller in this folder stands on a reference (T10) or on the `Runnable` (T12), so the cell
        // is allocated; parts of the header that change are atomics or cells.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn state(self) -> &'static State {
        &self.header().state
    }

    pub(crate) fn id(self) -> Id {
        self.header().id
    }

    pub(crate) fn location(self) -> &'static Location<'static> {
        self.header().origin.location()
    }

    /// For as long as the caller stands on its reference.
    pub(crate) fn name<'a>(self) -> Option<&'a str> {
        self.header().origin.extras()?.name()
    }

    pub(crate) fn priority(self) -> Priority {
        Priority::of_special(self.header().special.get())
    }

    /// Gives up a reference, and the cell with the last one.
    #[inline]
    pub(crate) fn drop_reference(self) {
        if self.state().ref_dec() {
            self.free();
        }
    }

    /// Frees the cell. Only for whoever gave up the last reference.
    #[inline]
    pub(crate) fn free(self) {
        // SAFETY: a transition of the state word told the caller that no reference is left (T10), so nobody else
        // can reach the cell.
        unsafe { (self.header().vtable.free)(self) }
    }
}
