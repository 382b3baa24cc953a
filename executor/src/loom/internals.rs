//! What the models in `tests/loom` look at: parts that are private otherwise, and a worker without a scheduler, on which
//! tasks are polled one by one.
//!
//! # Safety
//! A stand-in for a worker calls the parts of `task/` that need the right to poll, under the rules cited at each call.

#![allow(unsafe_code)]

use super::cell::UnsafeCell;
use super::sync::Mutex;
use super::sync::atomic::{AtomicBool, AtomicPtr};
use crate::blocking;
use crate::scheduler::context;
use crate::scheduler::hooks::Hooks;
use crate::scheduler::shared::{Shared, Slots};
use crate::scheduler::worker::{End, Tenure};
use crate::task::cell::allocate;
use crate::task::list::{TaskKind, TaskList, record_of};
use crate::task::owned::OwnedTasks;
use crate::task::places::Places;
use crate::task::polled::Polled;
use crate::task::raw::TaskRef;
use crate::task::{Host, Id, JoinHandle, Priority, Schedule, TaskGroup, poll};
use raddle_timer::{Clock, Key, PausableClock};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

pub use super::checked::{including, leaving_out, without_fences};
pub use crate::queue::{Inject, Local, Part, Push, Rescue, Steal, Stealer};
pub use crate::scheduler::exchange::{Adopted, Exchange, Offer};
pub use crate::scheduler::guard::Guard;
pub use crate::scheduler::idle::{Idle, Searching, Unparked};
pub use crate::scheduler::park::{InDriver, Parker, Unpark};
pub use crate::task::runnable::{Ran, Runnable};
pub use crate::task::state::{Completed, DropHandle, Finish, Snapshot, Start, State, Wake};

/// A worker as far as tasks know one. Threads of the model share it; only one of them may act as the worker.
pub struct Home {
    /// Where its tasks go when they are woken.
    submit: Box<dyn Fn(Runnable) + Send + Sync>,
    /// loom sees to it that two threads do not touch the list at once (T11).
    owned: UnsafeCell<OwnedTasks>,
    places: Places,
}

// SAFETY: `owned` is a loom cell, which fails the model when it is shared; the rest is Sync.
unsafe impl Sync for Home {}
// SAFETY: tasks may be sent.
unsafe impl Send for Home {}

impl Schedule for Home {
    unsafe fn schedule(this: *const Home, runnable: Runnable) {
        // SAFETY: T12; the model keeps its homes until all tasks are complete.
        unsafe { ((*this).submit)(runnable) }
    }
}

impl Host for Home {
    fn owner(&self) -> *const () {
        std::ptr::from_ref(self).cast()
    }

    fn link(&self, task: TaskRef) {
        self.with_owned(|owned| owned.link(task, &self.places));
    }

    fn unlink(&self, task: TaskRef) {
        self.with_owned(|owned| owned.unlink(task, &self.places));
    }

    fn unlink_from(&self, home: *const (), task: TaskRef) {
        // SAFETY: every owner pointer in a model is a `Home`, which outlives its tasks.
        let home = unsafe { &*home.cast::<Home>() };
        home.places.vacate(task);
    }
}

impl Home {
    /// Whose woken tasks go to `submit`.
    pub fn new(submit: impl Fn(Runnable) + Send + Sync + 'static) -> Home {
        Home {
            submit: Box::new(submit),
            owned: UnsafeCell::new(OwnedTasks::default()),
            places: Places::new(),
        }
    }

    fn with_owned<R>(&self, f: impl FnOnce(&OwnedTasks) -> R) -> R {
        // SAFETY: `with_mut` has just made sure that we are alone.
        self.owned.with_mut(|owned| f(unsafe { &*owned }))
    }

    /// A new task, not submitted yet.
    #[track_caller]
    pub fn spawn<F: Future>(&self, future: F) -> (Runnable, JoinHandle<F::Output>) {
        let task = allocate(future, std::ptr::from_ref(self), Id::next(), Location::caller());
        // SAFETY: just made for `F`, and this is its one handle.
        (Runnable::from_wake(task), unsafe { JoinHandle::new(task) })
    }

    /// Polls the task once on this worker.
    pub fn run(&self, runnable: Runnable) -> Ran {
        runnable.run(self)
    }

    /// Drops the task's future on this worker.
    pub fn cancel(&self, runnable: Runnable) {
        runnable.cancel(self);
    }

    /// Gives memory back, if no task is linked.
    pub fn tidy(&self) {
        self.with_owned(|owned| owned.tidy(&self.places));
    }

    /// Cancels all linked tasks that nobody else holds.
    pub fn cancel_all(&self) {
        // Not within the cell: completing a task unlinks it.
        let mut granted = Vec::new();
        self.with_owned(|owned| owned.cancel_all(&self.places, |task| granted.push(task)));
        for task in granted {
            poll::cancel(task, self);
        }
    }

    /// How many tasks are linked.
    pub fn linked(&self) -> usize {
        self.with_owned(|owned| owned.len(&self.places))
    }
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home").finish_non_exhaustive()
    }
}

/// A list of live tasks.
#[derive(Debug)]
pub struct Listed(TaskList);

impl Listed {
    /// Without tasks.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Listed {
        Listed(TaskList::new())
    }

    /// A new task, which nobody else knows of.
    pub fn add(&self, runnable: &Runnable) {
        self.0.add(runnable.task(), TaskKind::Spawned);
    }

    /// Reads every task in the list; how many there are.
    pub fn look(&self) -> usize {
        let live = self.0.live();
        live.iter().for_each(|task| read(task.task()));
        live.len()
    }

    /// As [`look`](Listed::look), by somebody who has no references to what is read.
    pub fn look_without_references(&self) {
        let live: Vec<TaskRef> = self.0.live().iter().map(|task| task.task()).collect();
        live.into_iter().for_each(read);
    }
}

fn read(task: TaskRef) {
    let record = record_of(task).expect("a listed task has a record");
    let _ = (task.state().load(), record.woken_by());
}

/// The address of a task, for what no rule allows. The model must know that the task lives.
#[derive(Clone, Copy, Debug)]
pub struct Task(TaskRef);

impl Task {
    /// The task behind a `Runnable`.
    pub fn of(runnable: &Runnable) -> Task {
        Task(runnable.task())
    }

    /// Its word.
    pub fn state(&self) -> &State {
        self.0.state()
    }

    /// Makes the `Runnable` that a wake granted.
    pub fn submit(&self) {
        crate::task::waker::submit(self.0);
    }

    /// Gives up a reference.
    pub fn drop_reference(&self) {
        self.0.drop_reference();
    }

    /// Stores a join waker without asking whose the slot is.
    pub fn seize_join_waker(&self, cx: &Context<'_>) {
        let waker = cx.waker().clone();
        // SAFETY: loom fails the model if the slot is somebody else's.
        self.0.header().join_waker.with_mut(|slot| unsafe { *slot = Some(waker) });
    }

    /// Puts a callback into the list, says so, and does not look whether the task is complete.
    pub fn watch_without_looking(&self, f: impl FnOnce() + Send + 'static) {
        crate::task::extras::push_callback(self.0, Box::new(move |_| f()));
        let _ = self.0.state().watch();
    }

    /// Half of polling a `JoinHandle`: everything but taking the output.
    pub fn poll_join(&self, cx: &mut Context<'_>) -> Poll<()> {
        poll::poll_join(self.0, cx)
    }
}

/// Spawns a child of a group, and does not look whether the group was aborted meanwhile.
#[track_caller]
pub fn spawn_without_looking<E, F>(group: &TaskGroup<E>, future: F)
where
    E: Send + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
{
    let _ = group.enter(None, Location::caller(), future, |shared, key, handle| {
        let _ = shared.put_in(key, &handle);
    });
}

/// A whole runtime, whose threads the model starts: the scheduler as it is, without I/O.
#[derive(Clone, Debug)]
pub struct Runtime(Arc<Shared>);

/// Stands still, except for those who wait for a deadline.
#[derive(Debug)]
struct ModelClock;

impl Clock for ModelClock {
    fn now(&self) -> Instant {
        super::checked::now()
    }
}

impl Runtime {
    /// With `workers` slots for [`Runtime::work`] and `guests` for [`Runtime::block_on`].
    pub fn new(workers: usize, guests: usize) -> Runtime {
        let name = Arc::new(String::new);
        let pool = blocking::Pool::new(blocking::Config {
            threads_max: 1,
            keep_alive: Duration::ZERO,
            stack_size: None,
            name,
            hooks: Hooks::default(),
        });
        super::checked::start_clock();
        let clock = Arc::new(ModelClock);
        let time = PausableClock::new(clock.clone());
        let slots = Slots { workers, guests, reliefs: 0 };
        let shared = Shared::new(slots, clock, time, 1, Hooks::default(), pool);
        Runtime(shared.expect("no I/O, no error"))
    }

    /// How many worker threads it wants.
    pub fn workers(&self) -> usize {
        self.0.workers
    }

    /// Whether every slot has been left.
    pub fn has_ended(&self) -> bool {
        self.0.shutdown.has_ended()
    }

    /// What worker thread `index` does, from its start to its end.
    pub fn work(&self, index: usize) {
        let shared = &self.0;
        let _entered = context::enter(shared.clone());
        // A slot whose thread comes up late may be in the hands of one that has left its own (S3).
        if let Some(claim) = shared.slots[index].try_claim() {
            shared.idle.enter();
            let end = context::with_worker(&claim, |worker| worker.run(Tenure::Home));
            assert_eq!(end, End::Closed);
            shared.idle.leave();
            shared.leave(&claim);
        }
        shared.leave_vacant_slots();
    }

    /// As in a program.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.spawn(future, Location::caller())
    }

    /// As in a program.
    #[track_caller]
    pub fn spawn_as<F>(&self, priority: Priority, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let special = priority.to_special();
        let furnish = |task: TaskRef| task.header().special.set(special);
        self.0.spawn_furnished(future, Location::caller(), furnish)
    }

    /// As in a program.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        crate::scheduler::block_on::block_on(&self.0, future)
    }

    /// Has `waker` woken in a second of the model's time. `false` if the runtime has ended, and it will not be.
    pub fn set_timer(&self, waker: &Waker) -> bool {
        let timer = &self.0.slots[0].timer;
        timer.insert(timer.deadline_after(Duration::from_secs(1)), waker) != Key::FIRED
    }

    /// As [`set_timer`](Runtime::set_timer), with the timer of the worker that this thread is.
    pub fn set_own_timer(&self, waker: &Waker) {
        let timer = context::timer("a model");
        timer.insert(timer.deadline_after(Duration::from_secs(1)), waker);
    }

    /// Stops the time, as `time::pause` does.
    pub fn pause(&self) {
        assert!(self.0.time.pause(), "it is stopped once");
    }

    /// The time, as tasks see it.
    pub fn now(&self) -> Instant {
        self.0.time.now()
    }

    /// A blocking call that is made on a thread of the model.
    pub fn begin_call(&self) -> Call {
        self.0.blocking.begin();
        self.0.wait_for_a_jump();
        Call(self.clone())
    }

    /// Closes the runtime, and leaves the waiting for its threads to the model.
    pub fn close(&self) {
        self.0.close();
        if self.0.workers == 0 {
            self.0.leave_vacant_slots();
        }
    }
}

/// A blocking call under way.
#[must_use]
#[derive(Debug)]
pub struct Call(Runtime);

impl Call {
    /// Waits for `future` in the call (Z6).
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _counted = context::count_as_call(&self.0.0);
        self.0.block_on(future)
    }

    /// As the thread that has made it does when it has woken whoever waits for it.
    pub fn end(self) {
        let Call(Runtime(shared)) = self;
        shared.blocking.end(&shared);
    }
}

/// A thread's note of what it polls (T18), of tasks that are numbers; zero for none.
#[derive(Debug)]
pub struct Note(Polled);

impl Note {
    /// Of a thread that polls nothing.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Note {
        Note(Polled {
            task: AtomicPtr::new(std::ptr::null_mut()),
            is_looked_at: AtomicBool::new(false),
            look: Mutex::new(()),
        })
    }

    /// A poll begins.
    pub fn begin(&self, task: usize) {
        self.0.begin(std::ptr::without_provenance(task));
    }

    /// It is over.
    pub fn end(&self) {
        self.0.end(std::ptr::null());
    }

    /// Runs `f` with what is being polled.
    pub fn look<R>(&self, f: impl FnOnce(usize) -> R) -> R {
        self.0.look(|task| f(task.addr()))
    }
}
