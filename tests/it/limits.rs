//! Operations with a limit: what comes back when the time is up, and that nobody behind is held up. (Sending, putting and
//! conditions are in `calls`.)

use crate::support::{Flavor, wait};
use raddle::sync::{
    BoundedSemaphore, OwnedRwLockUpgradableReadGuard, RwLock, RwLockUpgradableReadGuard, SetOnce,
    mpsc, watch,
};
use raddle::task;
use raddle::time::error::{AcquireTimeoutError, SendTimeoutError};
use raddle::time::limits::{
    AcquireTimeout, RecvManyTimeout, ReserveTimeout, RwLockTimeout, UpgradeTimeout, WaitForTimeout,
    WaitTimeout,
};
use raddle::time::{DelayQueue, Duration};
use std::sync::Arc;

const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(1);

/// Runs the same future as a task on every kind of runtime.
fn everywhere<F: Future<Output = ()> + Send + 'static>(what: impl Fn() -> F) {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        wait("the task", running.handle().spawn(what())).unwrap();
    }
}

#[test]
fn a_slot_that_is_not_there_in_time_is_left_to_the_next() {
    everywhere(|| async {
        let (sender, mut receiver) = mpsc::channel(2);
        let both = sender.reserve_many_timeout(2, Duration::ZERO).await.unwrap();
        assert_eq!(sender.reserve_timeout(SHORT).await.unwrap_err(), SendTimeoutError::Timeout(()));
        let sender = match sender.clone().reserve_owned_timeout(SHORT).await {
            Err(SendTimeoutError::Timeout(sender)) => sender,
            other => panic!("{other:?}"),
        };
        drop(both);
        // One of two, and then both: what was collected in vain has been given back.
        let one = sender.reserve_timeout(Duration::ZERO).await.unwrap();
        let many = sender.reserve_many_timeout(2, SHORT).await;
        assert_eq!(many.unwrap_err(), SendTimeoutError::Timeout(()));
        one.send(1);
        let sender = sender.reserve_owned_timeout(Duration::ZERO).await.unwrap().send(2);
        assert_eq!((receiver.recv().await, receiver.recv().await), (Some(1), Some(2)));

        let too_many = sender.reserve_many_timeout(3, LONG).await;
        assert_eq!(too_many.unwrap_err(), SendTimeoutError::Closed(()));
        drop(receiver);
        let closed = sender.reserve_timeout(LONG).await;
        assert_eq!(closed.unwrap_err(), SendTimeoutError::Closed(()));
        let closed = sender.reserve_owned_timeout(LONG).await;
        assert!(matches!(closed, Err(SendTimeoutError::Closed(_))));
    });
}

#[test]
fn a_sender_that_comes_back_keeps_the_channel_open() {
    everywhere(|| async {
        let (sender, mut receiver) = mpsc::channel(1);
        sender.try_send(1).unwrap();
        let late = sender.reserve_owned_timeout(SHORT).await.unwrap_err();
        assert_eq!(receiver.try_recv(), Ok(1));
        assert_eq!(receiver.sender_strong_count(), 1);
        late.into_inner().try_send(2).unwrap();
        assert_eq!(receiver.recv().await, Some(2));
        assert_eq!(receiver.recv().await, None);
    });
}

#[test]
fn messages_that_come_together_are_received_together_or_not_at_all() {
    everywhere(|| async {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut batch = vec![0];
        assert!(receiver.recv_many_timeout(&mut batch, 9, SHORT).await.is_err());
        let other = raddle::spawn(async move {
            for number in 1..=9 {
                sender.send(number).unwrap();
            }
        });
        while receiver.recv_many_timeout(&mut batch, 2, LONG).await.unwrap() > 0 {}
        assert!(batch.into_iter().eq(0..=9));
        other.await.unwrap();
    });
}

#[test]
fn permits_of_a_bounded_semaphore_can_be_asked_for_with_a_limit() {
    everywhere(|| async {
        let gate = Arc::new(BoundedSemaphore::new(3));
        let held = gate.clone().acquire_many_owned_timeout(2, LONG).await.unwrap();
        assert_eq!(
            gate.acquire_many_timeout(2, SHORT).await.unwrap_err(),
            AcquireTimeoutError::Timeout
        );
        assert_eq!(gate.available_permits(), 1, "what was collected in vain is back");
        drop(gate.clone().acquire_owned_timeout(Duration::ZERO).await.unwrap());
        drop(held);
        gate.close();
        assert_eq!(gate.acquire_timeout(LONG).await.unwrap_err(), AcquireTimeoutError::Closed);
    });
}

#[test]
fn an_upgrade_in_vain_goes_on_reading_and_nobody_has_written() {
    everywhere(|| async {
        let lock = Arc::new(RwLock::new(1));
        let other = lock.read().await;
        let reading = lock.upgradable_read_timeout(SHORT).await.unwrap();
        assert!(lock.upgradable_read_timeout(SHORT).await.is_err(), "one at a time");
        let reading = RwLockUpgradableReadGuard::upgrade_timeout(reading, SHORT).await.unwrap_err();
        assert!(lock.try_read().is_ok(), "readers come in again");
        let writer = raddle::spawn({
            let lock = lock.clone();
            async move { *lock.write().await *= 10 }
        });
        drop(other);
        let mut writing = RwLockUpgradableReadGuard::upgrade_timeout(reading, LONG).await.unwrap();
        *writing += 1;
        drop(writing);
        writer.await.unwrap();

        let reading = lock.clone().upgradable_read_owned_timeout(LONG).await.unwrap();
        let other = lock.clone().read_owned().await;
        let reading =
            OwnedRwLockUpgradableReadGuard::upgrade_timeout(reading, SHORT).await.unwrap_err();
        assert_eq!(*reading, 20);
        drop(other);
        drop(OwnedRwLockUpgradableReadGuard::upgrade_timeout(reading, SHORT).await.unwrap());
    });
}

#[test]
fn a_value_is_waited_for_no_longer_than_allowed() {
    everywhere(|| async {
        let once = Arc::new(SetOnce::new());
        assert!(once.wait_timeout(SHORT).await.is_err());
        let (sender, mut receiver) = watch::channel(0);
        assert!(receiver.wait_for_timeout(|&value| value == 7, SHORT).await.is_err());
        let other = raddle::spawn({
            let once = once.clone();
            async move {
                for value in 1..=7 {
                    sender.send(value).unwrap();
                    task::yield_now().await;
                }
                once.set("set").unwrap();
            }
        });
        let seen = receiver.wait_for_timeout(|&value| value == 7, LONG).await.unwrap();
        assert_eq!(*seen.unwrap(), 7);
        assert_eq!(once.wait_timeout(LONG).await, Ok(&"set"));
        other.await.unwrap();
        let over = receiver.wait_for_timeout(|&value| value == 8, LONG).await.unwrap();
        assert!(over.is_err(), "all senders are gone");
    });
}

#[test]
fn the_next_item_of_a_delay_queue_can_be_awaited_and_given_up() {
    everywhere(|| async {
        let mut queue = DelayQueue::new();
        let later = queue.insert("later", LONG);
        queue.insert("soon", SHORT);
        assert_eq!(queue.next().await.unwrap().into_inner(), "soon");
        assert!(raddle::time::timeout(SHORT, queue.next()).await.is_err());
        queue.reset(&later, Duration::ZERO);
        assert_eq!(queue.next().await.unwrap().into_inner(), "later");
        assert!(queue.next().await.is_none());
    });
}
