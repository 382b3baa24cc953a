//! What an expiry costs a program whose own memory takes the caches between two of them.
//!
//! `cargo run --release --package raddle-timer --example turns [DEADLINES] [ROUNDS] [KILOBYTES]`
//!
//! Deadlines of 10 to 1,010 ms are set on two timers in turn, and both expired every 150 µs of a clock moved by hand, as a runtime
//! with two workers does. Before each expiry, so many kilobytes are read from a place that nobody has looked at for long.
//! Printed are medians and minima of the rounds, in nanoseconds per deadline.

use raddle_timer::{Clock, ManualClock, Timer};
use std::hint::black_box;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

const TURN: Duration = Duration::from_micros(150);
/// More than the caches hold that a core has to itself or shares with few.
const BUFFER_BYTES: usize = 64 << 20;
const LINE_BYTES: usize = 64;

/// Deadlines are rounded up, as if it ran.
#[derive(Debug)]
struct Moved(ManualClock);

impl Clock for Moved {
    fn now(&self) -> Instant {
        self.0.now()
    }
}

/// Spreads indices over `0..bound`.
fn scattered(index: u64, bound: u64) -> u64 {
    (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24) % bound
}

/// Nanoseconds to fire a deadline, and to set it.
fn round(count: u64, seed: u64, buffer: &[u8], read_bytes: usize) -> [f64; 2] {
    let clock = ManualClock::new();
    let new = |_| Timer::new(Arc::new(Moved(clock.clone())), Waker::noop().clone());
    let timers: [Arc<Timer>; 2] = [0, 1].map(new);
    let start = clock.now();
    let begun = Instant::now();
    for index in 0..count {
        let ns = 10_000_000 + scattered(index ^ seed << 40, 1_000_000_000);
        timers[index as usize % 2].insert(start + Duration::from_nanos(ns), Waker::noop());
    }
    let set = begun.elapsed();

    let (mut woken, mut fired, mut at, mut spent) = (Vec::new(), 0, 0, Duration::ZERO);
    while fired < count {
        for _ in 0..read_bytes / LINE_BYTES {
            black_box(buffer[at]);
            at = (at + LINE_BYTES) % buffer.len();
        }
        clock.advance(TURN);
        let now = clock.now();
        let begun = Instant::now();
        timers.iter().for_each(|timer| timer.expire(now, &mut woken));
        spent += begun.elapsed();
        fired += woken.len() as u64;
        woken.clear();
    }
    [spent, set].map(|time| time.as_nanos() as f64 / count as f64)
}

fn main() {
    let number = |position, or| match std::env::args().nth(position) {
        Some(number) => number.parse().expect("a number"),
        None => or,
    };
    let (count, rounds) = (number(1, 100_000), number(2, 5));
    let only = std::env::args().nth(3).map(|_| number(3, 0));
    let buffer = vec![1; BUFFER_BYTES];
    for kilobytes in only.map_or(vec![0, 64, 256, 1_024], |only| vec![only]) {
        let each = (0..rounds).map(|seed| round(count, seed, &buffer, (kilobytes as usize) << 10));
        let mut each: Vec<_> = each.collect();
        each.sort_by(|one, other| one[0].total_cmp(&other[0]));
        let [[least, _], [fire, set]] = [each[0], each[each.len() / 2]];
        println!("{kilobytes} KB: fire {fire:.0} (min {least:.0}), set {set:.0}");
    }
}
