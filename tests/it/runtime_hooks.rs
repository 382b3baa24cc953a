//! Hooks of tasks, what follows from a panic, ids of runtimes, and the report of a shutdown.

use crate::support::count::panic_text;
use crate::support::{
    DropCounter, Flavor, Running, Trace, planned_panic, recv, scaled, wait, watched,
};
use raddle::runtime::{LeftoverState, Runtime, UnhandledPanic};
use raddle::task::{self, Builder};
use raddle::time::interval;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3_600);

#[test]
fn hooks_see_a_task_from_its_spawn_to_its_end() {
    for flavor in Flavor::ALL {
        let trace = Trace::new();
        let mut builder = flavor.builder();
        let write = |what: &'static str| {
            let trace = trace.clone();
            move |task: &raddle::task::TaskMeta<'_>| {
                if task.name() == Some("watched") {
                    assert!(task.spawned_at().file().ends_with("runtime_hooks.rs"));
                    trace.push((what, task.id()));
                }
            }
        };
        builder
            .on_task_spawn(write("spawn"))
            .on_before_task_poll(write("before"))
            .on_after_task_poll(write("after"))
            .on_task_terminate(write("terminate"));
        let running = Running::new(flavor, builder.build().unwrap());
        let drops = DropCounter::new();
        let (guard, at_drop) = (drops.guard(), trace.clone());
        let task = Builder::new().name("watched").spawn_on(
            async move {
                let _guard = guard;
                at_drop.push(("runs", task::id()));
                task::yield_now().await;
            },
            running.handle(),
        );
        let id = task.id();
        wait("the task", task).unwrap();
        let steps = trace.take();
        assert!(steps.iter().all(|(_, of)| *of == id));
        let steps: Vec<_> = steps.into_iter().map(|(what, _)| what).collect();
        assert_eq!(
            steps,
            ["spawn", "before", "runs", "after", "before", "after", "terminate"],
            "{flavor:?}"
        );
    }
}

#[test]
fn every_spawned_task_terminates_once_also_with_its_runtime_and_after_it() {
    for flavor in Flavor::ALL {
        let (spawned, terminated) = (Trace::new(), Trace::new());
        let mut builder = flavor.builder();
        let (spawns, ends) = (spawned.clone(), terminated.clone());
        builder
            .on_task_spawn(move |task| spawns.push(task.id()))
            .on_task_terminate(move |task| ends.push(task.id()))
            .on_before_task_poll(|_| planned_panic("in a hook"));
        let running = Running::new(flavor, builder.build().unwrap());
        let handle = running.handle().clone();
        for _ in 0..10 {
            drop(handle.spawn(pending::<()>()));
            drop(handle.spawn(async {}));
        }
        running.stop();
        drop(handle.spawn(async {}));
        let (mut spawned, mut terminated) = (spawned.take(), terminated.take());
        spawned.sort();
        terminated.sort();
        assert_eq!(spawned, terminated, "{flavor:?}");
        assert!(spawned.len() >= 21);
    }
}

#[test]
fn a_panic_is_told_and_otherwise_ignored() {
    for flavor in Flavor::ALL {
        let (told, heard) = mpsc::channel();
        let mut builder = flavor.builder();
        builder.unhandled_panic(UnhandledPanic::Log).on_unhandled_panic(move |task| {
            told.send(task.name().map(str::to_owned)).unwrap();
        });
        let running = Running::new(flavor, builder.build().unwrap());
        let panics = async { planned_panic("unhandled") };
        drop(Builder::new().name("clumsy").spawn_on(panics, running.handle()));
        assert_eq!(recv("the panic", &heard).as_deref(), Some("clumsy"));
        assert_eq!(wait("another task", running.handle().spawn(async { 1 })).unwrap(), 1);
    }
}

#[test]
fn a_panic_shuts_the_runtime_down_if_it_shall() {
    for flavor in Flavor::ALL {
        let mut builder = flavor.builder();
        builder.unhandled_panic(UnhandledPanic::ShutdownRuntime);
        let runtime = builder.build().unwrap();
        let drops = DropCounter::new();
        let guard = drops.guard();
        let root_guard = drops.guard();
        let waits = runtime.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        let clumsy = async { planned_panic("the end") };
        drop(Builder::new().name("clumsy").spawn_on(clumsy, runtime.handle()));
        // All that are in block_on, in a slot or without, and whatever they wait for.
        let outcomes = watched("the runtime", || {
            thread::scope(|scope| {
                let inside = || {
                    let never = async {
                        interval(LONG).tick().await;
                        pending().await
                    };
                    catch_unwind(AssertUnwindSafe(|| runtime.block_on::<_>(never)))
                };
                let others: Vec<_> = (0..3).map(|_| scope.spawn(inside)).collect();
                let here = catch_unwind(AssertUnwindSafe(|| {
                    runtime.block_on(async move {
                        let _guard = root_guard;
                        pending::<()>().await;
                    });
                }));
                let mut outcomes = vec![here];
                outcomes.extend(others.into_iter().map(|other| other.join().unwrap()));
                outcomes
            })
        });
        for outcome in outcomes {
            let panic = panic_text(&*outcome.unwrap_err());
            assert!(panic.contains("(clumsy), spawned at"), "{panic}");
        }
        assert!(wait("a task of that runtime", waits).unwrap_err().is_cancelled());
        assert_eq!(drops.count(), 2);
        let late = runtime.spawn(async {});
        assert!(wait("a late task", late).unwrap_err().is_cancelled());
        watched("the drop", || drop(runtime));
    }
}

#[test]
fn a_root_future_that_awaits_the_panicked_task_does_not_outlive_the_runtime() {
    for _ in 0..scaled(20) {
        let mut builder = Flavor::CurrentThread.builder();
        builder.unhandled_panic(UnhandledPanic::ShutdownRuntime);
        let runtime = builder.build().unwrap();
        let clumsy =
            || runtime.block_on(async { raddle::spawn(async { planned_panic("the end") }).await });
        let outcome = watched("the runtime", || catch_unwind(AssertUnwindSafe(clumsy)));
        let panic = panic_text(&*outcome.unwrap_err());
        assert!(panic.contains("has panicked"), "{panic}");
    }
}

#[test]
fn destructors_may_wait_on_a_runtime_that_a_panic_has_shut_down() {
    struct App(Arc<Runtime>, mpsc::Sender<i32>);
    impl Drop for App {
        fn drop(&mut self) {
            self.1.send(self.0.block_on(async { 7 })).unwrap();
        }
    }
    let mut builder = Flavor::CurrentThread.builder();
    builder.unhandled_panic(UnhandledPanic::ShutdownRuntime);
    let runtime = Arc::new(builder.build().unwrap());
    let (closed, closings) = mpsc::channel();
    let serve = || {
        let app = App(runtime.clone(), closed);
        drop(app.0.spawn(async { planned_panic("the end") }));
        app.0.block_on(pending::<()>());
    };
    assert!(catch_unwind(AssertUnwindSafe(serve)).is_err());
    assert_eq!(recv("the destructor", &closings), 7);
}

#[test]
fn runtimes_have_ids_of_their_own() {
    let (one, other) = (Flavor::CurrentThread.build(), Flavor::Workers(1).build());
    assert_ne!(one.handle().id(), other.handle().id());
    let inside = other.block_on(async { raddle::runtime::Handle::current().id() });
    assert_eq!(inside, other.handle().id());
}

#[test]
fn a_report_names_what_was_left() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let handle = running.handle().clone();
        drop(Builder::new().name("waits").spawn_on(pending::<()>(), &handle));
        wait("a task that ends", handle.spawn(async {})).unwrap();
        running.quiesce();
        let runtime = running.into_runtime();
        let report = watched("the shutdown", || runtime.shutdown(LONG));
        let waits = report.tasks.iter().find(|task| task.name.as_deref() == Some("waits")).unwrap();
        assert_eq!(waits.state, LeftoverState::Waiting, "{flavor:?}");
        assert!(waits.spawned_at.file().ends_with("runtime_hooks.rs"));
        assert_eq!((report.blocking_calls, report.stuck_workers), (0, 0));
        assert!(report.to_string().contains("waits ("), "{report}");
    }
}

#[test]
fn a_report_counts_what_could_not_be_stopped_in_time() {
    let runtime = Flavor::Workers(1).build();
    let (release, released) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let call = runtime.spawn_blocking(move || {
        begun.send(()).unwrap();
        let _ = released.recv();
    });
    recv("the call", &begins);
    let report = runtime.shutdown(Duration::ZERO);
    assert_eq!(report.blocking_calls, 1);
    assert!(!report.is_clean());
    drop(release);
    wait("the call", call).unwrap();

    let clean = Flavor::CurrentThread.build();
    clean.block_on(async { raddle::spawn(async {}).await.unwrap() });
    let report = clean.shutdown(LONG);
    assert!(report.is_clean() && report.to_string() == "nothing was left");
}
