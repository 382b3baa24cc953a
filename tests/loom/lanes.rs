//! P21 and P23 of `executor/src/scheduler/lanes.rs`, for whole runtimes: nothing waits in a lane while everybody sleeps, and
//! nothing is left there when the runtime has ended. A task that nobody runs is a deadlock.

use raddle::loom::internals::{Runtime, leaving_out};
use raddle::task::Priority::{High, Low};

use crate::executor_support::{Signal, block_on};
use crate::runtime::{
    a_root_future_spawns_and_blocks_its_thread, a_task_is_spawned_beside_the_closing,
    a_task_is_spawned_from_outside, a_task_is_woken_from_outside, close, model, must_deadlock,
    start_workers,
};

#[test]
fn p23_a_high_task_spawned_from_outside_is_run() {
    model(3, || a_task_is_spawned_from_outside(High, true));
}

#[test]
fn p23_a_low_task_spawned_from_outside_is_run() {
    model(3, || a_task_is_spawned_from_outside(Low, true));
}

#[test]
fn p23_fails_without_the_last_look_into_the_lanes() {
    leaving_out("P23", || {
        must_deadlock("lanes::p23_fails_without_the_last_look_into_the_lanes", 3, || {
            a_task_is_spawned_from_outside(Low, true);
        });
    });
}

#[test]
fn p23_fails_without_the_spawners_fences() {
    must_deadlock("lanes::p23_fails_without_the_spawners_fences", 3, || {
        a_task_is_spawned_from_outside(High, false);
    });
}

/// The worker that queues it wakes nobody.
#[test]
fn p23_a_low_task_spawned_by_a_worker_is_run() {
    model(2, || {
        let runtime = Runtime::new(1, 0);
        let workers = start_workers(&runtime);
        let done = Signal::new();
        let parent = runtime.spawn({
            let (runtime, done) = (runtime.clone(), done.clone());
            async move { drop(runtime.spawn_as(Low, async move { done.give() })) }
        });
        done.wait();
        block_on(parent).unwrap();
        close(&runtime, workers);
    });
}

#[test]
fn p23_a_low_task_woken_from_outside_is_run() {
    model(2, || a_task_is_woken_from_outside(Low));
}

#[test]
fn p21_a_root_future_that_blocks_its_thread_holds_up_no_lane() {
    model(2, || a_root_future_spawns_and_blocks_its_thread(Low));
}

/// The guest that has polled the task which queues it turns to its root future, or leaves.
fn a_guest_queues_one_of_low_priority(root_blocks: bool) {
    let runtime = Runtime::new(1, 1);
    let workers = start_workers(&runtime);
    let inside = runtime.clone();
    let done = Signal::new();
    runtime.block_on({
        let done = done.clone();
        async move {
            let first = inside.spawn({
                let (done, inside) = (done.clone(), inside.clone());
                async move { drop(inside.spawn_as(Low, async move { done.give() })) }
            });
            first.await.unwrap();
            if root_blocks {
                done.wait();
            }
        }
    });
    if !root_blocks {
        done.wait();
    }
    close(&runtime, workers);
}

#[test]
fn p23_a_low_task_queued_by_a_guest_that_turns_to_its_root_future_is_run() {
    model(2, || a_guest_queues_one_of_low_priority(true));
}

#[test]
fn p23_a_low_task_queued_by_a_guest_that_leaves_is_run() {
    model(2, || a_guest_queues_one_of_low_priority(false));
}

#[test]
fn s5_a_low_task_spawned_beside_the_closing_is_cancelled() {
    model(3, || a_task_is_spawned_beside_the_closing(Low, true));
}

#[test]
fn s5_fails_for_the_lanes_without_the_submitters_fences() {
    must_deadlock("lanes::s5_fails_for_the_lanes_without_the_submitters_fences", 3, || {
        a_task_is_spawned_beside_the_closing(Low, false);
    });
}
