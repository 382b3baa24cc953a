//! The load of the echo workloads: one thread with its own epoll, a closed loop on every connection.
//!
//! It runs in the same process as the server. What the server spends is what the process spends less what this
//! thread spends, so that client and server are told apart without a second process.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use crate::measure::{Cost, Meter, as_ns};

/// The size of a request and of its answer.
pub(crate) const MESSAGE: usize = 1_024;

/// What to put on a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) connections: usize,
    /// Load before the measurement begins.
    pub(super) settle: Duration,
    pub(super) measure: Duration,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Outcome {
    /// From the start of a request to the end of its answer, sorted.
    pub(super) latencies_ns: Vec<u32>,
    /// What the process without this thread spent.
    pub(super) server: Cost,
}

struct Connection {
    stream: TcpStream,
    sent: Instant,
    received: usize,
}

/// Connects, runs the plan, and closes every connection.
pub(super) fn run(address: SocketAddr, plan: Plan) -> io::Result<Outcome> {
    let poller = epoll::create(CreateFlags::CLOEXEC)?;
    let mut connections = Vec::with_capacity(plan.connections);
    for index in 0..plan.connections {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(&poller, &stream, EventData::new_u64(index as u64), EventFlags::IN)?;
        connections.push(Connection { stream, sent: Instant::now(), received: 0 });
    }
    for connection in &mut connections {
        connection.request()?;
    }

    let mut events = Vec::with_capacity(1_024);
    let mut turn = |until: Instant, latencies_ns: &mut Vec<u32>| -> io::Result<()> {
        while Instant::now() < until {
            events.clear();
            let limit = Duration::from_secs(5).try_into().expect("five seconds are a timespec");
            if epoll::wait(&poller, spare_capacity(&mut events), Some(&limit))? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the server has answered nobody for five seconds",
                ));
            }
            for event in &events {
                connections[event.data.u64() as usize].answered(latencies_ns)?;
            }
        }
        Ok(())
    };

    turn(Instant::now() + plan.settle, &mut Vec::new())?;
    // As many as two a microsecond: no growth while measuring.
    let mut latencies_ns = Vec::with_capacity(plan.measure.as_micros() as usize * 2);
    let (process, own) = (Meter::of_process(), Meter::of_thread());
    turn(Instant::now() + plan.measure, &mut latencies_ns)?;
    let server = process.stop().without(own.stop());
    latencies_ns.sort_unstable();
    Ok(Outcome { latencies_ns, server })
}

impl Connection {
    /// Sends a request. The closed loop leaves at most one in the socket's buffer, so it fits.
    fn request(&mut self) -> io::Result<()> {
        self.sent = Instant::now();
        self.received = 0;
        self.stream.write_all(&[b'r'; MESSAGE])
    }

    /// Reads what has come; after a whole answer notes its latency and sends the next request.
    fn answered(&mut self, latencies_ns: &mut Vec<u32>) -> io::Result<()> {
        let mut buffer = [0; MESSAGE];
        match self.stream.read(&mut buffer[self.received..]) {
            Ok(0) => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the server closed a connection under load",
            )),
            Ok(count) if self.received + count < MESSAGE => {
                self.received += count;
                Ok(())
            }
            Ok(_) => {
                latencies_ns.push(as_ns(self.sent.elapsed()) as u32);
                self.request()
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }
}
