//! Locks and channels: a few tasks that do nothing but pass messages, lock, or wake each other.
//!
//! Whoever made them, they run on Tokio's multi-thread runtime, with one worker and with two; each of the two numbers
//! is a row.

use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};
use std::task::Poll;

use futures_util::task::AtomicWaker;

use crate::contender::Contender;
use crate::contenders::{Tokio, among};
use crate::measure::{Cost, Sample};
use crate::primitives::{Broadcast, Channel, Lock, Oneshot, Permits, ReadLock, Signal};
use crate::workloads::{Env, Metric, Workload};

const THREADS: &[Metric] = &[Metric { name: "×1", unit: "ns" }, Metric { name: "×2", unit: "ns" }];

pub(super) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "mpsc_1p",
        about: "a bounded channel of capacity 128 with one producer; time per message",
        metrics: THREADS,
        ..among!([RaddleSync, TokioSync, AsyncChannel, Flume, Kanal, Futures], L, env => messages::<L>(env, 1))
    },
    Workload {
        name: "mpsc_4p",
        about: "the same with four producers",
        metrics: THREADS,
        ..among!([RaddleSync, TokioSync, AsyncChannel, Flume, Kanal, Futures], L, env => messages::<L>(env, 4))
    },
    Workload {
        name: "mutex",
        about: "a task that locks and unlocks; time for both",
        metrics: THREADS,
        ..among!([RaddleSync, TokioSync, AsyncLock, Futures], L, env => locks::<L>(env, 1))
    },
    Workload {
        name: "mutex_16",
        about: "the same by 16 tasks, on one mutex",
        metrics: THREADS,
        ..among!([RaddleSync, TokioSync, AsyncLock, Futures], L, env => locks::<L>(env, 16))
    },
    Workload {
        name: "mutex_16_yield",
        about: "16 tasks on one mutex, each yielding while it holds it",
        metrics: THREADS,
        ..among!([RaddleSync, TokioSync, AsyncLock, Futures], L, env => yielding_locks::<L>(env))
    },
    Workload {
        name: "rwlock_16",
        about: "16 tasks that lock one lock for reading; time for lock and unlock",
        metrics: THREADS,
        ..among!([RaddleSync, TokioSync, AsyncLock], L, env => reads::<L>(env))
    },
    Workload {
        name: "semaphore_16_yield",
        about: "16 tasks and four permits, each task yielding while it holds one",
        metrics: THREADS,
        ..among!([RaddleSync, TokioSync, AsyncLock], L, env => permits::<L>(env))
    },
    Workload {
        name: "oneshot",
        about: "a channel for one message: made, sent, received, by one task",
        metrics: THREADS,
        ..among!([RaddleSync, TokioSync, Futures], L, env => oneshots::<L>(env))
    },
    Workload {
        name: "broadcast_8",
        about: "one sender, eight receivers, 128 messages at a time; time per message sent",
        metrics: THREADS,
        ..among!([RaddleSync, TokioSync], L, env => broadcasts::<L>(env))
    },
    Workload {
        name: "notify",
        about: "two tasks that notify each other in turn; time for both",
        metrics: THREADS,
        ..among!([RaddleSync, TokioSync], L, env => signals::<L>(env))
    },
];

/// Runs `body` as a task for `ops` operations, with one worker and then with two: a value for each.
fn on_one_and_two<F>(ops: u64, body: impl Fn(u64) -> F) -> io::Result<Sample>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut both = Sample { values: Vec::new(), ops: 2 * ops, cost: Cost::default() };
    for workers in [1, 2] {
        let tokio = Tokio::start(workers)?;
        tokio.run(body(ops / 10));
        let Sample { values, cost, .. } = Sample::per_op(ops, || tokio.run(body(ops)));
        both.values.extend(values);
        both.cost = both.cost.and(cost);
    }
    Ok(both)
}

/// Spawns `tasks` tasks that share something, and waits for them.
async fn together<S, F>(tasks: u64, shared: S, task: impl Fn(Arc<S>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let shared = Arc::new(shared);
    let joins: Vec<_> = (0..tasks).map(|_| Tokio::spawn(task(Arc::clone(&shared)))).collect();
    for join in joins {
        join.await;
    }
}

async fn produce<L: Channel>(mut sender: L::Sender, count: u64) {
    for message in 0..count {
        L::send(&mut sender, message).await;
    }
}

fn messages<L: Channel>(env: &Env, producers: u64) -> io::Result<Sample> {
    const CAPACITY: usize = 128;
    on_one_and_two(env.pick(1_000_000, 100_000), |count| async move {
        let (sender, mut receiver) = L::channel(CAPACITY);
        for _ in 0..producers {
            Tokio::spawn_detached(produce::<L>(sender.clone(), count / producers));
        }
        drop(sender);
        let mut received = 0;
        while L::receive(&mut receiver).await.is_some() {
            received += 1;
        }
        assert_eq!(received, count, "messages were lost, or doubled");
    })
}

fn locks<L: Lock>(env: &Env, tasks: u64) -> io::Result<Sample> {
    on_one_and_two(env.pick(1_600_000, 160_000), move |count| {
        together(tasks, L::new(), move |lock| async move {
            for _ in 0..count / tasks {
                *L::lock(&lock).await += 1;
            }
        })
    })
}

fn yielding_locks<L: Lock>(env: &Env) -> io::Result<Sample> {
    const TASKS: u64 = 16;
    on_one_and_two(env.pick(320_000, 32_000), |count| {
        together(TASKS, L::new(), move |lock| async move {
            for _ in 0..count / TASKS {
                let mut guard = L::lock(&lock).await;
                *guard += 1;
                Tokio::yield_now().await;
                drop(guard);
            }
        })
    })
}

fn reads<L: ReadLock>(env: &Env) -> io::Result<Sample> {
    const TASKS: u64 = 16;
    on_one_and_two(env.pick(1_600_000, 160_000), |count| {
        together(TASKS, L::new(), move |lock| async move {
            for _ in 0..count / TASKS {
                assert_eq!(*L::read(&lock).await, 0);
            }
        })
    })
}

fn permits<L: Permits>(env: &Env) -> io::Result<Sample> {
    const TASKS: u64 = 16;
    on_one_and_two(env.pick(320_000, 32_000), |count| {
        together(TASKS, L::new(4), move |semaphore| async move {
            for _ in 0..count / TASKS {
                let permit = L::acquire(&semaphore).await;
                Tokio::yield_now().await;
                drop(permit);
            }
        })
    })
}

fn oneshots<L: Oneshot>(env: &Env) -> io::Result<Sample> {
    on_one_and_two(env.pick(1_000_000, 100_000), |count| async move {
        for message in 0..count {
            let (sender, receiver) = L::channel();
            L::send(sender, message);
            assert_eq!(L::receive(receiver).await, message);
        }
    })
}

/// Counts the receivers that have all of a batch, and wakes the sender with the last of them; of nobody's library.
struct Batch {
    missing: AtomicUsize,
    sender: AtomicWaker,
}

impl Batch {
    fn begin(&self, receivers: usize) {
        // Release: pairs with the AcqRel of a receiver, which reads the messages of this batch first anyway.
        self.missing.store(receivers, Release);
    }

    fn received(&self) {
        if self.missing.fetch_sub(1, AcqRel) == 1 {
            self.sender.wake();
        }
    }

    fn ended(&self) -> impl Future<Output = ()> + Send + '_ {
        poll_fn(|context| {
            self.sender.register(context.waker());
            // Acquire: pairs with the AcqRel of the last receiver.
            if self.missing.load(Acquire) == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
    }
}

fn broadcasts<L: Broadcast>(env: &Env) -> io::Result<Sample> {
    const RECEIVERS: usize = 8;
    const BATCH: u64 = 128;
    on_one_and_two(env.pick(1_280, 128) * BATCH, |count| async move {
        let (sender, receivers) = L::channel(BATCH as usize, RECEIVERS);
        let batch = Arc::new(Batch { missing: AtomicUsize::new(0), sender: AtomicWaker::new() });
        let listeners: Vec<_> = receivers
            .into_iter()
            .map(|mut receiver| {
                let batch = Arc::clone(&batch);
                Tokio::spawn(async move {
                    let mut next = 0;
                    while let Some(message) = L::receive(&mut receiver).await {
                        assert_eq!(message, next, "a message was lost");
                        next += 1;
                        if next % BATCH == 0 {
                            batch.received();
                        }
                    }
                })
            })
            .collect();
        let mut message = 0;
        while message + BATCH <= count {
            batch.begin(RECEIVERS);
            for message in message..message + BATCH {
                L::send(&sender, message);
            }
            message += BATCH;
            batch.ended().await;
        }
        drop(sender);
        for listener in listeners {
            listener.await;
        }
    })
}

fn signals<L: Signal>(env: &Env) -> io::Result<Sample> {
    on_one_and_two(env.pick(300_000, 30_000), |count| async move {
        let both = Arc::new((L::new(), L::new()));
        let partner = {
            let both = Arc::clone(&both);
            Tokio::spawn(async move {
                for _ in 0..count {
                    L::notified(&both.0).await;
                    L::notify_one(&both.1);
                }
            })
        };
        for _ in 0..count {
            L::notify_one(&both.0);
            L::notified(&both.1).await;
        }
        partner.await;
    })
}
