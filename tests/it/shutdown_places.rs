//! The end of a runtime, asked for in odd places and at odd moments.

use crate::support::{DropCounter, Flavor, Rng, recv, scaled, wait, watched};
use raddle::runtime::{Handle, Runtime};
use raddle::sync::{Notify, oneshot};
use raddle::task;
use raddle::time::{Duration, sleep};
use std::future::{Future, pending};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

/// A task that waits for ever; the future says whether it was cancelled.
fn waiting_task(handle: &Handle, dropped: &DropCounter) -> impl Future<Output = bool> + use<> {
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

#[test]
fn block_on_on_one_thread_outlives_the_drop_of_the_runtime_on_another() {
    for flavor in Flavor::ALL {
        for _ in 0..scaled(50) {
            let runtime = flavor.build();
            let dropped = DropCounter::new();
            let (handle, counted) = (runtime.handle().clone(), dropped.clone());
            let (send, receive) = oneshot::channel();
            let (began, begins) = mpsc::channel();
            let blocked = thread::spawn(move || {
                handle.block_on(async {
                    let waiting = waiting_task(&handle, &counted);
                    began.send(()).unwrap();
                    let cancelled = waiting.await;
                    (cancelled, receive.await.unwrap())
                })
            });
            recv("the root future", &begins);
            watched("a runtime to be dropped", || drop(runtime));
            send.send(3).unwrap();
            let output = watched("the thread in block_on", || blocked.join()).unwrap();
            assert_eq!(output, (true, 3));
            assert_eq!(dropped.count(), 1);
        }
    }
}

#[test]
fn threads_that_wait_for_a_place_to_work_outlive_the_runtime() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let notify = Arc::new(Notify::new());
        let (began, begins) = mpsc::channel();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (handle, notify, began) =
                    (runtime.handle().clone(), notify.clone(), began.clone());
                thread::spawn(move || {
                    handle.block_on(async {
                        let notified = notify.notified();
                        began.send(()).unwrap();
                        notified.await;
                    });
                })
            })
            .collect();
        for _ in 0..8 {
            recv("a root future", &begins);
        }
        watched("a runtime to be dropped", || drop(runtime));
        notify.notify_waiters();
        for thread in threads {
            watched("a thread in block_on", || thread.join()).unwrap();
        }
    }
}

/// Tasks of many kinds, spawned and woken from within and without, while the runtime ends.
fn race(flavor: Flavor, seed: u64) {
    let mut rng = Rng::new(seed);
    let running = flavor.start();
    let (dropped, made) = (DropCounter::new(), Arc::new(AtomicUsize::new(0)));
    let (notify, start) = (Arc::new(Notify::new()), Arc::new(Barrier::new(3)));
    let stop = Arc::new(AtomicBool::new(false));
    let spawners: Vec<_> = (0..2)
        .map(|_| {
            let (handle, dropped, made, notify) =
                (running.handle().clone(), dropped.clone(), made.clone(), notify.clone());
            let (start, stop, mut rng) = (start.clone(), stop.clone(), Rng::new(rng.next()));
            thread::spawn(move || {
                start.wait();
                let mut tasks = Vec::new();
                for _ in 0..500 {
                    if stop.load(SeqCst) {
                        break;
                    }
                    made.fetch_add(1, SeqCst);
                    let (guard, kind) = (dropped.guard(), rng.below(6));
                    let notified = notify.clone();
                    tasks.push(handle.spawn(async move {
                        let _guard = guard;
                        match kind {
                            0 => {}
                            1 => task::yield_now().await,
                            2 => notified.notified().await,
                            3 => sleep(Duration::from_micros(50)).await,
                            4 => drop(raddle::spawn(async move { notified.notify_one() }).await),
                            _ => pending().await,
                        }
                    }));
                    if rng.one_in(3) {
                        notify.notify_one();
                    }
                    if rng.one_in(4) {
                        let index = rng.below(tasks.len());
                        tasks.swap_remove(index).abort();
                    }
                }
                for task in tasks {
                    let _ = wait("a task of a racing shutdown", task);
                }
            })
        })
        .collect();
    start.wait();
    for _ in 0..rng.below(200) {
        thread::yield_now();
    }
    running.stop();
    for _ in 0..rng.below(50) {
        thread::yield_now();
    }
    stop.store(true, SeqCst);
    for spawner in spawners {
        watched("a spawning thread", || spawner.join()).unwrap();
    }
    assert_eq!(dropped.count(), made.load(SeqCst), "{flavor:?} under seed {seed}");
}

#[test]
fn two_hundred_racing_shutdowns_drop_everything_once() {
    for seed in 0..scaled(200) as u64 {
        race(Flavor::ALL[seed as usize % 4], seed);
    }
}

#[test]
fn a_runtime_ends_though_other_threads_go_on_spawning() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let stop = Arc::new(AtomicBool::new(false));
        let spawners: Vec<_> = (0..2)
            .map(|_| {
                let (handle, stop) = (running.handle().clone(), stop.clone());
                thread::spawn(move || {
                    while !stop.load(SeqCst) {
                        drop(handle.spawn(task::yield_now()));
                    }
                })
            })
            .collect();
        running.quiesce();
        running.stop();
        stop.store(true, SeqCst);
        for spawner in spawners {
            watched("a spawning thread", || spawner.join()).unwrap();
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
