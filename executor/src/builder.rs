//! Tasks with more than a future.

use crate::blocking;
use crate::local::{self, LocalSet};
use crate::runtime::Handle;
use crate::scheduler::context;
use crate::task::raw::TaskRef;
use crate::task::{JoinHandle, Priority, extras};
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
    priority: Priority,
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

    /// Whether the task comes before the others that want to be polled, or after them. By default it is in line with them.
    ///
    /// Local and pinned tasks, and blocking calls, wait in queues of their own, where all are equal.
    pub fn priority(mut self, priority: Priority) -> Builder<'a> {
        self.priority = priority;
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

    /// Starts a task on the local set whose code is running here. See [`task::spawn_local`](crate::task::spawn_local). It never
    /// begins inside this call.
    ///
    /// # Panics
    /// Outside a [`LocalSet`].
    ///
    /// ```
    /// let runtime = raddle::task::LocalRuntime::new()?;
    /// runtime.block_on(async {
    ///     let number = std::rc::Rc::new(7);
    ///     let task = raddle::task::Builder::new().name("counter").spawn_local(async move { *number });
    ///     assert_eq!(task.name(), Some("counter"));
    ///     assert_eq!(task.await.unwrap(), 7);
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let location = self.place(Location::caller());
        local::spawn_local_furnished(future, location, |task| self.furnish(task))
    }

    /// As [`spawn_local`](Builder::spawn_local), on a given set.
    #[track_caller]
    pub fn spawn_local_on<F>(self, future: F, set: &LocalSet) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let location = self.place(Location::caller());
        set.spawn_furnished(future, location, |task| self.furnish(task))
    }

    /// Starts a task on a given worker thread. See [`task::spawn_pinned`](crate::task::spawn_pinned). It never begins inside this
    /// call.
    ///
    /// # Panics
    /// Outside a runtime, and if there is no worker of that number.
    #[track_caller]
    pub fn spawn_pinned<M, F>(self, worker_index: usize, make: M) -> JoinHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let runtime = Handle { shared: context::expect_arc("task::Builder::spawn_pinned") };
        self.place_at(Location::caller()).spawn_pinned_on(worker_index, make, &runtime)
    }

    /// As [`spawn_pinned`](Builder::spawn_pinned), on a given runtime, from any thread.
    ///
    /// # Panics
    /// If there is no worker of that number.
    #[track_caller]
    pub fn spawn_pinned_on<M, F>(
        self,
        worker_index: usize,
        make: M,
        runtime: &Handle,
    ) -> JoinHandle<F::Output>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let location = self.place(Location::caller());
        let furnish = |task| self.furnish(task);
        local::spawn_pinned_furnished(&runtime.shared, worker_index, make, location, furnish)
    }

    /// With a place of origin, if it has none yet.
    fn place_at(self, caller: &'static Location<'static>) -> Builder<'a> {
        Builder { location: Some(self.place(caller)), ..self }
    }

    fn place(&self, caller: &'static Location<'static>) -> &'static Location<'static> {
        self.location.unwrap_or(caller)
    }

    fn furnish(&self, task: TaskRef) {
        match self.name {
            Some(name) => extras::furnish(task, Some(name.into())),
            None => extras::inherit(task),
        }
        let special = &task.header().special;
        special.set(special.get() | self.priority.to_special());
    }
}
