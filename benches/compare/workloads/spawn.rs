//! What a task costs that does nothing: spawned on a worker, spawned from the root, very many at once.

use std::future::Future;
use std::io;

use crate::contender::Contender;
use crate::contenders::{Field, schedulers};
use crate::measure::Sample;
use crate::workloads::{Env, Group, NS, Workload};

pub(super) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "spawn_local",
        group: Group::Scheduler,
        about: "a task spawns 1,000 empty tasks and joins them, again and again",
        metrics: NS,
        field: Field::Schedulers,
        run: schedulers!(C, env => spawn_local::<C>(env)),
    },
    Workload {
        name: "spawn_remote",
        group: Group::Scheduler,
        about: "the same from the root future of block_on",
        metrics: NS,
        field: Field::Schedulers,
        run: schedulers!(C, env => spawn_remote::<C>(env)),
    },
    Workload {
        name: "spawn_huge",
        group: Group::Scheduler,
        about: "a task spawns 300,000 empty tasks at once and joins them",
        metrics: NS,
        field: Field::Schedulers,
        run: schedulers!(C, env => spawn_huge::<C>(env)),
    },
];

const BURST: u64 = 1_000;

/// Spawns `size` tasks made by `make`, joins them in order, and does that `rounds` times.
pub(crate) async fn bursts<C: Contender, F>(rounds: u64, size: u64, make: impl Fn() -> F + Send)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut joins = Vec::with_capacity(size as usize);
    for _ in 0..rounds {
        joins.extend((0..size).map(|_| C::spawn(make())));
        for join in joins.drain(..) {
            join.await;
        }
    }
}

async fn empty() {}

fn spawn_local<C: Contender>(env: &Env) -> io::Result<Sample> {
    let contender = C::start(env.workers)?;
    let rounds = env.pick(500, 60);
    contender.run(bursts::<C, _>(rounds / 10, BURST, empty));
    Ok(Sample::per_op(rounds * BURST, || contender.run(bursts::<C, _>(rounds, BURST, empty))))
}

fn spawn_remote<C: Contender>(env: &Env) -> io::Result<Sample> {
    let contender = C::start(env.workers)?;
    let rounds = env.pick(500, 60);
    contender.block_on(bursts::<C, _>(rounds / 10, BURST, empty));
    Ok(Sample::per_op(rounds * BURST, || contender.block_on(bursts::<C, _>(rounds, BURST, empty))))
}

fn spawn_huge<C: Contender>(env: &Env) -> io::Result<Sample> {
    let contender = C::start(env.workers)?;
    let (rounds, size) = (env.pick(3, 1), env.pick(300_000, 100_000));
    contender.run(bursts::<C, _>(1, size / 10, empty));
    Ok(Sample::per_op(rounds * size, || contender.run(bursts::<C, _>(rounds, size, empty))))
}
