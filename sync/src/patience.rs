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
//! when its holder has lost the processor: then the thread is given up between looks. Others may keep it for long, so
//! from then on a clock is read, and after [`LONGEST`] it is enough, whatever was gained.
//!
//! Several permits, or none, to begin with are rather a gate than the lock of a short section: patience begins without
//! giving the thread up.
//!
//! Measured in `docs/decisions/0010-asking-twice.md`.
#![allow(unreachable_pub, reason = "the models reach it through loom::internals")]

use crate::loom::{AtomicU16, FIRST_ROUNDS, LOOKS, Ordering, const_fn, pause};
use std::time::{Duration, Instant};

/// Rounds that take about as long as getting in line and being woken.
const QUICK: u16 = 4;
/// Rounds after a rest, and at most. At first: `FIRST_ROUNDS`.
const TRIAL: u16 = 6;
const MOST: u16 = 38;
/// How long to go on after the quick rounds, which take some four microseconds.
const LONGEST: Duration = Duration::from_micros(20);
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

    const_fn! {
        /// That of a new gate: the thread is not given up.
        pub(crate) fn little() -> Self {
            let rounds = if FIRST_ROUNDS < QUICK { FIRST_ROUNDS } else { QUICK };
            Self { rounds: AtomicU16::new(rounds) }
        }
    }

    /// Looks until the lock is taken, hopeless, or patience at its end; whether it is taken.
    pub fn look_again(&self, look: impl FnMut() -> Look) -> bool {
        let mut began = None;
        self.look_by(|| began.get_or_insert_with(Instant::now).elapsed(), look)
    }

    /// By a clock that starts when it is looked at first.
    fn look_by(&self, mut clock: impl FnMut() -> Duration, mut look: impl FnMut() -> Look) -> bool {
        let rounds = self.rounds.load(Ordering::Relaxed);
        if rounds & RESTING != 0 {
            self.learn(if rounds == RESTING { TRIAL } else { rounds - 1 });
            return false;
        }
        for round in 0..rounds {
            if round >= QUICK && clock() >= LONGEST {
                break;
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a lock is looked at that never comes free, by a clock that goes so far between two looks at it.
    fn looks(patience: &Patience, step: Duration) -> u16 {
        let (mut passed, mut looks) = (Duration::ZERO, 0);
        let clock = || {
            passed += step;
            passed - step
        };
        let busy = || {
            looks += 1;
            Look::Busy
        };
        assert!(!patience.look_by(clock, busy));
        looks / u16::from(LOOKS)
    }

    /// A lock that was let go at once again and again.
    fn patient() -> Patience {
        let patience = Patience::new();
        for _ in 0..10 {
            assert!(patience.look_again(|| Look::Taken));
        }
        patience
    }

    #[test]
    fn patience_has_an_end_by_the_clock_however_much_was_gained() {
        assert_eq!(looks(&patient(), Duration::ZERO), MOST);
        // At 0, 7 and 14 microseconds after the quick rounds, and no more.
        assert_eq!(looks(&patient(), Duration::from_micros(7)), QUICK + 3);
        // Somebody else had the processor in the very first round without it.
        assert_eq!(looks(&patient(), Duration::from_millis(4)), QUICK + 1);
    }

    #[test]
    fn the_clock_is_not_read_in_quick_rounds() {
        let mut rounds = 0;
        let taken = patient().look_by(
            || unreachable!("nobody waits for so long"),
            || {
                rounds += 1;
                if rounds < QUICK * u16::from(LOOKS) { Look::Busy } else { Look::Taken }
            },
        );
        assert!(taken);
    }

    #[test]
    fn a_gate_begins_with_little_patience_and_gains_it_as_a_lock_does() {
        let gate = Patience::little();
        assert!(gate.look_again(|| Look::Taken));
        assert_eq!(looks(&gate, Duration::ZERO), 2 * QUICK);
        let gate = Patience::little();
        assert_eq!(looks(&gate, Duration::ZERO), QUICK);
        assert_eq!(looks(&gate, Duration::ZERO), 0, "it rests");
        assert_eq!(looks(&Patience::new(), Duration::ZERO), FIRST_ROUNDS);
    }
}
