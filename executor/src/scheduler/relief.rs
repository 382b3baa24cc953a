//! Who helps when every thread that may run tasks is stuck in one.
//!
//! The watch ([`watch`](super::watch)) is kept by a worker that has nothing to do. If none is left, because all are in polls
//! that block or compute, then nobody looks after the driver, the timers and the tasks that are queued: one bad task per
//! worker halts a program. So a runtime with worker threads has one thread more, which runs no tasks.
//!
//! - **P18** *The guard* sleeps for as long as there is room for another active worker (P1): then somebody can be woken, and
//!   the watch does the rest. Whoever becomes active, and finds that it was the last that may, fences, and wakes the guard
//!   if that sleeps. Before it goes to sleep the guard says so, fences, and looks whether there is room. Else it *naps*,
//!   and counts beats after each nap; after some time with room it sleeps again.
//! - **P19** *Stuck* is a slot whose holder was in the same poll at the last look as at this. What is queued there goes to the
//!   injector, where everybody who gets on will find it.
//! - **P20** *Relief.* If so many are stuck in tasks that none of those who may be active is left, the guard raises the limit
//!   of P1 by one, and has a thread started that works as a guest does, in a slot kept for it, until the guard dismisses
//!   it; when it has left its slot, the limit is lowered. The limit changes only while the guard is awake. So a task, an
//!   event or a deadline waits for two naps at most, until as many reliefs are stuck as there may be.
//!
//! Feared: all workers are stuck, and the guard sleeps. The last of them to become active and the guard each write, fence,
//! and read what the other wrote: either the guard sees that there is no room, or it is woken.
//!
//! What it costs: a nap is some five microseconds every five milliseconds, and only while all workers are busy. A thread
//! that has merely lost its processor is taken for stuck; then others do its work, no more.
//!
//! Rust cannot interrupt a poll: the stuck thread stays where it is. (Go's `sysmon` is the ancestor, which takes the
//! processor away and starts a thread for it.)

use super::block_on;
use super::park::Parker;
use super::shared::Shared;
use super::slot::Slot;
use crate::loom::sync::atomic::{AtomicBool, Ordering::*, fence};
use crate::queue::{Part, Rescue, Steal};
use raddle_sync::oneshot;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A poll that has taken two of these may be in somebody's way.
const NAP: Duration = Duration::from_millis(5);
/// The first nap after a relief was sent for: it may have met another bad task.
const SHORT_NAP: Duration = Duration::from_millis(1);
/// Looks without need, after which a relief is dismissed or the guard goes to sleep: a fifth of a second.
const CALM_LOOKS: u32 = 40;
/// Most tasks taken from one stuck slot at a look.
const RESCUED_MAX: usize = 1_024;

/// What everybody else sees of the guard.
#[derive(Debug)]
pub struct Guard {
    /// Whether somebody has to wake it (P18).
    asleep: AtomicBool,
    bed: Parker,
}

impl Guard {
    /// Awake.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Guard {
        Guard { asleep: AtomicBool::new(false), bed: Parker::new() }
    }

    /// P18: to bed, until somebody finds no room. `false` if `is_full` already.
    pub fn sleep(&self, is_full: impl FnOnce() -> bool) -> bool {
        self.asleep.store(true, Relaxed);
        // P18: pairs with the fence in `rouse`.
        fence(SeqCst);
        let sleeps = !is_full();
        if sleeps {
            self.bed.park(None);
        }
        self.asleep.store(false, Relaxed);
        sleeps
    }

    /// P18: the caller has become active, and nobody else may.
    pub fn rouse(&self) {
        // P18: pairs with the fence in `sleep`.
        fence(SeqCst);
        // Relaxed: once is enough, and the bed synchronizes.
        if self.asleep.load(Relaxed) && self.asleep.swap(false, Relaxed) {
            self.wake();
        }
    }

    /// Ends its sleep or its nap.
    pub(super) fn wake(&self) {
        // It is never in the driver.
        let _ = self.bed.unpark();
    }
}

/// Told when the relief may go.
pub(crate) type Dismissal = oneshot::Receiver<()>;

/// What the guard remembers between looks.
struct Rounds {
    /// Beats of all slots at the last look; none before the first.
    beats: Vec<u32>,
    /// A sender per relief on duty; dropped, it dismisses.
    reliefs: Vec<oneshot::Sender<()>>,
    nap: Duration,
    /// Looks in a row that found too many reliefs, or, without any, room.
    calm: u32,
}

impl Shared {
    /// The life of the guard, until the runtime is closed. `start` starts a thread that calls [`Shared::relieve`].
    pub(crate) fn keep_guard(
        self: &Arc<Self>,
        start: impl Fn(&Arc<Shared>, Dismissal) -> io::Result<()>,
    ) {
        let mut rounds = Rounds { beats: Vec::new(), reliefs: Vec::new(), nap: NAP, calm: 0 };
        while !self.shutdown.is_closed() {
            // P20: not while reliefs, dismissed or not, have the limit raised.
            let may_sleep = rounds.calm >= CALM_LOOKS && self.idle.limit() == self.workers;
            if may_sleep && self.guard.sleep(|| self.idle.is_full() || self.shutdown.is_closed()) {
                rounds.beats.clear();
                rounds.calm = 0;
            } else {
                self.guard.bed.park(self.clock.now().checked_add(rounds.nap));
            }
            self.look_for_stuck(&mut rounds, &start);
        }
    }

    /// Whether there is to be a guard.
    #[inline]
    pub(crate) fn has_guard(&self) -> bool {
        self.reliefs > 0
    }

    /// P18: this thread has become active.
    #[inline]
    pub(crate) fn tell_guard(&self) {
        if self.has_guard() && self.idle.is_full() {
            self.guard.rouse();
        }
    }

    fn look_for_stuck(
        self: &Arc<Self>,
        rounds: &mut Rounds,
        start: &impl Fn(&Arc<Shared>, Dismissal) -> io::Result<()>,
    ) {
        let is_first = rounds.beats.is_empty();
        rounds.beats.resize(self.slots.len(), 0);
        let mut stuck = 0;
        for (slot, before) in self.slots.iter().zip(&mut rounds.beats) {
            let beat = slot.beat();
            let has_moved = std::mem::replace(before, beat) != beat;
            if is_first || has_moved || !slot.is_awake() {
                continue;
            }
            self.rescue_from(slot);
            // Whoever is in a root future is not counted as active (P9).
            stuck += usize::from(slot.is_working());
        }
        // P20: one is to be left.
        let limit = self.idle.limit();
        let is_relief_needed = stuck >= limit;
        rounds.nap = (2 * rounds.nap).min(NAP);
        if is_relief_needed && limit - self.workers < self.reliefs {
            let (sender, dismissal) = oneshot::channel();
            self.idle.raise_limit();
            match start(self, dismissal) {
                Ok(()) => {
                    rounds.reliefs.push(sender);
                    rounds.nap = SHORT_NAP;
                }
                // The system has no thread for us now, and is asked again after the next nap.
                Err(_) => self.idle.lower_limit(),
            }
        }
        let is_calm = match rounds.reliefs.len() {
            0 => !self.idle.is_full(),
            _ => stuck + 1 < limit,
        };
        rounds.calm = if is_calm { rounds.calm.saturating_add(1) } else { 0 };
        if rounds.calm >= CALM_LOOKS && rounds.reliefs.pop().is_some() {
            rounds.calm = 0;
        }
    }

    /// P19: oldest first.
    fn rescue_from(&self, slot: &Slot) {
        let stealer = &slot.stealer;
        if stealer.len() == 0 && slot.lifo_is_empty() && stealer.is_called() {
            // Empty at the last look, and nothing pushed since.
            return;
        }
        let mut rescued = Vec::new();
        while rescued.len() < RESCUED_MAX {
            match stealer.steal_one() {
                Steal::Success(runnable) => rescued.push(runnable),
                Steal::Retry => crate::loom::hint::spin_loop(),
                Steal::Empty => break,
            }
        }
        while rescued.len() < RESCUED_MAX
            && stealer.rescue_into(&mut rescued, Part::All) == Rescue::Some
        {}
        rescued.extend(slot.lifo_take());
        for runnable in rescued {
            self.submit_remote(runnable);
        }
    }

    /// P20: works until dismissed.
    pub(crate) fn relieve(self: &Arc<Self>, dismissal: Dismissal) {
        /// Also if an invariant of ours is broken.
        struct Raised<'a>(&'a Shared);
        impl Drop for Raised<'_> {
            fn drop(&mut self) {
                self.0.idle.lower_limit();
            }
        }
        let _raised = Raised(self);
        block_on::work_until(self, dismissal, true).expect_err("the guard sends nothing");
    }
}
