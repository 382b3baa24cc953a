//! The barrier: rounds, leaders, and those who leave.

use crate::support_block_on::{Task, block_on};
use raddle_sync::Barrier;
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::Poll,
    thread,
};

#[test]
fn nobody_passes_before_all_have_come_and_the_last_one_leads() {
    let barrier = Barrier::new(3);
    for _ in 0..3 {
        let mut first = Task::waiting(barrier.wait());
        let mut second = Task::waiting(barrier.wait());
        assert!(!first.is_woken());
        assert!(Task::new(barrier.wait()).ready().is_leader());
        assert!(first.is_woken() && second.is_woken());
        assert!(!first.ready().is_leader() && !second.ready().is_leader());
    }
    assert_eq!((barrier.stats().waiters, barrier.stats().contended), (0, 6));
}

#[test]
fn a_barrier_for_one_or_none_lets_everybody_pass() {
    for size in [0, 1] {
        let barrier = Barrier::new(size);
        assert!(Task::new(barrier.wait()).ready().is_leader());
        assert!(barrier.blocking_wait().is_leader());
    }
}

#[test]
fn who_leaves_before_the_round_is_complete_does_not_count() {
    let barrier = Barrier::new(2);
    drop(Task::waiting(barrier.wait()));
    let mut first = Task::waiting(barrier.wait());
    let second = Task::new(barrier.wait()).ready();
    assert!(second.is_leader() && !first.ready().is_leader());
}

#[test]
fn who_leaves_after_the_round_was_complete_changes_nothing() {
    let barrier = Barrier::new(2);
    let first = Task::waiting(barrier.wait());
    assert!(Task::new(barrier.wait()).ready().is_leader());
    drop(first);
    let mut first = Task::waiting(barrier.wait());
    assert!(Task::new(barrier.wait()).ready().is_leader());
    assert!(!first.ready().is_leader());
}

#[test]
fn a_large_barrier_lets_all_of_a_round_through_and_nobody_of_the_next() {
    let barrier = Barrier::new(100);
    let mut round: Vec<_> = (0..99).map(|_| Task::waiting(barrier.wait())).collect();
    assert!(Task::new(barrier.wait()).ready().is_leader());
    let mut early = Task::waiting(barrier.wait());
    assert!(
        round
            .iter_mut()
            .all(|task| matches!(task.poll(), Poll::Ready(result) if !result.is_leader()))
    );
    assert!(early.poll().is_pending());
}

#[test]
fn threads_stay_in_step() {
    const ROUNDS: usize = 500;
    let barrier = Barrier::new(4);
    let (arrived, leaders) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|threads| {
        for id in 0..4 {
            let (barrier, arrived, leaders) = (&barrier, &arrived, &leaders);
            threads.spawn(move || {
                for round in 1..=ROUNDS {
                    arrived.fetch_add(1, Ordering::Relaxed);
                    let result = if id % 2 == 0 {
                        barrier.blocking_wait()
                    } else {
                        block_on(barrier.wait())
                    };
                    leaders.fetch_add(usize::from(result.is_leader()), Ordering::Relaxed);
                    let seen = arrived.load(Ordering::Relaxed);
                    assert!(seen >= 4 * round, "somebody went ahead: {seen} in round {round}");
                }
            });
        }
    });
    assert_eq!(leaders.into_inner(), ROUNDS);
}

#[test]
fn debug_shows_how_many_wait() {
    let barrier = Barrier::new(2);
    let _waiting = Task::waiting(barrier.wait());
    assert_eq!(format!("{barrier:?}"), "Barrier { size: 2, waiting: 1 }");
}
