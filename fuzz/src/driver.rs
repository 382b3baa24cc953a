//! Any string of bytes as a history of pipes and sockets under two I/O drivers.
//!
//! The first byte chooses the backend; each further pair of bytes is an operation and what it is done to. Nothing is
//! random and there is one thread, so every history can be run again. What is checked:
//!
//! - whoever waits for something that `poll(2)` saw before the driver's turn is woken by that turn, and once;
//! - each byte that was written is read once, in order, whatever is moved, cancelled or closed in between;
//! - a source that is registered twice is refused, and one that was moved works with its new driver;
//! - when a driver shuts down, all who wait are woken, and hear of it then and later;
//! - nothing is registered at the end.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use raddle_io_driver::{Backend, Driver, Handle, Interest, Registered, ShutDown};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;
use rustix::net::Shutdown;

const PAIRS: usize = 3;
const ENDS: usize = 2 * PAIRS;
/// As many waiters in the list of an end.
const LISTED: usize = 3;

pub fn run(bytes: &[u8]) {
    let Some((&first, history)) = bytes.split_first() else { return };
    let backend = if first & 1 == 0 { Backend::default() } else { Backend::Portable };
    let mut world = World::new(backend);
    for operation in history.chunks_exact(2) {
        world.step(operation[0], operation[1]);
    }
    world.turn(0);
    world.turn(1);
    let handles = [world.drivers[0].1.clone(), world.drivers[1].1.clone()];
    world.ends = Default::default();
    assert_eq!(handles.map(|handle| handle.registrations()), [0, 0], "watched, and gone");
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl Wakes {
    fn count(&self) -> usize {
        self.0.load(Relaxed)
    }
}

type Waiting = Pin<Box<dyn Future<Output = io::Result<()>>>>;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Pipe,
    Unix,
    Tcp,
}

/// One end of a pair, and what is known of it without asking its driver.
struct End {
    io: Arc<Registered<OwnedFd>>,
    /// Whether it may not be in the selector yet (R8).
    is_new: bool,
    kind: Kind,
    driver: usize,
    /// Its driver has shut down.
    is_orphan: bool,
    /// Who waits in the slots, for reading and for writing.
    slots: [Option<Arc<Wakes>>; 2],
    listed: Vec<Listed>,
    /// The next byte to write, and the next that is expected.
    next_out: u8,
    next_in: u8,
}

struct Listed {
    waiting: Waiting,
    interest: Interest,
    wakes: Arc<Wakes>,
}

struct World {
    backend: Backend,
    drivers: [(Driver, Handle); 2],
    ends: [Option<End>; ENDS],
}

impl World {
    fn new(backend: Backend) -> Self {
        let driver = || Driver::new(backend).expect("there are descriptors for a driver");
        Self { backend, drivers: [driver(), driver()], ends: Default::default() }
    }

    fn step(&mut self, code: u8, argument: u8) {
        let at = usize::from(argument) % ENDS;
        let rest = usize::from(argument) / ENDS;
        match code % 16 {
            0 => self.open(at / 2, rest),
            1 => self.ends[at] = None,
            2 | 3 => self.turn(usize::from(argument & 1)),
            4 => self.drivers[usize::from(argument & 1)].1.unpark(),
            5 => self.shut_down(usize::from(argument & 1)),
            6 => self.move_over(at),
            7 => self.register_again(at),
            code => {
                let Some(end) = &mut self.ends[at] else { return };
                match code {
                    8 => drop(end.read([1, 7, 64, 4096][rest % 4])),
                    9 => while end.read(1000) {},
                    10 => drop(end.write([1, 100, 5000, 300_000][rest % 4])),
                    11 => end.wait_in_slot(rest % 2),
                    12 | 13 => end.wait_in_list(rest),
                    14 => {
                        end.listed.truncate(rest % LISTED);
                    }
                    _ if end.kind != Kind::Pipe => {
                        // It fails if the peer has reset the connection.
                        let _ = rustix::net::shutdown(&end.io, Shutdown::Write);
                    }
                    _ => {}
                }
            }
        }
    }

    fn open(&mut self, pair: usize, choice: usize) {
        let (kind, fds) = match choice % 3 {
            0 => (Kind::Pipe, pipe()),
            1 => (Kind::Unix, unix()),
            _ => (Kind::Tcp, tcp()),
        };
        // Ports may run out for a moment, so many connections are made.
        let Ok((left, right)) = fds else { return };
        for (end, fd) in [(2 * pair, left), (2 * pair + 1, right)] {
            rustix::io::ioctl_fionbio(&fd, true).expect("it is open");
            let driver = (choice / 3 + end) % 2;
            let handle = &self.drivers[driver].1;
            let assumed = (choice / 6).is_multiple_of(2);
            // A pipe is no stream socket.
            let is_new = kind != Kind::Pipe && (choice / 12) % 2 == 1;
            let new = match (assumed, is_new) {
                (true, false) => Registered::new,
                (false, false) => Registered::new_connecting,
                (true, true) => Registered::new_stream,
                (false, true) => Registered::new_connecting_stream,
            };
            let io = Arc::new(new(fd, handle).expect("a new descriptor can be watched"));
            self.ends[end] = Some(End {
                io,
                kind,
                driver,
                is_new,
                is_orphan: false,
                slots: [None, None],
                listed: Vec::new(),
                next_out: 0,
                next_in: 0,
            });
        }
    }

    /// Hears all news of a driver, and checks who is woken by it.
    fn turn(&mut self, driver: usize) {
        let readable_before: Vec<_> =
            self.ends.iter().map(|end| end.as_ref().map(End::state)).collect();
        let mut woken = Vec::new();
        // The first may end early, for an unpark.
        for _ in 0..2 {
            self.drivers[driver].0.turn(Some(Duration::ZERO), &mut woken).expect("it can wait");
        }
        woken.into_iter().for_each(Waker::wake);
        for (end, state) in self.ends.iter_mut().zip(readable_before) {
            let (Some(end), Some(state)) = (end, state) else { continue };
            if end.driver == driver && !end.is_orphan {
                end.check_wakes(state);
            }
        }
    }

    fn shut_down(&mut self, driver: usize) {
        let mut woken = Vec::new();
        let new = Driver::new(self.backend).expect("there are descriptors for a driver");
        let (old, handle) = std::mem::replace(&mut self.drivers[driver], new);
        handle.close(&mut woken);
        woken.into_iter().for_each(Waker::wake);
        for end in
            self.ends.iter_mut().flatten().filter(|end| end.driver == driver && !end.is_orphan)
        {
            end.is_orphan = true;
            for slot in &mut end.slots {
                let waited = slot.take();
                assert!(
                    waited.is_none_or(|wakes| wakes.count() == 1),
                    "asleep after the shut-down"
                );
            }
            for mut listed in end.listed.drain(..) {
                assert_eq!(listed.wakes.count(), 1, "asleep after the shut-down");
                match poll_once(&mut listed.waiting, Waker::noop()) {
                    Poll::Ready(Err(error)) => assert!(ShutDown::is_cause_of(&error), "{error}"),
                    other => panic!("{other:?} after the shut-down"),
                }
            }
        }
        drop(old);
    }

    /// Takes an end from its driver and gives it to the other; who waits there is forgotten.
    fn move_over(&mut self, at: usize) {
        let Some(mut end) = self.ends[at].take() else { return };
        end.listed.clear();
        let io = Arc::into_inner(end.io).expect("nobody else has it").into_inner();
        let driver = 1 - end.driver;
        let io = Registered::new(io, &self.drivers[driver].1).expect("it is watched nowhere");
        let slots = [None, None];
        let (io, is_new) = (Arc::new(io), false);
        self.ends[at] = Some(End { io, driver, is_new, is_orphan: false, slots, ..end });
    }

    fn register_again(&mut self, at: usize) {
        let Some(end) = &self.ends[at] else { return };
        let fd = end.io.as_fd();
        for driver in [0, 1] {
            let second = Registered::new(fd, &self.drivers[driver].1);
            if end.is_new && second.is_ok() {
                // Nobody has had to wait for it.
                continue;
            }
            if driver == end.driver && !end.is_orphan {
                let error = second.expect_err("it is watched already");
                assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
            } else {
                drop(second.expect("another driver may watch it too"));
            }
        }
    }
}

impl End {
    /// What the system says of it, reading and writing.
    fn state(&self) -> [bool; 2] {
        let mut fds = [PollFd::new(&*self.io, PollFlags::IN | PollFlags::OUT)];
        // The fuzzer's own timer interrupts it.
        retry_on_intr(|| poll(&mut fds, Some(&rustix::event::Timespec::default())))
            .expect("it is open");
        let closed = PollFlags::HUP | PollFlags::ERR;
        let said = fds[0].revents();
        [said.intersects(PollFlags::IN | closed), said.intersects(PollFlags::OUT | closed)]
    }

    fn check_wakes(&mut self, state: [bool; 2]) {
        for (slot, ready) in self.slots.iter_mut().zip(state) {
            let Some(wakes) = slot else { continue };
            assert!(wakes.count() <= 1, "woken {} times", wakes.count());
            assert!(!ready || wakes.count() == 1, "who waits in the slot sleeps on");
            if wakes.count() == 1 {
                *slot = None;
            }
        }
        self.listed.retain_mut(|Listed { waiting, interest, wakes }| {
            let [readable, writable] = state;
            let ready = interest.is_readable() && readable || interest.is_writable() && writable;
            assert!(!ready || wakes.count() > 0, "who waits in the list sleeps on");
            if wakes.count() == 0 {
                return true;
            }
            assert_eq!(wakes.count(), 1);
            *wakes = Arc::default();
            // Nobody has tried since the turn, so what woke it is still there.
            let outcome = poll_once(waiting, &Waker::from(Arc::clone(wakes)));
            assert!(matches!(outcome, Poll::Ready(Ok(()))), "woken, and then {outcome:?}");
            false
        });
    }

    /// One read; whether it brought something. Who finds nothing waits in the slot.
    fn read(&mut self, count: usize) -> bool {
        let wakes = Arc::new(Wakes::default());
        let (waker, mut buffer) = (Waker::from(Arc::clone(&wakes)), vec![0; count]);
        let mut cx = Context::from_waker(&waker);
        let outcome = match self.kind {
            Kind::Tcp => self.io.poll_receive(&mut cx, &mut buffer),
            _ => self.io.poll_read_io(&mut cx, |fd| Ok(rustix::io::read(fd, &mut buffer)?)),
        };
        let Some(count) = self.outcome(0, outcome, wakes) else { return false };
        for &byte in &buffer[..count] {
            assert_eq!(byte, self.next_in, "a byte was lost or made up");
            self.next_in = self.next_in.wrapping_add(1);
        }
        count > 0
    }

    fn write(&mut self, count: usize) -> bool {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut cx = Context::from_waker(&waker);
        let bytes: Vec<u8> = (0..count).map(|nth| self.next_out.wrapping_add(nth as u8)).collect();
        let (kind, length) = (self.kind, bytes.len());
        let write = |fd: &OwnedFd| match kind {
            Kind::Pipe => Ok(rustix::io::write(fd, &bytes)?),
            _ => Ok(rustix::net::send(fd, &bytes, rustix::net::SendFlags::NOSIGNAL)?),
        };
        let outcome = self.io.poll_write_stream(&mut cx, length, write);
        let Some(count) = self.outcome(1, outcome, wakes) else { return false };
        self.next_out = self.next_out.wrapping_add(count as u8);
        true
    }

    fn outcome(
        &mut self,
        slot: usize,
        outcome: Poll<io::Result<usize>>,
        wakes: Arc<Wakes>,
    ) -> Option<usize> {
        match outcome {
            Poll::Pending => {
                assert!(!self.is_orphan, "waits for a driver that has shut down");
                self.slots[slot] = Some(wakes);
                None
            }
            Poll::Ready(Ok(count)) => {
                assert!(!self.is_orphan, "works after its driver has shut down");
                Some(count)
            }
            Poll::Ready(Err(error)) => {
                assert_eq!(ShutDown::is_cause_of(&error), self.is_orphan, "{error}");
                None
            }
        }
    }

    fn wait_in_slot(&mut self, slot: usize) {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut cx = Context::from_waker(&waker);
        let registration = self.io.registration();
        let outcome = match slot {
            0 => registration.poll_read_ready(&mut cx),
            _ => registration.poll_write_ready(&mut cx),
        };
        self.outcome(slot, outcome.map_ok(|_| 0), wakes);
    }

    fn wait_in_list(&mut self, choice: usize) {
        if self.listed.len() == LISTED {
            return;
        }
        let interest = match choice % 3 {
            0 => Interest::READABLE,
            1 => Interest::WRITABLE,
            _ => Interest::READABLE | Interest::WRITABLE,
        };
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let io = Arc::clone(&self.io);
        let mut waiting: Waiting = Box::pin(async move { io.ready(interest).await.map(drop) });
        match poll_once(&mut waiting, &waker) {
            Poll::Pending => {
                assert!(!self.is_orphan, "waits for a driver that has shut down");
                self.listed.push(Listed { waiting, interest, wakes });
            }
            Poll::Ready(outcome) => assert_eq!(outcome.is_err(), self.is_orphan, "{outcome:?}"),
        }
    }
}

fn poll_once(waiting: &mut Waiting, waker: &Waker) -> Poll<io::Result<()>> {
    waiting.as_mut().poll(&mut Context::from_waker(waker))
}

type Both = io::Result<(OwnedFd, OwnedFd)>;

fn pipe() -> Both {
    let (reader, writer) = io::pipe()?;
    Ok((reader.into(), writer.into()))
}

fn unix() -> Both {
    let (left, right) = UnixStream::pair()?;
    Ok((left.into(), right.into()))
}

fn tcp() -> Both {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let left = TcpStream::connect(listener.local_addr()?)?;
    Ok((left.into(), listener.accept()?.0.into()))
}
