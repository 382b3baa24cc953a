//! The mutex: order, hand-over, panics, and guards that travel.

use crate::support_block_on::{Task, block_on};
use raddle_sync::{
    MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard, RwLock, Semaphore,
    budget, mpsc,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

#[test]
fn the_mutex_is_handed_over_in_the_order_of_asking() {
    let lock = Mutex::new(Vec::new());
    let guard = lock.try_lock().unwrap();
    let mut first = Task::waiting(lock.lock());
    let mut second = Task::waiting(lock.lock());
    drop(guard);
    assert!(first.is_woken() && !second.is_woken());
    assert!(lock.try_lock().is_err(), "it belongs to the first in line already");
    first.ready().push(1);
    assert!(second.is_woken());
    second.ready().push(2);
    assert_eq!(*lock.try_lock().unwrap(), [1, 2]);
}

#[test]
fn dropping_a_lock_that_was_served_unseen_passes_the_mutex_on() {
    let lock = Mutex::new(());
    let guard = lock.try_lock().unwrap();
    let first = Task::waiting(lock.lock());
    let mut second = Task::waiting(lock.lock());
    drop(guard);
    drop(first);
    drop(second.ready());
    assert!(lock.try_lock().is_ok());
}

#[test]
fn dropping_a_waiting_lock_leaves_the_line() {
    let lock = Mutex::new(());
    let guard = lock.try_lock().unwrap();
    drop(Task::waiting(lock.lock()));
    drop(guard);
    assert!(lock.try_lock().is_ok());
}

#[test]
fn a_panic_unlocks_the_mutex_and_keeps_the_value() {
    let lock = Mutex::new(1);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = lock.try_lock().unwrap();
        *guard = 2;
        panic!("while holding the lock");
    }));
    assert!(outcome.is_err());
    assert_eq!(*block_on(lock.lock()), 2);
}

#[test]
fn guards_travel_between_threads() {
    let lock = Arc::new(Mutex::new(0));
    let mut owned = Arc::clone(&lock).try_lock_owned().unwrap();
    assert!(Arc::ptr_eq(OwnedMutexGuard::mutex(&owned), &lock));
    thread::spawn(move || *owned += 1).join().unwrap();
    thread::scope(|threads| {
        let mut guard = lock.blocking_lock();
        threads.spawn(move || *guard += 1);
    });
    assert_eq!(*block_on(Arc::clone(&lock).lock_owned()), 2);
}

#[test]
fn threads_and_tasks_count_without_loss() {
    let lock = Arc::new(Mutex::new(0u32));
    let threads: Vec<_> = (0..4)
        .map(|id| {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                for round in 0..2_000 {
                    match (id + round) % 4 {
                        0 => *lock.blocking_lock() += 1,
                        1 => *block_on(lock.lock()) += 1,
                        2 => *block_on(Arc::clone(&lock).lock_owned()) += 1,
                        _ => {
                            // One that gives up at once, whether it got the lock or not.
                            drop(Task::new(lock.lock()).poll());
                            *lock.blocking_lock() += 1;
                        }
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*lock.try_lock().unwrap(), 8_000);
}

#[test]
fn a_mutex_may_hold_what_has_no_size() {
    let lock: Arc<Mutex<[u8]>> = Arc::new(Mutex::new([1, 2, 3]));
    lock.try_lock().unwrap()[0] = 9;
    assert_eq!(block_on(lock.lock_owned())[..], [9, 2, 3]);
}

#[test]
fn debug_shows_the_value_or_that_it_is_locked() {
    let lock = Mutex::new(7);
    assert_eq!(format!("{lock:?}"), "Mutex { data: 7 }");
    let guard = lock.try_lock().unwrap();
    assert_eq!(format!("{lock:?} {guard:?}"), "Mutex { data: <locked> } 7");
    assert!(std::ptr::eq(MutexGuard::mutex(&guard), &raw const lock));
}

#[test]
fn a_guard_for_a_part_keeps_the_whole_locked() {
    let lock = Mutex::new((1, [2, 3]));
    let pair = MutexGuard::map(lock.try_lock().unwrap(), |whole| &mut whole.1);
    let mut last = MappedMutexGuard::map(pair, |pair| &mut pair[1]);
    *last = 4;
    assert!(lock.try_lock().is_err());
    let mut waiting = Task::waiting(lock.lock());
    drop(last);
    assert_eq!(*waiting.ready(), (1, [2, 4]));
}

#[test]
fn a_part_that_is_not_there_gives_the_guard_back() {
    let lock = Arc::new(Mutex::new(vec![[1, 2]]));
    let guard = MutexGuard::try_map(lock.try_lock().unwrap(), |list| list.get_mut(1));
    let guard = MutexGuard::try_map(guard.unwrap_err(), |list| list.get_mut(0)).unwrap();
    let guard = MappedMutexGuard::try_map(guard, |pair| pair.get_mut(2)).unwrap_err();
    assert!(lock.try_lock().is_err());
    drop(guard);
    let guard = Arc::clone(&lock).try_lock_owned().unwrap();
    let guard = OwnedMutexGuard::try_map(guard, |list| list.get_mut(1)).unwrap_err();
    let guard = OwnedMutexGuard::try_map(guard, |list| list.get_mut(0)).unwrap();
    let guard = OwnedMappedMutexGuard::try_map(guard, |pair| pair.get_mut(2)).unwrap_err();
    let guard = OwnedMappedMutexGuard::try_map(guard, |pair| pair.get_mut(1)).unwrap();
    assert!(lock.try_lock().is_err());
    assert_eq!(*guard, 2);
    drop(guard);
    assert!(lock.try_lock().is_ok());
}

#[test]
fn an_owned_guard_for_a_part_keeps_the_mutex_alive_and_travels() {
    let lock = Arc::new(Mutex::new((String::from("a"), 1)));
    let guard =
        OwnedMutexGuard::map(Arc::clone(&lock).try_lock_owned().unwrap(), |whole| &mut whole.0);
    let watch = Arc::downgrade(&lock);
    drop(lock);
    let mut guard = OwnedMappedMutexGuard::map(guard, |text| text);
    thread::spawn(move || {
        guard.push('b');
        assert_eq!(guard.to_string(), "ab");
    })
    .join()
    .unwrap();
    assert!(watch.upgrade().is_none());
}

#[test]
fn a_panic_while_a_part_is_chosen_unlocks_the_mutex() {
    let lock = Mutex::new(1);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let _: MappedMutexGuard<'_, i32> =
            MutexGuard::map(lock.try_lock().unwrap(), |_| panic!("while choosing"));
    }));
    assert!(outcome.is_err());
    assert!(lock.try_lock().is_ok());
}

/// Does `operation`, which never has to wait, as often as the budget allows, and once more.
fn assert_spends_the_budget<F: Future>(operation: impl Fn() -> F) {
    budget::refill();
    for _ in 0..budget::DEFAULT {
        drop(Task::new(operation()).ready());
    }
    let mut late = Task::waiting(operation());
    assert!(late.is_woken(), "to go on after the others");
    budget::refill();
    drop(late.ready());
    assert!(budget::has_remaining());
    budget::clear();
}

#[test]
fn taking_what_is_free_spends_the_budget() {
    let (mutex, rwlock) = (Mutex::new(()), RwLock::new(()));
    let (semaphore, (sender, _receiver)) = (Semaphore::new(3), mpsc::channel::<()>(1));
    assert_spends_the_budget(|| mutex.lock());
    assert_spends_the_budget(|| rwlock.read());
    assert_spends_the_budget(|| rwlock.write());
    assert_spends_the_budget(|| semaphore.acquire_many(2));
    assert_spends_the_budget(|| sender.reserve());
}
