//! Timeouts, intervals, and sleeps that change their mind.

use crate::support::count::panic_text;
use crate::support::{CountingWaker, DropCounter, Flavor, poll_once, scaled, wait};
use raddle::sync::{Mutex, oneshot};
use raddle::task;
use raddle::time::{Duration, Instant, interval, interval_at, sleep, timeout, timeout_at};
use std::future::pending;
use std::pin::Pin;

const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(1);

#[test]
fn a_sleep_can_be_moved_forward_backward_and_used_again() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let mut moved = sleep(LONG);
            let (_, waker) = CountingWaker::new();
            assert!(poll_once(Pin::new(&mut moved), &waker).is_pending());
            let soon = Instant::now() + SHORT;
            Pin::new(&mut moved).reset(soon);
            (&mut moved).await;
            assert!(Instant::now() >= soon && moved.is_elapsed());
            let again = Instant::now() + SHORT;
            Pin::new(&mut moved).reset(again);
            assert_eq!(moved.deadline(), again);
            (&mut moved).await;
            assert!(Instant::now() >= again);
            Pin::new(&mut moved).reset(Instant::now() + LONG);
            assert!(timeout(SHORT, moved).await.is_err());
        });
        wait("the task", task).unwrap();
    }
}

#[test]
fn a_timeout_drops_its_future_when_the_time_is_up() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let dropped = DropCounter::new();
        let counted = dropped.clone();
        let task = running.handle().spawn(async move {
            let guard = counted.guard();
            let late = timeout(SHORT, async move {
                let _guard = guard;
                pending::<()>().await;
            })
            .await;
            assert!(late.is_err());
            assert_eq!(counted.count(), 1);
            assert!(timeout_at(Instant::now(), pending::<()>()).await.is_err());
            assert_eq!(timeout(LONG, async { 3 }).await, Ok(3));
            // In the same poll as its deadline.
            assert_eq!(timeout(Duration::ZERO, async { 4 }).await, Ok(4));
        });
        wait("the task", task).unwrap();
        assert_eq!(dropped.count(), 1);
    }
}

#[test]
fn a_timeout_that_is_not_needed_leaves_nothing_behind() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let tasks: Vec<_> = (0..scaled(2_000))
            .map(|number| {
                let (send, receive) = oneshot::channel();
                drop(running.handle().spawn(async move {
                    task::yield_now().await;
                    let _ = send.send(number);
                }));
                running.handle().spawn(timeout_later(LONG, receive))
            })
            .collect();
        for (number, task) in tasks.into_iter().enumerate() {
            assert_eq!(wait("a task under a timeout", task).unwrap(), number);
        }
    }
}

#[test]
fn a_timeout_leaves_its_future_what_there_is_of_the_budget() {
    use raddle::time::limits::LockTimeout;
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let lock = Mutex::new(0);
            // In every phase: however much is left when the turn of the timeout comes.
            for phase in 0..3 {
                task::yield_now().await;
                for _ in 0..phase {
                    drop(lock.lock().await);
                }
                for _ in 0..1_000 {
                    drop(lock.lock_timeout(Duration::ZERO).await.expect("the lock is free"));
                }
            }
        });
        wait("who locks in no time", task).unwrap();
    }
}

async fn timeout_later(limit: Duration, answer: oneshot::Receiver<usize>) -> usize {
    timeout(limit, answer).await.expect("in time").expect("answered")
}

#[test]
fn an_interval_ticks_at_once_and_then_never_early() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let begun = Instant::now();
            let mut ticks = interval(Duration::from_micros(500));
            for number in 0..10 {
                ticks.tick().await;
                assert!(Instant::now() >= begun + number * Duration::from_micros(500));
            }
            let start = Instant::now() + SHORT;
            interval_at(start, LONG).tick().await;
            assert!(Instant::now() >= start);
        });
        wait("the ticks", task).unwrap();
    }
}

#[test]
fn an_interval_of_zero_is_refused() {
    let running = Flavor::CurrentThread.start();
    let _entered = running.handle().enter();
    let panic = std::panic::catch_unwind(|| drop(interval(Duration::ZERO))).unwrap_err();
    assert_eq!(panic_text(&*panic), "the period of an interval must not be zero");
}
