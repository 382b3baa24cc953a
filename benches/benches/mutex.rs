//! The mutex: alone, and with sixteen tasks that want it and yield inside.

use std::sync::Arc;

use criterion::{Criterion, Throughput};
use raddle::sync::Mutex;
use raddle::task::yield_now;

const LOCKS: u64 = 1_000;
const TASKS: u64 = 16;
const LOCKS_EACH: u64 = 50;

async fn uncontended(mutex: &Mutex<u64>) {
    for _ in 0..LOCKS {
        *mutex.lock().await += 1;
    }
}

async fn contended(mutex: Arc<Mutex<u64>>) {
    let worker = async |mutex: Arc<Mutex<u64>>| {
        for _ in 0..LOCKS_EACH {
            let mut value = mutex.lock().await;
            yield_now().await;
            *value += 1;
        }
    };
    let handles: Vec<_> = (0..TASKS).map(|_| raddle::spawn(worker(Arc::clone(&mutex)))).collect();
    for handle in handles {
        handle.await.expect("a locking task does not fail");
    }
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mutex");
    let mutex = Arc::new(Mutex::new(0));
    for (flavor, runtime) in crate::flavors() {
        group.throughput(Throughput::Elements(LOCKS));
        group.bench_function(format!("uncontended/{flavor}"), |bencher| {
            bencher.iter(|| runtime.block_on(uncontended(&mutex)));
        });
        group.throughput(Throughput::Elements(TASKS * LOCKS_EACH));
        group.bench_function(format!("contended/{flavor}"), |bencher| {
            bencher.iter(|| runtime.block_on(contended(Arc::clone(&mutex))));
        });
    }
}
