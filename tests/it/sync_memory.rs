//! What locks and channels ask of the allocator: nothing to be made, or one block; nothing to wait.

use crate::size::requests;
use crate::support::{CountingWaker, poll_once};
use raddle_sync::{Mutex, Notify, RwLock, Semaphore, mpsc, oneshot};
use std::pin::pin;
use std::task::{Poll, Waker};

#[test]
fn locks_are_made_without_memory_and_channels_of_one_block() {
    let (_lock, count) =
        requests(|| (Mutex::new(1), RwLock::new(1), Semaphore::new(1), Notify::new()));
    assert_eq!(count, 0);
    let (_ends, count) = requests(oneshot::channel::<u64>);
    assert_eq!(count, 1, "a oneshot");
    let (_ends, count) = requests(|| mpsc::channel::<u64>(128));
    assert_eq!(count, 1, "a bounded channel");
    let (_ends, count) = requests(mpsc::unbounded_channel::<u64>);
    assert_eq!(count, 1, "an unbounded channel");
}

/// Polls futures that have to wait, several behind each other, again with another waker, and drops them.
fn wait_and_leave<F: Future>(make: impl Fn() -> F, wakers: [&Waker; 2]) -> usize {
    let ((), count) = requests(|| {
        let (mut first, mut second) = (pin!(make()), pin!(make()));
        for waker in wakers {
            assert!(matches!(poll_once(first.as_mut(), waker), Poll::Pending));
            assert!(matches!(poll_once(second.as_mut(), waker), Poll::Pending));
        }
    });
    count
}

#[test]
fn waiting_allocates_nothing() {
    let (one, other) = (CountingWaker::new().1, CountingWaker::new().1);
    let wakers = [&one, &other];

    let lock = Mutex::new(());
    let _held = lock.try_lock().unwrap();
    assert_eq!(wait_and_leave(|| lock.lock(), wakers), 0, "Mutex::lock");

    let lock = RwLock::new(());
    let _held = lock.try_write().unwrap();
    assert_eq!(wait_and_leave(|| lock.read(), wakers), 0, "RwLock::read");
    assert_eq!(wait_and_leave(|| lock.write(), wakers), 0, "RwLock::write");

    let gate = Semaphore::new(1);
    assert_eq!(wait_and_leave(|| gate.acquire_many(3), wakers), 0, "Semaphore::acquire_many");

    let changed = Notify::new();
    assert_eq!(wait_and_leave(|| changed.notified(), wakers), 0, "Notify::notified");

    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(0).unwrap();
    assert_eq!(wait_and_leave(|| sender.send(1), wakers), 0, "Sender::send");
    assert_eq!(wait_and_leave(|| sender.reserve(), wakers), 0, "Sender::reserve");
    receiver.try_recv().unwrap();
    let ((), count) = requests(|| {
        for waker in wakers {
            assert!(matches!(poll_once(pin!(receiver.recv()), waker), Poll::Pending));
        }
    });
    assert_eq!(count, 0, "Receiver::recv");

    let (_sender, mut receiver) = oneshot::channel::<u64>();
    let ((), count) = requests(|| {
        for waker in wakers {
            assert!(matches!(poll_once(pin!(&mut receiver), waker), Poll::Pending));
        }
    });
    assert_eq!(count, 0, "oneshot::Receiver");
}

#[test]
fn a_channel_in_use_allocates_for_its_buffers_and_no_more() {
    let (sender, mut receiver) = mpsc::channel(64);
    let pass = |receiver: &mut mpsc::Receiver<u64>| {
        for message in 0..64 {
            sender.try_send(message).unwrap();
        }
        for message in 0..64 {
            assert_eq!(receiver.try_recv(), Ok(message));
        }
    };
    // Both of its buffers grow once.
    pass(&mut receiver);
    pass(&mut receiver);
    let ((), count) = requests(|| (0..100).for_each(|_| pass(&mut receiver)));
    assert_eq!(count, 0);
}
