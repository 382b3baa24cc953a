//! Broadcast channels: everybody gets everything, or hears how much is missing.

use crate::support_block_on::{Counted, Drops, Task, block_on, poll_with, waker_fn};
use raddle_sync::broadcast::{
    self, Sender,
    error::{RecvError, SendError, TryRecvError},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

#[test]
fn every_receiver_gets_every_message_in_order() {
    let (sender, mut first) = broadcast::channel(4);
    assert_eq!(sender.send(1), Ok(1));
    let mut second = sender.subscribe();
    assert_eq!(sender.send(2), Ok(2));
    assert_eq!((first.len(), second.len(), sender.len()), (2, 1, 2));
    assert_eq!([first.try_recv(), first.try_recv()], [Ok(1), Ok(2)]);
    assert_eq!(first.try_recv(), Err(TryRecvError::Empty));
    assert_eq!((first.is_empty(), sender.len(), sender.is_empty()), (true, 1, false));
    assert_eq!(second.try_recv(), Ok(2));
    assert!(sender.is_empty());
}

#[test]
fn who_lags_hears_how_much_it_missed() {
    let (sender, mut slow) = broadcast::channel(2);
    let mut quick = sender.subscribe();
    for message in 0..5 {
        sender.send(message).unwrap();
        assert_eq!(quick.try_recv(), Ok(message));
    }
    assert_eq!(slow.len(), 5);
    assert_eq!(slow.try_recv(), Err(TryRecvError::Lagged(3)));
    assert_eq!(block_on(slow.recv()), Ok(3));
    sender.send(5).unwrap();
    sender.send(6).unwrap();
    assert_eq!(block_on(slow.recv()), Err(RecvError::Lagged(1)));
    assert_eq!([slow.try_recv(), slow.try_recv()], [Ok(5), Ok(6)]);
    assert_eq!(slow.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(RecvError::Lagged(3).to_string(), "channel lagged by 3");
}

#[test]
fn the_capacity_is_rounded_up_to_a_power_of_two() {
    let (sender, mut receiver) = broadcast::channel(3);
    (0..5).for_each(|message| assert_eq!(sender.send(message), Ok(1)));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(1)));
    assert_eq!(receiver.try_recv(), Ok(1));
}

#[test]
fn waiting_receivers_are_woken_by_a_message_and_by_the_end() {
    let (sender, mut first) = broadcast::channel(2);
    let mut second = first.resubscribe();
    let mut tasks = [Task::waiting(first.recv()), Task::waiting(second.recv())];
    assert_eq!(sender.stats().waiters, 2);
    sender.send(1).unwrap();
    for task in &mut tasks {
        assert!(task.is_woken());
        assert_eq!(task.ready(), Ok(1));
    }
    drop(tasks);
    let mut task = Task::waiting(first.recv());
    let weak = sender.downgrade();
    assert_eq!((sender.strong_count(), sender.weak_count()), (1, 1));
    let again = weak.upgrade().unwrap();
    drop(sender);
    assert!(!task.is_woken());
    drop(again);
    assert!(task.is_woken() && weak.upgrade().is_none());
    assert_eq!(task.ready(), Err(RecvError::Closed));
    drop(task);
    assert!(first.is_closed());
}

#[test]
fn what_was_sent_before_the_end_is_received() {
    let (sender, mut receiver) = broadcast::channel(2);
    sender.send(1).unwrap();
    drop(sender);
    assert_eq!(receiver.blocking_recv(), Ok(1));
    assert_eq!(receiver.blocking_recv(), Err(RecvError::Closed));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn dropping_a_recv_loses_no_message() {
    let (sender, mut receiver) = broadcast::channel(2);
    let waiting = Task::waiting(receiver.recv());
    sender.send(1).unwrap();
    drop(waiting);
    assert_eq!(block_on(receiver.recv()), Ok(1));
}

#[test]
fn sending_to_nobody_gives_the_message_back_until_somebody_comes() {
    let (sender, receiver) = broadcast::channel(2);
    let mut deserted = Task::waiting(sender.closed());
    drop(receiver);
    assert!(deserted.is_woken());
    deserted.ready();
    assert_eq!(sender.send(1), Err(SendError(1)));
    let mut late = sender.subscribe();
    assert_eq!(sender.send(2), Ok(1));
    assert_eq!(late.try_recv(), Ok(2));
    assert_eq!(sender.receiver_count(), 1);
}

/// Counts clones and drops; its clone may panic.
#[derive(Debug)]
struct Message {
    clones: Arc<AtomicUsize>,
    panics: Arc<AtomicBool>,
    _drops: Counted,
}

impl Clone for Message {
    fn clone(&self) -> Self {
        assert!(!self.panics.load(Ordering::SeqCst), "no clone today");
        self.clones.fetch_add(1, Ordering::SeqCst);
        let _drops = Drops::default().counted();
        Self { clones: Arc::clone(&self.clones), panics: Arc::clone(&self.panics), _drops }
    }
}

impl Message {
    fn new(drops: &Drops) -> Self {
        Self { clones: Arc::default(), panics: Arc::default(), _drops: drops.counted() }
    }
}

#[test]
fn the_last_receiver_gets_the_message_itself_and_nothing_is_kept() {
    let drops = Drops::default();
    let (sender, mut first) = broadcast::channel(4);
    let mut second = sender.subscribe();
    let message = Message::new(&drops);
    let clones = Arc::clone(&message.clones);
    sender.send(message).unwrap();
    drop(first.try_recv().unwrap());
    assert_eq!((clones.load(Ordering::SeqCst), drops.count()), (1, 0));
    drop(second.try_recv().unwrap());
    assert_eq!((clones.load(Ordering::SeqCst), drops.count()), (1, 1));
}

#[test]
fn messages_are_dropped_with_the_last_who_might_want_them() {
    let drops = Drops::default();
    let (sender, first) = broadcast::channel(4);
    let second = sender.subscribe();
    (0..3).for_each(|_| assert!(sender.send(Message::new(&drops)).is_ok()));
    drop(first);
    assert_eq!(drops.count(), 0);
    drop(second);
    assert_eq!(drops.count(), 3);

    let lagging = sender.subscribe();
    (0..6).for_each(|_| assert!(sender.send(Message::new(&drops)).is_ok()));
    assert_eq!(drops.count(), 5, "two were overwritten");
    drop((sender, lagging));
    assert_eq!(drops.count(), 9);
}

#[test]
fn a_clone_that_panics_leaves_the_channel_usable() {
    let drops = Drops::default();
    let (sender, mut first) = broadcast::channel(4);
    let mut second = sender.subscribe();
    let message = Message::new(&drops);
    let panics = Arc::clone(&message.panics);
    sender.send(message).unwrap();
    panics.store(true, Ordering::SeqCst);
    assert!(catch_unwind(AssertUnwindSafe(|| first.try_recv())).is_err());
    assert!(second.try_recv().is_ok(), "the last needs no clone");
    assert_eq!(drops.count(), 1);
    sender.send(Message::new(&drops)).unwrap();
    assert!(first.try_recv().is_ok() && second.try_recv().is_ok());
}

#[test]
fn a_drop_that_panics_still_gives_up_the_other_messages() {
    struct Bomb(#[allow(dead_code)] Counted, bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.1, "a bad drop");
        }
    }
    let drops = Drops::default();
    let (sender, receiver) = broadcast::channel(4);
    let mut deserted = Task::waiting(sender.closed());
    for at in 0..3 {
        assert!(sender.send(Bomb(drops.counted(), at == 1)).is_ok());
    }
    assert!(catch_unwind(AssertUnwindSafe(|| drop(receiver))).is_err());
    assert_eq!(drops.count(), 3);
    deserted.ready();
}

#[test]
fn a_waker_that_panics_costs_nobody_the_wake_up() {
    let (sender, mut first) = broadcast::channel(2);
    let mut second = sender.subscribe();
    let mut bad = Task::new(first.recv());
    assert!(poll_with(bad.pin(), &waker_fn(|| panic!("a bad waker"))).is_pending());
    let mut good = Task::waiting(second.recv());
    assert!(catch_unwind(AssertUnwindSafe(|| sender.send(1))).is_err());
    assert!(good.is_woken());
    assert_eq!((bad.ready(), good.ready()), (Ok(1), Ok(1)));
}

#[test]
fn threads_get_everything_in_order_or_are_told() {
    const EACH: u64 = 5_000;
    let sender = Sender::new(64);
    let receivers: Vec<_> = (0..3)
        .map(|_| {
            let mut receiver = sender.subscribe();
            thread::spawn(move || {
                let (mut got, mut missed) = (0, 0);
                let mut last = [None; 2];
                loop {
                    match receiver.blocking_recv() {
                        Ok((from, number)) => {
                            assert!(last[from] < Some(number), "out of order");
                            last[from] = Some(number);
                            got += 1;
                        }
                        Err(RecvError::Lagged(count)) => missed += count,
                        Err(RecvError::Closed) => return got + missed,
                    }
                }
            })
        })
        .collect();
    let senders: Vec<_> = (0..2)
        .map(|from| {
            let sender = sender.clone();
            thread::spawn(move || {
                (0..EACH).for_each(|number| assert_eq!(sender.send((from, number)), Ok(3)));
            })
        })
        .collect();
    drop(sender);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    for receiver in receivers {
        assert_eq!(receiver.join().unwrap(), 2 * EACH);
    }
}

#[test]
fn debug_shows_the_state() {
    let (sender, receiver) = broadcast::channel::<u32>(2);
    assert_eq!(
        format!("{sender:?}"),
        "Sender { channel: Channel { capacity: 2, sent: 0, receivers: 1, closed: false, senders: 1 } }"
    );
    assert!(format!("{receiver:?}").contains("sent: 0"));
}
