//! Z1 to Z3, Z6 and Z7 of `executor/src/scheduler/quiet.rs` and P12 of `executor/src/scheduler/standby.rs`, for whole runtimes: time
//! that is paused jumps when nobody has anything to do, and not before; and a deadline that a stuck worker has set is met by
//! another. A deadline that nobody meets is a deadlock.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool as Unobserved, Ordering::Relaxed};
use std::task::{Poll, Wake, Waker};

use loom::sync::Mutex;
use raddle::loom::internals::{Runtime, leaving_out};

use crate::executor_support::Signal;
use crate::runtime::{close, model, must_deadlock, spawn, start_workers};

/// An event that a future waits for.
#[derive(Default)]
struct Event {
    come: Mutex<(bool, Option<Waker>)>,
}

impl Event {
    fn set(&self) {
        let mut come = self.come.lock().unwrap();
        come.0 = true;
        let waker = come.1.take();
        drop(come);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn wait(&self) {
        poll_fn(|cx| {
            let mut come = self.come.lock().unwrap();
            if come.0 {
                return Poll::Ready(());
            }
            come.1 = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// What a deadline sets off: it must not come before all is done that there was to do.
#[derive(Default)]
struct Alarm {
    all_done: Unobserved,
    came_early: Unobserved,
    rung: Event,
}

impl Alarm {
    /// A runtime whose time stands still, with the alarm set.
    fn set(workers: usize, guests: usize) -> (Runtime, Arc<Alarm>) {
        let runtime = Runtime::new(workers, guests);
        runtime.pause();
        let alarm = Arc::<Alarm>::default();
        assert!(runtime.set_timer(&alarm.clone().into()));
        (runtime, alarm)
    }

    fn all_is_done(&self) {
        self.all_done.store(true, Relaxed);
    }

    fn check(&self) {
        assert!(!self.came_early.load(Relaxed), "time has jumped over something to do");
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        if !self.all_done.load(Relaxed) {
            self.came_early.store(true, Relaxed);
        }
        self.rung.set();
    }
}

/// A root future waits for a blocking call, and then for the time.
fn a_call_ends_while_the_holder_asks() {
    let (runtime, alarm) = Alarm::set(0, 1);
    let reply = Arc::<Event>::default();
    let call = runtime.begin_call();
    let caller = spawn({
        let reply = reply.clone();
        move || {
            reply.set();
            call.end();
        }
    });
    runtime.block_on(async {
        reply.wait().await;
        alarm.all_is_done();
        alarm.rung.wait().await;
    });
    caller.join().unwrap();
    close(&runtime, Vec::new());
    alarm.check();
}

#[test]
fn z1_z2_time_does_not_jump_over_the_end_of_a_call() {
    model(3, a_call_ends_while_the_holder_asks);
}

#[test]
#[should_panic(expected = "time has jumped over something to do")]
fn z2_fails_if_the_holder_looks_once() {
    leaving_out("Z2", || model(3, a_call_ends_while_the_holder_asks));
}

/// A call that wakes nobody is the last thing to do.
fn a_call_ends_beside_the_sleeping_holder() {
    let (runtime, alarm) = Alarm::set(0, 1);
    let call = runtime.begin_call();
    let caller = spawn({
        let alarm = alarm.clone();
        move || {
            alarm.all_is_done();
            call.end();
        }
    });
    runtime.block_on(alarm.rung.wait());
    caller.join().unwrap();
    close(&runtime, Vec::new());
    alarm.check();
}

#[test]
fn z3_time_jumps_when_the_last_call_has_ended() {
    model(3, a_call_ends_beside_the_sleeping_holder);
}

#[test]
fn z3_fails_if_the_holder_is_not_told() {
    must_deadlock("runtime_time::z3_fails_if_the_holder_is_not_told", 3, || {
        leaving_out("Z3", a_call_ends_beside_the_sleeping_holder);
    });
}

/// A call that waits for the time, in a `block_on` of its own, and then does something else. (Both threads have a slot: loom
/// loses an `unpark` of a thread that waits for a lock at that moment, and who waits outside of any slot would sleep on.)
fn a_call_waits_for_the_time() {
    let (runtime, first) = Alarm::set(0, 2);
    let second = Arc::<Alarm>::default();
    let call = runtime.begin_call();
    let caller = spawn({
        let (runtime, first, second) = (runtime.clone(), first.clone(), second.clone());
        move || {
            call.block_on(async {
                first.all_is_done();
                first.rung.wait().await;
            });
            assert!(runtime.set_timer(&second.clone().into()));
            second.all_is_done();
            call.end();
        }
    });
    runtime.block_on(second.rung.wait());
    caller.join().unwrap();
    close(&runtime, Vec::new());
    first.check();
    second.check();
}

#[test]
fn z6_a_call_that_waits_holds_nothing_up_and_afterwards_does_again() {
    model(1, a_call_waits_for_the_time);
}

#[test]
fn z6_fails_if_a_call_that_waits_counts_as_one_that_works() {
    must_deadlock(
        "runtime_time::z6_fails_if_a_call_that_waits_counts_as_one_that_works",
        1,
        || {
            leaving_out("Z6", a_call_waits_for_the_time);
        },
    );
}

/// A call that a thread outside begins at any moment, and that may wait in a `block_on` of its own, beside a holder that is
/// about to let time jump.
fn a_call_looks_at_the_time(waits: bool) {
    let (runtime, alarm) = Alarm::set(0, if waits { 2 } else { 1 });
    alarm.all_is_done();
    let caller = spawn({
        let runtime = runtime.clone();
        move || {
            let call = runtime.begin_call();
            let look = || {
                let before = runtime.now();
                assert_eq!(runtime.now(), before, "time has jumped during a call");
            };
            look();
            if waits {
                call.block_on(async {});
                look();
            }
            call.end();
        }
    });
    runtime.block_on(alarm.rung.wait());
    caller.join().unwrap();
    close(&runtime, Vec::new());
}

#[test]
fn z7_no_call_sees_a_jump() {
    model(3, || a_call_looks_at_the_time(false));
}

#[test]
fn z7_no_call_that_has_waited_sees_a_jump() {
    model(1, || a_call_looks_at_the_time(true));
}

#[test]
#[should_panic(expected = "time has jumped during a call")]
fn z7_fails_if_a_call_begins_in_the_middle_of_one() {
    leaving_out("Z7", || model(3, || a_call_looks_at_the_time(false)));
}

/// A worker and a guest: one holds the driver, the other has a task to run, or is about to go to bed beside it.
#[test]
fn z1_z3_time_jumps_when_all_tasks_have_run() {
    model(1, || {
        let (runtime, alarm) = Alarm::set(1, 1);
        let inside = runtime.clone();
        let workers = runtime.block_on(async {
            let workers = start_workers(&inside);
            let task = inside.spawn({
                let alarm = alarm.clone();
                async move { alarm.all_is_done() }
            });
            alarm.rung.wait().await;
            task.await.unwrap();
            workers
        });
        close(&runtime, workers);
        alarm.check();
    });
}

/// A task waits for a deadline, sets another, and is stuck until that has been met: by whoever does not run it.
fn a_stuck_worker_sets_a_timer() {
    let runtime = Runtime::new(1, 1);
    let workers = start_workers(&runtime);
    let inside = runtime.clone();
    let mut is_awake = false;
    let task = runtime.spawn(poll_fn(move |cx| {
        if !is_awake {
            is_awake = true;
            inside.set_own_timer(cx.waker());
            return Poll::Pending;
        }
        let met = Signal::new();
        inside.set_own_timer(&met.clone().into());
        met.wait();
        Poll::Ready(())
    }));
    runtime.block_on(task).unwrap();
    close(&runtime, workers);
}

#[test]
fn p12_a_deadline_of_a_stuck_worker_is_met_by_another() {
    model(1, a_stuck_worker_sets_a_timer);
}

#[test]
fn p12_fails_if_nobody_is_called() {
    must_deadlock("runtime_time::p12_fails_if_nobody_is_called", 1, || {
        leaving_out("P12", a_stuck_worker_sets_a_timer);
    });
}
