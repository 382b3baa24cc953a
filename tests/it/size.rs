//! What a task costs in memory, counted at the allocator.
//!
//! # Safety
//! [`Counting`] hands every request on to the system's allocator as it is.

#![allow(unsafe_code)]

use crate::support::{Flavor, scaled, wait};
use raddle::task;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The allocator of the test binary: the system's, with a count per thread.
pub struct Counting;

thread_local! {
    static REQUESTS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

fn count(size: usize) {
    // A thread on its way out has no counters any more.
    let _ = REQUESTS.try_with(|requests| requests.set(requests.get() + 1));
    let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() + size));
}

// SAFETY: every call is handed on to `System`, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// How often `f` asks for memory on this thread.
pub(crate) fn requests<R>(f: impl FnOnce() -> R) -> (R, usize) {
    REQUESTS.set(0);
    let result = f();
    (result, REQUESTS.get())
}

#[test]
fn a_task_of_a_small_future_takes_at_most_128_bytes() {
    const TASKS: usize = 20_000;
    // A slab in twenty that is hardly used, and the queue for tasks from other threads.
    const BESIDE: usize = 128 / 16 + 24;
    let running = Flavor::Workers(1).start();
    let payload = [1_u64; 4];
    let mut tasks = Vec::with_capacity(TASKS);
    // On a thread that is no worker, and so has no stock of blocks. None of them ends.
    BYTES.set(0);
    tasks.extend((0..TASKS).map(|_| {
        running.handle().spawn(async move {
            std::future::pending::<()>().await;
            payload[0]
        })
    }));
    let bytes = BYTES.get();
    assert!(bytes <= TASKS * (128 + BESIDE), "{} bytes", bytes / TASKS);
    // What others have freed may do for many of them, but hardly for all.
    assert!(REQUESTS.get() > 0, "no request at all");
    tasks.into_iter().for_each(|task| task.abort());
}

#[test]
fn spawning_and_completing_on_a_warm_worker_allocates_nothing() {
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1)] {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            for _ in 0..10 {
                raddle::spawn(async { 1 }).await.unwrap();
            }
            let mut sum = 0;
            REQUESTS.set(0);
            for _ in 0..1_000 {
                sum += raddle::spawn(async { 1 }).await.unwrap();
                raddle::spawn(task::yield_now()).await.unwrap();
            }
            (sum, REQUESTS.get())
        });
        let (sum, count) = wait("a thousand tasks", task).unwrap();
        assert_eq!((sum, count), (1_000, 0), "{flavor:?}");
    }
}

#[test]
fn a_warm_burst_of_tasks_allocates_next_to_nothing() {
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1)] {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let mut handles = Vec::with_capacity(1_000);
            let mut counts = Vec::with_capacity(4);
            for _ in 0..4 {
                REQUESTS.set(0);
                for number in 0..1_000_usize {
                    handles.push(raddle::spawn(async move { number }));
                }
                for handle in handles.drain(..) {
                    handle.await.unwrap();
                }
                counts.push(REQUESTS.get());
            }
            counts
        });
        let counts = wait("bursts of tasks", task).unwrap();
        // A queue that grows takes some, and another test may empty the depot that all runtimes share.
        assert!(
            counts[1..].iter().any(|count| *count < 50),
            "{counts:?} requests for 1,000 tasks on {flavor:?}"
        );
    }
}

#[test]
fn waking_and_polling_allocates_nothing() {
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1)] {
        let running = flavor.start();
        let rounds = scaled(1_000);
        let task = running.handle().spawn(async move {
            let (ping, pong) =
                (std::sync::Arc::new(raddle::sync::Notify::new()), raddle::sync::Notify::new());
            let pong = std::sync::Arc::new(pong);
            let (heard, answer) = (ping.clone(), pong.clone());
            let other = raddle::spawn(async move {
                loop {
                    heard.notified().await;
                    answer.notify_one();
                }
            });
            for _ in 0..10 {
                ping.notify_one();
                pong.notified().await;
            }
            REQUESTS.set(0);
            for _ in 0..rounds {
                ping.notify_one();
                pong.notified().await;
                task::yield_now().await;
            }
            let count = REQUESTS.get();
            other.abort();
            count
        });
        assert_eq!(wait("the rounds", task).unwrap(), 0, "{flavor:?}");
    }
}
