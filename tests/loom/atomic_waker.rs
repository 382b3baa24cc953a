//! Rules A1 to A3 of the atomic waker.

use crate::sync_support::run_beside;
use loom::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use raddle_sync::AtomicWaker;
use std::{
    future::poll_fn,
    task::{Poll, Wake, Waker},
};

/// Waits until `notifiers` threads have each counted up and woken.
fn count_up(notifiers: usize, register_first: bool) {
    loom::model(move || {
        let shared = Arc::new((AtomicUsize::new(0), AtomicWaker::new()));
        let threads: Vec<_> = (0..notifiers)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.0.fetch_add(1, Ordering::Relaxed);
                    shared.1.wake();
                })
            })
            .collect();
        let counting = poll_fn(|cx| {
            let all = || shared.0.load(Ordering::Relaxed) == notifiers;
            if !register_first && all() {
                return Poll::Ready(());
            }
            shared.1.register(cx.waker());
            if register_first && all() { Poll::Ready(()) } else { Poll::Pending }
        });
        run_beside(threads, counting);
    });
}

#[test]
fn a2_a_wake_during_a_registration_is_not_lost() {
    count_up(1, true);
}

#[test]
fn a1_two_wakes_and_a_registration_share_the_slot() {
    count_up(2, true);
}

#[derive(Default)]
struct Wakes(std::sync::atomic::AtomicUsize);

impl Wake for Wakes {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a2_a_wake_during_a_second_registration_wakes_one_of_the_two() {
    loom::model(|| {
        let wakes: [std::sync::Arc<Wakes>; 2] = Default::default();
        let [first, second] = wakes.clone().map(Waker::from);
        let place = Arc::new(AtomicWaker::new());
        place.register(&first);
        let waking = {
            let place = Arc::clone(&place);
            thread::spawn(move || place.wake())
        };
        place.register(&second);
        waking.join().unwrap();
        let sum: usize = wakes.iter().map(|wakes| wakes.0.load(Ordering::SeqCst)).sum();
        assert!(sum > 0, "somebody was registered all the time");
    });
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn a2_control_looking_before_registering_loses_the_wake() {
    count_up(1, false);
}
