//! What all workers and handles of one runtime see.

use super::context;
use super::driver::Driver;
use super::exchange::Exchange;
use super::guard::Guard;
use super::hooks::Hooks;
use super::idle::Idle;
use super::lanes::Lanes;
use super::root::Root;
use super::shutdown::Shutdown;
use super::slot::{Passed, Slot, Worker};
use super::standby::Standby;
use crate::blocking::Pool;
use crate::contain::contain;
use crate::loom::left_out;
use crate::loom::sync::Mutex;
use crate::loom::sync::atomic::AtomicU32;
use crate::loom::thread::Thread;
use crate::queue::Inject;
use crate::runtime::{self, Alive};
use crate::task::cell::OBSERVED;
use crate::task::list::{TaskKind, TaskList, WokenBy};
use crate::task::observer::Observer;
use crate::task::polled::Pollers;
use crate::task::raw::TaskRef;
use crate::task::runnable::{Nowhere, Runnable};
use crate::task::{Host, Id, JoinHandle, cell, current, extras, poll};
use crossbeam_utils::CachePadded;
use raddle_timer::{Clock, Listener, PausableClock, Timer};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::ptr;
use std::sync::{Arc, Weak};
use std::time::Instant;

/// Eager polls inside one another, at most (T16): what a stack of two megabytes holds, if each takes a tenth of it.
const EAGER_DEPTH_MAX: u32 = 8;

/// How many slots a runtime has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slots {
    /// For its threads.
    pub(crate) workers: usize,
    /// For callers of `block_on`.
    pub(crate) guests: usize,
    /// For those who stand in when all are stuck (P20).
    pub(crate) reliefs: usize,
}

/// One runtime.
pub(crate) struct Shared {
    /// The worker threads' slots, then the guests'.
    pub(crate) slots: Box<[CachePadded<Slot>]>,
    /// How many of the slots belong to worker threads.
    pub(crate) workers: usize,
    /// How many of the others are for reliefs: the last ones.
    pub(crate) reliefs: usize,
    pub(crate) injector: CachePadded<Inject<Runnable>>,
    pub(crate) lanes: Lanes,
    pub(crate) idle: CachePadded<Idle>,
    pub(crate) driver: Driver,
    pub(crate) standby: Standby,
    pub(crate) guard: Guard,
    /// Who has which of the worker threads' slots (P13).
    pub(crate) exchange: Exchange<Passed>,
    /// The threads that hold them, or wait for one.
    pub(crate) alive: Arc<Alive>,
    /// The threads that poll, here and in the pool (T19).
    pub(crate) pollers: Pollers,
    /// The scheduler's own: it does not stop (`driver.rs`).
    pub(crate) clock: Arc<dyn Clock>,
    /// What tasks take for the time.
    pub(crate) time: PausableClock,
    /// Kept for `time`, which calls it as long as it is there.
    _on_jump: Arc<Listener>,
    pub(crate) blocking: Pool,
    pub(crate) shutdown: Shutdown,
    pub(crate) hooks: Hooks,
    /// Whom to tell about tasks; nobody, as a rule.
    pub(crate) observer: Option<Arc<Observer>>,
    spawns_eagerly: bool,
    /// The live tasks, if somebody wants to see them.
    pub(crate) tasks: Option<TaskList>,
    /// Whether there is any of these.
    is_special: bool,
    pub(crate) id: runtime::Id,
    /// Threads inside `block_on` that found no guest slot free, to be told when one is.
    pub(crate) waiting_guests: Mutex<Vec<Thread>>,
    /// Everybody inside `block_on` (Z1).
    pub(super) roots: Mutex<Vec<Arc<Root>>>,
    /// How often they were up outside the slots (Z2).
    pub(super) beats_outside: AtomicU32,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("slots", &self.slots)
            .field("idle", &*self.idle)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// A runtime with these slots. `clock` is the scheduler's, `time` is what tasks see.
    pub(crate) fn new(
        Slots { workers, guests, reliefs }: Slots,
        clock: Arc<dyn Clock>,
        time: PausableClock,
        seed: u64,
        hooks: Hooks,
        blocking: Pool,
    ) -> std::io::Result<Arc<Shared>> {
        crate::loom::barrier::prepare();
        let driver = Driver::new(time.clone(), clock.clone())?;
        let count = workers + guests + reliefs;
        Ok(Arc::new_cyclic(|shared: &Weak<Shared>| Shared {
            slots: (0..count)
                .map(|index| {
                    let timer = driver.new_timer(shared.clone(), index);
                    Slot::new(shared.as_ptr(), index, count == 1, timer, clock.now(), seed)
                })
                .map(CachePadded::new)
                .collect(),
            _on_jump: call_on_jump(&time, shared.clone()),
            workers,
            reliefs,
            injector: CachePadded::default(),
            lanes: Lanes::default(),
            idle: CachePadded::new(Idle::new(workers.max(1))),
            driver,
            standby: Standby::new(),
            guard: Guard::new(),
            exchange: Exchange::new(workers),
            alive: Arc::default(),
            pollers: Pollers::default(),
            clock,
            time,
            blocking,
            shutdown: Shutdown::new(count),
            observer: hooks.observer.clone(),
            spawns_eagerly: hooks.spawns_eagerly,
            tasks: hooks.tracks_tasks.then(TaskList::new),
            is_special: hooks.observer.is_some() || hooks.spawns_eagerly || hooks.tracks_tasks,
            hooks,
            id: runtime::Id::next(),
            waiting_guests: Mutex::new(Vec::new()),
            roots: Mutex::new(Vec::new()),
            beats_outside: AtomicU32::new(0),
        }))
    }

    /// The present moment, as tasks see it.
    #[inline]
    pub(crate) fn time_now(&self) -> Instant {
        self.time.now()
    }

    /// Whether deadlines come nearer by themselves.
    pub(crate) fn time_is_running(&self) -> bool {
        self.time.is_running()
    }

    pub(crate) fn timers(&self) -> impl Iterator<Item = &Arc<Timer>> + Clone {
        self.slots.iter().map(|slot| &slot.timer)
    }

    /// Starts a task.
    #[inline]
    pub(crate) fn spawn<F>(
        &self,
        future: F,
        location: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_furnished(future, location, extras::inherit)
    }

    /// As [`spawn`](Shared::spawn); `furnish` gives the task its extras before anybody knows of it.
    #[inline]
    pub(crate) fn spawn_furnished<F>(
        &self,
        future: F,
        location: &'static Location<'static>,
        furnish: impl FnOnce(TaskRef),
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        // SAFETY: they live for ever.
        #[allow(unsafe_code)]
        unsafe {
            self.spawn_unchecked(future, location, furnish)
        }
    }

    /// As [`spawn_furnished`](Shared::spawn_furnished); eagerly or not, or as the runtime does by itself.
    pub(crate) fn spawn_furnished_as<F>(
        &self,
        eager: Option<bool>,
        future: F,
        location: &'static Location<'static>,
        furnish: impl FnOnce(TaskRef),
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match eager {
            None => self.spawn_furnished(future, location, furnish),
            // SAFETY: they live for ever.
            #[allow(unsafe_code)]
            Some(eager) => unsafe { self.spawn_special(future, location, furnish, eager) },
        }
    }

    /// As [`spawn_furnished`](Shared::spawn_furnished).
    ///
    /// # Safety
    /// What the future borrows must live until the task is COMPLETE, and what the output borrows until it is dropped, by the
    /// handle or, without one, before COMPLETE.
    #[allow(unsafe_code)]
    #[inline]
    pub(crate) unsafe fn spawn_unchecked<F>(
        &self,
        future: F,
        location: &'static Location<'static>,
        furnish: impl FnOnce(TaskRef),
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send,
        F::Output: Send,
    {
        if self.is_special {
            // SAFETY: the caller's promise.
            return unsafe { self.spawn_special(future, location, furnish, self.spawns_eagerly) };
        }
        context::with_worker_of(self, |worker| {
            let task = self.allocate(worker, future, location);
            furnish(task);
            // Not generic, and nothing of a user's runs before.
            self.submit_new(worker, Runnable::from_wake(task));
            // SAFETY: just made for `F`, and this is its one handle.
            unsafe { JoinHandle::new(task) }
        })
    }

    #[inline]
    fn allocate<F: Future>(
        &self,
        worker: Option<Worker<'_>>,
        future: F,
        location: &'static Location<'static>,
    ) -> TaskRef {
        let (owner, id) = match worker {
            Some(worker) => (worker.slot(), worker.core().ids.next()),
            None => (&**self.slots.first().expect("at least one slot"), Id::next()),
        };
        cell::allocate(future, ptr::from_ref(owner), id, location)
    }

    #[inline]
    fn submit_new(&self, worker: Option<Worker<'_>>, runnable: Runnable) {
        match worker {
            Some(worker) => worker.submit_spawned(runnable),
            None => self.submit_outside(runnable),
        }
    }

    fn submit_outside(&self, runnable: Runnable) {
        if self.shutdown.is_closed() {
            // S1: at once, or threads that go on spawning would keep the others from ending.
            context::with_shared(self, || runnable.cancel(&Outside(self)));
        } else {
            self.submit_remote(runnable);
        }
    }

    /// As [`spawn_unchecked`](Shared::spawn_unchecked), for a runtime with hooks for its tasks or a list of them, or a
    /// task that may begin at once (T16).
    ///
    /// # Safety
    /// As there.
    #[allow(unsafe_code)]
    #[cold]
    pub(crate) unsafe fn spawn_special<F>(
        &self,
        future: F,
        location: &'static Location<'static>,
        furnish: impl FnOnce(TaskRef),
        is_eager: bool,
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send,
        F::Output: Send,
    {
        let task = context::with_worker_of(self, |worker| self.allocate(worker, future, location));
        furnish(task);
        if self.observer.is_some() {
            let special = &task.header().special;
            special.set(special.get() | OBSERVED);
        }
        // T70: from here on others know of it, and what is special does not change any more.
        self.track(task, TaskKind::Spawned);
        if let Some(observer) = &self.observer {
            observer.spawned(task);
        }
        let runnable = Runnable::from_wake(task);
        // SAFETY: just made for `F`, and this is its one handle.
        let handle = unsafe { JoinHandle::new(task) };
        let is_at_work = context::with_worker_of(self, |worker| worker.is_some());
        if !is_at_work {
            self.submit_outside(runnable);
        } else if is_eager && current::eager_depth() < EAGER_DEPTH_MAX && !self.shutdown.is_closed()
        {
            poll::run_eagerly(runnable.into_task(), &Outside(self), |task| self.link_here(task));
        } else {
            // Asked for anew: a hook may have stepped out of the slot (P15).
            context::with_worker_of(self, |worker| self.submit_new(worker, runnable));
        }
        handle
    }

    /// T10: links a task that waits for the first time into the list of this thread's worker; `false` if there is none.
    fn link_here(&self, task: TaskRef) -> bool {
        context::with_worker_of(self, |worker| {
            let Some(worker) = worker else { return false };
            task.header().owner.set(worker.owner());
            task.header().linked.set(true);
            worker.link(task);
            true
        })
    }

    /// Wakes a parked worker if one should look for work (P2). After publishing, or after seeing, a task.
    pub(crate) fn wake_one(&self) {
        if let Some(index) = self.idle.wake_one() {
            self.unpark(index);
        }
    }

    /// Wakes a worker thread, or a relief, to keep watch, unless somebody does (P9, P11).
    pub(crate) fn wake_watcher(&self) {
        self.idle.want_watch();
        if !self.idle.is_watched()
            && let Some(index) = self.idle.wake_watcher(|index| self.may_watch(index))
        {
            self.unpark(index);
        }
    }

    /// Wakes whoever waits for a moment that has come, on this thread.
    pub(crate) fn wake_due(&self) {
        let mut woken = Vec::new();
        self.driver.expire(self.timers(), &mut woken);
        context::with_worker_of(self, |worker| match worker {
            Some(worker) => worker.wake_all(&mut woken),
            None => current::waking_as(WokenBy::Driver, || {
                woken.drain(..).for_each(|waker| contain(|| waker.wake()));
            }),
        });
    }

    /// Ends the sleep of the worker in slot `index`, or its next one.
    pub(crate) fn unpark(&self, index: usize) {
        if self.slots[index].parker.unpark() == super::park::Unpark::InterruptDriver {
            self.driver.interrupt();
        }
    }

    /// Whether there is something for a worker to take, apart from what others are getting to themselves (P3).
    pub(crate) fn has_work(&self) -> bool {
        self.has_injected() || self.slots.iter().any(|slot| slot.is_worth_robbing())
    }

    /// How many are queued in no worker's queue, about.
    pub(crate) fn injected(&self) -> usize {
        let (high, low) = self.lanes.lengths();
        self.injector.len() + high + low
    }

    /// Whether there are any. After a fence.
    pub(super) fn has_injected(&self) -> bool {
        !self.injector.is_empty() || (!self.lanes.is_empty() && !left_out("P23"))
    }

    /// Tells a thread that waits in `block_on` without a slot that one is free.
    pub(crate) fn tell_waiting_guest(&self) {
        let waiting = std::mem::take(&mut *self.waiting_guests.lock());
        for thread in waiting {
            thread.unpark();
        }
    }
}

/// Has the driver of `shared` told of jumps of `time`.
fn call_on_jump(time: &PausableClock, shared: Weak<Shared>) -> Arc<Listener> {
    let listener: Arc<Listener> = Arc::new(move || {
        if let Some(shared) = shared.upgrade() {
            shared.time_jumped();
        }
    });
    time.on_jump(Arc::downgrade(&listener));
    listener
}

/// The host of a task that ends outside the workers.
pub(super) struct Outside<'a>(pub(super) &'a Shared);

impl Host for Outside<'_> {
    fn owner(&self) -> *const () {
        Nowhere.owner()
    }

    fn link(&self, task: TaskRef) {
        Nowhere.link(task);
    }

    fn unlink(&self, task: TaskRef) {
        Nowhere.unlink(task);
    }

    fn observer(&self) -> Option<&Observer> {
        self.0.observer.as_deref()
    }

    fn unlink_from(&self, home: *const (), task: TaskRef) {
        Nowhere.unlink_from(home, task);
    }
}
