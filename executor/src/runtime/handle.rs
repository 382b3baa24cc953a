//! A reference to a runtime, for use from anywhere.

use crate::blocking;
use crate::scheduler::block_on;
use crate::scheduler::context::{self, Entered};
use crate::scheduler::shared::Shared;
use crate::task::{JoinHandle, extras};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

/// Refers to a runtime, and can spawn on it and enter it from any thread. Cheap to clone.
///
/// A handle does not keep the runtime running: once the [`Runtime`](super::Runtime) is gone, what is spawned through the
/// handle is cancelled at once.
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

/// The thread is in no runtime. From [`Handle::try_current`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoRuntime;

impl fmt::Display for NoRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this thread is in no raddle runtime: call from inside block_on or a task, or hold the guard of \
             Runtime::enter()",
        )
    }
}

impl std::error::Error for NoRuntime {}

/// Keeps a runtime the current one of a thread. From [`Runtime::enter`](super::Runtime::enter).
///
/// # Panics
/// When guards are dropped in another order than the reverse of entering. The thread stays in the runtime then.
#[derive(Debug)]
#[must_use = "the runtime is left as soon as the guard is dropped"]
pub struct EnterGuard<'a> {
    _entered: Entered,
    handle: PhantomData<&'a Handle>,
}

impl Handle {
    /// The runtime this thread is in.
    ///
    /// # Panics
    /// Outside a runtime; [`try_current`](Handle::try_current) gives an error there.
    ///
    /// ```
    /// # raddle::block_on(async {
    /// let handle = raddle::runtime::Handle::current();
    /// // A thread of its own, which spawns back into the runtime.
    /// let task = std::thread::spawn(move || handle.spawn(async { 1 })).join().unwrap();
    /// assert_eq!(task.await.unwrap(), 1);
    /// # })
    /// ```
    #[track_caller]
    pub fn current() -> Handle {
        match Handle::try_current() {
            Ok(handle) => handle,
            Err(error) => panic!("Handle::current(): {error}"),
        }
    }

    /// The runtime this thread is in, if any.
    ///
    /// # Errors
    /// [`NoRuntime`] outside a runtime.
    pub fn try_current() -> Result<Handle, NoRuntime> {
        context::current().map(|shared| Handle { shared }).ok_or(NoRuntime)
    }

    /// Starts a task on this runtime, from any thread. See [`raddle::spawn`](crate::spawn).
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.shared.spawn(future, Location::caller())
    }

    /// Runs a blocking function on this runtime's blocking pool. See
    /// [`task::spawn_blocking`](crate::task::spawn_blocking).
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        blocking::spawn(&self.shared, f, Location::caller(), extras::inherit)
    }

    /// Runs `future` to its end on the calling thread. See [`Runtime::block_on`](super::Runtime::block_on).
    ///
    /// On a runtime that has been shut down, the future still runs, but tasks it spawns are cancelled, and deadlines
    /// pass at once; unless the panic of a task has shut it down.
    ///
    /// # Panics
    /// Inside a task or another `block_on`, in a process forked from that of the runtime, with whatever the future panics with,
    /// and if a task panics and [`UnhandledPanic::ShutdownRuntime`](super::UnhandledPanic) says so.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        assert!(
            !self.shared.driver.was_forked(),
            "block_on: this runtime is that of the process from which this one was forked"
        );
        block_on::block_on(&self.shared, future)
    }

    /// The runtime's id.
    pub fn id(&self) -> super::Id {
        self.shared.id
    }

    /// How many worker threads the runtime has; none if it is of the current-thread flavor.
    pub fn worker_threads(&self) -> usize {
        self.shared.workers
    }

    /// Makes this the runtime that [`raddle::spawn`](crate::spawn), sockets and timers on this thread belong to, until
    /// the guard is dropped.
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard { _entered: context::enter(self.shared.clone()), handle: PhantomData }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("workers", &self.shared.workers)
            .field("injected", &self.shared.injected())
            .field("idle", &*self.shared.idle)
            .finish_non_exhaustive()
    }
}
