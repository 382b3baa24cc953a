//! T5, T6 and T8 of `executor/src/task/mod.rs`: a task's completion meets its `JoinHandle`.
//!
//! Outputs are counted by loom: one that is dropped never or twice fails the model.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};

use loom::thread;
use raddle::loom::internals::{Runnable, Task};
use raddle::task::JoinHandle;

use crate::executor_support::{Desk, Output, Probe, Seen, Signal, block_on, model};

fn ready_task(
    desk: &Arc<Desk>,
) -> (Runnable, JoinHandle<Output>, Arc<Seen>, impl FnOnce(Runnable) + use<>) {
    let home = desk.new_home();
    let (probe, seen) = Probe::new(|| true);
    let (runnable, handle) = home.spawn(probe);
    let desk = desk.clone();
    (runnable, handle, seen, move |runnable| desk.run(&home, runnable))
}

#[test]
fn t5_t6_t8_a_joiner_is_woken_and_gets_the_output() {
    model(3, || {
        let desk = Arc::default();
        let (runnable, handle, seen, run) = ready_task(&desk);
        let joiner = thread::spawn(move || {
            let output = block_on(handle);
            assert!(seen.dropped.load(Relaxed), "a joiner is ahead of a destructor");
            drop(output.unwrap());
        });
        run(runnable);
        joiner.join().unwrap();
    });
}

#[test]
fn t5_the_output_is_dropped_once_when_nobody_waits_for_it() {
    model(3, || {
        let desk = Arc::default();
        let (runnable, handle, _, run) = ready_task(&desk);
        let dropper = thread::spawn(move || drop(handle));
        run(runnable);
        dropper.join().unwrap();
    });
}

#[test]
fn t5_t6_a_handle_dropped_after_it_was_polled_takes_its_waker_back() {
    model(3, || {
        let desk = Arc::default();
        let (runnable, mut handle, _, run) = ready_task(&desk);
        let waker = Waker::from(Signal::new());
        assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&waker)).is_pending());
        let dropper = thread::spawn(move || drop(handle));
        run(runnable);
        dropper.join().unwrap();
    });
}

/// Polls with one waker, and then, beside the completion, with another, which must be woken if the poll says so.
fn a_second_waker(register: fn(&mut JoinHandle<Output>, Task, &mut Context<'_>) -> Poll<()>) {
    model(3, move || {
        let desk = Arc::default();
        let (runnable, mut handle, _, run) = ready_task(&desk);
        let task = Task::of(&runnable);
        let old = Waker::from(Signal::new());
        assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&old)).is_pending());
        let joiner = thread::spawn(move || {
            let signal = Signal::new();
            let waker = Waker::from(signal.clone());
            if register(&mut handle, task, &mut Context::from_waker(&waker)).is_pending() {
                signal.wait();
            }
            assert!(handle.is_finished());
        });
        run(runnable);
        joiner.join().unwrap();
    });
}

#[test]
fn t6_a_waker_registered_in_place_of_another_is_the_one_that_is_woken() {
    a_second_waker(|handle, _, cx| Pin::new(handle).poll(cx).map(drop));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn t6_fails_if_the_slot_is_written_without_taking_it_back() {
    a_second_waker(|_, task, cx| {
        task.seize_join_waker(cx);
        Poll::Ready(())
    });
}

#[test]
fn t5_t7_a_joiner_of_an_aborted_task_is_told() {
    model(3, || {
        let (desk, home) = Desk::with_home();
        let (probe, seen) = Probe::new(|| false);
        let (runnable, mut handle) = home.spawn(probe);
        desk.run(&home, runnable);
        drop(seen.take_waker());
        let aborter = handle.abort_handle();
        let joiner = thread::spawn(move || {
            let error = block_on(&mut handle).unwrap_err();
            assert!(error.is_cancelled());
            assert!(seen.dropped.load(Relaxed), "a joiner is ahead of a destructor");
        });
        aborter.abort();
        drop(aborter);
        desk.run(&home, desk.next());
        joiner.join().unwrap();
    });
}

/// The owner's reference goes home on a way of its own (T11), the joiner's with the handle; the last one frees.
#[test]
fn t5_t11_a_task_that_completes_elsewhere_is_joined_and_freed_once() {
    model(3, || {
        let (desk, home) = Desk::with_home();
        let elsewhere = desk.new_home();
        let mut polls = 0;
        let (probe, seen) = Probe::new(move || {
            polls += 1;
            polls > 1
        });
        let (runnable, handle) = home.spawn(probe);
        desk.run(&home, runnable);
        seen.take_waker().wake();
        let runnable = desk.take().unwrap();
        let thief = thread::spawn(move || {
            desk.run(&elsewhere, runnable);
            elsewhere
        });
        let joiner = thread::spawn(move || drop(block_on(handle).unwrap()));
        thief.join().unwrap();
        joiner.join().unwrap();
        assert_eq!(home.linked(), 0);
    });
}
