//! The time between asking the tasks of a runtime to stop and cancelling them.
//!
//! - **S7** *Asked first.* Every round each slot is asked for attention, and its holder asks the tasks in its list, between two
//!   polls, as `JoinHandle::cancel` does; so does who stops the runtime with slots that nobody holds. What is queued, or
//!   polled for the first time, is in no list (T10): if it waits, it is asked in the next round, and so is what tasks spawn
//!   while they clean up. A relief (P20) asks when its root future is polled, for which it is told. Tasks in the slot of another
//!   thread in `block_on` are not asked.
//! - **S8** *Over* is: nobody has anything to do (Z1, Z2), no blocking call waits or runs, and no list has a task. Each holder
//!   writes down how many are linked before it sleeps or leaves, and what has been taken out elsewhere is counted there. So that both are of
//!   one moment, nobody may have begun a poll between the first look and the last.
//!
//! Who stops the runtime looks every millisecond: nobody tells when the last task has ended, because that would cost every
//! task something. On a runtime without worker threads it drives the tasks meanwhile, as in `block_on`.

use super::block_on::{GivenBack, wait_for};
use super::context;
use super::shared::Shared;
use super::slot::{ASKED, Slot};
use super::worker::Worker;
use crate::contain::contain;
use crate::loom::sync::atomic::{Ordering::Acquire, fence};
use crate::task::AbortHandle;
use crate::task::owned::OwnedTasks;
use crate::task::places::Places;
use crate::time::sleep;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks.
const ROUND: Duration = Duration::from_millis(1);
/// Looks between two times that all are asked: who is woken to ask is not quiet.
const LOOKS: usize = 8;

/// Those that are linked, to be asked when the list is out of hand: whom a request wakes may be foreign code.
pub(crate) fn linked(owned: &OwnedTasks, places: &Places) -> Vec<AbortHandle> {
    let mut tasks = Vec::with_capacity(owned.len(places));
    owned.for_each(places, |task| tasks.push(AbortHandle::new(task)));
    tasks
}

pub(crate) fn ask(tasks: Vec<AbortHandle>) {
    for task in tasks {
        contain(|| task.cancel());
    }
}

/// S7, S8: on a thread that does not work for this runtime. Ends when all have ended, or at the deadline.
pub(crate) fn ask_and_wait(shared: &Arc<Shared>, deadline: Option<Instant>) {
    let is_late = || {
        shared.shutdown.is_closed() || deadline.is_some_and(|deadline| Instant::now() >= deadline)
    };
    if shared.workers == 0 {
        let rounds = async {
            // Real ones: the runtime's time may be paused, or the user's, and stand still.
            let rounds = Rounds::start(poll_fn(|cx| Poll::Ready(cx.waker().clone())).await);
            while !shared.ask_here() && !is_late() {
                match rounds {
                    Ok(_) => next_wake().await,
                    // No thread to be had: on the runtime's time, then.
                    Err(_) => sleep(ROUND).await,
                }
            }
        };
        return wait_for(shared, rounds);
    }
    loop {
        for slot in &shared.slots[..shared.workers] {
            slot.ask_for_attention(ASKED);
            shared.unpark(slot.index);
        }
        for slot in &shared.slots[shared.workers..] {
            if shared.is_relief(slot.index) {
                slot.ask_for_attention(ASKED);
            }
            ask_vacant(shared, slot);
        }
        shared.guard.tell_reliefs();
        for _ in 0..LOOKS {
            if is_over(shared) || is_late() {
                return;
            }
            thread::sleep(ROUND);
        }
    }
}

/// S8. Nobody has begun a poll since before the lists were looked at: who completes a task elsewhere takes it out of a list that was
/// written down before, and may have linked another by then.
fn is_over(shared: &Shared) -> bool {
    let beats = shared.beats();
    // Acquire: orders this look at the beats before, and the one in `emptied` after.
    fence(Acquire);
    let is_empty = shared.is_quiet() && shared.slots.iter().all(|slot| slot.is_empty());
    // Acquire: a task that is seen taken out was polled by somebody whose beat is seen.
    fence(Acquire);
    is_empty && shared.beats() == beats
}

/// Wakes somebody every [`ROUND`], until dropped.
struct Rounds {
    _until_dropped: mpsc::Sender<()>,
}

impl Rounds {
    fn start(waker: Waker) -> io::Result<Rounds> {
        let (until_dropped, dropped) = mpsc::channel::<()>();
        let each = move || {
            while let Err(RecvTimeoutError::Timeout) = dropped.recv_timeout(ROUND) {
                waker.wake_by_ref();
            }
        };
        thread::Builder::new().name("raddle-rounds".into()).spawn(each)?;
        Ok(Rounds { _until_dropped: until_dropped })
    }
}

/// Ready when polled for the second time.
fn next_wake() -> impl Future<Output = ()> {
    let mut is_first = true;
    poll_fn(move |_| if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) })
}

/// S7: what a guest has left linked in its slot.
fn ask_vacant(shared: &Arc<Shared>, slot: &Slot) {
    let _given_back = GivenBack { shared, index: slot.index };
    let Some(claim) = slot.try_claim() else { return };
    let owned = &claim.core().owned;
    slot.count_linked(owned);
    let tasks = linked(owned, &slot.places);
    drop(claim);
    ask(tasks);
}

impl Shared {
    /// S7, S8, in the one slot of a runtime without worker threads; `true` if nothing is left.
    fn ask_here(&self) -> bool {
        let tasks = context::with_worker_of(self, |worker| {
            // None: somebody else is in `block_on`, and has the slot.
            let worker = worker?;
            let (owned, places) = (&worker.core().owned, &worker.slot().places);
            let is_over = owned.len(places) == 0
                && !worker.has_own_work()
                && !self.has_injected()
                && self.blocking.in_flight() == 0;
            Some((is_over, linked(owned, places)))
        });
        let Some((is_over, tasks)) = tasks else { return false };
        ask(tasks);
        is_over
    }
}

impl Worker<'_> {
    /// S7.
    pub(super) fn ask_tasks(&self) {
        self.slot().attend_to(ASKED);
        ask(linked(&self.core().owned, &self.slot().places));
    }
}

impl Slot {
    fn is_empty(&self) -> bool {
        self.linked() == 0 && self.pinned.get().is_none_or(|pinned| pinned.linked() == 0)
    }
}
