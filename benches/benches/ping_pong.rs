//! Pairs of tasks that exchange two oneshots, two hundred pairs at once.

use criterion::{Criterion, Throughput};
use futures_channel::oneshot;

const PAIRS: u64 = 200;

async fn pair() {
    let (ping, pinged) = oneshot::channel();
    let (pong, ponged) = oneshot::channel();
    drop(raddle::spawn(async move {
        pinged.await.expect("the ping is always sent");
        pong.send(()).expect("the other side waits for its pong");
    }));
    ping.send(()).expect("the partner waits for its ping");
    ponged.await.expect("the pong is always sent");
}

async fn pairs() {
    let handles: Vec<_> = (0..PAIRS).map(|_| raddle::spawn(pair())).collect();
    for handle in handles {
        handle.await.expect("a pair does not fail");
    }
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ping_pong");
    group.throughput(Throughput::Elements(PAIRS));
    for (flavor, runtime) in crate::flavors() {
        group.bench_function(flavor, |bencher| bencher.iter(|| runtime.block_on(pairs())));
    }
}
