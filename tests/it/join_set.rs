//! `JoinSet`, and waiting for all of many tasks: nothing is lost, whatever ends when.

use crate::support::{
    CountingWaker, DropCounter, Flavor, planned_panic, poll_once, scale, until, wait, watched,
};
use raddle::sync::oneshot;
use raddle::task::{self, JoinSet, TryJoinError, When, join_all, try_join_all};
use raddle::time::{Duration, sleep};
use std::collections::BTreeSet;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(1);

fn on_every_flavor<F: Future<Output = ()> + Send + 'static>(test: impl Fn() -> F) {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        wait(&format!("the set on {flavor:?}"), running.handle().spawn(test())).unwrap();
    }
}

#[test]
fn every_output_comes_once() {
    on_every_flavor(|| async {
        let mut set: JoinSet<usize> = (0..500)
            .map(|number| async move {
                if number % 3 == 0 {
                    task::yield_now().await;
                }
                number
            })
            .collect();
        assert_eq!(set.len(), 500);
        let mut seen = BTreeSet::new();
        while let Some(output) = set.join_next().await {
            assert!(seen.insert(output.unwrap()));
        }
        assert_eq!(seen.len(), 500);
        assert!(set.is_empty() && set.try_join_next().is_none());
    });
}

#[test]
fn outputs_come_in_the_order_in_which_the_tasks_end() {
    on_every_flavor(|| async {
        let mut set = JoinSet::new();
        let mut senders = Vec::new();
        for number in 0..4 {
            let (send, receive) = oneshot::channel::<()>();
            senders.push(Some(send));
            set.spawn(async move {
                receive.await.unwrap();
                number
            });
        }
        for number in [2, 0, 3, 1] {
            senders[number].take().unwrap().send(()).unwrap();
            let (id, output) = set.join_next_with_id().await.unwrap().unwrap();
            assert_eq!(output, number);
            assert_ne!(id, task::id());
        }
    });
}

#[test]
fn every_form_of_spawning_makes_a_member() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let mut set = JoinSet::new();
        set.spawn_on(async { 1 }, running.handle());
        set.spawn_blocking_on(|| 2, running.handle());
        let task = running.handle().spawn(async move {
            set.spawn(async { 4 });
            set.spawn_blocking(|| 8);
            set.insert(raddle::spawn(async { 16 }));
            let named = set.build_task().name("named").spawn(async { 32 });
            assert_eq!(named.name(), Some("named"));
            set.build_task().name("blocking").spawn_blocking(|| 64);
            set.extend([async { 128 }]);
            set.join_all().await.into_iter().sum::<i32>()
        });
        assert_eq!(wait("the sum", task).unwrap(), 255);
    }
}

#[test]
fn dropping_the_set_aborts_its_tasks_and_detaching_does_not() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let drops = DropCounter::new();
        let mut set = JoinSet::new();
        for _ in 0..3 {
            let guard = drops.guard();
            set.spawn_on(
                async move {
                    let _guard = guard;
                    pending::<()>().await;
                },
                running.handle(),
            );
        }
        running.quiesce();
        drop(set);
        until("all are dropped", || drops.count() == 3);

        let (send, receive) = oneshot::channel::<()>();
        let mut set = JoinSet::new();
        let guard = drops.guard();
        set.spawn_on(
            async move {
                let _guard = guard;
                receive.await.unwrap();
            },
            running.handle(),
        );
        set.detach_all();
        assert!(set.is_empty());
        drop(set);
        running.quiesce();
        assert_eq!(drops.count(), 3);
        send.send(()).unwrap();
        until("the detached one has ended", || drops.count() == 4);
    }
}

#[test]
fn shutdown_waits_for_every_destructor() {
    on_every_flavor(|| async {
        let drops = DropCounter::new();
        let mut set = JoinSet::new();
        for _ in 0..10 {
            let guard = drops.guard();
            set.spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            });
        }
        set.shutdown().await;
        assert_eq!((drops.count(), set.len()), (10, 0));
    });
}

#[test]
fn members_that_are_asked_to_stop_clean_up() {
    on_every_flavor(|| async {
        let mut set = JoinSet::new();
        for number in 0..3 {
            set.spawn(async move {
                task::cancelled().await;
                number
            });
        }
        set.cancel_all();
        assert_eq!(set.join_all().await.len(), 3);
    });
}

#[test]
fn join_all_of_a_set_goes_on_with_a_panic() {
    let running = Flavor::Workers(2).start();
    let task = running.handle().spawn(async {
        let mut set = JoinSet::new();
        set.spawn(pending::<()>());
        set.spawn(async { planned_panic("in a member") });
        set.join_all().await;
    });
    assert!(wait("the panic", task).unwrap_err().is_panic());
}

#[test]
fn waiting_with_a_limit_loses_nothing() {
    on_every_flavor(|| async {
        let mut set = JoinSet::new();
        set.spawn(async { 1 });
        set.spawn(async { 2 });
        let (send, receive) = oneshot::channel();
        set.spawn(async { receive.await.unwrap() });
        let (done, pending) = set.wait(When::AllCompleted, Some(Duration::from_millis(100))).await;
        assert_eq!((done.len(), pending.len()), (2, 1));
        assert!(set.wait(When::FirstCompleted, Some(SHORT)).await.0.is_empty());
        send.send(3).unwrap();
        let (last, pending) = set.wait(When::FirstCompleted, Some(LONG)).await;
        assert_eq!(last.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [3]);
        assert!(pending.is_empty());
        assert!(set.wait(When::AllCompleted, None).await.0.is_empty());
    });
}

#[test]
fn waiting_ends_at_the_first_failure_if_asked_to() {
    on_every_flavor(|| async {
        let mut set = JoinSet::new();
        set.spawn(pending::<u8>());
        set.spawn(async { 1 });
        let aborted = set.spawn(pending::<u8>());
        aborted.abort();
        let (done, pending) = set.wait(When::FirstException, Some(LONG)).await;
        assert!(done.iter().any(Result::is_err));
        assert!((1..=2).contains(&done.len()) && done.len() + pending.len() == 3);

        let panicked = set.spawn(async { planned_panic("in a member") }).id();
        let (done, pending) = set.wait_with_id(When::FirstException, Some(LONG)).await;
        let panics = done.iter().filter_map(|output| output.as_ref().err());
        assert_eq!(panics.map(raddle::task::JoinError::id).collect::<Vec<_>>(), [panicked]);
        assert!(!pending.is_empty());
    });
}

#[test]
fn waiting_ends_at_the_first_output_that_is_enough_and_looks_at_each_once() {
    on_every_flavor(|| async {
        let mut set = JoinSet::new();
        set.spawn(pending::<Result<u8, &str>>());
        for number in 0..3 {
            set.spawn(async move { Ok(number) });
        }
        let (done, pending) =
            set.wait_where(|output| matches!(output, Ok(Ok(1))), Some(LONG)).await;
        assert!(done.iter().flatten().any(|output| *output == Ok(1)));
        assert_eq!(done.len() + pending.len(), 4);
        pending.abort_all();
        let mut looks = 0;
        let left = pending.len();
        let (rest, _) = set
            .wait_where(
                |_| {
                    looks += 1;
                    false
                },
                None,
            )
            .await;
        assert_eq!((rest.len(), looks), (left, left));
    });
}

#[test]
fn a_wait_whose_condition_panics_loses_nothing() {
    on_every_flavor(|| async {
        let mut set = JoinSet::new();
        set.spawn(async { 1 });
        let waits = AssertUnwindSafe(set.wait_where(|_| planned_panic("in a condition"), None));
        assert!(catch_unwind_future(waits).await.is_err());
        assert_eq!(set.len(), 1);
        assert_eq!(set.try_join_next().unwrap().unwrap(), 1);
    });
}

/// Catches the panic of a poll.
async fn catch_unwind_future<F: Future>(future: AssertUnwindSafe<F>) -> std::thread::Result<()> {
    let mut future = pin!(future.0);
    std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(polled) => polled.map(|_| Ok(())),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

#[test]
fn a_wait_that_is_dropped_leaves_its_outputs_to_the_next() {
    let running = Flavor::Workers(1).start();
    let mut set = JoinSet::new();
    let first = set.spawn_on(async { 1 }, running.handle());
    set.spawn_on(pending(), running.handle());
    until("the first has ended", || first.is_finished());
    let (_, waker) = CountingWaker::new();
    {
        let mut waiting = pin!(set.wait(When::AllCompleted, None));
        assert!(poll_once(waiting.as_mut(), &waker).is_pending());
    }
    assert_eq!(set.len(), 2);
    assert_eq!(set.try_join_next().unwrap().unwrap(), 1);
}

#[test]
fn gathering_keeps_the_order_and_every_result() {
    on_every_flavor(|| async {
        let results = join_all((0..5).map(|number| async move {
            if number == 3 {
                planned_panic("the third");
            }
            sleep(SHORT * (5 - number)).await;
            number
        }))
        .await;
        let values: Vec<_> = results.iter().map(|result| result.as_ref().ok().copied()).collect();
        assert_eq!(values, [Some(0), Some(1), Some(2), None, Some(4)]);
        assert!(results[3].as_ref().unwrap_err().is_panic());

        let drops = DropCounter::new();
        let failed = try_join_all((0..3).map(|number| {
            let guard = drops.guard();
            async move {
                let _guard = guard;
                if number == 1 { Err("one") } else { pending::<Result<u8, _>>().await }
            }
        }));
        assert!(matches!(failed.await, Err(TryJoinError::Error("one"))));
        assert_eq!(drops.count(), 3, "aborted and waited for");
        let fine = try_join_all((0..3).map(|number| async move { Ok::<u8, ()>(number) })).await;
        assert_eq!(fine.unwrap(), [0, 1, 2]);
    });
}

#[test]
fn a_gathering_that_is_dropped_aborts_its_tasks() {
    let running = Flavor::Workers(2).start();
    let drops = DropCounter::new();
    let guard = drops.guard();
    let task = running.handle().spawn(join_all([async move {
        let _guard = guard;
        pending::<()>().await;
    }]));
    running.quiesce();
    task.abort();
    until("the child is dropped", || drops.count() == 1);
}

/// Every pair of members × what becomes of the set: each future and each output is dropped once.
#[test]
fn every_combination_drops_everything_once() {
    #[derive(Debug, Clone, Copy)]
    enum Does {
        Returns,
        Panics,
        Never,
    }
    #[derive(Debug, Clone, Copy)]
    enum Set {
        Joined,
        Dropped,
        Detached,
        ShutDown,
        LeftToTheRuntime,
    }
    use {Does::*, Set::*};
    let mut number = 0;
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1), Flavor::Workers(2)] {
        for does in [Returns, Panics, Never] {
            for becomes in [Joined, Dropped, Detached, ShutDown, LeftToTheRuntime] {
                for quiet in [true, false] {
                    number += 1;
                    if number % scale() != 0 {
                        continue;
                    }
                    watched(&format!("{does:?}, {becomes:?}, {quiet} on {flavor:?}"), || {
                        let running = flavor.start();
                        let (futures, outputs) = (DropCounter::new(), DropCounter::new());
                        let mut set = JoinSet::new();
                        for _ in 0..2 {
                            let (future, output) = (futures.guard(), outputs.clone());
                            set.spawn_on(
                                async move {
                                    let _future = future;
                                    match does {
                                        Returns => output.guard(),
                                        Panics => planned_panic("a member"),
                                        Never => pending().await,
                                    }
                                },
                                running.handle(),
                            );
                        }
                        if quiet {
                            running.quiesce();
                        }
                        match becomes {
                            Joined => {
                                if matches!(does, Never) {
                                    set.abort_all();
                                }
                                wait("the members", async {
                                    while set.join_next().await.is_some() {}
                                });
                            }
                            Dropped => drop(set),
                            Detached => set.detach_all(),
                            ShutDown => wait("the shutdown", set.shutdown()),
                            LeftToTheRuntime => {
                                running.stop();
                                assert_eq!(futures.count(), 2);
                                drop(set);
                                // Without quiet, the stop may come before, between or after the two.
                                let fewest = if quiet { 2 } else { 0 };
                                let expected = match does {
                                    Returns => fewest..=2,
                                    Panics | Never => 0..=0,
                                };
                                assert!(expected.contains(&outputs.count()), "{}", outputs.count());
                                return;
                            }
                        }
                        running.stop();
                        assert_eq!(futures.count(), 2);
                    });
                }
            }
        }
    }
}

#[test]
fn tasks_that_had_ended_when_all_were_detached_leave_nothing_behind() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let mut set = JoinSet::new();
            let ended: Vec<_> = (0..3).map(|number| set.spawn(async move { number })).collect();
            while !ended.iter().all(|task| task.is_finished()) {
                raddle::task::yield_now().await;
            }
            set.detach_all();
            set.spawn(async { 7 });
            // The places of the three have rung, and are gone.
            assert_eq!(set.join_next().await.unwrap().unwrap(), 7);
            assert!(set.join_next().await.is_none());
        });
        wait("the set", task).unwrap();
    }
}
