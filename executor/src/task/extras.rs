//! What few tasks have, in a box beside the cell: a name, a request to stop, callbacks, values
//! inherited from the parent, a record.
//!
//! Every task knows where it was spawned, in one word of its header. A task with extras has the pointer to them in that
//! word, marked by its lowest bit, and the place in the extras. So a task without costs neither a byte nor a branch more.
//!
//! - **T13** The word changes once at most, from a place to extras, by a compare-exchange; the extras are freed with the
//!   cell. Whoever stands on a reference may read both at any time.
//! - **T14** Who wants to be called at the end of a task puts the callback into the list of the extras, and sets WATCHED
//!   afterwards. If the task was complete by then, the setter runs what is in the list; if not, the completer finds
//!   WATCHED and does. Callbacks are taken out of the list under its lock, and run without it.
//!
//! Feared: a callback comes into the list when the completer has been there, and nobody runs it. But setting WATCHED is a
//! read-modify-write of the word that holds COMPLETE: either it comes first, and the completer sees it; or it finds
//! COMPLETE.
//!
//! # Safety
//! The word is a pointer of two types, told apart by its lowest bit, which is clear in every aligned pointer.

#![allow(unsafe_code)]

use super::cell::ENV;
use super::env::{self, Entry, Env};
use super::list::{Record, WokenBy};
use super::raw::TaskRef;
use super::{Outcome, current, state};
use crate::contain::contain;
use crate::loom::cell::UnsafeCell;
use crate::loom::sync::Mutex;
use crate::loom::sync::atomic::{AtomicPtr, Ordering::*};
use raddle_sync::CancellationToken;
use std::fmt;
use std::panic::Location;
use std::sync::OnceLock;

const _: () = assert!(align_of::<Location<'static>>() > 1 && align_of::<Extras>() > 1);

/// Where a task comes from: a place, or extras that know it (T13).
pub(crate) struct Origin(AtomicPtr<()>);

pub(crate) struct Extras {
    location: &'static Location<'static>,
    name: Option<Box<str>>,
    /// The innermost scope in `env`, for those who may not look there.
    scope: Option<CancellationToken>,
    /// What is inherited from the parent: the poller's (T3), who drops it with the future.
    env: UnsafeCell<Option<Env>>,
    /// The request to stop; made when somebody makes or awaits one.
    cancelled: OnceLock<CancellationToken>,
    /// T70: set before anybody else knows of the task.
    record: OnceLock<Box<Record>>,
    /// T14.
    callbacks: Mutex<Vec<Callback>>,
}

pub(crate) type Callback = Box<dyn FnOnce(Outcome) + Send>;

impl Origin {
    #[inline]
    pub(crate) fn new(location: &'static Location<'static>) -> Origin {
        Origin(AtomicPtr::new(std::ptr::from_ref(location).cast_mut().cast()))
    }

    #[inline]
    fn read(&self) -> Result<&Extras, &'static Location<'static>> {
        // Acquire: pairs with `install`.
        let word = self.0.load(Acquire);
        if word.addr() & 1 == 0 {
            // SAFETY: T13: a word without the mark is the place it was made with.
            return Err(unsafe { &*word.cast::<Location<'static>>() });
        }
        // SAFETY: T13: a word with the mark is a box of extras, which lives as long as `self`.
        Ok(unsafe { &*unmark(word) })
    }

    pub(crate) fn location(&self) -> &'static Location<'static> {
        match self.read() {
            Ok(extras) => extras.location,
            Err(location) => location,
        }
    }

    /// What the task passes on; null for nothing. The caller is the poller (T3).
    #[cold]
    pub(crate) fn env(&self) -> *const Entry {
        let env = self.extras().map(|extras| {
            // SAFETY: T3: the poller's, who asks.
            extras.env.with_mut(|env| unsafe { (*env).as_ref().map(Env::as_ptr) })
        });
        env.flatten().unwrap_or(std::ptr::null())
    }

    /// Drops what the task passes on, with its future. The caller is the poller (T3).
    #[cold]
    pub(super) fn drop_env(&self) {
        if let Some(extras) = self.extras() {
            // SAFETY: T3: the poller's, who is here.
            let env = extras.env.with_mut(|env| unsafe { (*env).take() });
            // T9: values have destructors.
            contain(|| drop(env));
        }
    }

    pub(crate) fn extras(&self) -> Option<&Extras> {
        self.read().ok()
    }

    /// The extras; empty ones if there were none.
    pub(crate) fn expect_extras(&self) -> &Extras {
        let location = match self.read() {
            Ok(extras) => return extras,
            Err(location) => location,
        };
        match self.install(Extras::new(location, None, None)) {
            Ok(extras) | Err(extras) => extras,
        }
    }

    /// T13. `Err` has the extras that were there before.
    fn install(&self, extras: Extras) -> Result<&Extras, &Extras> {
        let location = std::ptr::from_ref(extras.location).cast_mut().cast();
        let word = Box::into_raw(Box::new(extras));
        let marked = word.cast::<()>().map_addr(|address| address | 1);
        // Release: pairs with `read`, which must see the extras. Acquire: so must we, if they are another's.
        match self.0.compare_exchange(location, marked, AcqRel, Acquire) {
            // SAFETY: just made; from here on it lives as long as `self`.
            Ok(_) => Ok(unsafe { &*word }),
            Err(other) => {
                // SAFETY: ours alone: nobody has seen it.
                drop(unsafe { Box::from_raw(word) });
                // SAFETY: T13: the word changes to marked only.
                Err(unsafe { &*unmark(other) })
            }
        }
    }
}

fn unmark(word: *mut ()) -> *mut Extras {
    word.map_addr(|address| address & !1).cast()
}

impl Drop for Origin {
    #[inline]
    fn drop(&mut self) {
        // Relaxed: nobody else is left, and the last reference was given up with Acquire.
        let word = self.0.load(Relaxed);
        if word.addr() & 1 == 1 {
            // SAFETY: T13: the box, whose only owner this is.
            unsafe { drop_extras(word) };
        }
    }
}

/// # Safety
/// `word` must be a marked one, and nobody else's any more.
#[cold]
unsafe fn drop_extras(word: *mut ()) {
    // SAFETY: the caller's promise; a marked word is a box (T13).
    drop(unsafe { Box::from_raw(unmark(word)) });
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.location().fmt(f)
    }
}

impl Extras {
    fn new(
        location: &'static Location<'static>,
        name: Option<Box<str>>,
        env: Option<Env>,
    ) -> Extras {
        Extras {
            location,
            name,
            scope: env.as_ref().and_then(Env::scope).cloned(),
            env: UnsafeCell::new(env),
            cancelled: OnceLock::new(),
            record: OnceLock::new(),
            callbacks: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// T70: the caller is the one who knows of the task.
    pub(super) fn record(&self, record: Record) -> &Record {
        self.record.get_or_init(|| Box::new(record))
    }

    pub(super) fn get_record(&self) -> Option<&Record> {
        self.record.get().map(|record| &**record)
    }

    /// The task's own request to stop. A scope that the task was spawned in asks all in it.
    pub(crate) fn cancelled(&self) -> &CancellationToken {
        self.cancelled.get_or_init(|| match &self.scope {
            Some(scope) => scope.child_token(),
            None => CancellationToken::new(),
        })
    }
}

/// Gives a new task, which nobody else knows of yet, what it inherits from the one being polled on this thread.
#[inline]
pub(crate) fn inherit(task: TaskRef) {
    if env::is_any() {
        furnish(task, None);
    }
}

/// As [`inherit`], and gives it a name.
#[cold]
pub(crate) fn furnish(task: TaskRef, name: Option<Box<str>>) {
    let env = env::here();
    let special = &task.header().special;
    special.set(special.get() | if env.is_some() { ENV } else { 0 });
    let installed = task.header().origin.install(Extras::new(task.location(), name, env));
    debug_assert!(installed.is_ok(), "a new task has no extras");
}

/// T14: has `callback` run when `task` is complete; here and now if it is already.
pub(crate) fn on_done(task: TaskRef, callback: Callback) {
    push_callback(task, callback);
    match task.state().watch() {
        state::Watch::Waiting => {}
        state::Watch::Complete => run_callbacks(task),
    }
}

/// The first half of [`on_done`].
pub(crate) fn push_callback(task: TaskRef, callback: Callback) {
    task.header().origin.expect_extras().callbacks.lock().push(callback);
}

/// T14: the task is complete; runs what wants to know. The caller stands on a reference.
#[cold]
pub(crate) fn run_callbacks(task: TaskRef) {
    let Some(extras) = task.header().origin.extras() else { return };
    let outcome = task.header().outcome.get();
    let callbacks = std::mem::take(&mut *extras.callbacks.lock());
    current::waking_as(WokenBy::Task(task.id()), || {
        for callback in callbacks {
            // T9.
            contain(|| raddle_sync::budget::suspend(|| callback(outcome)));
        }
    });
}
