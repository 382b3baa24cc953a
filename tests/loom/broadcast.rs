//! Rules D2 to D7 of the broadcast channel.

use crate::sync_support::{once, run_beside};
use loom::{
    future::block_on,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};
use raddle_sync::{
    Notify,
    broadcast::{
        self,
        error::{RecvError, TryRecvError},
    },
};
use std::{future::poll_fn, task::Poll};

#[test]
fn d5_a_message_or_the_end_wakes_who_looked_before() {
    loom::model(|| {
        // The message is tracked: it fails the model if it is dropped twice, or never.
        let (sender, mut receiver) = broadcast::channel(1);
        let sending = thread::spawn(move || assert!(sender.send(Arc::new(7)).is_ok()));
        assert_eq!(block_on(receiver.recv()).as_deref(), Ok(&7));
        assert_eq!(block_on(receiver.recv()).unwrap_err(), RecvError::Closed);
        sending.join().unwrap();
    });
}

#[test]
fn d4_who_lags_gets_the_rest_and_the_right_count() {
    loom::model(|| {
        let (sender, mut receiver) = broadcast::channel(1);
        let sending = thread::spawn(move || {
            (0..3).for_each(|message| assert!(sender.send(Arc::new(message)).is_ok()));
        });
        let (mut got, mut missed, mut next) = (0, 0, 0);
        loop {
            match block_on(receiver.recv()) {
                Ok(message) => {
                    assert_eq!(*message, next, "out of order");
                    (got, next) = (got + 1, next + 1);
                }
                Err(RecvError::Lagged(count)) => {
                    missed += count;
                    next += count;
                }
                Err(RecvError::Closed) => break,
            }
        }
        assert_eq!(got + missed, 3);
        sending.join().unwrap();
    });
}

#[test]
fn d7_two_receivers_share_a_message_that_is_being_overwritten() {
    loom::model(|| {
        let (sender, mut first) = broadcast::channel(1);
        let mut second = sender.subscribe();
        assert!(sender.send(Arc::new(0)).is_ok());
        let receiving = thread::spawn(move || match second.try_recv() {
            Ok(message) => assert!(*message < 2),
            Err(error) => assert_eq!(error, TryRecvError::Lagged(1)),
        });
        let sending = thread::spawn(move || assert!(sender.send(Arc::new(1)).is_ok()));
        let _ = first.try_recv();
        receiving.join().unwrap();
        sending.join().unwrap();
    });
}

#[test]
fn d6_a_receiver_that_leaves_gives_up_exactly_what_was_its_own() {
    loom::model(|| {
        let (sender, mut stays) = broadcast::channel(2);
        let leaves = sender.subscribe();
        assert!(sender.send(Arc::new(0)).is_ok());
        let leaving = thread::spawn(move || drop(leaves));
        assert!(sender.send(Arc::new(1)).is_ok());
        assert!(stays.try_recv().is_ok());
        leaving.join().unwrap();
        assert_eq!(sender.len(), 1);
        assert!(stays.try_recv().is_ok());
        assert!(sender.is_empty(), "a share was left behind");
    });
}

#[test]
fn d5_a_wait_that_is_given_up_takes_nothing_from_the_others() {
    loom::model(|| {
        let (sender, mut impatient) = broadcast::channel(1);
        let mut patient = sender.subscribe();
        let giving_up = thread::spawn(move || {
            let _ = block_on(once(impatient.recv()));
            impatient
        });
        let sending = thread::spawn(move || {
            assert!(sender.send(1).is_ok());
            sender
        });
        assert_eq!(block_on(patient.recv()), Ok(1));
        drop((giving_up.join().unwrap(), sending.join().unwrap()));
    });
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn d5_control_looking_and_saying_so_in_two_steps_loses_the_wake_up() {
    loom::model(|| {
        let shared = Arc::new((Mutex::new(0), AtomicBool::new(false), Notify::new()));
        let sending = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                *shared.0.lock().unwrap() += 1;
                if shared.1.swap(false, Ordering::AcqRel) {
                    shared.2.notify_waiters();
                }
            })
        };
        let receiving = async {
            let notified = shared.2.notified();
            if *shared.0.lock().unwrap() == 0 {
                shared.1.store(true, Ordering::Release);
                notified.await;
            }
        };
        run_beside(vec![sending], receiving);
    });
}

#[test]
#[should_panic(expected = "freed too early")]
fn d7_control_shares_counted_when_they_are_taken_are_too_few() {
    // As if each receiver added itself: the first is done before the second has begun.
    loom::model(|| {
        let shares = Arc::new(AtomicUsize::new(0));
        let freed = Arc::new(AtomicBool::new(false));
        let receive = |shares: &AtomicUsize, freed: &AtomicBool| {
            assert!(!freed.load(Ordering::Acquire), "freed too early");
            shares.fetch_add(1, Ordering::AcqRel);
            if shares.fetch_sub(1, Ordering::AcqRel) == 1 {
                freed.store(true, Ordering::Release);
            }
        };
        let other = {
            let (shares, freed) = (Arc::clone(&shares), Arc::clone(&freed));
            thread::spawn(move || receive(&shares, &freed))
        };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            receive(&shares, &freed);
        }));
        // Joined first: loom does not like threads that outlive a panic.
        let other = other.join();
        assert!(outcome.is_ok() && other.is_ok(), "freed too early");
    });
}

#[test]
fn d5_both_receivers_are_woken() {
    loom::model(|| {
        let (sender, mut first) = broadcast::channel(1);
        let mut second = sender.subscribe();
        let receiving = thread::spawn(move || assert_eq!(block_on(second.recv()), Ok(1)));
        assert!(sender.send(1).is_ok());
        let polled = block_on(poll_fn(|_| Poll::Ready(first.try_recv())));
        assert_eq!(polled, Ok(1));
        receiving.join().unwrap();
    });
}
