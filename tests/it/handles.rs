//! What a task's handles tell and do: names, places, callbacks, requests to stop, waiting on plain threads.

use crate::size::requests;
use crate::support::{
    DropCounter, Flavor, Trace, catch, planned_panic, recv, until, wait, watched,
};
use raddle::runtime::Handle;
use raddle::sync::oneshot;
use raddle::task::{self, AbortHandle, Builder, LocalSet, Outcome, TaskGroup};
use std::future::{pending, poll_fn};
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};

#[test]
fn a_task_knows_its_name_and_where_it_was_spawned() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let plain = raddle::spawn(async { task::current().name().map(str::to_owned) });
            assert_eq!(plain.name(), None);
            assert!(plain.spawned_at().file().ends_with("handles.rs"));
            let named = Builder::new()
                .name("reader")
                .spawn(async { (task::current().name().map(str::to_owned), task::current().id()) });
            assert_eq!(named.name(), Some("reader"));
            assert!(named.spawned_at().line() > plain.spawned_at().line());
            assert!(named.spawned_at().file().ends_with("handles.rs"));
            assert_eq!(plain.await.unwrap(), None);
            assert_eq!(named.abort_handle().name(), Some("reader"));
            let id = named.id();
            assert_eq!(named.await.unwrap(), (Some("reader".to_owned()), id));

            let here = Location::caller();
            let moved = Builder::new().location(here).spawn(async {});
            assert_eq!(moved.spawned_at(), here);
            let blocking = Builder::new().name("sum").spawn_blocking(|| 1);
            assert_eq!(blocking.name(), Some("sum"));
            assert_eq!(blocking.await.unwrap(), 1);
        });
        wait("the tasks", task).unwrap();
        let outside = Builder::new().name("outside").spawn_on(async { 1 }, running.handle());
        assert!(format!("{outside:?}").contains("outside"));
        assert_eq!(wait("a task from outside", outside).unwrap(), 1);
    }
}

#[test]
fn outside_a_task_there_is_no_current_one() {
    assert!(task::try_current().is_none());
    raddle::block_on(async { assert!(task::try_current().is_none()) });
}

#[test]
fn what_a_name_costs_is_counted_and_what_is_not_used_costs_nothing() {
    let running = Flavor::Workers(1).start();
    let counts = running.handle().spawn(async {
        // One block for the cell, which the worker has in stock after the first.
        raddle::spawn(async {}).await.unwrap();
        let (_, plain) = requests(|| drop(raddle::spawn(async {})));
        task::yield_now().await;
        let (_, named) = requests(|| drop(Builder::new().name("n").spawn(async {})));
        (plain, named)
    });
    // The name and the extras.
    assert_eq!(wait("the counts", counts).unwrap(), (0, 2));
}

async fn end(how: Outcome) {
    match how {
        Outcome::Completed => {}
        Outcome::Panicked => planned_panic("to be told"),
        Outcome::Cancelled => pending().await,
        Outcome::Refused => unreachable!("a task that is no blocking call"),
    }
}

#[test]
fn callbacks_run_once_however_and_whenever_a_task_ends() {
    for flavor in Flavor::ALL {
        for how in [Outcome::Completed, Outcome::Panicked, Outcome::Cancelled] {
            watched(&format!("{how:?} on {flavor:?}"), || {
                let running = flavor.start();
                let (told, heard) = mpsc::channel();
                let hold = running.hold();
                let task = running.handle().spawn(end(how));
                for name in ["first", "second"] {
                    let told = told.clone();
                    task.on_done(move |outcome| told.send((name, outcome)).unwrap());
                }
                let handle = task.abort_handle();
                drop(hold);
                if how == Outcome::Cancelled {
                    handle.abort();
                }
                assert_eq!(recv("the first", &heard), ("first", how));
                assert_eq!(recv("the second", &heard), ("second", how));
                until("the task has ended", || handle.is_finished());
                // Now, and here.
                task.on_done(move |outcome| told.send(("late", outcome)).unwrap());
                assert_eq!(heard.try_recv(), Ok(("late", how)));
                drop(task);
                drop(handle);
                assert!(heard.recv().is_err(), "every callback has been called and dropped");
            });
        }
    }
}

#[test]
fn a_callback_hears_of_the_end_of_its_runtime_and_may_panic() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let heard = Trace::new();
        for panics in [true, false] {
            let task = running.handle().spawn(pending::<()>());
            let told = heard.clone();
            task.on_done(move |outcome| {
                told.push(outcome);
                if panics {
                    planned_panic("in a callback");
                }
            });
        }
        running.quiesce();
        running.stop();
        assert_eq!(heard.take(), [Outcome::Cancelled, Outcome::Cancelled], "{flavor:?}");
    }
}

#[test]
fn a_callback_of_a_task_whose_output_is_taken_has_its_outcome() {
    let running = Flavor::Workers(2).start();
    let task = running.handle().spawn(async { String::from("output") });
    let handle = task.abort_handle();
    assert_eq!(wait("the output", task).unwrap(), "output");
    let (told, heard) = mpsc::channel();
    handle.on_done(move |outcome| told.send(outcome).unwrap());
    assert_eq!(recv("the outcome", &heard), Outcome::Completed);
}

#[test]
fn a_task_that_is_asked_to_stop_cleans_up_with_awaits() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let drops = DropCounter::new();
        for asked_early in [true, false] {
            let guard = drops.guard();
            let hold = asked_early.then(|| running.hold());
            let task = running.handle().spawn(async move {
                let _guard = guard;
                task::cancelled().await;
                assert!(task::is_cancelled());
                task::yield_now().await;
                "clean"
            });
            if !asked_early {
                running.quiesce();
            }
            task.cancel();
            task.abort_handle().cancel();
            drop(hold);
            assert_eq!(wait("the clean-up", task).unwrap(), "clean");
        }
        assert_eq!(drops.count(), 2);
    }
}

#[test]
fn nobody_is_asked_by_mistake() {
    let running = Flavor::Workers(2).start();
    let task = running.handle().spawn(async {
        let child = raddle::spawn(async {
            task::yield_now().await;
            task::is_cancelled()
        });
        task::cancelled().await;
        let later = raddle::spawn(async { task::is_cancelled() });
        (child.await.unwrap(), later.await.unwrap(), task::is_cancelled())
    });
    task.cancel();
    assert_eq!(wait("the answers", task).unwrap(), (false, false, true));
    // A request to a task that has ended reaches nobody.
    let ended = running.handle().spawn(async {});
    until("it has ended", || ended.is_finished());
    ended.cancel();
    wait("the task", ended).unwrap();
}

/// Counts wakes, and passes them on.
struct Passing(AtomicUsize, Waker);

impl Wake for Passing {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
        self.1.wake_by_ref();
    }
}

#[test]
fn a_request_wakes_the_waker_that_cancelled_was_polled_with() {
    let running = Flavor::Workers(1).start();
    let task = running.handle().spawn(async {
        // As in a set of futures, each with a waker of its own.
        let mut asked = Box::pin(task::cancelled());
        let mut passing = None;
        poll_fn(|cx| {
            let passing = passing
                .get_or_insert_with(|| Arc::new(Passing(AtomicUsize::new(0), cx.waker().clone())));
            let waker = Waker::from(passing.clone());
            asked.as_mut().poll(&mut Context::from_waker(&waker))
        })
        .await;
        passing.unwrap().0.load(SeqCst)
    });
    running.quiesce();
    task.cancel();
    assert_eq!(wait("the count", task).unwrap(), 1);
}

/// What a call says that blocks in async code.
fn message_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).expect("a panic with a message")
}

/// On a current-thread runtime each of them would wait for its own thread.
#[test]
fn what_blocks_in_async_code_panics_and_says_what_to_do() {
    type Call = fn(&Handle);
    let calls: [(Call, &str); 3] = [
        (|runtime| drop(runtime.spawn(async {}).blocking_wait()), "await the handle"),
        (|runtime| runtime.block_on(async {}), "await the future instead"),
        (|_| raddle::block_on(async {}), "await the future instead"),
    ];
    for flavor in Flavor::ALL {
        for (call, expected) in calls {
            let running = flavor.start();
            let runtime = running.handle().clone();
            let task = running.handle().spawn(async move { call(&runtime) });
            let error = watched("the task", || task.blocking_wait()).unwrap_err();
            let panic = error.try_into_panic().expect("it has panicked");
            assert!(message_of(&*panic).contains(expected), "{}", message_of(&*panic));
            running.stop();

            let runtime = flavor.build();
            let root =
                std::panic::catch_unwind(|| runtime.block_on(async { call(runtime.handle()) }));
            let panic = root.expect_err("it has panicked");
            assert!(message_of(&*panic).contains(expected), "{}", message_of(&*panic));

            let local = raddle::task::LocalRuntime::on(flavor.build());
            let handle = local.handle().clone();
            let task = local.spawn_local(async move { call(&handle) });
            let error = watched("the local task", || local.block_on(task)).unwrap_err();
            let panic = error.try_into_panic().expect("it has panicked");
            assert!(message_of(&*panic).contains(expected), "{}", message_of(&*panic));
        }
    }
}

#[test]
fn plain_threads_wait_for_tasks() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let (send, receive) = oneshot::channel();
        let task = running.handle().spawn(async { receive.await.unwrap() });
        let waiting = std::thread::spawn(move || task.blocking_wait());
        send.send(7).unwrap();
        assert_eq!(watched("the thread", || waiting.join()).unwrap().unwrap(), 7);

        let panics = running.handle().spawn(end(Outcome::Panicked));
        assert!(watched("the panic", || panics.blocking_wait()).unwrap_err().is_panic());

        let handle = running.handle().clone();
        let nested = running
            .handle()
            .spawn_blocking(move || handle.spawn(async { 8 }).blocking_wait().unwrap());
        assert_eq!(watched("the blocking call", || nested.blocking_wait()).unwrap(), 8);
    }
}

#[test]
fn waiting_for_a_task_inside_another_is_refused() {
    let running = Flavor::Workers(1).start();
    let task = running.handle().spawn(async {
        raddle::spawn(async {}).blocking_wait().unwrap();
    });
    let error = wait("the refusal", task).unwrap_err();
    assert!(error.to_string().contains("await the handle"), "{error}");
}

#[test]
fn a_detached_task_goes_on() {
    let running = Flavor::Workers(1).start();
    let (told, heard) = mpsc::channel();
    running.handle().spawn(async move { told.send(1).unwrap() }).detach();
    assert_eq!(recv("the task", &heard), 1);
}

#[test]
fn a_callback_that_is_never_called_is_dropped_with_its_task() {
    // The owner of a task that no worker ever got is the closed runtime.
    let runtime = Flavor::CurrentThread.build();
    let drops = DropCounter::new();
    let guard = drops.guard();
    let task = runtime.spawn(pending::<()>());
    task.on_done(move |_| drop(guard));
    assert!(catch(|| drop(runtime)).is_ok());
    assert_eq!(drops.count(), 1);
    assert!(matches!(wait("the end", task), Err(error) if error.is_cancelled()));
}

/// What spawns on behalf of its caller says where that is, also if it is asynchronous.
#[test]
fn tasks_come_from_the_line_that_asks_for_them() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut builder = Flavor::Workers(1).builder();
    builder.on_task_spawn({
        let seen = seen.clone();
        move |task| seen.lock().unwrap().push(task.spawned_at())
    });
    let runtime = builder.build().unwrap();
    let lines = runtime.block_on(async {
        let joined = task::join_all([std::future::ready(1)]).await;
        assert_eq!(joined.len(), 1);
        let tried = task::try_join_all([std::future::ready(Ok::<_, ()>(1))]).await;
        assert_eq!(tried.unwrap(), [1]);
        let mut pool = task::Pool::new(1);
        pool.spawn(async { 1 }).await;
        while pool.try_spawn(async { 2 }).is_err() {
            task::yield_now().await;
        }
        let mut map = task::JoinMap::new();
        map.spawn("key", async {});
        // Calls have no hooks, and say it themselves.
        let call = task::spawn_blocking_when_free(|| ()).await;
        let class = task::blocking::Class::new(1);
        let classed = class.spawn_blocking_when_free(|| ()).await;
        let error = TaskGroup::run(async |_| Err::<(), _>("no")).await.unwrap_err();
        [call.spawned_at(), classed.spawned_at(), error.failures()[0].who().spawned_at]
    });
    let mut seen = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(seen.len(), 5, "{seen:?}");
    seen.extend(lines);
    for place in seen {
        assert!(place.file().ends_with("handles.rs"), "{place}");
    }
}

#[test]
fn local_and_pinned_tasks_have_names_and_places_too() {
    let runtime = Flavor::Workers(1).build();
    let set = LocalSet::new();
    let builder = || Builder::new().name("named");
    let told = |task: AbortHandle| {
        assert_eq!(task.name(), Some("named"));
        assert!(task.spawned_at().file().ends_with("handles.rs"), "{}", task.spawned_at());
    };
    let pinned = builder().spawn_pinned_on(
        0,
        || async { task::current().name().is_some() },
        runtime.handle(),
    );
    told(pinned.abort_handle());
    let inside = set.block_on(&runtime, async {
        let here = builder().spawn_pinned(0, || async {});
        told(here.abort_handle());
        here.await.unwrap();
        let local = builder().spawn_local(async { task::current().name().is_some() });
        told(local.abort_handle());
        let mut members = task::JoinSet::new();
        told(members.build_task().name("named").spawn_local(async {}));
        told(members.build_task().name("named").spawn_local_on(async {}, &set));
        told(members.build_task().name("named").spawn_blocking_on(|| (), runtime.handle()));
        members.join_all().await;
        local.await.unwrap()
    });
    assert!(inside && wait("the pinned one", pinned).unwrap());
    let last = builder().spawn_local_on(async {}, &set);
    told(last.abort_handle());
}
