//! Tasks that compute: a fork-join tree, unequal tasks, and the grain curve.

use std::future::Future;
use std::io;
use std::pin::Pin;

use raddle_benches::Work;

use crate::contender::Contender;
use crate::contenders::{Field, schedulers};
use crate::measure::Sample;
use crate::workloads::spawn::bursts;
use crate::workloads::{Env, Group, NS, Workload};

/// The grain curve, as one constant list: the workloads differ in the grain alone.
macro_rules! grains {
    ($($name:literal, $about:literal, $ns:literal;)*) => {
        &[
            Workload {
                name: "fib",
                group: Group::Scheduler,
                about: "fib(24) by fork and join, a task for every node; time per node",
                metrics: NS,
                field: Field::Schedulers,
                run: schedulers!(C, env => fork_join::<C>(env)),
            },
            Workload {
                name: "skewed",
                group: Group::Scheduler,
                about: "one task spawns 20,000 that compute: nine of ten 0.5 µs, the tenth 5.5 µs",
                metrics: NS,
                field: Field::Schedulers,
                run: schedulers!(C, env => skewed::<C>(env)),
            },
            $(Workload {
                name: $name,
                group: Group::Scheduler,
                about: $about,
                metrics: NS,
                field: Field::Schedulers,
                run: schedulers!(C, env => grain::<C>(env, $ns)),
            },)*
        ]
    };
}

pub(super) const WORKLOADS: &[Workload] = grains! {
    "grain_0", "bursts of 1,000 tasks that compute for 0 ns", 0;
    "grain_100", "bursts of 1,000 tasks that compute for 100 ns", 100;
    "grain_300", "bursts of 1,000 tasks that compute for 300 ns", 300;
    "grain_1000", "bursts of 1,000 tasks that compute for 1,000 ns", 1_000;
    "grain_3000", "bursts of 1,000 tasks that compute for 3,000 ns", 3_000;
    "grain_10000", "bursts of 1,000 tasks that compute for 10,000 ns", 10_000;
};

fn fib<C: Contender>(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let left = C::spawn(fib::<C>(n - 1));
        let right = C::spawn(fib::<C>(n - 2));
        left.await + right.await
    })
}

fn fork_join<C: Contender>(env: &Env) -> io::Result<Sample> {
    // The tree of fib(n) has 2·fib(n + 1) - 1 nodes.
    let (n, value, nodes) = env.pick((24, 46_368, 150_049), (20, 6_765, 21_891));
    let rounds = env.pick(3, 2);
    let contender = C::start(env.workers)?;
    assert_eq!(contender.run(fib::<C>(n - 3)), env.pick(10_946, 1_597));
    Ok(Sample::per_op(rounds * nodes, || {
        for _ in 0..rounds {
            assert_eq!(contender.run(fib::<C>(n)), value, "fib({n})");
        }
    }))
}

fn skewed<C: Contender>(env: &Env) -> io::Result<Sample> {
    let (short, long) = (Work::of_ns(500), Work::of_ns(5_500));
    let contender = C::start(env.workers)?;
    let (rounds, size) = (env.pick(10, 1), 20_000_u64);
    let body = move |rounds: u64| async move {
        let mut joins = Vec::with_capacity(size as usize);
        for _ in 0..rounds {
            joins.extend((0..size).map(|index| {
                let work = if index % 10 == 7 { long } else { short };
                C::spawn(async move { work.run() })
            }));
            for join in joins.drain(..) {
                join.await;
            }
        }
    };
    contender.run(body(1));
    Ok(Sample::per_op(rounds * size, || contender.run(body(rounds))))
}

fn grain<C: Contender>(env: &Env, ns: u32) -> io::Result<Sample> {
    const BURST: u64 = 1_000;
    let work = Work::of_ns(ns);
    let contender = C::start(env.workers)?;
    // About as long for every grain: fewer bursts of longer tasks.
    let budget_ns = env.pick(250_000_000, 20_000_000);
    let rounds = (budget_ns / ((u64::from(ns) + 300) * BURST)).max(3);
    let task = move || async move { work.run() };
    contender.run(bursts::<C, _>(rounds.div_ceil(10), BURST, task));
    Ok(Sample::per_op(rounds * BURST, || contender.run(bursts::<C, _>(rounds, BURST, task))))
}
