//! Every kind of runtime, seen from a plain thread: started, held still, and stopped.

use crate::watch::{patience, recv, until, watched};
use raddle::runtime::{Builder, Handle, Runtime};
use raddle::sync::oneshot;
use raddle::time::timeout;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;

/// A kind of runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// No threads of its own.
    CurrentThread,
    /// So many worker threads.
    Workers(usize),
}

impl Flavor {
    /// The kinds that the tests try.
    pub const ALL: [Flavor; 4] =
        [Flavor::CurrentThread, Flavor::Workers(1), Flavor::Workers(2), Flavor::Workers(4)];

    /// Configures a runtime of this kind, without threads that stand in for stuck ones: tests that block a worker rely on what
    /// happens then.
    pub fn builder(self) -> Builder {
        match self {
            Flavor::CurrentThread => Builder::new_current_thread(),
            Flavor::Workers(count) => {
                let mut builder = Builder::new_multi_thread();
                builder.worker_threads(count).relief_threads(0);
                builder
            }
        }
    }

    /// A runtime of this kind, for which nobody works except its own threads.
    ///
    /// # Panics
    /// If it cannot be built.
    pub fn build(self) -> Runtime {
        self.builder().build().expect("a runtime can be built")
    }

    /// A runtime of this kind that runs its tasks on other threads than the caller's.
    pub fn start(self) -> Running {
        Running::new(self, self.build())
    }
}

/// Runs `test` on a runtime of each flavor: with two workers, and with none.
///
/// # Panics
/// With what `test` panics with, and if it takes too long.
#[track_caller]
pub fn on_each_runtime<F: Future<Output = ()>>(test: impl Fn() -> F) {
    for flavor in [Flavor::Workers(2), Flavor::CurrentThread] {
        let runtime = flavor.builder().relief_threads(2).build().expect("a runtime can be built");
        let outcome = runtime.block_on(async { timeout(patience(), test()).await });
        assert!(outcome.is_ok(), "on {flavor:?} something was waited for in vain");
    }
}

/// A runtime whose tasks run on other threads than the test's: on its workers, or, if it has none, on a thread started
/// for that, which is inside `block_on`.
#[derive(Debug)]
pub struct Running {
    runtime: Option<Runtime>,
    handle: Handle,
    threads: usize,
    driver: Option<(oneshot::Sender<()>, thread::JoinHandle<()>)>,
}

impl Running {
    /// Of a runtime built with options.
    pub fn new(flavor: Flavor, runtime: Runtime) -> Running {
        let handle = runtime.handle().clone();
        let (threads, driver) = match flavor {
            Flavor::Workers(count) => (count, None),
            Flavor::CurrentThread => {
                let (stop, stopped) = oneshot::channel();
                let handle = handle.clone();
                let work = move || drop(handle.block_on(stopped));
                let thread = thread::Builder::new().name("driver".to_owned()).spawn(work);
                (1, Some((stop, thread.expect("a thread can be started"))))
            }
        };
        Running { runtime: Some(runtime), handle, threads, driver }
    }

    /// A handle to the runtime.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// How many threads run its tasks.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Occupies every thread of the runtime, which has no reliefs. Polls that began earlier have ended when this returns, and no other begins
    /// until the hold is dropped.
    pub fn hold(&self) -> Hold {
        let (arrived, arrivals) = mpsc::channel();
        let mut releases = Vec::new();
        for _ in 0..self.threads {
            let arrived = arrived.clone();
            let (release, released) = mpsc::channel::<()>();
            drop(self.handle.spawn(async move {
                let _ = arrived.send(());
                let _ = released.recv();
            }));
            // One by one, so that no two of them wait in the same queue.
            recv("a worker that can be held", &arrivals);
            releases.push(release);
        }
        Hold(releases)
    }

    /// Waits until every poll that has begun is over. Tasks that were queued may be queued still.
    pub fn quiesce(&self) {
        drop(self.hold());
    }

    /// The runtime itself, with nobody left to run its tasks if it has no threads of its own.
    pub fn into_runtime(mut self) -> Runtime {
        self.stop_driver();
        self.runtime.take().expect("taken once")
    }

    /// Gives the runtime away while its tasks still run. What remains keeps driving it until it is dropped.
    pub fn take_apart(mut self, take: impl FnOnce(Runtime)) -> Running {
        take(self.runtime.take().expect("taken once"));
        self
    }

    /// Drops the runtime.
    pub fn stop(self) {
        drop(self);
    }

    fn stop_driver(&mut self) {
        if let Some((stop, thread)) = self.driver.take() {
            drop(stop);
            let ended =
                watched("the thread that drives a current-thread runtime", || thread.join());
            if !thread::panicking() {
                ended.expect("the thread that drives a current-thread runtime does not panic");
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop_driver();
        let runtime = self.runtime.take();
        watched("a runtime to be dropped", || drop(runtime));
    }
}

/// Keeps every thread of a runtime occupied until it is dropped.
#[derive(Debug)]
pub struct Hold(Vec<mpsc::Sender<()>>);

impl Hold {
    /// How many threads are held.
    pub fn threads(&self) -> usize {
        self.0.len()
    }
}

/// How many threads of a runtime are asleep, or as good as: told by the hooks.
#[derive(Debug, Default, Clone)]
pub struct Sleepers(Arc<AtomicUsize>);

impl Sleepers {
    /// Counts those of the runtime that `builder` will build.
    pub fn of(builder: &mut Builder) -> Sleepers {
        let sleepers = Sleepers::default();
        let (falls_asleep, wakes_up) = (sleepers.0.clone(), sleepers.0.clone());
        builder.on_thread_park(move || _ = falls_asleep.fetch_add(1, SeqCst));
        builder.on_thread_unpark(move || _ = wakes_up.fetch_sub(1, SeqCst));
        sleepers
    }

    /// Waits until `count` threads sleep.
    ///
    /// # Panics
    /// If that takes too long.
    #[track_caller]
    pub fn until(&self, count: usize) {
        until(&format!("{count} threads sleep"), || self.0.load(SeqCst) == count);
    }
}
