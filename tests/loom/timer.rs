//! Models of the timer: rules W5 to W8 of `timer/src/wheel/mod.rs`, and H1 and H2 of `timer/src/pausable.rs`. The wheel itself is plain data behind one lock, and is
//! tested by `it/props_timer.rs`; here stands what happens beside the lock.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool as Unobserved, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use loom::thread;
use raddle_timer::{Clock, Key, ManualClock, PausableClock, Sleep, Timer};

const SECOND: Duration = Duration::from_secs(1);

/// A waker that remembers having been woken; plain `std`, so that it adds no interleavings.
#[derive(Default)]
struct Flag(Unobserved);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

impl Flag {
    fn is_set(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// What the executor's waker does: it wakes a driver that has announced its sleep, and nobody else.
struct Driver {
    asleep: AtomicBool,
    woken: Flag,
}

impl Wake for Driver {
    fn wake(self: Arc<Self>) {
        if self.asleep.load(Ordering::Relaxed) {
            self.woken.0.store(true, Relaxed);
        }
    }
}

fn new_timer(on_earlier: Waker) -> (ManualClock, Arc<Timer>) {
    let clock = ManualClock::new();
    (clock.clone(), Timer::new(Arc::new(clock), on_earlier))
}

fn turn(timer: &Timer) -> Vec<Waker> {
    let mut woken = Vec::new();
    timer.expire(timer.now(), &mut woken);
    woken
}

fn a_driver_falls_asleep_while_a_deadline_is_filed(driver_fences: bool) {
    loom::model(move || {
        let driver = Arc::new(Driver { asleep: AtomicBool::new(false), woken: Flag::default() });
        let (_, timer) = new_timer(driver.clone().into());
        let filer = thread::spawn({
            let timer = timer.clone();
            move || timer.insert(timer.deadline_after(SECOND), Waker::noop())
        });
        driver.asleep.store(true, Ordering::Relaxed);
        if driver_fences {
            fence(Ordering::SeqCst);
        }
        let read = timer.next_deadline().is_some();
        filer.join().unwrap();
        assert!(read || driver.woken.is_set(), "the driver sleeps past a deadline");
    });
}

#[test]
fn w6_an_earlier_deadline_is_read_or_announced() {
    a_driver_falls_asleep_while_a_deadline_is_filed(true);
}

#[test]
#[should_panic(expected = "the driver sleeps past a deadline")]
fn w6_fails_if_the_driver_does_not_fence() {
    a_driver_falls_asleep_while_a_deadline_is_filed(false);
}

#[test]
#[should_panic(expected = "the driver sleeps past a deadline")]
fn w6_fails_if_the_filer_does_not_fence() {
    loom::model(|| {
        let nearest = Arc::new(AtomicU64::new(u64::MAX));
        let driver = Arc::new(Driver { asleep: AtomicBool::new(false), woken: Flag::default() });
        let filer = thread::spawn({
            let (nearest, driver) = (nearest.clone(), driver.clone());
            move || {
                nearest.store(1, Ordering::Relaxed);
                driver.wake();
            }
        });
        driver.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let read = nearest.load(Ordering::Relaxed) != u64::MAX;
        filer.join().unwrap();
        assert!(read || driver.woken.is_set(), "the driver sleeps past a deadline");
    });
}

#[test]
fn w5_a_registration_fires_or_is_cancelled_and_its_waker_is_dropped_once() {
    loom::model(|| {
        let (clock, timer) = new_timer(Waker::noop().clone());
        let task = Arc::new(Flag::default());
        let key = timer.insert(timer.deadline_after(SECOND), &task.clone().into());
        clock.advance(2 * SECOND);
        let driver = thread::spawn({
            let timer = timer.clone();
            move || turn(&timer)
        });
        timer.cancel(key);
        let fired = driver.join().unwrap();
        assert!(fired.len() <= 1);
        assert!(timer.is_empty());
        assert_eq!(Arc::strong_count(&task), 1 + fired.len());
    });
}

#[test]
fn w5_a_spent_key_does_not_touch_the_next_tenant_of_its_place() {
    loom::model(|| {
        let (clock, timer) = new_timer(Waker::noop().clone());
        let spent = timer.insert(timer.deadline_after(SECOND), Waker::noop());
        clock.advance(2 * SECOND);
        let driver = thread::spawn({
            let timer = timer.clone();
            move || {
                turn(&timer);
                timer.insert(timer.deadline_after(SECOND), Waker::noop())
            }
        });
        timer.cancel(spent);
        let tenant = driver.join().unwrap();
        assert_eq!(timer.poll(tenant, Waker::noop()), Poll::Pending);
        assert_eq!(timer.len(), 1);
    });
}

#[test]
fn w5_a_poll_that_is_told_to_wait_has_its_new_waker_woken() {
    loom::model(|| {
        let (clock, timer) = new_timer(Waker::noop().clone());
        let [old, new] = [(); 2].map(|()| Arc::new(Flag::default()));
        let key = timer.insert(timer.deadline_after(SECOND), &old.clone().into());
        clock.advance(2 * SECOND);
        let driver = thread::spawn({
            let timer = timer.clone();
            move || turn(&timer).into_iter().for_each(Waker::wake)
        });
        let polled = timer.poll(key, &new.clone().into());
        driver.join().unwrap();
        assert_eq!(new.is_set(), polled.is_pending());
        assert_eq!(old.is_set(), polled.is_ready());
    });
}

/// A sleep's first poll races with the turn that passes its deadline.
#[test]
fn w6_w7_a_sleep_that_must_wait_is_woken() {
    loom::model(|| {
        let nudge = Arc::new(Flag::default());
        let (clock, timer) = new_timer(nudge.clone().into());
        let task = Arc::new(Flag::default());
        let mut sleep = Sleep::new(timer.clone(), timer.deadline_after(SECOND));
        let driver = thread::spawn({
            let timer = timer.clone();
            move || {
                clock.advance(2 * SECOND);
                turn(&timer).into_iter().for_each(Waker::wake);
            }
        });
        let waker = task.clone().into();
        let polled = Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker));
        driver.join().unwrap();
        if nudge.is_set() {
            turn(&timer).into_iter().for_each(Waker::wake);
        }
        assert!(polled.is_ready() || task.is_set(), "the sleep waits forever");
        assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_ready());
        assert!(timer.is_empty());
    });
}

#[test]
fn w7_a_sleep_that_is_done_has_seen_the_clock_that_said_so() {
    loom::model(|| {
        let (clock, timer) = new_timer(Waker::noop().clone());
        let cx = &mut Context::from_waker(Waker::noop());
        let deadline = timer.deadline_after(SECOND);
        let mut sleep = Sleep::new(timer.clone(), deadline);
        assert!(Pin::new(&mut sleep).poll(cx).is_pending());
        let driver = thread::spawn({
            let (clock, timer) = (clock.clone(), timer.clone());
            move || {
                clock.advance(2 * SECOND);
                drop(turn(&timer));
            }
        });
        if Pin::new(&mut sleep).poll(cx).is_ready() {
            assert!(clock.now() >= deadline, "early");
        }
        drop(sleep);
        driver.join().unwrap();
        assert!(timer.is_empty());
    });
}

#[test]
#[should_panic(expected = "early")]
fn w7_fails_if_the_look_without_the_lock_does_not_acquire() {
    loom::model(|| {
        let clock = ManualClock::new();
        let deadline: Instant = clock.now() + SECOND;
        let fired_through = Arc::new(AtomicU64::new(0));
        let driver = thread::spawn({
            let (clock, fired_through) = (clock.clone(), fired_through.clone());
            move || {
                clock.advance(2 * SECOND);
                fired_through.store(1, Ordering::Release);
            }
        });
        if fired_through.load(Ordering::Relaxed) == 1 {
            assert!(clock.now() >= deadline, "early");
        }
        driver.join().unwrap();
    });
}

#[test]
fn w8_closing_leaves_nobody_waiting() {
    loom::model(|| {
        let (_, timer) = new_timer(Waker::noop().clone());
        let closer = thread::spawn({
            let timer = timer.clone();
            move || {
                let mut woken = Vec::new();
                timer.close(&mut woken);
                woken.len()
            }
        });
        let key = timer.insert(timer.deadline_after(SECOND), Waker::noop());
        let woken = closer.join().unwrap();
        assert_eq!(woken, usize::from(key != Key::FIRED));
        assert_eq!(timer.poll(key, Waker::noop()), Poll::Ready(()));
        assert!(timer.is_closed() && timer.is_empty());
    });
}

/// A sleep's first poll races with the end of its timer.
#[test]
fn w8_a_sleep_polled_beside_the_closing_is_ready_or_woken() {
    loom::model(|| {
        let (_, timer) = new_timer(Waker::noop().clone());
        let task = Arc::new(Flag::default());
        let closer = thread::spawn({
            let timer = timer.clone();
            move || {
                let mut woken = Vec::new();
                timer.close(&mut woken);
                woken.into_iter().for_each(Waker::wake);
            }
        });
        let mut sleep = Sleep::new(timer.clone(), timer.deadline_after(SECOND));
        let waker = task.clone().into();
        let polled = Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker));
        closer.join().unwrap();
        assert!(polled.is_ready() || task.is_set(), "the sleep waits forever");
        assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_ready());
    });
}

/// A sleep is moved while the turn that passes its old deadline runs.
#[test]
fn w5_a_sleep_that_is_reset_beside_the_fire_is_woken_or_waits_for_the_new_deadline() {
    loom::model(|| {
        let (clock, timer) = new_timer(Waker::noop().clone());
        let task = Arc::new(Flag::default());
        let waker = task.clone().into();
        let cx = &mut Context::from_waker(&waker);
        let mut sleep = Sleep::new(timer.clone(), timer.deadline_after(SECOND));
        assert!(Pin::new(&mut sleep).poll(cx).is_pending());
        clock.advance(2 * SECOND);
        let driver = thread::spawn({
            let timer = timer.clone();
            move || turn(&timer).into_iter().for_each(Waker::wake)
        });
        sleep.reset(timer.deadline_after(SECOND));
        driver.join().unwrap();
        // Fired before it was moved: its task was woken, and polls again. Moved before: it waits, with its waker.
        assert_eq!(timer.len(), usize::from(!task.is_set()));
        assert!(Pin::new(&mut sleep).poll(cx).is_pending());
        assert_eq!(timer.len(), 1);
    });
}

#[test]
fn h1_h2_a_clock_that_is_stopped_moved_and_let_go_never_goes_backwards() {
    loom::model(|| {
        let source = ManualClock::new();
        let clock = PausableClock::new(Arc::new(source.clone()));
        let epoch = clock.now();
        let mover = thread::spawn({
            let clock = clock.clone();
            move || {
                assert!(clock.pause());
                assert!(clock.advance(10 * SECOND));
                assert!(clock.resume());
                source.advance(SECOND);
            }
        });
        let readings = [(); 2].map(|()| clock.now() - epoch);
        assert!(readings[0] <= readings[1], "backwards: {readings:?}");
        for reading in readings {
            assert!([0, 1, 10, 11].contains(&reading.as_secs()), "torn: {reading:?}");
        }
        mover.join().unwrap();
        assert_eq!(clock.now() - epoch, 11 * SECOND);
    });
}

/// The same numbers, read without a look at the version.
#[test]
#[should_panic(expected = "backwards")]
fn h1_fails_if_the_reader_does_not_look_at_the_version() {
    const RUNNING: u64 = u64::MAX;
    loom::model(|| {
        let [frozen, ahead] = [RUNNING, 0].map(|value| Arc::new(AtomicU64::new(value)));
        let mover = thread::spawn({
            let (frozen, ahead) = (frozen.clone(), ahead.clone());
            move || {
                frozen.store(10, Ordering::Relaxed);
                ahead.store(10, Ordering::Relaxed);
                frozen.store(RUNNING, Ordering::Relaxed);
            }
        });
        let read = || match frozen.load(Ordering::Relaxed) {
            RUNNING => ahead.load(Ordering::Relaxed),
            moment => moment,
        };
        let readings = [read(), read()];
        assert!(readings[0] <= readings[1], "backwards: {readings:?}");
        mover.join().unwrap();
    });
}
