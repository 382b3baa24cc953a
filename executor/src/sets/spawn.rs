//! The ways into a [`JoinSet`].

use super::JoinSet;
use crate::blocking;
use crate::local::LocalSet;
use crate::runtime::Handle;
use crate::task::{AbortHandle, Builder, Priority};
use std::future::Future;
use std::panic::Location;

impl<T: 'static> JoinSet<T> {
    /// Spawns a local task into the set. See [`task::spawn_local`](crate::task::spawn_local).
    ///
    /// # Panics
    /// Outside a [`LocalSet`].
    #[track_caller]
    pub fn spawn_local<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.insert(crate::local::spawn_local(future))
    }

    /// Spawns a task of a given set of local tasks into this one.
    #[track_caller]
    pub fn spawn_local_on<F>(&mut self, future: F, local: &LocalSet) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.insert(local.spawn_local(future))
    }
}

impl<T: Send + 'static> JoinSet<T> {
    /// Spawns a task into the set.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.insert(crate::spawn(future))
    }

    /// Spawns a task of a given runtime into the set, from any thread.
    #[track_caller]
    pub fn spawn_on<F>(&mut self, future: F, runtime: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.insert(runtime.spawn(future))
    }

    /// Runs a function that may block, as a member of the set. See
    /// [`task::spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn_blocking<F>(&mut self, f: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
    {
        self.insert(blocking::spawn_blocking(f))
    }

    /// As [`spawn_blocking`](JoinSet::spawn_blocking), on a given runtime, from any thread.
    #[track_caller]
    pub fn spawn_blocking_on<F>(&mut self, f: F, runtime: &Handle) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
    {
        self.insert(runtime.spawn_blocking(f))
    }

    /// Spawns tasks with names into the set.
    ///
    /// ```
    /// # raddle::block_on(async {
    /// let mut set = raddle::task::JoinSet::new();
    /// let task = set.build_task().name("reader").spawn(async { 1 });
    /// assert_eq!(task.name(), Some("reader"));
    /// # set.shutdown().await;
    /// # })
    /// ```
    pub fn build_task(&mut self) -> JoinSetBuilder<'_, T> {
        JoinSetBuilder { set: self, builder: Builder::new() }
    }
}

/// A [`Builder`] whose tasks become members of a [`JoinSet`]. Made by [`JoinSet::build_task`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it spawns"]
pub struct JoinSetBuilder<'a, T> {
    set: &'a mut JoinSet<T>,
    builder: Builder<'a>,
}

impl<'a, T: Send + 'static> JoinSetBuilder<'a, T> {
    /// As [`Builder::name`].
    pub fn name(mut self, name: &'a str) -> JoinSetBuilder<'a, T> {
        self.builder = self.builder.name(name);
        self
    }

    /// As [`Builder::priority`].
    pub fn priority(mut self, priority: Priority) -> JoinSetBuilder<'a, T> {
        self.builder = self.builder.priority(priority);
        self
    }

    /// As [`Builder::location`].
    pub fn location(mut self, location: &'static Location<'static>) -> JoinSetBuilder<'a, T> {
        self.builder = self.builder.location(location);
        self
    }

    /// As [`JoinSet::spawn`].
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.set.insert(self.builder.spawn(future))
    }

    /// As [`JoinSet::spawn_on`].
    #[track_caller]
    pub fn spawn_on<F>(self, future: F, runtime: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.set.insert(self.builder.spawn_on(future, runtime))
    }

    /// As [`JoinSet::spawn_blocking`].
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn_blocking<F>(self, f: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
    {
        self.set.insert(self.builder.spawn_blocking(f))
    }

    /// As [`JoinSet::spawn_blocking_on`].
    #[track_caller]
    pub fn spawn_blocking_on<F>(self, f: F, runtime: &Handle) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
    {
        self.set.insert(self.builder.spawn_blocking_on(f, runtime))
    }

    /// As [`JoinSet::spawn_local`].
    ///
    /// # Panics
    /// Outside a [`LocalSet`].
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.set.insert(self.builder.spawn_local(future))
    }

    /// As [`JoinSet::spawn_local_on`].
    #[track_caller]
    pub fn spawn_local_on<F>(self, future: F, local: &LocalSet) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.set.insert(self.builder.spawn_local_on(future, local))
    }
}

impl<F> FromIterator<F> for JoinSet<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    /// Spawns every future.
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> JoinSet<F::Output> {
        let mut set = JoinSet::new();
        set.extend(futures);
        set
    }
}

impl<F> Extend<F> for JoinSet<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    /// Spawns every future.
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        for future in futures {
            self.spawn(future);
        }
    }
}
