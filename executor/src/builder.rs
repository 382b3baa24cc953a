//! Tasks with more than a future.

use crate::blocking;
use crate::runtime::Handle;
use crate::scheduler::context;
use crate::task::raw::TaskRef;
use crate::task::{JoinHandle, extras};
use std::future::Future;
use std::panic::Location;

/// Spawns tasks that have a name, or another place of origin than the call.
///
/// A name costs its task an allocation or two; what is not set here costs nothing.
///
/// ```
/// # raddle::block_on(async {
/// let task = raddle::task::Builder::new().name("reader").spawn(async { 7 });
/// assert_eq!(task.name(), Some("reader"));
/// assert_eq!(task.await.unwrap(), 7);
/// # })
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until it spawns"]
pub struct Builder<'a> {
    name: Option<&'a str>,
    location: Option<&'static Location<'static>>,
    eager: Option<bool>,
}

impl<'a> Builder<'a> {
    /// With nothing set.
    pub fn new() -> Builder<'a> {
        Builder::default()
    }

    /// What the task is called, for `JoinHandle::name` and reports. Names need not be unique.
    pub fn name(mut self, name: &'a str) -> Builder<'a> {
        self.name = Some(name);
        self
    }

    /// Where the task says it was spawned: for libraries that spawn on behalf of their callers. By default the place of
    /// the call of `spawn`.
    pub fn location(mut self, location: &'static Location<'static>) -> Builder<'a> {
        self.location = Some(location);
        self
    }

    /// Whether the task begins inside the call that spawns it, as
    /// [`runtime::Builder::spawn_eager`](crate::runtime::Builder::spawn_eager) says. By default what that was set to. Blocking calls
    /// begin on their own thread in any case.
    ///
    /// ```
    /// # raddle::block_on(async {
    /// let task = raddle::task::Builder::new().eager(true).spawn(async { 7 });
    /// assert!(task.is_finished());
    /// # })
    /// ```
    pub fn eager(mut self, eager: bool) -> Builder<'a> {
        self.eager = Some(eager);
        self
    }

    /// Starts a task. See [`raddle::spawn`](crate::spawn).
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let location = self.place(Location::caller());
        context::expect_current("task::Builder::spawn", |shared| {
            shared.spawn_furnished_as(self.eager, future, location, |task| self.furnish(task))
        })
    }

    /// Starts a task on a given runtime, from any thread.
    #[track_caller]
    pub fn spawn_on<F>(self, future: F, runtime: &Handle) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let location = self.place(Location::caller());
        let shared = &runtime.shared;
        shared.spawn_furnished_as(self.eager, future, location, |task| self.furnish(task))
    }

    /// Runs a function that may block. See [`task::spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn spawn_blocking<F, R>(self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let location = self.place(Location::caller());
        let shared = context::expect_arc("task::Builder::spawn_blocking");
        blocking::spawn(&shared, f, location, |task| self.furnish(task))
    }

    /// As [`spawn_blocking`](Builder::spawn_blocking), on a given runtime, from any thread.
    #[track_caller]
    pub fn spawn_blocking_on<F, R>(self, f: F, runtime: &Handle) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let location = self.place(Location::caller());
        blocking::spawn(&runtime.shared, f, location, |task| self.furnish(task))
    }

    fn place(&self, caller: &'static Location<'static>) -> &'static Location<'static> {
        self.location.unwrap_or(caller)
    }

    fn furnish(&self, task: TaskRef) {
        match self.name {
            Some(name) => extras::furnish(task, Some(name.into())),
            None => extras::inherit(task),
        }
    }
}
