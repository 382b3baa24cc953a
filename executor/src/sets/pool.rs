//! Many tasks, but not too many at once.

use super::JoinSet;
use crate::task::{Id, JoinError};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::panic::Location;

/// Runs tasks, at most so many at once, and hands out their outputs as they come, or in the order of spawning.
///
/// Dropping the pool aborts its tasks.
///
/// ```
/// # raddle::block_on(async {
/// let mut pool = raddle::task::Pool::new(2).ordered();
/// for page in ["a", "b", "c", "d"] {
///     pool.spawn(async move { page.len() }).await; // Waits while two are running.
/// }
/// let mut total = 0;
/// while let Some(length) = pool.next().await {
///     total += length.unwrap();
/// }
/// assert_eq!(total, 4);
/// # })
/// ```
pub struct Pool<T> {
    limit: usize,
    running: JoinSet<T>,
    done: Done<T>,
}

/// Outputs that nobody has asked for yet.
enum Done<T> {
    Unordered(VecDeque<Result<T, JoinError>>),
    Ordered { order: VecDeque<Id>, outputs: HashMap<Id, Result<T, JoinError>> },
}

impl<T> Done<T> {
    fn put(&mut self, id: Id, output: Result<T, JoinError>) {
        match self {
            Done::Unordered(outputs) => outputs.push_back(output),
            Done::Ordered { outputs, .. } => _ = outputs.insert(id, output),
        }
    }

    fn take(&mut self) -> Option<Result<T, JoinError>> {
        match self {
            Done::Unordered(outputs) => outputs.pop_front(),
            Done::Ordered { order, outputs } => {
                let output = outputs.remove(order.front()?)?;
                order.pop_front();
                Some(output)
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Done::Unordered(outputs) => outputs.len(),
            Done::Ordered { outputs, .. } => outputs.len(),
        }
    }
}

impl<T: Send + 'static> Pool<T> {
    /// At most `limit` tasks at once; outputs in the order in which they come.
    ///
    /// # Panics
    /// If `limit` is zero.
    #[track_caller]
    pub fn new(limit: usize) -> Pool<T> {
        assert!(limit > 0, "a pool that runs no task at once never runs any");
        Pool { limit, running: JoinSet::new(), done: Done::Unordered(VecDeque::new()) }
    }

    /// Hands out the outputs in the order of spawning.
    ///
    /// # Panics
    /// If something has been spawned already.
    #[must_use]
    #[track_caller]
    pub fn ordered(mut self) -> Pool<T> {
        assert!(self.is_empty(), "the order is chosen before the first task is spawned");
        self.done = Done::Ordered { order: VecDeque::new(), outputs: HashMap::new() };
        self
    }

    /// Spawns a task, as soon as fewer than the limit are running. What ends meanwhile is kept for [`next`](Pool::next).
    ///
    /// # Cancel safety
    /// Dropped while it waits, it drops `future` with it, unspawned. Nothing else is lost.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> impl Future<Output = ()> + use<'_, T, F>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let location = Location::caller();
        async move {
            while self.running.len() >= self.limit {
                self.join_one().await;
            }
            self.start(future, location);
        }
    }

    /// Spawns a task, if fewer than the limit are running.
    ///
    /// # Errors
    /// Gives the future back if not.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn try_spawn<F>(&mut self, future: F) -> Result<(), F>
    where
        F: Future<Output = T> + Send + 'static,
    {
        while let Some(joined) = self.running.try_join_next_with_id() {
            self.keep(joined);
        }
        if self.running.len() >= self.limit {
            return Err(future);
        }
        self.start(future, Location::caller());
        Ok(())
    }

    fn start<F>(&mut self, future: F, location: &'static Location<'static>)
    where
        F: Future<Output = T> + Send + 'static,
    {
        let id = self.running.build_task().location(location).spawn(future).id();
        if let Done::Ordered { order, .. } = &mut self.done {
            order.push_back(id);
        }
    }

    fn keep(&mut self, joined: Result<(Id, T), JoinError>) {
        match joined {
            Ok((id, output)) => self.done.put(id, Ok(output)),
            Err(error) => self.done.put(error.id(), Err(error)),
        }
    }

    /// Waits until one more task has ended. `false` if none is running.
    async fn join_one(&mut self) -> bool {
        let joined = self.running.join_next_with_id().await;
        joined.map(|joined| self.keep(joined)).is_some()
    }

    /// The next output; `None` when every task has ended and its output was handed out.
    ///
    /// # Errors
    /// If the task panicked or was aborted.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<Result<T, JoinError>> {
        loop {
            if let Some(output) = self.done.take() {
                return Some(output);
            }
            if !self.join_one().await {
                return None;
            }
        }
    }

    /// How many tasks are running, or have ended without anybody noticing yet.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// How many outputs there are still to come out of [`next`](Pool::next).
    pub fn len(&self) -> usize {
        self.running.len() + self.done.len()
    }

    /// Whether nothing is running, and nothing left to be handed out.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Aborts every running task. Their errors come out of [`next`](Pool::next).
    pub fn abort_all(&mut self) {
        self.running.abort_all();
    }
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("limit", &self.limit)
            .field("running", &self.running.len())
            .field("done", &self.done.len())
            .finish()
    }
}
