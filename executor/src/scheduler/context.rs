//! Which runtime, and which worker of it, this thread is in: read by `spawn`, wakes, `sleep` and sockets.
//!
//! # Safety
//! The thread-local holds plain pointers, so that reading it needs no destructor and no reference count. Each is set
//! for the lifetime of a guard that keeps what it points to alive, and put back when the guard goes.

#![allow(unsafe_code)]

mod blocked;

pub(crate) use blocked::{
    Concerned, SteppedOut, count_as_call, hold_up_nobody, step_out_of, with_concerned,
};

use super::shared::Shared;
use super::slot::{Claim, Slot};
use super::worker::Worker;
use crate::task::current::prepared;
use crate::task::polled::Polls;
use raddle_timer::Timer;
use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::Arc;

crate::loom::thread_local! {
    static CONTEXT: Context = const {
        Context {
            shared: Cell::new(ptr::null()),
            slot: Cell::new(ptr::null()),
            frame: Cell::new(ptr::null()),
            depth: Cell::new(0),
            blocking: Cell::new(ptr::null()),
            may_pass_on: Cell::new(false),
            call_of: Cell::new(ptr::null()),
            out_of: Cell::new(ptr::null()),
        }
    };
}

struct Context {
    /// The runtime entered last.
    shared: Cell<*const Shared>,
    /// The slot this thread works in, of whatever runtime.
    slot: Cell<*const Slot>,
    frame: Cell<*const Frame>,
    depth: Cell<usize>,
    /// The runtime whose `block_on` the thread is inside of, so that it may not start another; or in whose task it has lost the
    /// slot (P15).
    blocking: Cell<*const Shared>,
    /// Whether the slot may be passed on in the middle of a poll: the loop of a worker thread is ours (P13).
    may_pass_on: Cell<bool>,
    /// The runtime in which this thread counts as a blocking call (Z1).
    call_of: Cell<*const Shared>,
    /// The slot that this thread has stepped out of, and holds up by that.
    out_of: Cell<*const Slot>,
}

/// Makes a runtime the current one of this thread; puts the previous one back when dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    previous: *const Shared,
    depth: usize,
    /// Keeps the pointer in the thread-local valid; released only once that points elsewhere.
    shared: ManuallyDrop<Arc<Shared>>,
    /// The guard belongs to its thread.
    not_send: PhantomData<*const ()>,
}

pub(crate) fn enter(shared: Arc<Shared>) -> Entered {
    CONTEXT.with(|context| {
        let previous = context.shared.replace(Arc::as_ptr(&shared));
        let depth = context.depth.get() + 1;
        context.depth.set(depth);
        Entered { previous, depth, shared: ManuallyDrop::new(shared), not_send: PhantomData }
    })
}

impl Drop for Entered {
    fn drop(&mut self) {
        let depth = CONTEXT.with(|context| context.depth.get());
        if depth != self.depth {
            // Some later guard will set the thread-local to our runtime again: so that it never dangles, this
            // reference is never released.
            if std::thread::panicking() {
                return;
            }
            panic!(
                "guards of Handle::enter() must be dropped in the reverse order of entering; this one was entered at \
                 depth {}, and the thread is at depth {depth}",
                self.depth,
            );
        }
        CONTEXT.with(|context| {
            context.depth.set(self.depth - 1);
            context.shared.set(self.previous);
        });
        // SAFETY: taken once, here; the thread-local no longer points to it.
        drop(unsafe { ManuallyDrop::take(&mut self.shared) });
    }
}

/// Runs `f` with `shared` as the current runtime, whatever a root future on this thread has entered.
pub(crate) fn with_shared<R>(shared: &Shared, f: impl FnOnce() -> R) -> R {
    struct Restore(*const Shared);
    impl Drop for Restore {
        fn drop(&mut self) {
            CONTEXT.with(|context| context.shared.set(self.0));
        }
    }
    let _restore = Restore(CONTEXT.with(|context| context.shared.replace(shared)));
    f()
}

/// The slots this thread works in, one inside the other: a task may drop another runtime, and with it its tasks.
struct Frame {
    slot: *const Slot,
    outer: *const Frame,
}

/// Runs `f` with this thread as the worker in `claim`'s slot.
pub(crate) fn with_worker<R>(claim: &Claim<'_>, f: impl FnOnce(Worker<'_>) -> R) -> R {
    with_worker_that(false, claim, f)
}

/// As [`with_worker`], for the loop of a worker thread, which may lose its slot in the middle of a poll (P13), and then
/// touches neither the core nor the claim.
pub(crate) fn with_worker_that_may_lose_it<R>(
    claim: &Claim<'_>,
    f: impl FnOnce(Worker<'_>) -> R,
) -> R {
    with_worker_that(true, claim, f)
}

fn with_worker_that<R>(may_pass_on: bool, claim: &Claim<'_>, f: impl FnOnce(Worker<'_>) -> R) -> R {
    struct Restore {
        frame: Frame,
        blocking: *const Shared,
        may_pass_on: bool,
    }
    impl Drop for Restore {
        fn drop(&mut self) {
            CONTEXT.with(|context| {
                context.frame.set(self.frame.outer);
                context.slot.set(self.frame.slot);
                context.blocking.set(self.blocking);
                context.may_pass_on.set(self.may_pass_on);
            });
        }
    }
    let outer = CONTEXT.with(|context| context.frame.get());
    let frame = Frame { slot: claim.slot(), outer };
    let _restore = CONTEXT.with(|context| {
        context.frame.set(&raw const frame);
        let previous = context.slot.replace(claim.slot());
        Restore {
            frame: Frame { slot: previous, outer },
            blocking: context.blocking.get(),
            may_pass_on: context.may_pass_on.replace(may_pass_on),
        }
    });
    let _one_holder = OneHolder(may_pass_on);
    // SAFETY: the claim is held here until `f` has returned, by this thread, since it is not `Send`; and whoever holds one
    // has borrowed the runtime. Who may lose the slot looks whether it has before it touches the core again (P13).
    let worker = unsafe { Worker::new(claim.slot()) };
    let _listed = worker.shared().pollers.enter(Polls::Tasks);
    // P15: what a poll further out is prepared for does not hold in here.
    prepared(false, || f(worker))
}

/// P13: a claim must not be dropped by unwinding when the slot is another's. User code is contained before it gets here.
struct OneHolder(bool);

impl Drop for OneHolder {
    fn drop(&mut self) {
        if self.0 && std::thread::panicking() && has_no_slot() {
            // The panic has been reported. Two threads in one slot would be worse than an end.
            std::process::abort();
        }
    }
}

/// Whether this thread works for the runtime of `shared`, be it that it works for another one inside.
pub(crate) fn is_worker_of(shared: *const Shared) -> bool {
    let mut frame = CONTEXT.with(|context| context.frame.get());
    // SAFETY: a frame is on the stack of a `with_worker` that has not returned, and which keeps its slot borrowed.
    while let Some(inner) = unsafe { frame.as_ref() } {
        // SAFETY: as above.
        if ptr::eq(unsafe { (*inner.slot).shared }, shared) {
            return true;
        }
        frame = inner.outer;
    }
    false
}

/// Runs `f` with the worker this thread is in the runtime of `shared`, if it is one.
#[inline]
pub(crate) fn with_worker_of<R>(
    shared: *const Shared,
    f: impl FnOnce(Option<Worker<'_>>) -> R,
) -> R {
    let slot = CONTEXT.with(|context| context.slot.get());
    // SAFETY: `with_worker` keeps the slot's runtime borrowed while the pointer is set.
    let slot = unsafe { slot.as_ref() }.filter(|slot| ptr::eq(slot.shared, shared));
    // SAFETY: the thread-local is set only on the thread that holds the claim, and only while it does.
    f(slot.map(|slot| unsafe { Worker::new(slot) }))
}

/// The runtime this thread is in.
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(Option<&Shared>) -> R) -> R {
    let shared = CONTEXT.with(|context| context.shared.get());
    // SAFETY: `Entered` keeps the runtime alive while the pointer is set.
    f(unsafe { shared.as_ref() })
}

/// A reference to the runtime this thread is in.
pub(crate) fn current() -> Option<Arc<Shared>> {
    with_current(|shared| {
        shared.map(|shared| {
            let shared = std::ptr::from_ref(shared);
            // SAFETY: `Entered` set the pointer from an `Arc` that it still holds.
            unsafe {
                Arc::increment_strong_count(shared);
                Arc::from_raw(shared)
            }
        })
    })
}

/// As [`with_current`], but panics where there is none.
#[inline]
#[track_caller]
pub(crate) fn expect_current<R>(what: &str, f: impl FnOnce(&Shared) -> R) -> R {
    // Not a closure, so that the caller's location is reported.
    let shared = CONTEXT.with(|context| context.shared.get());
    // SAFETY: as in `with_current`.
    let Some(shared) = (unsafe { shared.as_ref() }) else { no_runtime(what) };
    f(shared)
}

#[cold]
#[track_caller]
fn no_runtime(what: &str) -> ! {
    panic!(
        "{what} needs a raddle runtime, and this thread is in none: call it inside `Runtime::block_on` or a spawned \
         task, or enter a runtime with `let _guard = runtime.enter();` first"
    )
}

/// As [`current`], but panics where there is none.
#[track_caller]
pub(crate) fn expect_arc(what: &str) -> Arc<Shared> {
    match current() {
        Some(shared) => shared,
        None => no_runtime(what),
    }
}

/// The timer for deadlines set on this thread: the worker's own, so that workers do not share a lock.
#[track_caller]
pub(crate) fn timer(what: &str) -> Arc<Timer> {
    let slot = CONTEXT.with(|context| context.slot.get());
    expect_current(what, |shared| {
        // SAFETY: as in `with_worker_of`.
        match unsafe { slot.as_ref() } {
            Some(slot) if ptr::eq(slot.shared, shared) => slot.timer.clone(),
            _ => shared.slots[0].timer.clone(),
        }
    })
}

/// The I/O driver of the runtime this thread is in.
#[cfg(feature = "net")]
#[track_caller]
pub(crate) fn io_handle() -> raddle_io_driver::Handle {
    expect_current("a socket", |shared| {
        if shared.driver.is_used_now() {
            shared.tell_guard();
        }
        shared.driver.io().clone()
    })
}

/// Whether this thread is in no slot.
#[inline]
pub(crate) fn has_no_slot() -> bool {
    CONTEXT.with(|context| context.slot.get().is_null())
}

/// Whether this thread is polling on behalf of a runtime, so that blocking it would hold up others.
pub(crate) fn is_in_async_code() -> bool {
    CONTEXT.with(|context| !context.slot.get().is_null() || !context.blocking.get().is_null())
}

/// Runs `f` marked as being inside the `block_on` of `shared`.
pub(crate) fn while_blocking<R>(shared: &Shared, f: impl FnOnce() -> R) -> R {
    struct Restore(*const Shared);
    impl Drop for Restore {
        fn drop(&mut self) {
            CONTEXT.with(|context| context.blocking.set(self.0));
        }
    }
    let _restore = Restore(CONTEXT.with(|context| context.blocking.replace(shared)));
    f()
}
