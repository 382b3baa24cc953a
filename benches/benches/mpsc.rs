//! The bounded channel: one and four producers, capacity 128, time per message.

use criterion::{Criterion, Throughput};
use raddle::sync::mpsc;

const MESSAGES: u64 = 4_000;
const CAPACITY: usize = 128;

async fn pass_through(producers: u64) {
    let (sender, mut receiver) = mpsc::channel(CAPACITY);
    for _ in 0..producers {
        let sender = sender.clone();
        drop(raddle::spawn(async move {
            for message in 0..MESSAGES / producers {
                sender
                    .send(message)
                    .await
                    .expect("the receiver lives until the last sender is gone");
            }
        }));
    }
    drop(sender);
    let mut received = 0;
    while receiver.recv().await.is_some() {
        received += 1;
    }
    assert_eq!(received, MESSAGES);
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mpsc");
    group.throughput(Throughput::Elements(MESSAGES));
    for (flavor, runtime) in crate::flavors() {
        for producers in [1, 4] {
            group.bench_function(format!("{producers}_producers/{flavor}"), |bencher| {
                bencher.iter(|| runtime.block_on(pass_through(producers)));
            });
        }
    }
}
