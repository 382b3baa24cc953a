//! A picture of a runtime: its tasks, its workers, and what is queued. (asyncio's `print_stack`, Tokio's `Handle::dump`.)

use super::{Handle, Id, Runtime, TaskInfo, TaskState, TasksNotTracked};
use crate::scheduler::shared::Shared;
use crate::scheduler::slot::{Mode, Slot};
use crate::task::blocking::BlockingStats;
use crate::task::{self, list::TaskKind};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ptr;
use std::time::Duration;

/// What a runtime is doing. From [`Handle::dump`].
///
/// To be read by people, through [`Display`](fmt::Display), whose form may change; or by programs, field by field. Everything is
/// as it was at some moment during the call, and not all at the same.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Dump {
    /// The runtime's id.
    pub runtime: Id,
    /// Its tasks, if it keeps a list of them.
    pub tasks: Result<Vec<TaskInfo>, TasksNotTracked>,
    /// Its worker threads; then the places for threads in `block_on`, and for those that help out when all are stuck.
    pub workers: Vec<WorkerInfo>,
    /// How many workers look for tasks at others'.
    pub searching: usize,
    /// Tasks queued for whoever comes first: spawned or woken outside the workers, mostly.
    pub injected: usize,
    /// Tasks of high priority that are queued.
    pub high: usize,
    /// Tasks of low priority that are queued.
    pub low: usize,
    /// The pool for blocking calls.
    pub blocking: BlockingStats,
    /// Blocking calls that wait or are under way, and calls of [`block_in_place`](crate::task::block_in_place).
    pub blocking_calls: usize,
}

/// A worker, or a place for one. In a [`Dump`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerInfo {
    /// Its index, as [`spawn_pinned`](crate::task::spawn_pinned) counts.
    pub index: usize,
    /// Whose place it is.
    pub kind: WorkerKind,
    /// What it is doing.
    pub state: WorkerState,
    /// Tasks in its queue that others may take. (Those that only it can reach are not counted.)
    pub exposed: usize,
    /// Tasks that had been polled here first and were live when it went to sleep the last time.
    pub linked: usize,
    /// The task that it polls, and for how long it has, if the runtime keeps a list of its tasks.
    pub polling: Option<(task::Id, Duration)>,
}

/// Whose place it is. In a [`WorkerInfo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkerKind {
    /// A worker thread's.
    Worker,
    /// That of a thread in `block_on`, which works while it waits.
    Guest,
    /// That of a thread which helps out when all workers are stuck.
    Relief,
}

/// What a worker is doing. In a [`WorkerInfo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkerState {
    /// Nobody is in this place.
    Vacant,
    /// It polls tasks, or looks for some.
    Working,
    /// It polls the future in `block_on`, or is in [`block_in_place`](crate::task::block_in_place).
    InBlockOn,
    /// It sleeps, or waits for events.
    Parked,
}

impl Shared {
    /// The index of the slot that an owner pointer leads to, or in whose pinned tasks it does.
    pub(super) fn index_of_owner(&self, owner: *const ()) -> Option<usize> {
        let mut slots = self.slots.iter();
        slots.position(|slot| {
            let pinned =
                slot.pinned.get().is_some_and(|set| ptr::eq(&raw const **set, owner.cast()));
            pinned || ptr::eq(&raw const **slot, owner.cast())
        })
    }

    fn describe(&self, slot: &Slot, tasks: &[TaskInfo]) -> WorkerInfo {
        let index = slot.index;
        let kind = match index {
            _ if index < self.workers => WorkerKind::Worker,
            _ if index < self.slots.len() - self.reliefs => WorkerKind::Guest,
            _ => WorkerKind::Relief,
        };
        let state = match slot.mode() {
            Mode::Vacant => WorkerState::Vacant,
            Mode::Working => WorkerState::Working,
            Mode::Rooting => WorkerState::InBlockOn,
            Mode::Parked => WorkerState::Parked,
        };
        // Of several, one inside the other, the innermost.
        let polled = tasks.iter().filter_map(|task| match task.state {
            TaskState::Polling { elapsed, worker: Some(worker) } if worker == index => {
                Some((task.id, elapsed))
            }
            _ => None,
        });
        WorkerInfo {
            index,
            kind,
            state,
            exposed: slot.stealer.len() + usize::from(!slot.lifo_is_empty()),
            linked: slot.linked(),
            polling: polled.min_by_key(|&(_, elapsed)| elapsed),
        }
    }
}

impl Handle {
    /// A picture of this runtime, from any thread: to be printed when something does not get on.
    ///
    /// The tasks are in it if the runtime keeps a list of them, as it does with
    /// [`Builder::track_tasks`](super::Builder::track_tasks), or `RADDLE_DEBUG=tasks` in the environment; they are printed as a tree, each
    /// below the one whose code spawned it. Nothing stops meanwhile, and no task is asked: a stuck one is in the picture, with the
    /// time for which it has been stuck.
    ///
    /// ```
    /// let runtime = raddle::runtime::Builder::new_multi_thread().worker_threads(2).track_tasks(true).build()?;
    /// let never = runtime.spawn(std::future::pending::<()>());
    /// let dump = runtime.dump();
    /// assert!(dump.to_string().contains(&format!("task {}", never.id())));
    /// assert_eq!(dump.tasks?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dump(&self) -> Dump {
        let shared = &self.shared;
        let tasks = self.tasks();
        let known = tasks.as_deref().unwrap_or_default();
        let (high, low) = shared.lanes.lengths();
        Dump {
            runtime: self.id(),
            workers: shared.slots.iter().map(|slot| shared.describe(slot, known)).collect(),
            tasks,
            searching: shared.idle.searching(),
            injected: shared.injector.len(),
            high,
            low,
            blocking: self.blocking_stats(),
            blocking_calls: shared.blocking.in_flight(),
        }
    }
}

impl Runtime {
    /// A picture of this runtime. See [`Handle::dump`].
    pub fn dump(&self) -> Dump {
        self.handle.dump()
    }
}

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads =
            self.workers.iter().filter(|worker| worker.kind == WorkerKind::Worker).count();
        write!(f, "runtime {}, {threads} worker threads", self.runtime)?;
        match &self.tasks {
            Ok(tasks) => {
                let is_call = |task: &&TaskInfo| task.kind == TaskKind::Blocking;
                let calls = tasks.iter().filter(is_call).count();
                writeln!(f, ", {} tasks, {calls} blocking calls", tasks.len() - calls)?;
                write_tree(f, tasks)?;
            }
            Err(error) => writeln!(f, "\n  {error}")?,
        }
        for worker in &self.workers {
            if worker.state != WorkerState::Vacant {
                writeln!(f, "{worker}")?;
            }
        }
        let (searching, injected) = (self.searching, self.injected);
        let (high, low) = (self.high, self.low);
        writeln!(
            f,
            "{searching} searching, {injected} injected, {high} high and {low} low queued"
        )?;
        let BlockingStats { threads, idle_threads, queued, longest_wait } = self.blocking;
        write!(
            f,
            "blocking: {} calls, {queued} of them queued; {threads} threads, {idle_threads} idle; longest wait \
             {longest_wait:.1?}",
            self.blocking_calls
        )
    }
}

impl fmt::Display for WorkerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            WorkerKind::Worker => "worker",
            WorkerKind::Guest => "block_on, worker",
            WorkerKind::Relief => "relief, worker",
        };
        let state = match self.state {
            WorkerState::Vacant => "vacant",
            WorkerState::Working => "working",
            WorkerState::InBlockOn => "in the future of block_on, or blocking",
            WorkerState::Parked => "parked",
        };
        let (index, exposed, linked) = (self.index, self.exposed, self.linked);
        write!(f, "{kind} {index}: {state}")?;
        if let Some((id, elapsed)) = self.polling {
            write!(f, ", in task {id} for {elapsed:.1?}")?;
        }
        write!(f, "; {exposed} queued for all, {linked} linked")
    }
}

/// Each task below its parent, and those without one that is live at the edge.
fn write_tree(f: &mut fmt::Formatter<'_>, tasks: &[TaskInfo]) -> fmt::Result {
    let live: HashSet<_> = tasks.iter().map(|task| task.id).collect();
    let mut children: HashMap<_, Vec<&TaskInfo>> = HashMap::new();
    for task in tasks {
        let parent = task.parent.filter(|parent| live.contains(parent));
        children.entry(parent).or_default().push(task);
    }
    // A stack of our own: a chain of a million tasks is none for the thread's.
    let mut next: Vec<(usize, &TaskInfo)> = Vec::new();
    let mut push = |next: &mut Vec<_>, depth, parent| {
        let below = children.remove(&parent).unwrap_or_default();
        next.extend(below.into_iter().rev().map(|task| (depth, task)));
    };
    push(&mut next, 1, None);
    while let Some((depth, task)) = next.pop() {
        write!(f, "{:1$}{task}", "", 2 * depth)?;
        if let Some(parent) = task.parent.filter(|parent| !live.contains(parent)) {
            write!(f, "; its parent, task {parent}, has ended")?;
        }
        writeln!(f)?;
        push(&mut next, depth + 1, Some(task.id));
    }
    Ok(())
}
