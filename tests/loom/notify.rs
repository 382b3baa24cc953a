//! Rules N1 to N4 of `Notify`, and L6 of the wait list.

use crate::sync_support::run_beside;
use loom::{
    future::block_on,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use raddle_sync::{Notify, loom::internals::leaving_out};
use std::pin::pin;

#[test]
fn n1_a_notification_kept_while_a_waiter_lines_up_is_found() {
    loom::model(|| {
        let changed = Arc::new(Notify::new());
        let notifier = {
            let changed = Arc::clone(&changed);
            thread::spawn(move || changed.notify_one())
        };
        run_beside(vec![notifier], changed.notified());
    });
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn n1_control_who_does_not_look_again_under_the_lock_misses_what_was_kept() {
    leaving_out("N1", n1_a_notification_kept_while_a_waiter_lines_up_is_found);
}

#[test]
fn n2_of_two_notifications_kept_as_one_both_are_heard() {
    loom::model(|| {
        let shared = Arc::new(([AtomicBool::new(false), AtomicBool::new(false)], Notify::new()));
        let notifiers = (0..2).map(|index| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.0[index].store(true, Ordering::Relaxed);
                shared.1.notify_one();
            })
        });
        let notifiers = notifiers.collect();
        let (flags, changed) = &*shared;
        run_beside(notifiers, async {
            while !flags.iter().all(|flag| flag.load(Ordering::Relaxed)) {
                changed.notified().await;
            }
        });
    });
}

#[test]
fn n2_a_single_notification_finds_the_waiter_or_is_kept() {
    loom::model(|| {
        let changed = Arc::new(Notify::new());
        let notifier = {
            let changed = Arc::clone(&changed);
            thread::spawn(move || changed.notify_one())
        };
        block_on(changed.notified());
        notifier.join().unwrap();
    });
}

#[test]
fn n4_a_waiter_dropped_unpolled_passes_its_notification_on() {
    loom::model(|| {
        let changed = Arc::new(Notify::new());
        let impatient = {
            let changed = Arc::clone(&changed);
            thread::spawn(move || {
                let mut notified = Box::pin(changed.notified());
                if notified.as_mut().enable() {
                    changed.notify_one();
                }
            })
        };
        let patient = {
            let changed = Arc::clone(&changed);
            thread::spawn(move || block_on(changed.notified()))
        };
        changed.notify_one();
        impatient.join().unwrap();
        patient.join().unwrap();
    });
}

/// Waits for a flag that another thread sets before it wakes everybody.
fn flag_against_sweep(born_before_the_look: bool) {
    loom::model(move || {
        let shared = Arc::new((AtomicBool::new(false), Notify::new()));
        let setter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.0.store(true, Ordering::Relaxed);
                shared.1.notify_waiters();
            })
        };
        let (flag, changed) = &*shared;
        run_beside(vec![setter], async {
            if born_before_the_look {
                let notified = changed.notified();
                if !flag.load(Ordering::Relaxed) {
                    notified.await;
                }
            } else if !flag.load(Ordering::Relaxed) {
                changed.notified().await;
            }
        });
    });
}

#[test]
fn n3_a_sweep_reaches_a_future_born_before_it() {
    flag_against_sweep(true);
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn n3_control_a_future_born_after_the_look_misses_the_sweep() {
    flag_against_sweep(false);
}

#[test]
fn n3_who_is_not_reached_by_a_sweep_sees_what_came_before_it() {
    loom::model(|| {
        let shared = Arc::new((AtomicBool::new(false), Notify::new()));
        let setter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.0.store(true, Ordering::Relaxed);
                shared.1.notify_waiters();
            })
        };
        let mut notified = pin!(shared.1.notified());
        let seen = shared.0.load(Ordering::Relaxed);
        setter.join().unwrap();
        assert!(seen || notified.as_mut().enable());
    });
}

#[test]
fn l6_a_sweep_takes_no_notification_meant_for_those_who_come_later() {
    loom::model(|| {
        let changed = Arc::new(Notify::new());
        let (mut first, mut second) = (Box::pin(changed.notified()), Box::pin(changed.notified()));
        assert!(!first.as_mut().enable());
        assert!(!second.as_mut().enable());
        let sweeper = {
            let changed = Arc::clone(&changed);
            thread::spawn(move || changed.notify_waiters())
        };
        // Woken by the sweep, so it has begun. The single notification comes after it, and must not
        // be spent on `second`, which the sweep may not have come to yet.
        block_on(first.as_mut());
        changed.notify_one();
        assert!(second.as_mut().enable());
        assert!(pin!(changed.notified()).enable(), "it is kept for the next");
        sweeper.join().unwrap();
    });
}
