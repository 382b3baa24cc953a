//! Values that come once: made by who needs them first, or set by who has them.

use crate::support_block_on::{Drops, Task, block_on};
use raddle_sync::{Event, OnceCell, SetError, SetOnce, SetOnceError};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

#[test]
fn the_first_one_makes_the_value_and_the_others_wait() {
    let (cell, ready) = (OnceCell::new(), Event::new());
    let mut first = Task::waiting(cell.get_or_init(|| async {
        ready.wait().await;
        1
    }));
    let mut second = Task::waiting(cell.get_or_init(|| async { 2 }));
    assert_eq!(cell.set(3), Err(SetError::InitializingError(3)));
    assert_eq!((cell.get(), cell.stats().waiters), (None, 1));
    ready.set();
    assert_eq!(first.ready(), &1);
    assert!(second.is_woken());
    assert_eq!((second.ready(), cell.get()), (&1, Some(&1)));
    assert_eq!(cell.set(4), Err(SetError::AlreadyInitializedError(4)));
    assert_eq!(block_on(cell.get_or_init(|| async { 5 })), &1);
}

#[test]
fn if_the_first_one_fails_panics_or_is_dropped_the_next_one_tries() {
    let (cell, ready) = (OnceCell::new(), Event::new());
    let mut failing = Task::waiting(cell.get_or_try_init(|| async {
        ready.wait().await;
        Err("no")
    }));
    let mut panicking = Task::waiting(cell.get_or_init(|| async { panic!("while making it") }));
    let dropped = Task::waiting(cell.get_or_init(std::future::pending));
    let mut making = Task::waiting(cell.get_or_try_init(|| async { Ok::<_, ()>(4) }));
    ready.set();
    assert_eq!(failing.ready(), Err("no"));
    assert!(panicking.is_woken() && !dropped.is_woken());
    assert!(catch_unwind(AssertUnwindSafe(|| panicking.poll().is_ready())).is_err());
    drop(panicking);
    assert!(dropped.is_woken() && !making.is_woken());
    drop(dropped);
    assert_eq!(making.ready(), Ok(&4));
}

#[test]
fn one_that_is_dropped_while_it_makes_the_value_lets_the_next_one_try() {
    let cell = OnceCell::new();
    let making = Task::waiting(cell.get_or_init(std::future::pending));
    drop(making);
    cell.set(1).unwrap();
    assert_eq!(cell.into_inner(), Some(1));
}

#[test]
fn values_are_dropped_once() {
    let drops = Drops::default();
    let mut cell = OnceCell::from(drops.counted());
    drop(cell.take());
    assert_eq!((drops.count(), cell.initialized()), (1, false));
    assert!(cell.set(drops.counted()).is_ok());
    assert!(cell.set(drops.counted()).is_err());
    assert_eq!(drops.count(), 2);
    drop(cell);
    assert_eq!(drops.count(), 3);
    drop(OnceCell::<u8>::new());

    let once = SetOnce::new();
    assert!(once.set(drops.counted()).is_ok());
    assert!(once.set(drops.counted()).is_err());
    assert_eq!(drops.count(), 4);
    drop(once.into_inner());
    assert_eq!(drops.count(), 5);
    drop(SetOnce::from(drops.counted()));
    assert_eq!(drops.count(), 6);
}

#[test]
fn cells_with_a_value_can_be_changed_cloned_compared_and_shown() {
    let mut cell = OnceCell::new_with(Some(1));
    *cell.get_mut().unwrap() += 1;
    assert_eq!(cell.clone(), OnceCell::from(2));
    assert_eq!(
        format!("{cell:?} {:?}", OnceCell::<u8>::default()),
        "OnceCell { value: Some(2) } OnceCell { value: None }"
    );
    assert_eq!(SetOnce::from(2).clone(), SetOnce::new_with(Some(2)));
    assert_ne!(SetOnce::from(2), SetOnce::new_with(None));
    assert_eq!(format!("{:?}", SetOnce::from(2)), "SetOnce { value: Some(2) }");
}

#[test]
fn who_waits_for_a_value_gets_it_when_it_is_set() {
    let once = SetOnce::new();
    let mut tasks: Vec<_> = (0..100).map(|_| Task::waiting(once.wait())).collect();
    drop(Task::waiting(once.wait()));
    once.set(1).unwrap();
    for task in &mut tasks {
        assert!(task.is_woken());
        assert_eq!(task.ready(), &1);
    }
    assert_eq!(once.set(2), Err(SetOnceError(2)));
    assert_eq!(
        (Task::new(once.wait()).ready(), once.blocking_wait(), once.get()),
        (&1, &1, Some(&1))
    );
    assert_eq!((once.stats().waiters, once.stats().contended), (0, 101));
}

#[test]
fn of_many_threads_one_makes_or_sets_the_value() {
    for _ in 0..200 {
        let (cell, once, made) = (OnceCell::new(), SetOnce::new(), AtomicUsize::new(0));
        thread::scope(|threads| {
            for id in 0..4 {
                let (cell, once, made) = (&cell, &once, &made);
                threads.spawn(move || {
                    let value = block_on(cell.get_or_init(|| async {
                        made.fetch_add(1, Ordering::Relaxed);
                        id
                    }));
                    let set = once.set(id).is_ok();
                    let seen = *once.get().expect("a set that failed has found a value");
                    assert!(!set || seen == id);
                    assert_eq!((once.blocking_wait(), cell.get()), (&seen, Some(value)));
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
    }
}
