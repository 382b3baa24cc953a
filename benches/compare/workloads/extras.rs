//! What a task costs that has something which few tasks have; the first row has nothing, and is what the others compare to.

use std::future::Future;
use std::io;
use std::panic::Location;

use raddle::runtime::{Builder as RuntimeBuilder, Runtime};
use raddle::task::{Builder, JoinHandle};

use crate::contenders::{Field, Kind};
use crate::measure::Sample;
use crate::workloads::{Env, Group, NS, Workload};

const fn row(
    name: &'static str,
    about: &'static str,
    run: fn(Kind, &Env) -> io::Result<Sample>,
) -> Workload {
    Workload { name, group: Group::Extras, about, metrics: NS, field: Field::Raddle, run }
}

pub(super) const WORKLOADS: &[Workload] = &[
    row(
        "extras_none",
        "a task spawns 1,000 empty tasks and joins them: with nothing",
        |kind, env| measure(kind, env, |_| {}, || raddle::spawn(empty())),
    ),
    row("extras_location", "each with a place of origin of its own", |kind, env| {
        let here = Location::caller();
        measure(kind, env, |_| {}, move || Builder::new().location(here).spawn(empty()))
    }),
    row("extras_name", "each with a name", |kind, env| {
        measure(kind, env, |_| {}, || Builder::new().name("named").spawn(empty()))
    }),
    row("extras_local", "each with a task-local value", |kind, env| {
        measure(kind, env, |_| {}, || raddle::spawn(OWN.scope(1, empty())))
    }),
    row("extras_inherited", "each with a value that it inherits", |kind, env| {
        measure(kind, env, |_| {}, || INHERITED.sync_scope(1, || raddle::spawn(empty())))
    }),
    row("extras_task_hooks", "hooks at the spawn and the end of each", |kind, env| {
        let hooks = |builder: &mut RuntimeBuilder| {
            builder.on_task_spawn(|_| {}).on_task_terminate(|_| {});
        };
        measure(kind, env, hooks, || raddle::spawn(empty()))
    }),
    row("extras_poll_hooks", "hooks around each poll", |kind, env| {
        let hooks = |builder: &mut RuntimeBuilder| {
            builder.on_before_task_poll(|_| {}).on_after_task_poll(|_| {});
        };
        measure(kind, env, hooks, || raddle::spawn(empty()))
    }),
    row("extras_tracked", "each in the list of live tasks", |kind, env| {
        let tracked = |builder: &mut RuntimeBuilder| _ = builder.track_tasks(true);
        measure(kind, env, tracked, || raddle::spawn(empty()))
    }),
    row("extras_on_done", "each with a callback at its end", |kind, env| {
        measure(
            kind,
            env,
            |_| {},
            || {
                let task = raddle::spawn(empty());
                task.on_done(|_| {});
                task
            },
        )
    }),
    row("extras_eager", "each polled by the call that spawns it", |kind, env| {
        let eager = |builder: &mut RuntimeBuilder| _ = builder.spawn_eager(true);
        measure(kind, env, eager, || raddle::spawn(empty()))
    }),
];

raddle::task_local! {
    static OWN: u32;
    inherit static INHERITED: u32;
}

const BURST: u64 = 1_000;

async fn empty() {}

async fn bursts(rounds: u64, spawn: impl Fn() -> JoinHandle<()> + Send) {
    let mut joins = Vec::with_capacity(BURST as usize);
    for _ in 0..rounds {
        joins.extend((0..BURST).map(|_| spawn()));
        for join in joins.drain(..) {
            join.await.expect("a task of a workload panicked");
        }
    }
}

fn measure<S>(
    kind: Kind,
    env: &Env,
    set: impl FnOnce(&mut RuntimeBuilder),
    spawn: S,
) -> io::Result<Sample>
where
    S: Fn() -> JoinHandle<()> + Clone + Send + 'static,
{
    let mut builder = match kind {
        Kind::RaddleCt => RuntimeBuilder::new_current_thread(),
        _ => RuntimeBuilder::new_multi_thread(),
    };
    set(builder.worker_threads(env.workers));
    let runtime = builder.build()?;
    let rounds = env.pick(500, 60);
    run(&runtime, bursts(rounds / 10, spawn.clone()));
    Ok(Sample::per_op(rounds * BURST, || run(&runtime, bursts(rounds, spawn.clone()))))
}

/// As a task, as the other workloads do.
fn run(runtime: &Runtime, future: impl Future<Output = ()> + Send + 'static) {
    runtime.block_on(async { raddle::spawn(future).await.expect("a workload panicked") });
}
