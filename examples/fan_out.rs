//! Fan out, gather, compare: counts primes in a thousand tasks, on one worker and on all of them.
//!
//! `cargo run --release --example fan_out`

use raddle::runtime::Builder;
use raddle::sync::mpsc;
use raddle_examples::finish;
use std::io;
use std::ops::Range;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const LIMIT: u64 = 1_000_000;
const TASKS: u64 = 1_000;

fn main() -> ExitCode {
    finish("fan_out", run())
}

fn run() -> io::Result<()> {
    let (primes, alone) = measure(1)?;
    println!("  1 worker:  {primes} primes below {LIMIT} in {alone:?}");
    let workers = num_cpus::get();
    let (again, together) = measure(workers)?;
    assert_eq!(again, primes, "the order of the tasks must not matter");
    println!("{workers:3} workers: {again} primes below {LIMIT} in {together:?}");
    println!("{:.2} times as fast", alone.as_secs_f64() / together.as_secs_f64());
    Ok(())
}

fn measure(workers: usize) -> io::Result<(usize, Duration)> {
    let runtime = Builder::new_multi_thread().worker_threads(workers).build()?;
    let begun = Instant::now();
    let primes = runtime.block_on(count_primes());
    Ok((primes, begun.elapsed()))
}

async fn count_primes() -> usize {
    // Bounded: a task that is done before anybody asks for its count waits for room.
    let (counts, mut inbox) = mpsc::channel(64);
    for task in 0..TASKS {
        let counts = counts.clone();
        let range = LIMIT * task / TASKS..LIMIT * (task + 1) / TASKS;
        let counting = async move { counts.send(primes_in(range)).await };
        drop(raddle::spawn(counting)); // Its answer comes through the channel.
    }
    drop(counts); // Now only the tasks hold senders, and the channel ends with the last of them.
    let mut total = 0;
    while let Some(count) = inbox.recv().await {
        total += count;
    }
    total
}

fn primes_in(range: Range<u64>) -> usize {
    range.filter(|&n| n > 1 && (2..).take_while(|d| d * d <= n).all(|d| n % d != 0)).count()
}
