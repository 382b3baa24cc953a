//! T18 of `executor/src/task/polled.rs`: a task that is found while it is being polled is not freed before the look is over.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;
use raddle::loom::internals::{Note, including, leaving_out};

use crate::executor_support::model;

const TASK: usize = 8;

/// Two looks beside a poll that ends, after which the task is freed.
fn looks_beside_the_end_of_a_poll() {
    model(3, || {
        let note = Arc::new(Note::new());
        // Loom sees to it that it is not read and freed at once.
        let memory = Arc::new(UnsafeCell::new(()));
        let poller = thread::spawn({
            let (note, memory) = (note.clone(), memory.clone());
            move || {
                note.begin(TASK);
                note.end();
                memory.with_mut(|_| ());
            }
        });
        for _ in 0..2 {
            note.look(|found| {
                if found == TASK {
                    memory.with(|_| thread::yield_now());
                }
            });
        }
        poller.join().unwrap();
    });
}

#[test]
fn t18_a_task_that_is_found_stays_until_the_look_is_over() {
    including("T18", looks_beside_the_end_of_a_poll);
}

#[test]
#[should_panic(expected = "Causality violation: Concurrent read and write")]
fn t18_control_without_a_fence_it_is_freed_while_it_is_looked_at() {
    looks_beside_the_end_of_a_poll();
}

#[test]
#[should_panic(expected = "currently reading from cell")]
fn t18_control_who_does_not_wait_for_the_look_frees_it() {
    including("T18", || leaving_out("T18", looks_beside_the_end_of_a_poll));
}
