//! What a model checks beyond loom itself: that a state word is dropped after every access to it, and a task's memory
//! is given back once. And how a model leaves a fence out, to see that it is needed.
//!
//! # Safety
//! Only models use this. What it allocates goes through loom's own tracking, and is freed once by whoever allocated it.

#![allow(unsafe_code)]

use loom::alloc::Track;
use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// loom's atomic, which must not be dropped before all accesses to it have been synchronized with: the oracle for a
/// task that is freed while somebody still wakes it.
#[derive(Debug)]
pub(crate) struct AtomicU64(loom::sync::atomic::AtomicU64);

impl AtomicU64 {
    #[track_caller]
    pub(crate) fn new(value: u64) -> Self {
        AtomicU64(loom::sync::atomic::AtomicU64::new(value))
    }
}

impl Deref for AtomicU64 {
    type Target = loom::sync::atomic::AtomicU64;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for AtomicU64 {
    fn drop(&mut self) {
        if !has_failed() {
            self.0.with_mut(|_| ());
        }
    }
}

/// loom answers nobody any more.
pub(crate) fn has_failed() -> bool {
    std::thread::panicking()
}

/// The same for pointers: the oracle for a place that is given up while somebody still empties it.
#[derive(Debug)]
pub(crate) struct AtomicPtr<T>(loom::sync::atomic::AtomicPtr<T>);

impl<T> AtomicPtr<T> {
    #[track_caller]
    pub(crate) fn new(value: *mut T) -> Self {
        AtomicPtr(loom::sync::atomic::AtomicPtr::new(value))
    }
}

impl<T> Deref for AtomicPtr<T> {
    type Target = loom::sync::atomic::AtomicPtr<T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T> Drop for AtomicPtr<T> {
    fn drop(&mut self) {
        if !has_failed() {
            self.0.with_mut(|_| ());
        }
    }
}

/// The blocks of the model that this thread explores; loom runs all threads of a model on one.
struct Blocks {
    out: HashMap<usize, ManuallyDrop<Track<()>>>,
    /// The youngest of those given back are kept from the allocator for a while, so that an access to them is loom's to
    /// report, and no crash.
    back: VecDeque<(usize, Layout)>,
}

const KEPT: usize = 16;

std::thread_local! {
    static BLOCKS: RefCell<Blocks> = RefCell::new(Blocks { out: HashMap::new(), back: VecDeque::new() });
}

/// As `std::alloc::alloc`. A block that is never given back fails the model.
pub(crate) unsafe fn alloc(layout: Layout) -> *mut u8 {
    // SAFETY: the caller's promise.
    let block = unsafe { std::alloc::alloc(layout) };
    let track = ManuallyDrop::new(Track::new(()));
    // An older entry would be a leak in an execution that failed for another reason.
    BLOCKS.with(|blocks| blocks.borrow_mut().out.insert(block as usize, track));
    block
}

/// As `std::alloc::dealloc`. A block that is given back twice fails the model.
pub(crate) unsafe fn dealloc(block: *mut u8, layout: Layout) {
    let (track, oldest) = BLOCKS.with(|blocks| {
        let mut blocks = blocks.borrow_mut();
        let track = blocks.out.remove(&(block as usize));
        blocks.back.push_back((block as usize, layout));
        let oldest = if blocks.back.len() > KEPT { blocks.back.pop_front() } else { None };
        (track, oldest)
    });
    if let Some((block, layout)) = oldest {
        // SAFETY: the promise of the caller who gave it back.
        unsafe { std::alloc::dealloc(block as *mut u8, layout) };
    }
    drop(ManuallyDrop::into_inner(track.expect("a block is given back once")));
}

std::thread_local! {
    /// The model's time: its beginning, and the seconds since.
    static CLOCK: Cell<(Option<Instant>, u32)> = const { Cell::new((None, 0)) };
}

/// Starts the model's time.
pub(crate) fn start_clock() {
    CLOCK.set((Some(Instant::now()), 0));
}

/// Makes it a second later.
pub(crate) fn advance_clock() {
    let (beginning, seconds) = CLOCK.get();
    CLOCK.set((beginning, seconds + 1));
}

/// What time it is in the model.
pub(crate) fn now() -> Instant {
    let (beginning, seconds) = CLOCK.get();
    beginning.expect("the runtime started it") + Duration::from_secs(seconds.into())
}

loom::thread_local! {
    static WITHOUT_FENCES: Cell<bool> = Cell::new(false);
}

/// As `std::sync::atomic::fence`, except in [`without_fences`].
pub(crate) fn fence(order: Ordering) {
    if !WITHOUT_FENCES.with(Cell::get) {
        loom::sync::atomic::fence(order);
    }
}

/// Runs `f`, in which this crate's code, but not the deques', passes its fences as if they were not there: what a
/// negative control leaves out.
pub fn without_fences<R>(f: impl FnOnce() -> R) -> R {
    let before = WITHOUT_FENCES.with(|without| without.replace(true));
    let result = f();
    WITHOUT_FENCES.with(|without| without.set(before));
    result
}

std::thread_local! {
    static LEFT_OUT: Cell<&'static str> = const { Cell::new("") };
}

/// Whether the step that `rule` demands is to be left out, in the model that this thread runs.
pub(crate) fn left_out(rule: &str) -> bool {
    LEFT_OUT.get() == rule
}

/// Runs a model without the step that `rule` demands: to see it fail. (All threads of a model are run by the one that
/// called `loom::model`.)
pub fn leaving_out(rule: &'static str, model: impl FnOnce()) {
    struct Restore;
    impl Drop for Restore {
        fn drop(&mut self) {
            LEFT_OUT.set("");
        }
    }
    LEFT_OUT.set(rule);
    let _restore = Restore;
    model();
}

std::thread_local! {
    static INCLUDED: Cell<&'static str> = const { Cell::new("") };
}

/// Whether the model that this thread runs is one of `rule`, whose fence others do without.
pub(crate) fn is_included(rule: &str) -> bool {
    INCLUDED.get() == rule
}

/// Runs a model with the fence that `rule` demands, and which is left out of others, so that it does not do the work of
/// theirs.
pub fn including(rule: &'static str, model: impl FnOnce()) {
    struct Restore;
    impl Drop for Restore {
        fn drop(&mut self) {
            INCLUDED.set("");
        }
    }
    INCLUDED.set(rule);
    let _restore = Restore;
    model();
}
