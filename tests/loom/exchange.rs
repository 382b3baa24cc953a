//! P13 to P17 of `executor/src/scheduler/exchange.rs`: a slot has one holder at a time, somebody comes for an offer, and the
//! home gets its slot back.
//!
//! The exchange is the real one. The threads around it are as in `executor/src/runtime/threads.rs` and
//! `executor/src/blocking/in_place.rs`, without tasks.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;
use raddle::loom::internals::{Exchange, Parker, Unpark};

use crate::executor_support::{Signal, model};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    /// The home works on without asking whether it has its slot back.
    TakingBack,
    /// Nobody is started for an offer.
    TheSpare,
    /// The spare is not told that the home waits.
    Telling,
    /// Spares are not told that the runtime is closed.
    Closing,
}

use Without::Nothing;

struct Runtime {
    without: Without,
    exchange: Exchange<()>,
    /// Loom sees to it that two threads do not touch it at once.
    core: UnsafeCell<()>,
    told: Arc<Signal>,
    adopted: Arc<Signal>,
}

impl Runtime {
    fn new(without: Without) -> Arc<Runtime> {
        Arc::new(Runtime {
            without,
            exchange: Exchange::new(1),
            core: UnsafeCell::new(()),
            told: Signal::new(),
            adopted: Signal::new(),
        })
    }

    fn work(&self) {
        self.core.with_mut(|_| thread::yield_now());
    }

    /// The call of a task that blocks, on whichever thread: `true` if the slot is still, or again, that thread's.
    fn block(
        self: &Arc<Runtime>,
        spares: &mut Vec<thread::JoinHandle<()>>,
        call: impl FnOnce(),
    ) -> bool {
        let offer = self.exchange.offer(0, ());
        if offer.must_start && self.without != Without::TheSpare {
            let runtime = self.clone();
            spares.push(thread::spawn(move || runtime.spare(None)));
        }
        call();
        self.exchange.take_back(0, offer).is_some() || self.without == Without::TakingBack
    }

    fn go_home(&self) {
        let returned = self.exchange.recall(0, || {
            if self.without != Without::Telling {
                self.told.give();
            }
        });
        returned.expect("nobody leaves the slot");
    }

    /// A spare, whose first poll blocks if `call` is there.
    fn spare(self: &Arc<Runtime>, mut call: Option<Arc<Signal>>) {
        let mut others = Vec::new();
        let mut next = self.exchange.come_up(None);
        while next.take().is_some() {
            self.work();
            self.adopted.give();
            if let Some(call) = call.take()
                && !self.block(&mut others, || call.wait())
            {
                next = self.exchange.adopt(None);
                continue;
            }
            while !self.exchange.is_recalled(0) {
                self.told.wait();
            }
            self.work();
            self.exchange.give_back(0, ());
            next = self.exchange.adopt(None);
        }
        others.into_iter().for_each(|other| other.join().unwrap());
    }

    fn close(&self) {
        if self.without != Without::Closing {
            self.exchange.close();
        }
    }
}

/// A worker blocks, for as long as it takes a spare to come, or not at all.
fn a_worker_blocks(waits_for_the_spare: bool, without: Without) {
    model(3, move || {
        let runtime = Runtime::new(without);
        let mut spares = Vec::new();
        runtime.work();
        let adopted = runtime.adopted.clone();
        if !runtime.block(&mut spares, || {
            if waits_for_the_spare {
                adopted.wait()
            }
        }) {
            runtime.go_home();
        }
        runtime.work();
        runtime.close();
        spares.into_iter().for_each(|spare| spare.join().unwrap());
    });
}

#[test]
fn p13_a_home_that_is_back_at_once_has_its_slot_or_gets_it() {
    a_worker_blocks(false, Nothing);
}

#[test]
fn p14_p16_a_spare_comes_and_the_home_gets_its_slot_back() {
    a_worker_blocks(true, Nothing);
}

#[test]
#[should_panic(expected = "currently writing to cell")]
fn p13_control_a_home_that_does_not_ask_works_beside_the_spare() {
    a_worker_blocks(false, Without::TakingBack);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p14_control_an_offer_for_which_nobody_is_started_stays() {
    a_worker_blocks(true, Without::TheSpare);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p16_control_a_spare_that_is_not_told_keeps_the_slot() {
    a_worker_blocks(true, Without::Telling);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p17_control_spares_that_are_not_told_wait_for_ever() {
    a_worker_blocks(false, Without::Closing);
}

#[test]
fn p16_the_slot_of_a_spare_that_blocks_goes_home_or_to_another() {
    model(2, || {
        let runtime = Runtime::new(Nothing);
        let offer = runtime.exchange.offer(0, ());
        assert!(offer.must_start);
        let ends = Signal::new();
        let spare = thread::spawn({
            let (runtime, ends) = (runtime.clone(), ends.clone());
            move || runtime.spare(Some(ends))
        });
        runtime.adopted.wait();
        assert!(runtime.exchange.take_back(0, offer).is_none(), "somebody has adopted it");
        // Home before the call of the spare ends, whoever has the slot by then.
        runtime.go_home();
        runtime.work();
        ends.give();
        runtime.close();
        spare.join().unwrap();
    });
}

/// A spare that has waited for long enough leaves beside an offer. (In a model, a wait with an end is over at once.)
#[test]
fn p14_a_spare_leaves_with_no_offer_behind_it_or_another_is_started() {
    model(3, || {
        let runtime = Runtime::new(Nothing);
        // Waits already, for an offer that was taken back.
        let leaving = thread::spawn({
            let runtime = runtime.clone();
            move || {
                let adopted = runtime.exchange.adopt(Some(std::time::Instant::now()));
                if adopted.is_some() {
                    runtime.work();
                    runtime.adopted.give();
                    while !runtime.exchange.is_recalled(0) {
                        runtime.told.wait();
                    }
                    runtime.exchange.give_back(0, ());
                }
            }
        });
        let mut spares = Vec::new();
        let adopted = runtime.adopted.clone();
        if !runtime.block(&mut spares, || adopted.wait()) {
            runtime.go_home();
        }
        runtime.work();
        runtime.close();
        leaving.join().unwrap();
        spares.into_iter().for_each(|spare| spare.join().unwrap());
    });
}

/// A spare that takes one offer, and is busy from then on. One that was started waits for it.
fn takes_one(
    exchange: &Arc<Exchange<()>>,
    adopted: &Arc<Signal>,
    is_new: bool,
) -> thread::JoinHandle<()> {
    let (exchange, adopted) = (exchange.clone(), adopted.clone());
    thread::spawn(move || {
        // In a model, a wait with an end is over at once.
        let soon = Some(std::time::Instant::now());
        let taken = if is_new { exchange.come_up(None) } else { exchange.adopt(soon) };
        let Some(taken) = taken else { return };
        if taken.index == 1 {
            adopted.give();
        }
        if taken.must_start {
            takes_one(&exchange, &adopted, true).join().unwrap();
        }
    })
}

/// Two workers block. The system refuses the thread that the one starts; the other has counted on it, maybe, because somebody
/// else has come for the offer of the first.
fn a_thread_is_refused(counts_again: bool) {
    model(2, move || {
        let exchange = Arc::new(Exchange::<()>::new(2));
        let adopted = Signal::new();
        let free = takes_one(&exchange, &adopted, false);
        let refused = exchange.offer(0, ());
        let other = thread::spawn({
            let (exchange, adopted) = (exchange.clone(), adopted.clone());
            move || {
                let offer = exchange.offer(1, ());
                let spare = offer.must_start.then(|| takes_one(&exchange, &adopted, true));
                adopted.wait();
                spare
            }
        });
        let mut spares = Vec::new();
        if refused.must_start {
            exchange.start_failed();
            let _ = exchange.take_back(0, refused);
            if counts_again && exchange.must_start_for_another() {
                spares.push(takes_one(&exchange, &adopted, true));
            }
        }
        spares.extend(other.join().unwrap());
        exchange.close();
        free.join().unwrap();
        spares.into_iter().for_each(|spare| spare.join().unwrap());
    });
}

#[test]
fn p14_an_offer_that_counted_on_a_refused_thread_is_tried_for_again() {
    a_thread_is_refused(true);
}

#[test]
#[should_panic(expected = "deadlock")]
fn p14_control_an_offer_that_counted_on_a_refused_thread_stays() {
    a_thread_is_refused(false);
}

/// As above; the spare sleeps in a [`Parker`], as a worker does.
#[test]
fn p16_a_spare_asleep_in_its_bed_hears_that_the_home_waits() {
    model(3, || {
        let runtime = Runtime::new(Nothing);
        let bed = Arc::new(Parker::new());
        let offer = runtime.exchange.offer(0, ());
        let spare = thread::spawn({
            let (runtime, bed) = (runtime.clone(), bed.clone());
            move || {
                let mut next = runtime.exchange.come_up(None);
                while next.take().is_some() {
                    while !runtime.exchange.is_recalled(0) {
                        bed.park(None);
                    }
                    runtime.work();
                    runtime.exchange.give_back(0, ());
                    next = runtime.exchange.adopt(None);
                }
            }
        });
        if runtime.exchange.take_back(0, offer).is_none() {
            let returned = runtime.exchange.recall(0, || assert_eq!(bed.unpark(), Unpark::Done));
            returned.expect("nobody leaves the slot");
        }
        runtime.work();
        runtime.close();
        spare.join().unwrap();
    });
}
