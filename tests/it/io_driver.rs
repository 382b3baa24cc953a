//! The I/O driver by itself: driven by a hand-written loop, on both backends.

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use raddle_io_driver::{Backend, Driver, Handle, Interest, Registered};

/// No wait of these tests takes this long unless something is lost.
pub(crate) const TOO_LONG: Duration = Duration::from_secs(20);

/// A driver and the loop around it.
pub(crate) struct Loop {
    pub(crate) driver: Driver,
    pub(crate) handle: Handle,
    pub(crate) woken: Vec<Waker>,
}

impl Loop {
    /// Turns once, wakes whom the driver names, and returns how many sources it heard of.
    pub(crate) fn turn(&mut self, timeout: Duration) -> usize {
        let heard = self.driver.turn(Some(timeout), &mut self.woken).unwrap();
        self.woken.drain(..).for_each(Waker::wake);
        heard
    }

    /// Turns until nothing is left to hear.
    pub(crate) fn settle(&mut self) {
        while self.turn(Duration::ZERO) > 0 {}
    }

    /// Turns until `done`, or panics saying what it waited for.
    #[track_caller]
    pub(crate) fn turn_until(&mut self, what: &str, mut done: impl FnMut() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < TOO_LONG, "waited too long for {what}");
            self.turn(TOO_LONG);
        }
    }

    /// Polls `future` to its end; between polls, turns until its waker is woken.
    #[track_caller]
    pub(crate) fn run<F: Future>(&mut self, what: &str, future: F) -> F::Output {
        let mut future = pin!(future);
        let task = Task::new();
        loop {
            let wakes = task.wakes();
            if let Poll::Ready(output) = future.as_mut().poll(&mut task.context()) {
                return output;
            }
            self.turn_until(what, || task.wakes() > wakes);
        }
    }

    pub(crate) fn register<T: AsFd>(&self, io: T) -> Registered<T> {
        Registered::new(io, &self.handle).unwrap()
    }
}

/// Runs a test on a loop of each backend.
pub(crate) fn on_each_backend(test: impl Fn(&mut Loop)) {
    for backend in [Backend::default(), Backend::Portable] {
        let (driver, handle) = Driver::new(backend).unwrap();
        test(&mut Loop { driver, handle, woken: Vec::new() });
    }
}

/// Counts its wakes.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Somebody who polls: a waker and its count.
pub(crate) struct Task(Arc<Wakes>, Waker);

impl Task {
    pub(crate) fn new() -> Self {
        let wakes = Arc::new(Wakes::default());
        Self(wakes.clone(), wakes.into())
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context::from_waker(&self.1)
    }

    pub(crate) fn wakes(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    /// How many wakers of this task are kept elsewhere.
    pub(crate) fn kept_elsewhere(&self) -> usize {
        Arc::strong_count(&self.0) - 2
    }
}

pub(crate) fn unix_pair() -> (UnixStream, UnixStream) {
    let (a, b) = UnixStream::pair().unwrap();
    a.set_nonblocking(true).unwrap();
    b.set_nonblocking(true).unwrap();
    (a, b)
}

pub(crate) fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let a = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (b, _) = listener.accept().unwrap();
    a.set_nonblocking(true).unwrap();
    b.set_nonblocking(true).unwrap();
    (a, b)
}

pub(crate) async fn read(io: &Registered<TcpStream>, buffer: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| io.poll_receive(cx, buffer)).await
}

pub(crate) async fn write(io: &Registered<TcpStream>, bytes: &[u8]) -> io::Result<usize> {
    poll_fn(|cx| io.poll_write_stream(cx, bytes.len(), |mut io| io.write(bytes))).await
}

/// Writes until the kernel takes no more, and returns how much it took.
pub(crate) fn fill(io: &Registered<TcpStream>) -> usize {
    let write_some = |mut io: &TcpStream| io.write(&[7; 65_536]);
    let mut total = 0;
    loop {
        match io.try_io(Interest::WRITABLE, write_some) {
            Ok(n) => total += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return total,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Reads until the kernel has no more for now.
pub(crate) fn drain(io: &Registered<TcpStream>) {
    while io.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 65_536])).is_ok_and(|n| n > 0) {}
}

#[test]
fn a_new_source_is_tried_before_anyone_waits() {
    on_each_backend(|it| {
        let (a, mut b) = unix_pair();
        b.write_all(b"x").unwrap();
        let a = it.register(a);
        // No turn was taken, and still the read is tried and succeeds.
        assert_eq!(a.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 8])).unwrap(), 1);
    });
}

#[test]
fn readiness_lasts_until_a_call_would_block() {
    on_each_backend(|it| {
        let (a, mut b) = unix_pair();
        let a = it.register(a);
        let read_one = |mut io: &UnixStream| io.read(&mut [0; 1]);
        assert_eq!(
            a.try_io(Interest::READABLE, read_one).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        assert!(!a.registration().now().is_readable());

        b.write_all(b"xy").unwrap();
        it.run("two bytes", a.readable()).unwrap();
        for _ in 0..2 {
            assert!(a.registration().now().is_readable());
            assert_eq!(a.try_io(Interest::READABLE, read_one).unwrap(), 1);
        }
        assert!(a.registration().now().is_readable(), "nothing has said that it would block");
        assert!(a.try_io(Interest::READABLE, read_one).is_err());
        assert!(!a.registration().now().is_readable());
    });
}

#[test]
fn news_that_came_after_the_failed_call_survive_its_clear() {
    on_each_backend(|it| {
        let (a, mut b) = unix_pair();
        let a = it.register(a);
        let registration = a.registration();
        let before = registration.try_ready(Interest::READABLE).unwrap().unwrap();
        assert!(a.get_ref().read(&mut [0; 1]).is_err()); // Would block; the clear is yet to come.

        // Somebody must wait for the portable backend to ask.
        let task = Task::new();
        registration.clear(before);
        assert!(registration.poll_read_ready(&mut task.context()).is_pending());
        b.write_all(b"x").unwrap();
        it.turn_until("the byte", || task.wakes() > 0);

        registration.clear(before);
        assert!(registration.now().is_readable(), "a clear for an earlier event took it back");
    });
}

#[test]
fn a_reader_and_a_writer_are_woken_each_for_their_own() {
    on_each_backend(|it| {
        let (a, b) = tcp_pair();
        let (a, b) = (it.register(a), it.register(b));
        while fill(&a) > 0 {
            it.settle();
        }
        let _ = a.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 1]));

        let (reader, writer) = (Task::new(), Task::new());
        assert!(a.registration().poll_write_ready(&mut writer.context()).is_pending());
        assert!(a.registration().poll_read_ready(&mut reader.context()).is_pending());

        // The peer speaks: only the reader hears.
        assert_eq!(b.get_ref().write(b"x").unwrap(), 1);
        it.turn_until("the reader", || reader.wakes() > 0);
        assert_eq!(writer.wakes(), 0);

        // The peer listens: the writer, who has waited all along, hears of it.
        it.turn_until("the writer", || {
            drain(&b);
            let _ = b.registration().poll_read_ready(&mut Task::new().context());
            writer.wakes() > 0
        });
        assert_eq!(reader.wakes(), 1);
    });
}

#[test]
fn all_who_wait_for_the_same_are_woken_and_a_cancelled_wait_is_not() {
    on_each_backend(|it| {
        let (a, mut b) = unix_pair();
        let a = it.register(a);
        let _ = a.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 1]));
        let tasks: [Task; 4] = std::array::from_fn(|_| Task::new());
        let mut waits: Vec<_> = tasks.iter().map(|_| Box::pin(a.readable())).collect();
        for (wait, task) in waits.iter_mut().zip(&tasks) {
            assert!(wait.as_mut().poll(&mut task.context()).is_pending());
        }
        drop(waits.remove(1));
        assert_eq!(tasks[1].kept_elsewhere(), 0, "a cancelled wait leaves no waker behind");

        b.write_all(b"x").unwrap();
        it.turn_until("three waiters", || [0, 2, 3].iter().all(|&i| tasks[i].wakes() == 1));
        assert_eq!(tasks[1].wakes(), 0);
        for wait in &mut waits {
            assert!(wait.as_mut().poll(&mut Task::new().context()).is_ready());
        }
    });
}

#[test]
fn a_wait_polled_by_another_task_wakes_that_one() {
    on_each_backend(|it| {
        let (a, mut b) = unix_pair();
        let a = it.register(a);
        let _ = a.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 1]));
        let (first, second) = (Task::new(), Task::new());
        let mut wait = Box::pin(a.readable());
        assert!(wait.as_mut().poll(&mut first.context()).is_pending());
        assert!(wait.as_mut().poll(&mut second.context()).is_pending());
        assert_eq!(first.kept_elsewhere(), 0);
        b.write_all(b"x").unwrap();
        it.turn_until("the second task", || second.wakes() > 0);
        assert_eq!(first.wakes(), 0);
    });
}

#[test]
fn data_and_fin_in_one_edge_are_both_read() {
    on_each_backend(|it| {
        let (a, mut b) = tcp_pair();
        let a = it.register(a);
        let _ = a.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 1]));
        b.write_all(b"the last words").unwrap();
        b.shutdown(Shutdown::Write).unwrap();

        // The short read must not send the reader to sleep: no further edge will ever come.
        let (mut buffer, mut counts) = ([0; 64], Vec::new());
        let conversation = async {
            loop {
                counts.push(read(&a, &mut buffer).await.unwrap());
                if counts.last() == Some(&0) {
                    break;
                }
            }
        };
        it.run("data and FIN", conversation);
        assert_eq!(counts, [14, 0]);
    });
}

#[test]
fn a_fin_that_comes_after_a_short_read_is_an_edge_of_its_own() {
    on_each_backend(|it| {
        let (a, mut b) = tcp_pair();
        let a = it.register(a);
        let mut buffer = [0; 64];
        b.write_all(b"words").unwrap();
        assert_eq!(it.run("data", read(&a, &mut buffer)).unwrap(), 5);
        let task = Task::new();
        let mut end = Box::pin(read(&a, &mut buffer));
        assert!(end.as_mut().poll(&mut task.context()).is_pending());
        b.shutdown(Shutdown::Write).unwrap();
        assert_eq!(it.run("FIN", end).unwrap(), 0);
    });
}

#[test]
fn a_short_read_spares_the_next_one_where_fins_are_reported() {
    on_each_backend(|it| {
        let (a, mut b) = tcp_pair();
        let a = it.register(a);
        b.write_all(b"words").unwrap();
        it.run("data", read(&a, &mut [0; 64])).unwrap();
        it.settle();
        drain(&a);
        b.write_all(b"words").unwrap();
        it.run("more data", read(&a, &mut [0; 64])).unwrap();
        let native = it.handle.backend() == Backend::Native;
        assert_eq!(a.registration().now().is_readable(), !native);
    });
}

#[test]
fn a_reset_reaches_both_directions() {
    on_each_backend(|it| {
        let (a, b) = tcp_pair();
        let a = it.register(a);
        let _ = a.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 1]));
        assert_eq!(it.run("a write", write(&a, b"never read")).unwrap(), 10);
        fill(&a);
        drop(b); // With unread data: the kernel answers with a reset.

        let error = it.run("the reset", read(&a, &mut [0; 8])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(
            a.registration().now().is_write_closed() && a.registration().now().is_read_closed()
        );
        assert!(it.run("a write", write(&a, b"x")).is_err());
    });
}

#[test]
fn a_full_socket_becomes_writable_when_the_peer_reads() {
    on_each_backend(|it| {
        let (a, b) = tcp_pair();
        let (a, b) = (it.register(a), it.register(b));
        let sent = 4 * fill(&a);
        let written = async {
            let chunk = vec![7; 1 << 20];
            let mut left = sent;
            while left > 0 {
                left -= write(&a, &chunk[..left.min(chunk.len())]).await.unwrap();
            }
            a.get_ref().shutdown(Shutdown::Write).unwrap();
        };
        let received = async {
            let (mut buffer, mut total) = (vec![0; 100_000], 0);
            loop {
                match read(&b, &mut buffer).await.unwrap() {
                    0 => break total,
                    n => total += n,
                }
            }
        };
        let both = async {
            let (mut written, mut received) = (pin!(written), pin!(received));
            let mut done = false;
            poll_fn(|cx| {
                done = done || written.as_mut().poll(cx).is_ready();
                received.as_mut().poll(cx)
            })
            .await
        };
        assert_eq!(it.run("the whole stream", both), sent + sent / 4);
    });
}

#[test]
fn an_unpark_counts_for_the_next_turn() {
    on_each_backend(|it| {
        for _ in 0..3 {
            it.handle.unpark();
            it.handle.unpark();
            assert_eq!(it.driver.turn(None, &mut it.woken).unwrap(), 0);
        }
        // All of them are used up.
        let start = Instant::now();
        it.turn(Duration::from_millis(5));
        assert!(start.elapsed() >= Duration::from_millis(5));
    });
}

#[test]
fn an_unpark_ends_a_turn_in_progress() {
    on_each_backend(|it| {
        let returned = Arc::new(AtomicUsize::new(0));
        let (handle, seen) = (it.handle.clone(), returned.clone());
        let unparker = thread::spawn(move || {
            // Some of these come before the turn, some within it.
            while seen.load(Ordering::SeqCst) < 50 {
                handle.unpark();
                thread::yield_now();
            }
        });
        for _ in 0..50 {
            it.driver.turn(None, &mut it.woken).unwrap();
            returned.fetch_add(1, Ordering::SeqCst);
        }
        unparker.join().unwrap();
    });
}

#[test]
fn a_turn_without_news_never_returns_before_its_timeout() {
    on_each_backend(|it| {
        for microseconds in [1, 300, 999, 1_000, 1_001, 2_500] {
            let timeout = Duration::from_micros(microseconds);
            let start = Instant::now();
            assert_eq!(it.turn(timeout), 0);
            assert!(start.elapsed() >= timeout, "{:?} for {timeout:?}", start.elapsed());
        }
    });
}

/// "Would block" of a write took the readiness to read with it, and the reader slept beside its data.
#[test]
fn an_operation_on_both_directions_at_once_is_refused() {
    on_each_backend(|it| {
        let (a, mut b) = unix_pair();
        let a = it.register(a);
        b.write_all(b"there").unwrap();
        let both = Interest::READABLE | Interest::WRITABLE;
        let error = a.try_io(both, |_| Err::<(), _>(ErrorKind::WouldBlock.into())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(a.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 8])).unwrap(), 5);
    });
}
