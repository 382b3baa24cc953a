//! Work that blocks: handed to the pool, or done on the workers by mistake.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::contender::Runtime;
use crate::contenders::{Field, runtimes};
use crate::measure::{Meter, Sample};
use crate::workloads::{Env, Group, Metric, NS, Workload};

pub(super) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "blocking",
        group: Group::Waking,
        about: "spawn_blocking(|| ()) one after another",
        metrics: NS,
        field: Field::Runtimes,
        run: runtimes!(R, env => one_by_one::<R>(env)),
    },
    Workload {
        name: "blocking_par",
        group: Group::Waking,
        about: "50,000 spawn_blocking(|| ()) at once; time for each",
        metrics: NS,
        field: Field::Runtimes,
        run: runtimes!(R, env => at_once::<R>(env)),
    },
    Workload {
        name: "stuck",
        group: Group::Waking,
        about: "every worker blocked for 300 ms by bad tasks: how late a 1 ms sleeper wakes",
        metrics: &[Metric { name: "", unit: "ms" }],
        field: Field::Runtimes,
        run: runtimes!(R, env => stuck::<R>(env)),
    },
];

fn one_by_one<R: Runtime>(env: &Env) -> io::Result<Sample> {
    let runtime = R::start(env.workers)?;
    let calls: u64 = env.pick(5_000, 500);
    let body = move |calls: u64| async move {
        for _ in 0..calls {
            R::spawn_blocking(|| ()).await;
        }
    };
    runtime.run(body(calls / 10));
    Ok(Sample::per_op(calls, || runtime.run(body(calls))))
}

fn at_once<R: Runtime>(env: &Env) -> io::Result<Sample> {
    let runtime = R::start(env.workers)?;
    let calls: u64 = env.pick(50_000, 10_000);
    let body = move |calls: u64| async move {
        let joins: Vec<_> = (0..calls).map(|_| R::spawn_blocking(|| ())).collect();
        for join in joins {
            join.await;
        }
    };
    runtime.run(body(calls / 10));
    Ok(Sample::per_op(calls, || runtime.run(body(calls))))
}

fn stuck<R: Runtime>(env: &Env) -> io::Result<Sample> {
    const BLOCKED: Duration = Duration::from_millis(300);
    const NAP: Duration = Duration::from_millis(1);
    let runtime = R::start(env.workers)?;
    // One more than there are workers, for a runtime in which the caller of `block_on` works too.
    let blockers = if R::MULTI_THREAD { env.workers + 1 } else { 1 };
    let left = Arc::new(AtomicUsize::new(blockers));
    let meter = Meter::of_process();
    let worst = runtime.block_on(async {
        let blocked = Arc::clone(&left);
        // It naps over and over, so that one of the naps must end while everybody is blocked.
        let sleeper = R::spawn(async move {
            let mut worst = Duration::ZERO;
            // Relaxed: a count, nothing beside it is read.
            while blocked.load(Relaxed) > 0 {
                let start = Instant::now();
                R::sleep(NAP).await;
                worst = worst.max(start.elapsed().saturating_sub(NAP));
            }
            worst
        });
        R::sleep(5 * NAP).await;
        for _ in 0..blockers {
            let left = Arc::clone(&left);
            R::spawn_detached(async move {
                thread::sleep(BLOCKED);
                left.fetch_sub(1, Relaxed);
            });
        }
        sleeper.await
    });
    let cost = meter.stop();
    Ok(Sample { values: vec![worst.as_secs_f64() * 1_000.0], ops: 1, cost })
}
