//! What a primitive knows of those who waited for it.
//!
//! Who waits takes the lock of the line anyway, so counting is an addition under it and costs
//! nothing that can be measured. Timing needs the clock, twice per wait: nobody reads it before
//! `enable_stats` was called. Who does not wait is never counted, and pays nothing.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// What the `stats()` of a primitive reports: who waits, how many have, and for how long.
///
/// The counts are always kept, because they are free. Waits are timed only after the primitive's
/// `enable_stats()`, which makes each wait read the clock twice.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// use futures_lite::future::{poll_once, zip};
/// use std::time::Duration;
///
/// let lock = raddle_sync::Mutex::new(());
/// lock.enable_stats();
/// let held = lock.lock().await;
/// zip(lock.lock(), async { drop(held) }).await;
///
/// let stats = lock.stats();
/// assert_eq!((stats.waiters, stats.contended), (0, 1));
/// assert!(stats.longest_wait > Duration::ZERO);
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// How many are in line now.
    pub waiters: usize,
    /// How many ever had to get in line.
    pub contended: u64,
    /// The longest wait that has ended, by being served or by giving up; zero unless waits are
    /// timed.
    pub longest_wait: Duration,
}

/// The counts of one line, under its lock.
#[derive(Debug)]
pub(crate) struct Tally {
    contended: u64,
    /// In nanoseconds, or `NOT_TIMED`.
    longest_ns: u64,
    /// Wraps around at four billion, which would take a quarter of a terabyte of waiters.
    waiters: u32,
    /// The number of the round: how many sweeps have begun (L6).
    pub(crate) round: u32,
}

const NOT_TIMED: u64 = u64::MAX;

impl Tally {
    pub(crate) const NEW: Self = Self { contended: 0, longest_ns: NOT_TIMED, waiters: 0, round: 0 };

    /// From now on waits are timed; those under way are not.
    pub(crate) fn enable(&mut self) {
        if self.longest_ns == NOT_TIMED {
            self.longest_ns = 0;
        }
    }

    /// Somebody gets in line. Returns since when, for [`left`](Self::left).
    #[inline]
    pub(crate) fn joined(&mut self) -> u64 {
        self.contended += 1;
        self.waiters = self.waiters.wrapping_add(1);
        if self.longest_ns == NOT_TIMED { NOT_TIMED } else { now_ns() }
    }

    /// Somebody who is in line since `since` has left it.
    #[inline]
    pub(crate) fn left(&mut self, since: u64) {
        self.waiters = self.waiters.wrapping_sub(1);
        if since != NOT_TIMED {
            self.longest_ns = self.longest_ns.max(now_ns().saturating_sub(since));
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let longest_ns = if self.longest_ns == NOT_TIMED { 0 } else { self.longest_ns };
        Stats {
            waiters: self.waiters as usize,
            contended: self.contended,
            longest_wait: Duration::from_nanos(longest_ns),
        }
    }
}

/// Nanoseconds since the first call: half the size of an `Instant`.
#[cold]
fn now_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let passed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(passed.as_nanos()).unwrap_or(NOT_TIMED - 1)
}
