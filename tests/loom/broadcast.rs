//! Rules D2 to D7 of the broadcast channel.

use crate::sync_support::{once, run_beside};
use loom::{cell::UnsafeCell, future::block_on, sync::Arc, thread};
use raddle_sync::{
    broadcast::{
        self,
        error::{RecvError, TryRecvError},
    },
    loom::internals::leaving_out,
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

fn a_message_wakes_who_looked_before() {
    loom::model(|| {
        let (sender, mut receiver) = broadcast::channel(1);
        // Kept, so that the end of the channel wakes nobody.
        let kept = sender.clone();
        let sending = thread::spawn(move || assert!(sender.send(7).is_ok()));
        assert_eq!(run_beside(vec![sending], receiver.recv()), Ok(7));
        drop(kept);
    });
}

#[test]
fn d5_a_message_wakes_who_looked_before() {
    a_message_wakes_who_looked_before();
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn d5_control_looking_and_saying_so_in_two_steps_loses_the_wake_up() {
    leaving_out("D5", a_message_wakes_who_looked_before);
}

/// A message of which loom sees who reads it, and who has it to himself.
struct Watched(UnsafeCell<()>);

impl Clone for Watched {
    fn clone(&self) -> Self {
        self.0.with(|_| ());
        Self(UnsafeCell::new(()))
    }
}

fn the_last_receiver_gets_the_message_after_all_have_read_it() {
    loom::model(|| {
        let (sender, mut first) = broadcast::channel(1);
        let mut second = sender.subscribe();
        assert!(sender.send(Watched(UnsafeCell::new(()))).is_ok());
        let receive = |message: Result<Watched, TryRecvError>| {
            message.unwrap_or_else(|error| panic!("{error:?}")).0.with_mut(|_| ());
        };
        let receiving = thread::spawn(move || receive(second.try_recv()));
        receive(first.try_recv());
        receiving.join().unwrap();
    });
}

#[test]
fn d7_the_last_receiver_gets_the_message_after_all_have_read_it() {
    the_last_receiver_gets_the_message_after_all_have_read_it();
}

#[test]
#[should_panic(expected = "Causality violation")]
fn d7_control_who_takes_the_last_share_unordered_writes_to_what_is_being_read() {
    leaving_out("D7", the_last_receiver_gets_the_message_after_all_have_read_it);
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
