//! What this thread is polling, for `task::id()` and for the scheduler's questions about a wake.

use super::cell::ENV;
use super::cell::Header;
use super::env::Entry;
use super::list::WokenBy;
use super::polled::Polled;
use super::raw::TaskRef;
use super::{AbortHandle, Id};
use crate::loom::sync::Mutex;
use crate::loom::sync::atomic::{AtomicBool, AtomicPtr};
use std::cell::Cell;
use std::ptr::{self, NonNull};

crate::loom::thread_local! {
    static CURRENT: Current = const {
        Current {
            polled: Polled {
                task: AtomicPtr::new(ptr::null_mut()),
                is_looked_at: AtomicBool::new(false),
                look: Mutex::new(()),
            },
            flags: Cell::new(0),
            completing: Cell::new(false),
            wakes_as: Cell::new(0),
            env: Cell::new(ptr::null()),
            depth: Cell::new(0),
        }
    };
}

struct Current {
    /// The task being polled, for others, too (T18).
    polled: Polled,
    /// What the poll under way has asked for, may do, and has: [`YIELDED`], [`MAY_STEP_OUT`], [`HAS_ENV`].
    flags: Cell<u8>,
    /// A completed task is waking its joiner.
    completing: Cell<bool>,
    /// On whose behalf wakes happen here, as a word; zero for the task being polled, or the thread.
    wakes_as: Cell<u64>,
    /// What is passed on to tasks spawned here (T15); valid if [`HAS_ENV`] says so.
    env: Cell<*const Entry>,
    /// Polls by eager spawns, one inside the other (T16).
    depth: Cell<u32>,
}

/// `yield_now` asked for this poll's `Pending` to mean "poll me again", sparing two transitions.
const YIELDED: u8 = 1;
/// Whoever polls expects that its thread may have lost its slot by the end of the poll (P15).
const MAY_STEP_OUT: u8 = 2;
/// There is something to pass on to tasks spawned here (T15).
const HAS_ENV: u8 = 4;

/// Runs `poll` with `task` as the current one; also says whether it asked for a yield. The outer task, and what it has
/// asked for, come back afterwards, also after a panic. The poll may step out of its slot if the poller is prepared for
/// that, or runs inside a poll whose poller is.
// Always: a call here costs each poll twenty instructions.
#[inline(always)]
pub(crate) fn with<R>(task: TaskRef, is_prepared: bool, poll: impl FnOnce() -> R) -> (R, bool) {
    struct Restore(*const Header, u8);
    impl Drop for Restore {
        #[inline]
        fn drop(&mut self) {
            CURRENT.with(|current| {
                current.flags.set(self.1);
                current.polled.end(self.0);
            });
        }
    }
    let _restore = CURRENT.with(|current| {
        let outer = current.polled.begin(task.as_ptr());
        let flags = current.flags.get();
        current.flags.set(if is_prepared { MAY_STEP_OUT } else { flags & MAY_STEP_OUT });
        Restore(outer, flags)
    });
    // T15: the extras of a task that is being polled keep it.
    let env = || RestoreEnv(replace_env(task.header().origin.env()));
    let _env = (task.header().special.get() & ENV != 0).then(env);
    let result = poll();
    (result, CURRENT.with(|current| current.flags.get() & YIELDED != 0))
}

/// Whether the code that runs here may step out of its thread's slot (P15).
pub(crate) fn may_step_out() -> bool {
    CURRENT.with(|current| current.flags.get() & MAY_STEP_OUT != 0)
}

/// Runs `f`, which may step out of the slot, or may not (P15).
pub(crate) fn prepared<R>(is_prepared: bool, f: impl FnOnce() -> R) -> R {
    struct Restore(u8);
    impl Drop for Restore {
        fn drop(&mut self) {
            // What `f` asked for stands.
            CURRENT.with(|current| {
                current.flags.set(current.flags.get() & !MAY_STEP_OUT | self.0 & MAY_STEP_OUT);
            });
        }
    }
    let before = CURRENT.with(|current| {
        let before = current.flags.get();
        let may = if is_prepared { MAY_STEP_OUT } else { 0 };
        current.flags.replace(before & !MAY_STEP_OUT | may)
    });
    let _restore = Restore(before);
    f()
}

/// This thread's note of what it polls.
pub(crate) fn polled<R>(f: impl FnOnce(&Polled) -> R) -> R {
    CURRENT.with(|current| f(&current.polled))
}

#[inline]
fn of(task: *const Header) -> Option<TaskRef> {
    NonNull::new(task.cast_mut()).map(TaskRef::new)
}

/// The task being polled on this thread.
#[inline]
pub(crate) fn task() -> Option<TaskRef> {
    CURRENT.with(|current| of(current.polled.task()))
}

/// Whether anything is passed on here.
#[inline]
pub(crate) fn has_env() -> bool {
    CURRENT.with(|current| current.flags.get() & HAS_ENV != 0)
}

/// What is passed on here; null for nothing.
#[inline]
pub(crate) fn env() -> *const Entry {
    if has_env() { CURRENT.with(|current| current.env.get()) } else { ptr::null() }
}

/// What there was before an environment was set. Also where there was none: a poll further out may have one, and finds it
/// where it was (T15).
pub(crate) struct OuterEnv {
    env: *const Entry,
    has_env: bool,
}

impl OuterEnv {
    fn set(env: *const Entry, has_env: bool) {
        CURRENT.with(|current| {
            current.env.set(env);
            let flag = if has_env { HAS_ENV } else { 0 };
            current.flags.set(current.flags.get() & !HAS_ENV | flag);
        });
    }

    /// Puts it back.
    pub(crate) fn restore(&self) {
        OuterEnv::set(self.env, self.has_env);
    }
}

/// Sets the environment; the caller keeps it alive, and puts back what this returns (T15).
pub(crate) fn replace_env(env: *const Entry) -> OuterEnv {
    let outer = OuterEnv { env: CURRENT.with(|current| current.env.get()), has_env: has_env() };
    OuterEnv::set(env, !env.is_null());
    outer
}

/// Runs `f` with another environment, which the caller keeps alive (T15).
pub(crate) fn with_env<R>(env: *const Entry, f: impl FnOnce() -> R) -> R {
    let _restore = RestoreEnv(replace_env(env));
    f()
}

struct RestoreEnv(OuterEnv);

impl Drop for RestoreEnv {
    fn drop(&mut self) {
        self.0.restore();
    }
}

/// What is added for tasks that run inside of `block_on`, beside polls by eager spawns.
const APART: u32 = 1 << 8;

/// How deep this code is inside of others' polls and calls, whose local values are none of its business (T16).
#[inline]
pub(crate) fn depth() -> u32 {
    CURRENT.with(|current| current.depth.get())
}

/// How many polls by eager spawns it is inside of.
pub(crate) fn eager_depth() -> u32 {
    depth() % APART
}

/// Runs `poll`, of an eager spawn, one deeper (T16).
pub(crate) fn deeper<R>(poll: impl FnOnce() -> R) -> R {
    deeper_by(1, poll)
}

/// Runs tasks inside of `block_on`, whose caller may be in scopes of its own (T16).
pub(crate) fn apart<R>(run: impl FnOnce() -> R) -> R {
    deeper_by(APART, run)
}

fn deeper_by<R>(more: u32, poll: impl FnOnce() -> R) -> R {
    struct Restore(u32);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.with(|current| current.depth.set(self.0));
        }
    }
    let _restore =
        Restore(CURRENT.with(|current| current.depth.replace(current.depth.get() + more)));
    poll()
}

/// Asks the poller of `task` to submit it again, if it is the one being polled. `false` if it is not.
#[inline]
pub(crate) fn request_yield(is_current: impl FnOnce(TaskRef) -> bool) -> bool {
    CURRENT.with(|current| {
        let ours = of(current.polled.task()).is_some_and(is_current);
        if ours {
            current.flags.set(current.flags.get() | YIELDED);
        }
        ours
    })
}

/// Runs `wake`, by the end of task `id`, during which [`is_completing`] is true.
#[inline]
pub(crate) fn completing(id: Id, wake: impl FnOnce()) {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.with(|current| current.completing.set(self.0));
        }
    }
    let _restore = Restore(CURRENT.with(|current| current.completing.replace(true)));
    waking_as(WokenBy::Task(id), wake);
}

/// Runs `f`, whose wakes are on behalf of another than the task being polled here.
#[inline]
pub(crate) fn waking_as(woken_by: WokenBy, f: impl FnOnce()) {
    struct Restore(u64);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.with(|current| current.wakes_as.set(self.0));
        }
    }
    let word = woken_by.to_word();
    let _restore = Restore(CURRENT.with(|current| current.wakes_as.replace(word)));
    f();
}

/// On whose behalf a wake happens here, as a word.
pub(crate) fn wakes_as() -> u64 {
    CURRENT.with(|current| match (current.wakes_as.get(), of(current.polled.task())) {
        (0, Some(task)) => WokenBy::Task(task.id()).to_word(),
        (0, None) => WokenBy::Thread.to_word(),
        (word, _) => word,
    })
}

/// Whether the wake under way on this thread is that of a joiner by its finished child.
#[inline]
pub(crate) fn is_completing() -> bool {
    CURRENT.with(|current| current.completing.get())
}

/// The id of the task being polled on this thread.
///
/// # Panics
/// Outside a task, also directly inside `block_on`; [`try_id`] returns `None` there.
///
/// ```
/// # raddle::block_on(async {
/// let task = raddle::spawn(async { raddle::task::id() });
/// let id = task.id();
/// assert_eq!(task.await.unwrap(), id);
/// # })
/// ```
#[track_caller]
pub fn id() -> Id {
    try_id().expect("task::id() outside a task: only a future given to spawn has an id")
}

/// The id of the task being polled on this thread, if there is one.
pub fn try_id() -> Option<Id> {
    task().map(|task| task.id())
}

/// A handle to the task being polled on this thread, which can ask it to stop, or be asked for its name.
///
/// # Panics
/// Outside a task, as [`id`].
///
/// ```
/// # raddle::block_on(async {
/// let task = raddle::task::Builder::new().name("reader").spawn(async {
///     raddle::task::current().name().map(str::to_owned)
/// });
/// assert_eq!(task.await.unwrap().as_deref(), Some("reader"));
/// # })
/// ```
#[track_caller]
pub fn current() -> AbortHandle {
    try_current().expect("task::current() outside a task: only a future given to spawn runs in one")
}

/// A handle to the task being polled on this thread, if there is one.
pub fn try_current() -> Option<AbortHandle> {
    task().map(AbortHandle::new)
}
