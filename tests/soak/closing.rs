//! Channels and queues that are closed while all use them: everything that was sent is received, or given back.
//!
//! A round has a channel of its own, and takes all threads through two gates: the operations are few for each gate.

use crate::threads::{THREADS, impatient, on_four_threads, run};
use raddle_sync::{mpsc, queue::Queue};
use std::array;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

/// How many messages each sender tries to send in a round.
const EACH: u64 = 8;

/// Where the threads meet before and after each round.
struct Gate(AtomicUsize);

impl Gate {
    fn pass(&self, round: usize) {
        self.0.fetch_add(1, SeqCst);
        while self.0.load(SeqCst) < round * THREADS {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_queue_that_closes_loses_nothing_and_promises_nothing_twice() {
    let shared = Mutex::new(Arc::new(Queue::bounded(2)));
    let gate = Gate(AtomicUsize::new(0));
    let (put, got) = (AtomicU64::new(0), AtomicU64::new(0));
    on_four_threads("queue, closing", |index, rng, operations| {
        for round in 0..(operations / EACH) as usize {
            gate.pass(2 * round + 1);
            let queue = Arc::clone(&shared.lock().unwrap());
            run("queue, closing", async {
                if index < 2 {
                    for number in 0..EACH {
                        if index == 0 && rng.one_in(8) {
                            queue.close();
                        }
                        let done = match rng.below(4) {
                            0 => {
                                impatient(1, queue.put(number)).await.is_some_and(|put| put.is_ok())
                            }
                            1 => queue.try_put(number).is_ok(),
                            _ => queue.put(number).await.is_ok(),
                        };
                        put.fetch_add(u64::from(done), Relaxed);
                    }
                    queue.close();
                    return;
                }
                loop {
                    let item = match rng.below(4) {
                        0 => impatient(1, queue.get()).await,
                        1 => queue.try_get().ok().map(Ok),
                        _ => Some(queue.get().await),
                    };
                    assert!(queue.len() <= 2, "more than there is room for");
                    match item {
                        None => {}
                        Some(Ok(_)) => drop(got.fetch_add(1, Relaxed)),
                        Some(Err(_)) => {
                            assert!(queue.is_closed() && queue.is_empty(), "it was not the end");
                            break;
                        }
                    }
                }
            });
            gate.pass(2 * round + 2);
            if index == 0 {
                assert_eq!(put.load(SeqCst), got.load(SeqCst), "in round {round}");
                assert!(queue.is_empty(), "left behind in round {round}");
                *shared.lock().unwrap() = Arc::new(Queue::bounded(2));
            }
        }
    });
}

#[test]
fn a_channel_that_closes_receives_what_was_sent() {
    type Ends = (Option<mpsc::Receiver<u64>>, [Option<mpsc::Sender<u64>>; THREADS - 1]);
    let new = || -> Ends {
        let (sender, receiver) = mpsc::channel(2);
        (Some(receiver), array::from_fn(|_| Some(sender.clone())))
    };
    let ends = Mutex::new(new());
    let gate = Gate(AtomicUsize::new(0));
    let (sent, received) = (AtomicU64::new(0), AtomicU64::new(0));
    on_four_threads("mpsc, closing", |index, rng, operations| {
        for round in 0..(operations / EACH) as usize {
            gate.pass(2 * round + 1);
            run("mpsc, closing", async {
                if index == 0 {
                    let mut receiver = ends.lock().unwrap().0.take().expect("new in each round");
                    let patience = rng.below(2 * THREADS * EACH as usize);
                    let mut count = 0;
                    loop {
                        if count == patience {
                            receiver.close();
                        }
                        let message = match rng.below(3) {
                            0 => impatient(1, receiver.recv()).await,
                            _ => Some(receiver.recv().await),
                        };
                        match message {
                            None => {}
                            Some(Some(_)) => count += 1,
                            Some(None) => break,
                        }
                        assert!(receiver.capacity() <= 2, "more slots than there were");
                    }
                    received.fetch_add(count as u64, Relaxed);
                    return;
                }
                let sender = ends.lock().unwrap().1[index - 1].take().expect("new in each round");
                for number in 0..EACH {
                    let done = match rng.below(6) {
                        0 => {
                            impatient(1, sender.send(number)).await.is_some_and(|sent| sent.is_ok())
                        }
                        1 => sender.try_send(number).is_ok(),
                        2 => match sender.reserve().await {
                            // The receiver waits for its message, or for its return.
                            Ok(permit) if rng.one_in(2) => {
                                permit.send(number);
                                true
                            }
                            _ => false,
                        },
                        3 => match sender.reserve_many(2).await {
                            Ok(mut permits) => {
                                permits.next().expect("two were asked for").send(number);
                                true
                            }
                            Err(_) => false,
                        },
                        _ => sender.send(number).await.is_ok(),
                    };
                    sent.fetch_add(u64::from(done), Relaxed);
                    assert!(sender.capacity() <= 2, "more slots than there were");
                }
            });
            gate.pass(2 * round + 2);
            if index == 0 {
                assert_eq!(sent.load(SeqCst), received.load(SeqCst), "in round {round}");
                *ends.lock().unwrap() = new();
            }
        }
    });
}
