//! What was left when a runtime was stopped.

use super::Runtime;
use crate::scheduler::context;
use crate::scheduler::grace::ask_and_wait;
use crate::scheduler::shared::Shared;
use crate::task::Id;
use crate::task::polled::Polls;
use crate::task::raw::TaskRef;
use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

/// What had not ended when a runtime was stopped. From [`Runtime::shutdown`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// The tasks and calls that were cancelled, and those whose poll, or call, had not returned when the time was up, in no order.
    pub tasks: Vec<Leftover>,
    /// Blocking calls still running when the time was up; their threads end when they do.
    pub blocking_calls: usize,
    /// Worker threads still in a poll when the time was up; they end when it does. The task that each is in is in the list.
    /// Others that wait to be polled there are not: only that thread may touch them.
    pub stuck_workers: usize,
}

/// A task that had not ended when its runtime was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftover {
    /// Its id.
    pub id: Id,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
    /// What it was doing.
    pub state: LeftoverState,
}

/// What a task was doing when its runtime was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeftoverState {
    /// It was to be polled soon; or it was a blocking call that waited for a thread.
    Queued,
    /// It waited to be woken.
    Waiting,
    /// It was being polled, and the poll did not return in time. The task goes on until it does. Told where the system has a
    /// fence for one side (Linux); elsewhere such tasks are missing, and `stuck_workers` counts.
    Polling,
    /// A blocking call that had begun, and did not return in time. Told where `Polling` is.
    Blocking,
}

impl Leftover {
    /// The caller stands on the right to poll, or holds up who does (T18).
    pub(crate) fn of(task: TaskRef, state: LeftoverState) -> Leftover {
        let name = task.name().map(str::to_owned);
        Leftover { id: task.id(), name, spawned_at: task.location(), state }
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name}")?,
            None => write!(f, "task {}", self.id)?,
        }
        let state = match self.state {
            LeftoverState::Queued => "queued",
            LeftoverState::Waiting => "waiting",
            LeftoverState::Polling => "being polled",
            LeftoverState::Blocking => "a blocking call under way",
        };
        write!(f, " ({}), {state}", self.spawned_at)
    }
}

impl ShutdownReport {
    /// Whether everything had ended.
    pub fn is_clean(&self) -> bool {
        self.tasks.is_empty() && self.blocking_calls == 0 && self.stuck_workers == 0
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("nothing was left");
        }
        write!(
            f,
            "{} tasks, {} blocking calls and {} stuck workers were left",
            self.tasks.len(),
            self.blocking_calls,
            self.stuck_workers
        )?;
        self.tasks.iter().try_for_each(|task| write!(f, "; {task}"))
    }
}

/// How long to wait between two looks at the polls that have not ended.
const ROUND: Duration = Duration::from_millis(1);

fn being_polled(shared: &Shared) -> Vec<Leftover> {
    let mut polled = Vec::new();
    shared.pollers.for_each(|task, polls| {
        let state = match polls {
            Polls::Tasks => LeftoverState::Polling,
            Polls::Calls => LeftoverState::Blocking,
        };
        polled.push(Leftover::of(task, state));
    });
    polled
}

impl Runtime {
    /// Stops the runtime as [`shutdown_timeout`](Runtime::shutdown_timeout), and says what was left.
    ///
    /// To let tasks end by themselves, see [`shutdown_graceful`](Runtime::shutdown_graceful).
    ///
    /// ```
    /// use raddle::runtime::Runtime;
    /// use raddle::task::Builder;
    /// use std::time::Duration;
    ///
    /// let runtime = Runtime::new()?;
    /// runtime.block_on(async {
    ///     Builder::new().name("forgotten").spawn(std::future::pending::<()>());
    /// });
    /// let report = runtime.shutdown(Duration::from_secs(5));
    /// assert_eq!(report.tasks[0].name.as_deref(), Some("forgotten"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(self, timeout: Duration) -> ShutdownReport {
        self.stop(Instant::now().checked_add(timeout))
    }

    /// Asks every task to stop, as [`JoinHandle::cancel`](crate::task::JoinHandle::cancel) does, and gives them `grace` to do so; then
    /// stops the runtime as [`shutdown`](Runtime::shutdown), with what is left of `timeout`, and says what had to be cancelled.
    ///
    /// Tasks hear of it by [`task::cancelled`](crate::task::cancelled) and [`task::is_cancelled`](crate::task::is_cancelled). They may go on
    /// to use timers, sockets and other tasks, and what they spawn is asked, too. It is over as soon as all have ended, those
    /// that do not listen included, and blocking calls as well. Tasks of a [`LocalSet`](crate::task::LocalSet) are not asked. A
    /// current-thread runtime is driven by this thread meanwhile, unless another is in `block_on`. Both times are the system's, also
    /// if the runtime's time is paused.
    ///
    /// Inside a task or `block_on` nobody is waited for, as with [`shutdown_background`](Runtime::shutdown_background), and so nobody asked.
    ///
    /// ```
    /// use raddle::runtime::Runtime;
    /// use raddle::task::{self, Builder};
    /// use std::time::Duration;
    ///
    /// let runtime = Runtime::new()?;
    /// let polite = runtime.spawn(async {
    ///     task::cancelled().await;
    ///     task::yield_now().await; // Says good-bye to somebody.
    ///     "cleaned up"
    /// });
    /// runtime.block_on(async {
    ///     Builder::new().name("deaf").spawn(std::future::pending::<()>());
    /// });
    /// let report = runtime.shutdown_graceful(Duration::from_millis(50), Duration::from_secs(5));
    /// assert_eq!(polite.blocking_wait().unwrap(), "cleaned up");
    /// assert_eq!(report.tasks.len(), 1);
    /// assert_eq!(report.tasks[0].name.as_deref(), Some("deaf"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown_graceful(self, grace: Duration, timeout: Duration) -> ShutdownReport {
        let deadline = Instant::now().checked_add(timeout);
        if !context::is_in_async_code() && !self.handle.shared.driver.was_forked() {
            ask_and_wait(&self.handle.shared, Instant::now().checked_add(grace.min(timeout)));
        }
        self.stop(deadline)
    }

    fn stop(mut self, deadline: Option<Instant>) -> ShutdownReport {
        let shared = self.handle.shared.clone();
        shared.shutdown.report_leftovers();
        self.end(deadline);
        if shared.driver.was_forked() {
            // What is written down there is of threads that are not here.
            return ShutdownReport::default();
        }
        // Threads of the runtime have been waited for; one in `block_on` has not, and may be in a poll.
        let mut polled = being_polled(&shared);
        let may_wait = !context::is_in_async_code();
        while may_wait && !polled.is_empty() && deadline.is_none_or(|end| Instant::now() < end) {
            // Nobody tells when a poll ends: that would cost every task something.
            std::thread::sleep(ROUND);
            polled = being_polled(&shared);
        }
        let mut tasks = shared.shutdown.take_leftovers();
        tasks.append(&mut polled);
        ShutdownReport {
            tasks,
            blocking_calls: shared.blocking.threads_left(),
            stuck_workers: self.threads.left(),
        }
    }
}
