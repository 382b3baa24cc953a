//! Functions called later, operations with a limit, and the delay queue on a runtime. What the queue itself promises is in
//! `props_delay_queue`.

use crate::support::{DropCounter, Flavor, planned_panic, recv, scaled, until, wait};
use raddle::sync::queue::{LifoQueue, PriorityQueue, Queue};
use raddle::sync::{
    Barrier, Condvar, Mutex, Notify, RwLock, Semaphore, broadcast, mpsc as channel,
};
use raddle::task;
use raddle::time::error::{AcquireTimeoutError, PutTimeoutError, SendTimeoutError};
use raddle::time::limits::{
    AcquireTimeout, CondvarTimeout, FutureExt, JoinTimeout, LockTimeout, PutTimeout, RecvTimeout,
    RwLockTimeout, SendTimeout, WaitTimeout,
};
use raddle::time::{DelayQueue, Duration, Instant, call_at, call_later};
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};

const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(1);

#[test]
fn a_function_is_called_once_on_a_worker_and_not_early() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let _entered = running.handle().enter();
        let (send, receive) = mpsc::channel();
        for number in 0..scaled(200) as u32 {
            let deadline = Instant::now() + number * Duration::from_micros(20);
            let send = send.clone();
            let _ = call_at(deadline, move || {
                send.send((number, Instant::now() >= deadline, task::try_id().is_some())).unwrap();
            });
        }
        drop(send);
        let mut called: Vec<_> = receive.iter().collect();
        assert!(called.iter().all(|&(_, in_time, in_a_task)| in_time && in_a_task));
        called.sort_unstable();
        assert!(called.iter().map(|&(number, ..)| number).eq(0..scaled(200) as u32));
    }
}

#[test]
fn a_call_that_is_cancelled_does_not_happen_and_its_function_is_dropped() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let _entered = running.handle().enter();
        let dropped = DropCounter::new();
        let guard = dropped.guard();
        let call = call_later(LONG, move || {
            let _guard = guard;
            unreachable!("it was cancelled");
        });
        assert!(call.cancel() && call.cancel() && call.is_cancelled());
        until("the function is dropped", || dropped.count() == 1);
    }
}

#[test]
fn a_call_either_happens_or_is_cancelled() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let _entered = running.handle().enter();
        let dropped = DropCounter::new();
        let count = scaled(2_000);
        let called = Arc::new(AtomicUsize::new(0));
        let calls: Vec<_> = (0..count as u32)
            .map(|number| {
                let (called, guard) = (called.clone(), dropped.guard());
                call_later(number % 100 * Duration::from_micros(3), move || {
                    let _guard = guard;
                    called.fetch_add(1, SeqCst);
                })
            })
            .collect();
        let cancelled = calls.iter().filter(|call| call.cancel()).count();
        until("all functions are gone", || dropped.count() == count);
        assert_eq!(called.load(SeqCst) + cancelled, count);
        assert!(calls.iter().all(|call| call.cancel() == call.is_cancelled()));
    }
}

#[test]
fn a_panic_in_a_call_goes_no_further() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let _entered = running.handle().enter();
        let _ = call_later(Duration::ZERO, || planned_panic("in a call"));
        let (send, receive) = mpsc::channel();
        let _ = call_later(SHORT, move || send.send(()).unwrap());
        recv("a call after one that panics", &receive);
    }
}

#[test]
fn calls_of_an_ended_runtime_are_dropped() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let dropped = DropCounter::new();
        let guard = dropped.guard();
        let call = {
            let _entered = running.handle().enter();
            call_later(LONG, move || {
                let _guard = guard;
                unreachable!("the runtime ends before");
            })
        };
        running.stop();
        assert_eq!(dropped.count(), 1);
        assert!(!call.is_cancelled() && call.cancel());
    }
}

#[test]
fn a_delay_queue_serves_one_task_and_is_filled_by_others() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let _entered = running.handle().enter();
        let queue = Arc::new(std::sync::Mutex::new(DelayQueue::new()));
        // So that the stream does not end.
        let last = queue.lock().unwrap().insert(u32::MAX, LONG);
        let (count, reader) = (scaled(500) as u32, queue.clone());
        let task = running.handle().spawn(async move {
            let mut numbers = Vec::new();
            while let Some(expired) = poll_fn(|cx| reader.lock().unwrap().poll_expired(cx)).await {
                assert!(Instant::now() >= expired.deadline(), "early");
                numbers.push(expired.into_inner());
                if numbers.len() as u32 == count {
                    // The last one that leaves ends the stream.
                    reader.lock().unwrap().remove(&last);
                }
            }
            numbers
        });
        for number in 0..count {
            let delay = number * 7 % 50 * Duration::from_micros(40);
            queue.lock().unwrap().insert(number, delay);
        }
        let mut numbers = wait("the reader of a delay queue", task).unwrap();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..count));
    }
}

#[test]
fn what_is_not_sent_in_time_comes_back() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let (sender, mut receiver) = channel::channel(1);
            sender.send_timeout(1, Duration::ZERO).await.unwrap();
            let late = sender.send_timeout(2, SHORT).await;
            assert_eq!(late, Err(SendTimeoutError::Timeout(2)));
            // A place in line that was given up hinders nobody.
            assert_eq!(receiver.recv().await, Some(1));
            sender.try_send(3).unwrap();
            assert_eq!(receiver.recv().timeout(LONG).await, Ok(Some(3)));
            drop(receiver);
            let closed = sender.send_timeout(4, LONG).await;
            assert_eq!(closed, Err(SendTimeoutError::Closed(4)));
        });
        wait("the task", task).unwrap();
    }
}

#[test]
fn who_gives_up_waiting_leaves_its_place_to_the_next() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let mutex = Arc::new(Mutex::new(0));
            let held = mutex.clone().lock_owned_timeout(LONG).await.unwrap();
            assert!(mutex.lock_timeout(SHORT).await.is_err());
            let next = raddle::spawn({
                let mutex = mutex.clone();
                async move { *mutex.lock().await += 1 }
            });
            drop(held);
            next.await.unwrap();
            assert_eq!(*mutex.lock_timeout(LONG).await.unwrap(), 1);

            let gate = Semaphore::new(1);
            let late = gate.acquire_many_timeout(2, SHORT).await.unwrap_err();
            assert_eq!(late, AcquireTimeoutError::Timeout);
            assert!(gate.acquire_timeout(SHORT).await.is_ok());
            gate.close();
            let closed = gate.acquire_timeout(LONG).await.unwrap_err();
            assert_eq!(closed, AcquireTimeoutError::Closed);

            let barrier = Arc::new(Barrier::new(2));
            assert!(barrier.wait_timeout(SHORT).await.is_err(), "counted out");
            let other = raddle::spawn({
                let barrier = barrier.clone();
                async move { barrier.wait_timeout(LONG).await.unwrap().is_leader() }
            });
            let here = barrier.wait_timeout(LONG).await.unwrap().is_leader();
            assert!(here != other.await.unwrap(), "one of the two leads");

            let notify = Notify::new();
            assert!(notify.wait_timeout(SHORT).await.is_err());
            notify.notify_one();
            assert!(notify.wait_timeout(Duration::ZERO).await.is_ok());
        });
        wait("the task", task).unwrap();
    }
}

#[test]
fn a_condition_that_stays_is_waited_for_no_longer_than_allowed() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let shared = Arc::new((Mutex::new(0), Condvar::new()));
            let (value, changed) = &*shared;
            let begun = Instant::now();
            let guard = value.lock().await;
            let (guard, is_late) = changed.wait_timeout_while(guard, SHORT, |n| *n == 0).await;
            assert!(is_late && *guard == 0 && begun.elapsed() >= SHORT);
            let other = raddle::spawn({
                let shared = shared.clone();
                async move {
                    *shared.0.lock().await = 7;
                    shared.1.notify_one();
                }
            });
            let (guard, is_late) = changed.wait_timeout_while(guard, LONG, |n| *n == 0).await;
            assert!(!is_late && *guard == 7);
            drop(guard);
            other.await.unwrap();
        });
        wait("the task", task).unwrap();
    }
}

#[test]
fn what_is_not_put_in_time_comes_back_and_leaves_its_place_to_the_next() {
    async fn check<T: From<u8> + PartialEq + std::fmt::Debug>(queue: &impl PutTimeout<T>) {
        queue.put_timeout(T::from(1), Duration::ZERO).await.unwrap();
        let late = queue.put_timeout(T::from(2), SHORT).await;
        assert_eq!(late, Err(PutTimeoutError::Timeout(T::from(2))));
    }
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let (first, last, least) =
                (Queue::<u8>::bounded(1), LifoQueue::<u8>::bounded(1), PriorityQueue::bounded(1));
            check::<u8>(&first).await;
            check::<u8>(&last).await;
            check::<u8>(&least).await;
            assert!(first.join_timeout(SHORT).await.is_err());
            assert_eq!(first.get().await, Ok(1));
            first.task_done().unwrap();
            first.join_timeout(LONG).await.unwrap();
            // A place in line that was given up hinders nobody.
            first.try_put(3).unwrap();
            first.close();
            assert_eq!(first.put_timeout(4, LONG).await, Err(PutTimeoutError::Closed(4)));
        });
        wait("the task", task).unwrap();
    }
}

#[test]
fn owned_guards_and_broadcasts_can_be_waited_for_as_well() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let lock = Arc::new(RwLock::new(0));
            let reading = lock.clone().read_owned_timeout(LONG).await.unwrap();
            assert!(lock.clone().write_owned_timeout(SHORT).await.is_err());
            drop(reading);
            *lock.clone().write_owned_timeout(LONG).await.unwrap() = 1;

            let gate = Arc::new(Semaphore::new(2));
            let both = gate.clone().acquire_many_owned_timeout(2, LONG).await.unwrap();
            assert!(gate.clone().acquire_owned_timeout(SHORT).await.is_err());
            drop(both);

            let (sender, mut receiver) = broadcast::channel(1);
            assert!(receiver.recv_timeout(SHORT).await.is_err());
            sender.send(7).unwrap();
            assert_eq!(receiver.recv_timeout(LONG).await, Ok(Ok(7)));
        });
        wait("the task", task).unwrap();
    }
}
