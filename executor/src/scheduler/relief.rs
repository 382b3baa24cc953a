//! Who helps when every thread that may run tasks is stuck in one.
//!
//! The watch ([`watch`](super::watch)) is kept by a worker that has nothing to do. If none is left, because all are in polls
//! that block or compute, then nobody looks after the driver, the timers and the tasks that are queued: one bad task per
//! worker halts a program. So a runtime with worker threads has one thread more, which runs no tasks and touches no queue.
//!
//! - **P18** *The guard* ([`guard`](super::guard)) sleeps while there is room for another active worker (P1), and either nobody is
//!   active, or no socket is registered, or somebody waits in the driver: then the watch and the understudy (P12) do the rest.
//!   Whoever becomes active fences, and wakes the guard if that sleeps and this does not hold any more. Before it goes to sleep
//!   the guard says so, fences, and looks whether it holds. Else it *naps*, and looks at the beats after each nap.
//! - **P19** *Stuck* is a slot whose holder has been awake at every look for [`STUCK`], and has not beaten. A nap that took
//!   much longer than it should says nothing: the others may have had no processor, either. Who is awake and not stuck
//!   *gets on*.
//! - **P20** *Relief.* If somebody is stuck and nobody gets on, there has to be somebody else. If a thread that may keep watch
//!   is parked, and there is no room for it, the guard raises the limit of P1 by one, and wakes it. If none is, the guard
//!   raises the limit and has a thread started, which works as a guest does, in a slot kept for it, until the guard
//!   dismisses it. Each is asked to keep watch (P11), and so takes what is queued at the stuck. Once some worker has been
//!   rid of its long polls for a while, the limit is lowered again: by a relief when it has left its slot. While
//!   the guard sleeps, the limit does not change.
//!
//! Feared: all workers are stuck, and the guard sleeps. The last of them to become active and the guard each write, fence,
//! and read what the other wrote: either the guard sees that there is no room, or it is woken. (One that leaves the driver has said
//! so before it becomes active.)
//!
//! So tasks, events and deadlines wait for two naps at most, and for a thread to start, unless so many are stuck that no relief is left. Not so what
//! only the stuck thread may touch: its pinned and local tasks, and the rest of a batch of wakes of which one blocks.
//!
//! What it costs: a nap is some ten microseconds every five milliseconds while all workers are busy, or every ten while some
//! are and there are sockets. A thread
//! that has lost its processor for so long is taken for stuck; then others do its work, and a relief may have been started
//! in vain. Rust cannot interrupt a poll: the stuck thread stays where it is. (Go's `sysmon` is the ancestor, which takes
//! the processor away and starts a thread for it.)

use super::block_on::{self, Whose};
use super::shared::Shared;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

const NAP: Duration = Duration::from_millis(5);
/// Where there is room: only events may wait.
const LONG_NAP: Duration = Duration::from_millis(10);
/// The first nap after a relief was sent for: it may have met another bad task.
const SHORT_NAP: Duration = Duration::from_millis(1);
/// A poll of this length may be in somebody's way.
const STUCK: Duration = Duration::from_millis(5);
/// Naps that took so much longer do not count (P19).
const OVERSLEPT: Duration = Duration::from_millis(10);
/// Looks in a row that found nothing to guard, and nobody at work since the last, after which the guard goes to bed: to wake it
/// costs as much as a nap.
const LOOKS_TO_BED: u32 = 2;
/// As many, if somebody is at work: it may have to be woken soon, and then stays up for as long.
const LOOKS_TO_BED_AT_WORK: u32 = 20;
/// As many, after which a relief is dismissed: a fifth of a second, since thread starts are dear.
const LOOKS_TO_DISMISSAL: u32 = 40;
/// Looks for which a relief may be on its way before another is sent for.
const LOOKS_TO_COME: u32 = 4;

/// What the guard remembers between looks.
struct Rounds {
    /// Of each slot that was awake at the last look: its beat, and since when it has had that.
    beats: Vec<Option<(u32, Instant)>>,
    /// When the last look was.
    looked: Instant,
    nap: Duration,
    /// By how much the limit is raised for sleepers (P20), and how many reliefs are on duty.
    loans: usize,
    on_duty: usize,
    /// Looks since a relief was sent for last.
    sent: u32,
    /// Polls so far.
    polls: u32,
    /// Looks in a row that found nothing to guard, those of them with nobody at work, and those in which some worker was free.
    needless: u32,
    calm: u32,
    worker_free: u32,
}

/// What a look has found.
struct Found {
    stuck: usize,
    /// Whether something waits at the stuck, or the next push there would not tell (Q10).
    has_queued: bool,
    gets_on: bool,
    /// Whether some worker's slot is not stuck.
    worker_free: bool,
}

impl Shared {
    /// Whether there is to be a guard.
    #[inline]
    pub(crate) fn has_guard(&self) -> bool {
        self.reliefs > 0
    }

    /// P18: this thread has become active.
    #[inline]
    pub(crate) fn tell_guard(&self) {
        if self.has_guard() {
            self.guard.rouse(|| self.needs_guard());
        }
    }

    /// P18. After a fence.
    fn needs_guard(&self) -> bool {
        self.idle.is_full() || (self.idle.active() > 0 && self.driver.is_unattended())
    }

    /// Whether the slot is kept for reliefs.
    pub(super) fn is_relief(&self, index: usize) -> bool {
        index >= self.slots.len() - self.reliefs
    }

    /// Whether the holder of this slot may keep watch: a user's guest may leave any time.
    pub(super) fn may_watch(&self, index: usize) -> bool {
        index < self.workers || self.is_relief(index)
    }

    /// The life of the guard, until the runtime is closed. `start` starts a thread that calls [`Shared::relieve`].
    pub(crate) fn keep_guard(self: &Arc<Self>, start: impl Fn(&Arc<Shared>) -> io::Result<()>) {
        let mut rounds = Rounds {
            beats: vec![None; self.slots.len()],
            looked: self.clock.now(),
            nap: NAP,
            loans: 0,
            on_duty: 0,
            sent: LOOKS_TO_COME,
            polls: 0,
            needless: 0,
            calm: LOOKS_TO_BED,
            worker_free: 0,
        };
        while !self.shutdown.is_closed() {
            let nobody_leaves = self.idle.limit() == self.workers + rounds.loans + rounds.on_duty;
            let is_needed = rounds.worker_free == 0 || rounds.loans + rounds.on_duty == 0;
            let is_calm = rounds.calm >= LOOKS_TO_BED || rounds.needless >= LOOKS_TO_BED_AT_WORK;
            if is_calm && nobody_leaves && is_needed {
                self.guard.sleep(|| self.needs_guard() || self.shutdown.is_closed());
                (rounds.needless, rounds.calm) = (0, 0);
                // From now on time counts.
                let _ = self.look_for_stuck(&mut rounds);
            }
            self.nap(rounds.nap);
            if !self.shutdown.is_closed() {
                self.make_a_round(&mut rounds, &start);
            }
        }
        self.guard.dismiss_all();
    }

    /// Also if the token of an earlier waking is still there.
    fn nap(&self, length: Duration) {
        let until = self.clock.now() + length;
        while self.clock.now() < until && !self.shutdown.is_closed() {
            self.guard.nap_until(until);
        }
    }

    fn make_a_round(
        self: &Arc<Self>,
        rounds: &mut Rounds,
        start: &impl Fn(&Arc<Shared>) -> io::Result<()>,
    ) {
        let found = self.look_for_stuck(rounds);
        let has_room = !self.idle.is_full();
        rounds.nap = (2 * rounds.nap).min(if has_room { LONG_NAP } else { NAP });
        rounds.sent = rounds.sent.saturating_add(1);
        let is_watcher_parked = self.idle.any_sleeper_of(|index| self.may_watch(index));
        let mut acts = found.stuck > 0 && !found.gets_on;
        if acts {
            if !is_watcher_parked {
                self.send_for_relief(rounds, start);
            } else if !has_room && rounds.loans < self.reliefs {
                rounds.loans += 1;
                self.idle.raise_limit();
                self.wake_watcher();
            } else if found.has_queued || self.driver.is_unattended() {
                self.wake_watcher();
            } else {
                acts = false;
            }
        }
        let count = |looks: &mut u32, yes| *looks = if yes { looks.saturating_add(1) } else { 0 };
        let polls = self.slots.iter().map(|slot| slot.beat()).fold(0, u32::wrapping_add);
        let is_idle = std::mem::replace(&mut rounds.polls, polls) == polls;
        let is_covered = found.stuck == 0 || found.gets_on || is_watcher_parked;
        let is_needless = !acts && is_covered && !self.needs_guard();
        count(&mut rounds.needless, is_needless);
        count(&mut rounds.calm, is_needless && is_idle);
        count(&mut rounds.worker_free, found.worker_free);
        if rounds.worker_free >= LOOKS_TO_DISMISSAL {
            rounds.worker_free = 1;
            if rounds.loans > 0 {
                rounds.loans -= 1;
                self.idle.lower_limit();
            } else if rounds.on_duty > 0 {
                rounds.on_duty -= 1;
                self.guard.dismiss_one();
            }
        }
    }

    /// P19.
    fn look_for_stuck(&self, rounds: &mut Rounds) -> Found {
        let now = self.clock.now();
        let has_overslept = now.saturating_duration_since(rounds.looked) > rounds.nap + OVERSLEPT;
        rounds.looked = now;
        let mut found = Found { stuck: 0, has_queued: false, gets_on: false, worker_free: false };
        for (slot, last) in self.slots.iter().zip(&mut rounds.beats) {
            let is_worker = slot.index < self.workers;
            if !slot.is_awake() {
                *last = None;
                found.worker_free |= is_worker;
                continue;
            }
            let beat = slot.beat();
            let since = match *last {
                Some((before, since)) if before == beat && !has_overslept => since,
                _ => now,
            };
            *last = Some((beat, since));
            if now.saturating_duration_since(since) >= STUCK {
                let stealer = &slot.stealer;
                found.stuck += 1;
                found.has_queued |=
                    stealer.len() > 0 || !stealer.is_called() || !slot.lifo_is_empty();
            } else {
                found.worker_free |= is_worker;
                // A root future that is polled now and then runs no tasks (P9).
                found.gets_on |= slot.is_working();
            }
        }
        // P21.
        found.has_queued |= !self.lanes.is_empty();
        found
    }

    /// P20. The system may have no thread for us now; then it is asked again after the next nap.
    fn send_for_relief(
        self: &Arc<Self>,
        rounds: &mut Rounds,
        start: &impl Fn(&Arc<Shared>) -> io::Result<()>,
    ) {
        let is_one_coming = self.guard.is_one_coming() && rounds.sent < LOOKS_TO_COME;
        if is_one_coming || self.guard.reliefs() == self.reliefs {
            return;
        }
        if self.guard.take_dismissal() {
            // One that was to go has not heard of it yet, and stays; it may be stuck as well.
            rounds.on_duty += 1;
        }
        self.idle.raise_limit();
        // P11: it is to keep watch as soon as it has nothing else to do.
        self.idle.want_watch();
        self.guard.sends_for_one();
        if start(self).is_ok() {
            rounds.on_duty += 1;
            rounds.sent = 0;
            rounds.nap = SHORT_NAP;
        } else {
            self.guard.nobody_came();
            self.idle.lower_limit();
        }
    }

    /// P20: works until dismissed.
    pub(crate) fn relieve(self: &Arc<Self>) {
        /// Also if an invariant of ours is broken.
        struct Gone<'a>(&'a Shared);
        impl Drop for Gone<'_> {
            fn drop(&mut self) {
                self.0.idle.lower_limit();
                self.0.guard.has_gone();
            }
        }
        let _gone = Gone(self);
        block_on::work_until(self, self.guard.duty(), Whose::Reliefs);
    }
}
