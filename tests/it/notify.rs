//! `Notify`: who is woken, what is kept, and what a dropped waiter passes on.

use crate::support_block_on::{Task, block_on, poll_with, waker_fn};
use raddle_sync::Notify;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

#[test]
fn the_one_that_waits_longest_is_woken_first() {
    let changed = Notify::new();
    let mut tasks: Vec<_> = (0..3).map(|_| Task::waiting(changed.notified())).collect();
    for next in 0..3 {
        changed.notify_one();
        let woken: Vec<_> = tasks.iter().map(Task::is_woken).collect();
        assert_eq!(woken, (0..3).map(|id| id <= next).collect::<Vec<_>>());
        tasks[next].ready();
    }
}

#[test]
fn the_one_that_came_last_can_be_woken_first() {
    let changed = Notify::new();
    let mut first = Task::waiting(changed.notified());
    let mut last = Task::waiting(changed.notified());
    changed.notify_last();
    assert!(!first.is_woken() && last.is_woken());
    last.ready();
    changed.notify_last();
    first.ready();
}

#[test]
fn one_notification_is_kept_and_no_more() {
    let changed = Notify::new();
    changed.notify_one();
    changed.notify_one();
    block_on(changed.notified());
    drop(Task::waiting(changed.notified()));
}

#[test]
fn waking_everybody_keeps_nothing() {
    let changed = Notify::new();
    changed.notify_waiters();
    drop(Task::waiting(changed.notified()));
}

#[test]
fn waking_everybody_reaches_futures_not_polled_yet_but_none_born_later() {
    let changed = Notify::new();
    let mut born = Task::new(changed.notified());
    let mut waiting = Task::waiting(changed.notified());
    changed.notify_waiters();
    let later = Task::waiting(changed.notified());
    born.ready();
    waiting.ready();
    assert!(!later.is_woken());
}

#[test]
fn waking_everybody_leaves_a_kept_notification_alone() {
    let changed = Notify::new();
    changed.notify_one();
    changed.notify_waiters();
    block_on(changed.notified());
}

#[test]
fn more_waiters_than_fit_one_batch_are_all_woken() {
    let changed = Notify::new();
    let mut tasks: Vec<_> = (0..100).map(|_| Task::waiting(changed.notified())).collect();
    changed.notify_waiters();
    for task in &mut tasks {
        assert!(task.is_woken());
        task.ready();
    }
}

#[test]
fn an_enabled_future_is_in_line_without_being_polled() {
    let changed = Notify::new();
    let mut first = Box::pin(changed.notified());
    assert!(!first.as_mut().enable());
    let second = Task::waiting(changed.notified());
    changed.notify_one();
    assert!(!second.is_woken());
    assert!(first.as_mut().enable());
    block_on(first);
}

#[test]
fn a_notification_that_was_not_seen_goes_to_the_next() {
    let changed = Notify::new();
    let first = Task::waiting(changed.notified());
    let mut second = Task::waiting(changed.notified());
    changed.notify_one();
    drop(first);
    assert!(second.is_woken());
    second.ready();

    let alone = Task::waiting(changed.notified());
    changed.notify_one();
    drop(alone);
    block_on(changed.notified());
}

#[test]
fn a_last_notification_that_was_not_seen_goes_to_the_last() {
    let changed = Notify::new();
    let first = Task::waiting(changed.notified());
    let mut second = Task::waiting(changed.notified());
    let third = Task::waiting(changed.notified());
    changed.notify_last();
    drop(third);
    assert!(second.is_woken() && !first.is_woken());
    second.ready();
}

#[test]
fn a_sweep_that_was_not_seen_is_not_passed_on() {
    let changed = Notify::new();
    let first = Task::waiting(changed.notified());
    changed.notify_waiters();
    let second = Task::waiting(changed.notified());
    drop(first);
    assert!(!second.is_woken());
}

#[test]
fn a_waker_may_drop_other_waiters_and_add_new_ones_during_a_sweep() {
    static CHANGED: Notify = Notify::new();
    let changed = &CHANGED;
    let others = Arc::new(Mutex::new(Vec::new()));
    let mut first = Box::pin(changed.notified());
    let late = Arc::clone(&others);
    // 40 more than fit into one batch, dropped by the waker of the first.
    let waker = waker_fn(move || {
        let mut late = late.lock().unwrap();
        late.clear();
        late.push(Task::waiting(changed.notified()));
        changed.notify_waiters();
    });
    assert!(poll_with(first.as_mut(), &waker).is_pending());
    others.lock().unwrap().extend((0..72).map(|_| Task::waiting(changed.notified())));
    changed.notify_waiters();
    block_on(first);
    others.lock().unwrap()[0].ready();
    assert_eq!(format!("{changed:?}"), "Notify { state: empty }");
}

#[test]
fn a_waker_that_panics_does_not_cost_the_others_their_wake_up() {
    let changed = Notify::new();
    let bad = waker_fn(|| panic!("a bad waker"));
    let mut first = Box::pin(changed.notified());
    assert!(poll_with(first.as_mut(), &bad).is_pending());
    let mut others: Vec<_> = (0..50).map(|_| Task::waiting(changed.notified())).collect();
    assert!(catch_unwind(AssertUnwindSafe(|| changed.notify_waiters())).is_err());
    for other in &mut others {
        assert!(other.is_woken());
        other.ready();
    }
}

#[test]
fn two_threads_play_ping_pong() {
    let ends = Arc::new((Notify::new(), Notify::new()));
    let there = {
        let ends = Arc::clone(&ends);
        thread::spawn(move || {
            for _ in 0..2_000 {
                block_on(ends.0.notified());
                ends.1.notify_one();
            }
        })
    };
    for _ in 0..2_000 {
        ends.0.notify_one();
        block_on(ends.1.notified());
    }
    there.join().unwrap();
}

#[test]
fn a_waiter_that_keeps_giving_up_takes_nothing_from_a_patient_one() {
    const ROUNDS: usize = 2_000;
    let (item, taken) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let there = Arc::new(AtomicBool::new(false));
    let done = Arc::new(AtomicBool::new(false));
    let impatient = {
        let (item, done) = (Arc::clone(&item), Arc::clone(&done));
        thread::spawn(move || {
            while !done.load(Ordering::SeqCst) {
                if Task::new(item.notified()).poll().is_ready() {
                    item.notify_one();
                }
            }
        })
    };
    let patient = {
        let (item, taken, there) = (Arc::clone(&item), Arc::clone(&taken), Arc::clone(&there));
        thread::spawn(move || {
            for _ in 0..ROUNDS {
                while !there.swap(false, Ordering::SeqCst) {
                    block_on(item.notified());
                }
                taken.notify_one();
            }
        })
    };
    for _ in 0..ROUNDS {
        there.store(true, Ordering::SeqCst);
        item.notify_one();
        block_on(taken.notified());
    }
    done.store(true, Ordering::SeqCst);
    patient.join().unwrap();
    impatient.join().unwrap();
}

#[test]
fn an_owned_future_waits_in_the_same_line_and_keeps_the_notify_alive() {
    let changed = Arc::new(Notify::new());
    let owned = Task::waiting(Arc::clone(&changed).notified_owned());
    let mut borrowed = Task::waiting(changed.notified());
    changed.notify_one();
    assert!(owned.is_woken() && !borrowed.is_woken());
    drop(owned);
    borrowed.ready();
    drop(borrowed);
    let born_before = Arc::clone(&changed).notified_owned();
    let waiting = Task::waiting(Arc::clone(&changed).notified_owned());
    changed.notify_waiters();
    let watch = Arc::downgrade(&changed);
    drop(changed);
    assert!(waiting.is_woken() && watch.upgrade().is_some());
    thread::spawn(move || block_on(born_before)).join().unwrap();
    drop(waiting);
    assert!(watch.upgrade().is_none());
}

#[test]
fn an_owned_future_that_is_still_in_line_leaves_it_when_dropped() {
    let changed = Arc::new(Notify::new());
    let mut enabled = Box::pin(Arc::clone(&changed).notified_owned());
    assert!(!enabled.as_mut().enable());
    assert_eq!(changed.stats().waiters, 1);
    drop(enabled);
    assert_eq!(changed.stats().waiters, 0);
    // The last reference to the line is the waiter's own.
    drop(Task::waiting(changed.notified_owned()));
}
