//! Blocking calls that wait for room: classes with limits, and the pool as a whole.

use super::{Pool, spawn};
use crate::runtime::Handle;
use crate::scheduler::context;
use crate::scheduler::shared::Shared;
use crate::task::{JoinHandle, extras};
use raddle_sync::{OwnedSemaphorePermit, Semaphore};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// A kind of blocking calls, of which only so many may run or wait for a thread at once: ten at the database, four at the
/// disk. One kind cannot take all threads of the pool then, and who calls feels the load instead of a queue that grows.
///
/// Clones are handles of the same class. It may be used on several runtimes.
///
/// ```
/// # raddle::block_on(async {
/// let disk = raddle::task::blocking::Class::new(4);
/// let call = disk.spawn_blocking_when_free(|| std::fs::read("/dev/null")).await;
/// assert!(call.await.unwrap().unwrap().is_empty());
/// # })
/// ```
#[derive(Debug, Clone)]
pub struct Class {
    limit: usize,
    room: Arc<Semaphore>,
}

/// There is no room for a blocking call at the moment. Gives the function back.
pub struct Busy<F>(pub F);

impl<F> fmt::Debug for Busy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Busy").finish_non_exhaustive()
    }
}

impl<F> fmt::Display for Busy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no room for a blocking call at the moment")
    }
}

impl<F> std::error::Error for Busy<F> {}

impl Class {
    /// At most `limit` calls at once.
    ///
    /// # Panics
    /// If `limit` is zero.
    #[track_caller]
    pub fn new(limit: usize) -> Class {
        assert!(limit > 0, "a class whose calls never run");
        let room = Semaphore::new(limit);
        room.enable_stats();
        Class { limit, room: Arc::new(room) }
    }

    /// How many calls may run at once.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many calls run, or wait for a thread of the pool.
    pub fn running(&self) -> usize {
        self.limit.saturating_sub(self.room.available_permits())
    }

    /// How many callers wait in [`spawn_blocking_when_free`](Class::spawn_blocking_when_free).
    pub fn waiting(&self) -> usize {
        self.room.stats().waiters
    }

    /// The longest that a caller has waited there.
    pub fn longest_wait(&self) -> Duration {
        self.room.stats().longest_wait
    }

    /// Makes a blocking call, if there is room for one more of this class.
    ///
    /// # Errors
    /// [`Busy`] if not.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn try_spawn_blocking<F, R>(&self, f: F) -> Result<JoinHandle<R>, Busy<F>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let location = Location::caller();
        let shared = context::expect_arc("blocking::Class::try_spawn_blocking");
        match self.room.clone().try_acquire_owned() {
            Ok(permit) => Ok(spawn_with(&shared, permit, f, location)),
            Err(_) => Err(Busy(f)),
        }
    }

    /// Makes a blocking call as soon as there is room for one more of this class. Callers wait in line.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it drops `f`, which is not called.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn_blocking_when_free<F, R>(
        &self,
        f: F,
    ) -> impl Future<Output = JoinHandle<R>> + use<'_, F, R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.when_free(f, Location::caller())
    }

    async fn when_free<F, R>(&self, f: F, location: &'static Location<'static>) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let shared = context::expect_arc("blocking::Class::spawn_blocking_when_free");
        let permit = self.room.clone().acquire_owned().await;
        spawn_with(&shared, permit.expect("nobody closes the semaphore"), f, location)
    }
}

/// Makes a call that gives its permit back when it is over, or is cancelled before.
fn spawn_with<F, R>(
    shared: &Arc<Shared>,
    permit: OwnedSemaphorePermit,
    f: F,
    location: &'static Location<'static>,
) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let call = move || {
        let _permit = permit;
        f()
    };
    spawn(shared, call, location, extras::inherit)
}

/// Makes a blocking call, if a thread of the pool is idle or can be started for it.
///
/// # Errors
/// [`Busy`] if it would have to wait for another call, as far as can be told at this moment.
///
/// # Panics
/// Outside a runtime.
///
/// ```
/// # raddle::block_on(async {
/// let call = raddle::task::try_spawn_blocking(|| 6 * 7).expect("the pool is idle");
/// assert_eq!(call.await.unwrap(), 42);
/// # })
/// ```
#[track_caller]
pub fn try_spawn_blocking<F, R>(f: F) -> Result<JoinHandle<R>, Busy<F>>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let location = Location::caller();
    let shared = context::expect_arc("task::try_spawn_blocking");
    if shared.blocking.has_room() {
        Ok(spawn(&shared, f, location, extras::inherit))
    } else {
        Err(Busy(f))
    }
}

/// Makes a blocking call as soon as a thread of the pool is idle or can be started for it, and not before: who calls waits
/// instead of the call.
///
/// # Cancel safety
/// Dropped while it waits, it drops `f`, which is not called.
///
/// # Panics
/// Outside a runtime.
#[track_caller]
pub fn spawn_blocking_when_free<F, R>(f: F) -> impl Future<Output = JoinHandle<R>>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    when_free(f, Location::caller())
}

async fn when_free<F, R>(f: F, location: &'static Location<'static>) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let shared = context::expect_arc("task::spawn_blocking_when_free");
    let pool: &Pool = &shared.blocking;
    loop {
        let mut room = pin!(pool.room.notified());
        // B5: in line before the look.
        room.as_mut().enable();
        if pool.has_room() {
            return spawn(&shared, f, location, extras::inherit);
        }
        room.await;
    }
}

/// The state of a runtime's pool for blocking calls, at one moment. From [`Handle::blocking_stats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockingStats {
    /// Threads of the pool, idle or not.
    pub threads: usize,
    /// Threads that wait for a call.
    pub idle_threads: usize,
    /// Calls that wait for a thread.
    pub queued: usize,
    /// The longest that a call has waited for its thread, so far.
    pub longest_wait: Duration,
}

impl Handle {
    /// How busy the pool for blocking calls is.
    ///
    /// ```
    /// # raddle::block_on(async {
    /// raddle::task::spawn_blocking(|| ()).await.unwrap();
    /// let stats = raddle::runtime::Handle::current().blocking_stats();
    /// assert_eq!((stats.threads, stats.queued), (1, 0));
    /// # })
    /// ```
    pub fn blocking_stats(&self) -> BlockingStats {
        let pool = &self.shared.blocking;
        BlockingStats {
            threads: pool.threads.0.lock().count,
            idle_threads: pool.waiting.load(Relaxed),
            queued: pool.queued(),
            longest_wait: Duration::from_nanos(pool.longest_wait_ns.load(Relaxed)),
        }
    }
}
