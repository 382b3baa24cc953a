//! Rules Y1 to Y3 of the watch channel.

use crate::sync_support::run_beside;
use loom::{future::block_on, sync::Arc, thread};
use raddle_sync::{loom::internals::leaving_out, watch};

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

fn the_last_of_two_changes_is_seen() {
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
        sending.join().unwrap();
        assert_eq!(last, 2, "the last change was not seen");
    });
}

#[test]
fn y2_the_last_of_two_changes_is_seen() {
    the_last_of_two_changes_is_seen();
}

#[test]
#[should_panic(expected = "the last change was not seen")]
fn y1_control_a_version_that_goes_up_before_the_lock_is_remembered_with_the_old_value() {
    leaving_out("Y1", the_last_of_two_changes_is_seen);
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

fn a_change_wakes_who_waits() {
    loom::model(|| {
        let (sender, mut receiver) = watch::channel(0);
        // Kept, so that its end wakes nobody.
        let kept = sender.clone();
        let sending = thread::spawn(move || sender.send_modify(|value| *value += 1));
        assert!(run_beside(vec![sending], receiver.changed()).is_ok());
        drop(kept);
    });
}

#[test]
fn y3_a_change_wakes_who_waits() {
    a_change_wakes_who_waits();
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn y3_control_who_looks_before_its_notified_is_born_is_not_woken() {
    leaving_out("Y3", a_change_wakes_who_waits);
}
