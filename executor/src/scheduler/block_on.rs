//! Waiting for one future on the calling thread, which works as a worker meanwhile.
//!
//! The caller is a *guest*: it claims one of the slots kept for callers, polls its root future there (P9), and between
//! polls runs tasks like any worker. If every guest slot is taken, or the runtime is closed, it just waits.

use super::context;
use super::idle::Searching;
use super::root::Root;
use super::shared::Shared;
use super::slot::{ASKED, Claim, Mode, Slot};
use super::worker::{Step, Worker};
use crate::loom::sync::atomic::{Ordering::*, fence};
use crate::loom::thread;
use crate::task::current;
use crossbeam_utils::CachePadded;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Most tasks that run between a wake of the root future and its poll.
const AHEAD_MAX: usize = 256;

/// Whose the root future is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// A user's, who is told by a panic if that of a task has shut the runtime down.
    Users,
    /// The runtime's own.
    Ours,
    /// That of a relief (P20), which has slots of its own.
    Reliefs,
}

/// Runs `future` to its end on this thread.
#[track_caller]
pub(crate) fn block_on<F: Future>(shared: &Arc<Shared>, future: F) -> F::Output {
    work_until(shared, future, Whose::Users)
}

/// As [`block_on`], for what ends in any case if the runtime does.
#[track_caller]
pub(crate) fn wait_for<F: Future>(shared: &Arc<Shared>, future: F) -> F::Output {
    work_until(shared, future, Whose::Ours)
}

/// As [`block_on`].
#[track_caller]
pub(super) fn work_until<F: Future>(shared: &Arc<Shared>, future: F, whose: Whose) -> F::Output {
    let is_relief = whose == Whose::Reliefs;
    if context::is_in_async_code() {
        panic!(
            "block_on inside a task or another block_on would hold up the worker it runs on: await the future \
             instead, or move the blocking call to task::spawn_blocking"
        );
    }
    let _entered = context::enter(shared.clone());
    context::while_blocking(shared, || {
        let root = Root::new(shared);
        let _listed = Listed::new(shared, &root);
        // Z6.
        let _waits = context::hold_up_nobody(shared);
        let waker = Waker::from(root.clone());
        let mut future = pin!(future);
        let mut poll = || poll_root(future.as_mut(), &mut Context::from_waker(&waker));
        // Whatever this thread polls later is none of our business.
        let _unconstrained = Unconstrained;
        // Not in the middle of a task, which has stepped out of its slot to block: the others would see its values of local
        // keys, and hold up its root future.
        let may_work = current::task().is_none();
        let slots = if may_work { shared.guest_slots(is_relief) } else { &[] };
        let may_go_on = || {
            if whose == Whose::Users {
                shared.shutdown.pass_on_panic();
            }
        };
        loop {
            may_go_on();
            if may_work
                && !shared.shutdown.is_closed()
                && let Some(claim) = shared.claim_guest_slot(is_relief)
            {
                match work_in(shared, &root, claim, &mut poll) {
                    Poll::Ready(output) => return output,
                    // Closed meanwhile: wait without working.
                    Poll::Pending => continue,
                }
            }
            if let Poll::Ready(output) = wait_outside(shared, &root, slots, may_go_on, &mut poll) {
                return output;
            }
        }
    })
}

impl Shared {
    /// The slots for threads in `block_on`: a user's, or a relief's.
    pub(super) fn guest_slots(&self, is_relief: bool) -> &[CachePadded<Slot>] {
        let first_relief = self.slots.len() - self.reliefs;
        match is_relief {
            true => &self.slots[first_relief..],
            false => &self.slots[self.workers..first_relief],
        }
    }

    /// A free one. Not one that has been left for good: what is queued there stays (S3).
    pub(super) fn claim_guest_slot(&self, is_relief: bool) -> Option<Claim<'_>> {
        let mut slots = self.guest_slots(is_relief).iter();
        slots.find_map(|slot| slot.try_claim().filter(|claim| !claim.core().left.get()))
    }
}

/// A root future in the list of its runtime, until dropped.
struct Listed<'a>(&'a Shared, &'a Arc<Root>);

impl<'a> Listed<'a> {
    fn new(shared: &'a Shared, root: &'a Arc<Root>) -> Listed<'a> {
        shared.add_root(root);
        Listed(shared, root)
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.0.remove_root(self.1);
        self.0.may_be_quiet();
    }
}

/// Takes the thread out of budgeting when dropped.
struct Unconstrained;

impl Drop for Unconstrained {
    fn drop(&mut self) {
        raddle_sync::budget::clear();
    }
}

fn poll_root<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output> {
    raddle_sync::budget::refill();
    future.poll(cx)
}

/// Polls the root future without a slot, until it ends or one of `slots` may be free.
fn wait_outside<R>(
    shared: &Shared,
    root: &Root,
    slots: &[CachePadded<Slot>],
    may_go_on: impl Fn(),
    poll: &mut impl FnMut() -> Poll<R>,
) -> Poll<R> {
    /// On every way out, also when the root future panics.
    struct Outside<'a>(&'a Root);
    impl Drop for Outside<'_> {
        fn drop(&mut self) {
            self.0.goes_to_bed_outside();
        }
    }
    root.sleeps_in(0);
    let _outside = Outside(root);
    loop {
        root.gets_up_outside(shared);
        shared.wait_for_a_jump();
        let is_woken = root.take_woken();
        // After it: who has closed the runtime and then woken us is seen to have closed it.
        may_go_on();
        if is_woken {
            if let Poll::Ready(output) = poll() {
                return Poll::Ready(output);
            }
            continue;
        }
        if !slots.is_empty() && !shared.shutdown.is_closed() {
            let mut waiting = shared.waiting_guests.lock();
            if !waiting.iter().any(|thread| thread.id() == root.thread().id()) {
                waiting.push(root.thread().clone());
            }
            drop(waiting);
            if slots.iter().any(|slot| slot.is_vacant()) {
                return Poll::Pending;
            }
        }
        root.goes_to_bed_outside();
        shared.may_be_quiet();
        thread::park();
    }
}

/// Works in a guest slot until the root future ends (`Ready`) or the runtime is closed (`Pending`).
fn work_in<'a, R>(
    shared: &'a Arc<Shared>,
    root: &'a Root,
    claim: Claim<'a>,
    poll: &mut impl FnMut() -> Poll<R>,
) -> Poll<R> {
    crate::task::alloc::keep_blocks_on_this_thread();
    // Dropped in reverse order, also when the root future panics: the guest leaves, the slot is given back, and then
    // somebody is told.
    let _given_back = GivenBack { shared, index: claim.slot().index };
    let claim = claim;
    context::with_worker(&claim, |worker| {
        worker.core().took_a_turn.set(false);
        worker.core().pace.interrupted(shared.clock.now(), false);
        root.sleeps_in(worker.slot().index + 1);
        // Z1: before the root future no longer counts as woken.
        worker.slot().set_mode(Mode::Working);
        shared.wait_for_a_jump();
        Guest { worker, active: false, searching: None }.run(root, poll)
    })
}

/// A thread at work in a guest slot.
struct Guest<'a> {
    worker: Worker<'a>,
    /// Whether this thread is counted as active (P1).
    active: bool,
    searching: Option<Searching>,
}

impl Guest<'_> {
    fn run<R>(mut self, root: &Root, poll: &mut impl FnMut() -> Poll<R>) -> Poll<R> {
        let worker = self.worker;
        // Tasks that were queued before the root future and run before its next poll: it takes its turn like a task,
        // or one that joins a thousand children would be polled once for each.
        let mut ahead = 0;
        loop {
            if worker.slot().wants(ASKED) {
                // S7.
                worker.ask_tasks();
            }
            if worker.shared().shutdown.is_closed() {
                return Poll::Pending;
            } else if ahead == 0 && root.take_woken() {
                if let Poll::Ready(output) = self.poll_root(poll) {
                    return Poll::Ready(output);
                }
                // At least one, wherever it comes from: a root future that keeps waking itself starves nobody.
                let queued = worker.core().queue.len() + worker.shared().injected();
                ahead = queued.clamp(1, AHEAD_MAX);
            } else if self.active || self.step_in() {
                match self.run_tasks(root, &mut ahead) {
                    Step::Ran => {}
                    // Dropped, it would be cancelled.
                    Step::Again(_) => unreachable!("what wants another turn is put back"),
                    Step::Idle if root.is_woken() => ahead = 0,
                    Step::Idle => self.park(root),
                    Step::Away => unreachable!("a guest keeps its slot (P15)"),
                }
            } else if root.is_woken() {
                // The tasks are in the hands of others.
                worker.hand_over();
                ahead = 0;
            } else {
                // As many threads run tasks as should.
                self.park(root);
            }
        }
    }

    /// Until there is nothing to run, or it is the root future's turn, or the runtime is closed.
    fn run_tasks(&mut self, root: &Root, ahead: &mut usize) -> Step {
        let worker = self.worker;
        let searching = &mut self.searching;
        let run = || {
            let mut again = None;
            loop {
                again = match worker.step(searching, again) {
                    Step::Ran => None,
                    Step::Again(again) => Some(again),
                    step => return step,
                };
                *ahead = ahead.saturating_sub(1);
                let is_roots_turn = *ahead == 0 && root.is_woken();
                if is_roots_turn || worker.shared().shutdown.is_closed() {
                    worker.put_back(again);
                    return Step::Ran;
                }
            }
        };
        context::with_shared(worker.shared(), || current::apart(run))
    }

    fn step_in(&mut self) -> bool {
        self.active = self.worker.shared().idle.step_in();
        if self.active {
            self.worker.slot().set_mode(Mode::Working);
            self.worker.shared().tell_guard();
        }
        self.active
    }

    fn park(&mut self, root: &Root) {
        let worker = self.worker;
        worker.announce_park();
        // After the hook, which may have woken the root future on this thread, without a notification. From here to
        // the bed no foreign code runs.
        if !self.active {
            // Refused: somebody else is to run what is queued here, and busy workers look into the injector only (P1).
            worker.hand_over();
        }
        if !root.is_woken() && (!self.active || !worker.has_own_work()) {
            self.searching = match self.active {
                true => worker.park(self.searching.take()),
                false => worker.park_guest(),
            };
            self.active = true;
        }
        worker.announce_unpark();
    }

    /// P9: not counted as active meanwhile.
    fn poll_root<R>(&mut self, poll: &mut impl FnMut() -> Poll<R>) -> Poll<R> {
        struct Rooting<'a>(Worker<'a>);
        impl Drop for Rooting<'_> {
            fn drop(&mut self) {
                self.0.core().to_the_back.set(false);
                self.0.core().queue.take_call();
            }
        }
        let worker = self.worker;
        self.stop_searching();
        // Again, if a destructor inside the queue has woken another (Q11).
        while let Some(next) = worker.slot().lifo_take() {
            worker.push(next);
        }
        worker.slot().set_mode(Mode::Rooting);
        worker.slot().next_beat();
        if std::mem::take(&mut self.active) {
            worker.shared().idle.leave();
        }
        worker.expect_absence();
        worker.core().to_the_back.set(true);
        worker.core().pushes.set(0);
        let rooting = Rooting(worker);
        let polled = poll();
        drop(rooting);
        // A root future that keeps waking itself must not keep the driver waiting.
        worker.after_poll(1);
        polled
    }

    fn stop_searching(&mut self) {
        if let Some(searching) = self.searching.take() {
            self.worker.stop_searching(searching);
        }
    }
}

impl Drop for Guest<'_> {
    /// P10: what is queued here goes to the others, and so does the driver.
    fn drop(&mut self) {
        self.stop_searching();
        let worker = self.worker;
        if worker.shared().shutdown.is_closed() {
            // `GivenBack` leaves the slot.
        } else {
            worker.hand_over();
        }
        if std::mem::take(&mut self.active) {
            worker.shared().idle.leave();
        }
        worker.slot().count_linked(&worker.core().owned);
        worker.slot().set_mode(Mode::Vacant);
        // P3: as in `Idle::park`: who saw us active, and no room for another, has published its task before.
        fence(SeqCst);
        let has_turn = worker.core().took_a_turn.get();
        if has_turn || worker.shared().has_work() || worker.shared().is_memory_unattended() {
            worker.shared().wake_one();
        }
        // P9: another root future may have counted on us to park.
        if worker.shared().is_a_root_unwatched() {
            worker.shared().wake_watcher();
        }
    }
}

impl Worker<'_> {
    /// P9: a task on the thread of a guest is about to block it: `f` runs as a root future does.
    pub(crate) fn while_absent<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Back<'a>(Worker<'a>);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                self.0.core().queue.take_call();
                // Above the limit, maybe, for this poll (P1).
                self.0.shared().idle.enter();
                self.0.slot().set_mode(Mode::Working);
                self.0.shared().tell_guard();
            }
        }
        // As in `Guest::poll_root`.
        while let Some(next) = self.slot().lifo_take() {
            self.push(next);
        }
        self.slot().set_mode(Mode::Rooting);
        self.slot().next_beat();
        self.shared().idle.leave();
        let _back = Back(*self);
        self.expect_absence();
        f()
    }
}

/// What remains to be done once a guest slot is free again.
pub(super) struct GivenBack<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) index: usize,
}

impl Drop for GivenBack<'_> {
    fn drop(&mut self) {
        // S3: pairs with the fence in `Shared::close`: either the closer finds the slot free, or we see the flag.
        fence(SeqCst);
        if self.shared.shutdown.is_closed()
            && let Some(claim) = self.shared.slots[self.index].try_claim()
        {
            self.shared.leave(&claim);
        }
        self.shared.tell_waiting_guest();
    }
}
