//! The end of a runtime, asked for in odd places and at odd moments.

use crate::support::{DropCounter, Flavor, planned_panic, recv, scaled, wait, watched};
use raddle::runtime::{Handle, Runtime};
use raddle::sync::oneshot;
use raddle::task;
use raddle::time::Duration;
use std::future::{Future, pending};
use std::sync::mpsc;

/// A task that waits for ever; the future says whether it was cancelled.
pub(crate) fn waiting_task(
    handle: &Handle,
    dropped: &DropCounter,
) -> impl Future<Output = bool> + use<> {
    let guard = dropped.guard();
    let task = handle.spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    async move { task.await.is_err_and(|error| error.is_cancelled()) }
}

/// A runtime with a waiting task in it, given to a task of the same runtime, which does `ends` with it.
fn end_inside(flavor: Flavor, ends: fn(Runtime)) {
    let running = flavor.start();
    let dropped = DropCounter::new();
    let guard = dropped.guard();
    let waiting = running.handle().spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    let (send, receive) = oneshot::channel();
    let (done, is_done) = mpsc::channel();
    let ender = running.handle().spawn(async move {
        ends(receive.await.unwrap());
        done.send(()).unwrap();
        task::yield_now().await;
    });
    running.quiesce();
    // The driver of a runtime without threads stays in `block_on` meanwhile.
    let driver = running.take_apart(|runtime| assert!(send.send(runtime).is_ok()));
    recv("the end of a runtime inside its own task", &is_done);
    assert!(wait("the waiting task", waiting).unwrap_err().is_cancelled());
    assert!(wait("the ending task", ender).unwrap_err().is_cancelled());
    assert_eq!(dropped.count(), 1);
    drop(driver);
}

#[test]
fn a_runtime_can_be_dropped_by_its_own_task() {
    for flavor in Flavor::ALL {
        end_inside(flavor, drop);
    }
}

#[test]
fn a_runtime_can_be_shut_down_in_the_background_by_its_own_task() {
    for flavor in Flavor::ALL {
        end_inside(flavor, Runtime::shutdown_background);
        end_inside(flavor, |runtime| runtime.shutdown_timeout(Duration::from_secs(3_600)));
    }
}

#[test]
fn a_runtime_can_be_dropped_by_its_own_root_future() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let handle = runtime.handle().clone();
        let dropped = DropCounter::new();
        let cancelled = watched("a root future that drops its runtime", || {
            handle.block_on(async {
                let waiting = waiting_task(runtime.handle(), &dropped);
                task::yield_now().await;
                drop(runtime);
                waiting.await
            })
        });
        assert!(cancelled);
        assert_eq!(dropped.count(), 1);
    }
}

#[test]
fn a_runtime_can_be_dropped_by_its_own_blocking_call() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let dropped = DropCounter::new();
        let waiting = waiting_task(runtime.handle(), &dropped);
        let handle = runtime.handle().clone();
        let call = handle.spawn_blocking(move || drop(runtime));
        wait("the end of a runtime inside its own blocking call", call).unwrap();
        assert!(wait("the waiting task", waiting));
        assert_eq!(dropped.count(), 1);
    }
}

#[test]
fn a_runtime_can_be_built_used_and_dropped_inside_a_task_of_another() {
    for outer in Flavor::ALL {
        for inner in Flavor::ALL {
            let running = outer.start();
            let dropped = DropCounter::new();
            let counted = dropped.clone();
            let task = running.handle().spawn(async move {
                let runtime = inner.build();
                let waiting = waiting_task(runtime.handle(), &counted);
                let _entered = runtime.enter();
                drop(raddle::spawn(async {}));
                drop(_entered);
                drop(runtime);
                assert!(waiting.await);
                // Still at home.
                raddle::spawn(async { 5 }).await.unwrap()
            });
            assert_eq!(wait("the outer task", task).unwrap(), 5);
            assert_eq!(dropped.count(), 1);
        }
    }
}

/// A runtime whose threads are all occupied: a blocking call and a poll wait to be let go by the sender.
fn occupied(flavor: Flavor) -> (Runtime, mpsc::Sender<()>, mpsc::Receiver<()>) {
    let runtime = flavor.build();
    let (release, released) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let (ended, ends) = mpsc::channel();
    let call = {
        let begun = begun.clone();
        move || {
            begun.send(()).unwrap();
            let _ = released.recv();
            ended.send(()).unwrap();
        }
    };
    drop(runtime.spawn_blocking(call));
    recv("the call", &begins);
    (runtime, release, ends)
}

/// It used to wait for the call, which waits for what comes after.
#[test]
fn a_runtime_dropped_in_async_code_is_not_waited_for() {
    for outer in Flavor::ALL {
        for inner in Flavor::ALL {
            let running = outer.start();
            let task = running.handle().spawn(async move {
                let (runtime, release, ends) = occupied(inner);
                let waits = runtime.spawn(pending::<()>());
                drop(runtime);
                drop(release);
                recv("the end of the call", &ends);
                waits.await.unwrap_err().is_cancelled()
            });
            assert!(wait("the task that drops a runtime", task).unwrap());
            running.stop();

            let root = outer.build();
            watched("a root future that drops a runtime", || {
                root.block_on(async {
                    let (runtime, release, ends) = occupied(inner);
                    drop(runtime);
                    drop(release);
                    recv("the end of the call", &ends);
                });
            });
        }
    }
}

#[test]
fn a_runtime_dropped_by_a_panic_in_async_code_is_not_waited_for() {
    for inner in [Flavor::CurrentThread, Flavor::Workers(2)] {
        let running = Flavor::Workers(1).start();
        let (released, releases) = mpsc::channel();
        let task = running.handle().spawn(async move {
            let (runtime, release, _ends) = occupied(inner);
            released.send(release).unwrap();
            let _runtime = runtime;
            planned_panic("beside a runtime")
        });
        assert!(wait("the task", task).unwrap_err().is_panic());
        drop(recv("what lets the call go", &releases));
    }
}

#[test]
fn a_runtime_dropped_where_blocking_is_allowed_is_waited_for() {
    for inner in Flavor::ALL {
        let running = Flavor::Workers(2).start();
        for in_place in [false, true] {
            let (runtime, release, ends) = occupied(inner);
            let drops = move || {
                let helper = std::thread::spawn(move || drop(release));
                drop(runtime);
                helper.join().unwrap();
                // It has ended by now.
                ends.try_recv().is_ok()
            };
            let waited = match in_place {
                true => running.handle().spawn(async { task::block_in_place(drops) }),
                false => running.handle().spawn_blocking(drops),
            };
            assert!(wait("who drops a runtime", waited).unwrap());
        }
    }
}

#[test]
fn ending_a_runtime_that_nobody_used_is_quick_and_can_be_repeated() {
    for _ in 0..scaled(100) {
        for flavor in Flavor::ALL {
            watched("an unused runtime to be dropped", || drop(flavor.build()));
            watched("an unused runtime to be shut down", || flavor.build().shutdown_background());
        }
    }
}
