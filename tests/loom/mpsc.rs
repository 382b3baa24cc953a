//! Rules C1 to C7 of the mpsc channel.

use crate::sync_support::{once, run_beside};
use loom::{
    future::block_on,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};
use raddle_sync::{
    loom::internals::{Standing, WaitQueue, Waiter},
    mpsc,
};
use std::{future::poll_fn, pin::pin, task::Poll};

#[test]
fn c3_a_slot_returned_while_a_sender_lines_up_is_not_lost() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(1);
        let sending = thread::spawn(move || {
            block_on(async {
                sender.send(Arc::new(1)).await.unwrap();
                sender.send(Arc::new(2)).await.unwrap();
            });
        });
        assert_eq!(block_on(receiver.recv()).as_deref(), Some(&1));
        assert_eq!(block_on(receiver.recv()).as_deref(), Some(&2));
        assert!(block_on(receiver.recv()).is_none());
        sending.join().unwrap();
    });
}

/// The receiver's count in one word, the line's flag in another: what C3 forbids.
struct TwoWords {
    returned: AtomicUsize,
    line: AtomicBool,
    queue: WaitQueue<()>,
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn c3_control_with_the_flag_in_a_word_of_its_own_the_slot_is_lost() {
    loom::model(|| {
        let shared = Arc::new(TwoWords {
            returned: AtomicUsize::new(0),
            line: AtomicBool::new(false),
            queue: WaitQueue::new(()),
        });
        let receiving = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.returned.fetch_add(1, Ordering::AcqRel);
                if shared.line.load(Ordering::Acquire) {
                    let waker = shared.queue.lock().pop_front(Standing::Granted);
                    waker.flatten().unwrap().wake();
                }
            })
        };
        let waiter = pin!(Waiter::new(&shared.queue));
        let waiter = waiter.as_ref();
        let lining_up = poll_fn(|cx| {
            if waiter.standing() == Standing::Granted {
                return Poll::Ready(());
            }
            let mut locked = shared.queue.lock();
            if shared.returned.load(Ordering::Acquire) > 0 {
                return Poll::Ready(());
            }
            shared.line.store(true, Ordering::Release);
            locked.push_back(waiter, 1, Some(cx.waker().clone()));
            Poll::Pending
        });
        run_beside(vec![receiving], lining_up);
    });
}

#[test]
fn c1_two_senders_and_a_cancelled_one_share_a_slot() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(1);
        sender.try_send(0).unwrap();
        let impatient = {
            let sender = sender.clone();
            thread::spawn(move || block_on(once(sender.send(1))).is_some())
        };
        let patient = thread::spawn(move || block_on(sender.send(2)).unwrap());
        assert_eq!(block_on(receiver.recv()), Some(0));
        let mut sum = 0;
        while let Some(message) = receiver.blocking_recv() {
            sum += message;
        }
        patient.join().unwrap();
        assert_eq!(sum, if impatient.join().unwrap() { 3 } else { 2 });
        assert_eq!(receiver.capacity(), 1);
    });
}

/// With one preemption more than elsewhere: each of two has to be interrupted between two steps.
fn check_closely(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// A receiver sees the line, whose only sender gives up before it is served; another sends meanwhile.
#[test]
fn c7_a_slot_is_not_taken_by_both_the_server_of_an_empty_line_and_a_sender() {
    check_closely(|| {
        let (sender, mut receiver) = mpsc::channel(1);
        sender.try_send(0).unwrap();
        let mut waiting = Box::pin(sender.send(1));
        assert!(block_on(poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx)))).is_pending());
        let receiving = thread::spawn(move || {
            assert_eq!(receiver.try_recv(), Ok(0));
            receiver
        });
        drop(waiting);
        let sent = sender.try_send(2).is_ok();
        let receiver = receiving.join().unwrap();
        assert_eq!(sender.capacity(), usize::from(!sent));
        drop(receiver);
    });
}

/// The word of C7 and the lock of the line, whose server takes from it whether or not there is a line.
#[test]
#[should_panic(expected = "took what was not there")]
fn c7_control_serving_without_looking_at_the_line_takes_what_a_sender_saw() {
    const LINE: usize = 1;
    check_closely(|| {
        let returned = Arc::new(AtomicUsize::new(LINE));
        let sending = {
            let returned = Arc::clone(&returned);
            thread::spawn(move || {
                // The only one in line leaves; another looks, and takes what it saw.
                returned.fetch_and(!LINE, Ordering::AcqRel);
                if returned.load(Ordering::Relaxed) >= 2 {
                    assert!(returned.swap(0, Ordering::AcqRel) >= 2, "took what was not there");
                }
            })
        };
        if returned.fetch_add(2, Ordering::AcqRel) & LINE != 0 {
            let count = returned.fetch_and(LINE, Ordering::AcqRel);
            returned.fetch_add(count & !LINE, Ordering::AcqRel);
        }
        sending.join().unwrap();
    });
}

#[test]
fn c5_a_message_is_received_or_given_back_when_the_receiver_closes() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(1);
        sender.try_send(Arc::new(0)).unwrap();
        let sending = thread::spawn(move || block_on(sender.send(Arc::new(1))).is_ok());
        receiver.close();
        let mut received = 0;
        while block_on(receiver.recv()).is_some() {
            received += 1;
        }
        assert_eq!(received, 1 + usize::from(sending.join().unwrap()));
    });
}

#[test]
fn c5_a_closed_receiver_waits_for_a_slot_that_was_taken() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel::<u32>(1);
        let sending = thread::spawn(move || {
            if let Ok(permit) = sender.try_reserve() {
                permit.send(1);
            }
            // Keeps the channel from ending for want of senders.
            sender
        });
        receiver.close();
        let sent = block_on(receiver.recv()).is_some();
        assert!(!sent || block_on(receiver.recv()).is_none());
        drop(sending.join().unwrap());
        assert!(receiver.try_recv().is_err(), "it came after the end");
    });
}

#[test]
fn c5_a_closed_receiver_hears_of_a_slot_given_back() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel::<u32>(1);
        let dropping = thread::spawn(move || {
            drop(sender.try_reserve());
            sender
        });
        receiver.close();
        assert!(block_on(receiver.recv()).is_none());
        drop(dropping.join().unwrap());
    });
}

#[test]
fn c5_a_dropped_receiver_leaves_no_message_behind() {
    loom::model(|| {
        let (sender, receiver) = mpsc::channel(2);
        let sending = thread::spawn(move || {
            if let Ok(permit) = sender.try_reserve() {
                permit.send(Arc::new(1));
            }
            block_on(sender.closed());
        });
        drop(receiver);
        sending.join().unwrap();
    });
}

#[test]
fn the_last_sender_wakes_the_receiver() {
    // Not a rule of its own: the count goes to zero before the lock is taken, and the receiver
    // reads it under it.
    loom::model(|| {
        let (sender, mut receiver) = mpsc::unbounded_channel::<Arc<u32>>();
        let weak = sender.downgrade();
        let first = {
            let sender = sender.clone();
            thread::spawn(move || drop(sender))
        };
        let second = thread::spawn(move || {
            sender.send(Arc::new(1)).unwrap();
            drop(sender);
        });
        assert!(block_on(receiver.recv()).is_some());
        assert!(block_on(receiver.recv()).is_none());
        assert!(weak.upgrade().is_none());
        first.join().unwrap();
        second.join().unwrap();
    });
}
