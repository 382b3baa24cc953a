//! The live tasks of a runtime that keeps a list of them, and what is written down about each.
//!
//! Only tasks of such a runtime are [`TRACKED`]: they have a record among their extras, and wakers of their own kind, which
//! write down who wakes. To the others all this costs nothing.
//!
//! - **T70** *Listed.* An entry of the list holds a reference to its task (T10). It is made by who spawns the task, before
//!   anybody else knows of it, and taken out by who completes the task, before COMPLETE: a joiner finds it gone. Who reads the list
//!   takes references of its own while it holds the lock, and reads the tasks afterwards: an ended one may be among them,
//!   but none that is freed.
//! - **T71** *Written by one.* What a record says of polls is written by the poller (T3), so that it needs no
//!   read-modify-write; and so that it can be read at one blow, the time spent in polls and whether there is one are one word.
//!   What woke the task is written by whoever wakes it, before the wake; of several, the last one stands.
//!
//! Feared: a task ends, and its memory goes, while another thread copies its name. But that thread has a reference.
//!
//! The list is in parts with a lock each. A task belongs to the part that its id says, and workers have ids in blocks, so each
//! worker uses a lock of its own as a rule.

use super::cell::TRACKED;
use super::raw::TaskRef;
use super::{AbortHandle, Id, current};
use crate::loom::sync::Mutex;
use crate::loom::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering::*};
use crossbeam_utils::CachePadded;
use std::fmt;
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many locks there are.
const PARTS: usize = 16;

/// What kind of task it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskKind {
    /// Of [`spawn`](crate::spawn): any worker may poll it.
    Spawned,
    /// Of [`spawn_local`](crate::task::spawn_local): it stays on the thread of its set.
    Local,
    /// Of [`spawn_pinned`](crate::task::spawn_pinned): it stays on the thread of one worker.
    Pinned,
    /// Of [`spawn_blocking`](crate::task::spawn_blocking): a call, on a thread of the pool.
    Blocking,
}

/// What has woken a task the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WokenBy {
    /// Nothing, since it was spawned.
    Never,
    /// A task: by a message, a lock it let go, its end, an abort; or by [`yield_now`](crate::task::yield_now), if it is the task
    /// itself.
    Task(Id),
    /// The driver: a socket was ready, or a deadline has passed.
    Driver,
    /// Code that is no task: a thread of the program, or the future in `block_on`.
    Thread,
}

impl WokenBy {
    const TASK: u64 = 3;

    /// As a word, in which the two lowest bits say what it is.
    pub(crate) fn to_word(self) -> u64 {
        match self {
            WokenBy::Never => 0,
            WokenBy::Driver => 1,
            WokenBy::Thread => 2,
            WokenBy::Task(id) => id.to_word() << 2 | WokenBy::TASK,
        }
    }

    fn from_word(word: u64) -> WokenBy {
        match word & 3 {
            0 => WokenBy::Never,
            1 => WokenBy::Driver,
            2 => WokenBy::Thread,
            _ => WokenBy::Task(Id::from_word(word >> 2)),
        }
    }
}

impl fmt::Display for WokenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WokenBy::Never => f.write_str("never woken"),
            WokenBy::Task(id) => write!(f, "woken by task {id}"),
            WokenBy::Driver => f.write_str("woken by the driver"),
            WokenBy::Thread => f.write_str("woken by a thread"),
        }
    }
}

/// The live tasks of a runtime.
#[derive(Debug)]
pub(crate) struct TaskList(Box<[Arc<Part>]>);

#[derive(Debug)]
struct Part(CachePadded<Mutex<Vec<AbortHandle>>>);

/// What is written down about a task.
#[derive(Debug)]
pub(crate) struct Record {
    part: Arc<Part>,
    /// Where in its part the task is. With that locked.
    place: AtomicUsize,
    pub(crate) kind: TaskKind,
    pub(crate) parent: Option<Id>,
    pub(crate) born: Instant,
    polls: AtomicU64,
    /// T71: nanoseconds spent in polls, times two; or, while there is one, the moment at which it would have begun had it taken
    /// all that time, in nanoseconds since the birth, times two, plus one.
    busy: AtomicU64,
    /// When the poll under way has begun, in nanoseconds since the birth.
    begun: AtomicU64,
    /// The worker of that poll, as an owner pointer.
    worker: AtomicPtr<()>,
    woken_by: AtomicU64,
}

/// What a record says of polls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Polls {
    pub(crate) count: u64,
    pub(crate) busy: Duration,
    /// How long the one under way has taken, and its worker as an owner pointer.
    pub(crate) under_way: Option<(Duration, *const ())>,
}

impl TaskList {
    pub(crate) fn new() -> TaskList {
        let part = |_| Arc::new(Part(CachePadded::new(Mutex::new(Vec::new()))));
        TaskList((0..PARTS).map(part).collect())
    }

    /// T70: `task` is new, and the caller's alone.
    #[cold]
    pub(crate) fn add(&self, task: TaskRef, kind: TaskKind) {
        let part = &self.0[task.id().block() % PARTS];
        let record = Record {
            part: part.clone(),
            place: AtomicUsize::new(0),
            kind,
            parent: current::try_id(),
            born: Instant::now(),
            polls: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            worker: AtomicPtr::new(ptr::null_mut()),
            woken_by: AtomicU64::new(WokenBy::Never.to_word()),
        };
        let special = &task.header().special;
        special.set(special.get() | TRACKED);
        let record = task.header().origin.expect_extras().record(record);
        let entry = AbortHandle::new(task);
        let mut entries = part.0.lock();
        // Relaxed: under the lock.
        record.place.store(entries.len(), Relaxed);
        entries.push(entry);
    }

    /// T70: the tasks that are live, and maybe some that have just ended.
    pub(crate) fn live(&self) -> Vec<AbortHandle> {
        let mut tasks = Vec::new();
        for part in &self.0 {
            tasks.extend(part.0.lock().iter().cloned());
        }
        tasks
    }
}

/// The record of a tracked task. The caller stands on a reference.
pub(crate) fn record_of<'a>(task: TaskRef) -> Option<&'a Record> {
    task.header().origin.extras()?.get_record()
}

/// T70: the caller is about to complete `task`.
pub(super) fn ended(task: TaskRef) {
    let Some(record) = record_of(task) else { return };
    let mut entries = record.part.0.lock();
    // Relaxed: under the lock.
    let place = record.place.load(Relaxed);
    let entry = entries.swap_remove(place);
    if let Some(moved) = entries.get(place).and_then(AbortHandle::record) {
        moved.place.store(place, Relaxed);
    }
    drop(entries);
    // The owner's reference is there still.
    drop(entry);
}

/// T71: a poll of `task` begins. The caller is the poller.
pub(super) fn poll_begins(task: TaskRef, worker: *const ()) {
    if let Some(record) = record_of(task) {
        record.polls.store(record.polls.load(Relaxed) + 1, Relaxed);
        record.begin(worker);
    }
}

/// T71: the future of `task` is about to be dropped instead of polled. The caller is the poller.
pub(super) fn drop_begins(task: TaskRef, worker: *const ()) {
    if let Some(record) = record_of(task) {
        record.begin(worker);
    }
}

/// T71: the poll is over. The caller is the poller still.
pub(super) fn poll_ends(task: TaskRef, yielded: bool) {
    if let Some(record) = record_of(task) {
        let would_have_begun = record.busy.load(Relaxed) >> 1;
        let busy = record.age_ns().saturating_sub(would_have_begun);
        // Relaxed: one word, which says it all.
        record.busy.store(busy << 1, Relaxed);
        if yielded {
            record.woken_by.store(WokenBy::Task(task.id()).to_word(), Relaxed);
        }
    }
}

/// T71: `task` is about to be woken, by what runs here. The caller stands on a reference.
#[cold]
pub(super) fn woken(task: TaskRef) {
    if let Some(record) = record_of(task) {
        // Relaxed: for those who look on.
        record.woken_by.store(current::wakes_as(), Relaxed);
    }
}

impl Record {
    fn age_ns(&self) -> u64 {
        // Five hundred years.
        self.born.elapsed().as_nanos() as u64
    }

    fn begin(&self, worker: *const ()) {
        let now = self.age_ns();
        let busy = self.busy.load(Relaxed) >> 1;
        // Release, both: pairs with `polls`: who sees either sees that the poll before has ended.
        self.begun.store(now, Release);
        self.worker.store(worker.cast_mut(), Release);
        // Release: pairs with `polls`: who sees the poll sees when and where it has begun.
        self.busy.store(now.saturating_sub(busy) << 1 | 1, Release);
    }

    pub(crate) fn polls(&self) -> Polls {
        loop {
            // Acquire: pairs with `begin`.
            let busy = self.busy.load(Acquire);
            // Acquire, all: the look below comes after them, and sees the end of a poll whose successor they are of.
            let begun = self.begun.load(Acquire);
            let worker = self.worker.load(Acquire);
            let count = self.polls.load(Acquire);
            if self.busy.load(Relaxed) != busy {
                // Between two looks polls have begun or ended.
                crate::loom::hint::spin_loop();
                continue;
            }
            if busy & 1 == 0 {
                let busy = Duration::from_nanos(busy >> 1);
                return Polls { count, busy, under_way: None };
            }
            let now = self.age_ns();
            let since = |moment: u64| Duration::from_nanos(now.saturating_sub(moment));
            let under_way = Some((since(begun), worker.cast_const()));
            return Polls { count, busy: since(busy >> 1), under_way };
        }
    }

    pub(crate) fn woken_by(&self) -> WokenBy {
        WokenBy::from_word(self.woken_by.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_woken_a_task_is_a_word_and_back() {
        let all = [WokenBy::Never, WokenBy::Driver, WokenBy::Thread, WokenBy::Task(Id::next())];
        for woken_by in all {
            assert_eq!(WokenBy::from_word(woken_by.to_word()), woken_by);
        }
    }
}
