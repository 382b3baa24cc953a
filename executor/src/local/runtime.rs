//! A runtime of one thread, on which nothing needs to be `Send`.

use super::LocalSet;
use crate::runtime::{Builder, EnterGuard, Handle, Runtime};
use crate::task::JoinHandle;
use std::future::Future;
use std::io;

/// A current-thread runtime with a [`LocalSet`] of its own: [`spawn_local`](super::spawn_local) works everywhere inside.
///
/// It stays on the thread that made it. Tasks, local ones and others, run while that thread is in
/// [`block_on`](LocalRuntime::block_on).
///
/// ```
/// # use std::{cell::Cell, rc::Rc};
/// let runtime = raddle::task::LocalRuntime::new()?;
/// let count = Rc::new(Cell::new(0));
/// let counted = count.clone();
/// let task = runtime.spawn_local(async move { counted.set(counted.get() + 1) });
/// runtime.block_on(task).unwrap();
/// assert_eq!(count.get(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct LocalRuntime {
    runtime: Runtime,
    /// `None` only while it is dropped.
    set: Option<LocalSet>,
}

impl LocalRuntime {
    /// With the defaults of [`Builder::new_current_thread`].
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn new() -> io::Result<LocalRuntime> {
        Ok(LocalRuntime::on(Builder::new_current_thread().build()?))
    }

    /// On a runtime built with options. With one that has worker threads, those run what is spawned by
    /// [`spawn`](crate::spawn).
    pub fn on(runtime: Runtime) -> LocalRuntime {
        LocalRuntime { runtime, set: Some(LocalSet::new()) }
    }

    fn set(&self) -> &LocalSet {
        self.set.as_ref().expect("there until the runtime is dropped")
    }

    /// Starts a task on this thread.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.set().spawn_local(future)
    }

    /// Runs `future` to its end, and the tasks in between. See [`Runtime::block_on`].
    ///
    /// # Panics
    /// As [`Runtime::block_on`].
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.set().block_on(&self.runtime, future)
    }

    /// A handle for spawning `Send` tasks from anywhere.
    pub fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// As [`Runtime::enter`].
    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }
}

impl Drop for LocalRuntime {
    /// Drops the local futures inside the runtime, as their destructors may expect, and then the runtime.
    fn drop(&mut self) {
        let _entered = self.runtime.enter();
        drop(self.set.take());
    }
}
