//! Getting the holder of the driver's turn out of its wait, and nobody who need not.
//!
//! | [`Interrupt::until`] | the holder |
//! |---|---|
//! | [`NOBODY`] | is not waiting: it looks at the deadlines before it does |
//! | [`UNDECIDED`] | is about to wait, and has not read the deadlines yet; or waits without one |
//! | a moment | waits until then; in nanoseconds since the epoch |
//!
//! An interrupt is a system call. Who sets a deadline makes it only if somebody waits past that deadline (P8).

use super::shared::Shared;
use crate::loom::sync::atomic::{AtomicU64, Ordering::*, fence};
use std::fmt;
use std::sync::Weak;
use std::task::Wake;
use std::time::Instant;

/// Nobody waits.
pub(super) const NOBODY: u64 = 0;
/// Somebody is about to wait, or waits without end.
pub(super) const UNDECIDED: u64 = u64::MAX;

/// How to get the holder of the turn out of its wait.
#[derive(Debug)]
pub(super) struct Interrupt {
    until: AtomicU64,
    epoch: Instant,
    /// Interrupts so far.
    #[cfg(test)]
    rings: std::sync::atomic::AtomicU64,
    #[cfg(feature = "net")]
    io: raddle_io_driver::Handle,
    #[cfg(not(feature = "net"))]
    pub(super) bell: bell::Bell,
}

impl Interrupt {
    pub(super) fn new(
        epoch: Instant,
        #[cfg(feature = "net")] io: raddle_io_driver::Handle,
    ) -> Interrupt {
        Interrupt {
            until: AtomicU64::new(NOBODY),
            epoch,
            #[cfg(test)]
            rings: std::sync::atomic::AtomicU64::new(0),
            #[cfg(feature = "net")]
            io,
            #[cfg(not(feature = "net"))]
            bell: bell::Bell::default(),
        }
    }

    /// A moment as a value of `until`: never one of the special ones.
    pub(super) fn nanos(&self, at: Instant) -> u64 {
        let nanos = at.saturating_duration_since(self.epoch).as_nanos();
        u64::try_from(nanos).unwrap_or(u64::MAX).clamp(1, u64::MAX - 1)
    }

    /// P8: the holder is about to wait, and will read the deadlines after this.
    pub(super) fn announce_wait(&self) {
        // Relaxed: the fence orders it before the reads of the deadlines.
        self.until.store(UNDECIDED, Relaxed);
        // P8: pairs with the fence in `Earlier::wake_by_ref`.
        fence(SeqCst);
    }

    /// The holder waits until `deadline`, or without end.
    pub(super) fn waits_until(&self, deadline: Option<Instant>) {
        // Relaxed: a value too large or too small costs one needless interrupt at most, because the deadlines just read
        // are covered by the wait.
        self.until.store(deadline.map_or(UNDECIDED, |at| self.nanos(at)), Relaxed);
    }

    /// The holder is back.
    pub(super) fn end_wait(&self) {
        // Relaxed: whoever reads an older value interrupts somebody who has left, for nothing.
        self.until.store(NOBODY, Relaxed);
    }

    /// Until when the holder waits. After a fence (P8, P12).
    pub(super) fn until(&self) -> u64 {
        self.until.load(Relaxed)
    }

    /// Interrupts the wait of the holder, or the next one.
    pub(super) fn ring(&self) {
        #[cfg(test)]
        self.rings.fetch_add(1, Relaxed);
        #[cfg(feature = "net")]
        self.io.unpark();
        #[cfg(not(feature = "net"))]
        self.bell.ring();
    }

    /// How often it was interrupted.
    #[cfg(test)]
    pub(crate) fn rings(&self) -> u64 {
        self.rings.load(Relaxed)
    }
}

/// Woken by the timer of a slot whose nearest deadline has moved nearer.
pub(super) struct Earlier {
    pub(super) shared: Weak<Shared>,
    pub(super) index: usize,
}

impl Wake for Earlier {
    fn wake(self: std::sync::Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &std::sync::Arc<Self>) {
        // A runtime that is gone has no driver to interrupt.
        let Some(shared) = self.shared.upgrade() else { return };
        // P8, P12: pairs with the fences in `announce_wait`, `stand_by` and `leave_driver`. The timer has published its
        // deadline before it called us.
        fence(SeqCst);
        if let Some(deadline) = shared.slots[self.index].timer.next_deadline() {
            shared.driver_must_see(deadline);
        }
    }
}

impl fmt::Debug for Earlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Earlier").field("index", &self.index).finish_non_exhaustive()
    }
}

/// Where the holder of the turn waits when there is no I/O to wait for.
#[cfg(not(feature = "net"))]
mod bell {
    use crate::loom::sync::{Condvar, Mutex};
    use std::time::{Duration, Instant};

    #[derive(Debug, Default)]
    pub(in crate::scheduler) struct Bell {
        rung: Mutex<bool>,
        heard: Condvar,
    }

    impl Bell {
        pub(super) fn ring(&self) {
            *self.rung.lock() = true;
            self.heard.notify_one();
        }

        /// Waits for a ring, or until the timeout. Takes the ring.
        pub(in crate::scheduler) fn wait(&self, timeout: Option<Duration>) {
            let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
            let mut rung = self.rung.lock();
            while !*rung {
                match deadline {
                    None => self.heard.wait(&mut rung),
                    Some(deadline) => {
                        if self.heard.wait_until(&mut rung, deadline).timed_out() {
                            break;
                        }
                    }
                }
            }
            *rung = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{Builder, Runtime};
    use crate::time::{Duration, Instant, Sleep, sleep};
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Waker};
    use std::thread::yield_now;

    const HOUR: Duration = Duration::from_secs(3_600);

    /// Waits until the driver's holder waits as `expected`.
    fn until(runtime: &Runtime, what: &str, expected: impl Fn(u64) -> bool) {
        let patience = std::time::Instant::now() + Duration::from_secs(30);
        while !expected(runtime.handle().shared.driver.interrupt.until()) {
            assert!(std::time::Instant::now() < patience, "waited too long until {what}");
            yield_now();
        }
    }

    fn rings(runtime: &Runtime) -> u64 {
        runtime.handle().shared.driver.interrupt.rings()
    }

    fn set(duration: Duration) -> Sleep {
        let mut sleep = sleep(duration);
        assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        sleep
    }

    #[test]
    fn p8_only_a_deadline_before_the_one_that_is_waited_for_costs_an_interrupt() {
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let _entered = runtime.enter();
        until(&runtime, "the driver waits without end", |until| until == UNDECIDED);

        let before = rings(&runtime);
        let first = set(2 * HOUR);
        assert_eq!(rings(&runtime), before + 1, "the driver waited without end");
        until(&runtime, "the driver waits for it", |until| until != UNDECIDED && until != NOBODY);
        let waits_until = runtime.handle().shared.driver.interrupt.until();

        let before = rings(&runtime);
        let later: Vec<_> = (1..=1_000).map(|number| set(2 * HOUR + number * HOUR)).collect();
        drop(later);
        drop(first);
        assert_eq!(rings(&runtime), before, "later deadlines, set and dropped");

        let mut earlier = set(HOUR);
        assert_eq!(rings(&runtime), before + 1, "an earlier one");
        until(&runtime, "the driver waits for it", |now| now < waits_until && now != NOBODY);
        for number in 2..100 {
            Pin::new(&mut earlier).reset(Instant::now() + number * HOUR);
            drop(set(HOUR + HOUR / 2));
        }
        assert_eq!(rings(&runtime), before + 1, "moved later, and set and dropped again");
    }

    #[test]
    fn p8_nobody_is_interrupted_who_does_not_wait() {
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let _entered = runtime.enter();
        let (held, is_held) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        drop(runtime.spawn(async move {
            held.send(()).unwrap();
            let _ = released.recv();
        }));
        is_held.recv_timeout(Duration::from_secs(30)).unwrap();
        let before = rings(&runtime);
        let sleeps: Vec<_> = (1..=100).rev().map(|hours| set(hours * HOUR)).collect();
        assert_eq!(rings(&runtime), before, "each was the nearest, and nobody waited");
        drop(sleeps);
        release.send(()).unwrap();
    }
}
