//! Timers of a thread that is stuck in a poll are served by another that sleeps, without a limit on how long the first is
//! stuck: it is until they have been.

use crate::support::{Flavor, Running, Sleepers, poll_once, recv, scaled, wait, watched};
use raddle::sync::oneshot;
use raddle::time::{Duration, sleep};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Poll, Wake, Waker};
use std::thread;

const SHORT: Duration = Duration::from_micros(500);

/// Tells a thread that it was woken.
struct Bell(mpsc::Sender<()>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

/// Sets a deadline on this thread, and blocks it until somebody else has served that.
fn block_until_a_sleep_is_over(duration: Duration) {
    let (send, receive) = mpsc::channel();
    let waker = Waker::from(Arc::new(Bell(send)));
    let mut sleep = pin!(sleep(duration));
    if poll_once(sleep.as_mut(), &waker).is_pending() {
        recv("somebody else to serve the timers of a stuck worker", &receive);
        assert!(poll_once(sleep, &waker).is_ready());
    }
}

fn with_sleepers(flavor: Flavor) -> (Running, Sleepers) {
    let mut builder = flavor.builder();
    let sleepers = Sleepers::of(&mut builder);
    (Running::new(flavor, builder.build().unwrap()), sleepers)
}

#[test]
fn timers_of_a_stuck_worker_are_served_by_one_that_sleeps() {
    for flavor in [Flavor::Workers(2), Flavor::Workers(4)] {
        let (running, sleepers) = with_sleepers(flavor);
        for _ in 0..scaled(60) {
            // Whoever is called out of its bed, be it in the driver or beside it.
            sleepers.until(running.threads());
            let stuck = running.handle().spawn(async { block_until_a_sleep_is_over(SHORT) });
            wait("a task that blocks its worker", stuck).unwrap();
        }
    }
}

#[test]
fn timers_are_served_when_all_but_one_of_the_workers_are_stuck() {
    let flavor = Flavor::Workers(4);
    let (running, sleepers) = with_sleepers(flavor);
    for _ in 0..scaled(20) {
        sleepers.until(4);
        let (arrived, arrivals) = mpsc::channel();
        let stuck: Vec<_> = (1..=3)
            .map(|number| {
                let arrived = arrived.clone();
                let task = running.handle().spawn(async move {
                    arrived.send(()).unwrap();
                    block_until_a_sleep_is_over(number * SHORT);
                });
                recv("a worker that gets stuck", &arrivals);
                task
            })
            .collect();
        for task in stuck {
            wait("a task that blocks its worker", task).unwrap();
        }
    }
}

#[test]
fn timers_that_were_set_before_are_served_as_well() {
    for flavor in [Flavor::Workers(2), Flavor::Workers(4)] {
        let (running, sleepers) = with_sleepers(flavor);
        for _ in 0..scaled(60) {
            sleepers.until(running.threads());
            let (send, receive) = mpsc::channel();
            let early = running.handle().spawn(async move {
                sleep(4 * SHORT).await;
                send.send(()).unwrap();
            });
            sleepers.until(running.threads());
            // Stuck until a task on another worker has slept.
            let stuck = running.handle().spawn(async move { recv("the other", &receive) });
            wait("a task that blocks its worker", stuck).unwrap();
            wait("the other task", early).unwrap();
        }
    }
}

#[test]
fn timers_of_the_only_worker_are_served_by_a_thread_in_block_on_and_the_reverse() {
    let flavor = Flavor::Workers(1);
    let (running, sleepers) = with_sleepers(flavor);
    let handle = running.handle().clone();
    let guest = thread::spawn(move || {
        handle.block_on(async {
            for _ in 0..scaled(60) {
                // The guest waits for the task, asleep in its slot.
                let stuck = raddle::spawn(async { block_until_a_sleep_is_over(SHORT) });
                stuck.await.unwrap();
            }
            for _ in 0..scaled(60) {
                sleepers.until(1);
                block_until_a_sleep_is_over(SHORT);
            }
        });
    });
    watched("a guest", || guest.join()).unwrap();
}

/// A task sets a deadline on one worker, is woken for something else while that worker is stuck, and waits for the deadline on
/// another thread.
#[test]
fn a_sleep_goes_with_its_task_to_another_worker() {
    let (running, _) = with_sleepers(Flavor::Workers(2));
    let workers = [0, 1].map(|index| {
        let id = running.handle().spawn_pinned(index, || async { thread::current().id() });
        wait("a worker's name", id).unwrap()
    });
    for _ in 0..scaled(20) {
        let (began, beginnings) = mpsc::channel();
        let (move_on, moves) = oneshot::channel();
        let task = running.handle().spawn(async move {
            let mut sleep = pin!(sleep(40 * SHORT));
            poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx).is_pending())).await;
            began.send(thread::current().id()).unwrap();
            moves.await.unwrap();
            let here = thread::current().id();
            sleep.await;
            here
        });
        let first = recv("the first poll", &beginnings);
        let index = workers.iter().position(|&worker| worker == first).expect("one of the two");

        let (arrived, arrivals) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let stuck = running.handle().spawn_pinned(index, move || async move {
            arrived.send(()).unwrap();
            recv("the release", &released);
        });
        recv("a worker that gets stuck", &arrivals);
        move_on.send(()).unwrap();
        assert_ne!(wait("a task that moved", task).unwrap(), first);
        release.send(()).unwrap();
        wait("a task that blocks its worker", stuck).unwrap();
    }
}
