//! P5, P7 and P12 of `executor/src/scheduler/{mod,standby}.rs`: a notification ends the sleep under way, or the next one, wherever the
//! sleeper sleeps.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst, fence};
use loom::thread::{self, JoinHandle};
use raddle::loom::internals::{Parker, Unpark};

use crate::executor_support::{Signal, model};

/// A worker's bed, the driver that it may sleep in instead, and what it is woken for.
struct Bed {
    parker: Parker,
    interrupted: Signal,
    messages: AtomicUsize,
}

impl Bed {
    fn new() -> Arc<Bed> {
        Arc::new(Bed {
            parker: Parker::new(),
            interrupted: Signal::default(),
            messages: AtomicUsize::new(0),
        })
    }

    /// A message without any order of its own, and a notification. Says whether the driver had to be interrupted.
    fn send(&self) -> bool {
        self.messages.store(self.messages.load(Relaxed) + 1, Relaxed);
        self.notify()
    }

    fn notify(&self) -> bool {
        let interrupt = self.parker.unpark() == Unpark::InterruptDriver;
        if interrupt {
            self.interrupted.give();
        }
        interrupt
    }

    fn received(&self) -> usize {
        self.messages.load(Relaxed)
    }

    fn sleep_in_driver(&self) {
        if let Some(asleep) = self.parker.enter_driver() {
            self.interrupted.wait();
            self.parker.left_driver(asleep);
        }
    }

    fn has_token(&self) -> bool {
        self.parker.enter_driver().is_none()
    }
}

fn sender(bed: &Arc<Bed>) -> JoinHandle<bool> {
    let bed = bed.clone();
    thread::spawn(move || bed.send())
}

#[test]
fn p5_a_notification_before_while_or_after_falling_asleep_is_heard_once() {
    model(5, || {
        let bed = Bed::new();
        let sender = sender(&bed);
        bed.parker.park(None);
        assert_eq!(bed.received(), 1, "woken, and does not see why");
        assert!(!sender.join().unwrap());
        assert!(!bed.has_token());
    });
}

#[test]
fn p5_the_second_of_two_messages_is_not_lost_with_its_notification() {
    model(5, || {
        let bed = Bed::new();
        let sender = thread::spawn({
            let bed = bed.clone();
            move || {
                bed.send();
                bed.send();
            }
        });
        while bed.received() < 2 {
            bed.parker.park(None);
        }
        sender.join().unwrap();
    });
}

#[test]
fn p5_p7_a_sleeper_in_the_driver_is_interrupted_exactly_when_it_must_be() {
    model(5, || {
        let bed = Bed::new();
        let sender = sender(&bed);
        bed.sleep_in_driver();
        assert_eq!(bed.received(), 1, "woken, and does not see why");
        sender.join().unwrap();
        assert!(!bed.has_token());
    });
}

#[test]
fn p5_p7_of_two_notifiers_at_most_one_interrupts_the_driver() {
    model(3, || {
        let bed = Bed::new();
        let notifiers = [(); 2].map(|()| {
            let bed = bed.clone();
            thread::spawn(move || bed.notify())
        });
        bed.sleep_in_driver();
        let interrupts = notifiers.map(|notifier| notifier.join().unwrap());
        // Both only if the second came after the sleeper had left, and no sleeper was there for it to interrupt.
        assert!(interrupts != [true, true]);
    });
}

#[test]
fn p5_p7_what_the_driver_was_left_with_counts_for_the_next_park() {
    model(3, || {
        let bed = Bed::new();
        let sender = thread::spawn({
            let bed = bed.clone();
            move || {
                bed.send();
                bed.send();
            }
        });
        bed.sleep_in_driver();
        while bed.received() < 2 {
            bed.parker.park(None);
        }
        sender.join().unwrap();
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn p5_fails_if_the_driver_is_entered_without_saying_so() {
    model(3, || {
        let bed = Bed::new();
        let sender = sender(&bed);
        if bed.received() == 0 {
            bed.interrupted.wait();
        }
        sender.join().unwrap();
    });
}

#[test]
fn p12_a_call_ends_a_sleep_and_takes_no_notification_with_it() {
    model(3, || {
        let bed = Bed::new();
        let caller = thread::spawn({
            let bed = bed.clone();
            move || bed.parker.call()
        });
        let sender = sender(&bed);
        // A call may come first, and again while we go back to bed.
        while !bed.parker.park(None) {}
        assert_eq!(bed.received(), 1, "a call was taken for the notification");
        sender.join().unwrap();
        caller.join().unwrap();
    });
}

#[test]
fn p12_a_call_beside_the_way_to_the_driver_keeps_nobody_out() {
    model(3, || {
        let bed = Bed::new();
        let caller = thread::spawn({
            let bed = bed.clone();
            move || bed.parker.call()
        });
        let asleep = bed.parker.enter_driver().expect("nobody has notified");
        assert!(!bed.parker.left_driver(asleep));
        caller.join().unwrap();
    });
}

/// The understudy lies down without an alarm while a deadline is filed, and nobody is in the driver.
fn an_understudy_lies_down(fences: bool) {
    model(3, move || {
        let bed = Bed::new();
        let [filed, stands_by] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let filer = thread::spawn({
            let (bed, filed, stands_by) = (bed.clone(), filed.clone(), stands_by.clone());
            move || {
                filed.store(true, Relaxed);
                fence(SeqCst);
                if stands_by.load(Relaxed) {
                    bed.parker.call();
                }
            }
        });
        stands_by.store(true, Relaxed);
        if fences {
            fence(SeqCst);
        }
        if !filed.load(Relaxed) {
            bed.parker.park(None);
        }
        filer.join().unwrap();
    });
}

#[test]
fn p12_an_understudy_sees_a_deadline_or_is_called() {
    an_understudy_lies_down(true);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p12_fails_if_the_understudy_does_not_fence() {
    an_understudy_lies_down(false);
}
