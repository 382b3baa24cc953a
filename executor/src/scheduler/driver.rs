//! The I/O driver and the timers as one thing to wait on.
//!
//! At most one worker holds the turn. While it waits, everybody else sleeps in its own [`Parker`](super::park) or
//! works; a working worker takes a turn without waiting now and then (P7).
//!
//! Feared: a timer is set for an earlier moment than the one the driver waits for, and fires late. The holder first
//! says that it is about to wait ([`Waiting::UNDECIDED`]), fences, and then reads the deadlines; who sets a timer
//! publishes the deadline, fences, and then reads how long the driver waits (P8). Either the holder sees the new
//! deadline, or the other interrupts it.

use crate::loom::sync::Mutex;
use crate::loom::sync::atomic::{AtomicU64, Ordering::*, fence};
use raddle_timer::{Clock, Timer};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

/// What the holder of the turn has.
#[derive(Debug)]
pub(crate) struct Turn {
    #[cfg(feature = "net")]
    io: raddle_io_driver::Driver,
}

/// What everybody else sees of the driver.
#[derive(Debug)]
pub(crate) struct Driver {
    turn: Mutex<Turn>,
    interrupt: Arc<Interrupt>,
    clock: Arc<dyn Clock>,
    #[cfg(feature = "net")]
    io: raddle_io_driver::Handle,
}

/// How to get the holder of the turn out of its wait.
#[derive(Debug)]
struct Interrupt {
    /// Until when the holder waits: see [`waiting`].
    until: AtomicU64,
    epoch: Instant,
    #[cfg(feature = "net")]
    io: raddle_io_driver::Handle,
    #[cfg(not(feature = "net"))]
    bell: bell::Bell,
}

/// Values of [`Interrupt::until`]: nanoseconds since the epoch, or one of these.
mod waiting {
    /// Nobody waits.
    pub(super) const NOBODY: u64 = 0;
    /// The holder is about to wait, and has not read the deadlines yet; or it waits without a deadline.
    pub(super) const UNDECIDED: u64 = u64::MAX;
}

impl Driver {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> std::io::Result<Driver> {
        #[cfg(feature = "net")]
        let (io_driver, io) =
            raddle_io_driver::Driver::new(raddle_io_driver::Backend::from_env()?)?;
        let interrupt = Arc::new(Interrupt {
            until: AtomicU64::new(waiting::NOBODY),
            epoch: clock.now(),
            #[cfg(feature = "net")]
            io: io.clone(),
            #[cfg(not(feature = "net"))]
            bell: bell::Bell::default(),
        });
        let turn = Turn {
            #[cfg(feature = "net")]
            io: io_driver,
        };
        Ok(Driver {
            turn: Mutex::new(turn),
            interrupt,
            clock,
            #[cfg(feature = "net")]
            io,
        })
    }

    #[cfg(feature = "net")]
    pub(crate) fn io(&self) -> &raddle_io_driver::Handle {
        &self.io
    }

    /// A timer whose earlier deadlines interrupt this driver.
    pub(crate) fn new_timer(&self) -> Arc<Timer> {
        let earlier =
            Arc::new(Earlier { interrupt: self.interrupt.clone(), timer: OnceLock::new() });
        let timer = Timer::new(self.clock.clone(), Waker::from(earlier.clone()));
        earlier.timer.set(Arc::downgrade(&timer)).expect("set once, here");
        timer
    }

    /// Interrupts the holder's wait.
    pub(crate) fn interrupt(&self) {
        self.interrupt.ring();
    }

    /// The turn, if nobody else has it.
    pub(crate) fn try_turn(&self) -> Option<impl std::ops::DerefMut<Target = Turn> + '_> {
        self.turn.try_lock()
    }

    /// Waits for events until the first deadline of `timers`, `limit`, or an interrupt, and collects whom to wake.
    /// The holder has announced itself in its `Parker` before.
    pub(crate) fn wait(
        &self,
        turn: &mut Turn,
        timers: impl Iterator<Item = impl AsRef<Timer>> + Clone,
        limit: Option<Instant>,
        woken: &mut Vec<Waker>,
    ) {
        let until = &self.interrupt.until;
        // Relaxed: the fence orders it before the reads of the deadlines (P8).
        until.store(waiting::UNDECIDED, Relaxed);
        // P8: pairs with the fence in `Earlier::wake_by_ref`.
        fence(SeqCst);
        let deadline =
            timers.clone().filter_map(|timer| timer.as_ref().next_deadline()).chain(limit).min();
        // Relaxed: a value too large or too small costs one needless interrupt at most, because the deadlines just
        // read are covered by the wait.
        until.store(deadline.map_or(waiting::UNDECIDED, |at| self.interrupt.nanos(at)), Relaxed);
        let timeout = deadline.map(|at| at.saturating_duration_since(self.clock.now()));
        self.poll_io(turn, timeout, woken);
        until.store(waiting::NOBODY, Relaxed);
        self.expire(timers, woken);
    }

    /// Collects whom to wake, without waiting.
    pub(crate) fn turn_now(
        &self,
        turn: &mut Turn,
        timers: impl Iterator<Item = impl AsRef<Timer>>,
        woken: &mut Vec<Waker>,
    ) {
        #[cfg(feature = "net")]
        if self.io.registrations() > 0 {
            self.poll_io(turn, Some(Duration::ZERO), woken);
        }
        #[cfg(not(feature = "net"))]
        let _ = turn;
        self.expire(timers, woken);
    }

    fn expire(&self, timers: impl Iterator<Item = impl AsRef<Timer>>, woken: &mut Vec<Waker>) {
        let mut now = None;
        for timer in timers {
            let timer = timer.as_ref();
            // One load per timer that has nothing due; the clock is read only if some timer has a deadline at all.
            if let Some(deadline) = timer.next_deadline() {
                let now = *now.get_or_insert_with(|| self.clock.now());
                if deadline <= now {
                    timer.expire(now, woken);
                }
            }
        }
    }

    #[cfg(feature = "net")]
    fn poll_io(&self, turn: &mut Turn, timeout: Option<Duration>, woken: &mut Vec<Waker>) {
        // The descriptor is ours, the buffer is too, and interruptions are not errors: what is left is a broken
        // invariant.
        if let Err(error) = turn.io.turn(timeout, woken) {
            panic!("the I/O driver cannot wait for events: {error}");
        }
    }

    #[cfg(not(feature = "net"))]
    fn poll_io(&self, _: &mut Turn, timeout: Option<Duration>, _: &mut Vec<Waker>) {
        self.interrupt.bell.wait(timeout);
    }

    /// Closes the I/O driver: whoever waits for a socket is woken, and gets an error.
    pub(crate) fn close(&self, woken: &mut Vec<Waker>) {
        #[cfg(feature = "net")]
        self.io.close(woken);
        #[cfg(not(feature = "net"))]
        let _ = woken;
    }
}

impl Interrupt {
    fn nanos(&self, at: Instant) -> u64 {
        let nanos = at.saturating_duration_since(self.epoch).as_nanos();
        // Never one of the special values.
        u64::try_from(nanos).unwrap_or(u64::MAX).clamp(1, u64::MAX - 1)
    }

    fn ring(&self) {
        #[cfg(feature = "net")]
        self.io.unpark();
        #[cfg(not(feature = "net"))]
        self.bell.ring();
    }
}

/// Woken by a timer whose nearest deadline has moved nearer.
#[derive(Debug)]
struct Earlier {
    interrupt: Arc<Interrupt>,
    timer: OnceLock<Weak<Timer>>,
}

impl Wake for Earlier {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // P8: pairs with the fence in `Driver::wait`. The timer has published its deadline before it called us.
        fence(SeqCst);
        let until = self.interrupt.until.load(Relaxed);
        if until == waiting::NOBODY {
            return;
        }
        // A value just below the deadline the holder waits for, or none: in doubt, interrupt.
        let deadline =
            self.timer.get().and_then(Weak::upgrade).and_then(|timer| timer.next_deadline());
        if deadline.is_some_and(|at| self.interrupt.nanos(at) < until) {
            self.interrupt.ring();
        }
    }
}

/// Where the holder of the turn waits when there is no I/O to wait for.
#[cfg(not(feature = "net"))]
mod bell {
    use crate::loom::sync::{Condvar, Mutex};
    use std::time::{Duration, Instant};

    #[derive(Debug, Default)]
    pub(super) struct Bell {
        rung: Mutex<bool>,
        heard: Condvar,
    }

    impl Bell {
        pub(super) fn ring(&self) {
            *self.rung.lock() = true;
            self.heard.notify_one();
        }

        /// Waits for a ring, or until the timeout. Takes the ring.
        pub(super) fn wait(&self, timeout: Option<Duration>) {
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
