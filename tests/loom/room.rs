//! B5 of `executor/src/blocking/pool.rs`: who waits for room hears of each thread that becomes idle.
//!
//! The line is the real one; the threads of the pool, and the calls that look for them, are as there.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use loom::sync::Mutex;
use loom::thread;
use raddle::sync::Notify;

use crate::executor_support::{block_on, model};

struct Pool {
    idle: Mutex<usize>,
    room: Notify,
}

impl Pool {
    fn becomes_idle(&self) {
        *self.idle.lock().unwrap() += 1;
        self.room.notify_one();
    }

    fn takes_a_thread(&self) -> bool {
        let mut idle = self.idle.lock().unwrap();
        let is_there = *idle > 0;
        *idle -= usize::from(is_there);
        is_there
    }

    /// A call that waits until there is room; `is_in_line` before it looks, or only after that.
    fn call(&self, is_in_line: bool) {
        loop {
            // Leaked in a deadlock, in which loom does no more.
            let mut room = ManuallyDrop::new(Box::pin(self.room.notified()));
            if is_in_line {
                room.as_mut().enable();
            }
            if self.takes_a_thread() {
                return drop(ManuallyDrop::into_inner(room));
            }
            block_on(room.as_mut());
            drop(ManuallyDrop::into_inner(room));
        }
    }
}

/// Two threads become idle, and neither call ends before the other.
fn two_calls_and_two_threads(is_in_line: bool) {
    model(2, move || {
        let pool = Arc::new(Pool { idle: Mutex::new(0), room: Notify::new() });
        let other = thread::spawn({
            let pool = pool.clone();
            move || pool.call(is_in_line)
        });
        let threads = thread::spawn({
            let pool = pool.clone();
            move || (0..2).for_each(|_| pool.becomes_idle())
        });
        pool.call(is_in_line);
        other.join().unwrap();
        threads.join().unwrap();
    });
}

#[test]
fn b5_two_threads_that_become_idle_are_found_by_two_calls() {
    two_calls_and_two_threads(true);
}

#[test]
#[should_panic(expected = "deadlock")]
fn b5_control_a_call_that_looks_before_it_is_in_line_waits_beside_an_idle_thread() {
    two_calls_and_two_threads(false);
}
