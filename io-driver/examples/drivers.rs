//! One driver for two threads, or one for each: the measurement behind decision 0006.
//!
//! An echo server of two threads without a runtime, and its load, which is a process of its own (one thread, a closed
//! loop on every connection, 1 KiB). Three ways to wait:
//!
//! - `turn`: one driver. Who has nothing to do takes it, if it is free, and else sleeps until it is told of work. Whoever
//!   comes back with more than one event tells the other.
//! - `own`: a driver for each thread, connections dealt out in turn; nobody helps.
//! - `rescue`: the same; but who waits while the other is awake gets up every millisecond, and if the other has not got
//!   on since, turns its driver and serves what is waiting there.
//!
//! A thread that works takes a turn without waiting after each 100 µs. `skewed`: all connections are in the hand of one
//! thread, and each request takes 20 µs of computing. `hog`: a task on each thread computes for 1 ms at a time; `one hog`: on
//! one thread, for 20 ms at a time.
//!
//! ```text
//! cargo run --release -p raddle-io-driver --example drivers             # a minute and a half
//! cargo run --release -p raddle-io-driver --example drivers low hog     # the cases with these words in their names
//! ```

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use raddle_io_driver::{Backend, Driver, Handle, Registered};
use rustix::time::{ClockId, clock_gettime};

const THREADS: usize = 2;
const MESSAGE: usize = 1024;
const TURN_INTERVAL: Duration = Duration::from_micros(100);
const NAP: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Turn,
    Own,
    Rescue,
}

/// A load and what the server has to do besides.
struct Case {
    name: &'static str,
    connections: usize,
    /// Between an answer and the next request.
    pause: Duration,
    /// Computing for each request.
    work: Duration,
    skewed: bool,
    /// For how long the hog of each thread computes at a time; zero: there is none.
    hogs: [Duration; THREADS],
}

enum Job {
    Serve(Arc<Connection>),
    Hog(Duration),
}

struct Connection {
    io: Registered<TcpStream>,
    home: usize,
    server: Arc<Server>,
}

impl Wake for Connection {
    fn wake(self: Arc<Self>) {
        let queue = self.server.queue_of(self.home);
        self.server.queues[queue].lock().unwrap().push_back(Job::Serve(self.clone()));
    }
}

struct Server {
    way: Way,
    work: Duration,
    drivers: Vec<Mutex<Driver>>,
    handles: Vec<Handle>,
    queues: Vec<Mutex<VecDeque<Job>>>,
    /// Where a thread sleeps that finds the driver taken (`turn`).
    told: Condvar,
    beats: [AtomicU32; THREADS],
    awake: [AtomicBool; THREADS],
    over: AtomicBool,
}

impl Server {
    fn queue_of(&self, thread: usize) -> usize {
        if self.way == Way::Turn { 0 } else { thread }
    }

    fn thread(&self, me: usize, hog: Duration) {
        let (queue, other) = (self.queue_of(me), 1 - me);
        let mut woken = Vec::new();
        let (mut looked, mut beat_before) = (Instant::now(), 0);
        let mut next_hog = (!hog.is_zero()).then_some(Job::Hog(hog));
        self.awake[me].store(true, SeqCst);
        while !self.over.load(SeqCst) {
            let mut job = self.queues[queue].lock().unwrap().pop_front();
            if job.is_none() {
                job = next_hog.take();
            }
            if let Some(job) = job {
                self.beats[me].fetch_add(1, SeqCst);
                if let Job::Hog(_) = self.run(job) {
                    next_hog = Some(Job::Hog(hog));
                }
                if looked.elapsed() >= TURN_INTERVAL {
                    looked = Instant::now();
                    self.turn(queue, Some(Duration::ZERO), &mut woken);
                }
                continue;
            }
            self.awake[me].store(false, SeqCst);
            let nap = self.way == Way::Rescue && self.awake[other].load(SeqCst);
            if !self.turn(queue, nap.then_some(NAP), &mut woken) {
                // Somebody else waits for events: sleep until there is more than it can do.
                let jobs = self.queues[queue].lock().unwrap();
                if jobs.is_empty() {
                    drop(self.told.wait_timeout(jobs, Duration::from_millis(5)).unwrap());
                }
            }
            self.awake[me].store(true, SeqCst);
            if nap {
                let beat = self.beats[other].load(SeqCst);
                if beat == beat_before && self.awake[other].load(SeqCst) {
                    self.turn(other, Some(Duration::ZERO), &mut woken);
                    let rescued = std::mem::take(&mut *self.queues[other].lock().unwrap());
                    self.queues[me].lock().unwrap().extend(rescued);
                }
                beat_before = beat;
            }
            looked = Instant::now();
        }
    }

    /// One turn of the driver of `queue`, if it is free.
    fn turn(&self, queue: usize, limit: Option<Duration>, woken: &mut Vec<Waker>) -> bool {
        let Ok(mut driver) = self.drivers[queue].try_lock() else { return false };
        driver.turn(limit, woken).unwrap();
        drop(driver);
        let count = woken.len();
        woken.drain(..).for_each(Waker::wake);
        if self.way == Way::Turn && count > 1 {
            self.told.notify_one();
        }
        true
    }

    fn run(&self, job: Job) -> Job {
        match &job {
            Job::Hog(length) => compute(*length),
            Job::Serve(connection) => connection.serve(self.work),
        }
        job
    }
}

impl Connection {
    fn serve(self: &Arc<Self>, work: Duration) {
        let waker = Waker::from(self.clone());
        let mut cx = Context::from_waker(&waker);
        // With room to spare: a read that does not fill its buffer says that nothing is left.
        let mut buffer = [0; MESSAGE + 1];
        loop {
            match self.io.poll_receive(&mut cx, &mut buffer) {
                Poll::Pending | Poll::Ready(Ok(0) | Err(_)) => return,
                Poll::Ready(Ok(count)) => {
                    compute(work);
                    // A message fits the socket's buffer: the loop is closed. A reset shows at the next read.
                    let _ = self.io.get_ref().write(&buffer[..count]);
                }
            }
        }
    }
}

fn compute(length: Duration) {
    let began = Instant::now();
    while began.elapsed() < length {
        std::hint::spin_loop();
    }
}

/// Processor time for a request, median and 99th percentile of the latency, requests in a second.
fn measure(case: &Case, way: Way) -> io::Result<[f64; 4]> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut load = Command::new(std::env::current_exe()?)
        .args(["load", &listener.local_addr()?.to_string()])
        .args([case.connections.to_string(), case.pause.as_micros().to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(load.stdout.take().expect("it is piped")).lines();

    let count = if way == Way::Turn { 1 } else { THREADS };
    let (drivers, handles): (Vec<_>, Vec<_>) = (0..count)
        .map(|_| {
            Driver::new(Backend::default()).map(|(driver, handle)| (Mutex::new(driver), handle))
        })
        .collect::<io::Result<Vec<_>>>()?
        .into_iter()
        .unzip();
    let server = Arc::new(Server {
        way,
        work: case.work,
        drivers,
        handles,
        queues: (0..count).map(|_| Mutex::default()).collect(),
        told: Condvar::new(),
        beats: Default::default(),
        awake: Default::default(),
        over: AtomicBool::new(false),
    });
    for index in 0..case.connections {
        let stream = listener.accept()?.0;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let home = if case.skewed { 0 } else { index % THREADS };
        let handle = &server.handles[server.queue_of(home)];
        let io = Registered::new(stream, handle)?;
        Arc::new(Connection { io, home, server: server.clone() }).wake();
    }
    let outcome = std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (server, hog) = (&server, case.hogs[thread]);
            scope.spawn(move || server.thread(thread, hog));
        }
        let mut line = || lines.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()));
        let outcome = (|| {
            line()?;
            let (began, before) = (Instant::now(), clock_gettime(ClockId::ProcessCPUTime));
            line()?;
            let (passed, after) = (began.elapsed(), clock_gettime(ClockId::ProcessCPUTime));
            let words = line()?;
            let numbers: Vec<f64> = words.split(' ').flat_map(str::parse).collect();
            let cpu_ns =
                (after.tv_sec - before.tv_sec) * 1_000_000_000 + after.tv_nsec - before.tv_nsec;
            let requests = numbers[0];
            Ok([
                cpu_ns as f64 / requests / 1e3,
                numbers[1],
                numbers[2],
                requests / passed.as_secs_f64(),
            ])
        })();
        server.over.store(true, SeqCst);
        server.handles.iter().for_each(Handle::unpark);
        server.told.notify_all();
        load.wait()?;
        outcome
    });
    // The connections hold the server, and its drivers hold them.
    let mut left = Vec::new();
    server.handles.iter().for_each(|handle| handle.close(&mut left));
    server.queues.iter().for_each(|queue| queue.lock().unwrap().clear());
    outcome
}

/// The other process: `load ADDRESS CONNECTIONS PAUSE_US`.
fn load(arguments: &[String]) -> io::Result<()> {
    let [address, connections, pause_us] = arguments else { panic!("{arguments:?}") };
    let pause = Duration::from_micros(pause_us.parse().expect("a number"));
    let (mut driver, handle) = Driver::new(Backend::default())?;
    let mut streams = Vec::new();
    for _ in 0..connections.parse().expect("a number") {
        let stream = TcpStream::connect(address)?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        // When the request was sent, or, before, is to be sent; and what is missing of the answer.
        streams.push((Registered::new(stream, &handle)?, Instant::now(), 0_usize));
    }
    let (message, mut buffer) = (vec![1; MESSAGE], vec![0; MESSAGE]);
    let began = Instant::now();
    let (settled, ends) = (Duration::from_millis(200), Duration::from_millis(1_200));
    let (mut latencies_us, mut is_measuring) = (Vec::with_capacity(1 << 20), false);
    let mut cx = Context::from_waker(Waker::noop());
    while began.elapsed() < ends {
        if !is_measuring && began.elapsed() >= settled {
            println!("begin");
            (is_measuring, latencies_us) = (true, Vec::with_capacity(1 << 20));
        }
        let mut next = None;
        for (io, at, missing) in &mut streams {
            while *missing > 0 {
                match io.poll_receive(&mut cx, &mut buffer[..*missing]) {
                    Poll::Pending => break,
                    Poll::Ready(count) => *missing -= count?,
                }
                if *missing == 0 {
                    latencies_us.push(at.elapsed().as_nanos() as f64 / 1e3);
                    *at = Instant::now() + pause;
                }
            }
            if *missing == 0 {
                if *at <= Instant::now() {
                    assert_eq!(io.get_ref().write(&message)?, MESSAGE);
                    (*at, *missing) = (Instant::now(), MESSAGE);
                } else {
                    next = next.into_iter().chain([*at]).min();
                }
            }
        }
        let limit = next.map_or(NAP, |next| next.saturating_duration_since(Instant::now()));
        driver.turn(Some(limit), &mut Vec::new())?;
    }
    println!("end");
    latencies_us.sort_by(f64::total_cmp);
    let at = |part: f64| latencies_us[(latencies_us.len() as f64 * part) as usize];
    println!("{} {} {}", latencies_us.len(), at(0.5), at(0.99));
    Ok(())
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "load") {
        return load(&arguments[1..]);
    }
    let (zero, us, ms) = (Duration::ZERO, Duration::from_micros, Duration::from_millis);
    let case = |name, connections| Case {
        name,
        connections,
        pause: zero,
        work: zero,
        skewed: false,
        hogs: [zero; THREADS],
    };
    let cases = [
        Case { pause: us(500), ..case("low load: 2, each every 500 µs", 2) },
        case("10, closed loop", 10),
        case("100, closed loop", 100),
        Case { work: us(20), ..case("16, 20 µs each", 16) },
        Case { work: us(20), skewed: true, ..case("… skewed", 16) },
        Case { hogs: [ms(1); THREADS], ..case("10, a hog per thread", 10) },
        Case { hogs: [ms(20), zero], ..case("10, one hog", 10) },
    ];
    println!(
        "{:<32} {:>8} {:>10} {:>10} {:>10} {:>10}",
        "", "", "cpu µs", "p50 µs", "p99 µs", "req/s"
    );
    let is_wanted = |case: &&Case| {
        arguments.is_empty() || arguments.iter().any(|word| case.name.contains(word.as_str()))
    };
    for case in cases.iter().filter(is_wanted) {
        for (name, way) in [("turn", Way::Turn), ("own", Way::Own), ("rescue", Way::Rescue)] {
            // Three times, and the middle one by processor time.
            let mut runs = [measure(case, way)?, measure(case, way)?, measure(case, way)?];
            runs.sort_by(|one, other| one[0].total_cmp(&other[0]));
            let [cpu, p50, p99, rate] = runs[1];
            println!(
                "{:<32} {name:>8} {cpu:>10.1} {p50:>10.0} {p99:>10.0} {rate:>10.0}",
                case.name
            );
        }
    }
    Ok(())
}
