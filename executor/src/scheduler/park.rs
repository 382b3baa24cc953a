//! One thread's bed: a token of notification, and two ways to wait for it.
//!
//! ```text
//!                park                     unpark
//!   Empty ───────────────► Asleep ───────────────────► Notified   and the sleeper is woken
//!   Empty ───────────────► InDriver ─────────────────► Notified   and the driver is interrupted
//!   Empty ───────────────────────────────────────────► Notified   and the next park returns at once (P5)
//!
//!                                      call
//!   Empty, Asleep ───────────────────────────────────► Called     as if its time were up: not a notification (P12)
//! ```

use crate::loom::sync::atomic::{AtomicU32, Ordering::*};
use crate::loom::sync::{Condvar, Mutex};
use std::time::Instant;

const EMPTY: u32 = 0;
const ASLEEP: u32 = 1;
const IN_DRIVER: u32 = 2;
const NOTIFIED: u32 = 3;
const CALLED: u32 = 4;

/// Where one worker sleeps.
#[derive(Debug)]
pub struct Parker {
    state: AtomicU32,
    lock: Mutex<()>,
    wake: Condvar,
}

/// Evidence that this thread is, or is about to be, asleep in the driver. It ends in [`Parker::left_driver`].
#[must_use]
#[derive(Debug)]
pub struct InDriver(());

/// What the caller of [`Parker::unpark`] still has to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Unpark {
    /// Nothing.
    Done,
    /// Interrupt the driver, in which the sleeper waits.
    InterruptDriver,
}

impl Parker {
    /// With no notification pending.
    pub fn new() -> Parker {
        Parker { state: AtomicU32::new(EMPTY), lock: Mutex::new(()), wake: Condvar::new() }
    }

    /// Sleeps until unparked, or until `deadline`. Takes the notification (P5), and says whether there was one.
    pub fn park(&self, deadline: Option<Instant>) -> bool {
        let mut guard = self.lock.lock();
        // AcqRel: Acquire pairs with `unpark`, so that whatever made the notifier call is seen by the woken.
        if self.state.compare_exchange(EMPTY, ASLEEP, AcqRel, Acquire).is_err() {
            return self.take();
        }
        loop {
            let timed_out = match deadline {
                None => {
                    self.wake.wait(&mut guard);
                    false
                }
                Some(deadline) => self.wake.wait_until(&mut guard, deadline).timed_out(),
            };
            // Acquire: as above.
            if self.state.load(Acquire) != ASLEEP || timed_out {
                return self.take();
            }
        }
    }

    /// Announces that this thread is about to wait in the driver. `None` if a notification came first, which it takes.
    pub fn enter_driver(&self) -> Option<InDriver> {
        // AcqRel: as in `park`. A call is answered by going to the driver.
        let enter = |from| self.state.compare_exchange(from, IN_DRIVER, AcqRel, Acquire);
        match enter(EMPTY).or_else(|now| if now == CALLED { enter(CALLED) } else { Err(now) }) {
            Ok(_) => Some(InDriver(())),
            Err(_) => {
                self.take();
                None
            }
        }
    }

    /// Back from the driver. Takes the notification, and says whether there was one.
    pub fn left_driver(&self, asleep: InDriver) -> bool {
        let InDriver(()) = asleep;
        self.take()
    }

    /// Whether there is a notification that nobody has taken yet.
    pub(crate) fn is_notified(&self) -> bool {
        // Acquire: pairs with `unpark` and with the taking: what either has done before is seen by who looks on.
        self.state.load(Acquire) == NOTIFIED
    }

    fn take(&self) -> bool {
        // Acquire: pairs with `unpark`.
        self.state.swap(EMPTY, Acquire) == NOTIFIED
    }

    /// Wakes the sleeper, or lets its next park return at once.
    pub fn unpark(&self) -> Unpark {
        // A swap, also when a notification is pending already: Release pairs with the sleeper's Acquire, which must
        // see what this caller published, not only what the first one did.
        match self.state.swap(NOTIFIED, AcqRel) {
            ASLEEP => {
                // The sleeper held the lock from before it said ASLEEP until it waits: taking it once makes sure
                // that the notification does not come in between.
                drop(self.lock.lock());
                self.wake.notify_one();
                Unpark::Done
            }
            IN_DRIVER => Unpark::InterruptDriver,
            _ => Unpark::Done,
        }
    }
}

impl Parker {
    /// Lets a sleeper outside the driver, or one about to go to sleep, look at the driver once more (P12).
    pub fn call(&self) {
        let mut now = self.state.load(Relaxed);
        while now == EMPTY || now == ASLEEP {
            // AcqRel: as `unpark`.
            match self.state.compare_exchange(now, CALLED, AcqRel, Relaxed) {
                Ok(ASLEEP) => {
                    // As in `unpark`.
                    drop(self.lock.lock());
                    self.wake.notify_one();
                    return;
                }
                Ok(_) => return,
                Err(other) => now = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_that_comes_early_counts_for_the_next_park() {
        let parker = Parker::new();
        assert_eq!(parker.unpark(), Unpark::Done);
        parker.park(None);
        assert_eq!(parker.unpark(), Unpark::Done);
        assert!(parker.enter_driver().is_none());
    }

    #[test]
    fn a_sleeper_in_the_driver_must_be_interrupted_once() {
        let parker = Parker::new();
        let asleep = parker.enter_driver().unwrap();
        assert_eq!(parker.unpark(), Unpark::InterruptDriver);
        assert_eq!(parker.unpark(), Unpark::Done);
        parker.left_driver(asleep);
        assert!(parker.enter_driver().is_some());
    }

    #[test]
    fn a_call_ends_the_next_sleep_and_counts_for_no_notification() {
        let parker = Parker::new();
        parker.call();
        assert!(!parker.park(None));
        parker.call();
        let asleep = parker.enter_driver().unwrap();
        parker.call();
        assert!(!parker.left_driver(asleep));
        assert_eq!(parker.unpark(), Unpark::Done);
        parker.call();
        assert!(parker.park(None), "a notification outlives a call");
    }

    #[test]
    fn a_park_with_a_deadline_ends() {
        let parker = Parker::new();
        let deadline = Instant::now() + std::time::Duration::from_millis(1);
        parker.park(Some(deadline));
        assert!(Instant::now() >= deadline);
    }
}
