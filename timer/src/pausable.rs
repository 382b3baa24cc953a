//! A clock that can be stopped, moved, and let go again, while others read it.
//!
//! | | shows |
//! |---|---|
//! | running | what its source shows, plus `ahead_ns` |
//! | paused | `frozen_ns` after its epoch |
//!
//! # Rules
//!
//! H1. *Not torn.* What is shown depends on three numbers, which change under the lock only, between two changes of
//!     `version`: odd while they change. Who reads them reads the version before and after, and again if it was odd or
//!     is another.
//! H2. *Never backwards.* Pausing reads the source after the version has become odd, so whoever read the source for a
//!     reading that counts (H1) did so before; resuming goes on from the frozen moment; and a jump goes forward.
//! H3. *Told.* Listeners are called after each change, with no lock held.
//!
//! A clock that was never paused costs its readers two loads.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::clock::{Clock, LIMIT_NS, Listener, Listeners, SystemClock};
use crate::loom::{AtomicU64, Mutex, Ordering, fence, spin_loop};

/// What `frozen_ns` holds while time passes.
const RUNNING: u64 = u64::MAX;

/// Shows what another clock shows, until it is [paused](PausableClock::pause); then it is moved by hand.
///
/// Clones show the same time. Time never goes backwards: a clock that goes on goes on from where it stood, and from then
/// on is behind its source by as long as it stood, less what it was moved.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use raddle_timer::{Clock, PausableClock};
///
/// let clock = PausableClock::default();
/// assert!(clock.pause());
/// let before = clock.now();
/// assert_eq!(clock.now(), before);
/// assert!(clock.advance(Duration::from_secs(3600)));
/// assert!(clock.resume());
/// assert!(clock.now() >= before + Duration::from_secs(3600));
/// ```
#[derive(Clone)]
pub struct PausableClock(Arc<Dial>);

struct Dial {
    source: Arc<dyn Clock>,
    /// What the source showed when this clock was made.
    epoch: Instant,
    /// H1.
    version: AtomicU64,
    /// Nanoseconds since the epoch, or [`RUNNING`].
    frozen_ns: AtomicU64,
    /// How far this clock is ahead of its source while it runs; wraps, if it is behind.
    ahead_ns: AtomicU64,
    change: Mutex<()>,
    listeners: Listeners,
}

impl PausableClock {
    /// A clock that shows what `source` shows.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use raddle_timer::{Clock, ManualClock, PausableClock};
    /// let source = ManualClock::new();
    /// assert_eq!(PausableClock::new(Arc::new(source.clone())).now(), source.now());
    /// ```
    pub fn new(source: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Dial {
            epoch: source.now(),
            source,
            version: AtomicU64::new(0),
            frozen_ns: AtomicU64::new(RUNNING),
            ahead_ns: AtomicU64::new(0),
            change: Mutex::new(()),
            listeners: Listeners::default(),
        }))
    }

    /// Stops the time. `false` if it stood still already.
    ///
    /// # Examples
    /// See [`PausableClock`].
    pub fn pause(&self) -> bool {
        let Dial { source, epoch, frozen_ns, ahead_ns, .. } = &*self.0;
        self.change(|| {
            // Relaxed, here and below: `change` orders what is read and written under it (H1).
            let runs = frozen_ns.load(Ordering::Relaxed) == RUNNING;
            if runs {
                // H2: read here, and not before.
                let ns = since(*epoch, source.now())
                    .saturating_add_signed(ahead_ns.load(Ordering::Relaxed).cast_signed());
                frozen_ns.store(ns.min(LIMIT_NS), Ordering::Relaxed);
            }
            runs
        })
    }

    /// Lets the time pass again, from where it stands. `false` if it passes already.
    ///
    /// # Examples
    /// See [`PausableClock`].
    pub fn resume(&self) -> bool {
        let Dial { source, epoch, frozen_ns, ahead_ns, .. } = &*self.0;
        self.change(|| {
            let frozen = frozen_ns.load(Ordering::Relaxed);
            let stands = frozen != RUNNING;
            if stands {
                let ahead = frozen.wrapping_sub(since(*epoch, source.now()));
                ahead_ns.store(ahead, Ordering::Relaxed);
                frozen_ns.store(RUNNING, Ordering::Relaxed);
            }
            stands
        })
    }

    /// Moves the time forward by `by`, at most 292 years in all. `false`, and nothing is moved, unless it stands still.
    ///
    /// # Examples
    /// See [`PausableClock`].
    pub fn advance(&self, by: Duration) -> bool {
        let by_ns = u64::try_from(by.as_nanos()).unwrap_or(LIMIT_NS);
        self.move_to(|frozen_ns| frozen_ns.saturating_add(by_ns))
    }

    /// Moves the time forward to `moment`, or not at all if that has passed. `false` unless it stands still.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// # use raddle_timer::{Clock, PausableClock};
    /// let clock = PausableClock::default();
    /// let noon = clock.now() + Duration::from_secs(3600);
    /// assert!(!clock.advance_to(noon), "it is running");
    /// clock.pause();
    /// clock.advance_to(noon);
    /// assert_eq!(clock.now(), noon);
    /// ```
    pub fn advance_to(&self, moment: Instant) -> bool {
        let ns = since(self.0.epoch, moment);
        self.move_to(|frozen_ns| frozen_ns.max(ns))
    }

    /// Whether the time stands still because it was paused.
    ///
    /// # Examples
    /// See [`PausableClock`].
    #[inline]
    pub fn is_paused(&self) -> bool {
        // Relaxed: who must not miss a change is told of it (H3).
        self.0.frozen_ns.load(Ordering::Relaxed) != RUNNING
    }

    fn move_to(&self, target_ns: impl Fn(u64) -> u64) -> bool {
        self.change(|| {
            let frozen = self.0.frozen_ns.load(Ordering::Relaxed);
            let stands = frozen != RUNNING;
            if stands {
                self.0.frozen_ns.store(target_ns(frozen).min(LIMIT_NS), Ordering::Relaxed);
            }
            stands
        })
    }

    /// H1, H3. `f` says whether it has changed anything.
    fn change(&self, f: impl FnOnce() -> bool) -> bool {
        let Dial { version, change, listeners, .. } = &*self.0;
        let guard = change.lock();
        // Relaxed: written under the lock only.
        let before = version.load(Ordering::Relaxed);
        version.store(before + 1, Ordering::Relaxed);
        // Release: pairs with the Acquire fence in `now`: who reads a number written below reads this version, too. SeqCst,
        // because a source that is read below must not be read before the version can be seen (H2); its partner is the
        // source's own, if it has one: the system's clock is no memory.
        fence(Ordering::SeqCst);
        // Also if a source of the user's panics in `f`: readers wait for the version to be even.
        let changed = Changed(version, before + 2);
        let is_changed = f();
        drop(changed);
        drop(guard);
        if is_changed {
            listeners.call();
        }
        is_changed
    }
}

/// H1: the end of a change.
struct Changed<'a>(&'a AtomicU64, u64);

impl Drop for Changed<'_> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire load in `now`.
        self.0.store(self.1, Ordering::Release);
    }
}

/// Nanoseconds from `epoch` to `moment`.
fn since(epoch: Instant, moment: Instant) -> u64 {
    u64::try_from(moment.saturating_duration_since(epoch).as_nanos()).unwrap_or(LIMIT_NS)
}

impl Default for PausableClock {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl Clock for PausableClock {
    fn now(&self) -> Instant {
        let Dial { source, epoch, version, frozen_ns, ahead_ns, .. } = &*self.0;
        loop {
            // Acquire: pairs with the Release store in `change`.
            let before = version.load(Ordering::Acquire);
            if before % 2 == 0 {
                let moment = if before == 0 {
                    source.now()
                } else {
                    let ns = match frozen_ns.load(Ordering::Relaxed) {
                        RUNNING => since(*epoch, source.now())
                            .saturating_add_signed(ahead_ns.load(Ordering::Relaxed).cast_signed()),
                        frozen => frozen,
                    };
                    *epoch + Duration::from_nanos(ns.min(LIMIT_NS))
                };
                // Acquire: pairs with the Release fence in `change`.
                fence(Ordering::Acquire);
                if version.load(Ordering::Relaxed) == before {
                    return moment;
                }
            }
            spin_loop();
        }
    }

    fn is_running(&self) -> bool {
        !self.is_paused() && self.0.source.is_running()
    }

    fn on_jump(&self, listener: Weak<Listener>) {
        self.0.source.on_jump(listener.clone());
        self.0.listeners.add(listener);
    }
}

impl fmt::Debug for PausableClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PausableClock")
            .field("source", &self.0.source)
            .field("is_paused", &self.is_paused())
            .finish_non_exhaustive()
    }
}
