//! Echo of 1 KiB: what a request costs the server, and how long the client waits.

use std::io;
use std::net::TcpListener;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_channel::oneshot;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::contender::Runtime;
use crate::contenders::{Field, Kind, raw_epoll, runtimes};
use crate::measure::{Sample, percentile};
use crate::workloads::load::{self, MESSAGE, Outcome, Plan};
use crate::workloads::{Env, Group, Metric, Workload};

const METRICS: &[Metric] = &[
    Metric { name: "cpu", unit: "µs" },
    Metric { name: "p50", unit: "µs" },
    Metric { name: "p99", unit: "µs" },
];

macro_rules! connections {
    ($($name:literal, $about:literal, $count:literal;)*) => {
        &[$(Workload {
            name: $name,
            group: Group::Io,
            about: $about,
            metrics: METRICS,
            field: Field::Servers,
            run: |kind, env| match kind {
                Kind::Epoll => raw(env, $count, env.workers),
                Kind::EpollCt => raw(env, $count, 1),
                _ => runtimes!(R, env => echo::<R>(env, $count))(kind, env),
            },
        },)*]
    };
}

pub(super) const WORKLOADS: &[Workload] = connections! {
    "echo_10", "1 KiB over 10 connections, closed loop: server processor time, latency", 10;
    "echo_100", "1 KiB over 100 connections", 100;
    "echo_1000", "1 KiB over 1,000 connections", 1_000;
};

/// Serves whoever connects, until dropped or until the listener fails.
async fn accept_all<R: Runtime>(listener: TcpListener) -> io::Result<()> {
    let mut listener = R::listen(listener)?;
    loop {
        let mut stream = R::accept(&mut listener).await?;
        R::spawn_detached(async move {
            let mut buffer = [0; MESSAGE];
            // The load closes its end with answers under way: a reset is an end like any other.
            while let Ok(count @ 1..) = R::read(&mut stream, &mut buffer).await {
                if R::write_all(&mut stream, &buffer[..count]).await.is_err() {
                    break;
                }
            }
        });
    }
}

fn echo<R: Runtime>(env: &Env, connections: usize) -> io::Result<Sample> {
    let listener = bind(connections)?;
    let (done, ended) = oneshot::channel();
    let runtime = R::start(env.workers)?;
    let load = start_load(&listener, plan(env, connections), done)?;
    // Whichever is first: the end of the load, or an error of the listener.
    let load_ended = async {
        // A load that panics drops its end: `finish` passes the panic on.
        let _ = ended.await;
        Ok(())
    };
    runtime.block_on(futures_lite::future::or(load_ended, accept_all::<R>(listener)))?;
    finish(load)
}

fn raw(env: &Env, connections: usize, threads: usize) -> io::Result<Sample> {
    let listener = bind(connections)?;
    let (done, _ended) = oneshot::channel();
    let load = start_load(&listener, plan(env, connections), done)?;
    raw_epoll::serve(&listener, connections, threads)?;
    finish(load)
}

fn plan(env: &Env, connections: usize) -> Plan {
    let ms = Duration::from_millis;
    Plan { connections, settle: env.pick(ms(200), ms(40)), measure: env.pick(ms(1_000), ms(120)) }
}

/// A listening socket, and enough descriptors for both ends of every connection.
fn bind(connections: usize) -> io::Result<TcpListener> {
    let wanted = connections as u64 * 2 + 256;
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        return Err(io::Error::other(format!(
            "{connections} connections need {wanted} descriptors, and the hard limit (ulimit -Hn) is lower"
        )));
    }
    if limit.current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })?;
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    // The standard library's backlog of 128 overflows when a thousand connect at once, and a lost SYN costs a second.
    rustix::net::listen(&listener, 4_096)?;
    Ok(listener)
}

fn start_load(
    listener: &TcpListener,
    plan: Plan,
    done: oneshot::Sender<()>,
) -> io::Result<JoinHandle<io::Result<Outcome>>> {
    let address = listener.local_addr()?;
    thread::Builder::new().name("load".into()).spawn(move || {
        let outcome = load::run(address, plan);
        // Nobody listens when the server has failed, and then its error is the news.
        let _ = done.send(());
        outcome
    })
}

fn finish(load: JoinHandle<io::Result<Outcome>>) -> io::Result<Sample> {
    let Outcome { latencies_ns, server } =
        load.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let requests = latencies_ns.len() as u64;
    let values = vec![
        server.cpu_ns as f64 / requests as f64 / 1_000.0,
        percentile(&latencies_ns, 0.5) / 1_000.0,
        percentile(&latencies_ns, 0.99) / 1_000.0,
    ];
    Ok(Sample { values, ops: requests, cost: server })
}
