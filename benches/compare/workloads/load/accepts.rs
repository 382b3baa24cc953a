//! Connections that live for one request: threads with blocking sockets.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use super::{Plan, tell};
use crate::measure::as_ns;

/// What the threads do with what they measure.
mod phase {
    pub(super) const SETTLING: u8 = 0;
    pub(super) const MEASURING: u8 = 1;
    pub(super) const OVER: u8 = 2;
}

pub(super) fn run(address: SocketAddr, plan: Plan) -> io::Result<Vec<u32>> {
    let now = AtomicU8::new(phase::SETTLING);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..plan.connections)
            .map(|_| scope.spawn(|| request_until_over(address, plan.size, &now)))
            .collect();
        thread::sleep(plan.settle);
        tell("begin")?;
        now.store(phase::MEASURING, Relaxed);
        thread::sleep(plan.measure);
        now.store(phase::OVER, Relaxed);
        tell("end")?;
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(all)
    })
}

fn request_until_over(address: SocketAddr, size: usize, now: &AtomicU8) -> io::Result<Vec<u32>> {
    let (message, mut answer, mut latencies_ns) = (vec![b'r'; size], vec![0; size], Vec::new());
    loop {
        let began = Instant::now();
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(&message)?;
        stream.read_exact(&mut answer)?;
        // A reset: a port that had to cool down for a minute would soon be the last.
        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
        drop(stream);
        match now.load(Relaxed) {
            phase::SETTLING => {}
            phase::MEASURING => latencies_ns.push(as_ns(began.elapsed()) as u32),
            _ => return Ok(latencies_ns),
        }
    }
}
