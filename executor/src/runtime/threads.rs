//! The worker threads of a runtime, the guard, the spares and reliefs that stand in for them, and waiting for their end.

use crate::scheduler::context;
use crate::scheduler::hooks::call;
use crate::scheduler::shared::Shared;
use crate::scheduler::slot::{Claim, RECALLED};
use crate::scheduler::worker::{End, Tenure};
use crate::task::alloc;
use parking_lot::{Condvar, Mutex};
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// What the system shows of the thread that runs no tasks.
const GUARD_NAME: &str = "raddle-guard";

/// The threads, while they live.
#[derive(Debug)]
pub(crate) struct Threads {
    handles: Vec<JoinHandle<()>>,
    /// That of the guard, which runs no tasks.
    guard: Option<JoinHandle<()>>,
    alive: Arc<Alive>,
}

/// How many threads there are.
#[derive(Debug, Default)]
pub(crate) struct Alive {
    count: Mutex<usize>,
    ended: Condvar,
    /// Of spares and reliefs; of some that have ended, too.
    spares: Mutex<Vec<JoinHandle<()>>>,
}

/// Counts a thread as alive until it is dropped, also by a panic.
struct Living(Arc<Alive>);

impl Living {
    fn new(alive: &Arc<Alive>) -> Living {
        *alive.count.lock() += 1;
        Living(alive.clone())
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        *self.0.count.lock() -= 1;
        self.0.ended.notify_all();
    }
}

fn builder(name: String, stack_size: Option<usize>) -> thread::Builder {
    let builder = thread::Builder::new().name(name);
    match stack_size {
        Some(size) => builder.stack_size(size),
        None => builder,
    }
}

impl Threads {
    /// Starts a thread for each worker slot of `shared`.
    ///
    /// # Errors
    /// If the system refuses a thread. Those started already are stopped again.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        name: &(dyn Fn() -> String + Send + Sync),
        stack_size: Option<usize>,
    ) -> io::Result<Threads> {
        // All names first, because making them is the user's code.
        let names: Vec<String> = (0..shared.workers).map(|_| name()).collect();
        if names.iter().any(|name| name.contains('\0')) {
            let message = "thread_name contains a NUL";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let mut threads = Threads { handles: Vec::new(), guard: None, alive: shared.alive.clone() };
        for (index, name) in names.into_iter().enumerate() {
            let living = Living::new(&threads.alive);
            let worker = shared.clone();
            match builder(name, stack_size).spawn(move || run(&worker, index, living)) {
                Ok(handle) => threads.handles.push(handle),
                Err(error) => {
                    let which = format!("worker thread {index} of {}", shared.workers);
                    return Err(threads.give_up(shared, index, &which, &error));
                }
            }
        }
        if shared.has_guard() {
            let guarded = shared.clone();
            let living = Living::new(&threads.alive);
            match builder(GUARD_NAME.to_owned(), None).spawn(move || guard(&guarded, living)) {
                Ok(handle) => threads.guard = Some(handle),
                Err(error) => {
                    let which = "the thread that guards the workers";
                    return Err(threads.give_up(shared, shared.workers, which, &error));
                }
            }
        }
        Ok(threads)
    }

    /// Of the workers, `started` have a thread, and the system has refused the next one.
    fn give_up(
        &mut self,
        shared: &Arc<Shared>,
        started: usize,
        which: &str,
        error: &io::Error,
    ) -> io::Error {
        shared.close();
        // Hooks of the threads that have come up may have pinned tasks to those that never will.
        (started..shared.workers).for_each(|index| shared.end_pinned(index));
        shared.leave_vacant_slots();
        self.join(None);
        io::Error::new(error.kind(), format!("starting {which}: {error}"))
    }

    /// Threads that run tasks, and have not ended.
    pub(crate) fn left(&self) -> usize {
        let guards = usize::from(self.guard.as_ref().is_some_and(|guard| !guard.is_finished()));
        self.alive.count.lock().saturating_sub(guards)
    }

    /// Leaves them to another process.
    pub(crate) fn forget(&mut self) {
        std::mem::take(&mut self.handles).into_iter().for_each(std::mem::forget);
        std::mem::forget(self.guard.take());
    }

    /// Waits for the threads' end, until `deadline`; those that go on longer are left to themselves.
    pub(crate) fn join(&mut self, deadline: Option<Instant>) {
        let mut count = self.alive.count.lock();
        while *count > 0 {
            match deadline {
                None => self.alive.ended.wait(&mut count),
                Some(deadline) if self.alive.ended.wait_until(&mut count, deadline).timed_out() => {
                    break;
                }
                Some(_) => {}
            }
        }
        let all_ended = *count == 0;
        drop(count);
        self.handles.append(&mut self.alive.spares.lock());
        if all_ended {
            self.handles.extend(self.guard.take());
        }
        for handle in self.handles.drain(..) {
            if all_ended || handle.is_finished() {
                // A worker thread panics only if a hook does or an invariant of ours is broken; the panic has been
                // reported on its own thread, and there is nobody here to give it to.
                drop(handle.join());
            }
        }
    }
}

/// P14: starts a spare for an offer. It waits for others afterwards, for as long as a thread for blocking calls does.
///
/// # Errors
/// If the system refuses a thread.
pub(crate) fn start_spare(shared: &Arc<Shared>) -> io::Result<()> {
    start_later(shared, run_spare).inspect_err(|_| shared.exchange.start_failed())
}

/// Starts a thread beside the workers.
fn start_later(
    shared: &Arc<Shared>,
    life: impl FnOnce(&Arc<Shared>) + Send + 'static,
) -> io::Result<()> {
    let config = shared.blocking.config();
    let name = config.next_name();
    let living = Living::new(&shared.alive);
    let runtime = shared.clone();
    let handle = builder(name, config.stack_size).spawn(move || {
        let _living = living;
        let _entered = context::enter(runtime.clone());
        alloc::keep_blocks_on_this_thread();
        call(&runtime.hooks.on_thread_start);
        life(&runtime);
        call(&runtime.hooks.on_thread_stop);
    })?;
    let mut spares = shared.alive.spares.lock();
    spares.retain(|handle| !handle.is_finished());
    spares.push(handle);
    Ok(())
}

/// The life of the guard. It runs none of the user's code but the function that makes names.
fn guard(shared: &Arc<Shared>, living: Living) {
    let _living = living;
    let _entered = context::enter(shared.clone());
    shared.keep_guard(|shared| start_later(shared, Shared::relieve));
}

/// T45: ends the pinned tasks of a slot's home thread. Before the slot is left, because their destructors may wake others; and
/// also if an invariant of ours is broken, because they must not be dropped by anybody else.
struct Pinned<'a>(&'a Arc<Shared>, usize);

impl Drop for Pinned<'_> {
    fn drop(&mut self) {
        self.0.end_pinned(self.1);
    }
}

/// The life of a worker thread.
fn run(shared: &Arc<Shared>, index: usize, living: Living) {
    let _living = living;
    let _entered = context::enter(shared.clone());
    alloc::keep_blocks_on_this_thread();
    call(&shared.hooks.on_thread_start);
    // Not free only if the runtime has been closed before this thread came up: somebody else leaves it then (S3).
    let claim = {
        let _pinned = Pinned(shared, index);
        shared.slots[index].try_claim().and_then(|claim| serve(shared, claim))
    };
    if let Some(claim) = claim {
        shared.leave(&claim);
    }
    // S3.
    shared.leave_vacant_slots();
    call(&shared.hooks.on_thread_stop);
}

/// Works in the slot of this thread until the runtime is closed. The slot is to be left then, unless a spare has done so
/// (P17).
fn serve<'a>(shared: &'a Shared, mut claim: Claim<'a>) -> Option<Claim<'a>> {
    let slot = claim.slot();
    shared.idle.enter();
    shared.tell_guard();
    loop {
        let end = context::with_worker_that_may_lose_it(&claim, |worker| worker.run(Tenure::Home));
        match end {
            End::Closed => {
                shared.idle.leave();
                return Some(claim);
            }
            End::Away => {
                claim.void();
                shared.blocking.end(shared);
                // P16.
                claim = slot.take_over(shared.exchange.recall(slot.index, || {
                    slot.ask_for_attention(RECALLED);
                    shared.unpark(slot.index);
                })?);
            }
            End::Recalled => unreachable!("nobody recalls a slot from its home"),
        }
    }
}

/// The life of a spare.
fn run_spare(shared: &Arc<Shared>) {
    let exchange = &shared.exchange;
    let patience = || Instant::now().checked_add(shared.blocking.config().keep_alive);
    let mut next = exchange.come_up(patience());
    while let Some(adopted) = next {
        let index = adopted.index;
        let claim = shared.slots[index].take_over(adopted.claim);
        if adopted.must_start {
            // P14: if the system refuses, the offer waits for the next who is free.
            let _ = start_spare(shared);
        }
        let end = context::with_worker_that_may_lose_it(&claim, |worker| worker.run(Tenure::Spare));
        match end {
            End::Closed => {
                // P17.
                shared.idle.leave();
                shared.leave(&claim);
                drop(claim);
                exchange.left(index);
                shared.leave_vacant_slots();
            }
            End::Away => {
                claim.void();
                shared.blocking.end(shared);
            }
            End::Recalled => exchange.give_back(index, claim.pass_on()),
        }
        next = exchange.adopt(patience());
    }
}
