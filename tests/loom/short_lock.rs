//! Rule K1 of the short lock.

use loom::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use raddle_sync::loom::internals::RealShortLock;

#[test]
fn k1_two_threads_count_under_the_lock() {
    loom::model(|| {
        let count = Arc::new(RealShortLock::new(0));
        let other = {
            let count = Arc::clone(&count);
            thread::spawn(move || *count.lock() += 1)
        };
        *count.lock() += 1;
        other.join().unwrap();
        assert_eq!(*count.lock(), 2);
    });
}

#[test]
fn k1_a_look_in_vain_leaves_the_lock_to_its_holder() {
    loom::model(|| {
        let lock = Arc::new(RealShortLock::new(0));
        let other = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                if let Some(mut count) = lock.try_lock() {
                    *count += 1;
                }
            })
        };
        let held = lock.lock();
        assert!(lock.try_lock().is_none());
        assert!(lock.try_lock().is_none(), "the look before it has let go of the lock");
        drop(held);
        other.join().unwrap();
        assert!(lock.try_lock().is_some());
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn k1_control_a_lock_let_go_without_release_guards_nothing() {
    loom::model(|| {
        let shared = Arc::new((AtomicBool::new(false), UnsafeCell::new(0)));
        let enter = |shared: &(AtomicBool, UnsafeCell<i32>)| {
            if shared.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                // Going in is what loom watches; nothing has to be done there.
                shared.1.with_mut(|_count| ());
                shared.0.store(false, Ordering::Relaxed);
            }
        };
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || enter(&shared))
        };
        enter(&shared);
        other.join().unwrap();
    });
}
