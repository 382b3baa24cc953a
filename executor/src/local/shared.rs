//! The scheduler of one [`LocalSet`](super::LocalSet), or of the pinned tasks of a worker (`pinned.rs`).
//!
//! - **T40** A local task is polled, linked, completed and cancelled on the thread of its set, and nowhere else; a
//!   `Runnable` of it is never dropped elsewhere. So its future and output need not be `Send`.
//! - **T41** A wake on the set's thread pushes to the queue there. One from elsewhere pushes to the *inbox*, behind a lock,
//!   holding a reference of its own to the set's memory, and then wakes whoever polls the set.
//! - **T42** A set goes only when its list is empty: a task may be in the hands of a foreign thread between its wake and its
//!   push, and comes through the inbox, which the dropper waits at. So the owner pointer of an unfinished task stays valid
//!   (T12). What is spawned into a set that has ended is cancelled at once: its memory may be let go by a foreign thread, which
//!   must find the set empty.
//!
//! # Safety
//! The core is full of cells and lives in a `Sync` struct. It is touched by the set's thread only (T40): by the methods of
//! the set, which is not `Send`, or by the worker thread that has bound itself to it, and by a wake that has compared thread
//! ids.

#![allow(unsafe_code)]

use crate::contain::contain;
use crate::loom::left_out;
use crate::loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use crate::loom::sync::{Condvar, Mutex};
use crate::loom::thread::{self, ThreadId};
use crate::runtime::LeftoverState;
use crate::scheduler::context;
use crate::scheduler::grace::{ask, linked};
use crate::task::list::TaskKind;
use crate::task::owned::OwnedTasks;
use crate::task::places::Places;
use crate::task::raw::TaskRef;
use crate::task::runnable::{Nowhere, Ran, Runnable};
use crate::task::{Host, Id, IdBlock, JoinHandle, Schedule, cell, poll};
use raddle_sync::AtomicWaker;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::ptr;
use std::sync::{Arc, OnceLock};
use std::task::Waker;

crate::loom::thread_local! {
    static CURRENT: Cell<*const Shared> = const { Cell::new(ptr::null()) };
}

pub(crate) struct Shared {
    /// Of a set made for another thread, not known before that has come (T43).
    thread: OnceLock<ThreadId>,
    core: Core,
    /// T41.
    inbox: Mutex<VecDeque<Runnable>>,
    /// Whether nothing new comes in from elsewhere (T45). Written with the inbox locked.
    is_closed: AtomicBool,
    /// Tells the dropper that something has come.
    arrived: Condvar,
    /// Tasks after the last turn (S8).
    linked: AtomicUsize,
    /// Of whoever polls the set.
    pub(super) waker: AtomicWaker,
    /// In its place, if that is always the same worker (T44).
    home: Option<Waker>,
}

/// For the set's thread only.
struct Core {
    queue: RefCell<VecDeque<Runnable>>,
    owned: OwnedTasks,
    places: Places,
    ids: IdBlock,
    /// T42: from now on nothing is taken in.
    has_ended: Cell<bool>,
}

// SAFETY: T40: the core is the set's thread's; the rest is Sync.
unsafe impl Sync for Shared {}
// SAFETY: T42: when the last reference goes, maybe on another thread, the core is empty.
unsafe impl Send for Shared {}

impl Schedule for Shared {
    unsafe fn schedule(this: *const Shared, runnable: Runnable) {
        // SAFETY: T12, T42: we hold the `Runnable`, so the set is there.
        let shared = unsafe { &*this };
        if shared.is_here() {
            // T40: on the thread of the set.
            shared.core.queue.borrow_mut().push_back(runnable);
            shared.tell();
            return;
        }
        // SAFETY: as above, and owner pointers come from an `Arc`. From the push on, T12 no longer holds for us.
        let shared = unsafe {
            Arc::increment_strong_count(this);
            Arc::from_raw(this)
        };
        shared.inbox.lock().push_back(runnable);
        shared.arrived.notify_one();
        if !left_out("T41") {
            shared.tell();
        }
    }
}

impl Host for &Shared {
    fn owner(&self) -> *const () {
        ptr::from_ref(*self).cast()
    }

    fn link(&self, task: TaskRef) {
        self.core.owned.link(task, &self.core.places);
    }

    fn unlink(&self, task: TaskRef) {
        self.core.owned.unlink(task, &self.core.places);
    }

    fn unlink_from(&self, _: *const (), task: TaskRef) {
        unreachable!("local task {} completed away from its thread", task.id());
    }
}

impl Shared {
    /// A scheduler for tasks of this thread.
    pub(super) fn new() -> Arc<Shared> {
        let shared = Shared::unbound(None);
        shared.bind();
        shared
    }

    /// A scheduler for tasks of a thread that is not known yet, but how to wake it is, if it is not the usual way.
    pub(super) fn unbound(home: Option<Waker>) -> Arc<Shared> {
        Arc::new(Shared {
            thread: OnceLock::new(),
            core: Core {
                queue: RefCell::new(VecDeque::new()),
                owned: OwnedTasks::default(),
                places: Places::new(),
                ids: IdBlock::new(),
                has_ended: Cell::new(false),
            },
            inbox: Mutex::new(VecDeque::new()),
            is_closed: AtomicBool::new(false),
            arrived: Condvar::new(),
            linked: AtomicUsize::new(0),
            waker: AtomicWaker::new(),
            home,
        })
    }

    /// Wakes whoever polls the set.
    fn tell(&self) {
        match &self.home {
            Some(home) => home.wake_by_ref(),
            // Foreign code, called by who wakes, spawns or aborts a task: its panic is not for them.
            None => contain(|| self.waker.wake()),
        }
    }

    /// The calling thread is that of the set, from now on.
    pub(super) fn bind(&self) {
        let this = thread::current().id();
        assert_eq!(*self.thread.get_or_init(|| this), this, "a set of local tasks has one thread");
    }

    fn is_here(&self) -> bool {
        self.thread.get().is_some_and(|&thread| thread == thread::current().id())
    }

    /// T43: starts a task from any thread. Until its first poll, its future must be one that may be dropped anywhere.
    pub(super) fn spawn_from_anywhere<F>(
        self: &Arc<Shared>,
        future: F,
        location: &'static Location<'static>,
        furnish: impl FnOnce(TaskRef),
    ) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let task = cell::allocate::<F, Shared>(future, Arc::as_ptr(self), Id::next(), location);
        furnish(task);
        let runnable = Runnable::from_wake(task);
        let mut inbox = self.inbox.lock();
        // Relaxed: under the lock (T45).
        let refused = if self.is_closed.load(Relaxed) {
            Some(runnable)
        } else {
            inbox.push_back(runnable);
            None
        };
        drop(inbox);
        match refused {
            Some(runnable) => runnable.cancel(&Nowhere),
            None => {
                self.arrived.notify_one();
                self.tell();
            }
        }
        // SAFETY: just made for `F`, and this is its one handle.
        unsafe { JoinHandle::new(task) }
    }

    /// T45: from now on nothing comes in but what is woken.
    pub(super) fn close(&self) {
        let _inbox = self.inbox.lock();
        self.is_closed.store(true, Relaxed);
    }

    /// The caller is on the set's thread.
    pub(super) fn spawn<F>(
        self: &Arc<Shared>,
        future: F,
        location: &'static Location<'static>,
        furnish: impl FnOnce(TaskRef),
    ) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let id: Id = self.core.ids.next();
        let task = cell::allocate::<F, Shared>(future, Arc::as_ptr(self), id, location);
        furnish(task);
        context::with_current(|runtime| {
            if let Some(runtime) = runtime {
                runtime.track(task, TaskKind::Local);
            }
        });
        // The `Runnable` first: the handle's reference is not yet anybody's.
        let runnable = Runnable::from_wake(task);
        if self.core.has_ended.get() {
            runnable.cancel(&&**self);
        } else {
            self.core.queue.borrow_mut().push_back(runnable);
            self.tell();
        }
        // SAFETY: just made for `F`, and this is its one handle.
        unsafe { JoinHandle::new(task) }
    }

    fn next(&self) -> Option<Runnable> {
        let own = self.core.queue.borrow_mut().pop_front();
        own.or_else(|| self.inbox.lock().pop_front())
    }

    /// Polls tasks for a turn; whether there are more to be polled. The caller is on the set's thread.
    pub(super) fn turn(self: &Arc<Shared>, length: usize) -> bool {
        // Each has a budget of its own, and who polls the set keeps theirs, if they have one.
        raddle_sync::budget::suspend(|| {
            self.inside(|| {
                for polled in 0..length {
                    // What comes from other threads has its share.
                    let inboxed = (polled == 0).then(|| self.inbox.lock().pop_front()).flatten();
                    let Some(runnable) = inboxed.or_else(|| self.next()) else { break };
                    if let Ran::Again(runnable) = runnable.run(&&**self) {
                        self.core.queue.borrow_mut().push_back(runnable);
                    }
                }
            });
        });
        // Relaxed: read when this thread sleeps.
        self.linked.store(self.core.owned.len(&self.core.places), Relaxed);
        self.core.owned.tidy(&self.core.places);
        !self.core.queue.borrow().is_empty() || !self.inbox.lock().is_empty()
    }

    /// How many tasks waited after the last turn.
    pub(crate) fn linked(&self) -> usize {
        self.linked.load(Relaxed)
    }

    /// S7: asks all to stop. The caller is on the set's thread.
    pub(super) fn ask_all(&self) {
        ask(linked(&self.core.owned, &self.core.places));
    }

    /// Whether no task is left. The caller is on the set's thread.
    pub(super) fn is_idle(&self) -> bool {
        self.core.owned.len(&self.core.places) == 0
            && self.core.queue.borrow().is_empty()
            && self.inbox.lock().is_empty()
    }

    /// T42: drops every future, for good. The caller is on the set's thread.
    /// `note` is shown each that is cancelled.
    pub(super) fn cancel_everything(self: &Arc<Shared>, note: impl Fn(TaskRef, LeftoverState)) {
        self.inside(|| {
            loop {
                while let Some(runnable) = self.next() {
                    note(runnable.task(), LeftoverState::Queued);
                    runnable.cancel(&&**self);
                }
                self.core.owned.cancel_all(&self.core.places, |task| {
                    note(task, LeftoverState::Waiting);
                    poll::cancel(task, &&**self);
                });
                if self.is_idle() {
                    self.core.has_ended.set(true);
                    return;
                }
                let mut inbox = self.inbox.lock();
                while inbox.is_empty() && self.core.queue.borrow().is_empty() {
                    if left_out("T42") {
                        // What would follow is no panic.
                        std::mem::forget(self.clone());
                        panic!("a set goes before its tasks");
                    }
                    self.arrived.wait(&mut inbox);
                }
            }
        });
    }

    /// Runs `f` as code of this set.
    pub(super) fn inside<R>(self: &Arc<Shared>, f: impl FnOnce() -> R) -> R {
        let _entered = Entered::new(self.clone());
        f()
    }

    /// The set whose code runs on this thread.
    pub(super) fn current() -> Option<Arc<Shared>> {
        let shared = CURRENT.with(Cell::get);
        if shared.is_null() {
            return None;
        }
        // SAFETY: `Entered` keeps what the pointer leads to, and it came from an `Arc`.
        unsafe {
            Arc::increment_strong_count(shared);
            Some(Arc::from_raw(shared))
        }
    }
}

/// Makes a set the current one of its thread until it is dropped.
pub(super) struct Entered {
    /// Keeps the pointer in the thread-local valid; released only once that points elsewhere.
    shared: ManuallyDrop<Arc<Shared>>,
    outer: *const Shared,
}

impl Entered {
    pub(super) fn new(shared: Arc<Shared>) -> Entered {
        // The set whose code runs on this thread.
        let outer = CURRENT.with(|current| current.replace(Arc::as_ptr(&shared)));
        Entered { shared: ManuallyDrop::new(shared), outer }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // A guard that a user drops in another order than the reverse of entering leaves the set it finds. A later one will set
        // the thread-local to ours again: so that it never dangles, this reference is never released.
        if CURRENT.with(Cell::get) == Arc::as_ptr(&self.shared) {
            CURRENT.with(|current| current.set(self.outer));
            // SAFETY: taken once, here; the thread-local no longer points to it, but for guards further out, which have their
            // own.
            drop(unsafe { ManuallyDrop::take(&mut self.shared) });
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("thread", &self.thread).finish_non_exhaustive()
    }
}
