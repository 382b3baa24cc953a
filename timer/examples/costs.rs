//! What the wheel costs by itself: with any number of deadlines pending, and with threads that share one or have their own.
//!
//! `cargo run --release --package raddle-timer --example costs`
//!
//! The first table is the data of a plot: nanoseconds against the number of deadlines, separated by tabs.

use raddle_timer::{Key, ManualClock, Sleep, SystemClock, Timer};
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

const TIMES: u64 = 200_000;

/// Spreads indices over `0..bound`.
fn scattered(index: u64, bound: u64) -> u64 {
    (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24) % bound
}

/// An hour to two hours ahead.
fn ahead(index: u64) -> Duration {
    Duration::from_nanos(3_600_000_000_000 + scattered(index, 3_600_000_000_000))
}

fn ns_each(count: u64, f: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    f();
    begun.elapsed().as_nanos() as f64 / count as f64
}

/// Per operation, with `count` deadlines pending: one at random read, which is what a place of memory at random costs;
/// another set and dropped, one at random replaced, one at random reset, and all of them fired.
fn with_pending(count: u64) -> [f64; 5] {
    let clock = ManualClock::new();
    let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
    let cx = &mut Context::from_waker(Waker::noop());
    let mut set = |index| {
        let mut sleep = Sleep::new(timer.clone(), timer.deadline_after(ahead(index)));
        assert!(Pin::new(&mut sleep).poll(cx).is_pending());
        sleep
    };
    let mut pending: Vec<Sleep> = (0..count).map(&mut set).collect();
    let read = ns_each(TIMES, || {
        // Each place depends on what was read before, so that one is waited for after another.
        (0..TIMES).fold(0, |before, index| {
            let sleep = &pending[scattered(index ^ 0x1111 ^ before, count) as usize];
            u64::from(black_box(sleep.deadline()) < timer.now())
        });
    });
    let set_and_drop = ns_each(TIMES, || (0..TIMES).for_each(|index| drop(set(index))));
    let replace = ns_each(TIMES, || {
        for index in 0..TIMES {
            pending[scattered(index ^ 0x5555, count) as usize] = set(count + index);
        }
    });
    let reset = ns_each(TIMES, || {
        for index in 0..TIMES {
            let sleep = &mut pending[scattered(index ^ 0x3333, count) as usize];
            sleep.reset(timer.deadline_after(ahead(index ^ 0x7777)));
        }
    });
    // In steps of a second, as a driver would.
    let mut woken = Vec::new();
    let fire = ns_each(count, || {
        while !timer.is_empty() {
            clock.advance(Duration::from_secs(1));
            timer.expire(timer.now(), &mut woken);
            woken.clear();
        }
    });
    [read, set_and_drop, replace, reset, fire]
}

/// Per deadline set and dropped, by two threads at once, on the timers they are given.
fn two_threads(timers: [Arc<Timer>; 2]) -> f64 {
    const TIMES: u64 = 2_000_000;
    let start = Arc::new(Barrier::new(2));
    let threads = timers.map(|timer| {
        let start = start.clone();
        thread::spawn(move || {
            let deadlines: Vec<_> =
                (0..1_024).map(|index| timer.deadline_after(ahead(index))).collect();
            start.wait();
            ns_each(TIMES, || {
                for index in 0..TIMES {
                    let key: Key = timer.insert(deadlines[index as usize % 1_024], Waker::noop());
                    timer.cancel(black_box(key));
                }
            })
        })
    });
    let [one, other] = threads.map(|thread| thread.join().expect("a thread that measures"));
    f64::midpoint(one, other)
}

fn main() {
    println!("pending\tread\tset and drop\treplace\treset\tfire");
    for exponent in 3..=7 {
        let count = 10_u64.pow(exponent);
        let costs = with_pending(count).map(|ns| format!("\t{ns:.0}"));
        println!("{count}{}", costs.concat());
    }
    let new = || Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    for _ in 0..3 {
        let shared = new();
        let one = two_threads([shared.clone(), shared]);
        let own = two_threads([new(), new()]);
        println!("two threads, one wheel: {one:.0} ns; a wheel each: {own:.0} ns");
    }
}
