//! Deadlines that are set and dropped, as every request with a timeout does; and sleeps that end.

use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, poll};

use crate::contender::Runtime;
use crate::contenders::{Field, Kind, runtimes};
use crate::measure::{Cost, Meter, Sample, as_ns, percentile};
use crate::workloads::{Env, Group, Metric, NS, Workload};

pub(super) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "timeouts",
        group: Group::Timers,
        about: "100 tasks set a deadline of 5 to 30 s, poll once and drop it; time for each",
        metrics: NS,
        field: Field::Runtimes,
        run: runtimes!(R, env => timeouts::<R>(env)),
    },
    Workload {
        name: "sleeps",
        group: Group::Timers,
        about: "100,000 sleeps of 10 to 1,010 ms: how late they end, how many early, processor time for each",
        metrics: &[
            Metric { name: "p50", unit: "µs" },
            Metric { name: "p99", unit: "µs" },
            Metric { name: "early", unit: "" },
            Metric { name: "cpu", unit: "ns" },
        ],
        field: Field::Sleepers,
        run: |kind, env| match kind {
            Kind::EpollCt => bare_sleeps(env),
            _ => runtimes!(R, env => sleeps::<R>(env))(kind, env),
        },
    },
    pending_count("pending_1000", runtimes!(R, env => among::<R>(env, 1_000))),
    pending_count("pending_10000", runtimes!(R, env => among::<R>(env, 10_000))),
    pending_count("pending_100000", runtimes!(R, env => among::<R>(env, 100_000))),
    pending_count("pending_1000000", runtimes!(R, env => among::<R>(env, 1_000_000))),
    pending_count("pending_10000000", runtimes!(R, env => among::<R>(env, 10_000_000))),
];

/// `count` sleeps pending; another is set and dropped, again and again, and then one of them replaced.
const fn pending_count(name: &'static str, run: fn(Kind, &Env) -> io::Result<Sample>) -> Workload {
    Workload {
        name,
        group: Group::Timers,
        about: "with so many sleeps pending: set another and drop it; drop one of them at random and set another; time for both",
        metrics: &[Metric { name: "set", unit: "ns" }, Metric { name: "replace", unit: "ns" }],
        field: Field::Runtimes,
        run,
    }
}

/// Spreads indices over `0..bound`, the same way for everybody.
fn scattered(index: u64, bound: u64) -> u64 {
    (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % bound
}

async fn set_and_drop<R: Runtime>(tasks: u64, times: u64) {
    let joins: Vec<_> = (0..tasks)
        .map(|task| {
            R::spawn(async move {
                for index in 0..times {
                    let ms = 5_000 + scattered(task * times + index, 25_000);
                    let mut deadline = pin!(R::timeout(Duration::from_millis(ms), pending::<()>()));
                    poll_fn(|context| {
                        assert!(deadline.as_mut().poll(context).is_pending(), "{ms} ms passed");
                        Poll::Ready(())
                    })
                    .await;
                    // Runtimes ration the operations of one poll; whoever is out of them does not set its timer.
                    if index % 16 == 15 {
                        R::yield_now().await;
                    }
                }
            })
        })
        .collect();
    for join in joins {
        join.await;
    }
}

fn timeouts<R: Runtime>(env: &Env) -> io::Result<Sample> {
    const TASKS: u64 = 100;
    let times = env.pick(4_000, 500);
    let runtime = R::start(env.workers)?;
    runtime.run(set_and_drop::<R>(TASKS, times / 10));
    Ok(Sample::per_op(TASKS * times, || runtime.run(set_and_drop::<R>(TASKS, times))))
}

fn among<R: Runtime>(env: &Env, count: u64) -> io::Result<Sample> {
    let count = env.pick(count, count.min(10_000));
    let times = env.pick(200_000, 20_000);
    let runtime = R::start(env.workers)?;
    runtime.run(async move {
        let join = R::spawn(async move {
            // An hour to two hours ahead, in nanoseconds, so that they are spread over the wheel.
            let set = |index| {
                let ns = 3_600_000_000_000 + scattered(index, 3_600_000_000) * 1_000;
                Box::pin(R::sleep(Duration::from_nanos(ns)))
            };
            let mut pending = Vec::with_capacity(count as usize);
            for index in 0..count {
                pending.push(set(index));
                poll_pending::<R>(&mut pending[index as usize], index).await;
            }
            let meter = Meter::of_process();
            let begun = Instant::now();
            for index in 0..times {
                poll_pending::<R>(&mut set(index + count), index).await;
            }
            let setting = begun.elapsed();
            let begun = Instant::now();
            for index in 0..times {
                let place = scattered(index + count, count) as usize;
                pending[place] = set(index + count);
                poll_pending::<R>(&mut pending[place], index).await;
            }
            (setting, begun.elapsed(), meter.stop())
        });
        let (setting, replacing, cost) = join.await;
        let values = [setting, replacing].map(|elapsed| as_ns(elapsed) as f64 / times as f64);
        Ok(Sample { values: values.into(), ops: 2 * times, cost })
    })
}

async fn poll_pending<R: Runtime>(sleep: &mut Pin<Box<impl Future<Output = ()>>>, index: u64) {
    poll_fn(|context| {
        assert!(sleep.as_mut().poll(context).is_pending(), "an hour has passed");
        Poll::Ready(())
    })
    .await;
    // As in `set_and_drop`.
    if index % 16 == 15 {
        R::yield_now().await;
    }
}

/// One sleep; by how many nanoseconds it ended late, negative if early.
async fn lateness_ns<R: Runtime>(duration: Duration) -> f64 {
    let start = Instant::now();
    R::sleep(duration).await;
    as_ns(start.elapsed()) as f64 - as_ns(duration) as f64
}

/// What is slept, in the order in which it is set.
fn durations(env: &Env) -> impl Iterator<Item = Duration> + Send + 'static {
    let (count, spread_us) = env.pick((100_000, 1_000_000), (10_000, 100_000));
    (0..count).map(move |index| Duration::from_micros(10_000 + scattered(index, spread_us)))
}

fn sleeps<R: Runtime>(env: &Env) -> io::Result<Sample> {
    let runtime = R::start(env.workers)?;
    runtime.run(lateness_ns::<R>(Duration::from_millis(5)));
    let durations = durations(env);
    let meter = Meter::of_process();
    let late_ns = runtime.run(async move {
        let joins: Vec<_> =
            durations.map(|duration| R::spawn(lateness_ns::<R>(duration))).collect();
        let mut late_ns = Vec::with_capacity(joins.len());
        for join in joins {
            late_ns.push(join.await);
        }
        late_ns
    });
    Ok(lateness(late_ns, meter.stop()))
}

/// How late the system is by itself: the same deadlines, sorted beforehand, and a thread that waits for one after the other
/// and does nothing else. The runtimes are late by that too, and only by less if they ask for less.
fn bare_sleeps(env: &Env) -> io::Result<Sample> {
    let mut durations: Vec<Duration> = durations(env).collect();
    durations.sort_unstable();
    let mut late_ns = Vec::with_capacity(durations.len());
    let meter = Meter::of_process();
    let start = Instant::now();
    let mut passed = Duration::ZERO;
    for duration in durations {
        while passed < duration {
            let left = duration - passed;
            let left =
                Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
            poll(&mut [], Some(&left))?;
            passed = start.elapsed();
        }
        late_ns.push(as_ns(passed - duration) as f64);
    }
    Ok(lateness(late_ns, meter.stop()))
}

fn lateness(mut late_ns: Vec<f64>, cost: Cost) -> Sample {
    late_ns.sort_unstable_by(f64::total_cmp);
    let early = late_ns.partition_point(|&ns| ns < 0.0);
    let values = vec![
        percentile(&late_ns, 0.5) / 1_000.0,
        percentile(&late_ns, 0.99) / 1_000.0,
        early as f64,
        cost.cpu_ns as f64 / late_ns.len() as f64,
    ];
    Sample { values, ops: late_ns.len() as u64, cost }
}
