//! Tasks that are asked before they are cancelled with their runtime: S7 and S8.

use crate::support::{DropCounter, Flavor, recv, watched};
use raddle::runtime::LeftoverState;
use raddle::task::{self, Builder};
use raddle::time::{Duration, Instant, sleep};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};

const LONG: Duration = Duration::from_secs(3_600);

#[test]
fn who_listens_cleans_up_and_nobody_is_left() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let cleaned = Arc::new(AtomicUsize::new(0));
        let (begun, begins) = mpsc::channel();
        for number in 0..20 {
            let (cleaned, begun) = (cleaned.clone(), begun.clone());
            drop(runtime.spawn(async move {
                begun.send(()).unwrap();
                task::cancelled().await;
                sleep(Duration::from_micros(100 * number)).await;
                let child = raddle::spawn({
                    let cleaned = cleaned.clone();
                    async move {
                        // Asked as well, when it waits.
                        task::cancelled().await;
                        cleaned.fetch_add(1, SeqCst);
                    }
                });
                child.await.unwrap();
                cleaned.fetch_add(1, SeqCst);
            }));
        }
        if flavor != Flavor::CurrentThread {
            (0..20).for_each(|_| recv("a task to begin", &begins));
        }
        let report =
            watched(&format!("the end on {flavor:?}"), || runtime.shutdown_graceful(LONG, LONG));
        assert!(report.is_clean(), "{report}");
        assert_eq!(cleaned.load(SeqCst), 40, "on {flavor:?}");
    }
}

#[test]
fn who_does_not_listen_is_cancelled_after_the_grace_period_and_named() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let dropped = DropCounter::new();
        let (guard, asked) = (dropped.guard(), Arc::new(AtomicUsize::new(0)));
        let hears = asked.clone();
        runtime.block_on(async {
            let task = Builder::new().name("deaf").spawn(async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            });
            task.detach();
            let listener = raddle::spawn(async move {
                task::cancelled().await;
                hears.fetch_add(1, SeqCst);
            });
            listener.detach();
            task::yield_now().await;
        });
        let begun = Instant::now();
        let grace = Duration::from_millis(30);
        let report = watched("the end", || runtime.shutdown_graceful(grace, LONG));
        assert!(begun.elapsed() >= grace, "on {flavor:?}");
        assert_eq!((report.tasks.len(), report.stuck_workers), (1, 0), "{report}");
        assert_eq!(report.tasks[0].name.as_deref(), Some("deaf"));
        assert_eq!(report.tasks[0].state, LeftoverState::Waiting);
        assert!(report.tasks[0].spawned_at.file().ends_with("grace.rs"));
        assert_eq!((asked.load(SeqCst), dropped.count()), (1, 1), "on {flavor:?}");
    }
}

#[test]
fn pinned_tasks_are_asked_and_blocking_calls_are_waited_for() {
    let runtime = Flavor::Workers(2).build();
    let (begun, begins) = mpsc::channel();
    let pinned = runtime.handle().spawn_pinned(1, move || async move {
        let not_send = Rc::new(3);
        begun.send(()).unwrap();
        task::cancelled().await;
        sleep(Duration::from_millis(1)).await;
        *not_send
    });
    recv("the pinned task to begin", &begins);
    let (release, released) = mpsc::channel::<()>();
    let call = runtime.spawn_blocking(move || _ = released.recv());
    let releases = runtime.spawn(async move {
        task::cancelled().await;
        drop(release);
    });
    let report = watched("the end", || runtime.shutdown_graceful(LONG, LONG));
    assert!(report.is_clean(), "{report}");
    assert_eq!(pinned.blocking_wait().unwrap(), 3);
    call.blocking_wait().unwrap();
    releases.blocking_wait().unwrap();
}

#[test]
fn a_worker_that_is_stuck_is_counted_when_the_time_is_up() {
    let runtime = Flavor::Workers(1).build();
    let (release, released) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let stuck = runtime.spawn(async move {
        begun.send(()).unwrap();
        let _ = released.recv();
    });
    recv("the worker to be stuck", &begins);
    let short = Duration::from_millis(10);
    let report = watched("the end", || runtime.shutdown_graceful(short, 2 * short));
    // On a busy machine a thread without work may not have come to its end, either.
    assert!(report.stuck_workers >= 1, "{report}");
    drop(release);
    watched("the task", || stuck.blocking_wait()).unwrap();
}

#[test]
fn the_time_is_up_also_when_the_time_of_the_runtime_stands_still() {
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1)] {
        let runtime = flavor.builder().start_paused(true).build().unwrap();
        let (release, released) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        let handle = runtime.handle().clone();
        let call = handle.spawn_blocking(move || {
            begun.send(()).unwrap();
            let _ = released.recv();
        });
        recv("the call to begin", &begins);
        let short = Duration::from_millis(10);
        let report = watched("the end", || runtime.shutdown_graceful(short, 2 * short));
        assert_eq!(report.blocking_calls, 1, "{flavor:?}");
        drop(release);
        watched("the call", || call.blocking_wait()).unwrap();
    }
}
