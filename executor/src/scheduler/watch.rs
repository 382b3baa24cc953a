//! One sleeper that looks after those who are awake: are they getting on, and if not, who does their work?
//!
//! A worker in a long poll does not look at its queue, and a thread in `block_on` may sleep or read a terminal inside
//! its root future. Neither can be asked beforehand, and reading a clock around every poll is dear. So one parked worker
//! sleeps in short naps, and compares how often the others have beaten since its last look (`Slot::beat`). From one that
//! has not, it takes the tasks that are queued there, private ones too (`queue/gate.rs`).
//!
//! Rules P9 and P11 of `scheduler/mod.rs`. What is feared: a push is missed by the last look of a watch, and nobody
//! comes. But a look that finds a queue empty leaves a *call* in it (Q10), and who pushes onto a call asks for a watch,
//! unless there is one; and a watch that has ended looks once more whether all calls are still there.
//!
//! A watch is kept on demand only, because a sleep with an end is dear: to set and to clear the timer of a core costs a
//! virtual machine two exits. With every park of a worker beside an awake one timed, batches of tasks from outside took 1.3
//! times as long.
//!
//! The first nap ends after [`FIRST_NAP`], and its look only counts; most watches end before, because their keeper has
//! something to do. The second look, as long after that, finds what waits behind a poll that has lasted since the first. As
//! long as all goes well the naps get longer, up to [`LONGEST_NAP`]; what they cost is some microseconds each, on a core
//! that has nothing to do, while another is busy.
//!
//! (Go's `sysmon` and its retaking of processors is the ancestor; ours takes the work and leaves the thread.)

use super::shared::Shared;
use super::slot::{Mode, Slot};
use super::worker::Worker;
use crate::loom::sync::atomic::{Ordering::SeqCst, fence};
use crate::queue::{Part, Rescue, Steal};
use crossbeam_utils::CachePadded;
use std::time::{Duration, Instant};

const FIRST_NAP: Duration = Duration::from_micros(250);
const LONGEST_NAP: Duration = Duration::from_millis(2);
/// What a watch has seen so long ago does not count in the next.
const STALE: Duration = Duration::from_millis(10);

/// A worker whose polls take as long on average should have shared its queue, and has not noticed yet.
const SLOW: Duration = Duration::from_micros(20);

/// Most private tasks taken from a stuck worker at once.
const RESCUED_MAX: usize = 1_024;

/// What the keeper of the watch remembers between looks.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// The nap after the last look; `None` unless this worker keeps the watch.
    nap: Option<Nap>,
    /// Beats of all slots at the last look, and when that was, in this watch or one before; none before the first.
    beats: Vec<u32>,
    looked: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Nap {
    from: Instant,
    length: Duration,
}

/// What came of a look.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Sleep on.
    Nothing,
    /// Others' tasks are in this worker's queue now.
    Rescued,
}

/// What a look has found out about one slot.
enum Found {
    /// Its holder sleeps or gets on; or its queue is empty, and the next push there will tell.
    Settled,
    /// Its holder is awake: look again.
    Awake,
    /// Tasks.
    Tasks,
}

impl Worker<'_> {
    /// P11: who parks while others are awake, and a watch is wanted or needed, keeps it. (Not a user's guest, who may leave any time.)
    pub(super) fn start_watch(&self) {
        let shared = self.shared();
        if !shared.may_watch(self.slot().index) || shared.idle.is_watched() {
            return;
        }
        let is_wanted = shared.idle.is_watch_wanted()
            && (shared.idle.active() > 0 || shared.guests().any(|slot| slot.is_awake()));
        // What is exposed, and not worth a theft, or young, may be behind a poll that is stuck already.
        let has_queued = |slot: &Slot| slot.stealer.len() > 0 || slot.stealer.has_young();
        let is_needed = || shared.slots.iter().any(|slot| slot.is_awake() && has_queued(slot));
        if (is_wanted || is_needed()) && shared.idle.start_watch() {
            let mut watch = self.core().watch.borrow_mut();
            let now = shared.clock.now();
            // A watch that was interrupted a moment ago goes on, or events might keep it from ever looking.
            let before = watch.looked.filter(|&looked| now < looked + STALE);
            if before.is_none() {
                watch.beats.clear();
            }
            watch.nap = Some(Nap { from: before.unwrap_or(now), length: FIRST_NAP });
        }
    }

    /// When this worker has to get up, because it keeps watch.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.core().watch.borrow().nap.map(|nap| nap.from + nap.length)
    }

    /// Looks after the others, if it is time.
    pub(super) fn look(&self) -> Look {
        let Some(nap) = self.core().watch.borrow().nap else { return Look::Nothing };
        let passed = self.shared().clock.now().saturating_duration_since(nap.from);
        if passed < nap.length {
            return Look::Nothing;
        }
        let is_other_awake =
            |slot: &CachePadded<Slot>| slot.index != self.slot().index && slot.is_awake();
        if self.first_look() && self.shared().slots.iter().any(is_other_awake) {
            return Look::Nothing;
        }
        let mut is_over = true;
        for index in 0..self.shared().slots.len() {
            match self.look_at(index, passed) {
                Found::Settled => {}
                Found::Awake => is_over = false,
                Found::Tasks => return Look::Rescued,
            }
        }
        if is_over && self.end_watch() {
            return Look::Nothing;
        }
        let from = self.shared().clock.now();
        let length = (2 * nap.length).min(LONGEST_NAP);
        let mut watch = self.core().watch.borrow_mut();
        watch.looked = Some(from);
        watch.nap = Some(Nap { from, length });
        Look::Nothing
    }

    /// Counts the beats, and no more, if nobody has yet.
    fn first_look(&self) -> bool {
        let mut watch = self.core().watch.borrow_mut();
        let is_first = watch.beats.is_empty();
        if is_first {
            watch.beats.extend(self.shared().slots.iter().map(|slot| slot.beat()));
            let now = self.shared().clock.now();
            watch.looked = Some(now);
            watch.nap = Some(Nap { from: now, length: FIRST_NAP });
        }
        is_first
    }

    fn look_at(&self, index: usize, passed: Duration) -> Found {
        let slot = &self.shared().slots[index];
        if index == self.slot().index || !slot.is_awake() {
            return Found::Settled;
        }
        let beat = slot.beat();
        let before = std::mem::replace(&mut self.core().watch.borrow_mut().beats[index], beat);
        // Who has slept since has beaten often: what passed was no poll.
        let beats = beat.wrapping_sub(before);
        if beats > 0 && passed < SLOW * beats {
            return Found::Awake;
        }
        if beats == 0 && !self.shared().lanes.is_empty() {
            // P21: what it was to get to next, or would have. Who is awake finds it.
            return Found::Tasks;
        }
        if beats == 0 && slot.stealer.is_called() && slot.stealer.len() == 0 && slot.lifo_is_empty()
        {
            // Empty at the last look, and nothing pushed since.
            return Found::Settled;
        }
        // Z1: said before there are tasks in nobody's queue. It is said already if there are wakers in our hands.
        let was_asleep = !self.slot().is_awake();
        self.slot().set_mode(Mode::Working);
        let outcome = self.rescue(index, beats == 0);
        if outcome != Rescue::Some && was_asleep {
            self.slot().set_mode(Mode::Parked);
        }
        match outcome {
            Rescue::Some | Rescue::All => Found::Tasks,
            Rescue::Nothing if beats == 0 => Found::Settled,
            Rescue::Nothing | Rescue::Refused => Found::Awake,
        }
    }

    /// P9: a root future may be stuck with tasks behind it while nobody parks, and so nobody keeps watch. Then those at work
    /// look, now and then; each remembers what it has seen, as a keeper does. P20: a relief also looks at the workers.
    pub(super) fn look_at_roots(&self, now: Instant) {
        let shared = self.shared();
        let is_relief = shared.is_relief(self.slot().index);
        if shared.workers == 0 || !(is_relief || shared.is_a_root_unwatched()) {
            return;
        }
        let mut watch = self.core().watch.borrow_mut();
        let since = watch.looked.map(|looked| now.saturating_duration_since(looked));
        if watch.beats.is_empty() || since.is_none_or(|since| !is_relief && since >= STALE) {
            watch.beats.clear();
            watch.beats.extend(shared.slots.iter().map(|slot| slot.beat()));
            watch.looked = Some(now);
            return;
        }
        let pause = if is_relief { STALE / 2 } else { FIRST_NAP };
        if since.is_some_and(|since| since < pause) {
            return;
        }
        watch.looked = Some(now);
        drop(watch);
        let is_looked_at =
            |slot: &&CachePadded<Slot>| slot.is_rooting() || (is_relief && slot.is_working());
        for slot in shared.slots.iter().filter(is_looked_at) {
            let beat = slot.beat();
            let before =
                std::mem::replace(&mut self.core().watch.borrow_mut().beats[slot.index], beat);
            if before == beat && slot.index != self.slot().index {
                // What comes of it is in our queue. If we were in somebody's way, it may be that of a push which was to
                // tell (Q10).
                if self.rescue(slot.index, true) == Rescue::Refused {
                    shared.idle.want_watch();
                    // P9: as in `ask_for_a_watch`.
                    fence(SeqCst);
                    shared.wake_watcher();
                }
            }
        }
    }

    /// Takes half of what is private to a worker that is slow, and everything, up to some batches, from one that is stuck.
    fn rescue(&self, index: usize, is_stuck: bool) -> Rescue {
        let slot = &self.shared().slots[index];
        let mut rescued = Vec::new();
        let part = if is_stuck { Part::All } else { Part::Half };
        let mut outcome = slot.stealer.rescue_into(&mut rescued, part);
        if is_stuck {
            while outcome == Rescue::Some && rescued.len() < RESCUED_MAX {
                outcome = slot.stealer.rescue_into(&mut rescued, part);
            }
            rescued.extend(slot.lifo_take());
            // Loot goes into an empty queue (Q6), so it comes first.
            if let Steal::Success(runnable) = slot.stealer.steal_into(&self.core().queue) {
                rescued.push(runnable);
            }
        }
        // Q11: a destructor inside the theft may have woken a task.
        if !rescued.is_empty() || !self.slot().lifo_is_empty() {
            outcome = Rescue::Some;
        }
        for runnable in rescued {
            self.push(runnable);
        }
        outcome
    }

    /// P11: nobody is left to look after. `false` if that has changed just now.
    fn end_watch(&self) -> bool {
        let shared = self.shared();
        // Before the looks below, so that a wish that comes after them stands.
        shared.idle.waive_watch();
        shared.idle.stop_watch();
        // P9: pairs with the fence in `ask_for_a_watch`: whoever takes back a call that we see standing sees us gone. (That
        // pushes tell of themselves as long as the call stands is Q10.)
        fence(SeqCst);
        let is_settled = |slot: &Slot| {
            slot.index == self.slot().index
                || !slot.is_awake()
                || (slot.stealer.is_called() && slot.stealer.len() == 0)
        };
        if !shared.slots.iter().all(|slot| is_settled(slot)) {
            shared.idle.want_watch();
            if shared.idle.start_watch() {
                return false;
            }
        }
        self.core().watch.borrow_mut().nap = None;
        true
    }

    /// This worker is awake, and keeps watch no longer. If that leaves a root future unwatched, another has to.
    pub(super) fn leave_watch(&self) {
        if self.core().watch.borrow_mut().nap.take().is_some() {
            self.shared().idle.waive_watch();
            self.shared().idle.stop_watch();
            // P9: pairs with the fence in `expect_absence`: a guest that we do not see rooting will see us gone; and as in
            // `end_watch`, before the look that our callers take at the roots.
            fence(SeqCst);
            if self.shared().guests().any(|slot| slot.is_rooting()) {
                self.shared().idle.want_watch();
            }
        }
    }
}

impl Shared {
    fn guests(&self) -> impl Iterator<Item = &CachePadded<Slot>> {
        self.slots[self.workers..].iter()
    }

    /// P9: whether some root future has pushed tasks, which nobody else can reach, and nobody keeps watch.
    pub(super) fn is_a_root_unwatched(&self) -> bool {
        !self.idle.is_watched()
            && self.guests().any(|slot| {
                slot.is_rooting() && !(slot.stealer.is_called() && slot.stealer.len() == 0)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::super::context;
    use super::*;
    use crate::runtime::Builder;
    use std::sync::mpsc;

    const PASSED: Duration = Duration::from_millis(10);

    /// Whether tasks are taken from somebody who has beaten once in [`PASSED`], by a look after that.
    fn is_robbed(sleeps_meanwhile: bool) -> bool {
        // Its only worker is in a poll meanwhile, so that nobody else looks.
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).relief_threads(0).build().unwrap();
        let shared = runtime.handle().shared.clone();
        let (began, has_begun) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        drop(runtime.spawn(async move {
            began.send(()).unwrap();
            // Until the other end is dropped.
            let _ = may_go_on.recv();
        }));
        has_begun.recv().unwrap();

        let other = shared.claim_guest_slot(false).unwrap();
        let keeper = shared.claim_guest_slot(false).unwrap();
        let found = context::with_worker(&other, |worker| {
            worker.slot().set_mode(Mode::Working);
            context::with_worker(&keeper, |keeper| assert!(keeper.first_look()));
            if sleeps_meanwhile {
                // A notification that comes early counts for the next park.
                shared.unpark(worker.slot().index);
                assert!(worker.park_guest().is_none());
                shared.idle.leave();
            }
            worker.slot().next_beat();
            worker.core().to_the_back.set(true);
            for _ in 0..8 {
                drop(runtime.spawn(async {}));
            }
            worker.core().to_the_back.set(false);
            assert_eq!(worker.core().queue.len(), 8);
            context::with_worker(&keeper, |keeper| {
                let found = keeper.look_at(worker.slot().index, PASSED);
                keeper.hand_over();
                found
            })
        });
        drop(go_on);
        matches!(found, Found::Tasks)
    }

    #[test]
    fn p11_who_has_slept_was_not_slow() {
        assert!(is_robbed(false), "one beat in {PASSED:?} is slow");
        assert!(!is_robbed(true));
    }
}
