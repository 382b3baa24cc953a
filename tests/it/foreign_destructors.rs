//! Q11: crossbeam-deque collects garbage in crossbeam-epoch's default collector, where anybody may have left a destructor.

use crate::support::{Flavor, Running, scaled, until, watched};
use crossbeam_epoch as epoch;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

/// What the destructors did.
#[derive(Default)]
struct Counts {
    spawned: AtomicUsize,
    ran: AtomicUsize,
    /// Destructors that ran on a worker thread, where only the deque enters the collector.
    inside: AtomicUsize,
}

/// Runs for longer than a theft costs, so that queues are exposed, and deques grow.
fn work() {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_micros(2) {
        std::hint::spin_loop();
    }
}

/// Runs bursts of tasks, with destructors that spawn deferred by another thread all the while, until enough of them have
/// run inside a deque.
fn beside_destructors(burst: impl Fn() -> Pin<Box<dyn Future<Output = ()> + Send>>) {
    const IN_FLIGHT: usize = 10_000;
    let flavor = Flavor::Workers(2);
    let running = Running::new(flavor, flavor.builder().build().unwrap());
    let counts = Arc::new(Counts::default());
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let here = thread::current().id();
            while !stop.load(SeqCst) {
                let guard = epoch::pin();
                for _ in 0..64 {
                    let (counts, handle) = (counts.clone(), running.handle().clone());
                    guard.defer(move || {
                        counts.spawned.fetch_add(1, SeqCst);
                        if thread::current().id() != here {
                            counts.inside.fetch_add(1, SeqCst);
                        }
                        let done = counts.clone();
                        drop(handle.spawn(async move { done.ran.fetch_add(1, SeqCst) }));
                    });
                }
                guard.flush();
                drop(guard);
                while counts.spawned.load(SeqCst) > counts.ran.load(SeqCst) + IN_FLIGHT {
                    thread::yield_now();
                }
            }
        });
        until("enough destructors to have run inside a deque", || {
            let burst = running.handle().spawn(burst());
            watched("a burst", || running.handle().block_on(burst)).unwrap();
            counts.inside.load(SeqCst) >= scaled(1_000)
        });
        stop.store(true, SeqCst);
    });
    until("all tasks of destructors to run", || {
        counts.ran.load(SeqCst) == counts.spawned.load(SeqCst)
    });
}

#[test]
fn a_destructor_that_runs_inside_the_deque_may_spawn() {
    const BURST: usize = 1_500;
    beside_destructors(|| {
        Box::pin(async {
            for task in [(); BURST].map(|()| raddle::spawn(async { work() })) {
                task.await.unwrap();
            }
        })
    });
}

#[test]
fn a_destructor_that_runs_inside_the_deque_leaves_families_alone() {
    beside_destructors(|| {
        Box::pin(async {
            let parents = [(); 300].map(|()| {
                raddle::spawn(async {
                    for child in [(); 8].map(|()| raddle::spawn(async { work() })) {
                        child.await.unwrap();
                    }
                })
            });
            for parent in parents {
                parent.await.unwrap();
            }
        })
    });
}
