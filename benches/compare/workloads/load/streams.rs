//! Echo: one thread with its own epoll, a closed loop on every connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::{Plan, tell};
use crate::measure::as_ns;

struct Connection {
    stream: TcpStream,
    began: Instant,
    sent: usize,
    received: usize,
}

pub(super) fn run(address: SocketAddr, plan: Plan) -> io::Result<Vec<u32>> {
    let poller = epoll::create(CreateFlags::CLOEXEC)?;
    let edges = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
    let mut connections = Vec::with_capacity(plan.connections);
    for index in 0..plan.connections {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(&poller, &stream, EventData::new_u64(index as u64), edges)?;
        connections.push(Connection { stream, began: Instant::now(), sent: 0, received: 0 });
    }

    let (message, mut buffer) = (vec![b'r'; plan.size], vec![0; plan.size]);
    for connection in &mut connections {
        connection.begin(&message)?;
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
                let connection = &mut connections[event.data.u64() as usize];
                connection.go_on(&message, &mut buffer, latencies_ns)?;
            }
        }
        Ok(())
    };

    turn(Instant::now() + plan.settle, &mut Vec::new())?;
    // As many as two a microsecond: no growth while measuring.
    let mut latencies_ns = Vec::with_capacity(plan.measure.as_micros() as usize * 2);
    tell("begin")?;
    turn(Instant::now() + plan.measure, &mut latencies_ns)?;
    tell("end")?;
    Ok(latencies_ns)
}

impl Connection {
    fn begin(&mut self, message: &[u8]) -> io::Result<()> {
        (self.began, self.sent, self.received) = (Instant::now(), 0, 0);
        self.send(message)
    }

    /// Sends what there is room for; an edge tells when there is more.
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        while self.sent < message.len() {
            match self.stream.write(&message[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what has come; after a whole answer notes its latency and sends the next request.
    fn go_on(
        &mut self,
        message: &[u8],
        buffer: &mut [u8],
        latencies_ns: &mut Vec<u32>,
    ) -> io::Result<()> {
        self.send(message)?;
        loop {
            let rest = message.len() - self.received;
            match self.stream.read(&mut buffer[..rest]) {
                Ok(0) => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the server closed a connection under load",
                    ));
                }
                Ok(count) => {
                    self.received += count;
                    if self.received == message.len() {
                        latencies_ns.push(as_ns(self.began.elapsed()) as u32);
                        // The loop is closed: nothing more can have come.
                        return self.begin(message);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}
