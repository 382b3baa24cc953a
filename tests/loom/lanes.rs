//! P21 and P23 of `executor/src/scheduler/lanes.rs`, for whole runtimes: nothing waits in a lane while everybody sleeps, and
//! nothing is left there when the runtime has ended. A task that nobody runs is a deadlock.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::sync::Mutex;
use raddle::loom::internals::{Runtime, leaving_out, without_fences};
use raddle::task::Priority::{self, High, Low};

use crate::executor_support::{Signal, block_on};
use crate::runtime::{close, model, must_deadlock, spawn, start_workers};

fn a_task_is_spawned_from_outside(priority: Priority) {
    let runtime = Runtime::new(1, 0);
    let workers = start_workers(&runtime);
    assert_eq!(block_on(runtime.spawn_as(priority, async { 7 })).unwrap(), 7);
    close(&runtime, workers);
}

#[test]
fn p23_a_high_task_spawned_from_outside_is_run() {
    model(3, || a_task_is_spawned_from_outside(High));
}

#[test]
fn p23_a_low_task_spawned_from_outside_is_run() {
    model(3, || a_task_is_spawned_from_outside(Low));
}

#[test]
fn p23_fails_without_the_last_look_into_the_lanes() {
    leaving_out("P23", || {
        must_deadlock("lanes::p23_fails_without_the_last_look_into_the_lanes", 3, || {
            a_task_is_spawned_from_outside(Low);
        });
    });
}

#[test]
fn p23_fails_without_the_spawners_fences() {
    must_deadlock("lanes::p23_fails_without_the_spawners_fences", 3, || {
        let runtime = Runtime::new(1, 0);
        let workers = start_workers(&runtime);
        let handle = without_fences(|| runtime.spawn_as(High, async { 7 }));
        assert_eq!(block_on(handle).unwrap(), 7);
        close(&runtime, workers);
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
    model(2, || {
        let runtime = Runtime::new(1, 0);
        let workers = start_workers(&runtime);
        let (flag, waker) = (Arc::new(Mutex::new(false)), Arc::new(Mutex::new(None)));
        let arrived = Signal::new();
        let handle = runtime.spawn_as(Low, {
            let (flag, waker, arrived) = (flag.clone(), waker.clone(), arrived.clone());
            poll_fn(move |cx| {
                if *flag.lock().unwrap() {
                    return Poll::Ready(());
                }
                *waker.lock().unwrap() = Some(cx.waker().clone());
                arrived.give();
                Poll::Pending
            })
        });
        arrived.wait();
        *flag.lock().unwrap() = true;
        let waker: Waker = waker.lock().unwrap().take().unwrap();
        waker.wake();
        block_on(handle).unwrap();
        close(&runtime, workers);
    });
}

#[test]
fn p21_a_root_future_that_blocks_its_thread_holds_up_no_lane() {
    model(2, || {
        let runtime = Runtime::new(1, 1);
        let workers = start_workers(&runtime);
        let inside = runtime.clone();
        runtime.block_on(async move {
            let done = Signal::new();
            drop(inside.spawn_as(Low, {
                let done = done.clone();
                async move { done.give() }
            }));
            done.wait();
        });
        close(&runtime, workers);
    });
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

fn a_task_is_spawned_beside_the_closing(with_fences: bool) {
    let runtime = Runtime::new(0, 1);
    let other = spawn({
        let runtime = runtime.clone();
        move || runtime.close()
    });
    let spawn = || runtime.spawn_as(Low, async { 7 });
    let handle = if with_fences { spawn() } else { without_fences(spawn) };
    assert!(block_on(handle).unwrap_err().is_cancelled());
    other.join().unwrap();
}

#[test]
fn s5_a_low_task_spawned_beside_the_closing_is_cancelled() {
    model(3, || a_task_is_spawned_beside_the_closing(true));
}

#[test]
fn s5_fails_for_the_lanes_without_the_submitters_fences() {
    must_deadlock("lanes::s5_fails_for_the_lanes_without_the_submitters_fences", 3, || {
        a_task_is_spawned_beside_the_closing(false);
    });
}
