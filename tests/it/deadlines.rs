//! Sleeps, timeouts and intervals, on every kind of runtime. What the wheel itself promises is in `props_timer`.

use crate::support::{
    CountingWaker, Flavor, Rng, Running, Sleepers, Trace, poll_once, recv, scaled, until, wait,
    watched,
};
use raddle::task;
use raddle::time::{self, Duration, Instant, sleep, sleep_until, timeout};
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::mpsc;
use std::thread;

const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(1);

#[test]
fn a_sleep_never_ends_early() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let mut rng = Rng::new(7);
        let tasks: Vec<_> = (0..scaled(500))
            .map(|_| {
                let duration = Duration::from_nanos(rng.number() % 3_000_000);
                running.handle().spawn(async move {
                    let begun = std::time::Instant::now();
                    sleep(duration).await;
                    (duration, begun.elapsed())
                })
            })
            .collect();
        for task in tasks {
            let (asked, slept) = wait("a sleeper", task).unwrap();
            assert!(slept >= asked, "slept {slept:?} instead of {asked:?} on {flavor:?}");
        }
    }
}

#[test]
fn ten_thousand_sleepers_wake_in_the_order_of_their_deadlines() {
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1)] {
        let running = flavor.start();
        let count = scaled(10_000) as u32;
        let trace = Trace::new();
        let written = trace.clone();
        let parent = running.handle().spawn(async move {
            let base = Instant::now() + Duration::from_millis(5);
            let mut rng = Rng::new(11);
            // Two ticks of the wheel apart, in any order.
            let mut numbers: Vec<u32> = (0..count).collect();
            for last in (1..numbers.len()).rev() {
                numbers.swap(last, rng.below(last + 1));
            }
            let sleepers: Vec<_> = numbers
                .into_iter()
                .map(|number| {
                    let trace = written.clone();
                    let deadline = base + number * Duration::from_nanos(2 * 32_768);
                    raddle::spawn(async move {
                        sleep_until(deadline).await;
                        assert!(Instant::now() >= deadline);
                        trace.push((deadline, number));
                    })
                })
                .collect();
            // Everybody has set its deadline before the first passes, or the order means nothing.
            task::yield_now().await;
            let in_time = Instant::now() < base;
            for sleeper in sleepers {
                sleeper.await.unwrap();
            }
            in_time
        });
        let in_time = wait("ten thousand sleepers", parent).unwrap();
        let woken = trace.take();
        assert_eq!(woken.len(), count as usize);
        assert!(!in_time || woken.is_sorted(), "out of order on {flavor:?}");
    }
}

#[test]
fn sleepers_on_all_workers_wake() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let tasks: Vec<_> = (0..scaled(10_000))
            .map(|number| {
                running.handle().spawn(async move {
                    sleep(Duration::from_micros(number as u64 % 20_000)).await;
                    number
                })
            })
            .collect();
        for (number, task) in tasks.into_iter().enumerate() {
            assert_eq!(wait("a sleeper", task).unwrap(), number);
        }
    }
}

#[test]
fn an_earlier_deadline_set_while_a_worker_sleeps_for_a_later_one_is_met() {
    for flavor in [Flavor::Workers(1), Flavor::Workers(2), Flavor::Workers(4)] {
        let mut builder = flavor.builder();
        let sleepers = Sleepers::of(&mut builder);
        let running = Running::new(flavor, builder.build().unwrap());
        let late = running.handle().spawn(sleep_of(LONG));
        for _ in 0..scaled(50) {
            sleepers.until(running.threads());
            // From a task on a worker, and from a thread that is none.
            wait("a sleep of a task", running.handle().spawn(sleep_of(SHORT))).unwrap();
            sleepers.until(running.threads());
            let _entered = running.handle().enter();
            wait("a sleep outside the workers", sleep(SHORT));
        }
        assert!(!late.is_finished());
    }
}

#[test]
fn of_two_deadlines_the_earlier_fires_first_though_it_was_set_later() {
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1)] {
        let running = flavor.start();
        let mut ahead = Duration::from_millis(5);
        loop {
            let base = Instant::now() + ahead;
            let trace = Trace::new();
            let sleepers: Vec<_> = (0..5_u32)
                .rev()
                .map(|number| {
                    let trace = trace.clone();
                    let task = running.handle().spawn(async move {
                        sleep_until(base + number * SHORT).await;
                        trace.push(number);
                    });
                    running.quiesce();
                    task
                })
                .collect();
            let in_time = Instant::now() < base;
            for sleeper in sleepers {
                wait("a sleeper", sleeper).unwrap();
            }
            if in_time {
                assert_eq!(trace.take(), [0, 1, 2, 3, 4], "{flavor:?}");
                break;
            }
            // The machine was too slow to set them all before the first was due: once more, with more time.
            ahead *= 2;
        }
    }
}

#[test]
fn a_deadline_in_the_past_is_met_at_once() {
    let running = Flavor::Workers(1).start();
    let _entered = running.handle().enter();
    let hold = running.hold();
    let (_, waker) = CountingWaker::new();
    for deadline in [Instant::now(), Instant::now() - SHORT] {
        assert!(poll_once(Pin::new(&mut sleep_until(deadline)), &waker).is_ready());
    }
    assert!(poll_once(Pin::new(&mut sleep(Duration::ZERO)), &waker).is_ready());
    drop(hold);
}

#[test]
fn a_deadline_too_far_to_be_told_is_never_met() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let tasks = [
            running.handle().spawn(sleep_of(Duration::MAX)),
            running
                .handle()
                .spawn(async { timeout(Duration::MAX, pending()).await.expect("never") }),
            running.handle().spawn(sleep_of(Duration::from_secs(u64::from(u32::MAX) * 100))),
        ];
        wait("a short sleep beside", running.handle().spawn(sleep_of(SHORT))).unwrap();
        for task in tasks {
            assert!(!task.is_finished());
            task.abort();
            assert!(wait("an aborted sleeper", task).unwrap_err().is_cancelled());
        }
    }
}

#[test]
fn a_sleep_wakes_whoever_polled_it_last() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let mut moved = {
            let _entered = running.handle().enter();
            sleep(Duration::from_millis(5))
        };
        let (first, waker) = CountingWaker::new();
        let early = poll_once(Pin::new(&mut moved), &waker).is_pending();
        wait("a sleep in a task of its own", running.handle().spawn(moved)).unwrap();
        running.quiesce();
        assert!(!early || first.count() <= 1);
    }
}

#[test]
fn a_root_future_may_sleep_with_nobody_else_there() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let slept = watched("a sleeping root future", || {
            runtime.block_on(async {
                let begun = Instant::now();
                sleep(SHORT).await;
                begun.elapsed()
            })
        });
        assert!(slept >= SHORT);
    }
}

#[test]
fn two_threads_in_block_on_sleep_side_by_side() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let (send, receive) = mpsc::channel();
        let threads: Vec<_> = (1..=6)
            .map(|number| {
                let (handle, send) = (runtime.handle().clone(), send.clone());
                thread::spawn(move || {
                    handle.block_on(sleep_of(number * SHORT));
                    send.send(number).unwrap();
                })
            })
            .collect();
        for _ in &threads {
            recv("a thread that sleeps in block_on", &receive);
        }
        for thread in threads {
            watched("a thread in block_on", || thread.join()).unwrap();
        }
    }
}

async fn sleep_of(duration: Duration) {
    sleep(duration).await;
}

#[test]
fn sleeps_dropped_before_their_deadline_wake_nobody() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let _entered = running.handle().enter();
        let (sleeper, waker) = CountingWaker::new();
        for _ in 0..scaled(1_000) {
            let mut dropped = sleep(LONG);
            assert!(poll_once(Pin::new(&mut dropped), &waker).is_pending());
        }
        drop(waker);
        assert_eq!(std::sync::Arc::strong_count(&sleeper), 1, "wakers of dropped sleeps are kept");
        assert_eq!(sleeper.count(), 0);
    }
}

#[test]
fn a_sleep_of_an_ended_runtime_is_over() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let mut left = {
            let _entered = running.handle().enter();
            Box::pin(time::sleep(LONG)) as Pin<Box<dyn Future<Output = ()>>>
        };
        let (sleeper, waker) = CountingWaker::new();
        assert!(poll_once(left.as_mut(), &waker).is_pending());
        running.stop();
        until("the sleeper is woken by the end", || sleeper.count() == 1);
        assert!(poll_once(left.as_mut(), &waker).is_ready());
    }
}
