//! Clocks that go far: runtimes on one of the program's own that is set to another time while it runs, and paused time whose
//! next deadline never comes.

use crate::support::{Flavor, Running, Sleepers, recv, wait};
use parking_lot::Mutex;
use raddle::time::{Clock, Duration, Instant, SystemClock, advance, pause, sleep, timeout};
use std::fmt;
use std::future::pending;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Weak, mpsc};

const HOUR: Duration = Duration::from_secs(3_600);

type Listener = Weak<dyn Fn() + Send + Sync>;

/// The system's clock, so many milliseconds ahead.
#[derive(Clone)]
struct Shifted(Arc<(AtomicI64, Mutex<Vec<Listener>>)>);

impl Shifted {
    fn new() -> Self {
        // So far ahead that it can be set back.
        Self(Arc::new((AtomicI64::new(3_600_000), Mutex::default())))
    }

    fn set_ahead(&self, by_ms: i64) {
        self.0.0.fetch_add(by_ms, SeqCst);
    }

    /// As a clock has to.
    fn tell(&self) {
        let listeners = self.0.1.lock().clone();
        listeners.iter().filter_map(Weak::upgrade).for_each(|listener| listener());
    }
}

impl Clock for Shifted {
    fn now(&self) -> std::time::Instant {
        SystemClock.now() + Duration::from_millis(self.0.0.load(SeqCst) as u64)
    }

    fn on_jump(&self, listener: Listener) {
        self.0.1.lock().push(listener);
    }
}

impl fmt::Debug for Shifted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shifted").field(&self.0.0).finish()
    }
}

fn start(flavor: Flavor, clock: &Shifted) -> (Running, Sleepers) {
    let mut builder = flavor.builder();
    let sleepers = Sleepers::of(&mut builder);
    builder.clock(clock.clone());
    (Running::new(flavor, builder.build().unwrap()), sleepers)
}

#[test]
fn what_a_jump_of_hours_has_made_due_fires_at_once_and_nothing_else() {
    for flavor in Flavor::ALL {
        let clock = Shifted::new();
        let (running, sleepers) = start(flavor, &clock);
        let (begins, beginnings) = mpsc::channel();
        let nap = |hours: u32| {
            let begins = begins.clone();
            running.handle().spawn(async move {
                let begun = Instant::now();
                begins.send(()).unwrap();
                sleep(hours * HOUR).await;
                assert!(begun.elapsed() >= hours * HOUR);
            })
        };
        let (first, second, third) = (nap(1), nap(2), nap(9));
        let given_up = running.handle().spawn({
            let begins = begins.clone();
            async move {
                let never = timeout(2 * HOUR, pending::<()>());
                begins.send(()).unwrap();
                never.await
            }
        });
        for _ in 0..4 {
            recv("a task that begins", &beginnings);
        }
        // And each has been polled.
        sleepers.until(running.threads());
        clock.set_ahead(3 * 3_600_000);
        clock.tell();
        wait("an hour", first).unwrap();
        wait("two hours", second).unwrap();
        assert!(wait("a timeout of two hours", given_up).unwrap().is_err());
        assert!(!third.is_finished());
        third.abort();
    }
}

/// A clock must not, but if it does, nothing is lost: what waits ends when the clock has caught up.
#[test]
fn a_clock_that_is_set_back_loses_nothing() {
    for flavor in Flavor::ALL {
        let clock = Shifted::new();
        let (running, sleepers) = start(flavor, &clock);
        let tasks: Vec<_> = (1..=20)
            .map(|ms| running.handle().spawn(async move { sleep(Duration::from_millis(ms)).await }))
            .collect();
        clock.set_ahead(-30);
        clock.tell();
        for task in tasks {
            wait("a task that sleeps for milliseconds", task).unwrap();
        }
        sleepers.until(running.threads());
    }
}

#[test]
fn time_does_not_jump_to_what_never_comes() {
    for flavor in Flavor::ALL {
        for starts_paused in [true, false] {
            let mut builder = flavor.builder();
            builder.start_paused(starts_paused);
            let sleepers = Sleepers::of(&mut builder);
            let running = Running::new(flavor, builder.build().unwrap());
            if !starts_paused {
                let _entered = running.handle().enter();
                pause();
            }
            let now = || {
                let _entered = running.handle().enter();
                Instant::now()
            };
            let begun = now();
            let forever = running.handle().spawn(async { sleep(Duration::MAX).await });
            sleepers.until(running.threads());
            assert_eq!(now(), begun);
            // It still can be told.
            let hour = running.handle().spawn(async { sleep(HOUR).await });
            wait("an hour", hour).unwrap();
            assert_eq!(now(), begun + HOUR, "{flavor:?}");
            let end = running.handle().spawn(async { advance(Duration::MAX).await });
            wait("the end of time", end).unwrap();
            sleepers.until(running.threads());
            assert!(!forever.is_finished());
            forever.abort();
            assert!(wait("who sleeps for ever", forever).unwrap_err().is_cancelled());
        }
    }
}
