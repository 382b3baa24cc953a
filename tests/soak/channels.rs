//! Channels of all kinds.

use crate::threads::{THREADS, impatient, on_four_threads, run};
use raddle_sync::{mpsc, oneshot};
use raddle_tests::Rng;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

/// What a receiver has seen of each sender: the numbers have to come in order, without a gap.
#[derive(Default)]
struct Sequences([u64; THREADS]);

impl Sequences {
    fn received(&mut self, (sender, number): (usize, u64)) {
        assert_eq!(number, self.0[sender], "lost, doubled or overtaken, of sender {sender}");
        self.0[sender] += 1;
    }
}

/// The end of a channel that only one of the threads has.
fn take<T>(end: &Mutex<Option<T>>) -> T {
    end.lock().unwrap().take().expect("only one thread takes it")
}

/// Sends one numbered message in one of the ways there are; whether it was sent.
async fn send_somehow(
    sender: &mpsc::Sender<(usize, u64)>,
    message: (usize, u64),
    rng: &mut Rng,
) -> bool {
    match rng.below(8) {
        0 => sender.try_send(message).is_ok(),
        1 => impatient(1, sender.send(message)).await.is_some_and(|sent| sent.is_ok()),
        2 => impatient(3, sender.send(message)).await.is_some_and(|sent| sent.is_ok()),
        3 => {
            let permit = sender.reserve().await.expect("the receiver waits for all");
            // Now and then a permit is not used.
            let used = !rng.one_in(4);
            if used {
                permit.send(message);
            }
            used
        }
        4 => {
            let mut permits = sender.reserve_many(2).await.expect("the receiver waits for all");
            permits.next().expect("two were asked for").send(message);
            true
        }
        _ => sender.send(message).await.is_ok(),
    }
}

#[test]
fn a_bounded_channel_delivers_each_message_once_and_in_order() {
    let (sender, receiver) = mpsc::channel(8);
    let senders = [(); THREADS].map(|()| Mutex::new(Some(sender.clone())));
    let receiver = Mutex::new(Some(receiver));
    // Those that remain are the senders'; so the receiver sees the end.
    drop((sender, take(&senders[0])));
    let sent = on_four_threads("mpsc, bounded", |index, rng, operations| {
        if index == 0 {
            // Three senders do the operations of four threads.
            let mut receiver = take(&receiver);
            let mut seen = Sequences::default();
            run("mpsc, bounded, receiver", async {
                loop {
                    match rng.below(4) {
                        0 => {
                            let mut batch = Vec::new();
                            if receiver.recv_many(&mut batch, 5).await == 0 {
                                break;
                            }
                            batch.into_iter().for_each(|message| seen.received(message));
                        }
                        1 => drop(receiver.try_recv().map(|message| seen.received(message))),
                        2 => {
                            if let Some(Some(message)) = impatient(1, receiver.recv()).await {
                                seen.received(message);
                            }
                        }
                        _ => match receiver.recv().await {
                            Some(message) => seen.received(message),
                            None => break,
                        },
                    }
                }
            });
            return seen.0;
        }
        let sender = take(&senders[index]);
        let mut numbers = [0; THREADS];
        run("mpsc, bounded, sender", async {
            for _ in 0..operations * 4 / 3 {
                numbers[index] +=
                    u64::from(send_somehow(&sender, (index, numbers[index]), rng).await);
                assert!(sender.capacity() <= 8, "more slots than there were");
            }
        });
        numbers
    });
    let received = sent[0];
    for (index, sent) in sent.iter().enumerate().skip(1) {
        assert_eq!(received[index], sent[index], "messages of sender {index}");
    }
}

#[test]
fn an_unbounded_channel_delivers_each_message_once_and_in_order() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let receiver = Mutex::new(Some(receiver));
    let counts = on_four_threads("mpsc, unbounded", |index, rng, operations| {
        let each = operations * 4 / 3;
        if index == 0 {
            let mut receiver = take(&receiver);
            let mut seen = Sequences::default();
            run("mpsc, unbounded, receiver", async {
                for _ in 0..3 * each {
                    seen.received(receiver.recv().await.expect("a sender is kept"));
                }
            });
            assert!(receiver.try_recv().is_err(), "one too many");
            return seen.0.iter().sum();
        }
        for number in 0..each {
            sender.send((index, number)).expect("the receiver waits for all");
            if rng.one_in(16) {
                thread::yield_now();
            }
        }
        each
    });
    assert_eq!(counts[0], counts[1..].iter().sum::<u64>());
}

/// A number that is counted if it is dropped before somebody takes it.
struct Parcel<'a>(u64, &'a AtomicU64);

impl Parcel<'_> {
    fn open(mut self) -> u64 {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Parcel<'_> {
    fn drop(&mut self) {
        self.1.fetch_add(self.0, Relaxed);
    }
}

#[test]
fn a_oneshot_delivers_its_value_or_gives_it_back() {
    // Threads 0 and 1 answer what threads 2 and 3 ask.
    let unread = AtomicU64::new(0);
    let (first, second) = (mpsc::channel(16), mpsc::channel(16));
    let ends = [first, second].map(|(ask, asked)| (Mutex::new(Some(ask)), Mutex::new(Some(asked))));
    let sums = on_four_threads("oneshot", |index, rng, operations| {
        let (ask, asked) = &ends[index % 2];
        run("oneshot", async {
            let mut sum = 0_u64;
            if index < 2 {
                let mut asked = take(asked);
                while let Some((number, answer)) = asked.recv().await {
                    let answer: oneshot::Sender<Parcel<'_>> = answer;
                    let parcel = Parcel(number, &unread);
                    match rng.below(8) {
                        0 => assert_eq!(parcel.open(), number),
                        _ => match answer.send(parcel) {
                            Ok(()) => sum += number,
                            Err(back) => assert_eq!(back.open(), number),
                        },
                    }
                }
                return sum;
            }
            let ask = take(ask);
            // Each is two operations: half of the threads ask.
            for number in 1..=2 * operations {
                let (answer, mut answered) = oneshot::channel();
                ask.send((number, answer)).await.expect("the answerer waits for all");
                match rng.below(8) {
                    0 => drop(answered),
                    1 => {
                        let received = impatient(1, &mut answered).await;
                        // Closed, a value that is in can still be had.
                        answered.close();
                        sum += match received {
                            Some(received) => received.map_or(0, Parcel::open),
                            None => answered.try_recv().map_or(0, Parcel::open),
                        };
                    }
                    _ => sum += answered.await.map_or(0, Parcel::open),
                }
            }
            sum
        })
    });
    let (sent, received) = (sums[0] + sums[1], sums[2] + sums[3]);
    assert_eq!(sent, received + unread.load(Relaxed), "lost, doubled, or not given back");
}
