//! What the report of a shutdown says of polls and calls that have not returned: T18 and T19.

use crate::support::{Flavor, recv, watched};
use raddle::runtime::{Leftover, LeftoverState, Runtime, ShutdownReport};
use raddle::task::{self, Builder};
use raddle::time::Duration;
use std::sync::mpsc;
use std::thread;

const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(10);

/// A function that says that it has begun, and returns when the sender goes.
fn stuck() -> (mpsc::Receiver<()>, mpsc::Sender<()>, impl FnOnce() + Send + 'static) {
    let (begun, begins) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let block = move || {
        begun.send(()).unwrap();
        let _ = released.recv();
    };
    (begins, release, block)
}

/// Where the system has a fence for one side, as the rule says; elsewhere nothing is found.
const IS_TOLD: bool = cfg!(target_os = "linux");

#[track_caller]
fn assert_left(report: &ShutdownReport, name: &str, state: LeftoverState) {
    let wanted = |task: &&Leftover| task.name.as_deref() == Some(name);
    let found: Vec<_> = report.tasks.iter().filter(wanted).collect();
    assert_eq!(found.len(), usize::from(IS_TOLD), "{report}");
    for task in found {
        assert_eq!(task.state, state, "{report}");
        assert!(task.spawned_at.file().ends_with("leftovers.rs"), "{report}");
    }
}

#[test]
fn a_task_whose_poll_does_not_return_is_named_on_a_worker() {
    let runtime = Flavor::Workers(2).build();
    let (begins, release, block) = stuck();
    let task = Builder::new().name("stuck").spawn_on(async { block() }, runtime.handle());
    recv("the worker to be stuck", &begins);
    let report = watched("the end", || runtime.shutdown(SHORT));
    // On a busy machine others may not have come to an end, either.
    assert!(report.stuck_workers >= 1 && !report.is_clean(), "{report}");
    assert_left(&report, "stuck", LeftoverState::Polling);
    if IS_TOLD {
        assert!(report.to_string().contains("stuck (") && report.to_string().contains("polled"));
    }
    drop(release);
    watched("the task", || task.blocking_wait()).unwrap();
}

#[test]
fn a_task_that_has_waited_before_and_one_that_is_being_dropped_are_named_as_well() {
    let runtime = Flavor::Workers(2).build();
    let (begins, release, block) = stuck();
    let handle = runtime.handle();
    let second = Builder::new().name("in its second poll").spawn_on(
        async {
            task::yield_now().await;
            raddle::time::sleep(Duration::from_millis(1)).await;
            block();
        },
        handle,
    );
    recv("the first worker to be stuck", &begins);
    let (drops, release_drop, block) = stuck();
    struct Blocks(Option<Box<dyn FnOnce() + Send>>);
    impl Drop for Blocks {
        fn drop(&mut self) {
            self.0.take().unwrap()();
        }
    }
    let blocks = Blocks(Some(Box::new(block)));
    let aborted = Builder::new().name("in its destructor").spawn_on(
        async move {
            let _blocks = blocks;
            std::future::pending::<()>().await;
        },
        handle,
    );
    aborted.abort();
    recv("the second worker to be stuck", &drops);
    let report = watched("the end", || runtime.shutdown(SHORT));
    assert_left(&report, "in its second poll", LeftoverState::Polling);
    assert_left(&report, "in its destructor", LeftoverState::Polling);
    assert!(report.stuck_workers >= 2, "{report}");
    drop((release, release_drop));
    watched("the task", || second.blocking_wait()).unwrap();
    assert!(watched("the other", || aborted.blocking_wait()).unwrap_err().is_cancelled());
}

#[test]
fn a_task_that_blocks_in_place_is_named_beside_the_spare_in_its_slot() {
    let runtime = Flavor::Workers(1).build();
    let (begins, release, block) = stuck();
    let task = Builder::new()
        .name("in place")
        .spawn_on(async { task::block_in_place(block) }, runtime.handle());
    recv("the task to block", &begins);
    // On the spare.
    watched("another task", || runtime.spawn(async {}).blocking_wait()).unwrap();
    let report = watched("the end", || runtime.shutdown(SHORT));
    assert_left(&report, "in place", LeftoverState::Polling);
    drop(release);
    watched("the task", || task.blocking_wait()).unwrap();
}

/// A runtime without threads, driven by another thread, which polls a task that is stuck.
fn driven(runtime: &Runtime) -> (mpsc::Sender<()>, thread::JoinHandle<()>) {
    let (begins, release, block) = stuck();
    let task = Builder::new().name("stuck").spawn_on(async { block() }, runtime.handle());
    let handle = runtime.handle().clone();
    let driver = thread::spawn(move || handle.block_on(task).unwrap());
    recv("the task to be stuck", &begins);
    (release, driver)
}

#[test]
fn a_task_whose_poll_does_not_return_is_named_on_the_thread_in_block_on() {
    let runtime = Flavor::CurrentThread.build();
    let (release, driver) = driven(&runtime);
    let report = watched("the end", || runtime.shutdown(SHORT));
    assert_left(&report, "stuck", LeftoverState::Polling);
    assert_eq!(report.stuck_workers, 0);
    drop(release);
    watched("the driver", || driver.join()).unwrap();
}

#[test]
fn a_poll_that_returns_in_time_is_waited_for_and_nothing_is_left() {
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1)] {
        let runtime = flavor.build();
        let (release, driver) = driven(&runtime);
        let ends = thread::spawn(move || runtime.shutdown(LONG));
        drop(release);
        let report = watched("the end", || ends.join()).unwrap();
        assert!(report.is_clean(), "{flavor:?}: {report}");
        watched("the driver", || driver.join()).unwrap();
    }
}

#[test]
fn a_blocking_call_that_does_not_return_is_named_and_so_is_a_task_that_it_polls() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let (begins, release, block) = stuck();
        let (begins_too, release_too, block_too) = stuck();
        let handle = runtime.handle().clone();
        let call = Builder::new().name("a call").spawn_blocking_on(block, runtime.handle());
        let waiting = Builder::new()
            .name("waits in a call")
            .spawn_blocking_on(move || handle.block_on(async { block_too() }), runtime.handle());
        recv("the call to begin", &begins);
        recv("the other call to begin", &begins_too);
        let report = watched("the end", || runtime.shutdown(SHORT));
        assert_eq!(report.blocking_calls, 2, "{flavor:?}: {report}");
        assert_left(&report, "a call", LeftoverState::Blocking);
        assert_left(&report, "waits in a call", LeftoverState::Blocking);
        drop((release, release_too));
        watched("the call", || call.blocking_wait()).unwrap();
        watched("the other call", || waiting.blocking_wait()).unwrap();
    }
}

#[test]
fn a_task_of_another_runtime_that_ends_this_one_is_not_in_the_report() {
    for (outer, inner) in
        [(Flavor::Workers(1), Flavor::CurrentThread), (Flavor::CurrentThread, Flavor::Workers(1))]
    {
        let outer = outer.build();
        let report = watched("the end", || {
            outer.block_on(async move {
                raddle::spawn(async move { inner.build().shutdown(LONG) }).await.unwrap()
            })
        });
        assert!(report.is_clean(), "{report}");
    }
}

#[test]
fn a_call_that_waits_for_a_thread_is_named() {
    let mut builder = Flavor::Workers(1).builder();
    builder.max_blocking_threads(1);
    let runtime = builder.build().unwrap();
    let (begins, release, block) = stuck();
    let first = Builder::new().name("first").spawn_blocking_on(block, runtime.handle());
    recv("the first call to begin", &begins);
    let second = Builder::new().name("second").spawn_blocking_on(|| (), runtime.handle());
    let report = watched("the end", || runtime.shutdown(SHORT));
    assert_left(&report, "first", LeftoverState::Blocking);
    assert_eq!(state_of(&report, "second"), Some(LeftoverState::Queued), "{report}");
    drop(release);
    watched("the first", || first.blocking_wait()).unwrap();
    assert!(watched("the second", || second.blocking_wait()).unwrap_err().is_cancelled());
}

fn state_of(report: &ShutdownReport, name: &str) -> Option<LeftoverState> {
    let named = |task: &&Leftover| task.name.as_deref() == Some(name);
    report.tasks.iter().find(named).map(|task| task.state)
}

#[test]
fn a_pinned_task_that_waits_is_named() {
    let runtime = Flavor::Workers(1).build();
    let (begun, begins) = mpsc::channel();
    let make = move || async move {
        begun.send(()).unwrap();
        std::future::pending::<()>().await;
    };
    let pinned = Builder::new().name("pinned").spawn_pinned_on(0, make, runtime.handle());
    recv("the pinned task to begin", &begins);
    let report = watched("the end", || runtime.shutdown(LONG));
    assert_eq!(state_of(&report, "pinned"), Some(LeftoverState::Waiting), "{report}");
    assert!(watched("the pinned", || pinned.blocking_wait()).unwrap_err().is_cancelled());
}
