//! mpsc channels: order, capacity, closing, and what happens to messages and slots when somebody
//! leaves.

use crate::support_block_on::{Task, block_on, poll_with, waker_fn};
use raddle_sync::{
    budget,
    mpsc::{self, error::TrySendError},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

#[test]
fn messages_arrive_in_the_order_of_sending() {
    let (sender, mut receiver) = mpsc::channel(4);
    for message in 0..4 {
        sender.try_send(message).unwrap();
    }
    assert_eq!(receiver.try_recv(), Ok(0));
    sender.try_send(4).unwrap();
    drop(sender);
    let rest: Vec<_> = std::iter::from_fn(|| receiver.blocking_recv()).collect();
    assert_eq!(rest, [1, 2, 3, 4]);
}

#[test]
fn a_full_channel_makes_senders_wait_in_the_order_of_asking() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(0).unwrap();
    let mut first = Task::waiting(sender.send(1));
    let mut second = Task::waiting(sender.send(2));
    assert_eq!(receiver.try_recv(), Ok(0));
    assert!(first.is_woken() && !second.is_woken());
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)), "the slot is the first's");
    first.ready().unwrap();
    assert_eq!(receiver.try_recv(), Ok(1));
    second.ready().unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn every_message_received_makes_room_for_one() {
    let (sender, mut receiver) = mpsc::channel(3);
    (0..3).for_each(|message| sender.try_send(message).unwrap());
    for message in 3..20 {
        assert_eq!(sender.try_send(message), Err(TrySendError::Full(message)));
        assert_eq!(sender.capacity(), 0);
        assert_eq!(receiver.len(), 3);
        assert_eq!(receiver.try_recv(), Ok(message - 3));
        assert_eq!((sender.capacity(), receiver.capacity()), (1, 1));
        sender.try_send(message).unwrap();
    }
}

#[test]
fn dropping_a_send_that_was_served_unseen_passes_its_slot_on() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(0).unwrap();
    let first = Task::waiting(sender.send(1));
    let mut second = Task::waiting(sender.send(2));
    assert_eq!(receiver.try_recv(), Ok(0));
    drop(first);
    assert!(second.is_woken());
    second.ready().unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn dropping_a_waiting_send_leaves_the_line() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(0).unwrap();
    drop(Task::waiting(sender.send(1)));
    assert_eq!(receiver.try_recv(), Ok(0));
    sender.try_send(2).unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn dropping_a_recv_loses_no_message() {
    let (sender, mut receiver) = mpsc::channel(1);
    drop(Task::waiting(receiver.recv()));
    sender.try_send(1).unwrap();
    assert_eq!(block_on(receiver.recv()), Some(1));
}

#[test]
fn a_waiting_receiver_is_woken_by_a_message_and_by_the_end() {
    let (sender, mut receiver) = mpsc::channel(1);
    let mut task = Task::waiting(receiver.recv());
    sender.try_send(1).unwrap();
    assert!(task.is_woken());
    assert_eq!(task.ready(), Some(1));
    drop(task);
    let mut task = Task::waiting(receiver.recv());
    let other = sender.clone();
    drop(sender);
    assert!(!task.is_woken());
    drop(other);
    assert!(task.is_woken());
    assert_eq!(task.ready(), None);
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let woken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&woken);
    let waker = waker_fn(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let mut task = Task::waiting(receiver.recv());
    assert!(poll_with(task.pin(), &waker).is_pending());
    sender.send(()).unwrap();
    sender.send(()).unwrap();
    assert_eq!((woken.load(Ordering::SeqCst), task.is_woken()), (1, false));
}

#[test]
fn a_reserved_slot_can_be_filled_or_given_back() {
    let (sender, mut receiver) = mpsc::channel(1);
    let permit = block_on(sender.reserve()).unwrap();
    assert_eq!(sender.try_reserve().unwrap_err(), TrySendError::Full(()));
    let mut waiting = Task::waiting(sender.reserve());
    drop(permit);
    assert!(waiting.is_woken());
    waiting.ready().unwrap().send(1);
    drop(waiting);
    assert_eq!(receiver.try_recv(), Ok(1));

    let permit = sender.try_reserve_owned().unwrap();
    let sender = permit.release();
    let permit = block_on(sender.clone().reserve_owned()).unwrap();
    assert!(permit.same_channel_as_sender(&sender));
    assert!(matches!(sender.clone().try_reserve_owned(), Err(TrySendError::Full(_))));
    drop(permit);
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn several_slots_are_collected_as_they_come_free() {
    let (sender, mut receiver) = mpsc::channel(3);
    sender.try_send(0).unwrap();
    sender.try_send(1).unwrap();
    let mut many = Task::waiting(sender.reserve_many(3));
    assert!(sender.try_send(9).is_err());
    assert_eq!(receiver.try_recv(), Ok(0));
    assert!(!many.is_woken());
    assert_eq!(receiver.try_recv(), Ok(1));
    let mut permits = many.ready().unwrap();
    permits.next().unwrap().send(2);
    drop(permits);
    assert_eq!((receiver.len(), sender.capacity()), (1, 2));
    assert!(block_on(sender.reserve_many(4)).is_err());
    assert!(sender.try_reserve_many(3).is_err());
    // As Tokio says it, also where there never will be so many.
    assert_eq!(sender.try_reserve_many(4).unwrap_err(), TrySendError::Full(()));
    drop(Task::waiting(sender.reserve_many(3)));
    assert_eq!(sender.capacity(), 2);
}

#[test]
fn a_waker_that_panics_leaves_the_message_in_the_channel() {
    let (sender, mut receiver) = mpsc::channel(2);
    let bad = waker_fn(|| panic!("a bad waker"));
    assert!(poll_with(Box::pin(receiver.recv()).as_mut(), &bad).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| sender.try_send(1))).is_err());
    sender.try_send(2).unwrap();
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Ok(2)));
}

#[test]
fn a_batch_takes_what_is_there_up_to_its_limit() {
    let (sender, mut receiver) = mpsc::channel(8);
    (0..5).for_each(|message| sender.try_send(message).unwrap());
    assert_eq!(receiver.try_recv(), Ok(0));
    (5..7).for_each(|message| sender.try_send(message).unwrap());
    let mut batch = vec![100];
    assert_eq!(block_on(receiver.recv_many(&mut batch, 5)), 5);
    assert_eq!(batch, [100, 1, 2, 3, 4, 5]);
    assert_eq!(sender.capacity(), 7);
    assert_eq!(block_on(receiver.recv_many(&mut batch, 0)), 0);
    assert_eq!(receiver.blocking_recv_many(&mut batch, 5), 1);
    let mut waiting = Task::waiting(receiver.recv_many(&mut batch, 5));
    sender.try_send(7).unwrap();
    assert_eq!(waiting.ready(), 1);
    drop(waiting);
    drop(sender);
    assert_eq!(block_on(receiver.recv_many(&mut batch, 5)), 0);
}

#[test]
fn more_waiting_senders_than_fit_one_batch_are_all_served() {
    let (sender, mut receiver) = mpsc::channel(100);
    (0..100).for_each(|message| sender.try_send(message).unwrap());
    let mut tasks: Vec<_> = (100..200).map(|message| Task::waiting(sender.send(message))).collect();
    let mut received = Vec::new();
    assert_eq!(block_on(receiver.recv_many(&mut received, 100)), 100);
    for task in &mut tasks {
        assert!(task.is_woken());
        task.ready().unwrap();
    }
    assert_eq!(block_on(receiver.recv_many(&mut received, 100)), 100);
    assert!(received.into_iter().eq(0..200));
    assert_eq!(sender.capacity(), 100);
}

#[test]
fn a_receiver_that_always_finds_messages_yields_when_its_budget_is_spent() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    (0..200).for_each(|message| sender.send(message).unwrap());
    budget::refill();
    for message in 0..u32::from(budget::DEFAULT) {
        assert_eq!(Task::new(receiver.recv()).ready(), Some(message));
    }
    assert!(Task::waiting(receiver.recv()).is_woken());
    budget::clear();
    assert_eq!(
        receiver.blocking_recv(),
        Some(u32::from(budget::DEFAULT)),
        "a thread has no budget"
    );
    budget::refill();
    assert!(Task::new(receiver.recv()).ready().is_some());
    budget::clear();
}

#[test]
fn threads_lose_and_duplicate_nothing() {
    const SENDERS: usize = 4;
    const EACH: usize = 3_000;
    let (sender, mut receiver) = mpsc::channel(3);
    let threads: Vec<_> = (0..SENDERS)
        .map(|id| {
            let sender = sender.clone();
            thread::spawn(move || {
                for number in 0..EACH {
                    match number % 4 {
                        0 => sender.blocking_send((id, number)).unwrap(),
                        1 => block_on(sender.send((id, number))).unwrap(),
                        2 => block_on(sender.reserve()).unwrap().send((id, number)),
                        _ => {
                            // Gives up first, whether it got a slot or not.
                            drop(Task::new(sender.reserve_many(2)).poll());
                            block_on(sender.send((id, number))).unwrap();
                        }
                    }
                }
            })
        })
        .collect();
    let weak = sender.downgrade();
    drop(sender);
    let mut next = [0; SENDERS];
    while let Some((id, number)) = block_on(receiver.recv()) {
        assert_eq!(number, next[id], "each sender's messages come in its order");
        next[id] += 1;
    }
    assert_eq!(next, [EACH; SENDERS]);
    assert_eq!(receiver.capacity(), 3);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(weak.upgrade().is_none());
}

#[test]
#[should_panic(expected = "at least one message, not 0")]
fn a_channel_without_room_is_refused() {
    let _ = mpsc::channel::<()>(0);
}

#[test]
fn debug_shows_the_state_without_blocking() {
    let (sender, receiver) = mpsc::channel(2);
    sender.try_send(1).unwrap();
    assert_eq!(
        format!("{sender:?}"),
        "Sender { channel: Channel { incoming: 1, senders_wait: false, capacity: 2, senders: 1, closed: false } }"
    );
    assert!(format!("{receiver:?}").contains("taken: 0"));
}

#[test]
fn a_message_stays_when_the_waker_of_a_sender_panics() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(1).unwrap();
    let mut waiting = Task::new(sender.send(2));
    let bad = waker_fn(|| panic!("a bad waker"));
    assert!(poll_with(waiting.pin(), &bad).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| receiver.try_recv())).is_err());
    assert_eq!(receiver.try_recv(), Ok(1), "its slot is the sender's, but it is not lost");
    waiting.ready().unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(sender.capacity(), 1, "no slot was returned twice");

    sender.try_send(3).unwrap();
    let mut waiting = Task::new(sender.send(4));
    assert!(poll_with(waiting.pin(), &bad).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| receiver.try_recv())).is_err());
    waiting.ready().unwrap();
    let mut both = Vec::new();
    assert_eq!((receiver.blocking_recv_many(&mut both, 9), both), (2, vec![3, 4]));
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn a_batch_is_kept_when_the_waker_of_a_sender_panics() {
    let (sender, mut receiver) = mpsc::channel(2);
    (1..3).for_each(|message| sender.try_send(message).unwrap());
    let mut bad = Task::new(sender.send(3));
    assert!(poll_with(bad.pin(), &waker_fn(|| panic!("a bad waker"))).is_pending());
    let mut good = Task::waiting(sender.send(4));
    let mut batch = vec![0];
    let receiving = AssertUnwindSafe(|| receiver.blocking_recv_many(&mut batch, 9));
    assert!(catch_unwind(receiving).is_err());
    assert_eq!(batch, [0, 1, 2], "received, though the count is lost");
    assert!(good.is_woken());
    bad.ready().unwrap();
    good.ready().unwrap();
    assert_eq!(receiver.blocking_recv_many(&mut batch, 9), 2);
    assert_eq!((batch, sender.capacity()), (vec![0, 1, 2, 3, 4], 2));
}

#[test]
#[should_panic(expected = "polled after it had completed")]
fn a_send_is_polled_once_more() {
    let (sender, _receiver) = mpsc::channel(2);
    let mut task = Task::new(sender.send(1));
    task.ready().unwrap();
    let _ = task.poll();
}

#[test]
fn statistics_count_the_senders_that_wait() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.enable_stats();
    sender.try_send(1).unwrap();
    let mut task = Task::waiting(sender.send(2));
    assert_eq!((sender.stats().waiters, sender.stats().contended), (1, 1));
    receiver.try_recv().unwrap();
    task.ready().unwrap();
    let stats = receiver.stats();
    assert_eq!((stats.waiters, stats.contended), (0, 1));
    assert!(!stats.longest_wait.is_zero());
}
