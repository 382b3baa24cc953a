//! P18 and P20 of `executor/src/scheduler/relief.rs`: the guard is awake while all who may run tasks do, and what is submitted
//! while they are stuck is found by the relief.
//!
//! `Guard`, `Idle`, the injector and the parker are the real ones. What a worker, a submitter and a relief do with them is
//! repeated here in a few lines, so that single steps can be left out. A sleep that nobody ends is a deadlock.

use std::sync::Arc;

use loom::thread;
use raddle::loom::internals::{Guard, Idle, Inject, Parker, Steal, Unpark, without_fences};

use crate::executor_support::model;

/// A step that a negative control leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    GuardsFence,
    WorkersFence,
    RaisedLimit,
    LastLook,
}

use Without::Nothing;

fn without_if<R>(is_without: bool, step: impl FnOnce() -> R) -> R {
    if is_without { without_fences(step) } else { step() }
}

/// Two workers wake up, and are stuck at once. The guard goes to bed meanwhile, and must not stay there.
fn two_workers_get_stuck(without: Without) {
    model(3, move || {
        let shared = Arc::new((Idle::new(2), Guard::new()));
        let workers = [0, 1].map(|_| {
            let shared = shared.clone();
            thread::spawn(move || {
                let (idle, guard) = &*shared;
                idle.enter();
                if idle.is_full() {
                    without_if(without == Without::WorkersFence, || guard.rouse());
                }
            })
        });
        let (idle, guard) = &*shared;
        without_if(without == Without::GuardsFence, || guard.sleep(|| idle.is_full()));
        assert!(idle.is_full(), "woken while there is room");
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

#[test]
fn p18_the_guard_is_awake_when_all_workers_are_stuck() {
    two_workers_get_stuck(Nothing);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p18_fails_without_the_workers_fence() {
    two_workers_get_stuck(Without::WorkersFence);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p18_fails_without_the_guards_fence() {
    two_workers_get_stuck(Without::GuardsFence);
}

/// The one worker is stuck. A task comes from outside while the guard sends for relief.
fn a_task_comes_while_relief_is_sent_for(without: Without) {
    const RELIEF: usize = 1;
    model(3, move || {
        let shared = Arc::new((Idle::new(1), Inject::default(), Parker::new()));
        shared.0.enter();
        if without != Without::RaisedLimit {
            shared.0.raise_limit();
        }
        let relief = thread::spawn({
            let shared = shared.clone();
            move || {
                let (idle, injector, bed) = &*shared;
                let mut is_active = idle.step_in();
                loop {
                    if is_active && let Steal::Success(task) = injector.take_one() {
                        return task;
                    }
                    let nobody_searches = match is_active {
                        true => idle.park(RELIEF, None),
                        false => idle.park_guest(RELIEF),
                    };
                    let looks = without != Without::LastLook;
                    if looks && nobody_searches && !injector.is_empty() {
                        wake_one(idle, bed);
                    }
                    bed.park(None);
                    let _ = idle.unpark(RELIEF);
                    is_active = true;
                }
            }
        });
        let (idle, injector, bed) = &*shared;
        injector.push(7);
        wake_one(idle, bed);
        assert_eq!(relief.join().unwrap(), 7);
    });
}

fn wake_one(idle: &Idle, bed: &Parker) {
    if let Some(index) = idle.wake_one() {
        assert_eq!(index, 1);
        assert_eq!(bed.unpark(), Unpark::Done);
    }
}

#[test]
fn p20_a_task_from_outside_is_found_by_the_relief() {
    a_task_comes_while_relief_is_sent_for(Nothing);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p20_fails_without_raising_the_limit() {
    a_task_comes_while_relief_is_sent_for(Without::RaisedLimit);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p20_fails_without_the_last_look() {
    a_task_comes_while_relief_is_sent_for(Without::LastLook);
}
