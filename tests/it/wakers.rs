//! Wakers of tasks, in the hands of others.

use crate::support::{Flavor, Rng, recv, scaled, until, wait, watched};
use raddle::sync::{AtomicWaker, Notify};
use raddle::task;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;

/// A task that counts its polls and gives its waker away, until told to stop.
struct Watched {
    polls: Arc<AtomicUsize>,
    waker: Waker,
    stop: Arc<AtomicBool>,
    task: task::JoinHandle<()>,
}

impl Watched {
    fn spawn(running: &crate::support::Running) -> Watched {
        let (polls, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (given, gives) = mpsc::channel();
        let (counted, stopped) = (polls.clone(), stop.clone());
        let task = running.handle().spawn(poll_fn(move |cx| {
            if counted.fetch_add(1, SeqCst) == 0 {
                given.send(cx.waker().clone()).unwrap();
            }
            if stopped.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        }));
        let waker = recv("a task's waker", &gives);
        running.quiesce();
        Watched { polls, waker, stop, task }
    }

    fn polls(&self) -> usize {
        self.polls.load(SeqCst)
    }
}

#[test]
fn a_task_woken_by_a_foreign_thread_is_polled() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let watched_task = Watched::spawn(&running);
        for round in 2..scaled(500) + 2 {
            let waker = watched_task.waker.clone();
            match round % 3 {
                0 => waker.wake(),
                1 => waker.wake_by_ref(),
                _ => watched("a waking thread", || thread::spawn(move || waker.wake()).join())
                    .unwrap(),
            }
            until("the woken task is polled", || watched_task.polls() >= round);
            assert_eq!(watched_task.polls(), round);
        }
    }
}

#[test]
fn a_burst_of_wakes_is_answered_by_one_poll() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let watched_task = Watched::spawn(&running);
        for round in 1..=20 {
            let hold = running.hold();
            for _ in 0..1_000 {
                watched_task.waker.wake_by_ref();
            }
            drop(hold);
            running.quiesce();
            assert_eq!(watched_task.polls(), 1 + round);
        }
    }
}

#[test]
fn wakes_during_a_poll_are_answered_by_one_more_poll() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = polls.clone();
        let task = running.handle().spawn(poll_fn(move |cx| {
            if counted.fetch_add(1, SeqCst) > 0 {
                return Poll::Ready(());
            }
            let wakers: Vec<_> = (0..100).map(|_| cx.waker().clone()).collect();
            let others = wakers.clone();
            let thread = thread::spawn(move || others.into_iter().for_each(Waker::wake));
            wakers.iter().for_each(Waker::wake_by_ref);
            thread.join().unwrap();
            Poll::Pending
        }));
        wait("a task woken during its poll", task).unwrap();
        assert_eq!(polls.load(SeqCst), 2);
    }
}

#[test]
fn no_wake_is_lost_between_threads_that_wake_and_workers_that_poll() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let (count, waker) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicWaker::new()));
        let per_thread = scaled(5_000);
        let (counted, registered) = (count.clone(), waker.clone());
        let task = running.handle().spawn(poll_fn(move |cx| {
            registered.register(cx.waker());
            if counted.load(SeqCst) == 3 * per_thread { Poll::Ready(()) } else { Poll::Pending }
        }));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (count, waker) = (count.clone(), waker.clone());
                thread::spawn(move || {
                    for _ in 0..per_thread {
                        count.fetch_add(1, SeqCst);
                        waker.wake();
                    }
                })
            })
            .collect();
        for thread in threads {
            watched("a waking thread", || thread.join()).unwrap();
        }
        wait("the task that counts", task).unwrap();
    }
}

#[test]
fn a_waker_outlives_its_task_and_its_runtime() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let Watched { polls, waker, stop, task } = Watched::spawn(&running);
        stop.store(true, SeqCst);
        waker.wake_by_ref();
        wait("the task", task).unwrap();
        waker.wake_by_ref();
        running.quiesce();
        assert_eq!(polls.load(SeqCst), 2, "a completed task was polled");
        running.stop();
        waker.wake_by_ref();
        let clone = waker.clone();
        drop(waker);
        watched("a waking thread", || thread::spawn(move || clone.wake()).join()).unwrap();
        assert_eq!(polls.load(SeqCst), 2);
    }
}

#[test]
fn wakers_of_one_task_are_alike_and_those_of_two_are_not() {
    let running = Flavor::Workers(2).start();
    let (one, two) = (Watched::spawn(&running), Watched::spawn(&running));
    assert!(one.waker.will_wake(&one.waker.clone()));
    assert!(!one.waker.will_wake(&two.waker));
}

#[test]
fn the_waker_of_a_poll_is_the_same_from_poll_to_poll() {
    let running = Flavor::Workers(2).start();
    let mut before: Option<Waker> = None;
    let mut polls = 0;
    let task = running.handle().spawn(poll_fn(move |cx| {
        assert!(before.as_ref().is_none_or(|before| before.will_wake(cx.waker())));
        before = Some(cx.waker().clone());
        polls += 1;
        cx.waker().wake_by_ref();
        if polls == 100 { Poll::Ready(()) } else { Poll::Pending }
    }));
    wait("the task", task).unwrap();
}

#[test]
fn tasks_of_two_runtimes_wake_each_other() {
    for (one, other) in
        [(Flavor::Workers(2), Flavor::Workers(2)), (Flavor::CurrentThread, Flavor::Workers(1))]
    {
        let (one, other) = (one.start(), other.start());
        let (ping, pong) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let rounds = scaled(2_000);
        let (heard, answer) = (ping.clone(), pong.clone());
        let first = one.handle().spawn(async move {
            for _ in 0..rounds {
                heard.notified().await;
                answer.notify_one();
            }
        });
        let second = other.handle().spawn(async move {
            for _ in 0..rounds {
                ping.notify_one();
                pong.notified().await;
            }
        });
        wait("one side", first).unwrap();
        wait("the other side", second).unwrap();
    }
}

#[test]
fn a_storm_of_wakes_clones_and_drops_ends_with_every_task_complete() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let wakers: Arc<Vec<Mutex<Option<Waker>>>> =
            Arc::new((0..20).map(|_| Mutex::new(None)).collect());
        let tasks: Vec<_> = (0..20)
            .map(|number| {
                let wakers = wakers.clone();
                let mut left = scaled(200);
                running.handle().spawn(poll_fn(move |cx| {
                    *wakers[number].lock().unwrap() = Some(cx.waker().clone());
                    left -= 1;
                    if left == 0 { Poll::Ready(()) } else { Poll::Pending }
                }))
            })
            .collect();
        let stop = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = (0..3)
            .map(|seed| {
                let (wakers, stop, mut rng) = (wakers.clone(), stop.clone(), Rng::new(seed));
                thread::spawn(move || {
                    while !stop.load(SeqCst) {
                        let waker = wakers[rng.below(20)].lock().unwrap().clone();
                        match (waker, rng.below(3)) {
                            (Some(waker), 0) => waker.wake(),
                            (Some(waker), 1) => waker.wake_by_ref(),
                            (waker, _) => drop(waker),
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            wait("a task in a storm of wakes", task).unwrap();
        }
        stop.store(true, SeqCst);
        for thread in threads {
            watched("a waking thread", || thread.join()).unwrap();
        }
    }
}
