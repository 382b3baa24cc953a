//! What follows each transition: poll once, complete, cancel. Not generic, so that a program has it once.
//!
//! # Safety
//! Every function here is called with the one right to poll `task` (T2), and uses it up. The calls through the vtable
//! need that right (T3), or the output (T5).

#![allow(unsafe_code)]

use super::cell::{Marks, Stage};
use super::env::Entry;
use super::observer::Observer;
use super::raw::TaskRef;
use super::runnable::{Ran, Runnable};
use super::state::Finish;
use super::{Host, Outcome, current, extras, waker};
use crate::contain::contain;
use std::ptr;
use std::task::{Context, Poll};

/// Polls `task` once on `host`.
#[inline]
pub(crate) fn run(task: TaskRef, host: &impl Host) -> Ran {
    let header = task.header();
    let start = header.state.start_poll();
    if start.cancelled {
        cancel(task, host);
        return Ran::Done;
    }
    let (polled, yielded) = match header.marks.get().is_any() {
        false => poll_once(task, ptr::null()),
        true => poll_marked(task, host.observer()),
    };
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

#[inline]
fn poll_once(task: TaskRef, env: *const Entry) -> (Poll<()>, bool) {
    let waker = waker::borrowed(task);
    raddle_sync::budget::refill();
    current::with(task, env, || {
        // SAFETY: T3: the right to poll is ours.
        unsafe { (task.header().vtable.poll)(task, &mut Context::from_waker(&waker)) }
    })
}

/// A task with an environment, or hooks.
#[cold]
fn poll_marked(task: TaskRef, observer: Option<&Observer>) -> (Poll<()>, bool) {
    if let Some(observer) = observer {
        observer.before_poll(task);
    }
    let polled = poll_once(task, env_of(task));
    if let Some(observer) = observer {
        observer.after_poll(task);
    }
    polled
}

/// T15: the extras of a task that is being polled keep its environment.
fn env_of(task: TaskRef) -> *const Entry {
    let header = task.header();
    if header.marks.get().has(Marks::ENV) { header.origin.env() } else { ptr::null() }
}

/// Drops the future of a task that will not be polled again, and completes the task.
pub(crate) fn cancel(task: TaskRef, host: &impl Host) {
    // The destructor may ask who it is, and must not be asked to yield.
    raddle_sync::budget::clear();
    let _ = current::with(task, env_of(task), || {
        // SAFETY: T3: the right to poll is ours.
        unsafe { (task.header().vtable.cancel)(task) }
    });
    complete(task, host);
}

/// Publishes the output in the stage.
#[inline]
fn complete(task: TaskRef, host: &impl Host) {
    let header = task.header();
    if header.marks.get().is_any() {
        complete_marked(task, host.observer());
    }
    let home = header.owner.get();
    let here = !header.linked.get() || home == host.owner();
    if here && header.linked.get() {
        host.unlink(task);
    }
    let mut seen = header.state.load();
    let completed = loop {
        if !seen.has_join_handle() && header.stage.get() == Stage::Output {
            drop_output(task);
        }
        match header.state.complete(seen, here) {
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
        contain(|| current::completing(|| waker.wake()));
    }
    if completed.watched {
        // On the owner's reference, too.
        extras::run_callbacks(task);
    }
    if !here {
        host.send_home(home, task);
    } else if !completed.released {
        task.drop_reference();
    }
}

/// What a task with an environment, or hooks, does before it is complete.
#[cold]
fn complete_marked(task: TaskRef, observer: Option<&Observer>) {
    if task.header().marks.get().has(Marks::ENV) {
        task.header().origin.drop_env();
    }
    if let Some(observer) = observer {
        observer.terminated(task);
    }
}

/// Drops the output, for which nobody will ask.
#[inline]
fn drop_output(task: TaskRef) {
    let header = task.header();
    if header.outcome.get() == Outcome::Completed && !header.vtable.has_output_drop {
        header.stage.set(Stage::Nothing);
    } else {
        // SAFETY: T5: the completer owns it. T9: a panic goes nowhere.
        contain(|| unsafe { (header.vtable.drop_output)(task) });
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
