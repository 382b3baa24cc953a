//! Servers on loopback: what a request costs them, and how long the client waits.

use std::io;
use std::net::TcpListener;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::contender::Runtime;
use crate::contenders::{Field, Kind, raw_epoll, runtimes};
use crate::measure::Sample;
use crate::workloads::load::{self, MESSAGE, Outcome, Plan, Request};
use crate::workloads::{Env, Group, Metric, Workload};

const METRICS: &[Metric] = &[
    Metric { name: "cpu", unit: "µs" },
    Metric { name: "p50", unit: "µs" },
    Metric { name: "p99", unit: "µs" },
];

macro_rules! echoes {
    ($($name:literal, $about:literal, $count:literal, $size:expr;)*) => {
        [$(Workload {
            name: $name,
            group: Group::Io,
            about: $about,
            metrics: METRICS,
            field: Field::Servers,
            run: |kind, env| match kind {
                Kind::Epoll => raw(env, $count, $size, env.workers),
                Kind::EpollCt => raw(env, $count, $size, 1),
                _ => runtimes!(R, env => echo::<R>(env, $count, $size))(kind, env),
            },
        },)*]
    };
}

pub(super) const WORKLOADS: &[Workload] = &echoes! {
    "echo_1", "1 KiB over one connection, closed loop: server processor time, latency", 1, MESSAGE;
    "echo_10", "1 KiB over 10 connections", 10, MESSAGE;
    "echo_100", "1 KiB over 100 connections", 100, MESSAGE;
    "echo_1000", "1 KiB over 1,000 connections", 1_000, MESSAGE;
    "echo_10000", "1 KiB over 10,000 connections", 10_000, MESSAGE;
    "payload_64", "64 bytes over 10 connections", 10, 64;
    "payload_16384", "16 KiB over 10 connections", 10, 16 * 1_024;
    "payload_262144", "256 KiB over 10 connections", 10, 256 * 1_024;
};

/// Those that only runtimes run.
pub(super) const OF_RUNTIMES: &[Workload] = &[
    Workload {
        name: "accept",
        group: Group::Io,
        about: "connect, 64 bytes there and back, close: server processor time, latency",
        metrics: METRICS,
        field: Field::Runtimes,
        run: runtimes!(R, env => accept::<R>(env)),
    },
    Workload {
        name: "udp",
        group: Group::Io,
        about: "datagrams of 64 bytes there and back, 32 at once: server processor time, latency",
        metrics: METRICS,
        field: Field::Runtimes,
        run: runtimes!(R, env => datagrams::<R>(env)),
    },
    Workload {
        name: "hog",
        group: Group::Io,
        about: "1 KiB over 10 connections, beside a task per worker that computes 1 ms at a time",
        metrics: METRICS,
        field: Field::Runtimes,
        run: runtimes!(R, env => beside_hogs::<R>(env)),
    },
];

/// Serves whoever connects, until dropped or until the listener fails.
async fn accept_all<R: Runtime>(listener: TcpListener, size: usize) -> io::Result<()> {
    let mut listener = R::listen(listener)?;
    loop {
        let mut stream = R::accept(&mut listener).await?;
        R::spawn_detached(async move {
            // Small messages in the task, as servers do; a large buffer would make the task itself large.
            if size <= MESSAGE {
                echo_on::<R>(&mut stream, &mut [0; MESSAGE]).await;
            } else {
                echo_on::<R>(&mut stream, &mut vec![0; size.min(64 * 1_024)]).await;
            }
        });
    }
}

async fn echo_on<R: Runtime>(stream: &mut R::Stream, buffer: &mut [u8]) {
    // The load closes its end with answers under way: a reset is an end like any other.
    while let Ok(count @ 1..) = R::read(stream, buffer).await {
        if R::write_all(stream, &buffer[..count]).await.is_err() {
            break;
        }
    }
}

fn echo<R: Runtime>(env: &Env, connections: usize, size: usize) -> io::Result<Sample> {
    let listener = bind(connections)?;
    let load = Load::start(listener.local_addr()?, plan(env, Request::Echo, connections, size))?;
    serve::<R>(env, load, accept_all::<R>(listener, size))
}

fn accept<R: Runtime>(env: &Env) -> io::Result<Sample> {
    let listener = bind(256)?;
    let load = Load::start(listener.local_addr()?, plan(env, Request::Accept, 4, 64))?;
    serve::<R>(env, load, accept_all::<R>(listener, 64))
}

fn datagrams<R: Runtime>(env: &Env) -> io::Result<Sample> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    let load = Load::start(socket.local_addr()?, plan(env, Request::Datagram, 32, 64))?;
    serve::<R>(env, load, async move {
        let socket = R::datagrams(socket)?;
        R::spawn(async move {
            let mut buffer = [0; MESSAGE];
            loop {
                let (count, peer) = R::recv_from(&socket, &mut buffer).await?;
                R::send_to(&socket, &buffer[..count], peer).await?;
            }
        })
        .await
    })
}

/// What the hogs spend is part of the processor time; the latencies are what this is about.
fn beside_hogs<R: Runtime>(env: &Env) -> io::Result<Sample> {
    let listener = bind(10)?;
    let load = Load::start(listener.local_addr()?, plan(env, Request::Echo, 10, MESSAGE))?;
    let workers = env.workers;
    serve::<R>(env, load, async move {
        for _ in 0..workers {
            R::spawn_detached(async {
                // Ends with the runtime, which drops it at a yield.
                loop {
                    let began = Instant::now();
                    while began.elapsed() < Duration::from_millis(1) {
                        std::hint::spin_loop();
                    }
                    R::yield_now().await;
                }
            });
        }
        accept_all::<R>(listener, MESSAGE).await
    })
}

/// Runs `server` until the load ends.
fn serve<R: Runtime>(
    env: &Env,
    load: Load,
    server: impl Future<Output = io::Result<()>>,
) -> io::Result<Sample> {
    let runtime = R::start(env.workers)?;
    let Load { thread, ended } = load;
    // Whichever is first: the end of the load, or an error of the server.
    let load_ended = async {
        // A load that panics drops its end: `finish` passes the panic on.
        let _ = ended.await;
        Ok(())
    };
    runtime.block_on(futures_lite::future::or(load_ended, server))?;
    finish(thread)
}

fn raw(env: &Env, connections: usize, size: usize, threads: usize) -> io::Result<Sample> {
    let listener = bind(connections)?;
    let load = Load::start(listener.local_addr()?, plan(env, Request::Echo, connections, size))?;
    raw_epoll::serve(&listener, connections, size, threads)?;
    finish(load.thread)
}

fn plan(env: &Env, request: Request, connections: usize, size: usize) -> Plan {
    let ms = Duration::from_millis;
    let (settle, measure) = (env.pick(ms(200), ms(40)), env.pick(ms(1_000), ms(120)));
    Plan { request, connections, size, settle, measure }
}

/// A listening socket, and enough descriptors for this end of every connection.
fn bind(connections: usize) -> io::Result<TcpListener> {
    let wanted = connections as u64 + 256;
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        return Err(io::Error::other(format!(
            "{connections} connections need {wanted} descriptors, and the hard limit (ulimit -Hn) is lower"
        )));
    }
    // The load inherits the limit.
    if limit.current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })?;
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    // The standard library's backlog of 128 overflows when a thousand connect at once, and a lost SYN costs a second.
    rustix::net::listen(&listener, 4_096)?;
    Ok(listener)
}

/// The load's process, and the thread that waits for it.
struct Load {
    thread: JoinHandle<io::Result<Outcome>>,
    ended: oneshot::Receiver<()>,
}

impl Load {
    fn start(address: std::net::SocketAddr, plan: Plan) -> io::Result<Self> {
        let (done, ended) = oneshot::channel();
        let thread = thread::Builder::new().name("load".into()).spawn(move || {
            let outcome = load::run(address, plan);
            // Nobody listens when the server has failed, and then its error is the news.
            let _ = done.send(());
            outcome
        })?;
        Ok(Self { thread, ended })
    }
}

fn finish(load: JoinHandle<io::Result<Outcome>>) -> io::Result<Sample> {
    let Outcome { requests, p50_ns, p99_ns, server } =
        load.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let cpu = server.cpu_ns as f64 / requests as f64 / 1_000.0;
    let values = vec![cpu, p50_ns / 1_000.0, p99_ns / 1_000.0];
    Ok(Sample { values, ops: requests, cost: server })
}
