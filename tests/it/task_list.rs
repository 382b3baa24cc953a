//! The list of live tasks, seen from a plain thread: T70 and T71.

use crate::support::{Flavor, Running, planned_panic, recv, scaled, until, watched};
use raddle::runtime::{Builder as RuntimeBuilder, Handle, TaskInfo, TaskKind, TaskState, WokenBy};
use raddle::sync::oneshot;
use raddle::task::{self, Builder, Priority};
use raddle::time::Duration;
use std::future::pending;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;

fn start(flavor: Flavor) -> Running {
    let runtime = flavor.builder().track_tasks(true).build().expect("a runtime can be built");
    Running::new(flavor, runtime)
}

pub(crate) fn on_each_flavor(test: impl Fn(&Running)) {
    for flavor in Flavor::ALL {
        let running = start(flavor);
        test(&running);
        running.stop();
    }
}

/// The live task of this name.
pub(crate) fn find(runtime: &Handle, name: &str) -> Option<TaskInfo> {
    let tasks = runtime.tasks().expect("the runtime keeps a list");
    tasks.into_iter().find(|task| task.name.as_deref() == Some(name))
}

#[track_caller]
pub(crate) fn live(runtime: &Handle, name: &str) -> TaskInfo {
    find(runtime, name).unwrap_or_else(|| panic!("{name} is in the list"))
}

/// The live task of this name, once it waits.
#[track_caller]
pub(crate) fn waiting(runtime: &Handle, name: &str) -> TaskInfo {
    until(&format!("{name} waits"), || {
        find(runtime, name).is_some_and(|task| task.state == TaskState::Waiting)
    });
    live(runtime, name)
}

pub(crate) fn named(name: &str) -> Builder<'_> {
    Builder::new().name(name)
}

#[test]
fn a_task_is_queued_then_polled_then_waiting_and_then_gone() {
    on_each_flavor(|running| {
        let runtime = running.handle();
        let hold = running.hold();
        let (begun, begins) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let (end, ends) = oneshot::channel::<()>();
        let here = std::panic::Location::caller();
        let body = async move {
            begun.send(()).unwrap();
            released.recv().unwrap();
            let _ = ends.await;
        };
        let handle = named("the task").spawn_on(body, runtime);

        let queued = live(runtime, "the task");
        assert_eq!(queued.id, handle.id());
        assert_eq!((queued.state, queued.kind), (TaskState::Queued, TaskKind::Spawned));
        assert_eq!((queued.polls, queued.busy, queued.parent), (0, Duration::ZERO, None));
        assert_eq!(queued.woken_by, WokenBy::Never);
        assert_eq!(queued.spawned_at.file(), here.file());
        drop(hold);

        recv("the poll", &begins);
        let polled = live(runtime, "the task");
        let TaskState::Polling { elapsed, worker, .. } = polled.state else {
            panic!("{polled}");
        };
        let worker = worker.expect("a task of spawn is polled by a worker");
        assert!(polled.polls == 1 && polled.busy >= elapsed && polled.age >= polled.busy);
        // It is stuck, so each look finds it there, for longer.
        let later = live(runtime, "the task");
        assert!(later.busy >= polled.busy && later.age >= polled.age);
        let dump = runtime.dump();
        let stuck = dump.workers[worker].polling.expect("the worker is in the poll");
        assert!(stuck.0 == handle.id() && stuck.1 >= elapsed, "{dump}");
        release.send(()).unwrap();

        let waits = waiting(runtime, "the task");
        assert_eq!((waits.polls, waits.woken_by), (1, WokenBy::Never));
        assert!(waits.busy >= later.busy);
        drop(end);
        watched("the task", || handle.blocking_wait()).unwrap();
        assert!(find(runtime, "the task").is_none());
    });
}

#[test]
fn polls_are_counted_one_by_one() {
    on_each_flavor(|running| {
        let runtime = running.handle();
        let body = async {
            for _ in 0..3 {
                task::yield_now().await;
            }
            pending::<()>().await;
        };
        let handle = named("yields").spawn_on(body, runtime);
        let task = waiting(runtime, "yields");
        assert_eq!((task.polls, task.woken_by), (4, WokenBy::Task(handle.id())));
    });
}

#[test]
fn a_parent_is_the_task_whose_code_spawned() {
    on_each_flavor(|running| {
        let runtime = running.handle();
        let family = async {
            drop(named("child").spawn(async {
                drop(task::spawn_blocking(|| {
                    drop(named("of the call").spawn(pending::<()>()));
                }));
                pending::<()>().await;
            }));
            pending::<()>().await;
        };
        let parent = named("parent").spawn_on(family, runtime);
        let call = waiting(runtime, "of the call").parent.expect("the blocking call");
        let child = waiting(runtime, "child");
        assert_eq!(live(runtime, "parent").parent, None);
        assert_eq!(child.parent, Some(parent.id()));
        assert_ne!(Some(call), child.parent);
        until("the call has ended", || runtime.tasks().unwrap().iter().all(|task| task.id != call));

        let printed = runtime.dump().to_string();
        let indented = format!("\n    task {} \"child\" (", child.id);
        assert!(printed.contains(&indented), "{printed}");
        assert!(printed.contains(&format!("its parent, task {call}, has ended")), "{printed}");
        // A parent that has ended leaves its child in the list.
        parent.abort();
        assert!(watched("the parent", || parent.blocking_wait()).unwrap_err().is_cancelled());
        let child = live(runtime, "child");
        let printed = runtime.dump().to_string();
        assert!(printed.contains(&format!("\n  task {} \"child\" (", child.id)), "{printed}");
    });
}

#[test]
fn tasks_of_a_priority_are_listed_and_counted_apart() {
    on_each_flavor(|running| {
        let runtime = running.handle();
        let hold = running.hold();
        let (high, low) = (named("high").priority(Priority::High), named("low"));
        let tasks = [
            high.spawn_on(async {}, runtime),
            low.priority(Priority::Low).spawn_on(async {}, runtime),
        ];
        let priorities = ["high", "low"].map(|name| live(runtime, name).priority);
        assert_eq!(priorities, [Priority::High, Priority::Low]);
        let dump = runtime.dump();
        assert_eq!((dump.high, dump.low), (1, 1), "{dump}");
        assert!(dump.to_string().contains("): high, queued"), "{dump}");
        drop(hold);
        for task in tasks {
            watched("a task", || task.blocking_wait()).unwrap();
        }
    });
}

#[test]
fn the_list_is_empty_whatever_the_end_of_its_tasks() {
    on_each_flavor(|running| {
        let runtime = running.handle();
        let hold = running.hold();
        let ends = runtime.spawn(async {});
        let panics = runtime.spawn(async { planned_panic("in a listed task") });
        let aborted = runtime.spawn(pending::<()>());
        aborted.abort();
        drop(runtime.spawn(async {}));
        drop(hold);
        watched("the first", || ends.blocking_wait()).unwrap();
        assert!(watched("the second", || panics.blocking_wait()).unwrap_err().is_panic());
        assert!(watched("the third", || aborted.blocking_wait()).unwrap_err().is_cancelled());
        until("the list is empty", || runtime.tasks().unwrap().is_empty());
    });
}

#[test]
fn a_runtime_that_is_gone_has_no_tasks() {
    for flavor in Flavor::ALL {
        let running = start(flavor);
        let runtime = running.handle().clone();
        let waits = named("waits").spawn_on(pending::<()>(), &runtime);
        waiting(&runtime, "waits");
        let looked_at = runtime.tasks().unwrap();
        running.stop();
        assert!(runtime.tasks().unwrap().is_empty());
        assert!(watched("the task", || waits.blocking_wait()).unwrap_err().is_cancelled());
        // What is spawned now is cancelled at once.
        drop(runtime.spawn(pending::<()>()));
        assert!(runtime.tasks().unwrap().is_empty());
        // A task can be asked for after its end.
        let waited = looked_at.iter().find(|task| task.name.is_some()).unwrap();
        assert!(waited.abort_handle().is_finished());
        waited.abort_handle().abort();
    }
}

#[test]
fn a_task_spawned_eagerly_is_listed_only_if_it_waits() {
    let mut builder = Flavor::Workers(2).builder();
    let runtime = builder.track_tasks(true).spawn_eager(true).build().unwrap();
    let looks = runtime.spawn(async {
        let spawner = task::id();
        let ended = raddle::spawn(async { Handle::current().tasks().unwrap().len() });
        // Itself, and the one whose poll this is.
        assert_eq!(ended.await.unwrap(), 2);
        let waits = named("waits").spawn(pending::<()>());
        let tasks = Handle::current().tasks().unwrap();
        waits.abort();
        (spawner, tasks)
    });
    let (spawner, tasks) = watched("the look", || looks.blocking_wait()).unwrap();
    assert_eq!(tasks.len(), 2);
    assert_eq!((tasks[1].parent, tasks[1].state), (Some(spawner), TaskState::Waiting));
}

#[test]
fn blocking_calls_wait_for_a_thread_and_are_under_way() {
    let mut builder = Flavor::Workers(1).builder();
    let runtime = builder.track_tasks(true).max_blocking_threads(1).build().unwrap();
    let (begun, begins) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let first = named("first").spawn_blocking_on(
        move || {
            begun.send(()).unwrap();
            let _ = released.recv();
        },
        runtime.handle(),
    );
    recv("the first call", &begins);
    let second = named("second").spawn_blocking_on(|| (), runtime.handle());
    let (one, other) = (live(runtime.handle(), "first"), live(runtime.handle(), "second"));
    assert_eq!((one.kind, other.kind), (TaskKind::Blocking, TaskKind::Blocking));
    assert!(matches!(one.state, TaskState::Polling { worker: None, .. }), "{one}");
    assert_eq!((other.state, other.polls), (TaskState::Queued, 0));
    let dump = runtime.dump();
    assert_eq!((dump.blocking_calls, dump.blocking.queued), (2, 1), "{dump}");
    assert!(dump.to_string().contains("0 tasks, 2 blocking calls"), "{dump}");
    drop(release);
    watched("the first", || first.blocking_wait()).unwrap();
    watched("the second", || second.blocking_wait()).unwrap();
    assert!(runtime.tasks().unwrap().is_empty());
}

#[test]
fn local_and_pinned_tasks_are_listed_too() {
    let runtime = Flavor::Workers(2).builder().track_tasks(true).build().unwrap();
    let (begun, begins) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let pinned = runtime.handle().spawn_pinned(1, move || async move {
        drop(named("local").spawn_local(pending::<()>()));
        begun.send(()).unwrap();
        let _ = released.recv();
    });
    recv("the pinned task", &begins);
    let tasks = runtime.tasks().unwrap();
    assert_eq!(tasks.len(), 2);
    assert_eq!((tasks[0].id, tasks[0].kind), (pinned.id(), TaskKind::Pinned));
    assert!(matches!(tasks[0].state, TaskState::Polling { worker: Some(1), .. }), "{}", tasks[0]);
    assert_eq!((tasks[1].kind, tasks[1].parent), (TaskKind::Local, Some(pinned.id())));
    drop(release);
    watched("the pinned task", || pinned.blocking_wait()).unwrap();
    waiting(runtime.handle(), "local");
    let handle = runtime.handle().clone();
    watched("the runtime", || drop(runtime));
    assert!(handle.tasks().unwrap().is_empty());

    let local = task::LocalRuntime::on(
        RuntimeBuilder::new_current_thread().track_tasks(true).build().unwrap(),
    );
    let handle = local.handle().clone();
    local.block_on(async {
        let task = task::spawn_local(pending::<()>());
        assert_eq!(handle.tasks().unwrap()[0].kind, TaskKind::Local);
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(handle.tasks().unwrap().is_empty());
        // This one goes with the set.
        drop(task::spawn_local(pending::<()>()));
    });
    drop(local);
    assert!(handle.tasks().unwrap().is_empty());
}

#[test]
fn tasks_come_and_go_beside_those_who_look() {
    for flavor in [Flavor::Workers(2), Flavor::CurrentThread] {
        let running = start(flavor);
        let runtime = running.handle();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let looker = scope.spawn(|| {
                let mut looks = 0_u64;
                while !is_over.load(SeqCst) {
                    for task in runtime.tasks().unwrap() {
                        assert!(task.busy <= task.age, "{task:?}");
                        assert!(task.name.as_deref().is_none_or(|name| name == "a name"));
                        if looks.is_multiple_of(3) {
                            task.abort_handle().abort();
                        }
                        looks += 1;
                    }
                    assert!(!runtime.dump().to_string().is_empty());
                }
                looks
            });
            for round in 0..scaled(500) {
                let tasks: Vec<_> = (0..20)
                    .map(|number| {
                        let body = async move {
                            for _ in 0..(number + round) % 4 {
                                task::yield_now().await;
                            }
                            drop(named("a name").spawn(async {}));
                        };
                        runtime.spawn(body)
                    })
                    .collect();
                for task in tasks {
                    // Aborted or not.
                    let _ = watched("a task", || task.blocking_wait());
                }
            }
            is_over.store(true, SeqCst);
            assert!(looker.join().unwrap() > 0);
        });
        until("the list is empty", || {
            let tasks = runtime.tasks().unwrap();
            tasks.iter().all(|task| task.name.as_deref() != Some("a name"))
        });
        running.quiesce();
        until("no task is left", || runtime.tasks().unwrap().is_empty());
        running.stop();
    }
}

#[test]
fn a_runtime_without_a_list_says_how_to_have_one() {
    // Unless this is how the tests are run.
    if std::env::var_os("RADDLE_DEBUG").is_some() {
        return;
    }
    let runtime = Flavor::Workers(1).build();
    let error = runtime.tasks().unwrap_err();
    assert!(error.to_string().contains("track_tasks(true)"), "{error}");
    let dump = runtime.dump();
    assert_eq!(dump.tasks.as_ref().unwrap_err(), &error);
    assert!(dump.to_string().contains("RADDLE_DEBUG=tasks"), "{dump}");
    assert_eq!(dump.workers[0].polling, None);
}

const CHILD: &str = "RADDLE_TESTS_CHILD";

#[test]
fn the_variable_raddle_debug_turns_the_list_on() {
    if std::env::var_os(CHILD).is_some() {
        match RuntimeBuilder::new_current_thread().build() {
            Ok(runtime) => println!("[listed {}]", runtime.tasks().is_ok()),
            Err(error) => println!("[error {error}]"),
        }
        return;
    }
    let with = |value: &str| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let test = "task_list::the_variable_raddle_debug_turns_the_list_on";
        child.args([test, "--exact", "--nocapture", "--test-threads=1"]);
        child.env(CHILD, "1").env("RADDLE_DEBUG", value);
        let output = watched("a child process", || child.output()).unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    for (value, expected) in [
        ("tasks", "[listed true]"),
        (" tasks,", "[listed true]"),
        ("", "[listed false]"),
        ("taks", "[error building a raddle runtime: RADDLE_DEBUG has \"taks\""),
    ] {
        let printed = with(value);
        assert!(printed.contains(expected), "with {value:?}: {printed}");
    }
}
