//! The four threads, what they run futures on, and how many operations and which seed they are given.

use raddle_tests::{Rng, patience, scaled};
use std::env;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Release};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

pub(crate) const THREADS: usize = 4;

fn number_from(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is not a number")))
}

/// How many operations a test does in all.
fn operations() -> u64 {
    number_from("RADDLE_SOAK_OPERATIONS").unwrap_or(scaled(200_000) as u64)
}

/// Runs `body` on all threads, each with its number, a generator of its own and its share of the operations; says what
/// it did, and returns what they returned.
pub(crate) fn on_four_threads<R: Send>(
    what: &str,
    body: impl Fn(usize, &mut Rng, u64) -> R + Sync,
) -> Vec<R> {
    let (operations, seed) = (operations(), number_from("RADDLE_SOAK_SEED").unwrap_or(1));
    let began = Instant::now();
    println!("{what}: {operations} operations, RADDLE_SOAK_SEED={seed}");
    let returned = thread::scope(|scope| {
        let started: Vec<_> = (0..THREADS)
            .map(|index| {
                let body = &body;
                scope.spawn(move || {
                    let mut rng = Rng::new(seed.wrapping_mul(31).wrapping_add(index as u64));
                    body(index, &mut rng, operations / THREADS as u64)
                })
            })
            .collect();
        started.into_iter().map(|thread| thread.join().expect("see above")).collect()
    });
    println!("{what}: done in {:.1} s", began.elapsed().as_secs_f64());
    returned
}

struct Unpark {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        // Release: pairs with the AcqRel in `run`.
        self.woken.store(true, Release);
        self.thread.unpark();
    }
}

/// Runs a future on this thread, however long it takes; panics if it is not woken for a long time.
pub(crate) fn run<F: Future>(what: &str, future: F) -> F::Output {
    let unpark = Arc::new(Unpark { thread: thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(unpark.clone());
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let since = Instant::now();
        while !unpark.woken.swap(false, AcqRel) {
            let left = patience().saturating_sub(since.elapsed());
            assert!(!left.is_zero(), "{what}: waits for a wake-up that does not come");
            thread::park_timeout(left);
        }
    }
}

/// Polls a future a few times at most, and drops it, wherever it stands then; its output if it was ready.
pub(crate) async fn impatient<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        thread::yield_now();
    }
    None
}
