//! The I/O driver and the timers as one thing to wait on.
//!
//! At most one worker holds the turn. While it waits, everybody else sleeps in its own [`Parker`](super::park) or
//! works; a working worker takes a turn without waiting now and then (P7). Who takes over when the holder is stuck in
//! a task is in [`standby`](super::standby).
//!
//! Feared: a timer is set for an earlier moment than the one the driver waits for, and fires late. The holder first
//! says that it is about to wait ([`UNDECIDED`](super::interrupt::UNDECIDED)), fences, and then reads the deadlines; who
//! sets a timer publishes the deadline, fences, and then reads how long the driver waits (P8). Either the holder sees the
//! new deadline, or the other interrupts it.
//!
//! # Two clocks
//!
//! *Time*, which tasks see, may stand still or be moved (`time::pause`, a clock of the user's). The *scheduler's clock*
//! goes on, or a busy worker would never look after its driver. Deadlines are on the first, limits of naps on the second.
//! Where time does not pass by itself, the holder waits without a deadline: whoever moves the time interrupts it, and if
//! time was paused, it moves it itself once nobody has anything to do ([`quiet`](super::quiet)).

use super::gathering::Gathering;
use super::interrupt::{Earlier, Interrupt, NOBODY};
use super::shared::Shared;
use super::slack::Slack;
use crate::loom::left_out;
use crate::loom::sync::Mutex;
use crate::loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use raddle_timer::{Clock, PausableClock, Timer};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

/// What the holder of the turn has.
#[derive(Debug)]
pub(crate) struct Turn {
    #[cfg(feature = "net")]
    io: raddle_io_driver::Driver,
    gathering: Gathering,
}

/// What everybody else sees of the driver.
#[derive(Debug)]
pub(crate) struct Driver {
    turn: Mutex<Turn>,
    /// Held while time jumps (Z7).
    jump: Mutex<()>,
    pub(super) interrupt: Interrupt,
    /// What tasks take for the time.
    time: PausableClock,
    clock: Arc<dyn Clock>,
    slack: Slack,
    /// Whether there have been sockets.
    used: AtomicBool,
    #[cfg(feature = "net")]
    io: raddle_io_driver::Handle,
}

impl Driver {
    pub(crate) fn new(time: PausableClock, clock: Arc<dyn Clock>) -> std::io::Result<Driver> {
        #[cfg(feature = "net")]
        let (io_driver, io) =
            raddle_io_driver::Driver::new(raddle_io_driver::Backend::from_env()?)?;
        let interrupt = Interrupt::new(
            time.now(),
            #[cfg(feature = "net")]
            io.clone(),
        );
        let turn = Turn {
            #[cfg(feature = "net")]
            io: io_driver,
            gathering: Gathering::default(),
        };
        Ok(Driver {
            turn: Mutex::new(turn),
            jump: Mutex::new(()),
            interrupt,
            time,
            clock,
            used: AtomicBool::new(false),
            #[cfg(feature = "net")]
            slack: Slack::of(io.backend()),
            #[cfg(not(feature = "net"))]
            slack: Slack::NONE,
            #[cfg(feature = "net")]
            io,
        })
    }

    #[cfg(feature = "net")]
    pub(crate) fn io(&self) -> &raddle_io_driver::Handle {
        &self.io
    }

    /// The timer of slot `index`, whose earlier deadlines interrupt this driver.
    pub(crate) fn new_timer(&self, shared: Weak<Shared>, index: usize) -> Arc<Timer> {
        Timer::new(Arc::new(self.time.clone()), Waker::from(Arc::new(Earlier { shared, index })))
    }

    /// Whether this process was forked from the one that started the runtime. Without I/O nobody notices.
    pub(crate) fn was_forked(&self) -> bool {
        #[cfg(feature = "net")]
        return self.io.was_forked();
        #[cfg(not(feature = "net"))]
        false
    }

    /// Interrupts the holder's wait.
    pub(crate) fn interrupt(&self) {
        self.interrupt.ring();
    }

    /// The turn, if nobody else has it.
    pub(crate) fn try_turn(&self) -> Option<impl std::ops::DerefMut<Target = Turn> + '_> {
        self.turn.try_lock()
    }

    /// Waits for events until the first deadline of `timers`, `limit` on the scheduler's clock, or an interrupt, and
    /// collects whom to wake. The holder has announced itself in its `Parker` before.
    ///
    /// If time is paused, and `is_quiet` whenever it is asked, the first deadline comes at once.
    pub(crate) fn wait(
        &self,
        turn: &mut Turn,
        timers: impl Iterator<Item = impl AsRef<Timer>> + Clone,
        limit: Option<Instant>,
        is_quiet: impl Fn() -> bool,
        woken: &mut Vec<Waker>,
    ) {
        let interrupt = &self.interrupt;
        interrupt.announce_wait();
        let deadline = first_deadline(timers.clone());
        interrupt.waits_until(deadline);
        let mut end = None;
        if self.time.is_paused() && deadline.is_some() && is_quiet() {
            self.wait_for_grace(turn, &is_quiet, woken);
            if woken.is_empty() {
                self.jump_if_quiet(timers.clone(), &is_quiet);
            }
        } else {
            let timeout;
            (timeout, end) = self.timeout(turn, deadline, limit);
            self.poll_io(turn, timeout, woken);
        }
        interrupt.end_wait();
        let before = woken.len();
        self.expire(timers, woken);
        let passed = woken.len() - before;
        turn.gathering.ended(end, passed, || self.time.now());
    }

    fn jump_if_quiet(
        &self,
        timers: impl Iterator<Item = impl AsRef<Timer>>,
        is_quiet: impl Fn() -> bool,
    ) {
        // Z7: pairs with `wait_for_a_jump`.
        let _jump = self.jump.lock();
        if left_out("Z2") || is_quiet() {
            // Z5: read anew.
            if let Some(deadline) = timers.filter_map(|timer| timer.as_ref().settle()).min() {
                self.time.advance_to(deadline);
            }
        }
    }

    /// Z7: until no jump is under way that did not know of the caller.
    pub(super) fn wait_for_a_jump(&self) {
        drop(self.jump.lock());
    }

    /// Z4: all of it, also if somebody rings who has nothing to do any more.
    fn wait_for_grace(
        &self,
        turn: &mut Turn,
        is_quiet: &impl Fn() -> bool,
        woken: &mut Vec<Waker>,
    ) {
        let end = self.clock.now() + self.grace();
        loop {
            let left = end.saturating_duration_since(self.clock.now());
            self.poll_io(turn, Some(left), woken);
            if left.is_zero() || !woken.is_empty() || !is_quiet() {
                return;
            }
        }
    }

    /// How long to wait for the first deadline, with others, and the limit; and when the wait for the deadline should end, if
    /// that is ahead.
    fn timeout(
        &self,
        turn: &Turn,
        deadline: Option<Instant>,
        limit: Option<Instant>,
    ) -> (Option<Duration>, Option<Instant>) {
        let mut ahead = None;
        let until_end = deadline.and_then(|deadline| {
            let now = self.time.now();
            if !self.time.is_running() {
                // What is ahead comes when somebody moves the time, who interrupts us.
                return (deadline <= now).then_some(Duration::ZERO);
            }
            let end = turn.gathering.end(deadline);
            ahead = Some(end).filter(|&end| end > now);
            Some(self.slack.to_ask_for(end.saturating_duration_since(now)))
        });
        let until_limit = limit.map(|limit| limit.saturating_duration_since(self.clock.now()));
        (until_end.into_iter().chain(until_limit).min(), ahead)
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

    /// Collects whom to wake because the time has come. Anybody may.
    pub(super) fn expire(
        &self,
        timers: impl Iterator<Item = impl AsRef<Timer>>,
        woken: &mut Vec<Waker>,
    ) {
        let mut now = None;
        for timer in timers {
            let timer = timer.as_ref();
            // One load per timer that has nothing due; the clock is read only if some timer has a deadline at all.
            if let Some(deadline) = timer.next_deadline() {
                let now = *now.get_or_insert_with(|| self.time.now());
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

    /// How long paused time waits for what the system is about to tell: what one socket of this machine has sent to
    /// another may be on its way through the system (Z4).
    fn grace(&self) -> Duration {
        if self.has_sources() { Duration::from_millis(1) } else { Duration::ZERO }
    }

    fn has_sources(&self) -> bool {
        #[cfg(feature = "net")]
        return self.io.registrations() > 0;
        #[cfg(not(feature = "net"))]
        false
    }

    /// Somebody is about to register a socket. Whether that is the first.
    #[cfg(feature = "net")]
    pub(super) fn is_used_now(&self) -> bool {
        // Relaxed: ordered by the caller's fence.
        !self.used.load(Relaxed) && !self.used.swap(true, Relaxed)
    }

    /// Whether events may come that nobody waits for (P18). After a fence.
    pub(super) fn is_unattended(&self) -> bool {
        self.used.load(Relaxed) && self.interrupt.until() == NOBODY
    }

    /// Closes the I/O driver: whoever waits for a socket is woken, and gets an error.
    pub(crate) fn close(&self, woken: &mut Vec<Waker>) {
        #[cfg(feature = "net")]
        self.io.close(woken);
        #[cfg(not(feature = "net"))]
        let _ = woken;
    }
}

/// When the first of `timers` has something due.
pub(super) fn first_deadline(timers: impl Iterator<Item = impl AsRef<Timer>>) -> Option<Instant> {
    timers.filter_map(|timer| timer.as_ref().next_deadline()).min()
}

/// Z4, with the system's sockets and a clock that goes on whenever it is looked at.
#[cfg(all(test, feature = "net"))]
mod grace_tests {
    use super::*;
    use raddle_io_driver::Registered;
    use std::cell::Cell;
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use std::task::Context;

    const HOUR: Duration = Duration::from_secs(3_600);
    /// How often the driver looks at the clock in a grace, whatever wakes it up meanwhile: once at its beginning.
    const LOOKS: u32 = 11;

    #[derive(Debug)]
    struct Looked(Instant, AtomicU32);

    impl Clock for Looked {
        fn now(&self) -> Instant {
            self.0 + self.1.fetch_add(1, Relaxed) * Duration::from_micros(100)
        }
    }

    /// A driver whose time stands still, with a deadline in an hour.
    struct Paused {
        time: PausableClock,
        timer: Arc<Timer>,
        driver: Driver,
    }

    impl Paused {
        fn new() -> Paused {
            let time = PausableClock::default();
            assert!(time.pause());
            let clock = Arc::new(Looked(Instant::now(), AtomicU32::new(0)));
            let driver = Driver::new(time.clone(), clock).unwrap();
            let timer = Timer::new(Arc::new(time.clone()), Waker::noop().clone());
            timer.insert(timer.deadline_after(HOUR), Waker::noop());
            Paused { time, timer, driver }
        }

        /// How far time has moved in one wait, and how many were woken. Each wait for events is cut short: `is_quiet` is
        /// told how often it was asked before.
        fn wait(&self, is_quiet: impl Fn(u32) -> bool) -> (Duration, usize, u32) {
            let (before, asked) = (self.time.now(), Cell::new(0));
            let is_quiet = || {
                self.driver.interrupt();
                is_quiet(asked.replace(asked.get() + 1))
            };
            let mut woken = Vec::new();
            let mut turn = self.driver.try_turn().unwrap();
            self.driver.wait(&mut turn, std::iter::once(&self.timer), None, is_quiet, &mut woken);
            (self.time.now() - before, woken.len(), asked.get())
        }

        fn socket(&self) -> (Registered<UnixStream>, UnixStream) {
            let (here, there) = UnixStream::pair().unwrap();
            here.set_nonblocking(true).unwrap();
            let here = Registered::new_connecting(here, self.driver.io()).unwrap();
            let cx = &mut Context::from_waker(Waker::noop());
            assert!(here.registration().poll_read_ready(cx).is_pending());
            (here, there)
        }
    }

    #[test]
    fn z4_who_rings_and_has_nothing_to_do_does_not_shorten_the_grace() {
        let paused = Paused::new();
        assert_eq!(paused.wait(|_| true), (HOUR, 1, 2), "no sockets, no grace");

        let paused = Paused::new();
        let _socket = paused.socket();
        assert_eq!(paused.wait(|_| true), (HOUR, 1, LOOKS));
    }

    #[test]
    fn z4_what_the_system_tells_within_the_grace_comes_before_the_deadline() {
        for told_at in 0..LOOKS - 1 {
            let paused = Paused::new();
            let (_here, there) = paused.socket();
            let tell = |asked| {
                if asked == told_at {
                    (&there).write_all(b"!").unwrap();
                }
                true
            };
            assert_eq!(paused.wait(tell), (Duration::ZERO, 1, told_at + 1));
        }
    }

    #[test]
    fn z4_who_has_something_to_do_in_the_end_keeps_time_from_moving() {
        for busy_at in 0..LOOKS {
            let paused = Paused::new();
            let _socket = paused.socket();
            let (moved, woken, _) = paused.wait(|asked| asked < busy_at);
            assert_eq!((moved, woken), (Duration::ZERO, 0), "busy at the {busy_at}th look");
        }
    }
}
