//! The oneshot channel: one value, received, refused, or dropped, exactly once.

use crate::support_block_on::{Drops, Task, block_on, poll_with, waker_fn};
use raddle_sync::oneshot::{
    self,
    error::{RecvError, TryRecvError},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Mutex,
    thread,
};

#[test]
fn a_value_sent_before_or_after_the_wait_is_received() {
    let (sender, receiver) = oneshot::channel();
    sender.send(1).unwrap();
    assert_eq!(block_on(receiver), Ok(1));

    let (sender, receiver) = oneshot::channel();
    let mut task = Task::waiting(receiver);
    sender.send(2).unwrap();
    assert!(task.is_woken());
    assert_eq!(task.ready(), Ok(2));
}

#[test]
fn a_dropped_sender_is_an_error() {
    let (sender, receiver) = oneshot::channel::<u8>();
    let mut task = Task::waiting(receiver);
    drop(sender);
    assert!(task.is_woken());
    let error: RecvError = task.ready().unwrap_err();
    assert_eq!(error.to_string(), "channel closed");
}

#[test]
fn a_value_for_a_dropped_receiver_comes_back() {
    let (sender, receiver) = oneshot::channel();
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(sender.send(1), Err(1));
}

#[test]
fn a_closed_receiver_refuses_a_value_but_keeps_one_that_was_sent() {
    let (sender, mut receiver) = oneshot::channel();
    receiver.close();
    assert_eq!(sender.send(1), Err(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));

    let (sender, mut receiver) = oneshot::channel();
    sender.send(1).unwrap();
    receiver.close();
    assert!(!receiver.is_empty());
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert!(receiver.is_terminated() && receiver.is_empty());
}

#[test]
fn a_sender_hears_that_the_receiver_is_gone() {
    for by_close in [true, false] {
        let (mut sender, mut receiver) = oneshot::channel::<()>();
        let mut task = Task::waiting(sender.closed());
        if by_close {
            receiver.close();
        } else {
            drop(receiver);
        }
        assert!(task.is_woken());
        task.ready();
    }
}

#[test]
fn every_value_is_dropped_exactly_once_whoever_goes_first() {
    let drops = Drops::default();
    let pair = oneshot::channel::<crate::support_block_on::Counted>;
    let mut expected = 0;
    for polled_first in [true, false] {
        for closed_first in [true, false] {
            for receiver_first in [true, false] {
                let (sender, mut receiver) = pair();
                if polled_first {
                    let never = waker_fn(|| {});
                    assert!(poll_with(Pin::new(&mut receiver), &never).is_pending());
                }
                if closed_first {
                    receiver.close();
                }
                if receiver_first {
                    drop(receiver);
                    assert!(sender.send(drops.counted()).is_err());
                } else {
                    assert_eq!(sender.send(drops.counted()).is_err(), closed_first);
                    drop(receiver);
                }
                expected += 1;
                assert_eq!(drops.count(), expected);
            }
        }
    }
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    let (sender, receiver) = oneshot::channel();
    let mut task = Task::waiting(receiver);
    assert!(poll_with(task.pin(), &waker_fn(|| {})).is_pending());
    assert!(task.poll().is_pending());
    sender.send(()).unwrap();
    assert!(task.is_woken());
}

#[test]
fn a_waker_may_drop_the_receiver_it_wakes() {
    let (sender, receiver) = oneshot::channel::<u8>();
    let place = std::sync::Arc::new(Mutex::new(Some(receiver)));
    let inside = std::sync::Arc::clone(&place);
    let waker = waker_fn(move || drop(inside.lock().unwrap().take()));
    assert!(poll_with(Pin::new(place.lock().unwrap().as_mut().unwrap()), &waker).is_pending());
    sender.send(1).unwrap();
    assert!(place.lock().unwrap().is_none());
}

#[test]
fn a_waker_that_panics_does_not_lose_the_value() {
    let (sender, mut receiver) = oneshot::channel();
    let bad = waker_fn(|| panic!("a bad waker"));
    assert!(poll_with(Pin::new(&mut receiver), &bad).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| sender.send(1))).is_err());
    assert_eq!(receiver.try_recv(), Ok(1));
}

#[test]
#[should_panic(expected = "polled after it had completed")]
fn polling_after_completion_panics() {
    let (sender, receiver) = oneshot::channel();
    let mut task = Task::new(receiver);
    sender.send(1).unwrap();
    assert!(task.ready().is_ok());
    let _ = task.poll();
}

#[test]
fn threads_receive_what_threads_send() {
    for round in 0..500 {
        let (sender, receiver) = oneshot::channel();
        let sending = thread::spawn(move || sender.send(round).unwrap());
        assert_eq!(receiver.blocking_recv(), Ok(round));
        sending.join().unwrap();
    }
}

#[test]
fn a_value_that_races_with_a_drop_is_dropped_once() {
    let drops = Drops::default();
    for round in 0..500 {
        let (sender, receiver) = oneshot::channel();
        let value = drops.counted();
        let sending = thread::spawn(move || drop(sender.send(value)));
        drop(receiver);
        sending.join().unwrap();
        assert_eq!(drops.count(), round + 1);
    }
}
