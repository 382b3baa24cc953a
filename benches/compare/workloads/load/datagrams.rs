//! Datagrams: one thread with its own epoll, a closed loop on every socket. What is lost is sent again.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::{Plan, tell};
use crate::measure::as_ns;

pub(super) fn run(address: SocketAddr, plan: Plan) -> io::Result<Vec<u32>> {
    let poller = epoll::create(CreateFlags::CLOEXEC)?;
    let mut sockets = Vec::with_capacity(plan.connections);
    for index in 0..plan.connections {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(address)?;
        socket.set_nonblocking(true)?;
        epoll::add(&poller, &socket, EventData::new_u64(index as u64), EventFlags::IN)?;
        sockets.push((socket, Instant::now()));
    }
    let (message, mut buffer) = (vec![b'r'; plan.size], vec![0; plan.size]);
    let mut events = Vec::with_capacity(1_024);
    let mut turn = |until: Instant, latencies_ns: &mut Vec<u32>| -> io::Result<()> {
        while Instant::now() < until {
            events.clear();
            let limit = Duration::from_millis(100).try_into().expect("this is a timespec");
            if epoll::wait(&poller, spare_capacity(&mut events), Some(&limit))? == 0 {
                // The beginning, or everything was lost.
                for (socket, began) in &mut sockets {
                    *began = Instant::now();
                    socket.send(&message)?;
                }
            }
            for event in &events {
                let (socket, began) = &mut sockets[event.data.u64() as usize];
                match socket.recv(&mut buffer) {
                    Ok(_) => latencies_ns.push(as_ns(began.elapsed()) as u32),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                    Err(error) => return Err(error),
                }
                *began = Instant::now();
                socket.send(&message)?;
            }
        }
        Ok(())
    };
    turn(Instant::now() + plan.settle, &mut Vec::new())?;
    let mut latencies_ns = Vec::with_capacity(plan.measure.as_micros() as usize * 2);
    tell("begin")?;
    turn(Instant::now() + plan.measure, &mut latencies_ns)?;
    tell("end")?;
    Ok(latencies_ns)
}
