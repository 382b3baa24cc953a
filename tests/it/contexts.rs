//! Which runtime a thread is in, and what it is called.

use crate::support::count::panic_text;
use crate::support::{Flavor, Running, Sleepers, Trace, recv, wait, watched};
use raddle::runtime::{Handle, Runtime};
use raddle::task;
use raddle::time::{self, Duration};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;

/// A runtime whose threads bear `name`.
fn named(name: &str) -> Runtime {
    Flavor::Workers(1).builder().thread_name(name).build().unwrap()
}

/// The name of the thread that runs what is spawned here.
fn spawned_on() -> String {
    let task = raddle::spawn(async { thread::current().name().unwrap().to_owned() });
    wait("a task", task).unwrap()
}

#[test]
fn outside_a_runtime_everything_that_needs_one_panics_and_says_how_to_enter_one() {
    let calls: [(&str, fn()); 7] = [
        ("spawn", || drop(raddle::spawn(async {}))),
        ("sleep", || drop(time::sleep(Duration::ZERO))),
        ("sleep_until", || drop(time::sleep_until(time::Instant::now()))),
        ("timeout", || drop(time::timeout(Duration::ZERO, async {}))),
        ("interval", || drop(time::interval(Duration::from_secs(1)))),
        ("Handle::current", || drop(Handle::current())),
        ("", || drop(task::spawn_blocking(|| {}))),
    ];
    for (name, call) in calls {
        let text = panic_text(&*catch_unwind(call).unwrap_err());
        assert!(
            text.contains(name) && text.contains("runtime") && text.contains("enter"),
            "{name}: {text}"
        );
    }
    let error = Handle::try_current().unwrap_err();
    assert!(error.to_string().contains("enter"), "{error}");
}

#[test]
fn the_panic_outside_a_runtime_names_the_line_that_called() {
    // In a process of its own, because the panic hook is everybody's.
    if std::env::var_os("RADDLE_TESTS_CHILD").is_some() {
        drop(raddle::spawn(async {}));
    }
    let test = "contexts::the_panic_outside_a_runtime_names_the_line_that_called";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args([test, "--exact", "--nocapture"]).env("RADDLE_TESTS_CHILD", "1");
    let output = watched("a child process", || child.output()).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("contexts.rs"), "{said}");
}

#[test]
fn the_runtime_entered_last_is_the_current_one_until_its_guard_is_dropped() {
    let (outer, inner) = (named("outer"), named("inner"));
    let first = outer.enter();
    assert_eq!(spawned_on(), "outer");
    {
        let _second = inner.enter();
        assert_eq!(spawned_on(), "inner");
        let _third = outer.enter();
        assert_eq!(spawned_on(), "outer");
    }
    assert_eq!(spawned_on(), "outer");
    drop(first);
    assert!(Handle::try_current().is_err());
}

#[test]
fn a_runtime_entered_inside_a_task_is_left_with_its_guard() {
    let (outer, inner) = (named("outer"), named("inner"));
    let handle = inner.handle().clone();
    let task = outer.spawn(async move {
        let guard = handle.enter();
        let inside = raddle::spawn(async { thread::current().name().unwrap().to_owned() });
        drop(guard);
        let outside = raddle::spawn(async { thread::current().name().unwrap().to_owned() });
        (inside.await.unwrap(), outside.await.unwrap())
    });
    assert_eq!(wait("the task", task).unwrap(), ("inner".to_owned(), "outer".to_owned()));
}

#[test]
fn block_on_of_one_runtime_inside_the_guard_of_another_is_in_the_one() {
    let (entered, blocking) = (named("entered"), named("blocking"));
    let _guard = entered.enter();
    let name = blocking.block_on(async {
        let task = raddle::spawn(async { Handle::current() });
        task.await
            .unwrap()
            .spawn_blocking(|| thread::current().name().unwrap().to_owned())
            .await
            .unwrap()
    });
    assert_eq!(name, "blocking");
    assert_eq!(spawned_on(), "entered");
}

#[test]
fn guards_dropped_out_of_order_panic_and_nothing_dangles() {
    let thread = thread::spawn(|| {
        let (one, two) = (named("one"), named("two"));
        let first = one.enter();
        let second = two.enter();
        let text = panic_text(&*catch_unwind(AssertUnwindSafe(|| drop(first))).unwrap_err());
        drop(second);
        drop((one, two));
        // Whichever runtime this thread is in now, it is one that can be asked.
        if let Ok(handle) = Handle::try_current() {
            assert!(wait("a late task", handle.spawn(async {})).unwrap_err().is_cancelled());
        }
        text
    });
    let text = watched("a thread with guards in disorder", || thread.join()).unwrap();
    assert!(text.contains("reverse order"), "{text}");
}

#[test]
fn threads_bear_the_name_they_are_given() {
    let count = Arc::new(AtomicUsize::new(0));
    let running = {
        let count = count.clone();
        let mut builder = Flavor::Workers(2).builder();
        builder.thread_name_fn(move || format!("number-{}", count.fetch_add(1, SeqCst)));
        Running::new(Flavor::Workers(2), builder.build().unwrap())
    };
    let (said, says) = mpsc::channel();
    let release = Arc::new(std::sync::Barrier::new(3));
    for _ in 0..2 {
        let (said, release) = (said.clone(), release.clone());
        drop(running.handle().spawn(async move {
            said.send(thread::current().name().unwrap().to_owned()).unwrap();
            release.wait();
        }));
        recv("a worker's name", &says).strip_prefix("number-").unwrap().parse::<usize>().unwrap();
    }
    watched("both workers", || release.wait());
    let call = running.handle().spawn_blocking(|| thread::current().name().unwrap().to_owned());
    assert!(wait("a blocking call", call).unwrap().starts_with("number-"));
    drop(running);
    let plain = Flavor::Workers(1).start();
    let _guard = plain.handle().enter();
    assert_eq!(spawned_on(), "raddle-worker");
}

#[test]
fn hooks_are_called_on_their_threads_and_as_often_at_the_end_as_at_the_start() {
    for flavor in Flavor::ALL {
        let (started, stopped) = (Trace::new(), Trace::new());
        let mut builder = flavor.builder();
        let (starts, stops) = (started.clone(), stopped.clone());
        builder.on_thread_start(move || {
            assert!(Handle::try_current().is_ok());
            starts.push(thread::current().id());
        });
        builder.on_thread_stop(move || stops.push(thread::current().id()));
        let asleep = Arc::new(AtomicIsize::new(0));
        let sleeps = Arc::new(AtomicUsize::new(0));
        let (parks, unparks, counted) = (asleep.clone(), asleep.clone(), sleeps.clone());
        builder.on_thread_park(move || {
            counted.fetch_add(1, SeqCst);
            parks.fetch_add(1, SeqCst);
        });
        builder.on_thread_unpark(move || {
            unparks.fetch_sub(1, SeqCst);
        });
        let running = Running::new(flavor, builder.build().unwrap());
        let task = running.handle().spawn(async {
            time::sleep(Duration::from_millis(1)).await;
            task::spawn_blocking(|| {}).await.unwrap();
        });
        wait("a task that sleeps", task).unwrap();
        running.stop();
        let (mut started, mut stopped) = (started.take(), stopped.take());
        started.sort_by_key(|id| format!("{id:?}"));
        stopped.sort_by_key(|id| format!("{id:?}"));
        assert_eq!(started, stopped);
        let workers = if let Flavor::Workers(count) = flavor { count } else { 0 };
        assert_eq!(started.len(), workers + 1, "the workers, and a blocking thread");
        assert_eq!(asleep.load(SeqCst), 0);
        assert!(sleeps.load(SeqCst) > 0);
    }
}

#[test]
fn a_hook_may_spawn() {
    let (ran, runs) = mpsc::channel();
    let mut builder = Flavor::Workers(1).builder();
    builder.on_thread_start(move || {
        let ran = ran.clone();
        drop(raddle::spawn(async move { ran.send(()).unwrap() }));
    });
    let runtime = builder.build().unwrap();
    recv("a task spawned by a hook", &runs);
    drop(runtime);
}

#[test]
fn an_idle_runtime_sleeps() {
    for flavor in [Flavor::Workers(1), Flavor::Workers(2), Flavor::Workers(4)] {
        let mut builder = flavor.builder();
        let sleepers = Sleepers::of(&mut builder);
        let running = Running::new(flavor, builder.build().unwrap());
        sleepers.until(running.threads());
        running.quiesce();
        sleepers.until(running.threads());
    }
}
