//! S1, S3 and S5 of `executor/src/scheduler/shutdown.rs`: whoever comes last sees what the other has left.
//!
//! The injector and `Idle` are the real ones; the few steps around them are repeated here, so that single ones can be
//! left out. `runtime.rs` closes whole runtimes.

use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst, fence};
use loom::thread;
use raddle::loom::internals::{Idle, Inject, Parker, Steal, without_fences};

use crate::executor_support::model;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    SubmittersFence,
    LastLeaversFence,
    GuestsFence,
}

use Without::Nothing;

struct Closing {
    without: Without,
    idle: Idle,
    injector: Inject<u32>,
    bed: Parker,
    closed: AtomicBool,
    remaining: AtomicUsize,
}

impl Closing {
    fn new(slots: usize, without: Without) -> Arc<Closing> {
        Arc::new(Closing {
            without,
            idle: Idle::new(1),
            injector: Inject::default(),
            bed: Parker::new(),
            closed: AtomicBool::new(false),
            remaining: AtomicUsize::new(slots),
        })
    }

    fn fence(&self, without: Without) {
        if self.without != without {
            fence(SeqCst);
        }
    }

    /// S1.
    fn close(&self) {
        self.closed.store(true, Relaxed);
        fence(SeqCst);
        let _ = self.bed.unpark();
    }

    /// S2, S5.
    fn leave(&self) {
        self.drain();
        if self.remaining.fetch_sub(1, AcqRel) == 1 {
            self.fence(Without::LastLeaversFence);
            self.drain();
        }
    }

    /// S5.
    fn submit(&self) {
        self.injector.push(7);
        let woken = if self.without == Without::SubmittersFence {
            without_fences(|| self.idle.wake_one())
        } else {
            self.idle.wake_one()
        };
        assert_eq!(woken, None);
        if self.closed.load(Relaxed) && self.remaining.load(Acquire) == 0 {
            self.drain();
        }
    }

    fn drain(&self) {
        loop {
            match self.injector.take_one() {
                Steal::Success(_) => {}
                Steal::Retry => thread::yield_now(),
                Steal::Empty => return,
            }
        }
    }
}

/// A task is pushed while the last slot is left.
fn a_late_push(without: Without) {
    model(3, move || {
        let closing = Closing::new(1, without);
        let leaver = thread::spawn({
            let closing = closing.clone();
            move || {
                closing.bed.park(None);
                closing.leave();
            }
        });
        let submitter = thread::spawn({
            let closing = closing.clone();
            move || closing.submit()
        });
        closing.close();
        leaver.join().unwrap();
        submitter.join().unwrap();
        assert!(closing.injector.is_empty(), "a task is left in the injector");
    });
}

#[test]
fn s5_the_last_leaver_or_the_submitter_sees_a_late_task() {
    a_late_push(Nothing);
}

#[test]
#[should_panic(expected = "a task is left in the injector")]
fn s5_fails_without_the_submitters_fence() {
    a_late_push(Without::SubmittersFence);
}

#[test]
#[should_panic(expected = "a task is left in the injector")]
fn s5_fails_without_the_last_leavers_fence() {
    a_late_push(Without::LastLeaversFence);
}

/// A guest gives its slot back while a worker that has left its own, and knows only by a glance that the runtime is
/// closed, leaves every slot that is free.
fn a_guest_slot_is_given_back(without: Without) {
    model(3, move || {
        let closing = Closing::new(1, without);
        let claimed = Arc::new(AtomicBool::new(true));
        let try_leave = {
            let (closing, claimed) = (closing.clone(), claimed.clone());
            move || {
                if claimed.compare_exchange(false, true, Acquire, Relaxed).is_ok() {
                    closing.leave();
                }
            }
        };
        let worker = thread::spawn({
            let (closing, try_leave) = (closing.clone(), try_leave.clone());
            move || {
                while !closing.closed.load(Relaxed) {
                    thread::yield_now();
                }
                // Not to be left out in a program; loom, however, never stops a thread right before a fence, and so does
                // not see a closer that has set the flag and not fenced yet.
                fence(SeqCst);
                try_leave();
            }
        });
        let guest = thread::spawn({
            let closing = closing.clone();
            move || {
                claimed.store(false, Release);
                closing.fence(Without::GuestsFence);
                if closing.closed.load(Relaxed) {
                    try_leave();
                }
            }
        });
        closing.close();
        worker.join().unwrap();
        guest.join().unwrap();
        assert_eq!(closing.remaining.load(Relaxed), 0, "a slot is never left");
    });
}

#[test]
fn s3_a_guest_slot_given_back_is_left_by_somebody() {
    a_guest_slot_is_given_back(Nothing);
}

#[test]
#[should_panic(expected = "a slot is never left")]
fn s3_fails_without_the_guests_fence() {
    a_guest_slot_is_given_back(Without::GuestsFence);
}
