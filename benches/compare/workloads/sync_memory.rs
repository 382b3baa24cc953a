//! Bytes of resident memory per lock and per channel, measured as those of tasks are: many of them, in a fresh process.
//!
//! What they are themselves and what they allocate count alike. None has been used yet: no waiter, no message.

use std::hint::black_box;
use std::io;

use crate::contenders::{Kind, among};
use crate::measure::{Meter, Sample};
use crate::primitives::{Broadcast, Channel, Lock, Oneshot, Permits, ReadLock, Signal};
use crate::workloads::memory::{BYTES, in_fresh_process};
use crate::workloads::{Env, Group, Workload};

/// As `among!`, for a measurement that has to happen in a process of its own.
macro_rules! weighed {
    ($name:literal, $about:literal, [$($library:ident),+], $chosen:ident => $make:expr) => {
        Workload {
            name: $name,
            about: $about,
            group: Group::SyncMemory,
            metrics: BYTES,
            run: |kind, env| {
                const BODY: fn(Kind, &Env) -> io::Result<Sample> = among!(
                    [$($library),+],
                    $chosen,
                    env => per_piece(env, || $make)
                )
                .run;
                in_fresh_process($name, kind, env, BODY)
            },
            ..among!([$($library),+], $chosen, env => per_piece(env, || $make))
        }
    };
}

pub(super) const WORKLOADS: &[Workload] = &[
    weighed!("bytes_mutex", "a mutex around a u64", [RaddleSync, TokioSync, AsyncLock, Futures],
        L => <L as Lock>::new()),
    weighed!("bytes_rwlock", "a lock for readers around a u64", [RaddleSync, TokioSync, AsyncLock],
        L => <L as ReadLock>::new()),
    weighed!("bytes_semaphore", "a semaphore", [RaddleSync, TokioSync, AsyncLock],
        L => <L as Permits>::new(4)),
    weighed!("bytes_notify", "a notification nobody waits for", [RaddleSync, TokioSync],
        L => <L as Signal>::new()),
    weighed!("bytes_oneshot", "both ends of an unused oneshot of a u64", [RaddleSync, TokioSync, Futures],
        L => <L as Oneshot>::channel()),
    weighed!("bytes_mpsc", "both ends of an empty channel of u64 with capacity 128",
        [RaddleSync, TokioSync, AsyncChannel, Flume, Kanal, Futures],
        L => <L as Channel>::channel(128)),
    weighed!("bytes_broadcast", "a sender and a receiver of an empty broadcast of u64 with capacity 128",
        [RaddleSync, TokioSync],
        L => <L as Broadcast>::channel(128, 1)),
];

/// Makes many, and divides what memory grew by.
fn per_piece<T>(env: &Env, make: fn() -> T) -> io::Result<Sample> {
    let count = env.pick(50_000, 20_000);
    let meter = Meter::of_process();
    let mut pieces: Vec<T> = Vec::with_capacity(count);
    // The first ones pay for the allocator's own tables.
    drop(black_box((0..100).map(|_| make()).collect::<Vec<T>>()));
    let before = resident_bytes()?;
    pieces.resize_with(count, make);
    black_box(&mut pieces);
    let grown = resident_bytes()?.saturating_sub(before);
    drop(pieces);
    let values = vec![grown as f64 / count as f64];
    Ok(Sample { values, ops: count as u64, cost: meter.stop() })
}

/// The resident set of this process, counted page by page: `statm` may be some hundred kilobytes behind.
fn resident_bytes() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let kilobytes = kilobytes
        .ok_or_else(|| io::Error::other(format!("/proc/self/smaps_rollup says {text:?}")))?;
    Ok(kilobytes * 1024)
}
