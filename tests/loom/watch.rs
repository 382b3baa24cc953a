//! Rules Y1 to Y3 of the watch channel.

use crate::sync_support::run_beside;
use loom::{
    future::block_on,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use raddle_sync::{Notify, watch};

#[test]
fn y3_a_change_reaches_who_waits_for_it_and_so_does_the_end() {
    loom::model(|| {
        let (sender, mut receiver) = watch::channel(Arc::new(0));
        let sending = thread::spawn(move || assert!(sender.send(Arc::new(1)).is_ok()));
        assert!(block_on(receiver.changed()).is_ok());
        assert_eq!(**receiver.borrow(), 1);
        assert!(block_on(receiver.changed()).is_err());
        sending.join().unwrap();
    });
}

#[test]
fn y2_the_last_of_two_changes_is_seen() {
    loom::model(|| {
        let (sender, mut receiver) = watch::channel(0);
        let sending = thread::spawn(move || {
            sender.send_modify(|value| *value += 1);
            sender.send_modify(|value| *value += 1);
        });
        let mut last = 0;
        while block_on(receiver.changed()).is_ok() {
            let value = *receiver.borrow_and_update();
            // The same again, if it was changed between the report and the look.
            assert!(value >= last);
            last = value;
        }
        assert_eq!(last, 2);
        sending.join().unwrap();
    });
}

#[test]
fn y2_a_value_waited_for_is_found() {
    loom::model(|| {
        let (sender, mut receiver) = watch::channel(0);
        let first = {
            let sender = sender.clone();
            thread::spawn(move || sender.send_modify(|value| *value += 1))
        };
        let second = thread::spawn(move || sender.send_modify(|value| *value += 1));
        assert!(block_on(receiver.wait_for(|&value| value == 2)).is_ok());
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn y3_the_last_receiver_wakes_who_waits_for_it() {
    loom::model(|| {
        let (sender, receiver) = watch::channel(());
        let other = receiver.clone();
        let dropping = thread::spawn(move || drop(other));
        let second = thread::spawn(move || drop(receiver));
        block_on(sender.closed());
        assert!(sender.is_closed());
        dropping.join().unwrap();
        second.join().unwrap();
    });
}

/// Waits for a version with a `Notify`, in the right order or in the wrong one.
fn waits(looks_first: bool) {
    loom::model(move || {
        let shared = Arc::new((AtomicUsize::new(0), Notify::new()));
        let sending = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.0.fetch_add(1, Ordering::Release);
                shared.1.notify_waiters();
            })
        };
        let waiting = async {
            let early = (!looks_first).then(|| shared.1.notified());
            if shared.0.load(Ordering::Acquire) == 0 {
                match early {
                    Some(notified) => notified.await,
                    None => shared.1.notified().await,
                }
            }
        };
        run_beside(vec![sending], waiting);
    });
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn y3_control_who_looks_before_its_notified_is_born_is_not_woken() {
    waits(true);
}

#[test]
fn y3_in_the_right_order_nothing_is_lost() {
    waits(false);
}
