//! Yields: two hundred tasks that go to the back of the queue a hundred times each.

use criterion::{Criterion, Throughput};
use raddle::task::yield_now;

const TASKS: u64 = 200;
const YIELDS: u64 = 100;

async fn yielders() {
    let yielder = async || {
        for _ in 0..YIELDS {
            yield_now().await;
        }
    };
    let handles: Vec<_> = (0..TASKS).map(|_| raddle::spawn(yielder())).collect();
    for handle in handles {
        handle.await.expect("a yielding task does not fail");
    }
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("yield_many");
    group.throughput(Throughput::Elements(TASKS * YIELDS));
    for (flavor, runtime) in crate::flavors() {
        group.bench_function(flavor, |bencher| bencher.iter(|| runtime.block_on(yielders())));
    }
}
