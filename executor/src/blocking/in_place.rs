//! Blocking calls on the thread of the task that makes them.

use crate::runtime::start_spare;
use crate::scheduler::context::{self, Concerned, SteppedOut};
use crate::scheduler::exchange::Offer;
use crate::scheduler::shared::Shared;
use crate::scheduler::slot::Slot;
use std::sync::Arc;

/// Calls `f`, which may block, on this very thread, while another takes over from it what a worker has to do.
///
/// For what has to block in the middle of a task and cannot be moved to [`spawn_blocking`](crate::task::spawn_blocking),
/// because it borrows from the task or is not `Send`. The queue of this worker, its timers and its turns at the sockets
/// go to a spare thread, which costs a wake-up, or the start of a thread the first time. Afterwards the task goes on here;
/// the worker's own thread gets back to its queue when this poll of the task has ended, and that of the spare. Other futures
/// *in the same task*, as in a `join!`, do not go on while `f` runs. `f` may use [`Handle::block_on`](crate::runtime::Handle::block_on).
///
/// `f` runs without a budget; [`task::id`](crate::task::id) and task-local values are those of the task. A panic of `f` is
/// that of the task. While `f` runs the runtime may be shut down; then the rest of the poll finds it so, and the shutdown waits
/// for the poll, as for any other.
///
/// - Outside a task and `block_on`, or in [`spawn_blocking`](crate::task::spawn_blocking), `f` is simply called.
/// - In the future of `block_on`, too: it holds up nobody but itself.
/// - The thread in `block_on` polls tasks while it waits. If one of these blocks it, the others and their timers go on
///   elsewhere, but **the future in `block_on` waits** until `f` has returned, because it cannot leave its thread. So `f` must not
///   wait for something that only that future does: spawn that as a task.
/// - Local tasks and [pinned](crate::task::spawn_pinned) tasks stay where they are: those of the same thread wait for `f`.
/// - If the system refuses a thread, `f` blocks its worker, as it would without this function. So does a hook or a
///   destructor that calls it while the runtime itself has called them.
///
/// # Panics
/// In a current-thread runtime, where nobody could take over, and with whatever `f` panics with.
///
/// ```
/// let runtime = raddle::runtime::Runtime::new()?;
/// let task = runtime.spawn(async {
///     let name = String::from("borrowed");
///     raddle::task::block_in_place(|| name.len())
/// });
/// assert_eq!(runtime.block_on(task).unwrap(), 8);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn block_in_place<F, R>(f: F) -> R
where
    F: FnOnce() -> R,
{
    if context::with_concerned(|concerned| matches!(concerned, Concerned::CurrentThread)) {
        panic!(
            "block_in_place on a current-thread runtime, which has no other thread to go on with its tasks: use \
             task::spawn_blocking, or a multi-thread runtime"
        );
    }
    raddle_sync::budget::suspend(|| {
        context::with_concerned(|concerned| match concerned {
            Concerned::Nobody => f(),
            Concerned::OnlyThis | Concerned::CurrentThread => {
                let _stepped_out = SteppedOut::new();
                f()
            }
            Concerned::Guest(worker) => worker.while_absent(|| {
                let _stepped_out = SteppedOut::new();
                f()
            }),
            Concerned::Slot(slot) => while_offered(slot, f),
        })
    })
}

/// P13: calls `f` while the slot is offered to others.
fn while_offered<R>(slot: &Slot, f: impl FnOnce() -> R) -> R {
    let (stepped_out, passed, shared) = context::step_out_of(slot);
    // Z1: time that is paused stands still while somebody is here, and until the poll has ended.
    shared.blocking.begin();
    let _counted = context::count_as_call(&shared);
    let offer = shared.exchange.offer(slot.index, passed);
    let mut offered = Offered { shared: &shared, slot, stepped_out, offer: Some(offer) };
    if offer.must_start && start_spare(&shared).is_err() {
        // P14.
        offered.take_back();
        if shared.exchange.must_start_for_another() {
            let _ = start_spare(&shared);
        }
    }
    f()
}

struct Offered<'a> {
    shared: &'a Arc<Shared>,
    slot: &'a Slot,
    stepped_out: SteppedOut,
    /// `None` if it is over.
    offer: Option<Offer>,
}

impl Offered<'_> {
    fn take_back(&mut self) {
        let Some(offer) = self.offer.take() else { return };
        match self.shared.exchange.take_back(self.slot.index, offer) {
            Some(_) => self.shared.blocking.end(self.shared),
            // P15. The loop of this thread says that it has ended.
            None => self.stepped_out.lose_slot(),
        }
    }
}

impl Drop for Offered<'_> {
    fn drop(&mut self) {
        self.take_back();
    }
}
