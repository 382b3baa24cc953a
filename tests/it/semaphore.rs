//! Permits: order, conservation, closing, and what happens to those of a waiter that leaves.

use crate::support_block_on::{Task, block_on, poll_with, waker_fn};
use raddle_sync::{AcquireError, Semaphore, TryAcquireError, budget};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
    thread,
};

#[test]
fn permits_are_handed_out_in_the_order_of_asking() {
    let gate = Semaphore::new(0);
    let mut first = Task::waiting(gate.acquire());
    let mut second = Task::waiting(gate.acquire());
    gate.add_permits(1);
    assert!(first.is_woken() && !second.is_woken());
    let permit = first.ready().unwrap();
    assert!(second.poll().is_pending());
    drop(permit);
    assert!(second.is_woken());
    drop(second.ready().unwrap());
    assert_eq!(gate.available_permits(), 1);
}

#[test]
fn a_request_for_many_is_not_starved_by_small_ones_behind_it() {
    let gate = Semaphore::new(2);
    let mut large = Task::waiting(gate.acquire_many(3));
    let mut small = Task::waiting(gate.acquire());
    assert_eq!(gate.available_permits(), 0, "the two are being kept for the first in line");
    assert_eq!(gate.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    gate.add_permits(1);
    let permits = large.ready().unwrap();
    assert!(!small.is_woken());
    drop(permits);
    assert!(small.ready().is_ok());
}

#[test]
fn dropping_an_acquire_that_was_served_unseen_passes_its_permit_on() {
    let gate = Semaphore::new(0);
    let first = Task::waiting(gate.acquire());
    let mut second = Task::waiting(gate.acquire());
    gate.add_permits(1);
    drop(first);
    assert!(second.is_woken());
    assert!(second.ready().is_ok());
}

#[test]
fn dropping_a_large_request_gives_back_what_it_had_collected() {
    let gate = Semaphore::new(2);
    let large = Task::waiting(gate.acquire_many(5));
    let mut small = Task::waiting(gate.acquire());
    drop(large);
    assert!(small.is_woken());
    let permit = small.ready().unwrap();
    assert_eq!(gate.available_permits(), 1);
    drop(permit);
    assert_eq!(gate.available_permits(), 2);
}

#[test]
fn leaving_from_the_middle_of_the_line_keeps_the_rest_in_order() {
    let gate = Semaphore::new(0);
    let mut tasks: Vec<_> = (0..5).map(|_| Some(Task::waiting(gate.acquire()))).collect();
    for leaving in [2, 0, 4] {
        tasks[leaving] = None;
    }
    gate.add_permits(1);
    assert!(tasks[1].as_ref().unwrap().is_woken());
    assert!(!tasks[3].as_ref().unwrap().is_woken());
    tasks[1].as_mut().unwrap().ready().unwrap().forget();
    gate.add_permits(1);
    assert!(tasks[3].as_mut().unwrap().ready().is_ok());
}

#[test]
fn who_is_first_because_the_one_before_was_served_leaves_as_the_first() {
    let gate = Semaphore::new(0);
    let mut served = Task::waiting(gate.acquire());
    let first = Task::waiting(gate.acquire());
    let mut second = Task::waiting(gate.acquire());
    gate.add_permits(1);
    served.ready().unwrap().forget();
    drop(served); // What was before `first` is gone.
    drop(first);
    gate.add_permits(1);
    second.ready().unwrap().forget();
    // And so when there is nobody behind.
    let mut served = Task::waiting(gate.acquire());
    let last = Task::waiting(gate.acquire());
    gate.add_permits(1);
    served.ready().unwrap().forget();
    drop(served);
    drop(last);
    gate.add_permits(1);
    assert_eq!(gate.available_permits(), 1);
}

#[test]
fn many_permits_at_once_wake_more_waiters_than_fit_one_batch() {
    let gate = Semaphore::new(0);
    let mut tasks: Vec<_> = (0..100).map(|_| Task::waiting(gate.acquire())).collect();
    gate.add_permits(101);
    assert_eq!(gate.available_permits(), 1);
    for task in &mut tasks {
        assert!(task.is_woken());
        task.ready().unwrap().forget();
    }
    assert_eq!(gate.available_permits(), 1);
}

#[test]
fn closing_wakes_everybody_and_permits_still_come_back() {
    let gate = Semaphore::new(1);
    let held = gate.try_acquire().unwrap();
    let mut tasks: Vec<_> = (0..100).map(|_| Task::waiting(gate.acquire())).collect();
    gate.close();
    for task in &mut tasks {
        assert!(task.is_woken());
        let AcquireError { .. } = task.ready().unwrap_err();
    }
    assert_eq!(gate.try_acquire().unwrap_err(), TryAcquireError::Closed);
    assert!(block_on(gate.acquire()).is_err());
    drop(held);
    assert_eq!(gate.available_permits(), 1);
    assert!(gate.is_closed());
}

#[test]
fn closing_returns_what_a_large_request_had_collected() {
    let gate = Semaphore::new(2);
    let mut polled = Task::waiting(gate.acquire_many(3));
    gate.close();
    assert!(polled.ready().is_err());
    assert_eq!(gate.available_permits(), 2);

    let gate = Semaphore::new(2);
    let dropped = Task::waiting(gate.acquire_many(3));
    gate.close();
    drop(dropped);
    assert_eq!(gate.available_permits(), 2);
}

#[test]
fn permits_can_be_forgotten_merged_and_split() {
    let gate = Arc::new(Semaphore::new(6));
    let mut permits = gate.try_acquire_many(3).unwrap();
    permits.merge(gate.try_acquire().unwrap());
    assert_eq!(permits.num_permits(), 4);
    permits.split(1).unwrap().forget();
    assert!(permits.split(4).is_none());
    drop(permits);
    assert_eq!(gate.available_permits(), 5);
    assert_eq!(gate.forget_permits(9), 5);
    gate.add_permits(2);
    let mut owned = Arc::clone(&gate).try_acquire_many_owned(2).unwrap();
    drop(owned.split(1).unwrap());
    assert_eq!((owned.num_permits(), gate.available_permits()), (1, 1));
}

#[test]
#[should_panic(expected = "different semaphores")]
fn permits_of_different_semaphores_do_not_merge() {
    let (one, other) = (Semaphore::new(1), Semaphore::new(1));
    one.try_acquire().unwrap().merge(other.try_acquire().unwrap());
}

#[test]
fn too_many_permits_panic_and_add_nothing() {
    let gate = Semaphore::new(Semaphore::MAX_PERMITS);
    assert!(catch_unwind(|| gate.add_permits(1)).is_err());
    assert_eq!(gate.available_permits(), Semaphore::MAX_PERMITS);
    assert!(catch_unwind(|| Semaphore::new(Semaphore::MAX_PERMITS + 1)).is_err());
}

#[test]
fn too_many_permits_panic_also_past_a_line_that_has_just_gone() {
    for waiting in [1, 2] {
        let gate = Semaphore::new(0);
        let tasks: Vec<_> = (0..waiting).map(|_| Task::waiting(gate.acquire())).collect();
        gate.add_permits(Semaphore::MAX_PERMITS);
        assert_eq!(gate.available_permits(), Semaphore::MAX_PERMITS - waiting);
        assert!(catch_unwind(|| gate.add_permits(waiting + 1)).is_err());
        assert_eq!(gate.available_permits(), Semaphore::MAX_PERMITS - waiting);
        drop(tasks);
        assert_eq!(gate.available_permits(), Semaphore::MAX_PERMITS);
    }
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    let gate = Semaphore::new(0);
    let mut task = Task::waiting(gate.acquire());
    let woken = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&woken);
    let waker = waker_fn(move || flag.store(true, Ordering::SeqCst));
    assert!(poll_with(task.pin(), &waker).is_pending());
    gate.add_permits(1);
    assert!(woken.load(Ordering::SeqCst) && !task.is_woken());
}

#[test]
fn a_waker_that_panics_does_not_cost_the_others_their_permits() {
    let gate = Semaphore::new(0);
    let bad = waker_fn(|| panic!("a bad waker"));
    let mut first = Box::pin(gate.acquire());
    assert!(poll_with(first.as_mut(), &bad).is_pending());
    let mut second = Task::waiting(gate.acquire());
    let mut third = Task::waiting(gate.acquire());
    assert!(catch_unwind(AssertUnwindSafe(|| gate.add_permits(3))).is_err());
    assert!(second.ready().is_ok() && third.ready().is_ok());
    drop(first);
    assert_eq!(gate.available_permits(), 3);
}

#[test]
fn a_waker_may_use_the_semaphore_it_was_woken_by() {
    let gate = Arc::new(Semaphore::new(0));
    let inner = Arc::clone(&gate);
    let waker = waker_fn(move || {
        inner.add_permits(1);
        inner.close();
    });
    let mut task = Box::pin(gate.acquire());
    assert!(poll_with(task.as_mut(), &waker).is_pending());
    gate.add_permits(1);
    assert!(poll_with(task.as_mut(), &waker).is_ready());
}

#[test]
fn a_leaked_waiter_leaves_the_semaphore_usable() {
    let gate = Box::new(Semaphore::new(0));
    // Leaked for good, but where a leak checker finds it.
    static LEAKED: AtomicUsize = AtomicUsize::new(0);
    let leaked = Box::into_raw(Box::new(Task::waiting(gate.acquire())));
    LEAKED.store(leaked.expose_provenance(), Ordering::SeqCst);
    let mut second = Task::waiting(gate.acquire());
    gate.add_permits(2);
    assert!(second.ready().is_ok());
    drop(second);
    drop(gate);
}

#[test]
fn a_task_that_never_waits_yields_when_its_budget_is_spent() {
    let gate = Semaphore::new(1);
    budget::refill();
    for _ in 0..budget::DEFAULT {
        assert!(Task::new(gate.acquire()).ready().is_ok());
    }
    let mut task = Task::waiting(gate.acquire());
    assert!(task.is_woken(), "it yields, and wants to be polled again");
    assert_eq!(gate.available_permits(), 1);
    assert!(block_on(budget::unconstrained(gate.acquire())).is_ok());
    budget::refill();
    assert!(task.ready().is_ok());
    budget::clear();
}

#[test]
fn waiting_costs_no_budget() {
    let gate = Semaphore::new(0);
    budget::refill();
    let mut task = Task::new(gate.acquire());
    for _ in 0..10 * usize::from(budget::DEFAULT) {
        assert!(task.poll().is_pending());
    }
    assert!(!task.is_woken());
    budget::clear();
}

#[test]
fn threads_and_tasks_share_permits_without_loss() {
    let gate = Arc::new(Semaphore::new(3));
    let threads: Vec<_> = (0..4)
        .map(|id| {
            let gate = Arc::clone(&gate);
            thread::spawn(move || {
                for round in 0..2_000u32 {
                    match (id + round) % 4 {
                        0 => drop(gate.blocking_acquire_many(1 + round % 3).unwrap()),
                        1 => drop(block_on(Arc::clone(&gate).acquire_many_owned(2)).unwrap()),
                        2 => drop(gate.try_acquire()),
                        _ => {
                            let mut task = Task::new(gate.acquire_many(3));
                            if let Poll::Ready(permits) = task.poll() {
                                drop(permits.unwrap());
                            }
                        }
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(gate.available_permits(), 3);
}

#[test]
fn debug_shows_the_state() {
    let gate = Semaphore::new(2);
    let _permit = gate.try_acquire().unwrap();
    assert_eq!(format!("{gate:?}"), "Semaphore { available_permits: 1, closed: false }");
}
