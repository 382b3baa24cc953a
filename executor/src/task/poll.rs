//! What follows each transition: poll once, complete, cancel. Not generic, so that a program has it once.
//!
//! # Safety
//! Every function here is called with the one right to poll `task` (T2), and uses it up. The calls through the vtable
//! need that right (T3), or the output (T5).

#![allow(unsafe_code)]

use super::cell::{ENV, OBSERVED, Stage, TRACKED};
use super::raw::TaskRef;
use super::runnable::{Ran, Runnable};
use super::state::Finish;
use super::{Away, Host, Outcome, current, extras, list, waker};
use crate::contain::contain;
use crate::loom::left_out;
use std::mem::ManuallyDrop;
use std::task::{Context, Poll, Waker};

/// Polls `task` once on `host`.
// Always: it is what a worker does, and the call would cost each poll twenty instructions.
#[inline(always)]
pub(crate) fn run<H: Host>(task: TaskRef, host: &H) -> Ran {
    let header = task.header();
    let start = header.state.start_poll();
    if start.cancelled {
        cancel(task, host);
        return Ran::Done;
    }
    let mut waker = waker::borrowed(task);
    let is_observed = header.special.get() & (OBSERVED | TRACKED) != 0;
    if is_observed {
        waker = before_poll(task, host);
    }
    raddle_sync::budget::refill();
    let (polled, yielded) = current::with(task, H::IS_PREPARED, || {
        // SAFETY: T3: the right to poll is ours.
        unsafe { (header.vtable.poll)(task, &mut Context::from_waker(&waker)) }
    });
    if is_observed {
        after_poll(task, yielded, host);
    }
    if H::IS_PREPARED && host.has_lost_slot() {
        return end_away(task, polled, yielded, start.wakes, host);
    }
    if polled.is_ready() {
        complete(task, host);
        return Ran::Done;
    }
    if yielded {
        // The wakes of this poll stay unanswered, so the right to poll stays ours (T2).
        return Ran::Again(Runnable::from_wake(task));
    }
    if !header.linked.get() {
        // T10, and before `finish_poll`: after it, the task may run, and end, on another thread.
        header.owner.set(host.owner());
        header.linked.set(true);
        host.link(task);
    }
    match header.state.finish_poll(start.wakes) {
        Finish::Idle => Ran::Done,
        Finish::Again => Ran::Again(Runnable::from_wake(task)),
    }
}

#[cold]
fn before_poll(task: TaskRef, host: &impl Host) -> ManuallyDrop<Waker> {
    let special = task.header().special.get();
    if special & OBSERVED != 0
        && let Some(observer) = host.observer()
    {
        observer.before_poll(task);
    }
    if special & TRACKED == 0 {
        return waker::borrowed(task);
    }
    list::poll_begins(task, host.owner());
    waker::borrowed_tracked(task)
}

#[cold]
fn after_poll(task: TaskRef, yielded: bool, host: &impl Host) {
    let special = task.header().special.get();
    if special & TRACKED != 0 {
        list::poll_ends(task, yielded);
    }
    if special & OBSERVED != 0
        && let Some(observer) = host.observer()
    {
        observer.after_poll(task);
    }
}

/// T16: polls a new task inside of the code that spawns it, on the budget of that. `link` puts a task that waits into the list
/// of this thread's worker, if there is one still.
#[cold]
pub(crate) fn run_eagerly(task: TaskRef, host: &impl Host, link: impl FnOnce(TaskRef) -> bool) {
    let header = task.header();
    let start = header.state.start_poll();
    if start.cancelled {
        return cancel(task, host);
    }
    let mut waker = waker::borrowed(task);
    let is_observed = header.special.get() & (OBSERVED | TRACKED) != 0;
    if is_observed {
        waker = before_poll(task, host);
    }
    let (polled, yielded) = current::with(task, false, || {
        // SAFETY: T3: the right to poll is ours.
        current::deeper(|| unsafe { (header.vtable.poll)(task, &mut Context::from_waker(&waker)) })
    });
    if is_observed {
        after_poll(task, yielded, host);
    }
    if polled.is_ready() {
        return complete(task, host);
    }
    // As in `end_away`: without a list the task is polled once more.
    let is_done =
        !yielded && link(task) && matches!(header.state.finish_poll(start.wakes), Finish::Idle);
    if !is_done {
        // SAFETY: the vtable is that of the task, whose right to poll is ours.
        unsafe { (header.vtable.schedule)(Runnable::from_wake(task)) };
    }
}

/// P15: the end of a poll whose thread has lost its slot.
#[cold]
fn end_away(task: TaskRef, polled: Poll<()>, yielded: bool, wakes: u64, host: &impl Host) -> Ran {
    if polled.is_ready() {
        complete(task, &Away(host));
        return Ran::Away;
    }
    // T10: a task that waits for the first time needs a list. Instead of that it is polled once more, by somebody who has
    // one: the right to poll stays ours for as long.
    let is_done = !yielded
        && task.header().linked.get()
        && matches!(task.header().state.finish_poll(wakes), Finish::Idle);
    if !is_done {
        // SAFETY: the vtable is that of the task, whose right to poll is ours.
        unsafe { (task.header().vtable.schedule)(Runnable::from_wake(task)) };
    }
    Ran::Away
}

/// Drops the future of a task that will not be polled again, and completes the task.
pub(crate) fn cancel(task: TaskRef, host: &impl Host) {
    end_early(task, None, host);
}

/// As [`cancel`]; the reason is that the system has no thread for it.
pub(crate) fn refuse(task: TaskRef, error: std::io::Error, host: &impl Host) {
    end_early(task, Some(error), host);
}

fn end_early(task: TaskRef, refused: Option<std::io::Error>, host: &impl Host) {
    if task.header().special.get() & TRACKED != 0 {
        list::drop_begins(task, host.owner());
    }
    // The destructor may ask who it is, and must not be asked to yield. We may be inside of somebody else's poll.
    raddle_sync::budget::suspend(|| {
        let _ = current::with(task, false, || {
            // SAFETY: T3: the right to poll is ours.
            unsafe { (task.header().vtable.cancel)(task, refused) }
        });
    });
    complete(task, host);
}

#[cold]
fn end_special(task: TaskRef, host: &impl Host) {
    let special = task.header().special.get();
    if special & ENV != 0 {
        task.header().origin.drop_env();
    }
    if special & OBSERVED != 0
        && let Some(observer) = host.observer()
    {
        observer.terminated(task);
    }
    if special & TRACKED != 0 && !left_out("T70") {
        list::ended(task);
    }
}

/// Publishes the output in the stage.
#[inline]
fn complete(task: TaskRef, host: &impl Host) {
    let header = task.header();
    let is_plain = header.special.get() == 0 && !header.linked.get();
    if is_plain && can_drop_output_here(task) && header.state.load().is_alone() {
        // T17, for most that nobody waits for.
        header.stage.set(Stage::Nothing);
        return task.free();
    }
    publish(task, host);
}

/// Whether the output is nothing to drop.
#[inline]
fn can_drop_output_here(task: TaskRef) -> bool {
    let header = task.header();
    header.outcome.get() == Outcome::Completed && !header.vtable.has_output_drop
}

#[inline(never)]
fn publish(task: TaskRef, host: &impl Host) {
    let header = task.header();
    if header.special.get() != 0 {
        end_special(task, host);
    }
    if header.linked.get() {
        let home = header.owner.get();
        if home == host.owner() { host.unlink(task) } else { host.unlink_from(home, task) }
    }
    let mut seen = header.state.load();
    let completed = loop {
        if !seen.has_join_handle() && header.stage.get() == Stage::Output {
            drop_output(task);
        }
        match header.state.complete(seen) {
            Ok(completed) => break completed,
            Err(now) => seen = now,
        }
    };
    if completed.free {
        return task.free();
    }
    if completed.join_waker {
        // SAFETY: T6: JOIN_WAKER was set with COMPLETE, so the slot is ours; the owner's reference, not yet given
        // up, keeps the cell.
        let waker = header.join_waker.with_mut(|slot| unsafe { (*slot).take() });
        let waker = waker.expect("JOIN_WAKER is set, so a waker was stored");
        // T9: a foreign waker may panic.
        contain(|| current::completing(header.id, || waker.wake()));
    }
    if completed.watched {
        // On the owner's reference, too.
        extras::run_callbacks(task);
    }
    if !completed.released {
        task.drop_reference();
    }
}

/// Drops the output, for which nobody will ask.
#[inline]
fn drop_output(task: TaskRef) {
    if can_drop_output_here(task) {
        task.header().stage.set(Stage::Nothing);
    } else {
        // SAFETY: T5: the completer owns it. T9: a panic goes nowhere.
        contain(|| unsafe { (task.header().vtable.drop_output)(task) });
    }
}

/// Polls a join handle's side: registers `cx`'s waker, or says that the task is complete.
pub(crate) fn poll_join(task: TaskRef, cx: &mut Context<'_>) -> Poll<()> {
    let header = task.header();
    let seen = header.state.load();
    if seen.is_complete() {
        return Poll::Ready(());
    }
    if seen.has_join_waker() {
        // T6: shared; the completer may be taking it this moment. Take it back before looking at it.
        if header.state.unset_join_waker().is_err() {
            return Poll::Ready(());
        }
    }
    // T6: JOIN_WAKER is clear: the slot is ours.
    // SAFETY: as just said.
    let replaced = header.join_waker.with_mut(|slot| unsafe {
        match &mut *slot {
            Some(waker) if waker.will_wake(cx.waker()) => None,
            slot => slot.replace(cx.waker().clone()),
        }
    });
    drop(replaced);
    match header.state.set_join_waker() {
        Ok(()) => Poll::Pending,
        Err(_) => {
            // Complete, and JOIN_WAKER was clear then: the slot stayed ours.
            drop_join_waker(task);
            Poll::Ready(())
        }
    }
}

/// Empties the join-waker slot. The caller is the `JoinHandle`, and JOIN_WAKER is clear (T6).
pub(crate) fn drop_join_waker(task: TaskRef) {
    // SAFETY: T6, as the caller promises.
    let waker = task.header().join_waker.with_mut(|slot| unsafe { (*slot).take() });
    drop(waker);
}
