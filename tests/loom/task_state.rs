//! T1 to T4, T7, T8, T10, T11, T17 and T23 of `executor/src/task/mod.rs`: who may poll a task, and who frees it.
//!
//! The tasks are real; only the scheduler is a model: a desk that has room for one `Runnable` (T2). A future fails the
//! model if two threads touch it at once (T3), and a cell if it is freed never, twice, or while somebody uses it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Waker;

use loom::sync::atomic::AtomicBool;
use loom::thread;
use raddle::loom::internals::{Finish, Ran, State, Task, Wake, leaving_out};
use raddle::task::AbortHandle;

use crate::executor_support::{Desk, Probe, model};

/// A message without any order of its own, for the task to find.
fn message() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(false))
}

#[test]
fn t2_t4_two_wakes_make_one_runnable_and_both_messages_are_seen() {
    model(3, || {
        let (desk, home) = Desk::with_home();
        let messages = [message(), message()];
        let (probe, seen) = Probe::new({
            let messages = messages.clone();
            move || messages.iter().all(|message| message.load(Relaxed))
        });
        let (runnable, handle) = home.spawn(probe);
        drop(handle);
        desk.run(&home, runnable);
        let (by_ref, by_value) = (seen.waker(), seen.take_waker());
        let [first, second] = messages;
        let wakers = [
            thread::spawn(move || {
                first.store(true, Relaxed);
                by_ref.wake_by_ref();
                drop(by_ref);
            }),
            thread::spawn(move || {
                second.store(true, Relaxed);
                by_value.wake();
            }),
        ];
        while seen.dropped_by().is_none() {
            desk.run(&home, desk.next());
        }
        wakers.into_iter().for_each(|waker| waker.join().unwrap());
        assert_eq!(home.linked(), 0);
    });
}

/// A wake that finds the task queued publishes all the same.
fn a_second_message(wake: fn(&Waker, Task)) {
    model(3, move || {
        let (desk, home) = Desk::with_home();
        let message = message();
        let (probe, seen) = Probe::new({
            let message = message.clone();
            move || message.load(Relaxed)
        });
        let (runnable, handle) = home.spawn(probe);
        drop(handle);
        let task = Task::of(&runnable);
        desk.run(&home, runnable);
        let waker = seen.take_waker();
        waker.wake_by_ref();
        let sender = thread::spawn(move || {
            message.store(true, Relaxed);
            wake(&waker, task);
            waker
        });
        desk.run(&home, desk.next());
        let waker = sender.join().unwrap();
        if let Some(runnable) = desk.take() {
            desk.run(&home, runnable);
        }
        let answered = seen.dropped_by().is_some();
        if !answered {
            // Do not fail with a leak.
            waker.wake_by_ref();
            desk.run(&home, desk.next());
        }
        drop(waker);
        assert!(answered, "the message waits for ever");
    });
}

#[test]
fn t4_a_wake_that_changes_nothing_publishes_what_its_caller_wrote() {
    a_second_message(|waker, _| waker.wake_by_ref());
}

#[test]
#[should_panic(expected = "the message waits for ever")]
fn t4_fails_if_a_wake_that_would_change_nothing_is_left_out() {
    a_second_message(|waker, task| {
        if task.state().load().wakes() == 0 {
            waker.wake_by_ref();
        }
    });
}

#[test]
fn t10_the_last_waker_and_the_completion_free_the_cell_once() {
    model(3, || {
        let (desk, home) = Desk::with_home();
        let mut polls = 0;
        let (probe, seen) = Probe::new(move || {
            polls += 1;
            polls > 1
        });
        let (runnable, handle) = home.spawn(probe);
        drop(handle);
        desk.run(&home, runnable);
        let (first, second) = (seen.waker(), seen.take_waker());
        first.wake_by_ref();
        let wakers = [thread::spawn(move || first.wake()), thread::spawn(move || drop(second))];
        desk.run(&home, desk.next());
        wakers.into_iter().for_each(|waker| waker.join().unwrap());
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn t10_fails_if_a_wake_gives_up_its_reference_first() {
    model(3, || {
        let (desk, home) = Desk::with_home();
        let mut polls = 0;
        let (probe, seen) = Probe::new(move || {
            polls += 1;
            polls > 1
        });
        let (runnable, handle) = home.spawn(probe);
        drop(handle);
        let task = Task::of(&runnable);
        desk.run(&home, runnable);
        let waker = seen.take_waker();
        waker.wake_by_ref();
        let other = thread::spawn(move || {
            drop(waker);
            let _ = task.state().wake_by_ref();
        });
        desk.run(&home, desk.next());
        other.join().unwrap();
    });
}

#[test]
fn t17_whoever_gives_up_the_last_reference_but_the_owners_has_left_before_the_cell_is_freed() {
    model(3, || {
        let (desk, home) = Desk::with_home();
        let mut polls = 0;
        let (probe, seen) = Probe::new(move || {
            polls += 1;
            polls > 1
        });
        let (runnable, handle) = home.spawn(probe);
        desk.run(&home, runnable);
        let (first, second) = (seen.waker(), seen.take_waker());
        first.wake();
        let others = [thread::spawn(move || drop(handle)), thread::spawn(move || drop(second))];
        desk.run(&home, desk.next());
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn t17_fails_if_somebody_stays_without_a_reference() {
    model(3, || {
        let (desk, home) = Desk::with_home();
        let (probe, _seen) = Probe::new(|| true);
        let (runnable, handle) = home.spawn(probe);
        let task = Task::of(&runnable);
        let other = thread::spawn(move || {
            drop(handle);
            let _ = task.state().load().is_complete();
        });
        desk.run(&home, runnable);
        other.join().unwrap();
    });
}

#[test]
fn t7_an_aborted_future_is_dropped_by_its_poller() {
    model(3, || {
        let (desk, home) = Desk::with_home();
        let (probe, seen) = Probe::new(|| false);
        let (runnable, handle) = home.spawn(probe);
        let abort: AbortHandle = handle.abort_handle();
        drop(handle);
        desk.run(&home, runnable);
        let waker = seen.take_waker();
        let others = [
            thread::spawn(move || {
                abort.abort();
                drop(abort);
            }),
            thread::spawn(move || waker.wake()),
        ];
        while seen.dropped_by().is_none() {
            desk.run(&home, desk.next());
        }
        assert_eq!(seen.dropped_by(), Some(thread::current().id()));
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(desk.take().is_none());
    });
}

#[test]
fn t7_an_abort_and_the_first_poll_complete_the_task_once() {
    model(3, || {
        let (desk, home) = Desk::with_home();
        let (probe, seen) = Probe::new(|| true);
        let (runnable, handle) = home.spawn(probe);
        let aborter = thread::spawn(move || {
            handle.abort();
            drop(handle);
        });
        desk.run(&home, runnable);
        assert_eq!(seen.dropped_by(), Some(thread::current().id()));
        aborter.join().unwrap();
        assert!(desk.take().is_none());
    });
}

#[test]
fn t8_who_sees_a_task_complete_has_seen_its_destructors() {
    model(3, || {
        let (desk, home) = Desk::with_home();
        let (probe, seen) = Probe::new(|| true);
        let (runnable, handle) = home.spawn(probe);
        let poller = thread::spawn(move || desk.run(&home, runnable));
        if handle.is_finished() {
            assert!(seen.dropped.load(Relaxed));
        }
        poller.join().unwrap();
        drop(handle);
    });
}

/// A task linked here completes on another worker, while this one links others, for which it wants the place.
#[test]
fn t11_a_task_that_completes_elsewhere_is_unlinked_at_home() {
    model(3, || {
        let (desk, home) = Desk::with_home();
        let elsewhere = desk.new_home();
        let mut polls = 0;
        let (probe, seen) = Probe::new(move || {
            polls += 1;
            polls > 1
        });
        let (runnable, handle) = home.spawn(probe);
        drop(handle);
        desk.run(&home, runnable);
        seen.take_waker().wake();
        let runnable = desk.take().unwrap();
        let thief = thread::spawn(move || {
            desk.run(&elsewhere, runnable);
            elsewhere
        });
        let (neighbor, neighbor_seen) = Probe::new(|| false);
        let (runnable, handle) = home.spawn(neighbor);
        drop(handle);
        assert!(matches!(home.run(runnable), Ran::Done));
        assert!((1..=2).contains(&home.linked()));
        let elsewhere = thief.join().unwrap();
        assert_eq!((home.linked(), elsewhere.linked()), (1, 0));
        home.cancel_all();
        assert_eq!(home.linked(), 0);
        drop(neighbor_seen.take_waker());
    });
}

/// A closing worker cancels what is in its list (S2), while a wake carries one of those tasks elsewhere.
#[test]
fn t7_t11_of_a_cancelling_home_and_a_wake_one_drops_the_future() {
    cancels_what_may_be_elsewhere(false);
}

/// The same, and elsewhere it completes, and is freed.
#[test]
fn t23_a_home_looks_at_a_task_that_completes_elsewhere() {
    cancels_what_may_be_elsewhere(true);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn t23_fails_if_the_home_does_not_mark_what_it_looks_at() {
    leaving_out("T23", || cancels_what_may_be_elsewhere(true));
}

fn cancels_what_may_be_elsewhere(completes: bool) {
    model(3, move || {
        let (desk, home) = Desk::with_home();
        let elsewhere = desk.new_home();
        let mut polls = 0;
        let (probe, seen) = Probe::new(move || {
            polls += 1;
            completes && polls > 1
        });
        let (runnable, handle) = home.spawn(probe);
        drop(handle);
        desk.run(&home, runnable);
        let waker = seen.take_waker();
        let other = thread::spawn({
            let desk = desk.clone();
            move || {
                waker.wake();
                if let Some(runnable) = desk.take() {
                    desk.run(&elsewhere, runnable);
                }
            }
        });
        home.cancel_all();
        other.join().unwrap();
        if seen.dropped_by().is_none() {
            // The wake was answered before anybody cancelled: the task waits here again, or is CANCELLED and granted
            // to the home by the second round that every closing worker makes (S4).
            home.cancel_all();
        }
        assert!(seen.dropped_by().is_some());
        assert_eq!(home.linked(), 0);
    });
}

/// The list's memory is given back when no task is linked, while the last one completes elsewhere.
fn completes_elsewhere_and_tidies() {
    model(3, || {
        let (desk, home) = Desk::with_home();
        let elsewhere = desk.new_home();
        let mut polls = 0;
        let (probe, seen) = Probe::new(move || {
            polls += 1;
            polls > 1
        });
        let (runnable, handle) = home.spawn(probe);
        drop(handle);
        desk.run(&home, runnable);
        seen.take_waker().wake();
        let runnable = desk.take().unwrap();
        let thief = thread::spawn(move || desk.run(&elsewhere, runnable));
        // loom does not try who comes first by itself: its look back ends at the thief's own load of the chain's end.
        thread::yield_now();
        home.tidy();
        assert!(home.linked() <= 1);
        thief.join().unwrap();
        assert_eq!(home.linked(), 0);
    });
}

#[test]
fn t11_a_place_is_given_up_after_its_last_use() {
    completes_elsewhere_and_tidies();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn t11_fails_if_who_empties_a_place_does_not_publish_it() {
    leaving_out("T11", completes_elsewhere_and_tidies);
}

/// The transitions alone: of all the wakes that meet a task being polled, or idle, one gets the right to poll.
#[test]
fn t2_wakes_during_and_after_a_poll_give_one_right_to_poll() {
    model(5, || {
        let state = Arc::new(State::new());
        let start = state.start_poll();
        let others: Vec<_> = (0..2)
            .map(|_| {
                let state = state.clone();
                thread::spawn(move || state.wake_by_ref() == Wake::Submit)
            })
            .collect();
        let again = state.finish_poll(start.wakes) == Finish::Again;
        let mut rights = usize::from(again);
        for other in others {
            rights += usize::from(other.join().unwrap());
        }
        assert_eq!(rights, 1);
    });
}
