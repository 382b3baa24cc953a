//! A clock of the user's, whose panics go no further.
//!
//! The runtime asks for the time at delicate moments: the holder of the driver's turn has said that it is about to wait, is
//! listed as asleep, and others count on it. Unwinding from there would leave all of that said, and one thread fewer to make it
//! true. So a clock that panics is one that stands still, until it answers again. (What else runs in a turn is the runtime's own:
//! wakers are called after it, each contained, and cloned and dropped where a panic leaves nothing half done.)

use crate::contain::{contain, discard};
use raddle_timer::{Clock, Listener};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Around the clock of a builder.
pub(crate) struct Contained<C> {
    clock: C,
    begun: Instant,
    /// What it said last, in nanoseconds since `begun`. A reading that is too early does no harm.
    last: AtomicU64,
}

impl<C: Clock> Contained<C> {
    /// Asks for the time once, where a panic is the caller's.
    pub(crate) fn new(clock: C) -> Self {
        let begun = clock.now();
        Self { clock, begun, last: AtomicU64::new(0) }
    }

    fn ask<R>(&self, question: impl FnOnce(&C) -> R) -> Option<R> {
        catch_unwind(AssertUnwindSafe(|| question(&self.clock))).map_err(discard).ok()
    }
}

impl<C: Clock> Clock for Contained<C> {
    fn now(&self) -> Instant {
        match self.ask(C::now) {
            Some(now) => {
                let passed = now.saturating_duration_since(self.begun).as_nanos();
                self.last.fetch_max(u64::try_from(passed).unwrap_or(u64::MAX), Relaxed);
                now
            }
            None => self.begun + Duration::from_nanos(self.last.load(Relaxed)),
        }
    }

    /// If it cannot say, it is: then it is asked again when the next deadline should have come.
    fn is_running(&self) -> bool {
        self.ask(C::is_running).unwrap_or(true)
    }

    fn on_jump(&self, listener: Weak<Listener>) {
        contain(|| self.clock.on_jump(listener));
    }
}

impl<C: Clock> fmt::Debug for Contained<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.clock.fmt(f)
    }
}
