//! T30 and T32 of `executor/src/sets/join_set.rs`: the bell of a task that ends, and the set that waits or goes.

use std::task::{Context, Poll, Waker};

use loom::thread;
use raddle::loom::internals::leaving_out;
use raddle::task::JoinSet;

use crate::executor_support::{Desk, Probe, Signal, model};

#[test]
fn t30_the_end_of_a_task_wakes_who_waits_for_the_set() {
    model(3, || {
        let (desk, home) = Desk::with_home();
        let (probe, _) = Probe::new(|| true);
        let (runnable, handle) = home.spawn(probe);
        let mut set = JoinSet::new();
        let joiner = thread::spawn(move || {
            set.insert(handle);
            let signal = Signal::new();
            let waker = Waker::from(signal.clone());
            loop {
                match set.poll_join_next(&mut Context::from_waker(&waker)) {
                    Poll::Ready(output) => break drop(output.unwrap().unwrap()),
                    Poll::Pending => signal.wait(),
                }
            }
            assert!(set.is_empty());
        });
        desk.run(&home, runnable);
        joiner.join().unwrap();
    });
}

#[test]
fn t32_a_set_dropped_beside_the_end_of_its_task_drops_everything_once() {
    model(3, || {
        let (desk, home) = Desk::with_home();
        let (probe, _) = Probe::new(|| true);
        let (runnable, handle) = home.spawn(probe);
        let mut set = JoinSet::new();
        set.insert(handle);
        let dropper = thread::spawn(move || drop(set));
        desk.run(&home, runnable);
        dropper.join().unwrap();
    });
}

fn a_set_goes_beside_a_task_that_waits() {
    model(2, || {
        let (desk, home) = Desk::with_home();
        let (probe, seen) = Probe::new(|| false);
        let (runnable, handle) = home.spawn(probe);
        let mut set = JoinSet::new();
        set.insert(handle);
        let dropper = thread::spawn(move || drop(set));
        desk.run(&home, runnable);
        drop(seen.take_waker());
        dropper.join().unwrap();
        if let Some(runnable) = desk.take() {
            desk.run(&home, runnable);
        }
        assert!(seen.dropped_by().is_some(), "a task has outlived its set");
    });
}

#[test]
fn t32_a_set_dropped_aborts_a_task_that_waits() {
    a_set_goes_beside_a_task_that_waits();
}

#[test]
#[should_panic(expected = "a task has outlived its set")]
fn t32_control_a_set_that_only_goes_leaves_its_task_behind() {
    leaving_out("T32", a_set_goes_beside_a_task_that_waits);
}

/// A joiner that looks into the queue, and says where it waits only afterwards.
#[test]
#[should_panic(expected = "deadlock")]
fn t30_control_a_joiner_that_looks_before_it_says_where_it_waits_sleeps_on() {
    model(3, || {
        let (desk, home) = Desk::with_home();
        let (probe, _) = Probe::new(|| true);
        let (runnable, handle) = home.spawn(probe);
        let mut set = JoinSet::new();
        set.insert(handle);
        let joiner = thread::spawn(move || {
            let signal = Signal::new();
            if set.try_join_next().is_none() {
                // The bell may have rung between the look and here; nobody looks again.
                signal.wait();
            }
        });
        desk.run(&home, runnable);
        joiner.join().unwrap();
    });
}
