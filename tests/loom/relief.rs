//! P18 and P20 of `executor/src/scheduler/relief.rs`: the guard is awake while all who may run tasks do, and what is submitted
//! while they are stuck is found by the relief.
//!
//! `Guard`, `Idle`, the injector and the parker are the real ones. What a worker, a submitter and a relief do with them is
//! repeated here in a few lines, so that single steps can be left out. A sleep that nobody ends is a deadlock.

use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use loom::thread;
use raddle::loom::internals::{
    Guard, Idle, Inject, Parker, Steal, Unpark, leaving_out, without_fences,
};

use crate::executor_support::{block_on, model};
use crate::runtime::must_deadlock;

/// A step that a negative control leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    GuardsFence,
    WorkersFence,
    RaisedLimit,
    LastLook,
    FenceBeforeTheLimit,
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
                without_if(without == Without::WorkersFence, || guard.rouse(|| idle.is_full()));
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
        let submitter = thread::spawn({
            let shared = shared.clone();
            move || {
                let (idle, injector, bed) = &*shared;
                injector.push(7);
                wake_one(idle, bed);
            }
        });
        let (idle, injector, bed) = &*shared;
        if without != Without::RaisedLimit {
            idle.raise_limit();
        }
        let mut is_active = idle.step_in();
        let found = loop {
            if is_active && let Steal::Success(task) = injector.take_one() {
                break task;
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
        };
        assert_eq!(found, 7);
        submitter.join().unwrap();
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

/// A relief leaves, the limit is lowered, and the worker becomes active again, while the guard goes to bed: it has seen the
/// lowered limit, and so must the worker.
fn a_worker_wakes_up_after_a_relief_has_gone(without: Without) {
    model(3, move || {
        let shared = Arc::new((Idle::new(1), Guard::new()));
        shared.0.raise_limit();
        let worker = thread::spawn({
            let shared = shared.clone();
            move || {
                let (idle, guard) = &*shared;
                idle.enter();
                if without != Without::FenceBeforeTheLimit || idle.is_full() {
                    guard.rouse(|| idle.is_full());
                }
            }
        });
        let relief = thread::spawn({
            let shared = shared.clone();
            move || shared.0.lower_limit()
        });
        relief.join().unwrap();
        let (idle, guard) = &*shared;
        guard.sleep(|| idle.is_full());
        assert!(idle.is_full(), "woken while there is room");
        worker.join().unwrap();
    });
}

#[test]
fn p18_the_guard_is_awake_when_the_limit_has_been_lowered() {
    a_worker_wakes_up_after_a_relief_has_gone(Nothing);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p18_fails_with_a_look_at_the_limit_before_the_fence() {
    a_worker_wakes_up_after_a_relief_has_gone(Without::FenceBeforeTheLimit);
}

/// A worker comes from the driver with a task, and is stuck in it; there is room for others, who sleep, but nobody waits for
/// events. The guard goes to bed meanwhile.
fn a_worker_leaves_the_driver_unattended(without: Without) {
    model(3, move || {
        let shared = Arc::new((Idle::new(2), Guard::new(), AtomicBool::new(true)));
        let is_needed = |idle: &Idle, is_attended: &AtomicBool| {
            idle.is_full() || (idle.active() > 0 && !is_attended.load(Relaxed))
        };
        let worker = thread::spawn({
            let shared = shared.clone();
            move || {
                let (idle, guard, is_attended) = &*shared;
                is_attended.store(false, Relaxed);
                idle.enter();
                without_if(without == Without::WorkersFence, || {
                    guard.rouse(|| is_needed(idle, is_attended));
                });
            }
        });
        let (idle, guard, is_attended) = &*shared;
        without_if(without == Without::GuardsFence, || {
            guard.sleep(|| is_needed(idle, is_attended));
        });
        assert!(is_needed(idle, is_attended), "woken for nothing");
        worker.join().unwrap();
    });
}

#[test]
fn p18_the_guard_is_awake_when_the_driver_is_unattended() {
    a_worker_leaves_the_driver_unattended(Nothing);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p18_fails_for_the_driver_without_the_workers_fence() {
    a_worker_leaves_the_driver_unattended(Without::WorkersFence);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p18_fails_for_the_driver_without_the_guards_fence() {
    a_worker_leaves_the_driver_unattended(Without::GuardsFence);
}

/// A relief comes up while it is dismissed. The guard thinks better of it, if it is not too late, and later dismisses all.
fn a_relief_is_dismissed(changes_its_mind: bool) {
    let guard = Arc::new(Guard::new());
    guard.sends_for_one();
    let relief = thread::spawn({
        let guard = guard.clone();
        move || {
            block_on(std::pin::pin!(guard.duty()));
            guard.has_gone();
        }
    });
    guard.dismiss_one();
    if changes_its_mind && guard.take_dismissal() {
        assert_eq!(guard.reliefs(), 1, "gone though it was to stay");
        guard.dismiss_all();
    }
    relief.join().unwrap();
    assert_eq!(guard.reliefs(), 0);
}

#[test]
fn p20_a_relief_that_is_dismissed_goes() {
    model(3, || a_relief_is_dismissed(false));
}

#[test]
fn p20_a_relief_goes_or_stays_if_its_dismissal_is_taken_back() {
    model(3, || a_relief_is_dismissed(true));
}

#[test]
fn p20_fails_without_a_look_at_the_dismissals_before_it_waits() {
    leaving_out("P20", || {
        let name = "relief::p20_fails_without_a_look_at_the_dismissals_before_it_waits";
        must_deadlock(name, 3, || a_relief_is_dismissed(false));
    });
}
