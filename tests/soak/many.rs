//! What has many at both ends: broadcast, watch, queues, the barrier.

use crate::threads::{THREADS, impatient, on_four_threads, run};
use raddle_sync::{
    Barrier,
    broadcast::{self, error::RecvError},
    queue::Queue,
    watch,
};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

#[test]
fn a_broadcast_gives_every_message_to_everybody_or_says_how_many_it_lost() {
    let (sender, first) = broadcast::channel(16);
    let receivers = [(); THREADS].map(|()| Mutex::new(Some(sender.subscribe())));
    drop(first);
    let sender = Mutex::new(Some(sender));
    let counts = on_four_threads("broadcast", |index, rng, operations| {
        let mut receiver = receivers[index].lock().unwrap().take().expect("each has its own");
        if index == 0 {
            drop(receiver);
            let sender = sender.lock().unwrap().take().expect("only one thread sends");
            for number in 0..operations {
                sender.send(number).expect("three listen");
                if rng.one_in(8) {
                    thread::yield_now();
                }
            }
            return operations;
        }
        run("broadcast", async {
            let mut next = 0;
            loop {
                let received = match rng.one_in(8) {
                    true => impatient(2, receiver.recv()).await,
                    false => Some(receiver.recv().await),
                };
                match received {
                    None => {}
                    Some(Ok(number)) => {
                        assert_eq!(number, next, "lost without a word, or doubled");
                        next += 1;
                    }
                    Some(Err(RecvError::Lagged(lost))) => next += lost,
                    Some(Err(RecvError::Closed)) => return next,
                }
            }
        })
    });
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
}

#[test]
fn a_watch_goes_forward_and_its_last_value_is_seen_by_everybody() {
    let (sender, first) = watch::channel(0_u64);
    let receivers = [(); THREADS].map(|()| Mutex::new(Some(first.clone())));
    drop(first);
    let sender = Mutex::new(Some(sender));
    let last = on_four_threads("watch", |index, rng, operations| {
        let mut receiver = receivers[index].lock().unwrap().take().expect("each has its own");
        if index == 0 {
            drop(receiver);
            let sender = sender.lock().unwrap().take().expect("only one thread sends");
            for _ in 0..operations {
                sender.send_modify(|value| *value += 1);
                if rng.one_in(8) {
                    thread::yield_now();
                }
            }
            return operations;
        }
        run("watch", async {
            let mut seen = 0;
            loop {
                let changed = match rng.one_in(8) {
                    true => impatient(2, receiver.changed()).await,
                    false => Some(receiver.changed().await),
                };
                match changed {
                    None => continue,
                    Some(Ok(())) => {
                        let now = *receiver.borrow_and_update();
                        assert!(now > seen, "told of a change from {seen} to {now}");
                        seen = now;
                    }
                    Some(Err(_)) => return *receiver.borrow(),
                }
            }
        })
    });
    assert!(last.iter().all(|value| *value == last[0]), "{last:?}");
}

#[test]
fn a_queue_hands_each_item_to_one_and_joins_when_all_are_done() {
    let queue = Queue::bounded(8);
    let putting = AtomicU64::new(2);
    let sums = on_four_threads("queue", |index, rng, operations| {
        run("queue", async {
            let mut sum = 0_u64;
            if index < 2 {
                for number in 1..=operations {
                    let put = match rng.below(8) {
                        0 => queue.try_put(number).is_ok(),
                        1 => impatient(2, queue.put(number)).await.is_some_and(|put| put.is_ok()),
                        _ => queue.put(number).await.is_ok(),
                    };
                    sum += if put { number } else { 0 };
                }
                if putting.fetch_sub(1, Relaxed) == 1 {
                    queue.join().await;
                    assert!(queue.is_empty(), "joined too early");
                    queue.close();
                }
                return sum;
            }
            loop {
                let got = match rng.one_in(8) {
                    true => impatient(1, queue.get()).await,
                    false => Some(queue.get().await),
                };
                match got {
                    None => {}
                    Some(Ok(number)) => {
                        sum += number;
                        queue.task_done().expect("it was got");
                    }
                    Some(Err(_)) => return sum,
                }
            }
        })
    });
    assert_eq!(sums[0] + sums[1], sums[2] + sums[3]);
}

#[test]
fn a_barrier_lets_nobody_through_before_all_have_come() {
    let barrier = Barrier::new(THREADS);
    let came = AtomicU64::new(0);
    let led = on_four_threads("barrier", |_, rng, operations| {
        run("barrier", async {
            let mut led = 0;
            for round in 1..=operations / 16 {
                came.fetch_add(1, Relaxed);
                if rng.one_in(64) {
                    thread::yield_now();
                }
                led += u64::from(barrier.wait().await.is_leader());
                assert!(came.load(Relaxed) >= round * THREADS as u64, "through too early");
            }
            led
        })
    });
    assert_eq!(led.iter().sum::<u64>() * THREADS as u64, came.into_inner());
}
