//! The end of a runtime.
//!
//! - **S1** Closing sets one flag, fences, and unparks every slot. From then on nobody begins to work on tasks; what is
//!   spawned from outside is cancelled at once; what is woken, or was spawned a moment before, is queued as before, and
//!   cancelled by whoever drains the queue.
//! - **S2** The holder of a slot leaves it: cancels what is in its LIFO slot, its queue, the injector and the lanes, and then every
//!   task in its list that nobody else holds.
//! - **S3** A slot that nobody holds is left by a worker thread that has left its own, or by the thread that closes a
//!   runtime without worker threads; also one whose thread has not come up yet. A slot is left once, and not claimed
//!   by a guest after that. A guest that gives its slot back fences and reads the flag; the closer sets
//!   the flag, fences and tries to claim: one of them leaves the slot.
//! - **S4** A slot is left only when its list is empty: the last tasks may be in another worker's hands, or in those of a
//!   foreign thread between its wake and its push. They are taken out there, or come home
//!   through the injector, and both unpark the slots of a closed runtime. So no task outlives its runtime unfinished
//!   (T12), unless a poll never returns. (A thread that has lost its slot in a poll takes its task out before it drops
//!   the output, and may be doing that when the last slot is left.)
//! - **S5** A submitter that finds the runtime closed after its push, and every slot left, drains the injector and the lanes itself.
//!   The last to leave a slot drains them too; between their fences, one of them sees the task.
//! - **S6** Then the driver and the timers are closed: whoever waits for them from outside the runtime is woken.
//!
//! Feared: a late spawn binds a task to a runtime whose workers are gone, and its joiner waits for ever. S5 is there for
//! it.

use super::context;
use super::shared::{Outside, Shared};
use super::slot::{CLOSED, Claim};
use super::worker::Worker;
use crate::contain::contain;
use crate::loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*, fence};
use crate::runtime::{Leftover, LeftoverState};
use crate::task::raw::TaskRef;
use crate::task::runnable::Runnable;
use crate::task::{current, poll};
use parking_lot::Mutex;
use std::sync::OnceLock;

/// How far the end has come.
#[derive(Debug)]
pub(crate) struct Shutdown {
    closed: AtomicBool,
    /// Slots not left yet.
    remaining: AtomicUsize,
    /// What is cancelled, if somebody wants to know, until they know.
    leftovers: OnceLock<Mutex<Option<Vec<Leftover>>>>,
    /// The panic that has brought it about, if one has.
    panic: OnceLock<String>,
}

impl Shutdown {
    pub(crate) fn new(slots: usize) -> Shutdown {
        Shutdown {
            closed: AtomicBool::new(false),
            remaining: AtomicUsize::new(slots),
            leftovers: OnceLock::new(),
            panic: OnceLock::new(),
        }
    }

    /// Whether the runtime is closed.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        // Acquire: pairs with `close`. A worker that reads it late is unparked, or reads it again after its next task;
        // the others fence.
        self.closed.load(Acquire)
    }

    /// Panics, if the panic of a task has closed the runtime. Not in a destructor that has been called by such a panic.
    pub(crate) fn pass_on_panic(&self) {
        if let Some(what) = self.panic.get()
            && !std::thread::panicking()
        {
            panic!("the runtime was shut down, as `UnhandledPanic::ShutdownRuntime` says: {what}");
        }
    }

    /// From now on what is cancelled is written down.
    pub(crate) fn report_leftovers(&self) {
        self.leftovers.get_or_init(|| Mutex::new(Some(Vec::new())));
    }

    pub(crate) fn take_leftovers(&self) -> Vec<Leftover> {
        self.leftovers.get().and_then(|leftovers| leftovers.lock().take()).unwrap_or_default()
    }

    /// The caller stands on the right to poll `task`, and is about to cancel it.
    pub(crate) fn note_leftover(&self, task: TaskRef, state: LeftoverState) {
        if let Some(leftovers) = self.leftovers.get()
            && let Some(leftovers) = leftovers.lock().as_mut()
        {
            leftovers.push(Leftover::of(task, state));
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        // Acquire: pairs with the decrement of the last to leave.
        self.remaining.load(Acquire) == 0
    }
}

impl Shared {
    /// A task has panicked, and the runtime shall not outlive that.
    pub(crate) fn close_after(&self, panic: impl FnOnce() -> String) {
        self.shutdown.panic.get_or_init(panic);
        self.close();
        // Those without a slot of their own.
        let roots = self.roots.lock().clone();
        for root in roots {
            root.thread().unpark();
        }
    }

    /// S1.
    pub(crate) fn close(&self) {
        self.shutdown.closed.store(true, Release);
        // S1: pairs with the fences of submitters (S5) and of guests that give their slot back (S3).
        fence(SeqCst);
        for slot in &self.slots {
            slot.ask_for_attention(CLOSED);
        }
        self.unpark_all();
        self.exchange.close();
        self.guard.wake();
        self.tell_waiting_guest();
    }

    fn unpark_all(&self) {
        for slot in &self.slots {
            self.unpark(slot.index);
        }
    }

    /// S3: leaves every slot that nobody holds. Not for a thread that must not wait (S4).
    pub(crate) fn leave_vacant_slots(&self) {
        // S3: pairs with the fence of a guest that gives its slot back.
        fence(SeqCst);
        for slot in &self.slots {
            if let Some(claim) = slot.try_claim() {
                self.leave(&claim);
            }
        }
    }

    /// S2, S4: leaves a slot of a closed runtime, once.
    pub(crate) fn leave(&self, claim: &Claim<'_>) {
        if claim.core().left.replace(true) {
            return;
        }
        // S4: pairs with the fence in `Worker::unlink_from`: either we find the task taken out, or its completer finds the
        // runtime closed, and unparks us.
        fence(SeqCst);
        // Destructors may ask for the runtime they are in, also on a thread that has only come to end it.
        context::with_shared(self, || {
            // Also in `block_on`, whose caller may be in scopes of its own.
            current::apart(|| {
                context::with_worker(claim, |worker| {
                    while !worker.cancel_everything() {
                        worker.slot().parker.park(None);
                    }
                });
            });
        });
        // AcqRel: orders what every slot's holder did before what the last does now, and before `has_ended`.
        if self.shutdown.remaining.fetch_sub(1, AcqRel) == 1 {
            // S5: pairs with the fence in `wake_one`, which every submitter passes after its push.
            fence(SeqCst);
            self.cancel_injected();
            self.end();
        }
    }

    /// S6.
    fn end(&self) {
        let mut woken = Vec::new();
        self.driver.close(&mut woken);
        for timer in self.timers() {
            timer.close(&mut woken);
        }
        for waker in woken {
            contain(|| waker.wake());
        }
    }

    /// S5: a task was pushed to the injector, or a lane, of a closed runtime.
    #[cold]
    pub(super) fn submitted_while_closed(&self) {
        if self.shutdown.has_ended() {
            self.cancel_injected();
        } else {
            self.unpark_all();
        }
    }

    /// Cancels what is in the injector and the lanes once all slots are left: such tasks are in no list.
    fn cancel_injected(&self) {
        while let Some(runnable) = self.lanes.take().or_else(|| self.injector.take()) {
            self.shutdown.note_leftover(runnable.task(), LeftoverState::Queued);
            context::with_shared(self, || runnable.cancel(&Outside(self)));
        }
    }
}

impl Worker<'_> {
    /// S2: cancels whatever this slot holds. `true` when nothing is left to wait for.
    fn cancel_everything(&self) -> bool {
        let (owned, places) = (&self.core().owned, &self.slot().places);
        loop {
            while let Some(runnable) = self.next_to_cancel() {
                let shutdown = &self.shared().shutdown;
                shutdown.note_leftover(runnable.task(), LeftoverState::Queued);
                runnable.cancel(self);
            }
            owned.cancel_all(places, |task| {
                self.shared().shutdown.note_leftover(task, LeftoverState::Waiting);
                poll::cancel(task, self);
            });
            // A destructor may have spawned or woken others; then there is another round.
            if !self.has_own_work() && !self.shared().has_injected() {
                return owned.len(places) == 0;
            }
        }
    }

    fn next_to_cancel(&self) -> Option<Runnable> {
        let own = self.slot().lifo_take().or_else(|| self.core().queue.pop());
        own.or_else(|| self.shared().lanes.take()).or_else(|| self.shared().injector.take())
    }
}
