//! Who is searching for work, who is asleep, and who may be woken. The rules cited are those of `scheduler/mod.rs`.
//!
//! One word counts the searching, the parked and the active; a list behind a lock says which workers are parked, most
//! recent last. Changes of `parked` are made with the lock held, so that list and count agree; the
//! others are single read-modify-writes.
//!
//! Feared: a task is published, and every worker sleeps. Publisher and parking worker each write, fence, and read
//! what the other wrote. If the publisher's fence comes first, the worker's last look finds the task (P3). If the
//! worker's comes first, the publisher reads it as parked, and wakes it (P2).

use crate::loom::sync::Mutex;
use crate::loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*, fence};
use std::fmt;

const SEARCHING: u32 = 0;
const PARKED: u32 = 16;
const ACTIVE: u32 = 32;

const fn one(field: u32) -> u64 {
    1 << field
}

/// Most workers a runtime can have.
pub(crate) const WORKERS_MAX: usize = (1 << 15) - 1;

#[derive(Clone, Copy)]
struct Counts(u64);

impl Counts {
    fn get(self, field: u32) -> usize {
        usize::from((self.0 >> field) as u16)
    }

    fn searching(self) -> usize {
        self.get(SEARCHING)
    }

    fn parked(self) -> usize {
        self.get(PARKED)
    }

    fn active(self) -> usize {
        self.get(ACTIVE)
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idle")
            .field("searching", &self.searching())
            .field("parked", &self.parked())
            .field("active", &self.active())
            .finish()
    }
}

/// The idle workers of one runtime.
pub struct Idle {
    word: AtomicU64,
    sleepers: Mutex<Vec<Sleeper>>,
    /// Most workers active at once (P1). More while a relief stands in (P20).
    limit: AtomicUsize,
    /// Whether a parked worker keeps watch, and whether one should (P9, P11).
    watched: AtomicBool,
    watch_wanted: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sleeper {
    index: usize,
}

/// Evidence that this worker is counted as searching. It ends in [`Idle::found_work`] or [`Idle::park`].
#[must_use]
#[derive(Debug)]
pub struct Searching(());

impl Searching {
    /// Takes up the evidence that a waker left for a worker it woke (P2).
    fn assume() -> Searching {
        Searching(())
    }
}

/// How a worker became active again.
#[must_use]
#[derive(Debug)]
pub enum Unparked {
    /// By itself: a deadline, an event, its root future.
    Alone,
    /// By a submitter, which counted it as searching.
    ToSearch(Searching),
}

impl Idle {
    /// Of a runtime whose workers shall not run tasks on more than `limit` threads at once.
    pub fn new(limit: usize) -> Idle {
        Idle {
            word: AtomicU64::new(0),
            sleepers: Mutex::new(Vec::new()),
            limit: AtomicUsize::new(limit),
            watched: AtomicBool::new(false),
            watch_wanted: AtomicBool::new(false),
        }
    }

    #[inline]
    fn counts(&self) -> Counts {
        // Relaxed: either a hint, or after the caller's SeqCst fence (P2).
        Counts(self.word.load(Relaxed))
    }

    /// A worker begins its life, active.
    pub fn enter(&self) {
        // AcqRel here and below, where not said otherwise: the word orders the transitions of all workers (P3).
        self.word.fetch_add(one(ACTIVE), AcqRel);
    }

    /// An active worker ends its life, or turns to its root future (P9).
    pub fn leave(&self) {
        self.word.fetch_sub(one(ACTIVE), AcqRel);
    }

    /// Whether a push to a local queue might be worth a wake: somebody sleeps, nobody searches, and there is room. One
    /// relaxed load of a line that is written only when workers come and go.
    #[inline]
    pub fn could_help(&self) -> bool {
        self.may_wake(self.counts())
    }

    /// Whether another worker may ever take something from this one.
    #[inline]
    pub fn is_company_possible(&self) -> bool {
        self.limit() > 1
    }

    /// How many may be active at once.
    #[inline]
    pub(crate) fn limit(&self) -> usize {
        // Relaxed: it changes while the guard is awake (P20), and stands for no data.
        self.limit.load(Relaxed)
    }

    /// P20: a relief comes.
    pub fn raise_limit(&self) {
        self.limit.fetch_add(1, Relaxed);
    }

    /// P20: it has gone.
    pub fn lower_limit(&self) {
        self.limit.fetch_sub(1, Relaxed);
    }

    /// Whether as many are active as may be.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.active() >= self.limit()
    }

    /// How many workers are active. A hint.
    pub fn active(&self) -> usize {
        self.counts().active()
    }

    #[inline]
    /// How many search.
    pub(crate) fn searching(&self) -> usize {
        self.counts().searching()
    }

    fn may_wake(&self, counts: Counts) -> bool {
        counts.parked() > 0 && counts.searching() == 0 && counts.active() < self.limit()
    }

    /// Somebody should keep watch. Before the fence that precedes a look whether anybody does.
    pub fn want_watch(&self) {
        // Relaxed, here and below: ordered by the fences of `wake_one` and `park`, as a task is (P2, P3).
        self.watch_wanted.store(true, Relaxed);
    }

    /// Nobody needs to keep watch, as far as the caller knows.
    pub fn waive_watch(&self) {
        self.watch_wanted.store(false, Relaxed);
    }

    /// Whether somebody should keep watch, and nobody does.
    pub fn is_watch_wanted(&self) -> bool {
        self.watch_wanted.load(Relaxed) && !self.is_watched()
    }

    /// A parked worker wants to keep watch. Refused if somebody does already (P9).
    pub fn start_watch(&self) -> bool {
        // AcqRel: from one watch to the next.
        !self.is_watched() && !self.watched.swap(true, AcqRel)
    }

    /// The watch is over. The caller passes a fence, and looks whether that was right (P9).
    pub fn stop_watch(&self) {
        // Release: pairs with `start_watch`.
        self.watched.store(false, Release);
    }

    /// Whether somebody keeps watch. A hint, unless the caller has passed a fence since it took back a call.
    #[inline]
    pub fn is_watched(&self) -> bool {
        // Relaxed: ordered by the caller's fence, if it matters.
        self.watched.load(Relaxed)
    }

    /// After a task has been published: takes a parked worker off the list, if one should look (P2). The caller
    /// unparks it.
    #[must_use]
    pub fn wake_one(&self) -> Option<usize> {
        // P2: pairs with the fence in `park`. Before it, the task was published; after it, the word is read.
        fence(SeqCst);
        if !self.could_help() {
            return None;
        }
        let mut sleepers = self.sleepers.lock();
        if !self.may_wake(self.counts()) {
            return None;
        }
        // Most recently parked first: its caches are warm, and the others may sleep on.
        let sleeper = sleepers.pop()?;
        self.word
            .fetch_add(one(ACTIVE).wrapping_add(one(SEARCHING)).wrapping_sub(one(PARKED)), AcqRel);
        Some(sleeper.index)
    }

    /// As [`wake_one`](Idle::wake_one), for a watch: somebody who `may_watch`, and whoever searches now.
    #[must_use]
    pub fn wake_watcher(&self, may_watch: impl Fn(usize) -> bool) -> Option<usize> {
        // P9: pairs with the fence in `park`: whoever we do not see parked yet sees that a watch is wanted.
        fence(SeqCst);
        let has_room = |counts: Counts| counts.parked() > 0 && counts.active() < self.limit();
        if !has_room(self.counts()) {
            return None;
        }
        let mut sleepers = self.sleepers.lock();
        if !has_room(self.counts()) {
            return None;
        }
        let position = sleepers.iter().rposition(|sleeper| may_watch(sleeper.index))?;
        let sleeper = sleepers.remove(position);
        self.word
            .fetch_add(one(ACTIVE).wrapping_add(one(SEARCHING)).wrapping_sub(one(PARKED)), AcqRel);
        Some(sleeper.index)
    }

    /// Whether somebody is parked of those that are `wanted`.
    pub(crate) fn any_sleeper_of(&self, wanted: impl Fn(usize) -> bool) -> bool {
        self.counts().parked() > 0
            && self.sleepers.lock().iter().any(|sleeper| wanted(sleeper.index))
    }

    /// Somebody who is parked, and stays so.
    pub fn any_sleeper(&self) -> Option<usize> {
        if self.counts().parked() == 0 {
            return None;
        }
        // Who has slept for longest is needed last.
        self.sleepers.lock().first().map(|sleeper| sleeper.index)
    }

    /// An active worker without work wants to search. Refused when half of the allowed number already do (P6).
    pub fn start_searching(&self) -> Option<Searching> {
        if 2 * self.counts().searching() >= self.limit().max(2) {
            return None;
        }
        self.word.fetch_add(one(SEARCHING), AcqRel);
        Some(Searching::assume())
    }

    /// The search is over, with success. `true` if nobody searches any more: then the finder wakes another if there
    /// is more to find (P4).
    pub fn found_work(&self, searching: Searching) -> bool {
        let Searching(()) = searching;
        let before = Counts(self.word.fetch_sub(one(SEARCHING), AcqRel));
        debug_assert!(before.searching() > 0, "{before:?}");
        before.searching() == 1
    }

    /// An active worker lists itself parked. `true` if nobody searches now: then it looks at every queue once more
    /// before it sleeps (P3).
    #[must_use]
    pub fn park(&self, index: usize, searching: Option<Searching>) -> bool {
        let was_searching = u64::from(searching.is_some());
        let before = {
            let mut sleepers = self.sleepers.lock();
            debug_assert!(!sleepers.iter().any(|sleeper| sleeper.index == index));
            sleepers.push(Sleeper { index });
            let change =
                one(PARKED).wrapping_sub(one(ACTIVE)).wrapping_sub(was_searching * one(SEARCHING));
            Counts(self.word.fetch_add(change, AcqRel))
        };
        // P3: pairs with the fence in `wake_one`. Before it, we are listed; after it, the queues are read.
        fence(SeqCst);
        before.searching() as u64 == was_searching
    }

    /// A parked worker is awake, for whatever reason, and active again.
    pub fn unpark(&self, index: usize) -> Unparked {
        let mut sleepers = self.sleepers.lock();
        // From the back, where the most recent are.
        match sleepers.iter().rposition(|sleeper| sleeper.index == index) {
            Some(position) => {
                sleepers.remove(position);
                self.word.fetch_add(one(ACTIVE).wrapping_sub(one(PARKED)), AcqRel);
                Unparked::Alone
            }
            None => Unparked::ToSearch(Searching::assume()),
        }
    }

    /// A guest wants to run tasks. Refused when as many threads as allowed already do (P1).
    #[must_use]
    pub fn step_in(&self) -> bool {
        let mut now = self.counts();
        loop {
            if now.active() >= self.limit() {
                return false;
            }
            match self.word.compare_exchange(now.0, now.0 + one(ACTIVE), AcqRel, Relaxed) {
                Ok(_) => return true,
                Err(other) => now = Counts(other),
            }
        }
    }

    /// A guest that is not active lists itself parked. As [`park`](Idle::park).
    #[must_use]
    pub fn park_guest(&self, index: usize) -> bool {
        let before = {
            let mut sleepers = self.sleepers.lock();
            sleepers.push(Sleeper { index });
            Counts(self.word.fetch_add(one(PARKED), AcqRel))
        };
        // P3: as in `park`.
        fence(SeqCst);
        before.searching() == 0
    }
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts().fmt(f)
    }
}
