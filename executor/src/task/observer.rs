//! Hooks into the life of tasks.

use super::raw::TaskRef;
use super::{Id, Outcome, Priority, current};
use crate::contain::contain;
use raddle_sync::budget;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;

/// A task, as hooks see it.
pub struct TaskMeta<'a> {
    task: TaskRef,
    /// For the length of a call.
    borrowed: PhantomData<&'a ()>,
}

impl TaskMeta<'_> {
    /// The task's id.
    pub fn id(&self) -> Id {
        self.task.id()
    }

    /// The name the task was given by [`Builder::name`](super::Builder::name).
    pub fn name(&self) -> Option<&str> {
        self.task.name()
    }

    /// Its priority.
    pub fn priority(&self) -> Priority {
        self.task.priority()
    }

    /// Where the task was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.task.location()
    }
}

impl fmt::Debug for TaskMeta<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskMeta")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("spawned_at", &format_args!("{}", self.spawned_at()))
            .finish()
    }
}

pub(crate) type TaskHook = Box<dyn Fn(&TaskMeta<'_>) + Send + Sync>;

/// What is called, if anything is; a runtime without hooks has none of these.
#[derive(Default)]
pub(crate) struct Observer {
    pub(crate) spawned: Option<TaskHook>,
    pub(crate) before_poll: Option<TaskHook>,
    pub(crate) after_poll: Option<TaskHook>,
    pub(crate) terminated: Option<TaskHook>,
    pub(crate) panicked: Vec<TaskHook>,
}

impl Observer {
    pub(crate) fn spawned(&self, task: TaskRef) {
        call(self.spawned.as_ref(), task);
    }

    pub(super) fn before_poll(&self, task: TaskRef) {
        call(self.before_poll.as_ref(), task);
    }

    pub(super) fn after_poll(&self, task: TaskRef) {
        call(self.after_poll.as_ref(), task);
    }

    /// The future is gone, and nobody knows yet.
    pub(super) fn terminated(&self, task: TaskRef) {
        if task.header().outcome.get() == Outcome::Panicked {
            for hook in &self.panicked {
                call(Some(hook), task);
            }
        }
        call(self.terminated.as_ref(), task);
    }
}

/// T9: a hook's panic is reported by the panic hook, and goes no further.
fn call(hook: Option<&TaskHook>, task: TaskRef) {
    if let Some(hook) = hook {
        // P15: our caller may be in the middle of something that needs the slot.
        current::prepared(false, || {
            // Not in a poll, whose budget is none of its business.
            contain(|| {
                budget::suspend(|| hook(&TaskMeta { task, borrowed: PhantomData }));
            });
        });
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}
