//! A worker whose task is about to block: its slot goes to a spare thread, and comes back later.
//!
//! ```text
//!              offer                    adopt                    recall
//!   Home ────────────────► Offered ───────────────► Adopted ───────────────► Recalled
//!    ▲ ▲     take_back, recall │                      │  ▲                       │
//!    │ └───────────────────────┘                      └──┘ offer, by the spare   │
//!    └────────────────────── give_back; or the spare's poll blocks, too ─────────┘
//! ```
//!
//! Every worker slot has a *home thread*, the one that was started for it. A task that is about to block its thread
//! ([`block_in_place`](crate::task::block_in_place)) offers the slot: a *spare* thread takes it with all that is in it (the
//! queue, the list of tasks, the timer), and works there until the home thread wants it back.
//!
//! - **P13** *One at a time.* An offered slot is taken off the list, under the lock, by one thread: a spare, or the one that
//!   offered it, or its home. Who offers touches neither the core nor the claim until it has taken the slot back, or it has
//!   been given back. The claim itself passes from hand to hand as a [`Passed`](super::slot::Passed), and the lock orders
//!   what one holder did before what the next does.
//! - **P14** *Somebody comes.* Who offers, and who takes an offer, counts the spares that wait and those on their way; if there
//!   are more offers than that, it starts one. A spare that has waited for long enough leaves under the lock, with no offer in
//!   the list. If the system refuses a thread, the offer is taken back, and the worker blocks as by a call that says nothing.
//!   Another offer may have counted on that thread: whoever was refused counts once more, and tries for that one. If the system
//!   refuses again, it stays in the list, for the next spare that has nothing to do.
//! - **P15** *Away.* A thread whose slot has been taken is in no slot: what its task spawns and wakes goes in from outside.
//!   Its poll goes on, and ends without the core: a task that waits for the first time is not linked, but polled once more,
//!   by somebody else (T10). Only a poll whose poller is prepared for that may offer (`Host::IS_PREPARED`): no hook, no waker
//!   called by the worker itself, and nothing inside the worker's queue (Q11), because their callers go on in the slot. A
//!   destructor that an abort runs may not, either: it blocks its worker.
//! - **P16** *Home again.* After such a poll a home thread asks for its slot, and waits. The spare there gives it up between
//!   two polls; if its own poll offers the slot, that goes straight to the home. So futures that must stay on one thread
//!   (`pinned.rs`) find their thread in their slot whenever that thread is not blocked. A spare whose slot is gone waits for
//!   the next offer.
//! - **P17** *The end.* In a closed runtime an offer that nobody has taken is still taken; the spare there leaves the slot
//!   (S2), and says so to a home that asks for it or waits. Spares that wait go.
//!
//! An offered slot counts as active until its next holder has come up (P1). What is queued there meanwhile waits for that
//! thread or, as the slot does not beat, for whoever keeps watch (P11).
//!
//! A thread in `block_on` that polls a task has no spare, because its root future is on its stack. It is absent instead, as
//! in its root future (P9).
//!
//! Feared: a home takes back its slot while a spare is being woken for it, and both work there. Both take it off the list
//! under the lock, and the second finds nothing.
//!
//! Rejected: *a poll ends only when its thread has the slot back*: two tasks that wait for each other in
//! `block_in_place` would never end. *The spare keeps the slot*, as in Tokio: then no future could stay on one thread.

use crate::loom::sync::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::fmt;
use std::time::Instant;

/// Who has which slot, of those that have a home thread. `P` is what passes the claim on.
pub struct Exchange<P> {
    seats: Mutex<Seats<P>>,
    /// Tells spares of offers.
    offered: Condvar,
    /// Tells homes of slots given back.
    returned: Condvar,
}

struct Seats<P> {
    seats: Vec<Seat<P>>,
    /// Slots offered, the oldest first.
    offers: VecDeque<usize>,
    /// Spares that wait, and those that were started and have not come up yet.
    waiting: usize,
    starting: usize,
    /// Offers so far.
    tickets: u64,
    is_closed: bool,
}

enum Seat<P> {
    /// The home thread has it.
    Home,
    /// By whom: the home, or a spare.
    Offered {
        ticket: u64,
        by_home: bool,
        claim: P,
    },
    Adopted,
    /// A spare has it, and the home waits.
    Recalled,
    /// For the home, which waits.
    Returned(P),
    /// Left for good (S2).
    Left,
}

/// An offer, to be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    ticket: u64,
    /// Whether a spare must be started for it (P14).
    pub must_start: bool,
}

/// An offer that a spare has taken.
#[derive(Debug)]
pub struct Adopted<P> {
    /// Of the slot.
    pub index: usize,
    /// To the slot.
    pub claim: P,
    /// Whether another spare must be started, for an offer left behind (P14).
    pub must_start: bool,
}

impl<P> Exchange<P> {
    /// All slots are with their homes.
    pub fn new(slots: usize) -> Exchange<P> {
        Exchange {
            seats: Mutex::new(Seats {
                seats: (0..slots).map(|_| Seat::Home).collect(),
                offers: VecDeque::new(),
                waiting: 0,
                starting: 0,
                tickets: 0,
                is_closed: false,
            }),
            offered: Condvar::new(),
            returned: Condvar::new(),
        }
    }

    /// P13: the holder of the slot offers it.
    pub fn offer(&self, index: usize, claim: P) -> Offer {
        let mut seats = self.seats.lock();
        seats.tickets += 1;
        let ticket = seats.tickets;
        let by_home = match seats.seats[index] {
            Seat::Home => true,
            Seat::Adopted => false,
            Seat::Recalled => {
                // P16.
                seats.seats[index] = Seat::Returned(claim);
                drop(seats);
                self.returned.notify_all();
                return Offer { ticket, must_start: false };
            }
            _ => panic!("slot {index} is offered by somebody who does not hold it"),
        };
        seats.seats[index] = Seat::Offered { ticket, by_home, claim };
        seats.offers.push_back(index);
        // P14.
        let must_start = seats.must_start();
        drop(seats);
        if !must_start {
            self.offered.notify_one();
        }
        Offer { ticket, must_start }
    }

    /// P14: the system has refused the thread.
    pub fn start_failed(&self) {
        self.seats.lock().starting -= 1;
    }

    /// P14: whether a spare must be started for another's offer, which has counted on a thread that was refused.
    #[must_use]
    pub fn must_start_for_another(&self) -> bool {
        self.seats.lock().must_start()
    }

    /// P13: who offered the slot wants it back; `None` if somebody has it.
    pub fn take_back(&self, index: usize, offer: Offer) -> Option<P> {
        let mut seats = self.seats.lock();
        match seats.seats[index] {
            Seat::Offered { ticket, by_home, .. } if ticket == offer.ticket => {
                let holder = if by_home { Seat::Home } else { Seat::Adopted };
                seats.take_offer(index, holder)
            }
            _ => None,
        }
    }

    /// A spare that was started for an offer has come up, and goes on as by [`adopt`](Exchange::adopt). In one step, or it would
    /// be missing in between, and another be started.
    pub fn come_up(&self, patience: Option<Instant>) -> Option<Adopted<P>> {
        let mut seats = self.seats.lock();
        seats.starting -= 1;
        self.next_offer(seats, patience)
    }

    /// P14: a spare waits for an offer, until `patience`; `None` if it may go.
    pub fn adopt(&self, patience: Option<Instant>) -> Option<Adopted<P>> {
        self.next_offer(self.seats.lock(), patience)
    }

    fn next_offer(
        &self,
        mut seats: MutexGuard<'_, Seats<P>>,
        patience: Option<Instant>,
    ) -> Option<Adopted<P>> {
        let mut is_over = false;
        loop {
            if let Some(&index) = seats.offers.front() {
                let claim = seats.take_offer(index, Seat::Adopted);
                let claim = claim.expect("what is in the list is offered");
                return Some(Adopted { index, claim, must_start: seats.must_start() });
            }
            if seats.is_closed || is_over {
                return None;
            }
            seats.waiting += 1;
            match patience {
                None => self.offered.wait(&mut seats),
                Some(until) => is_over = self.offered.wait_until(&mut seats, until).timed_out(),
            }
            seats.waiting -= 1;
        }
    }

    /// P16: the home wants its slot, and waits for it; `None` if it has been left. `tell` is called if a spare has it, to
    /// make that look ([`is_recalled`](Exchange::is_recalled)).
    pub fn recall(&self, index: usize, tell: impl FnOnce()) -> Option<P> {
        let mut seats = self.seats.lock();
        match seats.seats[index] {
            Seat::Offered { .. } => return seats.take_offer(index, Seat::Home),
            Seat::Adopted => {
                seats.seats[index] = Seat::Recalled;
                drop(seats);
                tell();
                seats = self.seats.lock();
            }
            _ => {}
        }
        loop {
            match seats.seats[index] {
                Seat::Returned(_) => {
                    let returned = std::mem::replace(&mut seats.seats[index], Seat::Home);
                    let Seat::Returned(claim) = returned else { unreachable!("just seen") };
                    return Some(claim);
                }
                Seat::Left => return None,
                Seat::Recalled => self.returned.wait(&mut seats),
                _ => panic!("slot {index} is recalled by somebody who has not offered it"),
            }
        }
    }

    /// Whether the home waits for this slot.
    pub fn is_recalled(&self, index: usize) -> bool {
        matches!(self.seats.lock().seats[index], Seat::Recalled)
    }

    /// P16: a spare gives the slot to its home, which waits.
    pub fn give_back(&self, index: usize, claim: P) {
        let mut seats = self.seats.lock();
        assert!(matches!(seats.seats[index], Seat::Recalled), "slot {index} is not recalled");
        seats.seats[index] = Seat::Returned(claim);
        drop(seats);
        self.returned.notify_all();
    }

    /// P17: a spare has left the slot.
    pub fn left(&self, index: usize) {
        self.seats.lock().seats[index] = Seat::Left;
        self.returned.notify_all();
    }

    /// P17.
    pub fn close(&self) {
        self.seats.lock().is_closed = true;
        self.offered.notify_all();
    }
}

impl<P> Seats<P> {
    /// P14: whether the caller has to start a spare.
    fn must_start(&mut self) -> bool {
        let must_start = self.offers.len() > self.waiting + self.starting;
        self.starting += usize::from(must_start);
        must_start
    }

    fn take_offer(&mut self, index: usize, holder: Seat<P>) -> Option<P> {
        self.offers.retain(|&offered| offered != index);
        match std::mem::replace(&mut self.seats[index], holder) {
            Seat::Offered { claim, .. } => Some(claim),
            _ => None,
        }
    }
}

impl<P> fmt::Debug for Exchange<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}
