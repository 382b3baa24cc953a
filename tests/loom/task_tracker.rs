//! T33 of `executor/src/sets/tracker.rs`: who waits hears of the end of the last that is tracked, and of the close.

use std::mem::ManuallyDrop;

use loom::thread;
use raddle::loom::internals::leaving_out;
use raddle::task::TaskTracker;

use crate::executor_support::{block_on, model};

/// The last of two goes, and the tracker is closed, each on a thread of its own, beside the wait.
fn the_last_goes_beside_the_close() {
    model(2, || {
        let tracker = TaskTracker::new();
        let tokens = [tracker.token(), tracker.token()];
        let closes = thread::spawn({
            let tracker = tracker.clone();
            move || {
                assert!(tracker.close());
            }
        });
        let goes = thread::spawn(move || drop(tokens));
        // Leaked in a deadlock, in which loom does no more.
        let mut wait = ManuallyDrop::new(Box::pin(tracker.wait()));
        block_on(wait.as_mut());
        drop(ManuallyDrop::into_inner(wait));
        assert!(tracker.is_empty() && tracker.is_closed());
        closes.join().unwrap();
        goes.join().unwrap();
    });
}

#[test]
fn t33_the_last_to_go_or_the_close_wakes_who_waits() {
    the_last_goes_beside_the_close();
}

#[test]
#[should_panic(expected = "deadlock")]
fn t33_control_who_looks_before_it_says_that_it_waits_sleeps_on() {
    leaving_out("T33", the_last_goes_beside_the_close);
}
