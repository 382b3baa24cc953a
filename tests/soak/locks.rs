//! Locks, semaphores and notifications.

use crate::threads::{impatient, on_four_threads, run};
use raddle_sync::{
    BoundedSemaphore, Mutex, Notify, RwLock, RwLockUpgradableReadGuard, RwLockWriteGuard, Semaphore,
};
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::thread;

#[test]
fn a_mutex_lets_one_in_at_a_time() {
    // The two counts move together, and nobody ever sees them apart.
    let lock = Mutex::new((0_u64, 0_u64));
    let entered = on_four_threads("mutex", |_, rng, operations| {
        run("mutex", async {
            let mut entered = 0;
            for _ in 0..operations {
                let guard = match rng.below(8) {
                    0 => lock.try_lock().ok(),
                    1 => impatient(1, lock.lock()).await,
                    2 => impatient(3, lock.lock()).await,
                    _ => Some(lock.lock().await),
                };
                let Some(mut guard) = guard else { continue };
                assert_eq!(guard.0, guard.1, "two hold it");
                guard.0 += 1;
                if rng.one_in(64) {
                    thread::yield_now();
                }
                guard.1 += 1;
                entered += 1;
            }
            entered
        })
    });
    assert_eq!(lock.into_inner().0, entered.iter().sum::<u64>());
}

#[test]
fn a_rwlock_keeps_writers_alone() {
    let lock = RwLock::new((0_u64, 0_u64));
    let (readers, looks) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // In the lock as a reader, and out again.
    let look = |seen: &(u64, u64)| {
        readers.fetch_add(1, SeqCst);
        if looks.fetch_add(1, Relaxed).is_multiple_of(64) {
            thread::yield_now();
        }
        assert_eq!(seen.0, seen.1, "a writer is inside");
        readers.fetch_sub(1, SeqCst);
    };
    let write = |counts: &mut (u64, u64)| {
        assert_eq!(readers.load(SeqCst), 0, "a reader is inside");
        counts.0 += 1;
        if counts.0.is_multiple_of(64) {
            thread::yield_now();
        }
        assert_eq!(counts.0, counts.1 + 1, "two writers are inside");
        counts.1 += 1;
        1
    };
    let written = on_four_threads("rwlock", |_, rng, operations| {
        run("rwlock", async {
            let mut written = 0;
            for _ in 0..operations {
                match rng.below(12) {
                    0 => written += lock.try_write().map_or(0, |mut guard| write(&mut guard)),
                    1 => {
                        let guard = impatient(2, lock.write()).await;
                        written += guard.map_or(0, |mut guard| write(&mut guard));
                    }
                    2 => {
                        let mut guard = lock.write().await;
                        written += write(&mut guard);
                        look(&RwLockWriteGuard::downgrade(guard));
                    }
                    3 => {
                        let guard = lock.upgradable_read().await;
                        look(&guard);
                        let upgrade = RwLockUpgradableReadGuard::upgrade(guard);
                        written += write(&mut *upgrade.await);
                    }
                    4 => {
                        let guard = lock.upgradable_read().await;
                        let upgrade = RwLockUpgradableReadGuard::upgrade(guard);
                        let guard = impatient(1, upgrade).await;
                        written += guard.map_or(0, |mut guard| write(&mut guard));
                    }
                    5 => drop(lock.try_read().map(|guard| look(&guard))),
                    6 => drop(impatient(1, lock.read()).await.map(|guard| look(&guard))),
                    7 => written += write(&mut *lock.write().await),
                    _ => look(&*lock.read().await),
                }
            }
            written
        })
    });
    assert_eq!(lock.into_inner().0, written.iter().sum::<u64>());
}

#[test]
fn a_semaphore_never_has_more_or_fewer_permits_than_it_was_given() {
    const PERMITS: usize = 3;
    let gate = Semaphore::new(PERMITS);
    let out = AtomicUsize::new(0);
    on_four_threads("semaphore", |_, rng, operations| {
        run("semaphore", async {
            for _ in 0..operations {
                let count = rng.below(PERMITS) + 1;
                let wanted = count as u32;
                let permit = match rng.below(8) {
                    0 => gate.try_acquire_many(wanted).ok(),
                    1 => impatient(1, gate.acquire_many(wanted)).await.map(Result::unwrap),
                    2 => impatient(3, gate.acquire_many(wanted)).await.map(Result::unwrap),
                    _ => Some(gate.acquire_many(wanted).await.unwrap()),
                };
                let Some(permit) = permit else { continue };
                let now = out.fetch_add(count, SeqCst) + count;
                let free = gate.available_permits();
                assert!(now <= PERMITS && free <= PERMITS - count, "{now} out and {free} free");
                if rng.one_in(64) {
                    thread::yield_now();
                }
                out.fetch_sub(count, SeqCst);
                drop(permit);
            }
        })
    });
    assert_eq!(gate.available_permits(), PERMITS);
}

#[test]
fn a_bounded_semaphore_gets_back_what_it_gave_by_whoever_returns_it() {
    const BOUND: usize = 3;
    let gate = BoundedSemaphore::new(BOUND);
    // Permits that are out, and those of them that were forgotten, for anybody to return.
    let (out, forgotten) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let return_forgotten = || {
        let count = forgotten.swap(0, SeqCst);
        out.fetch_sub(count, SeqCst);
        gate.release(count).expect("so many were forgotten");
    };
    on_four_threads("bounded semaphore", |_, rng, operations| {
        run("bounded semaphore", async {
            for _ in 0..operations {
                let count = rng.below(BOUND) + 1;
                let wanted = count as u32;
                let permit = match rng.below(8) {
                    0 => gate.try_acquire_many(wanted).ok(),
                    1 => impatient(1, gate.acquire_many(wanted)).await.map(Result::unwrap),
                    2 => impatient(3, gate.acquire_many(wanted)).await.map(Result::unwrap),
                    _ => Some(gate.acquire_many(wanted).await.unwrap()),
                };
                let Some(permit) = permit else { continue };
                let now = out.fetch_add(count, SeqCst) + count;
                let free = gate.available_permits();
                assert!(now <= BOUND && free <= BOUND - count, "{now} out and {free} free");
                if rng.one_in(64) {
                    thread::yield_now();
                }
                if rng.one_in(3) {
                    permit.forget();
                    forgotten.fetch_add(count, SeqCst);
                    // By us, unless somebody else is faster.
                    return_forgotten();
                } else {
                    out.fetch_sub(count, SeqCst);
                    drop(permit);
                }
            }
        })
    });
    assert_eq!(gate.available_permits(), BOUND);
    assert!(gate.release(1).is_err(), "nothing was forgotten any more");
}

#[test]
fn a_notification_is_never_lost_between_looking_and_waiting() {
    // Two put and two take, as the pool of `examples/model-checked` does it.
    let (things, returned) = (std::sync::Mutex::new(VecDeque::new()), Notify::new());
    let taken = AtomicU64::new(0);
    let sums = on_four_threads("notify", |index, rng, operations| {
        if index < 2 {
            for number in 0..operations {
                things.lock().unwrap().push_back(number);
                if rng.one_in(4) {
                    returned.notify_last()
                } else {
                    returned.notify_one()
                }
                if rng.one_in(16) {
                    thread::yield_now();
                }
            }
            return operations * operations.saturating_sub(1) / 2;
        }
        run("notify", async {
            let mut sum = 0;
            let mut mine = 0;
            while mine < operations {
                let mut notified = pin!(returned.notified());
                notified.as_mut().enable();
                let thing = things.lock().unwrap().pop_front();
                match thing {
                    Some(number) => {
                        sum += number;
                        mine += 1;
                        taken.fetch_add(1, Relaxed);
                    }
                    None if rng.one_in(4) => drop(impatient(1, notified).await),
                    None => notified.await,
                }
            }
            sum
        })
    });
    assert!(things.into_inner().unwrap().is_empty());
    assert_eq!(sums[0] + sums[1], sums[2] + sums[3]);
}
