//! Tasks find a worker that is free, even if the one they are queued at is not.

use crate::support::{Flavor, Running, Sleepers, recv, scaled, wait};
use raddle::task;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A runtime with so many workers, all of them asleep.
fn asleep(workers: usize) -> (Running, Sleepers) {
    let flavor = Flavor::Workers(workers);
    let mut builder = flavor.builder();
    let sleepers = Sleepers::of(&mut builder);
    let running = Running::new(flavor, builder.build().unwrap());
    sleepers.until(workers);
    (running, sleepers)
}

/// Occupies its worker for some time: a long poll.
fn compute(duration: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < duration {
        std::hint::spin_loop();
    }
}

#[test]
fn a_backlog_behind_a_long_poll_is_run_by_an_idle_worker() {
    let (running, _) = asleep(2);
    let task = running.handle().spawn(async {
        let (ran, runs) = mpsc::channel();
        for _ in 0..64 {
            let ran = ran.clone();
            drop(raddle::spawn(async move { ran.send(thread::current().id()) }));
        }
        // In the same poll: this worker is stuck until the other has run some of them.
        for _ in 0..16 {
            assert_ne!(recv("a stolen task", &runs), thread::current().id());
        }
    });
    wait("the long poll", task).unwrap();
}

#[test]
fn a_task_waits_for_one_long_poll_at_most_while_another_worker_is_idle() {
    for _ in 0..scaled(20) {
        let (running, _) = asleep(2);
        let (ran, runs) = mpsc::channel();
        let parent = running.handle().spawn(async move {
            // Behind one another in one worker's queue: a long poll, one that is stuck, and the task that waits.
            let long = raddle::spawn(async { compute(Duration::from_millis(2)) });
            let stuck = raddle::spawn(async move { recv("the task behind", &runs) });
            let behind = raddle::spawn(async move { ran.send(()).unwrap() });
            (long, stuck, behind)
        });
        let (long, stuck, behind) = wait("the parent", parent).unwrap();
        wait("the long poll", long).unwrap();
        wait("the task behind two polls", behind).unwrap();
        wait("the poll in front of it", stuck).unwrap();
    }
}

#[test]
fn what_waits_behind_a_stuck_poll_among_tiny_ones_is_rescued() {
    for _ in 0..scaled(20) {
        let (running, _) = asleep(2);
        let (ran, runs) = mpsc::channel();
        let parent = running.handle().spawn(async move {
            // Not worth sharing, so all of this is private to one worker; it keeps it busy for long enough for the other
            // to be asked to keep watch.
            for _ in 0..50_000 {
                drop(raddle::spawn(async {}));
            }
            let stuck = raddle::spawn(async move { recv("the task behind", &runs) });
            (stuck, raddle::spawn(async move { ran.send(()).unwrap() }))
        });
        let (stuck, behind) = wait("the parent", parent).unwrap();
        wait("the task behind", behind).unwrap();
        wait("the poll in front of it", stuck).unwrap();
    }
}

#[test]
fn a_task_spawned_from_outside_is_run_by_whichever_worker_is_free() {
    let (running, _) = asleep(4);
    let handle = running.handle();
    let (arrived, arrivals) = mpsc::channel();
    let mut stuck = Vec::new();
    for _ in 0..3 {
        let (release, released) = mpsc::channel::<()>();
        let arrived = arrived.clone();
        drop(handle.spawn(async move {
            arrived.send(()).unwrap();
            let _ = released.recv();
        }));
        stuck.push(release);
        recv("a worker to be stuck", &arrivals);
    }
    for number in 0..scaled(1_000) {
        assert_eq!(
            wait("a task on the free worker", handle.spawn(async move { number })).unwrap(),
            number
        );
    }
    drop(stuck);
}

#[test]
fn work_is_stolen_sooner_or_later() {
    let (running, _) = asleep(2);
    let task = running.handle().spawn(async {
        let home = thread::current().id();
        let begun = Instant::now();
        loop {
            let tasks: Vec<_> = (0..64)
                .map(|_| {
                    raddle::spawn(async {
                        compute(Duration::from_micros(20));
                        thread::current().id()
                    })
                })
                .collect();
            for task in tasks {
                if task.await.unwrap() != home {
                    return;
                }
            }
            assert!(begun.elapsed() < crate::support::patience(), "nothing was ever stolen");
        }
    });
    wait("a theft", task).unwrap();
}

#[test]
fn a_task_runs_once_however_often_it_is_stolen() {
    let running = Flavor::Workers(4).start();
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = polls.clone();
    let count = scaled(20_000);
    let task = running.handle().spawn(async move {
        let tasks: Vec<_> = (0..count)
            .map(|_| {
                let polls = counted.clone();
                raddle::spawn(async move {
                    polls.fetch_add(1, SeqCst);
                    task::yield_now().await;
                    polls.fetch_add(1, SeqCst);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    wait("all tasks", task).unwrap();
    assert_eq!(polls.load(SeqCst), 2 * count);
}

#[test]
fn the_children_of_a_stuck_poll_are_found_by_a_worker_that_parks_later() {
    for _ in 0..scaled(20) {
        let (running, _) = asleep(2);
        let (arrived, arrivals) = mpsc::channel();
        let (pushed, pushes) = mpsc::channel();
        // Busy until the other has pushed; then it finds nothing else to do.
        let other = running.handle().spawn(async move {
            arrived.send(()).unwrap();
            recv("the children", &pushes);
        });
        recv("the other worker to be busy", &arrivals);
        let stuck = running.handle().spawn(async move {
            let (ran, runs) = mpsc::channel();
            for _ in 0..2 {
                let ran = ran.clone();
                drop(raddle::spawn(async move { ran.send(()).unwrap() }));
            }
            pushed.send(()).unwrap();
            (0..2).for_each(|_| recv("a child of a stuck poll", &runs));
        });
        wait("the stuck poll", stuck).unwrap();
        wait("the other task", other).unwrap();
    }
}
