//! The end of a runtime while others are using it.

use crate::shutdown_places::waiting_task;
use crate::support::{DropCounter, Flavor, Rng, recv, scaled, wait, watched};
use raddle::sync::{Notify, oneshot};
use raddle::task;
use raddle::time::{Duration, sleep};
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

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
            let (start, stop, mut rng) = (start.clone(), stop.clone(), Rng::new(rng.number()));
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
        let (began, begins) = mpsc::channel();
        let spawners: Vec<_> = (0..2)
            .map(|_| {
                let (handle, stop, began) = (running.handle().clone(), stop.clone(), began.clone());
                thread::spawn(move || {
                    began.send(()).unwrap();
                    while !stop.load(SeqCst) {
                        drop(handle.spawn(task::yield_now()));
                    }
                })
            })
            .collect();
        for _ in &spawners {
            recv("a spawning thread", &begins);
        }
        running.stop();
        stop.store(true, SeqCst);
        for spawner in spawners {
            watched("a spawning thread", || spawner.join()).unwrap();
        }
    }
}
