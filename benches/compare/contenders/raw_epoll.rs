//! The yardstick of the echo workloads: threads with an epoll each, and no runtime at all.
//!
//! The connections are dealt out once, in turn. Level-triggered, one read and one write for a request.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, poll};

/// Accepts `connections` connections, and echoes on them with `threads` threads until the last is closed.
pub(crate) fn serve(
    listener: &TcpListener,
    connections: usize,
    size: usize,
    threads: usize,
) -> io::Result<()> {
    let mut hands: Vec<Vec<TcpStream>> = (0..threads).map(|_| Vec::new()).collect();
    for index in 0..connections {
        let (stream, _) = listener.accept()?;
        stream.set_nonblocking(true)?;
        hands[index % threads].push(stream);
    }
    let servers: Vec<_> =
        hands.into_iter().map(|hand| thread::spawn(move || echo(hand, size))).collect();
    for server in servers {
        server.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    }
    Ok(())
}

fn echo(streams: Vec<TcpStream>, size: usize) -> io::Result<()> {
    let poller = epoll::create(CreateFlags::CLOEXEC)?;
    for (index, stream) in streams.iter().enumerate() {
        epoll::add(&poller, stream, EventData::new_u64(index as u64), EventFlags::IN)?;
    }
    let mut streams: Vec<Option<TcpStream>> = streams.into_iter().map(Some).collect();
    let mut open = streams.len();
    let mut events = Vec::with_capacity(256);
    let mut buffer = vec![0; size.clamp(crate::workloads::MESSAGE, 64 * 1_024)];
    while open > 0 {
        events.clear();
        epoll::wait(&poller, spare_capacity(&mut events), None)?;
        for event in &events {
            let slot = &mut streams[event.data.u64() as usize];
            let Some(stream) = slot else { continue };
            match stream.read(&mut buffer) {
                // Closing the descriptor takes it out of the epoll set. A reset is a close that was not read to
                // its end: the load stops with answers under way.
                Ok(0) | Err(_) => {
                    *slot = None;
                    open -= 1;
                }
                Ok(count) => {
                    // A reset between the two calls: the next read sees it.
                    let _ = write_all(stream, &buffer[..count]);
                }
            }
        }
    }
    Ok(())
}

/// Waits for room where there is none, which large messages need now and then.
fn write_all(stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(stream, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
