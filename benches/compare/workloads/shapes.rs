//! Shapes of load that a wake-up policy must not trade against each other: handlers of a microsecond in bursts and
//! one at a time, batches from outside, a hot spot that moves from task to task, and more workers than cores.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use raddle_benches::Work;

use crate::contender::{Contender, Runtime};
use crate::contenders::{Field, runtimes, schedulers};
use crate::measure::{Sample, as_ns, percentile};
use crate::workloads::messages::{pairs, yielders};
use crate::workloads::spawn::bursts;
use crate::workloads::waking::under_load;
use crate::workloads::{Env, Group, Metric, NS, Workload};

const LATENESS: &[Metric] =
    &[Metric { name: "p50", unit: "µs" }, Metric { name: "p99", unit: "µs" }];

pub(super) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "handlers",
        group: Group::Shapes,
        about: "1 µs handlers from outside: 10 ms of 64 every 250 µs, then 10 ms of one every ms",
        metrics: &[
            Metric { name: "p50", unit: "µs" },
            Metric { name: "p99", unit: "µs" },
            Metric { name: "cpu", unit: "ns" },
        ],
        field: Field::Runtimes,
        run: runtimes!(R, env => handlers::<R>(env)),
    },
    Workload {
        name: "outside_batch",
        group: Group::Shapes,
        about: "an outside thread spawns 100 tasks of 1 µs into an idle runtime: until the last is done, per task",
        metrics: &[Metric { name: "wall", unit: "ns" }, Metric { name: "cpu", unit: "ns" }],
        field: Field::Runtimes,
        run: runtimes!(R, env => outside_batch::<R>(env)),
    },
    Workload {
        name: "hot_spot",
        group: Group::Shapes,
        about: "eight tasks, one of which spawns 8 children of 2 µs a step; which one, moves; per child",
        metrics: NS,
        field: Field::Schedulers,
        run: schedulers!(C, env => hot_spot::<C>(env, true)),
    },
    Workload {
        name: "even_spread",
        group: Group::Shapes,
        about: "the same children spread evenly over the eight tasks",
        metrics: NS,
        field: Field::Schedulers,
        run: schedulers!(C, env => hot_spot::<C>(env, false)),
    },
    Workload {
        name: "heartbeat",
        group: Group::Shapes,
        about: "a task sleeps 1 ms again and again beside 2,000 that compute for 10 µs and yield: how late it runs",
        metrics: LATENESS,
        field: Field::Runtimes,
        run: runtimes!(R, env => heartbeat::<R>(env, false)),
    },
    Workload {
        name: "urgent",
        group: Group::Shapes,
        about: "the same with a task of high priority, for those who have priorities",
        metrics: LATENESS,
        field: Field::Runtimes,
        run: runtimes!(R, env => heartbeat::<R>(env, true)),
    },
    Workload {
        name: "workers_2",
        group: Group::Shapes,
        about: "bursts of 300 ns tasks, ping-pong and yields on 2 workers; per operation",
        metrics: NS,
        field: Field::MultiThread,
        run: runtimes!(R, env => mixture::<R>(env, 2)),
    },
    Workload {
        name: "workers_8",
        group: Group::Shapes,
        about: "the same on 8 workers",
        metrics: NS,
        field: Field::MultiThread,
        run: runtimes!(R, env => mixture::<R>(env, 8)),
    },
    Workload {
        name: "workers_16",
        group: Group::Shapes,
        about: "the same on 16 workers",
        metrics: NS,
        field: Field::MultiThread,
        run: runtimes!(R, env => mixture::<R>(env, 16)),
    },
];

fn handlers<R: Runtime>(env: &Env) -> io::Result<Sample> {
    const PHASE: Duration = Duration::from_millis(10);
    let work = Work::of_ns(1_000);
    let runtime = R::start(env.workers)?;
    let remote = runtime.remote();
    let phases = env.pick(30, 4);
    let latencies_ns = Arc::new(Mutex::new(Vec::with_capacity(200_000)));
    let noted = Arc::clone(&latencies_ns);
    let (handlers, cost) = under_load(&runtime, move || {
        let done = Arc::new(AtomicU64::new(0));
        let mut spawned = 0;
        for phase in 0..phases {
            let (at_once, period) = match phase % 2 {
                0 => (64, Duration::from_micros(250)),
                _ => (1, Duration::from_millis(1)),
            };
            let start = Instant::now();
            let mut due = start;
            while due < start + PHASE {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                // One vector for a batch, so that the handlers do not queue up at a lock of ours.
                let batch = Arc::new((0..at_once).map(|_| AtomicU64::new(0)).collect::<Vec<_>>());
                for index in 0..at_once {
                    let (batch, done) = (Arc::clone(&batch), Arc::clone(&done));
                    let submitted = Instant::now();
                    R::spawn_from(&remote, async move {
                        work.run();
                        batch[index].store(as_ns(submitted.elapsed()), Ordering::Relaxed);
                        // Release: pairs with the Acquire below, after which the latency is read.
                        done.fetch_add(1, Ordering::Release);
                    });
                }
                spawned += at_once as u64;
                due += period;
                noted.lock().expect("no holder panics").push(batch);
            }
        }
        // Acquire: pairs with the handlers' Release.
        while done.load(Ordering::Acquire) < spawned {
            thread::sleep(Duration::from_micros(100));
        }
        spawned
    });
    let batches = latencies_ns.lock().expect("no holder panics");
    let all = batches.iter().flat_map(|batch| batch.iter());
    let mut sorted: Vec<f64> = all.map(|ns| ns.load(Ordering::Relaxed) as f64).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let values = vec![
        percentile(&sorted, 0.5) / 1_000.0,
        percentile(&sorted, 0.99) / 1_000.0,
        cost.cpu_ns as f64 / handlers as f64,
    ];
    Ok(Sample { values, ops: handlers, cost })
}

fn outside_batch<R: Runtime>(env: &Env) -> io::Result<Sample> {
    const BATCH: u64 = 100;
    let work = Work::of_ns(1_000);
    let runtime = R::start(env.workers)?;
    let remote = runtime.remote();
    let batches: u64 = env.pick(1_000, 100);
    let (busy, cost) = under_load(&runtime, move || {
        let mut busy = Duration::ZERO;
        for _ in 0..batches {
            thread::sleep(Duration::from_micros(300));
            let left = Arc::new(AtomicU64::new(BATCH));
            let (caller, start) = (thread::current(), Instant::now());
            for _ in 0..BATCH {
                let (left, caller) = (Arc::clone(&left), caller.clone());
                R::spawn_from(&remote, async move {
                    work.run();
                    // Relaxed: the count alone matters, and `unpark` comes after it.
                    if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                        caller.unpark();
                    }
                });
            }
            while left.load(Ordering::Relaxed) > 0 {
                thread::park();
            }
            busy += start.elapsed();
        }
        busy
    });
    let tasks = batches * BATCH;
    let per_task = |ns: u64| ns as f64 / tasks as f64;
    Ok(Sample { values: vec![per_task(as_ns(busy)), per_task(cost.cpu_ns)], ops: tasks, cost })
}

fn hot_spot<C: Contender>(env: &Env, moving: bool) -> io::Result<Sample> {
    const TASKS: u64 = 8;
    /// A task is hot for this many steps.
    const STAY: u64 = 25;
    let (child, background) = (Work::of_ns(2_000), Work::of_ns(200));
    let rounds = env.pick(10, 1);
    let body = move |rounds: u64| async move {
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                C::spawn(async move {
                    let mut joins = Vec::with_capacity(TASKS as usize);
                    for step in 0..rounds * STAY * TASKS {
                        let hot = step / STAY % TASKS == task;
                        let children = if !moving {
                            1
                        } else if hot {
                            TASKS
                        } else {
                            0
                        };
                        joins.extend((0..children).map(|_| C::spawn(async move { child.run() })));
                        background.run();
                        C::yield_now().await;
                        for join in joins.drain(..) {
                            join.await;
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await;
        }
    };
    let contender = C::start(env.workers)?;
    contender.run(body(1));
    Ok(Sample::per_op(rounds * STAY * TASKS * TASKS, || contender.run(body(rounds))))
}

fn heartbeat<R: Runtime>(env: &Env, is_urgent: bool) -> io::Result<Sample> {
    const BEAT: Duration = Duration::from_millis(1);
    let work = Work::of_ns(10_000);
    let beats: u64 = env.pick(300, 50);
    let runtime = R::start(env.workers)?;
    let mut sorted = Vec::new();
    let mut sample = Sample::per_op(beats, || {
        sorted = runtime.run(async move {
            let stop = Arc::new(AtomicBool::new(false));
            let crowd: Vec<_> = (0..2_000)
                .map(|_| {
                    let stop = Arc::clone(&stop);
                    R::spawn(async move {
                        // Relaxed: seen sooner or later.
                        while !stop.load(Ordering::Relaxed) {
                            work.run();
                            R::yield_now().await;
                        }
                    })
                })
                .collect();
            let heart = async move {
                let mut late = Vec::new();
                for _ in 0..beats {
                    let due = Instant::now() + BEAT;
                    R::sleep(BEAT).await;
                    late.push(as_ns(due.elapsed()) as f64 / 1_000.0);
                }
                late
            };
            let late = if is_urgent { R::spawn_urgent(heart).await } else { R::spawn(heart).await };
            stop.store(true, Ordering::Relaxed);
            for task in crowd {
                task.await;
            }
            late
        });
    });
    sorted.sort_unstable_by(f64::total_cmp);
    sample.values = vec![percentile(&sorted, 0.5), percentile(&sorted, 0.99)];
    Ok(sample)
}

/// The three kinds of work that too many workers can spoil: small bursts, messages, yields.
fn mixture<C: Contender>(env: &Env, workers: usize) -> io::Result<Sample> {
    let work = Work::of_ns(300);
    let contender = C::start(workers)?;
    let body = move |rounds: u64| async move {
        bursts::<C, _>(rounds * 10, 1_000, move || async move { work.run() }).await;
        pairs::<C>(rounds * 5, 1_000).await;
        yielders::<C>(200, rounds * 50).await;
    };
    let rounds = env.pick(10, 2);
    contender.run(body(1));
    Ok(Sample::per_op(rounds * 25_000, || contender.run(body(rounds))))
}
