//! Waiting with a deadline.
//!
//! A wait that this module can take back ([`wait`], [`recv`], [`until`]) panics when it has taken too long. One that it
//! cannot, such as dropping a runtime, ends the whole process ([`watched`]): a hanging test must say its name too.

use std::collections::HashMap;
use std::future::Future;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// By what to divide iterations and multiply deadlines: `RADDLE_TEST_SCALE`, or 1.
///
/// # Panics
/// If the variable holds something else than a positive number.
pub fn scale() -> usize {
    static SCALE: OnceLock<usize> = OnceLock::new();
    *SCALE.get_or_init(|| match std::env::var("RADDLE_TEST_SCALE") {
        Ok(text) => match text.parse() {
            Ok(scale) if scale > 0 => scale,
            _ => panic!("RADDLE_TEST_SCALE is {text:?}, not a positive number"),
        },
        Err(_) => 1,
    })
}

/// `count`, divided by [`scale`], but at least 1.
pub fn scaled(count: usize) -> usize {
    (count / scale()).max(1)
}

/// How long nothing may take, unless it is lost.
pub fn patience() -> Duration {
    Duration::from_secs(30) * u32::try_from(scale()).unwrap_or(u32::MAX).min(20)
}

/// Wakes the thread that polls.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs `future` to its end on this thread, which is no worker of anybody: an executor as simple as can be.
///
/// # Panics
/// If it takes longer than [`patience`].
#[track_caller]
pub fn wait<F: Future>(what: &str, future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let deadline = Instant::now() + patience();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "waited too long for {what}");
        thread::park_timeout(left);
    }
}

/// Polls `future` once, with `waker`.
pub fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// The next message of a channel between threads.
///
/// # Panics
/// If it takes longer than [`patience`], or if every sender is gone.
#[track_caller]
pub fn recv<T>(what: &str, receiver: &Receiver<T>) -> T {
    match receiver.recv_timeout(patience()) {
        Ok(message) => message,
        Err(RecvTimeoutError::Timeout) => panic!("waited too long for {what}"),
        Err(RecvTimeoutError::Disconnected) => {
            panic!("{what} will never come: its senders are gone")
        }
    }
}

/// Yields this thread's processor until `condition` holds, for what nobody can be told about.
///
/// # Panics
/// If it takes longer than [`patience`].
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience();
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        thread::yield_now();
    }
}

/// Runs `f`, and ends the process with a message if it takes longer than [`patience`].
#[track_caller]
pub fn watched<R>(what: &str, f: impl FnOnce() -> R) -> R {
    struct Watch(u64);
    impl Drop for Watch {
        fn drop(&mut self) {
            watches().remove(&self.0);
        }
    }
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let watch = Watch(NEXT.fetch_add(1, Relaxed));
    let thread = thread::current();
    let message =
        format!("{what}, at {}, in {}", Location::caller(), thread.name().unwrap_or("a thread"));
    watches().insert(watch.0, (Instant::now() + patience(), message));
    watchdog().notify_one();
    f()
}

type Watches = HashMap<u64, (Instant, String)>;

fn watches() -> MutexGuard<'static, Watches> {
    static WATCHES: OnceLock<Mutex<Watches>> = OnceLock::new();
    WATCHES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the watchdog thread, started here at first use, that there is something to watch.
fn watchdog() -> &'static Condvar {
    static DOG: OnceLock<&'static Condvar> = OnceLock::new();
    DOG.get_or_init(|| {
        let changed: &'static Condvar = Box::leak(Box::default());
        thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || keep_watch(changed))
            .expect("the watchdog needs a thread");
        changed
    })
}

fn keep_watch(changed: &Condvar) {
    let mut watches = watches();
    loop {
        let now = Instant::now();
        let first = watches.values().min_by_key(|(deadline, _)| *deadline);
        let left = match first {
            Some((deadline, what)) if *deadline <= now => {
                eprintln!("waited too long for {what}");
                std::process::abort();
            }
            Some((deadline, _)) => *deadline - now,
            None => patience(),
        };
        watches = changed.wait_timeout(watches, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}
