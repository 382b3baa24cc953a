//! Hooks into the life of a runtime's tasks, and what follows from a panic.

use super::Builder;
use crate::scheduler::shared::Shared;
use crate::task::TaskMeta;
use crate::task::observer::{Observer, TaskHook};
use std::io::Write;
use std::sync::{Arc, OnceLock, Weak};

type Hook = Arc<dyn Fn(&TaskMeta<'_>) + Send + Sync>;

/// What a runtime does when one of its tasks panics, whether or not somebody awaits the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum UnhandledPanic {
    /// Nothing: the panic is the task's output.
    #[default]
    Ignore,
    /// Writes the name, the id and the place of the task to the standard error output, where the panic itself has been
    /// reported.
    Log,
    /// Closes the runtime: every task is cancelled at its next suspension, and `block_on` panics, on whichever thread, before
    /// it polls its future again. (A future that is polled at that very moment, by another thread, may still end by itself.)
    ShutdownRuntime,
}

/// The hooks of a `Builder`, which may build several runtimes.
#[derive(Clone, Default)]
pub(super) struct TaskHooks {
    spawned: Option<Hook>,
    before_poll: Option<Hook>,
    after_poll: Option<Hook>,
    terminated: Option<Hook>,
    panicked: Option<Hook>,
    unhandled_panic: UnhandledPanic,
}

impl TaskHooks {
    /// What one runtime calls; nothing, if nothing was set. The runtime is put into the cell once there is one.
    pub(super) fn observer(&self, runtime: &Arc<OnceLock<Weak<Shared>>>) -> Option<Arc<Observer>> {
        let boxed = |hook: &Option<Hook>| {
            let hook = hook.clone()?;
            Some(Box::new(move |task: &TaskMeta<'_>| hook(task)) as TaskHook)
        };
        let mut panicked: Vec<TaskHook> = boxed(&self.panicked).into_iter().collect();
        match self.unhandled_panic {
            UnhandledPanic::Ignore => {}
            UnhandledPanic::Log => panicked.push(Box::new(log)),
            UnhandledPanic::ShutdownRuntime => {
                let runtime = runtime.clone();
                panicked.push(Box::new(move |task| {
                    if let Some(shared) = runtime.get().and_then(Weak::upgrade) {
                        shared.close_after(|| what_has_panicked(task));
                    }
                }));
            }
        }
        let observer = Observer {
            spawned: boxed(&self.spawned),
            before_poll: boxed(&self.before_poll),
            after_poll: boxed(&self.after_poll),
            terminated: boxed(&self.terminated),
            panicked,
        };
        let hooks =
            [&observer.spawned, &observer.before_poll, &observer.after_poll, &observer.terminated];
        let is_any = hooks.iter().any(|hook| hook.is_some()) || !observer.panicked.is_empty();
        is_any.then(|| Arc::new(observer))
    }
}

fn log(task: &TaskMeta<'_>) {
    // Nobody is left to tell if the standard error output is closed.
    let _ = writeln!(std::io::stderr(), "{}", what_has_panicked(task));
}

fn what_has_panicked(task: &TaskMeta<'_>) -> String {
    let name = task.name().unwrap_or("without a name");
    let (id, place) = (task.id(), task.spawned_at());
    format!("task {id} ({name}), spawned at {place}, has panicked")
}

/// Hooks concern the tasks of [`spawn`](crate::spawn), and neither blocking calls nor local tasks. A panic of a hook is
/// reported, and otherwise ignored. A runtime without hooks pays a look at a pointer per poll.
impl Builder {
    /// Called for each task that is spawned, by the thread that spawns it.
    pub fn on_task_spawn(
        &mut self,
        hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    ) -> &mut Builder {
        self.task_hooks.spawned = Some(Arc::new(hook));
        self
    }

    /// Called before each poll of a task, by its worker.
    pub fn on_before_task_poll(
        &mut self,
        hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    ) -> &mut Builder {
        self.task_hooks.before_poll = Some(Arc::new(hook));
        self
    }

    /// Called after each poll of a task, by its worker.
    pub fn on_after_task_poll(
        &mut self,
        hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    ) -> &mut Builder {
        self.task_hooks.after_poll = Some(Arc::new(hook));
        self
    }

    /// Called when the future of a task is gone, however the task has ended, and before a joiner hears of it.
    pub fn on_task_terminate(
        &mut self,
        hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    ) -> &mut Builder {
        self.task_hooks.terminated = Some(Arc::new(hook));
        self
    }

    /// Called for each task that has panicked, before a joiner hears of it, in addition to what
    /// [`unhandled_panic`](Builder::unhandled_panic) says.
    pub fn on_unhandled_panic(
        &mut self,
        hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    ) -> &mut Builder {
        self.task_hooks.panicked = Some(Arc::new(hook));
        self
    }

    /// What follows from the panic of a task: nothing by default.
    ///
    /// ```
    /// use raddle::runtime::{Builder, UnhandledPanic};
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    ///
    /// let runtime = Builder::new_current_thread()
    ///     .unhandled_panic(UnhandledPanic::ShutdownRuntime)
    ///     .build()?;
    /// let waits = runtime.spawn(std::future::pending::<()>());
    /// runtime.spawn(async { panic!("that is the end") });
    /// let serving = catch_unwind(AssertUnwindSafe(|| runtime.block_on(std::future::pending::<()>())));
    /// assert!(serving.is_err());
    /// assert!(waits.blocking_wait().unwrap_err().is_cancelled());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn unhandled_panic(&mut self, behavior: UnhandledPanic) -> &mut Builder {
        self.task_hooks.unhandled_panic = behavior;
        self
    }
}
