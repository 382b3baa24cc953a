//! T13 and T14 of `executor/src/task/extras.rs`: names, callbacks and requests to stop meet the end of a task.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loom::sync::atomic::AtomicUsize;
use loom::thread;
use raddle::loom::internals::{Runnable, Task};
use raddle::task::{AbortHandle, JoinHandle, Outcome};

use crate::executor_support::{Desk, Output, Probe, model};

fn ready_task() -> (Runnable, JoinHandle<Output>, impl FnOnce(Runnable)) {
    let (desk, home) = Desk::with_home();
    let (probe, _) = Probe::new(|| true);
    let (runnable, handle) = home.spawn(probe);
    (runnable, handle, move |runnable| desk.run(&home, runnable))
}

/// Counts its calls.
fn counting(calls: &loom::sync::Arc<AtomicUsize>) -> impl FnOnce(Outcome) + Send + use<> {
    let calls = calls.clone();
    move |outcome| {
        assert_eq!(outcome, Outcome::Completed);
        calls.fetch_add(1, Relaxed);
    }
}

#[test]
fn t14_a_callback_runs_once_before_or_after_the_end() {
    model(3, || {
        let (runnable, handle, run) = ready_task();
        let calls = loom::sync::Arc::new(AtomicUsize::new(0));
        let callback = counting(&calls);
        let watcher = thread::spawn(move || {
            handle.on_done(callback);
            drop(handle);
        });
        run(runnable);
        watcher.join().unwrap();
        assert_eq!(calls.load(Relaxed), 1);
    });
}

#[test]
fn t13_t14_two_who_watch_share_the_extras_and_each_is_called() {
    model(2, || {
        let (runnable, handle, run) = ready_task();
        let calls = loom::sync::Arc::new(AtomicUsize::new(0));
        let watchers: Vec<_> = (0..2)
            .map(|_| {
                let (handle, callback): (AbortHandle, _) =
                    (handle.abort_handle(), counting(&calls));
                thread::spawn(move || handle.on_done(callback))
            })
            .collect();
        drop(handle);
        run(runnable);
        for watcher in watchers {
            watcher.join().unwrap();
        }
        assert_eq!(calls.load(Relaxed), 2);
    });
}

#[test]
#[should_panic(expected = "the callback was called")]
fn t14_control_a_callback_is_forgotten_if_its_setter_does_not_look() {
    model(3, || {
        let (runnable, handle, run) = ready_task();
        let task = Task::of(&runnable);
        let calls = loom::sync::Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let watcher = thread::spawn(move || {
            task.watch_without_looking(move || _ = counted.fetch_add(1, Relaxed));
            drop(handle);
        });
        run(runnable);
        watcher.join().unwrap();
        assert_eq!(calls.load(Relaxed), 1, "the callback was called");
    });
}

#[test]
fn t13_a_request_to_stop_races_with_the_end() {
    model(2, || {
        let (runnable, handle, run) = ready_task();
        let aborter = handle.abort_handle();
        let asker = thread::spawn(move || {
            aborter.cancel();
            drop(aborter);
        });
        run(runnable);
        asker.join().unwrap();
        drop(handle);
    });
}

#[test]
fn t7_t14_abort_and_completion_are_told_as_what_they_were() {
    model(2, || {
        let (desk, home) = Desk::with_home();
        let (probe, _) = Probe::new(|| true);
        let (runnable, handle) = home.spawn(probe);
        let outcome = Arc::new(std::sync::Mutex::new(None));
        let told = outcome.clone();
        handle.on_done(move |outcome| *told.lock().unwrap() = Some(outcome));
        let aborter = thread::spawn(move || {
            handle.abort();
            handle
        });
        desk.run(&home, runnable);
        let handle = aborter.join().unwrap();
        let output = crate::executor_support::block_on(handle);
        let outcome = outcome.lock().unwrap().take();
        match output {
            Ok(_) => assert_eq!(outcome, Some(Outcome::Completed)),
            Err(_) => assert_eq!(outcome, Some(Outcome::Cancelled)),
        }
    });
}
