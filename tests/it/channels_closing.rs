//! How mpsc channels end: closing, the last sender, and what becomes of messages that nobody receives.

use crate::support_block_on::{Counted, Drops, Task, block_on};
use raddle_sync::mpsc::{
    self,
    error::{SendError, TryRecvError, TrySendError},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

#[test]
fn closing_gives_back_what_was_not_sent_and_keeps_what_was() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(0).unwrap();
    let mut waiting = Task::waiting(sender.send(1));
    let mut closed = Task::waiting(sender.closed());
    receiver.close();
    assert!(waiting.is_woken() && closed.is_woken());
    assert_eq!(waiting.ready(), Err(SendError(1)));
    closed.ready();
    assert_eq!(sender.try_send(2), Err(TrySendError::Closed(2)));
    assert!(block_on(sender.reserve()).is_err() && sender.is_closed());
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn a_closed_receiver_waits_for_slots_that_were_taken() {
    let (sender, mut receiver) = mpsc::channel(2);
    let used = sender.try_reserve().unwrap();
    let unused = sender.try_reserve().unwrap();
    receiver.close();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    let mut task = Task::waiting(receiver.recv());
    used.send(1);
    assert_eq!(task.ready(), Some(1));
    drop(task);
    let mut task = Task::waiting(receiver.recv());
    drop(unused);
    assert!(task.is_woken());
    assert_eq!(task.ready(), None);
}

#[test]
fn closing_while_a_large_reservation_is_half_filled_ends_the_channel() {
    let (sender, mut receiver) = mpsc::channel::<u8>(2);
    let held = sender.try_reserve().unwrap();
    let mut many = Task::waiting(sender.reserve_many(2));
    receiver.close();
    assert!(many.ready().is_err());
    drop(held);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn dropping_the_receiver_drops_what_was_not_received_in_order() {
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    struct Noting(u8, Arc<std::sync::Mutex<Vec<u8>>>);
    impl Drop for Noting {
        fn drop(&mut self) {
            self.1.lock().unwrap().push(self.0);
        }
    }
    let (sender, mut receiver) = mpsc::channel(4);
    for id in 0..3 {
        assert!(sender.try_send(Noting(id, Arc::clone(&order))).is_ok());
    }
    drop(receiver.try_recv());
    assert!(sender.try_send(Noting(3, Arc::clone(&order))).is_ok());
    let permit = sender.try_reserve().unwrap();
    drop(receiver);
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3]);
    permit.send(Noting(4, Arc::clone(&order)));
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
    assert!(sender.try_send(Noting(5, Arc::clone(&order))).is_err());
}

#[test]
fn a_message_may_use_its_channel_when_it_is_dropped() {
    struct Reply(mpsc::Sender<Reply>);
    impl Drop for Reply {
        fn drop(&mut self) {
            assert!(self.0.is_closed() && self.0.capacity() <= 2);
            assert!(format!("{:?}", self.0).contains("closed: true"));
        }
    }
    let (sender, receiver) = mpsc::channel(2);
    assert!(sender.try_send(Reply(sender.clone())).is_ok());
    assert!(sender.try_send(Reply(sender.clone())).is_ok());
    drop(sender);
    drop(receiver);
}

#[test]
fn a_message_that_panics_when_dropped_does_not_keep_the_others() {
    struct Bad {
        is_bad: bool,
        _counted: Counted,
    }
    impl Drop for Bad {
        fn drop(&mut self) {
            assert!(!self.is_bad, "a bad message");
        }
    }
    let drops = Drops::default();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    for id in 0..3 {
        assert!(sender.send(Bad { is_bad: id == 1, _counted: drops.counted() }).is_ok());
    }
    drop(receiver.try_recv());
    assert!(sender.send(Bad { is_bad: false, _counted: drops.counted() }).is_ok());
    assert!(catch_unwind(AssertUnwindSafe(move || drop(receiver))).is_err());
    assert_eq!(drops.count(), 4);
    assert!(sender.is_closed());
}

#[test]
fn weak_senders_do_not_keep_the_channel_open() {
    let (sender, mut receiver) = mpsc::channel(1);
    let weak = sender.downgrade();
    assert_eq!((sender.strong_count(), weak.weak_count()), (1, 1));
    let again = weak.upgrade().unwrap();
    assert!(again.same_channel(&sender));
    assert_eq!((weak.strong_count(), receiver.sender_weak_count()), (2, 1));
    again.try_send(1).unwrap();
    drop((sender, again));
    assert!(weak.upgrade().is_none() && receiver.is_closed());
    assert_eq!((receiver.try_recv(), receiver.sender_strong_count()), (Ok(1), 0));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));

    let (sender, mut receiver) = mpsc::unbounded_channel::<u8>();
    let weak = sender.downgrade().clone();
    drop(sender);
    assert!(weak.upgrade().is_none());
    assert_eq!(receiver.blocking_recv(), None);
}

#[test]
fn messages_that_race_with_the_end_are_dropped_once() {
    let drops = Drops::default();
    let mut expected = 0;
    for round in 0..300 {
        let (sender, mut receiver) = mpsc::channel(2);
        let mine: Vec<_> = (0..4).map(|_| drops.counted()).collect();
        expected += mine.len();
        let sending = thread::spawn(move || {
            for message in mine {
                drop(block_on(sender.send(message)));
            }
        });
        if round % 2 == 0 {
            receiver.close();
            while block_on(receiver.recv()).is_some() {}
        }
        drop(receiver);
        sending.join().unwrap();
        assert_eq!(drops.count(), expected);
    }
}
