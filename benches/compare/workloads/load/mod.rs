//! The load of the workloads with sockets: a process of its own, so that what the server spends is what its process
//! spends.
//!
//! The process is this program, told by `--load` what to do. It writes three lines: `begin` when the measurement
//! begins, `end` when it ends, and then how many requests there were, and the percentiles of their latency. The server
//! reads its meters at the first two.

mod accepts;
mod datagrams;
mod streams;

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use crate::measure::{Cost, Meter, percentile};

/// The size of a request and of its answer, where a workload does not say otherwise.
pub(crate) const MESSAGE: usize = 1_024;

/// What a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// A message and its echo, on connections that stay open.
    Echo,
    /// A connection, a message, its echo, and the end of the connection.
    Accept,
    /// A datagram and its echo.
    Datagram,
}

/// What to put on a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) request: Request,
    /// How many of them are under way at once.
    pub(crate) connections: usize,
    /// Bytes of a message.
    pub(crate) size: usize,
    /// Load before the measurement begins.
    pub(crate) settle: Duration,
    pub(crate) measure: Duration,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) requests: u64,
    pub(super) p50_ns: f64,
    pub(super) p99_ns: f64,
    /// What this process spent meanwhile.
    pub(super) server: Cost,
}

/// Runs the plan in a process of its own, and measures this one meanwhile.
pub(super) fn run(address: SocketAddr, plan: Plan) -> io::Result<Outcome> {
    let order = Order { address, plan };
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--load", &order.to_string()]).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut line = |expected: &str| match lines.next() {
        Some(Ok(line)) if expected.is_empty() || line == expected => Ok(line),
        other => Err(io::Error::other(format!("the load failed: {other:?} for `{expected}`"))),
    };
    let measured = (|| {
        line("begin")?;
        let meter = Meter::of_process();
        line("end")?;
        let server = meter.stop();
        let numbers = line("")?;
        let numbers: Vec<f64> = numbers.split(' ').flat_map(str::parse).collect();
        let [requests, p50_ns, p99_ns] = numbers[..] else {
            return Err(io::Error::other(format!("the load said {numbers:?}")));
        };
        Ok(Outcome { requests: requests as u64, p50_ns, p99_ns, server })
    })();
    if measured.is_err() {
        // It has failed already, or it says what nobody understands.
        let _ = child.kill();
    }
    child.wait()?;
    measured
}

/// The other side of [`run`]: what `--load` does.
pub(crate) fn main(order: &str) -> Result<(), String> {
    let Order { address, plan } = order.parse()?;
    let mut latencies_ns = match plan.request {
        Request::Echo => streams::run(address, plan),
        Request::Accept => accepts::run(address, plan),
        Request::Datagram => datagrams::run(address, plan),
    }
    .map_err(|error| format!("the load on {address}: {error}"))?;
    latencies_ns.sort_unstable();
    let (p50, p99) = (percentile(&latencies_ns, 0.5), percentile(&latencies_ns, 0.99));
    tell(&format!("{} {p50} {p99}", latencies_ns.len())).map_err(|error| error.to_string())
}

/// A line to the server, at once.
fn tell(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

struct Order {
    address: SocketAddr,
    plan: Plan,
}

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Plan { request, connections, size, settle, measure } = self.plan;
        let (settle, measure) = (settle.as_millis(), measure.as_millis());
        write!(f, "{} {request:?} {connections} {size} {settle} {measure}", self.address)
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<_> = text.split(' ').collect();
        let [address, request, numbers @ ..] = &words[..] else {
            return Err(format!("`{text}` is no order for a load"));
        };
        let request = match *request {
            "Echo" => Request::Echo,
            "Accept" => Request::Accept,
            "Datagram" => Request::Datagram,
            other => return Err(format!("`{other}` is no request")),
        };
        let numbers: Vec<u64> = numbers.iter().flat_map(|word| word.parse()).collect();
        let [connections, size, settle, measure] = numbers[..] else {
            return Err(format!("`{text}` has not four numbers"));
        };
        let plan = Plan {
            request,
            connections: connections as usize,
            size: size as usize,
            settle: Duration::from_millis(settle),
            measure: Duration::from_millis(measure),
        };
        let address = address.parse().map_err(|_| format!("`{address}` is no address"))?;
        Ok(Self { address, plan })
    }
}
