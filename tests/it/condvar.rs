//! The condition variable: nothing missed, nothing lost by who gives up.

use crate::support_block_on::{Task, block_on};
use raddle_sync::{Condvar, Mutex};
use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

#[test]
fn a_wait_gives_the_mutex_up_and_gets_it_back() {
    let (lock, changed) = (Mutex::new(1), Condvar::new());
    let mut waiting = Task::waiting(changed.wait(lock.try_lock().unwrap()));
    let mut guard = lock.try_lock().unwrap();
    *guard = 2;
    changed.notify_one();
    assert!(waiting.is_woken());
    assert!(waiting.poll().is_pending(), "the mutex is held");
    drop(guard);
    assert_eq!(*waiting.ready(), 2);
}

#[test]
fn notifications_go_in_the_order_of_waiting_and_are_not_kept() {
    let (lock, changed) = (Mutex::new(()), Condvar::new());
    changed.notify_one();
    changed.notify_all();
    let mut first = Task::waiting(changed.wait(lock.try_lock().unwrap()));
    let mut second = Task::waiting(changed.wait(lock.try_lock().unwrap()));
    assert_eq!(changed.stats().waiters, 2);
    changed.notify_one();
    assert!(first.is_woken() && !second.is_woken());
    drop(first.ready());
    changed.notify_one();
    drop(second.ready());
    let mut both: Vec<_> =
        (0..50).map(|_| Task::waiting(changed.wait(lock.try_lock().unwrap()))).collect();
    changed.notify_all();
    both.iter_mut().for_each(|task| drop(task.ready()));
    assert_eq!((changed.stats().waiters, changed.stats().contended), (0, 52));
}

#[test]
fn a_notification_that_was_not_seen_goes_to_the_next() {
    let (lock, changed) = (Mutex::new(()), Condvar::new());
    let first = Task::waiting(changed.wait(lock.try_lock().unwrap()));
    let mut second = Task::waiting(changed.wait(lock.try_lock().unwrap()));
    changed.notify_one();
    drop(first);
    assert!(second.is_woken());
    drop(second.ready());
    assert!(lock.try_lock().is_ok());
}

#[test]
fn a_notification_of_one_that_gives_up_while_locking_again_goes_to_the_next() {
    let (lock, changed) = (Mutex::new(()), Condvar::new());
    let mut first = Task::waiting(changed.wait(lock.try_lock().unwrap()));
    let mut second = Task::waiting(changed.wait(lock.try_lock().unwrap()));
    let guard = lock.try_lock().unwrap();
    changed.notify_one();
    assert!(first.poll().is_pending());
    assert!(!second.is_woken());
    drop(first);
    assert!(second.is_woken());
    drop(guard);
    drop(second.ready());
}

#[test]
fn who_was_woken_with_everybody_passes_nothing_on() {
    let (lock, changed) = (Mutex::new(()), Condvar::new());
    let first = Task::waiting(changed.wait(lock.try_lock().unwrap()));
    changed.notify_all();
    let second = Task::waiting(changed.wait(lock.try_lock().unwrap()));
    drop(first);
    assert!(!second.is_woken());
}

#[test]
fn wait_while_waits_only_while_the_condition_holds() {
    let (lock, changed) = (Mutex::new(0), Condvar::new());
    let below = |limit| move |count: &mut i32| *count < limit;
    drop(Task::new(changed.wait_while(lock.try_lock().unwrap(), below(0))).ready());
    let mut task = Task::waiting(changed.wait_while(lock.try_lock().unwrap(), below(2)));
    for _ in 0..2 {
        assert!(task.poll().is_pending());
        *lock.try_lock().unwrap() += 1;
        changed.notify_one();
    }
    assert_eq!(*task.ready(), 2);
}

#[test]
fn a_condition_that_panics_unlocks_the_mutex_and_passes_the_notification_on() {
    let (lock, changed) = (Mutex::new(false), Condvar::new());
    let mut calls = 0;
    let mut bad = Task::waiting(changed.wait_while(lock.try_lock().unwrap(), move |_| {
        calls += 1;
        assert!(calls < 2, "at the second look");
        true
    }));
    let mut good = Task::waiting(changed.wait_while(lock.try_lock().unwrap(), |go| !*go));
    *lock.try_lock().unwrap() = true;
    changed.notify_one();
    assert!(!good.is_woken());
    assert!(catch_unwind(AssertUnwindSafe(|| bad.poll().is_ready())).is_err());
    assert!(good.is_woken());
    assert!(*good.ready());
}

#[test]
fn producers_and_consumers_lose_no_letter() {
    const LETTERS: usize = 4_000;
    let (inbox, changed) = (Mutex::new(VecDeque::new()), Condvar::new());
    let mut received = thread::scope(|threads| {
        for half in 0..2 {
            let (inbox, changed) = (&inbox, &changed);
            threads.spawn(move || {
                for letter in (0..LETTERS).filter(|letter| letter % 2 == half) {
                    inbox.blocking_lock().push_back(letter);
                    changed.notify_one();
                    // One that gives up, perhaps with that notification in its hands.
                    if let Ok(guard) = inbox.try_lock() {
                        drop(Task::new(changed.wait(guard)).poll());
                    }
                }
            });
        }
        let take = || {
            let (inbox, changed) = (&inbox, &changed);
            threads.spawn(move || {
                (0..LETTERS / 2)
                    .map(|round| {
                        let empty = |letters: &mut VecDeque<_>| letters.is_empty();
                        let mut letters = if round % 2 == 0 {
                            block_on(async { changed.wait_while(inbox.lock().await, empty).await })
                        } else {
                            changed.blocking_wait_while(inbox.blocking_lock(), empty)
                        };
                        letters.pop_front().unwrap()
                    })
                    .collect::<Vec<usize>>()
            })
        };
        [take(), take()].map(|taker| taker.join().unwrap()).concat()
    });
    received.sort_unstable();
    assert!(received.into_iter().eq(0..LETTERS));
}

#[test]
fn debug_shows_whether_somebody_waits() {
    assert_eq!(format!("{:?}", Condvar::default()), "Condvar { is_waited_on: false }");
}
