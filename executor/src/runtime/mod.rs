//! Starting, entering and stopping a runtime.

mod builder;
mod handle;
mod hooks;
mod id;
mod report;
mod threads;

pub use builder::{BuildError, Builder};
pub use handle::{EnterGuard, Handle, NoRuntime};
pub use hooks::UnhandledPanic;
pub use id::Id;
pub use report::{Leftover, LeftoverState, ShutdownReport};

use crate::scheduler::context;
use crate::task::JoinHandle;
use std::future::Future;
use std::io;
use std::time::{Duration, Instant};
use threads::Threads;
pub(crate) use threads::{Alive, start_spare};

/// Owns the threads of a runtime, its drivers and its tasks.
///
/// Several runtimes can live in one process, and nothing is shared between them. A runtime of the multi-thread flavor
/// has a fixed number of worker threads that steal tasks from one another; one of the current-thread flavor has none,
/// and runs its tasks on whichever thread is inside [`block_on`](Runtime::block_on).
///
/// Dropping a runtime drops every future still in it, waits for the worker threads to do so, and waits for blocking
/// calls that have begun (see [`shutdown_timeout`](Runtime::shutdown_timeout) for not waiting for ever).
///
/// # Forking
/// Starting other programs (`process::Command`, [`std::process::Command`]) disturbs nothing. A
/// process that calls `fork` itself has a child without the runtime's threads, but with its descriptors. The child may
/// do what is allowed to the child of a process with threads, which is to call functions that are safe in a signal's
/// handler, and end with `exec` or `_exit`; the parent notices nothing. With the feature `net`, the rest is defined as
/// well: sockets that are dropped in the child stay with the parent, the runtime is left as it is when it is dropped, and
/// `block_on` panics. A runtime made in the child works. Tasks that were spawned before never run there. All that is for the
/// C library's `fork`; the child of a bare `clone` or `_Fork` goes unnoticed, and must leave the runtime alone. And until it
/// runs another program, a child hears its parent's signals: the handlers of the module `signal`, if it is sent one, tell
/// the parent.
///
/// ```
/// let runtime = raddle::runtime::Runtime::new()?;
/// let sum = runtime.block_on(async {
///     let tasks: Vec<_> = (0..10).map(|n| raddle::spawn(async move { n * n })).collect();
///     let mut sum = 0;
///     for task in tasks {
///         sum += task.await.unwrap();
///     }
///     sum
/// });
/// assert_eq!(sum, 285);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Runtime {
    handle: Handle,
    threads: Threads,
    /// Whether a shutdown has been asked for already.
    ended: bool,
}

impl Runtime {
    /// A multi-thread runtime with the defaults of [`Builder`].
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn new() -> io::Result<Runtime> {
        Ok(Builder::new_multi_thread().build()?)
    }

    /// A handle for spawning and entering from anywhere.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Starts a task on this runtime, from any thread. See [`raddle::spawn`](crate::spawn).
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.spawn(future)
    }

    /// Runs a blocking function on this runtime's blocking pool. See
    /// [`task::spawn_blocking`](crate::task::spawn_blocking).
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.handle.spawn_blocking(f)
    }

    /// Runs `future` to its end on the calling thread, and returns its output.
    ///
    /// The future need not be `Send` or `'static`. While it waits, the calling thread works as one of the runtime's
    /// workers; what the future spawns can be taken by the others at any time, so a future that blocks its thread
    /// holds up nobody but itself. The reverse does not hold: a task that blocks this thread while it works holds up the
    /// future, even if other workers are idle. Spawn what must not wait for that.
    ///
    /// # Deadlocks
    /// Tasks that are polled on this thread are above the caller on its stack. A lock that the caller holds, or a `RefCell` in a
    /// thread-local that it has borrowed, is not free for them, and a task that waits for it waits for ever. Task-local values
    /// around the call are seen by the future, and not by tasks.
    ///
    /// # Panics
    /// Inside a task or another `block_on`, in a process forked from that of the runtime, with whatever the future panics with,
    /// and if a task panics and [`UnhandledPanic::ShutdownRuntime`] says so.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }

    /// Makes this the runtime that [`raddle::spawn`](crate::spawn), sockets and timers on this thread belong to, until
    /// the guard is dropped.
    ///
    /// ```
    /// let runtime = raddle::runtime::Runtime::new()?;
    /// let guard = runtime.enter();
    /// let task = raddle::spawn(async { "spawned from a plain thread" });
    /// drop(guard);
    /// assert_eq!(runtime.block_on(task).unwrap(), "spawned from a plain thread");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// Stops the runtime, waiting for at most `timeout`.
    ///
    /// Tasks are dropped at their next suspension. What takes longer than the timeout, be it a poll that does not
    /// return or a blocking call, goes on in its thread, which ends when that ends.
    pub fn shutdown_timeout(mut self, timeout: Duration) {
        self.end(Instant::now().checked_add(timeout));
    }

    /// Stops the runtime without waiting for its threads; may be called anywhere, also in a task.
    pub fn shutdown_background(mut self) {
        self.end(Some(Instant::now()));
    }

    fn end(&mut self, deadline: Option<Instant>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        if self.handle.shared.driver.was_forked() {
            // Its threads are not here, and its locks may be held by them. All of it is left as it is.
            std::mem::forget(self.handle.shared.clone());
            self.threads.forget();
            return;
        }
        let shared = &self.handle.shared;
        shared.close();
        if shared.workers == 0 {
            // S3: nobody else will.
            shared.leave_vacant_slots();
        }
        // A worker cannot wait for itself.
        let deadline = if context::is_worker_of(&raw const **shared) {
            Some(Instant::now())
        } else {
            deadline
        };
        self.threads.join(deadline);
        // Calls that never began are dropped here, inside their runtime.
        context::with_shared(shared, || shared.blocking.shutdown(shared, deadline));
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.end(None);
    }
}
