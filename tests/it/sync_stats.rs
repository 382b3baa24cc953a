//! What the statistics of the locks count, and when they leave the clock alone.

use crate::support_block_on::{Task, block_on};
use raddle_sync::{Mutex, Notify, Semaphore, Stats};
use std::{
    thread,
    time::{Duration, Instant},
};

/// What was counted, without the time.
fn counts(stats: Stats) -> (usize, u64) {
    (stats.waiters, stats.contended)
}

#[test]
fn a_lock_that_is_free_counts_nobody() {
    let lock = Mutex::new(());
    drop(block_on(lock.lock()));
    assert!(lock.try_lock().is_ok());
    assert_eq!(lock.stats(), Stats::default());
}

#[test]
fn who_waits_is_counted_until_served_or_gone() {
    let gate = Semaphore::new(0);
    let mut first = Task::waiting(gate.acquire());
    let second = Task::waiting(gate.acquire_many(2));
    let third = Task::waiting(gate.acquire());
    assert_eq!(counts(gate.stats()), (3, 3));
    drop(second);
    assert_eq!(counts(gate.stats()), (2, 3));
    gate.add_permits(1);
    assert_eq!(counts(gate.stats()), (1, 3), "the first is served, whether it knows or not");
    first.ready().unwrap().forget();
    gate.close();
    assert_eq!(counts(gate.stats()), (0, 3));
    drop(third);
    assert_eq!(counts(gate.stats()), (0, 3));
}

#[test]
fn a_sweep_leaves_nobody_in_line() {
    let changed = Notify::new();
    let tasks: Vec<_> = (0..100).map(|_| Task::waiting(changed.notified())).collect();
    assert_eq!(counts(changed.stats()), (100, 100));
    changed.notify_waiters();
    assert_eq!(counts(changed.stats()), (0, 100));
    drop(tasks);
    assert_eq!(counts(changed.stats()), (0, 100));
}

#[test]
fn waits_are_timed_only_after_it_was_asked_for() {
    let lock = Mutex::new(());
    let held = lock.try_lock().unwrap();
    let mut untimed = Task::waiting(lock.lock());
    lock.enable_stats();
    let born = Instant::now();
    let mut timed = Task::waiting(lock.lock());
    // Some time has to pass: what is measured must be at least that.
    while born.elapsed() < Duration::from_millis(2) {
        thread::yield_now();
    }
    drop(held);
    assert_eq!(lock.stats().longest_wait, Duration::ZERO, "it waited before that");
    drop(untimed.ready());
    let longest = lock.stats().longest_wait;
    assert!(longest >= Duration::from_millis(2) && longest <= born.elapsed(), "{longest:?}");
    drop(timed.ready());
    let held = lock.try_lock().unwrap();
    drop(Task::waiting(lock.lock()));
    lock.enable_stats();
    assert!(lock.stats().longest_wait >= longest, "asking again forgets nothing");
    drop(held);
}
