//! Looking again for a moment before getting in line.
//!
//! Where sections are short and tasks run on several threads, who finds a lock taken finds it free a
//! moment later. Once somebody is in line, though, all who come get in line, and each hand-over takes
//! a wake and a poll: a convoy, which under load never ends, and is ten times as slow. So who finds
//! a lock taken and nobody in line looks again a few times. This overtakes nobody who waits: it is the
//! last part of asking, it takes a bounded time, and the first in line ends it.
//!
//! Where the holder sleeps, or is a task of this very thread, looking again is in vain. So a lock
//! remembers how it went. Being let in sooner than getting in line would have taken doubles its
//! patience; being let in later costs it a little, and not being let in half of it. Without patience
//! its next 1024 visitors get in line at once, so that a trial, of some microseconds, costs each a few
//! nanoseconds. What a lock of short sections has gained serves for
//! when its holder has lost the processor: then the thread is given up between looks.
//!
//! Measured in `docs/decisions/0010-asking-twice.md`.
#![allow(unreachable_pub, reason = "the models reach it through loom::internals")]

use crate::loom::{AtomicU16, FIRST_ROUNDS, LOOKS, Ordering, const_fn, pause};

/// Rounds that take about as long as getting in line and being woken.
const QUICK: u16 = 4;
/// Rounds after a rest, and at most. At first: `FIRST_ROUNDS`.
const TRIAL: u16 = 6;
const MOST: u16 = 38;
/// Set in a lock whose visitors get in line at once; the rest counts how many more do.
const RESTING: u16 = 1 << 15;
const REST: u16 = RESTING | 1023;

/// What a look at the lock has shown.
#[derive(Debug)]
pub enum Look {
    /// It is ours now.
    Taken,
    /// Somebody has it, and nobody is in line.
    Busy,
    /// Somebody is in line, or nobody will be let in.
    Hopeless,
}

/// For how long it pays to look again at one lock.
#[derive(Debug)]
pub struct Patience {
    /// In rounds, or `RESTING`. A hint: when two write it at a time, what one has learned is lost.
    rounds: AtomicU16,
}

impl Patience {
    const_fn! {
        /// That of a new lock.
        pub fn new() -> Self {
            Self { rounds: AtomicU16::new(FIRST_ROUNDS) }
        }
    }

    /// Looks until the lock is taken, hopeless, or patience at its end; whether it is taken.
    pub fn look_again(&self, mut look: impl FnMut() -> Look) -> bool {
        let rounds = self.rounds.load(Ordering::Relaxed);
        if rounds & RESTING != 0 {
            self.learn(if rounds == RESTING { TRIAL } else { rounds - 1 });
            return false;
        }
        for round in 0..rounds {
            pause(round);
            for _ in 0..LOOKS {
                match look() {
                    Look::Taken if round < QUICK => self.learn(MOST.min(rounds * 2)),
                    Look::Taken => self.learn_failure(rounds - 1),
                    Look::Busy => continue,
                    Look::Hopeless => return false,
                }
                return true;
            }
        }
        self.learn_failure(rounds / 2);
        false
    }

    fn learn_failure(&self, left: u16) {
        self.learn(if left < TRIAL { REST } else { left });
    }

    fn learn(&self, rounds: u16) {
        // Most of the time it is known, and the line is left to those who read it.
        if self.rounds.load(Ordering::Relaxed) != rounds {
            self.rounds.store(rounds, Ordering::Relaxed);
        }
    }
}
