//! What it costs to wake a runtime that has nothing to do, and to have nothing to do.
//!
//! The load comes from one thread outside the runtime; its own share is subtracted from what the process spent.

use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use raddle_benches::Work;

use crate::contender::Runtime;
use crate::contenders::{Field, runtimes};
use crate::measure::{Cost, Meter, Sample, as_ns, percentile};
use crate::workloads::{Env, Group, Metric, Workload};

pub(super) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "remote_wake",
        group: Group::Waking,
        about: "from an outside thread's wake to the task running, the runtime being idle",
        metrics: &[
            Metric { name: "p50", unit: "ns" },
            Metric { name: "p99", unit: "ns" },
            Metric { name: "cpu", unit: "ns" },
        ],
        field: Field::Runtimes,
        run: runtimes!(R, env => remote_wake::<R>(env)),
    },
    Workload {
        name: "low_load",
        group: Group::Waking,
        about: "a 3,000-step task from outside every 500 µs for 3 s; per task",
        metrics: &[Metric { name: "switches", unit: "" }, Metric { name: "cpu", unit: "µs" }],
        field: Field::Runtimes,
        run: runtimes!(R, env => low_load::<R>(env)),
    },
    Workload {
        name: "idle",
        group: Group::Waking,
        about: "a started runtime with nothing to do; per second",
        metrics: &[Metric { name: "cpu", unit: "µs" }, Metric { name: "switches", unit: "" }],
        field: Field::Runtimes,
        run: runtimes!(R, env => idle::<R>(env)),
    },
];

/// Runs `load` on a thread of its own while the calling thread waits in the runtime for it to end.
///
/// Returns what `load` returned, and what everybody else in the process spent meanwhile.
pub(super) fn under_load<R: Runtime, T: Send + 'static>(
    runtime: &R,
    load: impl FnOnce() -> T + Send + 'static,
) -> (T, Cost) {
    let (done, ended) = oneshot::channel();
    let thread = thread::spawn(move || {
        // The runtime's first steps, and this thread's start, are not what is asked about.
        thread::sleep(Duration::from_millis(10));
        let (process, own) = (Meter::of_process(), Meter::of_thread());
        let value = load();
        let cost = process.stop().without(own.stop());
        // Fails only when the waiting side has panicked, and then that panic is the news.
        let _ = done.send(());
        (value, cost)
    });
    // A load that panics drops its sender: the panic is passed on below.
    let _ = runtime.block_on(ended);
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A task waits here for an outside thread.
#[derive(Default)]
struct Doorbell {
    waker: Mutex<Option<Waker>>,
    /// When it was rung, in nanoseconds since the start of the run; zero while it is silent.
    rung_ns: AtomicU64,
}

impl Doorbell {
    /// The task's side: for each ring, how long it took to be heard.
    async fn answer(self: Arc<Self>, start: Instant, rings: usize) -> Vec<u32> {
        let mut late_ns = Vec::with_capacity(rings);
        while late_ns.len() < rings {
            let rung_ns = poll_fn(|context| {
                // Acquire: pairs with the ring's Release. The ringer takes the waker before it rings, so a ring
                // cannot fall between this look and the store of the waker.
                match self.rung_ns.swap(0, Ordering::Acquire) {
                    0 => {
                        let waker = context.waker().clone();
                        *self.waker.lock().expect("no holder panics") = Some(waker);
                        Poll::Pending
                    }
                    rung_ns => Poll::Ready(rung_ns),
                }
            })
            .await;
            late_ns.push((as_ns(start.elapsed()) - rung_ns) as u32);
        }
        late_ns
    }

    /// The outside thread's side.
    fn ring(&self, start: Instant, rings: usize, pause: Duration) {
        for _ in 0..rings {
            thread::sleep(pause);
            let waker = loop {
                match self.waker.lock().expect("no holder panics").take() {
                    Some(waker) => break waker,
                    None => thread::yield_now(),
                }
            };
            // Release: pairs with the swap in `answer`.
            self.rung_ns.store(as_ns(start.elapsed()), Ordering::Release);
            waker.wake();
        }
    }
}

fn remote_wake<R: Runtime>(env: &Env) -> io::Result<Sample> {
    let rings = env.pick(2_000, 200);
    let runtime = R::start(env.workers)?;
    let (start, bell) = (Instant::now(), Arc::new(Doorbell::default()));
    let (send, receive) = oneshot::channel();
    let answer = Arc::clone(&bell).answer(start, rings);
    R::spawn_from(&runtime.remote(), async move {
        // The receiver lives until the end of this function.
        let _ = send.send(answer.await);
    });
    let ((), cost) =
        under_load(&runtime, move || bell.ring(start, rings, Duration::from_micros(200)));
    let mut late_ns = runtime.block_on(receive).map_err(io::Error::other)?;
    late_ns.sort_unstable();
    let cpu_ns = cost.cpu_ns as f64 / rings as f64;
    let values = vec![percentile(&late_ns, 0.5), percentile(&late_ns, 0.99), cpu_ns];
    Ok(Sample { values, ops: rings as u64, cost })
}

fn low_load<R: Runtime>(env: &Env) -> io::Result<Sample> {
    const PERIOD: Duration = Duration::from_micros(500);
    let tasks: u64 = env.pick(6_000, 500);
    let work = Work::of_steps(3_000);
    let runtime = R::start(env.workers)?;
    let remote = runtime.remote();
    let done = Arc::new(AtomicU64::new(0));
    let ((), cost) = under_load(&runtime, move || {
        let start = Instant::now();
        for index in 0..tasks {
            let due = start + PERIOD * index as u32;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let done = Arc::clone(&done);
            R::spawn_from(&remote, async move {
                work.run();
                // Relaxed: only the count is read, and nothing beside it.
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        while done.load(Ordering::Relaxed) < tasks {
            thread::sleep(PERIOD);
        }
    });
    let per_task = |total: u64| total as f64 / tasks as f64;
    let values = vec![per_task(cost.voluntary), per_task(cost.cpu_ns) / 1_000.0];
    Ok(Sample { values, ops: tasks, cost })
}

fn idle<R: Runtime>(env: &Env) -> io::Result<Sample> {
    let runtime = R::start(env.workers)?;
    // Make the drivers exist and the workers have run before the quiet begins.
    runtime.run(async { R::sleep(Duration::from_millis(1)).await });
    let duration = env.pick(Duration::from_secs(1), Duration::from_millis(100));
    let ((), cost) = under_load(&runtime, move || thread::sleep(duration));
    let seconds = cost.wall_ns as f64 / 1e9;
    let values = vec![cost.cpu_ns as f64 / 1_000.0 / seconds, cost.voluntary as f64 / seconds];
    Ok(Sample { values, ops: 1, cost })
}
