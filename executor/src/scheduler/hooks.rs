//! What a `Builder` has to say about the threads and tasks of a runtime.

use crate::contain::contain;
use crate::task::observer::Observer;
use std::fmt;
use std::sync::Arc;

/// Called around a thread's life and sleep.
pub(crate) type Hook = Arc<dyn Fn() + Send + Sync>;

/// The hooks a `Builder` may set, and what else it says about tasks.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) on_thread_start: Option<Hook>,
    pub(crate) on_thread_stop: Option<Hook>,
    pub(crate) on_thread_park: Option<Hook>,
    pub(crate) on_thread_unpark: Option<Hook>,
    /// Whom to tell about tasks; nobody, as a rule.
    pub(crate) observer: Option<Arc<Observer>>,
    /// Whether tasks begin where they are spawned (T16).
    pub(crate) spawns_eagerly: bool,
    /// Whether there is a list of the tasks (T70).
    pub(crate) tracks_tasks: bool,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

/// Calls a hook. Its panic is reported by the panic hook and goes no further: the thread has tasks to run.
pub(crate) fn call(hook: &Option<Hook>) {
    // Between polls: whose budget is left, does not matter, and the hook may block; so may what is dropped with the thread.
    raddle_sync::budget::clear();
    if let Some(hook) = hook {
        contain(|| hook());
    }
}
