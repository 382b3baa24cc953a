//! The event: who is reached by a set, and who waits on.

use crate::support_block_on::{Task, block_on, poll_with, waker_fn};
use raddle_sync::{Event, budget};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

#[test]
fn an_event_stays_set_until_it_is_cleared() {
    let ready = Event::new();
    let mut tasks: Vec<_> = (0..100).map(|_| Task::waiting(ready.wait())).collect();
    ready.set();
    for task in &mut tasks {
        assert!(task.is_woken());
        task.ready();
    }
    block_on(ready.wait());
    ready.blocking_wait();
    ready.set();
    assert!(ready.is_set());
    ready.clear();
    ready.clear();
    assert!(!ready.is_set());
    let mut late = Task::waiting(ready.wait());
    ready.clear();
    assert!(!late.is_woken());
    ready.set();
    late.ready();
    assert_eq!((ready.stats().waiters, ready.stats().contended), (0, 101));
}

#[test]
fn who_waited_when_it_was_set_goes_on_even_if_it_is_cleared_at_once() {
    let ready = Event::new();
    let mut before = Task::waiting(ready.wait());
    ready.set();
    ready.clear();
    let mut after = Task::waiting(ready.wait());
    before.ready();
    assert!(after.poll().is_pending());
    ready.set();
    after.ready();
}

#[test]
fn a_wait_that_is_dropped_leaves_nothing_behind() {
    let ready = Event::new();
    drop(Task::waiting(ready.wait()));
    let first = Task::waiting(ready.wait());
    let mut second = Task::waiting(ready.wait());
    drop(first);
    assert_eq!(ready.stats().waiters, 1);
    ready.set();
    second.ready();
    drop(second);
    ready.clear();
    let woken = Task::waiting(ready.wait());
    ready.set();
    drop(woken);
    assert!(ready.is_set());
}

#[test]
fn a_waker_may_clear_the_event_drop_other_waiters_and_add_new_ones() {
    let ready = Arc::new(Event::new());
    let inner = Arc::clone(&ready);
    let new = Arc::new(std::sync::Mutex::new(None));
    let slot = Arc::clone(&new);
    let waker = waker_fn(move || {
        inner.clear();
        let mut task = Box::pin({
            let inner = Arc::clone(&inner);
            async move { inner.wait().await }
        });
        assert!(poll_with(task.as_mut(), &waker_fn(|| ())).is_pending());
        *slot.lock().unwrap() = Some(task);
    });
    let mut first = Box::pin(ready.wait());
    assert!(poll_with(first.as_mut(), &waker).is_pending());
    let mut others: Vec<_> = (0..50).map(|_| Task::waiting(ready.wait())).collect();
    ready.set();
    assert!(poll_with(first.as_mut(), &waker).is_ready());
    others.iter_mut().for_each(Task::ready);
    let mut late = new.lock().unwrap().take().unwrap();
    assert!(poll_with(late.as_mut(), &waker_fn(|| ())).is_pending());
    assert_eq!(ready.stats().waiters, 1);
}

#[test]
fn a_waker_that_panics_does_not_cost_the_others_their_wake_up() {
    let ready = Event::new();
    let mut first = Box::pin(ready.wait());
    assert!(poll_with(first.as_mut(), &waker_fn(|| panic!("a bad waker"))).is_pending());
    let mut others: Vec<_> = (0..50).map(|_| Task::waiting(ready.wait())).collect();
    assert!(catch_unwind(AssertUnwindSafe(|| ready.set())).is_err());
    assert!(ready.is_set());
    others.iter_mut().for_each(Task::ready);
}

#[test]
fn waiting_for_what_is_set_spends_budget() {
    let ready = Event::new();
    ready.set();
    budget::refill();
    for _ in 0..budget::DEFAULT {
        Task::new(ready.wait()).ready();
    }
    assert!(Task::waiting(ready.wait()).is_woken());
    budget::clear();
}

#[test]
fn threads_hand_turns_over_with_two_events() {
    let (ping, pong) = (Event::new(), Event::new());
    let turns = AtomicUsize::new(0);
    thread::scope(|threads| {
        threads.spawn(|| {
            for round in 0..2_000 {
                ping.blocking_wait();
                ping.clear();
                assert_eq!(turns.fetch_add(1, Ordering::Relaxed), 2 * round);
                pong.set();
            }
        });
        for round in 0..2_000 {
            ping.set();
            block_on(pong.wait());
            pong.clear();
            assert_eq!(turns.fetch_add(1, Ordering::Relaxed), 2 * round + 1);
        }
    });
}

#[test]
fn debug_shows_the_flag() {
    assert_eq!(format!("{:?}", Event::default()), "Event { is_set: false }");
}
