//! The reader-writer lock: who is inside together, in which order they come in, and every way from
//! one guard to another.

use crate::support_block_on::{Task, block_on, poll_with, waker_fn};
use raddle_sync::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockUpgradableReadGuard,
    OwnedRwLockWriteGuard, RwLock, RwLockMappedWriteGuard, RwLockReadGuard,
    RwLockUpgradableReadGuard, RwLockWriteGuard,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// Who could come in now: a reader, an upgradable one, a writer.
fn doors<T>(lock: &RwLock<T>) -> (bool, bool, bool) {
    let read = lock.try_read().is_ok();
    let upgradable = lock.try_upgradable_read().is_ok();
    let write = lock.try_write().is_ok();
    (read, upgradable, write)
}

#[test]
fn readers_are_together_and_a_writer_is_alone() {
    let lock = RwLock::new(1);
    assert_eq!(doors(&lock), (true, true, true));
    let readers = [lock.try_read().unwrap(), block_on(lock.read()), lock.blocking_read()];
    assert_eq!(doors(&lock), (true, true, false));
    drop(readers);
    let upgradable = lock.try_upgradable_read().unwrap();
    assert_eq!(doors(&lock), (true, false, false));
    drop(upgradable);
    let writer = lock.blocking_write();
    assert_eq!(doors(&lock), (false, false, false));
    drop(writer);
    assert_eq!(doors(&lock), (true, true, true));
}

#[test]
fn everybody_comes_in_in_the_order_of_asking() {
    let lock = RwLock::new(());
    let writing = lock.try_write().unwrap();
    let mut first = Task::waiting(lock.read());
    let mut second = Task::waiting(lock.read());
    let mut third = Task::waiting(lock.write());
    let mut fourth = Task::waiting(lock.read());
    drop(writing);
    assert!(first.is_woken() && second.is_woken(), "readers in front come in together");
    assert!(!third.is_woken() && !fourth.is_woken());
    let readers = (first.ready(), second.ready());
    assert!(lock.try_read().is_err(), "a writer is in line");
    drop(readers.0);
    assert!(!third.is_woken());
    drop(readers.1);
    assert!(third.is_woken() && !fourth.is_woken());
    drop(third.ready());
    assert!(fourth.is_woken());
    drop(fourth.ready());
    assert_eq!(doors(&lock), (true, true, true));
    assert_eq!((lock.stats().waiters, lock.stats().contended), (0, 4));
}

#[test]
fn a_reader_that_cannot_come_in_leaves_no_trace() {
    let lock = RwLock::new(());
    let writing = lock.try_write().unwrap();
    drop(Task::waiting(lock.read()));
    drop(writing);
    assert_eq!(doors(&lock), (true, true, true));
}

#[test]
fn a_writer_that_gives_up_lets_the_readers_behind_it_in() {
    let lock = RwLock::new(());
    let reading = lock.try_read().unwrap();
    let writer = Task::waiting(lock.write());
    let mut others: Vec<_> = (0..100).map(|_| Task::waiting(lock.read())).collect();
    drop(writer);
    let readers: Vec<_> = others.iter_mut().map(Task::ready).collect();
    assert_eq!(doors(&lock), (true, true, false));
    drop((readers, reading));
    assert_eq!(doors(&lock), (true, true, true));
}

#[test]
fn who_is_dropped_after_being_let_in_leaves() {
    let lock = RwLock::new(());
    let writing = lock.try_write().unwrap();
    let reader = Task::waiting(lock.read());
    let upgradable = Task::waiting(lock.upgradable_read());
    let writer = Task::waiting(lock.write());
    let mut last = Task::waiting(lock.read());
    drop(writing);
    assert!(reader.is_woken() && upgradable.is_woken() && !writer.is_woken());
    drop(reader);
    drop(upgradable);
    assert!(writer.is_woken() && !last.is_woken());
    drop(writer);
    drop(last.ready());
    assert_eq!(doors(&lock), (true, true, true));
}

#[test]
fn an_upgrade_waits_for_readers_inside_and_goes_before_everybody_in_line() {
    let lock = RwLock::new(1);
    let reading = lock.try_read().unwrap();
    let upgradable = lock.try_upgradable_read().unwrap();
    let mut writer = Task::waiting(lock.write());
    let mut other = Task::waiting(lock.upgradable_read());
    let mut upgrade = Task::waiting(RwLockUpgradableReadGuard::upgrade(upgradable));
    assert!(lock.try_read().is_err(), "no new reader comes in");
    drop(reading);
    assert!(upgrade.is_woken() && !writer.is_woken());
    let mut writing = upgrade.ready();
    *writing += 1;
    let again = writing.downgrade_to_upgradable();
    assert!(!writer.is_woken());
    assert_eq!(*again, 2);
    drop(again);
    drop(writer.ready());
    drop(other.ready());
    assert_eq!(doors(&lock), (true, true, true));
}

#[test]
fn an_upgrade_that_is_dropped_leaves_the_lock() {
    let lock = RwLock::new(());
    let reading = lock.try_read().unwrap();
    let upgrade = |guard| Task::waiting(RwLockUpgradableReadGuard::upgrade(guard));
    let waiting = upgrade(lock.try_upgradable_read().unwrap());
    let mut writer = Task::waiting(lock.write());
    drop(waiting);
    assert!(!writer.is_woken(), "there is still a reader");
    drop(reading);
    drop(writer.ready());

    let reading = lock.try_read().unwrap();
    let granted = upgrade(lock.try_upgradable_read().unwrap());
    let mut writer = Task::waiting(lock.write());
    drop(reading);
    assert!(granted.is_woken() && !writer.is_woken());
    drop(granted);
    drop(writer.ready());
    assert_eq!(doors(&lock), (true, true, true));
}

#[test]
fn an_upgrade_that_leaves_the_guard_where_it_is_may_be_given_up() {
    let lock = RwLock::new(1);
    let other = lock.try_read().unwrap();
    let mut reading = lock.try_upgradable_read().ok();
    let mut writer = Task::waiting(lock.write());
    drop(Task::waiting(RwLockUpgradableReadGuard::upgrade_from(&mut reading)));
    assert_eq!(reading.as_deref(), Some(&1), "it reads on");
    // Let in, and dropped before it knows.
    let granted = Task::waiting(RwLockUpgradableReadGuard::upgrade_from(&mut reading));
    drop(other);
    assert!(granted.is_woken() && !writer.is_woken());
    drop(granted);
    assert!(reading.is_some() && !writer.is_woken());
    *Task::new(RwLockUpgradableReadGuard::upgrade_from(&mut reading)).ready() += 1;
    assert!(reading.is_none());
    assert_eq!(*writer.ready(), 2);
    assert_eq!(doors(&lock), (true, true, true));
}

#[test]
fn an_upgrade_that_must_not_wait_gives_the_guard_back() {
    let lock = Arc::new(RwLock::new(1));
    let reading = lock.try_read().unwrap();
    let guard = Arc::clone(&lock).try_upgradable_read_owned().unwrap();
    let guard = OwnedRwLockUpgradableReadGuard::try_upgrade(guard).unwrap_err();
    drop(reading);
    let mut waiting = Task::waiting(lock.write());
    let mut guard = OwnedRwLockUpgradableReadGuard::try_upgrade(guard).unwrap();
    *guard += 1;
    drop(guard);
    assert_eq!(*waiting.ready(), 2);
}

#[test]
fn stepping_down_lets_in_who_may_come() {
    let lock = RwLock::new(1);
    let writing = lock.try_write().unwrap();
    let mut reader = Task::waiting(lock.read());
    let mut writer = Task::waiting(lock.write());
    let reading = writing.downgrade();
    let other = reader.ready();
    assert!(!writer.is_woken());
    drop((reading, other));
    let upgradable = writer.ready().downgrade_to_upgradable();
    let mut second = Task::waiting(lock.upgradable_read());
    let reading = RwLockUpgradableReadGuard::downgrade(upgradable);
    assert!(second.is_woken());
    drop((reading, second.ready()));
    assert_eq!(doors(&lock), (true, true, true));
}

#[test]
fn no_more_readers_than_were_allowed_come_in() {
    let lock = RwLock::with_max_readers((), 2);
    let one = lock.try_read().unwrap();
    let other = lock.try_upgradable_read().unwrap();
    let mut third = Task::waiting(lock.read());
    let mut fourth = Task::waiting(lock.read());
    drop(one);
    assert!(third.is_woken() && !fourth.is_woken());
    drop(other);
    let (third, fourth) = (third.ready(), fourth.ready());
    assert!(lock.try_read().is_err());
    drop((third, fourth));
    assert_eq!(doors(&lock), (true, true, true));
    assert!(catch_unwind(|| RwLock::with_max_readers((), u32::MAX >> 2)).is_err());
    let largest = RwLock::with_max_readers((), u32::MAX >> 3);
    assert_eq!(doors(&largest), (true, true, true));
}

#[test]
fn guards_for_a_part_hold_the_lock_as_those_for_the_whole() {
    let lock = Arc::new(RwLock::new((1, [2, 3])));
    let part = RwLockReadGuard::map(lock.try_read().unwrap(), |whole| &whole.1);
    let part = RwLockReadGuard::try_map(part, |pair| pair.get(2)).unwrap_err();
    assert_eq!((*part, doors(&lock)), ([2, 3], (true, true, false)));
    drop(part);

    let part = RwLockWriteGuard::map(lock.try_write().unwrap(), |whole| &mut whole.1);
    let part = RwLockMappedWriteGuard::try_map(part, |pair| pair.get_mut(2)).unwrap_err();
    let mut part = RwLockMappedWriteGuard::map(part, |pair| &mut pair[0]);
    *part = 4;
    assert_eq!(doors(&lock), (false, false, false));
    drop(part);

    let whole = RwLockWriteGuard::try_downgrade_map(lock.try_write().unwrap(), |_| None::<&u8>);
    assert_eq!(doors(&lock), (false, false, false));
    let part = RwLockWriteGuard::downgrade_map(whole.unwrap_err(), |whole| &whole.1[0]);
    assert_eq!((*part, doors(&lock)), (4, (true, true, false)));
    drop(part);

    let owned = Arc::clone(&lock).try_write_owned().unwrap();
    let owned = OwnedRwLockWriteGuard::try_map(owned, |_| None::<&mut u8>).unwrap_err();
    let mut owned =
        OwnedRwLockMappedWriteGuard::map(OwnedRwLockWriteGuard::into_mapped(owned), |whole| {
            &mut whole.0
        });
    thread::spawn(move || *owned = 5).join().unwrap();
    let owned = Arc::clone(&lock).blocking_read_owned();
    let owned = OwnedRwLockReadGuard::map(owned, |whole| &whole.0);
    assert!(Arc::ptr_eq(OwnedRwLockReadGuard::rwlock(&owned), &lock));
    let watch = Arc::downgrade(&lock);
    drop(lock);
    assert_eq!(*owned, 5);
    drop(owned);
    assert!(watch.upgrade().is_none());
}

#[test]
fn a_panic_leaves_the_lock_and_the_value() {
    let lock = RwLock::new(1);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = lock.try_write().unwrap();
        *guard = 2;
        panic!("while writing");
    }));
    assert!(outcome.is_err());
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let guard = lock.try_write().unwrap();
        let _: RwLockReadGuard<'_, i32> = RwLockWriteGuard::downgrade_map(guard, |_| panic!("!"));
    }));
    assert!(outcome.is_err());
    assert_eq!(doors(&lock), (true, true, true));
    assert_eq!(*block_on(lock.read()), 2);
}

#[test]
fn a_waker_that_panics_costs_nobody_the_lock() {
    let lock = RwLock::new(());
    let writing = lock.try_write().unwrap();
    let bad = waker_fn(|| panic!("a bad waker"));
    let mut first = Box::pin(lock.read());
    assert!(poll_with(first.as_mut(), &bad).is_pending());
    let mut second = Task::waiting(lock.read());
    let mut third = Task::waiting(lock.write());
    // The step down has happened when the waker panics; the guard it became is dropped.
    assert!(catch_unwind(AssertUnwindSafe(|| writing.downgrade())).is_err());
    drop(second.ready());
    drop(first);
    drop(third.ready());
    assert_eq!(doors(&lock), (true, true, true));
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    let lock = RwLock::new(());
    let writing = lock.try_write().unwrap();
    let mut task = Task::waiting(lock.read());
    let woken = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&woken);
    assert!(
        poll_with(task.pin(), &waker_fn(move || flag.store(true, Ordering::SeqCst))).is_pending()
    );
    drop(writing);
    assert!(woken.load(Ordering::SeqCst) && !task.is_woken());
}

#[test]
fn threads_read_write_upgrade_and_give_up_without_loss() {
    const ROUNDS: usize = 3_000;
    let lock = Arc::new(RwLock::new((0usize, 0usize)));
    let written = AtomicUsize::new(0);
    thread::scope(|threads| {
        for id in 0..4 {
            let (lock, written) = (&lock, &written);
            threads.spawn(move || {
                for round in 0..ROUNDS {
                    match (id + round) % 7 {
                        0 => {
                            let mut guard = block_on(lock.write());
                            guard.0 += 1;
                            guard.1 += 1;
                            written.fetch_add(1, Ordering::Relaxed);
                            let guard = guard.downgrade();
                            assert_eq!(guard.0, guard.1);
                        }
                        1 => {
                            let guard = block_on(lock.upgradable_read());
                            let before = guard.0;
                            let mut guard = block_on(RwLockUpgradableReadGuard::upgrade(guard));
                            assert_eq!(guard.0, before, "somebody wrote in between");
                            guard.0 += 1;
                            guard.1 += 1;
                            written.fetch_add(1, Ordering::Relaxed);
                        }
                        2 => drop(Task::new(lock.write()).poll()),
                        3 => drop(Task::new(lock.read()).poll()),
                        4 => {
                            if let Ok(guard) = lock.try_upgradable_read() {
                                drop(Task::new(RwLockUpgradableReadGuard::upgrade(guard)).poll());
                            }
                        }
                        _ => {
                            let guard = lock.blocking_read();
                            assert_eq!(guard.0, guard.1);
                        }
                    }
                }
            });
        }
    });
    assert_eq!(doors(&lock), (true, true, true));
    assert_eq!(lock.try_read().unwrap().0, written.into_inner());
    assert_eq!(lock.stats().waiters, 0);
}

#[test]
fn debug_shows_the_value_or_that_it_is_locked() {
    let lock = RwLock::new(1);
    let reading = lock.try_read().unwrap();
    assert_eq!(format!("{lock:?}"), "RwLock { data: 1, writer: false, readers: 1 }");
    drop(reading);
    let writing = lock.try_write().unwrap();
    assert_eq!(format!("{lock:?}"), "RwLock { data: <locked>, writer: true, readers: 0 }");
    assert_eq!(format!("{writing:?} {writing}"), "1 1");
}
