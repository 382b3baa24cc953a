//! Spawn and join: a thousand tasks from a task, and from the root future.

use criterion::{Criterion, Throughput};

const TASKS: u64 = 1_000;

async fn spawn_and_join() {
    let handles: Vec<_> = (0..TASKS).map(|_| raddle::spawn(async {})).collect();
    for handle in handles {
        handle.await.expect("an empty task does not fail");
    }
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("spawn");
    group.throughput(Throughput::Elements(TASKS));
    for (flavor, runtime) in crate::flavors() {
        group.bench_function(format!("local/{flavor}"), |bencher| {
            bencher.iter(|| {
                let burst = async { raddle::spawn(spawn_and_join()).await };
                runtime.block_on(burst).expect("the burst does not fail");
            });
        });
        group.bench_function(format!("root/{flavor}"), |bencher| {
            bencher.iter(|| runtime.block_on(spawn_and_join()));
        });
    }
}
