//! Rule M3 as the mutex needs it: two holders never overlap, and each sees what the last one did.

use loom::{
    future::block_on,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};
use raddle_sync::Mutex;

/// Counts up in two steps that order nothing: right only where a lock does.
fn count_up(count: &AtomicUsize) -> usize {
    let next = count.load(Ordering::Relaxed) + 1;
    count.store(next, Ordering::Relaxed);
    next
}

#[test]
fn m3_two_holders_never_overlap() {
    loom::model(|| {
        let lock = Arc::new(Mutex::new(AtomicUsize::new(0)));
        let other = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || count_up(&block_on(lock.lock())))
        };
        let here = count_up(&lock.blocking_lock());
        let there = other.join().unwrap();
        assert_eq!(here + there, 3, "the second holder has not seen the first");
    });
}

/// Two threads that try once each.
fn two_tries(try_count_up: impl Fn(&Shared) -> Option<usize> + Copy + Send + Sync + 'static) {
    loom::model(move || {
        let shared = Arc::new(Shared {
            lock: Mutex::new(()),
            toy: AtomicBool::new(false),
            count: AtomicUsize::new(0),
        });
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || try_count_up(&shared))
        };
        match (try_count_up(&shared), other.join().unwrap()) {
            (Some(here), Some(there)) => {
                assert_eq!(here + there, 3, "the second holder has not seen the first");
            }
            (here, there) => assert!(here.or(there).is_some(), "both cannot fail"),
        }
    });
}

struct Shared {
    lock: Mutex<()>,
    toy: AtomicBool,
    count: AtomicUsize,
}

#[test]
fn m3_try_lock_fails_or_sees_the_last_holder() {
    two_tries(|shared| shared.lock.try_lock().ok().map(|_guard| count_up(&shared.count)));
}

#[test]
#[should_panic(expected = "has not seen the first")]
fn m3_control_after_a_relaxed_unlock_the_next_holder_does_not_see_the_last() {
    two_tries(|shared| {
        if shared.toy.swap(true, Ordering::Acquire) {
            return None;
        }
        let count = count_up(&shared.count);
        shared.toy.store(false, Ordering::Relaxed);
        Some(count)
    });
}
