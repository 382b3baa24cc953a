//! Bytes of resident memory per task, measured in a fresh process so that nobody reuses another's pages.

use std::future::pending;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::contender::Runtime;
use crate::contenders::{Field, Kind, runtimes};
use crate::measure::{Meter, Sample};
use crate::workloads::spawn::bursts;
use crate::workloads::{Env, Group, Metric, Workload};

pub(super) const BYTES: &[Metric] = &[Metric { name: "", unit: "bytes" }];

pub(super) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "memory_pending",
        group: Group::Waking,
        about: "resident bytes of a task that waits for ever, its future being empty",
        metrics: BYTES,
        field: Field::Runtimes,
        run: |kind, env| in_fresh_process("memory_pending", kind, env, WAITING),
    },
    Workload {
        name: "memory_asleep",
        group: Group::Waking,
        about: "resident bytes of a task asleep for ten minutes",
        metrics: BYTES,
        field: Field::Runtimes,
        run: |kind, env| in_fresh_process("memory_asleep", kind, env, ASLEEP),
    },
    Workload {
        name: "memory_left",
        group: Group::Waking,
        about: "resident bytes per task that are left of a million empty ones, ten seconds after their end",
        metrics: BYTES,
        field: Field::Runtimes,
        run: |kind, env| in_fresh_process("memory_left", kind, env, LEFT),
    },
];

/// Beside the servers, in the table.
pub(super) const CONNECTIONS: &[Workload] = &[Workload {
    name: "memory_connection",
    group: Group::Io,
    about: "resident bytes of a connection whose task waits for something to read",
    metrics: BYTES,
    field: Field::Runtimes,
    run: |kind, env| in_fresh_process("memory_connection", kind, env, CONNECTED),
}];

type Body = fn(Kind, &Env) -> io::Result<Sample>;

const WAITING: Body = runtimes!(R, env => per_task::<R, _>(env, pending::<()>));
const ASLEEP: Body =
    runtimes!(R, env => per_task::<R, _>(env, || R::sleep(Duration::from_secs(600))));

const LEFT: Body = runtimes!(R, env => left_of_crowd::<R>(env));

const CONNECTED: Body = runtimes!(R, env => per_connection::<R>(env));

/// In the parent, runs this program again for one workload and one contender; in the child, runs `body`.
pub(super) fn in_fresh_process(
    name: &str,
    kind: Kind,
    env: &Env,
    body: Body,
) -> io::Result<Sample> {
    if env.in_child {
        return body(kind, env);
    }
    let meter = Meter::of_process();
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--child", name, "--contenders", kind.name()]);
    command.args(["--workers", &env.workers.to_string()]);
    if env.quick {
        command.arg("--quick");
    }
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let value = text.trim().parse().map_err(|_| {
        let reason = String::from_utf8_lossy(&output.stderr);
        io::Error::other(format!("the child process of {name} failed: {text}{reason}"))
    })?;
    Ok(Sample { values: vec![value], ops: 1, cost: meter.stop() })
}

/// How many tasks have been polled. Relaxed: it is only counted.
static POLLED: AtomicU64 = AtomicU64::new(0);

/// Spawns many tasks that run `make()` and never end, and divides what memory grew by.
fn per_task<R: Runtime, F>(env: &Env, make: fn() -> F) -> io::Result<Sample>
where
    F: Future<Output = ()> + Send + 'static,
{
    let tasks: u64 = env.pick(200_000, 50_000);
    let runtime = R::start(env.workers)?;
    let meter = Meter::of_process();
    let grown = runtime.block_on(async {
        // The first tasks pay for queues, tables and the threads' arenas.
        spawn_and_settle::<R, F>(2_000, make).await;
        let before = resident_bytes()?;
        spawn_and_settle::<R, F>(tasks, make).await;
        Ok::<_, io::Error>(resident_bytes()?.saturating_sub(before))
    })?;
    let sample =
        Sample { values: vec![grown as f64 / tasks as f64], ops: tasks, cost: meter.stop() };
    // The tasks never end, and the process is about to; taking them down one by one would tell us nothing.
    std::mem::forget(runtime);
    Ok(sample)
}

/// Spawns very many tasks at once, joins them, sleeps, and divides what memory has grown by.
fn left_of_crowd<R: Runtime>(env: &Env) -> io::Result<Sample> {
    let tasks: u64 = env.pick(1_000_000, 100_000);
    let runtime = R::start(env.workers)?;
    let meter = Meter::of_process();
    let left = runtime.block_on(async {
        R::spawn(bursts::<R, _>(1, 2_000, || async {})).await;
        let before = resident_bytes()?;
        R::spawn(bursts::<R, _>(1, tasks, || async {})).await;
        R::sleep(Duration::from_secs(10)).await;
        Ok::<_, io::Error>(resident_bytes()?.saturating_sub(before))
    })?;
    Ok(Sample { values: vec![left as f64 / tasks as f64], ops: tasks, cost: meter.stop() })
}

/// Accepts many connections, each with a task that reads, and divides what memory grew by. The other ends are plain
/// sockets, of a number and a place in a list that was made before.
fn per_connection<R: Runtime>(env: &Env) -> io::Result<Sample> {
    let connections: usize = env.pick(4_000, 1_000);
    let wanted = connections as u64 * 2 + 1_256;
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })?;
    let runtime = R::start(env.workers)?;
    let meter = Meter::of_process();
    let grown = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let mut listener = R::listen(listener)?;
        let mut clients = Vec::with_capacity(connections + 500);
        let mut before = 0;
        while clients.len() < connections + 500 {
            if clients.len() == 500 {
                // The first pay for queues, tables and the threads' arenas.
                before = resident_bytes()?;
            }
            let target = POLLED.load(Relaxed) + 1;
            clients.push(TcpStream::connect(address)?);
            let mut stream = R::accept(&mut listener).await?;
            R::spawn_detached(async move {
                POLLED.fetch_add(1, Relaxed);
                let _ = R::read(&mut stream, &mut [0; 64]).await;
            });
            while POLLED.load(Relaxed) < target {
                R::yield_now().await;
            }
        }
        let grown = resident_bytes()?.saturating_sub(before);
        std::mem::forget((clients, listener));
        Ok::<_, io::Error>(grown)
    })?;
    let values = vec![grown as f64 / connections as f64];
    let sample = Sample { values, ops: connections as u64, cost: meter.stop() };
    std::mem::forget(runtime);
    Ok(sample)
}

/// Spawns in small batches and waits until each has been polled, so that the run queue stays short.
async fn spawn_and_settle<R: Runtime, F>(tasks: u64, make: fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut target = POLLED.load(Relaxed);
    let end = target + tasks;
    while target < end {
        let batch = (end - target).min(200);
        for _ in 0..batch {
            R::spawn_detached(async move {
                POLLED.fetch_add(1, Relaxed);
                make().await;
            });
        }
        target += batch;
        while POLLED.load(Relaxed) < target {
            R::yield_now().await;
        }
    }
}

/// The resident set of this process.
fn resident_bytes() -> io::Result<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split(' ').nth(1).and_then(|field| field.parse::<u64>().ok());
    let pages =
        pages.ok_or_else(|| io::Error::other(format!("/proc/self/statm says {statm:?}")))?;
    Ok(pages * rustix::param::page_size() as u64)
}
