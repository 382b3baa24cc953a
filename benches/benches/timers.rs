//! Deadlines that are set, polled once and dropped; and one short sleep.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use raddle::task::yield_now;
use raddle::time::{sleep, timeout};

const DEADLINES: u64 = 1_600;

async fn set_and_drop() {
    for index in 0..DEADLINES {
        let mut deadline = pin!(timeout(Duration::from_millis(5_000 + index), pending::<()>()));
        poll_fn(|context| Poll::Ready(deadline.as_mut().poll(context).is_pending())).await;
        // A task that has used up its budget sets no timer.
        if index % 16 == 15 {
            yield_now().await;
        }
    }
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("timers");
    for (flavor, runtime) in crate::flavors() {
        group.throughput(Throughput::Elements(DEADLINES));
        group.bench_function(format!("set_and_drop/{flavor}"), |bencher| {
            bencher.iter(|| runtime.block_on(set_and_drop()));
        });
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("sleep_1ms/{flavor}"), |bencher| {
            // Made inside: a sleep belongs to the runtime it is made in.
            bencher.iter(|| runtime.block_on(async { sleep(Duration::from_millis(1)).await }));
        });
    }
}
