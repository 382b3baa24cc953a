//! The list of a runtime's live tasks, for whoever asks. (asyncio's `all_tasks`.)

use super::{Handle, Runtime};
use crate::scheduler::shared::Shared;
use crate::task::raw::TaskRef;
use crate::task::{AbortHandle, Id, Priority};
use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

pub use crate::task::list::{TaskKind, WokenBy};

/// A live task, as it was when the list was made. From [`Handle::tasks`].
///
/// Rust keeps no stack of a future that is suspended: what asyncio's `get_stack` shows ends here at the place where the task was
/// spawned.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TaskInfo {
    /// Its id.
    pub id: Id,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
    /// The task whose code spawned it; `None` for code that is no task, such as the future in `block_on`. It may have
    /// ended.
    pub parent: Option<Id>,
    /// Whether it is one of [`spawn`](crate::spawn), or of another kind.
    pub kind: TaskKind,
    /// How soon it is to be polled.
    pub priority: Priority,
    /// What it is doing.
    pub state: TaskState,
    /// How often it has been polled, a poll under way included.
    pub polls: u64,
    /// The time spent in its polls, one under way included. It is the system's time, whether or not the thread was running. What
    /// the task polls itself counts, such as a task that it spawns eagerly.
    pub busy: Duration,
    /// How long ago it was spawned.
    pub age: Duration,
    /// What has woken it the last time.
    pub woken_by: WokenBy,
    born: Instant,
    handle: AbortHandle,
}

/// What a live task is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// It is to be polled soon. A blocking call waits for a thread.
    Queued,
    /// It is being polled, or its future is being dropped. A blocking call is under way.
    #[non_exhaustive]
    Polling {
        /// Since when.
        elapsed: Duration,
        /// The index of the worker that polls it, among those of a [`Dump`](super::Dump); `None` for blocking calls and tasks of a
        /// [`LocalSet`](crate::task::LocalSet).
        worker: Option<usize>,
    },
    /// It waits to be woken.
    Waiting,
}

/// The runtime keeps no list of its tasks. From [`Handle::tasks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TasksNotTracked;

impl fmt::Display for TasksNotTracked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this runtime keeps no list of its tasks: build it with `runtime::Builder::track_tasks(true)`, or start the \
             program with RADDLE_DEBUG=tasks in its environment",
        )
    }
}

impl std::error::Error for TasksNotTracked {}

impl TaskInfo {
    /// `None` for one that has ended.
    fn of(handle: AbortHandle, shared: &Shared) -> Option<TaskInfo> {
        let record = handle.record()?;
        let polls = record.polls();
        let seen = handle.task().state().load();
        if seen.is_complete() {
            return None;
        }
        let state = match polls.under_way {
            Some((elapsed, owner)) => {
                TaskState::Polling { elapsed, worker: shared.index_of_owner(owner) }
            }
            None if seen.wakes() > 0 => TaskState::Queued,
            None => TaskState::Waiting,
        };
        Some(TaskInfo {
            id: handle.id(),
            name: handle.name().map(str::to_owned),
            spawned_at: handle.spawned_at(),
            parent: record.parent,
            kind: record.kind,
            priority: handle.task().priority(),
            state,
            polls: polls.count,
            busy: polls.busy,
            age: record.born.elapsed(),
            woken_by: record.woken_by(),
            born: record.born,
            handle,
        })
    }

    /// A handle that can cancel or abort the task.
    ///
    /// ```
    /// let runtime = raddle::runtime::Builder::new_multi_thread().track_tasks(true).build()?;
    /// let forgotten = runtime.spawn(std::future::pending::<()>());
    /// for task in runtime.tasks()? {
    ///     task.abort_handle().abort();
    /// }
    /// assert!(forgotten.blocking_wait().unwrap_err().is_cancelled());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn abort_handle(&self) -> AbortHandle {
        self.handle.clone()
    }
}

/// A name or an id, the place, and what the task does.
impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TaskKind::Spawned => write!(f, "task {}", self.id)?,
            TaskKind::Local => write!(f, "local task {}", self.id)?,
            TaskKind::Pinned => write!(f, "pinned task {}", self.id)?,
            TaskKind::Blocking => write!(f, "blocking call {}", self.id)?,
        }
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        write!(f, " ({}): ", self.spawned_at)?;
        match self.priority {
            Priority::High => f.write_str("high, ")?,
            Priority::Normal => {}
            Priority::Low => f.write_str("low, ")?,
        }
        match (self.state, self.kind) {
            (TaskState::Queued, TaskKind::Blocking) => f.write_str("waits for a thread")?,
            (TaskState::Queued, _) => f.write_str("queued")?,
            (TaskState::Polling { elapsed, .. }, TaskKind::Blocking) => {
                write!(f, "under way for {elapsed:.1?}")?;
            }
            (TaskState::Polling { elapsed, worker: None }, _) => {
                write!(f, "being polled for {elapsed:.1?}")?;
            }
            (TaskState::Polling { elapsed, worker: Some(worker) }, _) => {
                write!(f, "being polled for {elapsed:.1?} by worker {worker}")?;
            }
            (TaskState::Waiting, _) => f.write_str("waiting")?,
        }
        if self.kind == TaskKind::Blocking {
            return write!(f, "; {:.1?} old", self.age);
        }
        let (polls, busy, age) = (self.polls, self.busy, self.age);
        let s = if polls == 1 { "" } else { "s" };
        write!(f, ", {}; {polls} poll{s}, busy for {busy:.1?} of {age:.1?}", self.woken_by)
    }
}

impl Shared {
    /// T70: lists a new task, which nobody else knows of yet, if there is a list.
    #[inline]
    pub(crate) fn track(&self, task: TaskRef, kind: TaskKind) {
        if let Some(tasks) = &self.tasks {
            tasks.add(task, kind);
        }
    }
}

impl Handle {
    /// The live tasks of this runtime, from the oldest to the youngest, from any thread. (asyncio's `all_tasks`.)
    ///
    /// Those of [`spawn`](crate::spawn) and pinned ones, and blocking calls; and tasks of a
    /// [`LocalSet`](crate::task::LocalSet), if their spawner was in this runtime. A task is in the list from its spawn until it has
    /// ended: whoever has joined it does not find it here.
    ///
    /// Each is as it was at some moment during the call, and not all at the same. Nothing stops meanwhile.
    ///
    /// # Errors
    /// [`TasksNotTracked`] if the runtime keeps no list, as it does not unless asked to:
    /// [`Builder::track_tasks`](super::Builder::track_tasks).
    ///
    /// ```
    /// let runtime = raddle::runtime::Builder::new_current_thread().track_tasks(true).build()?;
    /// runtime.block_on(async {
    ///     let reader = raddle::task::Builder::new().name("reader").spawn(std::future::pending::<()>());
    ///     raddle::task::yield_now().await;
    ///     let tasks = raddle::runtime::Handle::current().tasks().unwrap();
    ///     assert_eq!(tasks.len(), 1);
    ///     assert_eq!((tasks[0].id, tasks[0].name.as_deref()), (reader.id(), Some("reader")));
    ///     println!("{}", tasks[0]);
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn tasks(&self) -> Result<Vec<TaskInfo>, TasksNotTracked> {
        let list = self.shared.tasks.as_ref().ok_or(TasksNotTracked)?;
        let live = list.live().into_iter();
        let mut tasks: Vec<_> = live.filter_map(|task| TaskInfo::of(task, &self.shared)).collect();
        tasks.sort_by_key(|task| (task.born, task.id));
        Ok(tasks)
    }
}

impl Runtime {
    /// The live tasks of this runtime. See [`Handle::tasks`].
    ///
    /// # Errors
    /// [`TasksNotTracked`] if the runtime keeps no list.
    pub fn tasks(&self) -> Result<Vec<TaskInfo>, TasksNotTracked> {
        self.handle.tasks()
    }
}
