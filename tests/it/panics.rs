//! Code of the user's that panics: in poll, in destructors, in wakers. It is contained, and the runtime lives on.

use crate::support::count::panic_text;
use crate::support::{
    DropCounter, DropGuard, Flavor, Planned, Running, catch, planned_panic, poll_once, recv, until,
    wait,
};
use raddle::sync::oneshot;
use raddle::task;
use raddle::time::{Clock, Duration, ManualClock, sleep};
use raddle_timer::Listener;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::task::{Wake, Waker};

/// Panics when dropped.
struct Bomb(&'static str, #[allow(dead_code)] DropGuard);

impl Drop for Bomb {
    fn drop(&mut self) {
        planned_panic(self.0);
    }
}

/// Every thread of the runtime still runs tasks, and timers still fire.
fn assert_alive(running: &Running) {
    running.quiesce();
    let task = running.handle().spawn(async {
        sleep(Duration::from_millis(1)).await;
        raddle::spawn(async { 1 }).await.unwrap()
    });
    assert_eq!(wait("a task after a panic", task).unwrap(), 1);
}

#[test]
fn the_payload_of_a_panic_reaches_the_joiner() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            task::yield_now().await;
            planned_panic("no more tea")
        });
        let id = task.id();
        let error = wait("the panicking task", task).unwrap_err();
        assert!(error.is_panic() && !error.is_cancelled());
        assert_eq!(error.id(), id);
        assert_eq!(error.into_panic().downcast_ref(), Some(&Planned("no more tea")));
        assert_alive(&running);
    }
}

#[test]
fn the_message_of_a_panic_is_shown_by_the_error() {
    let running = Flavor::Workers(1).start();
    let task = running.handle().spawn(async {
        std::panic::resume_unwind(Box::new("a message"));
    });
    let error = wait("the panicking task", task).unwrap_err();
    assert!(error.to_string().ends_with("panicked: a message"), "{error}");
    assert!(format!("{error:?}").contains("a message"), "{error:?}");
    let number = 3;
    let task = running.handle().spawn(async move {
        std::panic::resume_unwind(Box::new(format!("message number {number}")));
    });
    let error = wait("the panicking task", task).unwrap_err();
    assert!(error.to_string().ends_with("message number 3"), "{error}");
}

#[test]
fn asking_a_cancelled_task_for_its_panic_panics_and_says_why() {
    let running = Flavor::Workers(1).start();
    let task = running.handle().spawn(pending::<()>());
    task.abort();
    let error = wait("the aborted task", task).unwrap_err();
    let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| error.into_panic()));
    let text = panic_text(&*panicked.unwrap_err());
    assert!(text.contains("was cancelled"), "{text}");
}

#[test]
fn a_panicking_future_drops_what_it_holds_once() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let dropped = DropCounter::new();
        let guard = dropped.guard();
        let task = running.handle().spawn(async move {
            let _guard = guard;
            task::yield_now().await;
            planned_panic("with something in hand");
        });
        assert!(wait("the panicking task", task).unwrap_err().is_panic());
        assert_eq!(dropped.count(), 1);
    }
}

#[test]
fn panics_of_tasks_nobody_waits_for_end_there() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let dropped = DropCounter::new();
        let hold = running.hold();
        for _ in 0..20 {
            let (bomb, guard) = (Bomb("in the output", dropped.guard()), dropped.guard());
            drop(running.handle().spawn(async move { bomb }));
            drop(running.handle().spawn(async move {
                let _guard = guard;
                planned_panic("in poll");
            }));
        }
        drop(hold);
        until("every future and output is dropped", || dropped.count() >= 40);
        assert_alive(&running);
        assert_eq!(dropped.count(), 40);
    }
}

#[test]
fn a_panic_of_an_output_reaches_whoever_drops_its_handle_after_completion() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let dropped = DropCounter::new();
        let bomb = Bomb("in the output", dropped.guard());
        let task = running.handle().spawn(async move { bomb });
        until("the task is finished", || task.is_finished());
        assert_eq!(catch(|| drop(task)), Err("in the output"));
        assert_eq!(dropped.count(), 1);
        assert_alive(&running);
    }
}

#[test]
fn a_panic_while_an_aborted_future_is_dropped_is_told_as_a_panic() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let dropped = DropCounter::new();
        let bomb = Bomb("in a destructor", dropped.guard());
        let task = running.handle().spawn(async move {
            let _bomb = bomb;
            pending::<()>().await;
        });
        task.abort();
        let error = wait("the aborted task", task).unwrap_err();
        assert_eq!(error.into_panic().downcast_ref(), Some(&Planned("in a destructor")));
        assert_eq!(dropped.count(), 1);
        assert_alive(&running);
    }
}

#[test]
fn a_panic_payload_that_panics_when_dropped_is_contained() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let dropped = DropCounter::new();
        // The payload of the panic goes with the output that nobody waits for.
        let bomb = Bomb("in a payload", dropped.guard());
        let hold = running.hold();
        drop(running.handle().spawn(async move {
            std::panic::resume_unwind(Box::new(bomb));
        }));
        drop(hold);
        assert_alive(&running);
        assert_eq!(dropped.count(), 1);
    }
}

#[test]
fn an_output_whose_destructor_panics_with_a_payload_that_panics_is_contained() {
    struct Worse(Option<Bomb>);
    impl Drop for Worse {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(self.0.take()));
        }
    }
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let dropped = DropCounter::new();
        let output = Worse(Some(Bomb("in a payload", dropped.guard())));
        let hold = running.hold();
        drop(running.handle().spawn(async move { output }));
        drop(hold);
        assert_alive(&running);
        assert_eq!(dropped.count(), 1);
    }
}

#[test]
fn a_joiners_waker_that_panics_is_contained() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            planned_panic("in a waker");
        }
    }
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let hold = running.hold();
        let mut task = running.handle().spawn(async { 4 });
        let waker = Waker::from(Arc::new(Panics));
        assert!(poll_once(Pin::new(&mut task), &waker).is_pending());
        drop(hold);
        until("the task is finished", || task.is_finished());
        assert_alive(&running);
        assert_eq!(wait("the finished task", task).unwrap(), 4);
    }
}

#[test]
fn a_waker_of_a_sleeping_stranger_that_panics_leaves_the_others_their_deadlines() {
    struct Panics(mpsc::Sender<()>);
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            self.0.send(()).unwrap();
            planned_panic("in a sleeper's waker");
        }
    }
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let (woken, wakes) = mpsc::channel();
        let waker = Waker::from(Arc::new(Panics(woken)));
        let mut sleeps: Vec<_> = {
            let _entered = running.handle().enter();
            (0..5).map(|_| Box::pin(sleep(Duration::from_millis(2)))).collect()
        };
        for sleep in &mut sleeps {
            // The deadline may have passed on a slow machine; then nobody will wake us.
            if poll_once(sleep.as_mut(), &waker).is_ready() {
                waker.wake_by_ref_quietly();
            }
        }
        for _ in 0..5 {
            recv("a sleeper's wake", &wakes);
        }
        assert_alive(&running);
    }
}

trait WakeQuietly {
    fn wake_by_ref_quietly(&self);
}

impl WakeQuietly for Waker {
    fn wake_by_ref_quietly(&self) {
        let _ = catch(|| self.wake_by_ref());
    }
}

#[test]
fn a_panic_of_the_root_future_leaves_block_on_and_the_runtime_usable() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let (go, gone) = oneshot::channel::<()>();
        let task = runtime.spawn(async move { gone.await.unwrap() });
        let panicked = catch(|| {
            runtime.block_on(async {
                task::yield_now().await;
                planned_panic("in the root future");
            })
        });
        assert_eq!(panicked, Err("in the root future"));
        go.send(()).unwrap();
        runtime.block_on(task).unwrap();
    }
}

#[test]
fn a_panic_in_the_destructor_of_the_root_future_leaves_the_runtime_usable() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let dropped = DropCounter::new();
        let bomb = Bomb("in the root's destructor", dropped.guard());
        let panicked = catch(|| {
            runtime.block_on(async move {
                let _bomb = bomb;
                task::yield_now().await;
            })
        });
        assert_eq!(panicked, Err("in the root's destructor"));
        assert_eq!(runtime.block_on(async { raddle::spawn(async { 2 }).await.unwrap() }), 2);
    }
}

/// Panics when it is asked for the time, as long as it is told to.
#[derive(Debug, Clone, Default)]
struct Moody {
    clock: ManualClock,
    panics: Arc<AtomicBool>,
    asked_in_vain: Arc<AtomicUsize>,
}

impl Clock for Moody {
    fn now(&self) -> std::time::Instant {
        if self.panics.load(Relaxed) {
            self.asked_in_vain.fetch_add(1, Relaxed);
            planned_panic("no time");
        }
        self.clock.now()
    }

    fn is_running(&self) -> bool {
        self.clock.is_running()
    }

    fn on_jump(&self, listener: std::sync::Weak<Listener>) {
        self.clock.on_jump(listener);
    }
}

/// The holder of the driver's turn asks for the time when it is about to wait, and after it.
#[test]
fn a_clock_that_panics_stands_still_and_nobody_is_left_in_the_driver() {
    const HOUR: Duration = Duration::from_secs(3_600);
    for flavor in Flavor::ALL {
        let clock = Moody::default();
        let running = Running::new(flavor, flavor.builder().clock(clock.clone()).build().unwrap());
        let nap = running.handle().spawn(async { sleep(HOUR).await });
        running.quiesce();
        clock.panics.store(true, Relaxed);
        until("the driver has asked for the time", || {
            // Gets whoever waits in the driver out of it.
            clock.clock.advance(Duration::from_nanos(1));
            clock.asked_in_vain.load(Relaxed) >= 10
        });
        wait("a task", running.handle().spawn(async {})).unwrap();
        assert!(!nap.is_finished());
        clock.panics.store(false, Relaxed);
        clock.clock.advance(HOUR);
        wait("the sleeper", nap).unwrap();
        running.quiesce();
    }
}
