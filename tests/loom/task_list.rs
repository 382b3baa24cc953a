//! T70 of `executor/src/task/list.rs`: who looks at the live tasks meets the end of one.

use std::sync::Arc;

use loom::thread;
use raddle::loom::internals::{Listed, Runnable, leaving_out};
use raddle::task::JoinHandle;

use crate::executor_support::{Desk, Output, Probe, block_on, model};

/// A task that is ready when it is polled, the list it is in, and what polls it.
fn listed_task() -> (Arc<Listed>, Runnable, JoinHandle<Output>, impl FnOnce(Runnable)) {
    let (desk, home) = Desk::with_home();
    let (probe, _) = Probe::new(|| true);
    let (runnable, handle) = home.spawn(probe);
    let list = Arc::new(Listed::new());
    list.add(&runnable);
    (list, runnable, handle, move |runnable| desk.run(&home, runnable))
}

fn looks_beside_the_end(look: fn(&Listed)) {
    model(3, move || {
        let (list, runnable, handle, run) = listed_task();
        drop(handle);
        let looker = thread::spawn({
            let list = list.clone();
            move || look(&list)
        });
        run(runnable);
        looker.join().unwrap();
        assert_eq!(list.look(), 0);
    });
}

#[test]
fn t70_a_task_in_the_list_is_there_for_whoever_looks() {
    looks_beside_the_end(|list| assert!(list.look() <= 1));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn t70_control_who_looks_without_a_reference_reads_what_is_freed() {
    looks_beside_the_end(Listed::look_without_references);
}

/// A joiner looks at the list.
fn joins_and_looks() {
    model(3, || {
        let (list, runnable, handle, run) = listed_task();
        let joiner = thread::spawn(move || {
            block_on(handle).unwrap();
            assert_eq!(list.look(), 0, "a task that has been joined");
        });
        run(runnable);
        joiner.join().unwrap();
    });
}

#[test]
fn t70_who_has_joined_a_task_does_not_find_it() {
    joins_and_looks();
}

#[test]
#[should_panic(expected = "a task that has been joined")]
fn t70_control_a_task_that_is_left_in_the_list_is_found() {
    leaving_out("T70", joins_and_looks);
}
