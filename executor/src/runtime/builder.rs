//! Configuring a runtime.

use super::Runtime;
use super::debug;
use super::handle::Handle;
use super::hooks::TaskHooks;
use super::threads::Threads;
use crate::blocking;
use crate::scheduler::hooks::{Hook, Hooks};
use crate::scheduler::idle::WORKERS_MAX;
use crate::scheduler::shared::{Shared, Slots};
use crate::time::contained::Contained;
use raddle_timer::{Clock, PausableClock, SystemClock};
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Slots for threads that work while they wait in `block_on`; further ones only wait.
const GUESTS: usize = 2;
/// Most threads that stand in for workers: each has a slot, whether it is there or not.
const RELIEFS_MAX: usize = 1_024;
/// Overrides the default number of worker threads.
const WORKERS_VARIABLE: &str = "RADDLE_WORKERS";

/// Configures a [`Runtime`].
///
/// ```
/// let runtime = raddle::runtime::Builder::new_multi_thread()
///     .worker_threads(2)
///     .thread_name("crawler")
///     .build()?;
/// assert_eq!(runtime.block_on(async { 1 + 1 }), 2);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Builder {
    multi_thread: bool,
    worker_threads: Option<usize>,
    thread_name: Arc<dyn Fn() -> String + Send + Sync>,
    /// The name, if it is always the same.
    fixed_name: Option<String>,
    thread_stack_size: Option<usize>,
    max_blocking_threads: usize,
    thread_keep_alive: Duration,
    relief_threads: usize,
    seed: Option<u64>,
    pub(super) hooks: Hooks,
    clock: Arc<dyn Clock>,
    start_paused: bool,
    pub(super) task_hooks: TaskHooks,
}

/// A runtime could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// A field's value is out of range or malformed.
    #[non_exhaustive]
    Field {
        /// The field, or the environment variable that stands for it.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The system refused a thread or a descriptor.
    Io(io::Error),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Field { field, problem } => {
                write!(f, "building a raddle runtime: {field} {problem}")
            }
            BuildError::Io(error) => write!(f, "building a raddle runtime: {error}"),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BuildError::Field { .. } => None,
            BuildError::Io(error) => Some(error),
        }
    }
}

impl From<BuildError> for io::Error {
    fn from(error: BuildError) -> io::Error {
        match error {
            BuildError::Field { .. } => io::Error::new(io::ErrorKind::InvalidInput, error),
            BuildError::Io(error) => error,
        }
    }
}

pub(super) fn invalid(field: &'static str, problem: impl Into<String>) -> BuildError {
    BuildError::Field { field, problem: problem.into() }
}

impl Builder {
    fn new(multi_thread: bool) -> Builder {
        Builder {
            multi_thread,
            worker_threads: None,
            thread_name: Arc::new(|| "raddle-worker".to_owned()),
            fixed_name: None,
            thread_stack_size: None,
            max_blocking_threads: 512,
            thread_keep_alive: Duration::from_secs(10),
            relief_threads: 2,
            seed: None,
            hooks: Hooks::default(),
            clock: Arc::new(SystemClock),
            start_paused: false,
            task_hooks: TaskHooks::default(),
        }
    }

    /// A runtime whose worker threads steal tasks from one another.
    pub fn new_multi_thread() -> Builder {
        Builder::new(true)
    }

    /// A runtime without threads of its own: tasks run while some thread is in `block_on`.
    pub fn new_current_thread() -> Builder {
        Builder::new(false)
    }

    /// How many worker threads a multi-thread runtime has. A current-thread runtime has none, whatever is set here.
    ///
    /// The default is the number of processors this process may use, quotas of its control group included, or what the
    /// environment variable `RADDLE_WORKERS` says.
    pub fn worker_threads(&mut self, count: usize) -> &mut Builder {
        self.worker_threads = Some(count);
        self
    }

    /// The name of every thread the runtime starts. The default is `raddle-worker`.
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut Builder {
        let name = name.into();
        self.fixed_name = Some(name.clone());
        self.thread_name = Arc::new(move || name.clone());
        self
    }

    /// Makes the name of each thread the runtime starts.
    pub fn thread_name_fn(
        &mut self,
        name: impl Fn() -> String + Send + Sync + 'static,
    ) -> &mut Builder {
        self.fixed_name = None;
        self.thread_name = Arc::new(name);
        self
    }

    /// The stack size, in bytes, of every thread the runtime starts. The default is that of [`std::thread`].
    pub fn thread_stack_size(&mut self, bytes: usize) -> &mut Builder {
        self.thread_stack_size = Some(bytes);
        self
    }

    /// How many threads [`spawn_blocking`](crate::task::spawn_blocking) may use at once, 512 by default; further calls
    /// wait for a thread.
    pub fn max_blocking_threads(&mut self, count: usize) -> &mut Builder {
        self.max_blocking_threads = count;
        self
    }

    /// How long a blocking thread without work waits for more before it ends: ten seconds by default.
    pub fn thread_keep_alive(&mut self, duration: Duration) -> &mut Builder {
        self.thread_keep_alive = duration;
        self
    }

    /// How many threads a multi-thread runtime may start, for as long as they are needed, when every worker is stuck in a
    /// task that blocks or computes: 2 by default. With none, all others wait for the end of such polls.
    ///
    /// A runtime with such threads has one more from the start, which looks after the workers while all of them are busy,
    /// and sleeps otherwise. What waits behind tasks that have not returned for ten milliseconds or so is then run by
    /// others: queued tasks, events, deadlines. The stuck tasks themselves stay where they are, as Rust cannot interrupt
    /// them; to block on purpose, use [`spawn_blocking`](crate::task::spawn_blocking) or
    /// [`block_in_place`](crate::task::block_in_place). Programs that count on tasks not running while they hold up every
    /// worker set this to zero.
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// let runtime = raddle::runtime::Builder::new_multi_thread().worker_threads(1).build()?;
    /// let (sender, receiver) = mpsc::channel();
    /// let bad = runtime.spawn(async move { receiver.recv() }); // Blocks the only worker.
    /// runtime.spawn(async move { sender.send("and yet it moves") });
    /// assert_eq!(runtime.block_on(bad).unwrap(), Ok("and yet it moves"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn relief_threads(&mut self, count: usize) -> &mut Builder {
        self.relief_threads = count;
        self
    }

    /// Seeds the choice of victims when workers steal. Threads still run as the system schedules them.
    pub fn rng_seed(&mut self, seed: u64) -> &mut Builder {
        self.seed = Some(seed);
        self
    }

    /// Whether a task begins where it is spawned; not by default. (asyncio's `eager_task_factory`.)
    ///
    /// Then [`spawn`](crate::spawn), called by code that a worker or a thread in `block_on` runs, polls the new task at once,
    /// and queues it only if it has to wait. What never waits is done when `spawn` returns, and its handle is ready. From
    /// outside the runtime tasks are queued as ever.
    ///
    /// In its first poll the task is the current one, with its own id, name and cancel scope; it sees values of its own keys
    /// and of those declared `inherit`, and not its spawner's others; hooks are called as for any poll; a panic stays in the task. It
    /// draws on the *spawner's* budget. Up to eight such polls are inside one another; deeper ones are queued.
    ///
    /// The spawner waits meanwhile: it must hold no lock, no borrow of a `RefCell` and no task-local value in use that the
    /// task wants as well. What was fair in the order of the queue is not any more. [`task::Builder::eager`] does this for
    /// single tasks.
    ///
    /// [`task::Builder::eager`]: crate::task::Builder::eager
    ///
    /// ```
    /// let runtime = raddle::runtime::Builder::new_multi_thread().spawn_eager(true).build()?;
    /// runtime.block_on(async {
    ///     let cached = raddle::spawn(async { "from the cache" });
    ///     assert!(cached.is_finished()); // It never had to wait.
    ///     assert_eq!(cached.await.unwrap(), "from the cache");
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn spawn_eager(&mut self, spawn_eager: bool) -> &mut Builder {
        self.hooks.spawns_eagerly = spawn_eager;
        self
    }

    /// Called on every thread the runtime starts, before it does anything else.
    ///
    /// A panic of a hook is reported, and otherwise ignored.
    pub fn on_thread_start(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Builder {
        self.hooks.on_thread_start = Some(Arc::new(hook) as Hook);
        self
    }

    /// Called on every thread the runtime has started, before it ends.
    pub fn on_thread_stop(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Builder {
        self.hooks.on_thread_stop = Some(Arc::new(hook) as Hook);
        self
    }

    /// Called on a worker before it sleeps, also on a thread inside `block_on`.
    pub fn on_thread_park(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Builder {
        self.hooks.on_thread_park = Some(Arc::new(hook) as Hook);
        self
    }

    /// Called on a worker after it has slept.
    pub fn on_thread_unpark(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Builder {
        self.hooks.on_thread_unpark = Some(Arc::new(hook) as Hook);
        self
    }

    /// Where the runtime takes the time from that its tasks see: for sleeps, timeouts and
    /// [`Instant::now`](crate::time::Instant::now). The default is the system's monotonic clock.
    ///
    /// On a [`ManualClock`](crate::time::ManualClock) time passes when the program says so, seen by all threads at once;
    /// to have it pass by itself whenever nobody has anything to do, see [`start_paused`](Builder::start_paused).
    ///
    /// ```
    /// use raddle::time::{Duration, ManualClock, sleep};
    ///
    /// let clock = ManualClock::new();
    /// let runtime = raddle::runtime::Builder::new_multi_thread().clock(clock.clone()).build()?;
    /// let nap = runtime.spawn(async { sleep(Duration::from_secs(3600)).await });
    /// while !nap.is_finished() {
    ///     clock.advance(Duration::from_secs(60));
    ///     std::thread::yield_now();
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// A clock of the program's own that can stand still or jump has to say so, by [`Clock::is_running`] and [`Clock::on_jump`]: on one that
    /// only answers `now`, it is taken to run as the system's does, and a sleep ends when that much of the system's time has passed at the
    /// earliest.
    ///
    /// A clock that panics is one that stands still, until it answers again; the panic hook reports it.
    ///
    /// # Panics
    /// If the clock does, which is asked for the time here first.
    pub fn clock(&mut self, clock: impl Clock + 'static) -> &mut Builder {
        self.clock = Arc::new(Contained::new(clock));
        self
    }

    /// Whether time stands still from the start, as after [`time::pause`](crate::time::pause); not by default.
    ///
    /// ```
    /// use raddle::time::{Duration, Instant, sleep};
    ///
    /// let runtime = raddle::runtime::Builder::new_multi_thread().start_paused(true).build()?;
    /// runtime.block_on(async {
    ///     let begun = Instant::now();
    ///     sleep(Duration::from_secs(3600)).await; // Takes no time.
    ///     assert_eq!(begun.elapsed(), Duration::from_secs(3600));
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn start_paused(&mut self, start_paused: bool) -> &mut Builder {
        self.start_paused = start_paused;
        self
    }

    /// The I/O and timer drivers are always on. Here so that a program written for Tokio ports by changing the import.
    pub fn enable_all(&mut self) -> &mut Builder {
        self
    }

    /// As [`enable_all`](Builder::enable_all).
    pub fn enable_io(&mut self) -> &mut Builder {
        self
    }

    /// As [`enable_all`](Builder::enable_all).
    pub fn enable_time(&mut self) -> &mut Builder {
        self
    }

    /// Starts the runtime.
    ///
    /// # Errors
    /// [`BuildError::Field`] names the field whose value makes no sense: zero or more than 32,767 worker threads, more
    /// than 1,024 relief threads, zero blocking threads, a thread name with an interior NUL, a malformed
    /// `RADDLE_WORKERS` or `RADDLE_DEBUG`. [`BuildError::Io`] if the
    /// system refuses a thread or a descriptor.
    pub fn build(&mut self) -> Result<Runtime, BuildError> {
        let workers = if self.multi_thread { self.count_workers()? } else { 0 };
        if self.relief_threads > RELIEFS_MAX {
            let problem = format!("is {}, more than {RELIEFS_MAX}", self.relief_threads);
            return Err(invalid("relief_threads", problem));
        }
        if self.max_blocking_threads == 0 {
            return Err(invalid("max_blocking_threads", "must be at least 1"));
        }
        if self.fixed_name.as_ref().is_some_and(|name| name.contains('\0')) {
            return Err(invalid("thread_name", "contains a NUL"));
        }
        let name = self.thread_name.clone();
        let blocking = blocking::Pool::new(blocking::Config {
            threads_max: self.max_blocking_threads,
            keep_alive: self.thread_keep_alive,
            stack_size: self.thread_stack_size,
            name: name.clone(),
            hooks: self.hooks.clone(),
        });
        let slots = match self.multi_thread {
            true => Slots { workers, guests: GUESTS, reliefs: self.relief_threads },
            false => Slots { workers: 0, guests: 1, reliefs: 0 },
        };
        let seed = self.seed.unwrap_or_else(random_seed);
        let time = PausableClock::new(self.clock.clone());
        if self.start_paused {
            time.pause();
        }
        let itself = Arc::new(OnceLock::new());
        let (clock, mut hooks) = (Arc::new(SystemClock), self.hooks.clone());
        hooks.observer = self.task_hooks.observer(&itself);
        hooks.tracks_tasks |= debug::from_environment()?.tracks_tasks;
        let shared =
            Shared::new(slots, clock, time, seed, hooks, blocking).map_err(BuildError::Io)?;
        itself.get_or_init(|| Arc::downgrade(&shared));
        let threads =
            Threads::start(&shared, &*name, self.thread_stack_size).map_err(BuildError::Io)?;
        Ok(Runtime { handle: Handle { shared }, threads, ended: false })
    }

    fn count_workers(&self) -> Result<usize, BuildError> {
        let (field, count) = match self.worker_threads {
            Some(count) => ("worker_threads", count),
            None => match std::env::var(WORKERS_VARIABLE) {
                Ok(text) => {
                    let count = text.trim().parse();
                    let count = count.map_err(|_| {
                        invalid(WORKERS_VARIABLE, format!("is {text:?}, not a number"))
                    })?;
                    (WORKERS_VARIABLE, count)
                }
                Err(std::env::VarError::NotPresent) => return Ok(num_cpus::get().min(WORKERS_MAX)),
                Err(std::env::VarError::NotUnicode(text)) => {
                    return Err(invalid(WORKERS_VARIABLE, format!("is {text:?}, not a number")));
                }
            },
        };
        match count {
            0 => Err(invalid(
                field,
                "must be at least 1; for no threads, use Builder::new_current_thread()",
            )),
            count if count > WORKERS_MAX => {
                Err(invalid(field, format!("is {count}, more than {WORKERS_MAX}")))
            }
            count => Ok(count),
        }
    }
}

/// Differs from runtime to runtime; nothing depends on its quality.
fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(())
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("multi_thread", &self.multi_thread)
            .field("worker_threads", &self.worker_threads)
            .field("thread_stack_size", &self.thread_stack_size)
            .field("max_blocking_threads", &self.max_blocking_threads)
            .field("thread_keep_alive", &self.thread_keep_alive)
            .field("relief_threads", &self.relief_threads)
            .field("seed", &self.seed)
            .field("clock", &self.clock)
            .field("start_paused", &self.start_paused)
            .finish_non_exhaustive()
    }
}
