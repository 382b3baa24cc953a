//! T41 and T42 of `executor/src/local/shared.rs`: a local task that is woken from another thread is polled at home, and its set
//! does not go before it.

use loom::thread;
use raddle::loom::internals::leaving_out;
use raddle::sync::oneshot;
use raddle::task::LocalSet;

use crate::executor_support::{block_on, model};

fn a_wake_from_elsewhere_beside_the_end_of_a_turn() {
    model(2, || {
        let mut set = LocalSet::new();
        let (send, receive) = oneshot::channel();
        let task = set.spawn_local(async move { receive.await.unwrap() });
        let sender = thread::spawn(move || send.send(7).unwrap());
        block_on(&mut set);
        assert!(task.is_finished());
        assert_eq!(block_on(task).unwrap(), 7);
        sender.join().unwrap();
    });
}

#[test]
fn t41_a_wake_from_elsewhere_brings_the_task_home_and_wakes_who_polls_the_set() {
    a_wake_from_elsewhere_beside_the_end_of_a_turn();
}

#[test]
#[should_panic(expected = "deadlock")]
fn t41_control_a_set_that_nobody_is_woken_for_sleeps_on() {
    leaving_out("T41", a_wake_from_elsewhere_beside_the_end_of_a_turn);
}

/// The set goes while the task is on its way home, maybe, in the hands of who wakes it.
fn a_set_goes_beside_a_wake_from_elsewhere() {
    model(3, || {
        let mut set = LocalSet::new();
        let (send, receive) = oneshot::channel::<()>();
        let task = set.spawn_local(async move { _ = receive.await });
        let polled = std::future::poll_fn(|cx| {
            assert!(std::pin::Pin::new(&mut set).poll(cx).is_pending());
            std::task::Poll::Ready(())
        });
        block_on(polled);
        // Nobody listens if the set is gone.
        let sender = thread::spawn(move || _ = send.send(()));
        drop(set);
        assert!(block_on(task).unwrap_err().is_cancelled());
        sender.join().unwrap();
    });
}

#[test]
fn t42_a_set_waits_for_the_task_that_another_thread_brings() {
    a_set_goes_beside_a_wake_from_elsewhere();
}

#[test]
#[should_panic(expected = "a set goes before its tasks")]
fn t42_control_a_set_that_does_not_wait_goes_first() {
    leaving_out("T42", a_set_goes_beside_a_wake_from_elsewhere);
}
