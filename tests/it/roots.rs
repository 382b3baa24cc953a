//! Futures in `block_on`: the thread works while they wait, and if they block it, nobody else waits for that.

use crate::support::{Flavor, Running, Sleepers, recv, scaled, until, wait, watched};
use raddle::sync::oneshot;
use raddle::task;
use std::sync::mpsc;
use std::thread;

/// A runtime with so many workers, all of them asleep.
fn asleep(workers: usize) -> (Running, Sleepers) {
    let flavor = Flavor::Workers(workers);
    let mut builder = flavor.builder();
    let sleepers = Sleepers::of(&mut builder);
    let running = Running::new(flavor, builder.build().unwrap());
    sleepers.until(workers);
    (running, sleepers)
}

#[test]
fn what_a_blocked_root_future_has_spawned_is_run_while_a_worker_is_stuck() {
    for _ in 0..scaled(20) {
        let (running, _) = asleep(3);
        let handle = running.handle();
        let (release, released) = mpsc::channel::<()>();
        let (arrived, arrivals) = mpsc::channel();
        drop(handle.spawn(async move {
            arrived.send(()).unwrap();
            let _ = released.recv();
        }));
        recv("a worker to be stuck", &arrivals);
        running.handle().block_on(async move {
            for _ in 0..3 {
                let (ran, runs) = mpsc::channel();
                // One push, and then this thread is lost to the runtime, root future and all.
                drop(raddle::spawn(async move { ran.send(()).unwrap() }));
                recv("a task of a blocked root future", &runs);
            }
        });
        drop(release);
    }
}

#[test]
fn a_guest_that_sleeps_does_not_take_the_call_of_another() {
    for workers in [1, 4] {
        let (running, sleepers) = asleep(workers);
        let (release, released) = oneshot::channel::<()>();
        let handle = running.handle().clone();
        let guest = thread::spawn(move || handle.block_on(released));
        // The last to fall asleep is the first to be woken, and can keep no watch.
        sleepers.until(workers + 1);
        running.handle().block_on(async {
            let (ran, runs) = mpsc::channel();
            drop(raddle::spawn(async move { ran.send(()).unwrap() }));
            recv("a task of a blocked root future", &runs);
        });
        release.send(()).unwrap();
        watched("the other guest", || guest.join()).unwrap().unwrap();
    }
}

#[test]
fn a_message_sent_just_before_a_root_future_blocks_is_received() {
    for _ in 0..scaled(20) {
        let (running, sleepers) = asleep(2);
        let (fire, fired) = oneshot::channel();
        let outside = thread::spawn(move || {
            // This runtime's guest, too; it is woken first, and runs the tasks itself.
            sleepers.until(3);
            fire.send(()).unwrap();
        });
        running.handle().block_on(async move {
            let (ran, runs) = mpsc::channel();
            let (message, received) = oneshot::channel();
            drop(raddle::spawn(async move {
                received.await.unwrap();
                ran.send(()).unwrap();
            }));
            let first = raddle::spawn(async move {
                fired.await.unwrap();
                message.send(()).unwrap();
            });
            first.await.unwrap();
            recv("the task that got the message", &runs);
        });
        watched("the outside thread", || outside.join()).unwrap();
    }
}

#[test]
fn a_root_future_that_spawns_and_then_blocks_its_thread_holds_up_nobody() {
    for workers in [1, 2] {
        let (running, _) = asleep(workers);
        for pushes in [1, 2, 15, 16, 17, 100] {
            watched("a blocked root future", || {
                running.handle().block_on(async {
                    let (ran, runs) = mpsc::channel();
                    for _ in 0..pushes {
                        let ran = ran.clone();
                        drop(raddle::spawn(async move { ran.send(()).unwrap() }));
                    }
                    for _ in 0..pushes {
                        recv("a task spawned by a root future that blocks", &runs);
                    }
                });
            });
        }
    }
}

#[test]
fn a_root_future_that_spawns_now_and_then_while_it_blocks_holds_up_nobody() {
    for workers in [1, 2] {
        let (running, sleepers) = asleep(workers);
        watched("a blocked root future", || {
            running.handle().block_on(async {
                for _ in 0..scaled(200) {
                    let task = raddle::spawn(async { 1 });
                    until("the task is finished", || task.is_finished());
                    // And once more after the worker has gone back to sleep.
                }
                sleepers.until(workers);
                let task = raddle::spawn(async { 1 });
                until("the task is finished", || task.is_finished());
            });
        });
    }
}

#[test]
fn a_root_future_that_wakes_a_task_and_then_blocks_holds_up_nobody() {
    for workers in [1, 2] {
        let (running, _) = asleep(workers);
        watched("a blocked root future", || {
            running.handle().block_on(async {
                let (ping, pinged) = oneshot::channel();
                let (pong, ponged) = mpsc::channel();
                drop(raddle::spawn(async move { pong.send(pinged.await.unwrap()).unwrap() }));
                // Let the task wait first, on this thread or another.
                task::yield_now().await;
                ping.send(9).unwrap();
                assert_eq!(recv("a task woken by a root future that blocks", &ponged), 9);
            });
        });
    }
}

#[test]
fn two_root_futures_may_block_their_threads_at_once() {
    for workers in [1, 2] {
        let (running, _) = asleep(workers);
        let roots: Vec<_> = (0..4)
            .map(|number| {
                let handle = running.handle().clone();
                thread::spawn(move || {
                    handle.block_on(async {
                        for _ in 0..scaled(100) {
                            let (ran, runs) = mpsc::channel();
                            drop(raddle::spawn(async move { ran.send(number).unwrap() }));
                            assert_eq!(recv("a task of one of several roots", &runs), number);
                        }
                    });
                })
            })
            .collect();
        for root in roots {
            watched("a root future", || root.join()).unwrap();
        }
    }
}

#[test]
fn a_thread_in_block_on_works_while_its_future_waits() {
    let (running, _) = asleep(2);
    watched("the thread in block_on to run a task itself", || {
        running.handle().block_on(async {
            let here = thread::current().id();
            while raddle::spawn(async { thread::current().id() }).await.unwrap() != here {}
        });
    });
}

#[test]
fn what_a_guest_leaves_behind_is_run_by_the_others() {
    for workers in [1, 2] {
        let (running, _) = asleep(workers);
        for _ in 0..scaled(100) {
            let tasks: Vec<_> = running.handle().block_on(async {
                (0..20).map(|number| raddle::spawn(async move { number })).collect()
            });
            for (number, task) in tasks.into_iter().enumerate() {
                assert_eq!(wait("a task left behind", task).unwrap(), number);
            }
        }
    }
}

/// A worker that never runs dry: a task that yields until it is dropped.
fn busy(running: &Running) -> impl Drop {
    struct Abort(raddle::task::AbortHandle);
    impl Drop for Abort {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
    let (started, starts) = mpsc::channel();
    let task = running.handle().spawn(async move {
        started.send(()).unwrap();
        loop {
            task::yield_now().await;
        }
    });
    recv("a worker to be busy", &starts);
    Abort(task.abort_handle())
}

#[test]
fn what_a_guest_spawns_is_run_by_a_worker_that_never_runs_dry() {
    let (running, _) = asleep(1);
    let _busy = busy(&running);
    watched("a task spawned in block_on", || {
        running.handle().block_on(async {
            for number in 0..scaled(100) {
                assert_eq!(raddle::spawn(async move { number }).await.unwrap(), number);
            }
        });
    });
}

#[test]
fn what_a_blocked_root_future_has_spawned_is_run_by_a_worker_that_never_runs_dry() {
    let (running, _) = asleep(1);
    let _busy = busy(&running);
    running.handle().block_on(async {
        for pushes in [1, 2, 16, 100] {
            let (ran, runs) = mpsc::channel();
            for _ in 0..pushes {
                let ran = ran.clone();
                drop(raddle::spawn(async move { ran.send(()).unwrap() }));
            }
            for _ in 0..pushes {
                recv("a task spawned by a root future that blocks", &runs);
            }
        }
    });
}
