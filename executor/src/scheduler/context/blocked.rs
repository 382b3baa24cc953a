//! Who is held up when this thread blocks, and what it steps out of meanwhile.
//!
//! # Safety
//! As in `context.rs`: the pointers are to what is kept further down on this stack, and put back by guards.

#![allow(unsafe_code)]

use super::{CONTEXT, is_in_async_code};
use crate::loom::left_out;
use crate::scheduler::shared::Shared;
use crate::scheduler::slot::{Passed, Slot};
use crate::scheduler::worker::Worker;
use crate::task::current::may_step_out;
use std::ptr;
use std::sync::Arc;

/// Whom it concerns that this thread is about to block.
pub(crate) enum Concerned<'a> {
    /// Nobody: it runs no async code.
    Nobody,
    /// A runtime without worker threads.
    CurrentThread,
    /// Somebody that nothing can be done for: a root future, or code in the middle of the scheduler.
    OnlyThis,
    /// A thread in `block_on`, in a task.
    Guest(Worker<'a>),
    /// The slot of a worker thread, which may pass it on.
    Slot(&'a Slot),
}

/// Runs `f` with whom it concerns that this thread is about to block.
pub(crate) fn with_concerned<R>(f: impl FnOnce(Concerned<'_>) -> R) -> R {
    if !is_in_async_code() {
        return f(Concerned::Nobody);
    }
    let slot = CONTEXT.with(|context| context.slot.get());
    // SAFETY: as in `with_worker_of`.
    let Some(slot) = (unsafe { slot.as_ref() }) else {
        let shared = CONTEXT.with(|context| context.blocking.get());
        // SAFETY: the `block_on`, or the loop, that this thread is in keeps its runtime. (Not the one entered last, which need
        // not be that.)
        let is_current_thread =
            unsafe { shared.as_ref() }.is_some_and(|shared| shared.workers == 0);
        return f(if is_current_thread { Concerned::CurrentThread } else { Concerned::OnlyThis });
    };
    // SAFETY: as there.
    let worker = unsafe { Worker::new(slot) };
    if worker.shared().workers == 0 {
        return f(Concerned::CurrentThread);
    }
    // P15.
    if !may_step_out() || worker.core().queue.is_inside() || !slot.is_working() {
        return f(Concerned::OnlyThis);
    }
    if CONTEXT.with(|context| context.may_pass_on.get()) {
        return f(Concerned::Slot(slot));
    }
    f(Concerned::Guest(worker))
}

/// This thread is out of its slot, and of `block_on`, for as long as it blocks. Afterwards it is where it was.
pub(crate) struct SteppedOut {
    slot: *const Slot,
    blocking: *const Shared,
    /// What it was out of before.
    out_of: *const Slot,
}

impl SteppedOut {
    pub(crate) fn new() -> SteppedOut {
        CONTEXT.with(|context| {
            let slot = context.slot.replace(ptr::null());
            let blocking = context.blocking.replace(ptr::null());
            SteppedOut { slot, blocking, out_of: context.out_of.replace(slot) }
        })
    }

    /// P15: somebody else has the slot.
    pub(crate) fn lose_slot(&mut self) {
        // SAFETY: the slot's runtime is kept by the loop below us on this stack.
        let shared = unsafe { (*self.slot).shared };
        self.slot = ptr::null();
        // Still async code, but of nobody's slot.
        self.blocking = shared;
    }
}

impl Drop for SteppedOut {
    fn drop(&mut self) {
        CONTEXT.with(|context| {
            context.slot.set(self.slot);
            context.blocking.set(self.blocking);
            context.out_of.set(self.out_of);
        });
    }
}

/// Until it is dropped, this thread counts as a blocking call of a runtime, and as nothing else. The caller has it counted.
pub(crate) struct CountedAsCall {
    call_of: *const Shared,
    out_of: *const Slot,
}

pub(crate) fn count_as_call(shared: &Shared) -> CountedAsCall {
    CONTEXT.with(|context| CountedAsCall {
        call_of: context.call_of.replace(shared),
        out_of: context.out_of.replace(ptr::null()),
    })
}

impl Drop for CountedAsCall {
    fn drop(&mut self) {
        CONTEXT.with(|context| {
            context.call_of.set(self.call_of);
            context.out_of.set(self.out_of);
        });
    }
}

/// Z6: until it is dropped, this thread holds up nobody by blocking, because it waits in a `block_on` of `shared`, whose root
/// future stands for it.
pub(crate) struct HoldsUpNobody<'a> {
    shared: &'a Shared,
    counted: CountedAsCall,
}

pub(crate) fn hold_up_nobody(shared: &Shared) -> HoldsUpNobody<'_> {
    let counted = CONTEXT.with(|context| CountedAsCall {
        call_of: context.call_of.replace(ptr::null()),
        out_of: context.out_of.replace(ptr::null()),
    });
    let waits = HoldsUpNobody { shared, counted };
    if let Some(slot) = waits.slot() {
        slot.set_waits(true);
    }
    if waits.is_call() {
        shared.blocking.end(shared);
    }
    waits
}

impl HoldsUpNobody<'_> {
    fn is_call(&self) -> bool {
        ptr::eq(self.counted.call_of, self.shared) && !left_out("Z6")
    }

    fn slot(&self) -> Option<&Slot> {
        // SAFETY: this thread has stepped out of it, and steps back in when it has blocked for long enough.
        unsafe { self.counted.out_of.as_ref() }.filter(|slot| ptr::eq(slot.shared, self.shared))
    }
}

impl Drop for HoldsUpNobody<'_> {
    fn drop(&mut self) {
        if self.is_call() {
            self.shared.blocking.begin();
        }
        if let Some(slot) = self.slot() {
            slot.set_waits(false);
        }
        // Z7: it holds time up again, if it did before.
        self.shared.wait_for_a_jump();
    }
}

/// P13: steps out of the slot of a worker thread, and passes it on.
pub(crate) fn step_out_of(slot: &Slot) -> (SteppedOut, Passed, Arc<Shared>) {
    let is_ours = CONTEXT.with(|context| {
        ptr::eq(context.slot.get(), slot) && context.may_pass_on.get() && may_step_out()
    });
    assert!(is_ours, "only who works in a slot, and is prepared to lose it, steps out");
    let stepped_out = SteppedOut::new();
    // SAFETY: the claim is held by the loop below us on this stack, which is prepared for its loss (P15), as just
    // asserted; and nothing on this thread finds the slot any more. Who takes the offer back says so to `stepped_out`.
    let passed = unsafe { slot.pass_on() };
    // SAFETY: that loop holds the `Arc` that the slot's runtime is in.
    let shared = unsafe {
        Arc::increment_strong_count(slot.shared);
        Arc::from_raw(slot.shared)
    };
    (stepped_out, passed, shared)
}
