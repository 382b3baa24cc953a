//! Watch channels: the latest value, who has seen it, and who is told.

use crate::support_block_on::{Drops, Task, block_on, poll_with, waker_fn};
use raddle_sync::watch::{self, Sender, error::SendError};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

#[test]
fn a_receiver_sees_the_latest_value_and_is_told_once() {
    let (sender, mut receiver) = watch::channel(0);
    assert_eq!(receiver.has_changed(), Ok(false));
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert!(receiver.borrow().has_changed());
    block_on(receiver.changed()).unwrap();
    assert_eq!(*receiver.borrow(), 2);
    drop(Task::waiting(receiver.changed()));
    sender.send(3).unwrap();
    {
        let value = receiver.borrow_and_update();
        assert_eq!((*value, value.has_changed()), (3, true));
    }
    assert!(!receiver.borrow().has_changed());
}

#[test]
fn everybody_who_waits_is_woken_and_a_dropped_wait_misses_nothing() {
    let (sender, mut first) = watch::channel(0);
    let mut second = first.clone();
    let given_up = Task::waiting(first.changed());
    let mut task = Task::waiting(second.changed());
    assert_eq!(sender.stats().waiters, 2);
    sender.send_modify(|value| *value += 1);
    assert!(given_up.is_woken() && task.is_woken());
    task.ready().unwrap();
    drop(given_up);
    assert_eq!(first.has_changed(), Ok(true), "it was not reported");
    block_on(first.changed()).unwrap();
}

#[test]
fn a_change_that_is_none_tells_nobody() {
    let (sender, mut receiver) = watch::channel(5);
    let task = Task::waiting(receiver.changed());
    assert!(!sender.send_if_modified(|_| false));
    assert!(!task.is_woken());
    assert!(sender.send_if_modified(|value| {
        *value = 6;
        true
    }));
    assert!(task.is_woken());
}

#[test]
fn marks_decide_what_counts_as_seen() {
    let (sender, mut receiver) = watch::channel(0);
    receiver.mark_changed();
    assert_eq!(receiver.has_changed(), Ok(true));
    block_on(receiver.changed()).unwrap();
    sender.send(1).unwrap();
    receiver.mark_unchanged();
    drop(Task::waiting(receiver.changed()));
    let late = sender.subscribe();
    assert_eq!(late.has_changed(), Ok(false));
}

#[test]
fn waiting_for_a_condition_looks_at_every_value_there_is() {
    let (sender, mut receiver) = watch::channel(0);
    assert_eq!(*block_on(receiver.wait_for(|&value| value == 0)).unwrap(), 0);
    let mut task = Task::waiting(receiver.wait_for(|&value| value > 1));
    sender.send(1).unwrap();
    assert!(task.poll().is_pending());
    sender.send(2).unwrap();
    {
        let value = task.ready().unwrap();
        assert_eq!((*value, value.has_changed()), (2, true));
    }
    drop(task);
    sender.send(9).unwrap();
    drop(sender);
    assert_eq!(*block_on(receiver.wait_for(|&value| value == 9)).unwrap(), 9, "after the end");
    assert!(block_on(receiver.wait_for(|&value| value == 0)).is_err());
}

#[test]
fn the_end_is_told_after_the_last_value() {
    let (sender, mut receiver) = watch::channel(0);
    let other = sender.clone();
    let mut task = Task::waiting(receiver.changed());
    drop(sender);
    assert!(!task.is_woken());
    assert_eq!(other.sender_count(), 1);
    other.send(1).unwrap();
    drop(other);
    task.ready().unwrap();
    drop(task);
    assert!(receiver.is_closed() && receiver.has_changed().is_err());
    assert!(block_on(receiver.changed()).is_err());
    assert_eq!(*receiver.borrow(), 1);
}

#[test]
fn without_receivers_sending_fails_and_replacing_does_not() {
    let (sender, receiver) = watch::channel(0);
    let second = receiver.clone();
    let mut deserted = Task::waiting(sender.closed());
    drop(receiver);
    assert!(!deserted.is_woken());
    drop(second);
    assert!(deserted.is_woken());
    deserted.ready();
    assert_eq!(sender.send(1), Err(SendError(1)));
    assert_eq!(*sender.borrow(), 0);
    assert_eq!(sender.send_replace(2), 0);
    let receiver = sender.subscribe();
    assert_eq!((*receiver.borrow(), sender.receiver_count()), (2, 1));
}

#[test]
fn closures_that_panic_leave_the_channel_usable() {
    let (sender, mut receiver) = watch::channel(0);
    let panics = |action: &mut dyn FnMut()| {
        assert!(catch_unwind(AssertUnwindSafe(action)).is_err());
    };
    panics(&mut || {
        sender.send_modify(|value| {
            *value = 1;
            panic!("half done");
        });
    });
    assert_eq!((*receiver.borrow(), receiver.has_changed()), (1, Ok(false)));
    panics(&mut || drop(block_on(receiver.wait_for(|_| panic!("a bad condition")))));
    sender.send(2).unwrap();
    assert_eq!(*receiver.borrow_and_update(), 2);
}

#[test]
fn a_waker_that_panics_costs_nobody_the_wake_up() {
    let (sender, mut first) = watch::channel(0);
    let mut second = first.clone();
    let mut bad = Task::new(first.changed());
    assert!(poll_with(bad.pin(), &waker_fn(|| panic!("a bad waker"))).is_pending());
    let good = Task::waiting(second.changed());
    assert!(catch_unwind(AssertUnwindSafe(|| sender.send(1))).is_err());
    assert!(good.is_woken());
    bad.ready().unwrap();
}

#[test]
fn an_old_value_is_dropped_when_the_lock_is_free() {
    /// Looks at the channel from its own drop.
    struct Looks(Option<Sender<Looks>>, #[allow(dead_code)] crate::support_block_on::Counted);
    impl Drop for Looks {
        fn drop(&mut self) {
            if let Some(sender) = &self.0 {
                assert!(sender.borrow().0.is_none());
            }
        }
    }
    let drops = Drops::default();
    let sender = Sender::new(Looks(None, drops.counted()));
    let _receiver = sender.subscribe();
    assert!(sender.send(Looks(Some(sender.clone()), drops.counted())).is_ok());
    assert!(sender.send(Looks(None, drops.counted())).is_ok());
    assert_eq!(drops.count(), 2);
}

#[test]
fn threads_end_up_with_the_last_value() {
    let sender = Sender::new(0_u64);
    let receivers: Vec<_> = (0..3)
        .map(|_| {
            let mut receiver = sender.subscribe();
            thread::spawn(move || {
                let mut last = 0;
                while block_on(receiver.changed()).is_ok() {
                    let value = *receiver.borrow_and_update();
                    assert!(value >= last);
                    last = value;
                }
                last
            })
        })
        .collect();
    let senders: Vec<_> = (0..2)
        .map(|_| {
            let sender = sender.clone();
            thread::spawn(move || (0..2_000).for_each(|_| sender.send_modify(|value| *value += 1)))
        })
        .collect();
    drop(sender);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    for receiver in receivers {
        assert_eq!(receiver.join().unwrap(), 4_000);
    }
}

#[test]
fn debug_does_not_block() {
    let (sender, receiver) = watch::channel(7);
    assert_eq!(
        format!("{sender:?}"),
        "Sender { channel: Channel { value: 7, senders: 1, receivers: 1 } }"
    );
    sender.send_modify(|_| assert!(format!("{receiver:?}").contains("<locked>")));
    assert_eq!(format!("{:?}", receiver.borrow()), "Ref { value: 7, has_changed: true }");
}
