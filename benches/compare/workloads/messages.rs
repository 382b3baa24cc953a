//! Tasks that wake each other: yields, pairs over oneshots, and a chain in which each task starts the next.
//!
//! The oneshot is that of `futures-channel` for every contender, so that only the wake-up differs.

use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_channel::oneshot;

use crate::contender::Contender;
use crate::contenders::{Field, schedulers};
use crate::measure::Sample;
use crate::workloads::{Env, Group, NS, Workload};

pub(super) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "yield",
        group: Group::Scheduler,
        about: "200 tasks that yield 10,000 times each; time per yield",
        metrics: NS,
        field: Field::Schedulers,
        run: schedulers!(C, env => yields::<C>(env)),
    },
    Workload {
        name: "ping_pong",
        group: Group::Scheduler,
        about: "pairs of tasks that exchange two oneshots, 1,000 at a time; time per pair",
        metrics: NS,
        field: Field::Schedulers,
        run: schedulers!(C, env => ping_pong::<C>(env)),
    },
    Workload {
        name: "chained",
        group: Group::Scheduler,
        about: "each task spawns the next and ends; time per task",
        metrics: NS,
        field: Field::Schedulers,
        run: schedulers!(C, env => chained::<C>(env)),
    },
];

pub(super) async fn yielders<C: Contender>(tasks: u64, times: u64) {
    let joins: Vec<_> = (0..tasks)
        .map(|_| {
            C::spawn(async move {
                for _ in 0..times {
                    C::yield_now().await;
                }
            })
        })
        .collect();
    for join in joins {
        join.await;
    }
}

fn yields<C: Contender>(env: &Env) -> io::Result<Sample> {
    const TASKS: u64 = 200;
    let contender = C::start(env.workers)?;
    let times = env.pick(10_000, 2_000);
    contender.run(yielders::<C>(TASKS, times / 10));
    Ok(Sample::per_op(TASKS * times, || contender.run(yielders::<C>(TASKS, times))))
}

/// One pair: a task that spawns its partner, sends a ping and waits for the pong.
async fn pair<C: Contender>() {
    let (ping, pinged) = oneshot::channel();
    let (pong, ponged) = oneshot::channel();
    C::spawn_detached(async move {
        pinged.await.expect("the ping is always sent");
        pong.send(()).expect("the other side waits for its pong");
    });
    ping.send(()).expect("the partner waits for its ping");
    ponged.await.expect("the pong is always sent");
}

pub(super) async fn pairs<C: Contender>(rounds: u64, at_once: u64) {
    let mut joins = Vec::with_capacity(at_once as usize);
    for _ in 0..rounds {
        joins.extend((0..at_once).map(|_| C::spawn(pair::<C>())));
        for join in joins.drain(..) {
            join.await;
        }
    }
}

fn ping_pong<C: Contender>(env: &Env) -> io::Result<Sample> {
    const AT_ONCE: u64 = 1_000;
    let contender = C::start(env.workers)?;
    let rounds = env.pick(200, 30);
    contender.run(pairs::<C>(rounds / 10, AT_ONCE));
    Ok(Sample::per_op(rounds * AT_ONCE, || contender.run(pairs::<C>(rounds, AT_ONCE))))
}

/// A link of the chain. Written by hand: an `async fn` that spawns itself would need a box, and that is not measured.
struct Link<C> {
    left: u64,
    done: Option<oneshot::Sender<()>>,
    contender: PhantomData<fn() -> C>,
}

impl<C: Contender> Future for Link<C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        let done = self.done.take();
        match self.left.checked_sub(1) {
            Some(left) => C::spawn_detached(Self { left, done, contender: PhantomData }),
            None => {
                let done = done.expect("a link is polled once");
                done.send(()).expect("the start of the chain waits for its end");
            }
        }
        Poll::Ready(())
    }
}

async fn chain<C: Contender>(length: u64) {
    let (done, ended) = oneshot::channel();
    C::spawn_detached(Link::<C> { left: length, done: Some(done), contender: PhantomData });
    ended.await.expect("the last link reports");
}

fn chained<C: Contender>(env: &Env) -> io::Result<Sample> {
    let contender = C::start(env.workers)?;
    let length = env.pick(500_000, 60_000);
    contender.run(chain::<C>(length / 10));
    Ok(Sample::per_op(length, || contender.run(chain::<C>(length))))
}
