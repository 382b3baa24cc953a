//! Whether anybody has anything to do: when time is paused, it moves on only when nobody has.
//!
//! - **Z1** *Quiet* is: no worker is active or searching, or has something in its hands (wakers from the driver that it
//!   has not woken, tasks that it rescues); no root future is woken or being polled; no sleeper has been notified; every
//!   queue and LIFO slot, the injector and the lanes are empty, and no pinned task is to be polled; no blocking call waits for a
//!   thread or runs.
//! - **Z2** *All at once.* These cannot be read in one step. So they are read, then the blocking calls, and then once more,
//!   and nobody may have polled anything in between: beats are counted, before and after. What nobody does twice, with no
//!   poll in between, nobody does. The five readings are ordered, each against the next. Beats only ever grow, and so those
//!   of root futures are the runtime's: one that left would take its own along, and hide as many polls of others.
//! - **Z3** *Asked again.* The holder of the driver's turn asks before it waits. Whoever stops having something to do while
//!   time is paused (parks beside the driver, leaves `block_on`, waits outside, ends a blocking call) interrupts it
//!   *after* it has written that down.
//! - **Z4** *I/O in flight* is what the system tells when it is asked without waiting for more, or, if there are sockets at
//!   all, within a real millisecond. What one socket of this process has sent to another is there by then; a task that
//!   waits for a connection or a reply does not hold time up, or no server could be tested. What comes from elsewhere
//!   takes real time: programs that need it should not pause theirs. (One thread asks one system here, so there are no
//!   interleavings to model: tests in `driver.rs` cut the waits short and let an event come at each of them.)
//! - **Z5** *The nearest deadline* is read after all that, and exactly (`Timer::settle`): a nearer one may have been set by who
//!   was at work when it was read first, and one that was cancelled is none.
//!
//! - **Z6** *Who waits in `block_on` inside of something that blocks* (`block_in_place`, a blocking call, `scope_blocking`) holds
//!   nothing up: the root future there stands for it. Its thread no longer counts from after that root future is in the list
//!   until before it is taken out. (One that blocks in a root future outside of any slot holds time up all the same.)
//!
//! Threads that are none of the runtime's hold nothing up, either: nobody knows what they are about to do.
//!
//! - **Z7** *No poll sees a jump.* What such a thread spawns or wakes may come when all was quiet a moment ago. So the last
//!   question is asked, and time jumps, under a lock. Whoever gets up (a worker that begins or has slept, a thread that takes
//!   a slot or polls its root future outside, one that begins a blocking call or goes on with it, Z6) is first seen to be up, and then passes that lock: it is
//!   asked about, or finds the time as it is after the jump, and from then on holds it up (Z1).

use super::root::Root;
use super::shared::Shared;
use super::slot::PINNED;
use crate::loom::left_out;
use crate::loom::sync::atomic::{Ordering::*, fence};
use std::sync::Arc;

impl Shared {
    /// Z1, Z2.
    pub(super) fn is_quiet(&self) -> bool {
        // Pairs with those of `wake_one` and `Idle::park`: whoever has published something to do before it went to sleep
        // is seen to have.
        fence(SeqCst);
        let beats = self.beats();
        // Acquire, here and below: pairs with the Release in `Slot::next_beat` and with what puts a worker to bed (the idle
        // word, `goes_to_bed_outside`). Who is seen to have begun a poll is seen awake below; who is seen in bed is seen to
        // have begun what it did before, be it a blocking call or another poll.
        fence(Acquire);
        if self.has_something_to_do() {
            return false;
        }
        fence(Acquire);
        if self.blocking.in_flight() > 0 {
            return false;
        }
        if left_out("Z2") {
            return true;
        }
        if self.has_something_to_do() {
            return false;
        }
        fence(Acquire);
        self.beats() == beats
    }

    /// Polls so far.
    pub(super) fn beats(&self) -> u32 {
        let outside = self.beats_outside.load(Relaxed);
        self.slots.iter().map(|slot| slot.beat()).fold(outside, u32::wrapping_add)
    }

    fn has_something_to_do(&self) -> bool {
        // In this order: a root future that is being polled was woken before, and its slot is awake by the time it no
        // longer counts as woken.
        self.roots.lock().iter().any(|root| root.is_up())
            || self.idle.active() > 0
            || self.has_injected()
            || self.slots.iter().any(|slot| {
                (slot.is_awake() && !slot.waits())
                    || slot.is_notified()
                    || !slot.lifo_is_empty()
                    || slot.stealer.len() > 0
                    || slot.wants(PINNED)
            })
    }

    /// Z7: the caller has got up, and has said so where `is_quiet` looks.
    pub(crate) fn wait_for_a_jump(&self) {
        if self.time.is_paused() && !left_out("Z7") {
            self.driver.wait_for_a_jump();
        }
    }

    /// Z3: the caller has nothing to do any more, and has said so where `is_quiet` looks.
    pub(crate) fn may_be_quiet(&self) {
        if self.time.is_paused() && !left_out("Z3") {
            self.driver.interrupt();
        }
    }

    /// A root future has come.
    pub(super) fn add_root(&self, root: &Arc<Root>) {
        self.roots.lock().push(root.clone());
    }

    /// A root future has gone.
    pub(super) fn remove_root(&self, root: &Arc<Root>) {
        let mut roots = self.roots.lock();
        let position = roots.iter().position(|other| Arc::ptr_eq(other, root));
        // Not dropped under the lock: it holds a thread's handle, which is foreign.
        let removed = position.map(|position| roots.swap_remove(position));
        drop(roots);
        drop(removed);
    }
}

#[cfg(test)]
mod tests {
    use crate::runtime::Builder;
    use std::future::ready;

    #[test]
    fn z2_no_beat_is_lost_when_a_root_future_leaves() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let shared = runtime.handle().shared.clone();
        let before = shared.beats();
        runtime.block_on(async {
            let inside = shared.beats();
            assert_ne!(inside, before);
            // The one slot of this runtime is taken: these are polled outside of it.
            for number in 1..=3 {
                std::thread::scope(|scope| {
                    scope.spawn(|| runtime.block_on(ready(())));
                });
                assert_eq!(shared.beats().wrapping_sub(inside), number);
            }
        });
    }
}
