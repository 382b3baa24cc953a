//! Random addresses, and random histories of pipes under a driver, against plain models.
//!
//! More of the same: `PROPTEST_CASES=1000000 cargo test --release -p raddle-tests --test it props_io`.

use crate::support::{CountingWaker, wait};
use proptest::prelude::*;
use raddle::net::lookup_host;
use raddle_io_driver::{Backend, Driver, Handle, Registered};
use std::future::Future;
use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

fn looked_up(host: &str) -> Result<Vec<SocketAddr>, std::io::Error> {
    wait("an answer that needs no resolver", lookup_host(host)).map(Iterator::collect)
}

proptest! {
    #[test]
    fn an_address_that_is_printed_is_read_again(ip: IpAddr, port: u16) {
        let address = SocketAddr::new(ip, port);
        prop_assert_eq!(looked_up(&address.to_string()).unwrap(), [address]);
        let pair = wait("no resolver", lookup_host((ip, port))).unwrap().collect::<Vec<_>>();
        prop_assert_eq!(pair, [address]);
        let text = ip.to_string();
        let pair = wait("no resolver", lookup_host((&*text, port))).unwrap().collect::<Vec<_>>();
        prop_assert_eq!(pair, [address]);
    }

    #[test]
    fn what_is_no_address_is_refused_and_repeated(text in "[^:]*|[a-z.]*:[a-z ]+|:[0-9]*|.*:.*:[^\\]]*x") {
        // Whatever of this is an address after all is the other test's business.
        prop_assume!(text.parse::<SocketAddr>().is_err());
        let error = looked_up(&text).unwrap_err();
        prop_assert_eq!(error.kind(), ErrorKind::InvalidInput);
        prop_assert!(error.to_string().contains(&format!("{text:?}")), "{}", error);
    }
}

const PIPES: usize = 3;

#[derive(Debug, Clone)]
enum Op {
    /// Closes what was there, and registers a new pipe in its place.
    Open(usize),
    Write(usize, usize),
    CloseWriter(usize),
    /// Reads until there is nothing, as the edge-triggered contract wants it.
    ReadAll(usize),
    /// Reads once, and leaves the rest.
    ReadSome(usize, usize),
    /// Waits in the slot.
    Poll(usize),
    /// Waits in the list.
    Wait(usize),
    Cancel(usize),
    Unpark,
    Turn,
}

fn op() -> impl Strategy<Value = Op> {
    let at = 0..PIPES;
    prop_oneof![
        1 => at.clone().prop_map(Op::Open),
        4 => (at.clone(), 1..100_usize).prop_map(|(at, n)| Op::Write(at, n)),
        1 => at.clone().prop_map(Op::CloseWriter),
        3 => at.clone().prop_map(Op::ReadAll),
        2 => (at.clone(), 1..100_usize).prop_map(|(at, n)| Op::ReadSome(at, n)),
        3 => at.clone().prop_map(Op::Poll),
        3 => at.clone().prop_map(Op::Wait),
        1 => at.prop_map(Op::Cancel),
        1 => Just(Op::Unpark),
        4 => Just(Op::Turn),
    ]
}

type Waiting = Pin<Box<dyn Future<Output = ()>>>;

/// A pipe, and what is known of it without asking the driver.
struct Pipe {
    reader: Arc<Registered<PipeReader>>,
    writer: Option<PipeWriter>,
    /// Written and not read.
    bytes: usize,
    /// The last read found nothing, and nothing was written since: it cannot be ready.
    is_dry: bool,
    slot: Option<Arc<CountingWaker>>,
    listed: Option<(Waiting, Arc<CountingWaker>, Waker)>,
}

impl Pipe {
    fn open(handle: &Handle) -> Pipe {
        let (reader, writer) = std::io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&reader, true).unwrap();
        let reader = Arc::new(Registered::new(reader, handle).unwrap());
        Pipe { reader, writer: Some(writer), bytes: 0, is_dry: false, slot: None, listed: None }
    }

    fn is_readable(&self) -> bool {
        self.bytes > 0 || self.writer.is_none()
    }

    /// One attempt of the cycle: what was read, or `None` after "would block".
    fn read(&mut self, count: usize) -> Option<usize> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut buffer = vec![0; count];
        // Not `poll_read_io`, whose waiting would take the slot's place: only what is known to be ready is tried.
        if self.reader.registration().poll_read_ready(&mut cx).is_pending() {
            return None;
        }
        let read =
            self.reader.try_io(raddle_io_driver::Interest::READABLE, |mut io| io.read(&mut buffer));
        match read {
            Ok(read) => {
                assert_eq!(read, self.bytes.min(count), "bytes were lost or made up");
                self.bytes -= read;
                Some(read)
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                assert!(!self.is_readable(), "would block with {} bytes there", self.bytes);
                self.is_dry = true;
                None
            }
        }
    }
}

fn run(backend: Backend, ops: &[Op]) {
    let (mut driver, handle) = Driver::new(backend).unwrap();
    let mut pipes: Vec<_> = (0..PIPES).map(|_| Pipe::open(&handle)).collect();
    for op in ops {
        match *op {
            Op::Open(at) => pipes[at] = Pipe::open(&handle),
            Op::Write(at, count) => {
                let pipe = &mut pipes[at];
                if let Some(writer) = &mut pipe.writer {
                    writer.write_all(&vec![1; count]).unwrap();
                    pipe.bytes += count;
                    pipe.is_dry = false;
                }
            }
            Op::CloseWriter(at) => {
                pipes[at].writer = None;
                pipes[at].is_dry = false;
            }
            Op::ReadAll(at) => {
                let pipe = &mut pipes[at];
                pipe.slot = None; // The attempt below takes its place.
                while let Some(1..) = pipe.read(50) {}
            }
            Op::ReadSome(at, count) => {
                let pipe = &mut pipes[at];
                pipe.slot = None;
                pipe.read(count);
            }
            Op::Poll(at) => {
                let pipe = &mut pipes[at];
                let (counter, waker) = CountingWaker::new();
                let mut cx = Context::from_waker(&waker);
                let polled = pipe.reader.registration().poll_read_ready(&mut cx);
                assert!(!(pipe.is_dry && polled.is_ready()), "ready without news");
                pipe.slot = polled.is_pending().then_some(counter);
            }
            Op::Wait(at) => {
                let pipe = &mut pipes[at];
                let reader = pipe.reader.clone();
                let mut waiting: Waiting =
                    Box::pin(async move { assert!(reader.readable().await.is_ok()) });
                let (counter, waker) = CountingWaker::new();
                let polled = waiting.as_mut().poll(&mut Context::from_waker(&waker));
                assert!(!(pipe.is_dry && polled.is_ready()), "ready without news");
                pipe.listed = polled.is_pending().then_some((waiting, counter, waker));
            }
            Op::Cancel(at) => pipes[at].listed = None,
            Op::Unpark => handle.unpark(),
            Op::Turn => turn(&mut driver, &mut pipes),
        }
    }
    turn(&mut driver, &mut pipes);
    assert!(handle.registrations() >= PIPES);
    drop(pipes);
    assert_eq!(handle.registrations(), 0, "a pipe is watched that is gone");
}

/// Hears all news, and checks that exactly those are woken who have reason to be.
fn turn(driver: &mut Driver, pipes: &mut [Pipe]) {
    let mut woken = Vec::new();
    // The first may end early, for an unpark; the second hears what the first had no room for.
    for _ in 0..3 {
        driver.turn(Some(Duration::ZERO), &mut woken).unwrap();
    }
    woken.into_iter().for_each(Waker::wake);
    for pipe in pipes {
        if let Some(counter) = &pipe.slot {
            assert!(!pipe.is_readable() || counter.count() == 1, "the slot's waiter sleeps on");
            assert!(counter.count() <= 1);
            assert!(!(pipe.is_dry && counter.count() > 0), "woken without news");
        }
        if pipe.slot.as_ref().is_some_and(|counter| counter.count() > 0) {
            pipe.slot = None;
        }
        if let Some((waiting, counter, waker)) = &mut pipe.listed {
            let readable = pipe.bytes > 0 || pipe.writer.is_none();
            assert!(!readable || counter.count() == 1, "the list's waiter sleeps on");
            if counter.count() > 0 {
                let polled = waiting.as_mut().poll(&mut Context::from_waker(waker));
                // Unless somebody else has used it up meanwhile, which is none of the driver's business.
                assert!(polled.is_ready() || !readable, "woken, and then nothing is ready");
                if let Poll::Ready(()) = polled {
                    pipe.listed = None;
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn no_history_of_pipes_loses_a_wake_or_a_byte(ops in prop::collection::vec(op(), 1..60)) {
        run(Backend::default(), &ops);
        run(Backend::Portable, &ops);
    }
}
