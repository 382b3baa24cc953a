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

/// A numbered message, of which every copy is counted while it exists.
struct Counted<'a>(u64, &'a AtomicU64);

impl<'a> Counted<'a> {
    fn new(number: u64, alive: &'a AtomicU64) -> Self {
        alive.fetch_add(1, Relaxed);
        Self(number, alive)
    }
}

impl Clone for Counted<'_> {
    fn clone(&self) -> Self {
        Self::new(self.0, self.1)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        assert_ne!(self.1.fetch_sub(1, Relaxed), 0, "dropped twice");
    }
}

#[test]
fn a_broadcast_gives_every_message_to_everybody_or_says_how_many_it_lost() {
    const KEPT: usize = 16;
    let alive = AtomicU64::new(0);
    let (sender, first) = broadcast::channel(KEPT);
    let receivers = [(); THREADS].map(|()| Mutex::new(Some(sender.subscribe())));
    drop(first);
    let sender = Mutex::new(Some(sender));
    let counts = on_four_threads("broadcast", |index, rng, operations| {
        let mut receiver = receivers[index].lock().unwrap().take().expect("each has its own");
        if index == 0 {
            drop(receiver);
            let sender = sender.lock().unwrap().take().expect("only one thread sends");
            // Somebody who never listens, and is replaced now and then: its share of all is given up.
            let mut deaf = sender.subscribe();
            for number in 0..operations {
                let receivers = sender.send(Counted::new(number, &alive)).ok();
                assert_eq!(receivers, Some(THREADS), "three listen, and one is deaf");
                if rng.one_in(8) {
                    thread::yield_now();
                    deaf = sender.subscribe();
                    assert!(deaf.is_empty() && sender.len() <= KEPT, "more than are kept");
                    // Each of the others may have one or two in hand.
                    let alive = alive.load(Relaxed);
                    assert!(alive <= (KEPT + 2 * THREADS) as u64, "{alive} are kept");
                }
            }
            drop(deaf);
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
                    Some(Ok(message)) => {
                        assert_eq!(message.0, next, "lost without a word, or doubled");
                        next += 1;
                    }
                    Some(Err(RecvError::Lagged(lost))) => {
                        assert!(lost > 0, "lagged by nothing");
                        next += lost;
                    }
                    Some(Err(RecvError::Closed)) => return next,
                }
            }
        })
    });
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
    drop((sender, receivers));
    assert_eq!(alive.into_inner(), 0, "messages leaked");
}

#[test]
fn a_watch_goes_forward_and_its_last_value_is_seen_by_everybody() {
    // Both numbers change together. Two threads change them, and two look.
    let (sender, first) = watch::channel((0_u64, 0_u64));
    let receivers = [(); THREADS].map(|()| Mutex::new(Some(first.clone())));
    let senders = [(); THREADS].map(|()| Mutex::new(Some(sender.clone())));
    drop((sender, first));
    let last = on_four_threads("watch", |index, rng, operations| {
        let mut receiver = receivers[index].lock().unwrap().take().expect("each has its own");
        let sender = senders[index].lock().unwrap().take().expect("each has its own");
        if index < 2 {
            drop(receiver);
            for _ in 0..2 * operations {
                sender.send_modify(|value| {
                    value.0 += 1;
                    value.1 += 1;
                });
                if rng.one_in(8) {
                    thread::yield_now();
                }
            }
            return 4 * operations;
        }
        drop(sender);
        run("watch", async {
            let mut seen = 0;
            loop {
                let least = seen + 1;
                let changed = match rng.below(8) {
                    0 => impatient(2, receiver.changed()).await,
                    1 => {
                        let found = receiver.wait_for(|value| value.0 >= least).await;
                        Some(found.map(|value| assert!(value.0 >= least, "not waited for")))
                    }
                    _ => Some(receiver.changed().await),
                };
                let closed = match changed {
                    None => continue,
                    Some(changed) => changed.is_err(),
                };
                let (now, twin) = *receiver.borrow_and_update();
                assert_eq!(now, twin, "half a change");
                // The same again, if it was changed between the report and the look.
                assert!(now >= seen, "from {seen} back to {now}");
                seen = now;
                if closed {
                    return seen;
                }
            }
        })
    });
    assert!(last.iter().all(|value| *value == last[0]), "{last:?}");
}

#[test]
fn a_queue_hands_each_item_to_one_and_joins_when_all_are_done() {
    const ROOM: usize = 8;
    let queue = Queue::bounded(ROOM);
    let putting = AtomicU64::new(2);
    let sums = on_four_threads("queue", |index, rng, operations| {
        run("queue", async {
            let mut sum = 0_u64;
            if index < 2 {
                for number in 1..=operations {
                    let item = (index, number);
                    let put = match rng.below(8) {
                        0 => queue.try_put(item).is_ok(),
                        1 => impatient(2, queue.put(item)).await.is_some_and(|put| put.is_ok()),
                        _ => queue.put(item).await.is_ok(),
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
            let mut last = [0; 2];
            loop {
                let got = match rng.one_in(8) {
                    true => impatient(1, queue.get()).await,
                    false => Some(queue.get().await),
                };
                assert!(queue.len() <= ROOM, "more than there is room for");
                match got {
                    None => {}
                    Some(Ok((putter, number))) => {
                        // Of what one has put, each getter sees a part, in order.
                        assert!(number > last[putter], "{number} after {}", last[putter]);
                        last[putter] = number;
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
                let came = came.load(Relaxed);
                assert!(came >= round * THREADS as u64, "through too early");
                assert!(came <= (round + 1) * THREADS as u64, "somebody was let through twice");
            }
            led
        })
    });
    assert_eq!(led.iter().sum::<u64>() * THREADS as u64, came.into_inner());
}
