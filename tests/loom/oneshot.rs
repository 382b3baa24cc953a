//! Rules O1 to O3 of the oneshot channel.

use crate::sync_support::run_beside;
use loom::{
    future::block_on,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use raddle_sync::{AtomicWaker, oneshot};
use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, Waker},
};

#[test]
fn o1_a_value_sent_is_received() {
    loom::model(|| {
        // The value is tracked: it fails the model if it is dropped twice, or never.
        let (sender, receiver) = oneshot::channel();
        let value = Arc::new(7);
        let sending = thread::spawn(move || sender.send(value).unwrap());
        assert_eq!(*block_on(receiver).unwrap(), 7);
        sending.join().unwrap();
    });
}

#[test]
fn o1_a_value_is_received_or_given_back_when_the_receiver_closes() {
    loom::model(|| {
        let (sender, mut receiver) = oneshot::channel();
        let value = Arc::new(7);
        let sending = thread::spawn(move || sender.send(value).is_ok());
        receiver.close();
        let received = receiver.try_recv().is_ok();
        drop(receiver);
        assert_eq!(sending.join().unwrap(), received);
    });
}

#[test]
fn o2_a_receiver_that_changes_its_waker_is_woken() {
    loom::model(|| {
        let (sender, mut receiver) = oneshot::channel();
        let sending = thread::spawn(move || sender.send(7).unwrap());
        let mut cx = Context::from_waker(Waker::noop());
        let value = match Pin::new(&mut receiver).poll(&mut cx) {
            Poll::Ready(value) => value,
            Poll::Pending => block_on(receiver),
        };
        assert_eq!(value, Ok(7));
        sending.join().unwrap();
    });
}

#[test]
fn o2_a_receiver_hears_that_the_sender_is_gone() {
    loom::model(|| {
        let (sender, receiver) = oneshot::channel::<Arc<()>>();
        let dropping = thread::spawn(move || drop(sender));
        assert!(receiver.blocking_recv().is_err());
        dropping.join().unwrap();
    });
}

#[test]
fn o2_a_sender_hears_that_the_receiver_is_gone() {
    loom::model(|| {
        let (mut sender, receiver) = oneshot::channel::<Arc<()>>();
        let dropping = thread::spawn(move || drop(receiver));
        block_on(sender.closed());
        assert!(sender.send(Arc::new(())).is_err());
        dropping.join().unwrap();
    });
}

#[test]
fn o3_both_ends_can_go_at_once() {
    loom::model(|| {
        let (mut sender, mut receiver) = oneshot::channel::<Arc<()>>();
        let sending = thread::spawn(move || {
            let _ = block_on(poll_fn(|cx| Poll::Ready(sender.poll_closed(cx))));
            let _ = sender.send(Arc::new(()));
        });
        let mut cx = Context::from_waker(Waker::noop());
        let _ = Pin::new(&mut receiver).poll(&mut cx);
        drop(receiver);
        sending.join().unwrap();
    });
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn o2_control_a_receiver_that_does_not_look_again_after_registering_is_not_woken() {
    loom::model(|| {
        let shared = Arc::new((AtomicBool::new(false), AtomicWaker::new()));
        let sending = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.0.store(true, Ordering::Release);
                shared.1.wake();
            })
        };
        let looking = poll_fn(|cx| {
            if shared.0.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            shared.1.register(cx.waker());
            Poll::Pending
        });
        run_beside(vec![sending], looking);
    });
}
