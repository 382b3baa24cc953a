//! The timer against a sorted map, under a seed, and what a deadline, a timeout and an interval promise.

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use raddle_timer::{
    Clock, Elapsed, Interval, ManualClock, MissedTickBehavior, Sleep, Timeout, Timer,
};

const TICK_NS: u64 = 1 << 12;

/// Writes its number down when woken.
struct Numbered(u64, Arc<Mutex<Vec<u64>>>);

impl Wake for Numbered {
    fn wake(self: Arc<Self>) {
        self.1.lock().push(self.0);
    }
}

/// A clock that is moved by hand, and does not say so: deadlines are rounded up.
#[derive(Debug)]
struct SaidToRun(ManualClock);

impl Clock for SaidToRun {
    fn now(&self) -> Instant {
        self.0.now()
    }
}

/// A timer made at `start`, whose time stands still.
struct World {
    clock: ManualClock,
    timer: Arc<Timer>,
    start: Instant,
    woken: Arc<Mutex<Vec<u64>>>,
    seed: u64,
    /// What deadlines are rounded up to.
    tick_ns: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let clock = ManualClock::new();
        let timer = Timer::new(Arc::new(SaidToRun(clock.clone())), Waker::noop().clone());
        Self { start: timer.now(), clock, timer, woken: Arc::default(), seed, tick_ns: TICK_NS }
    }

    /// Whose clock says that it stands still.
    fn exact(seed: u64) -> Self {
        let mut world = Self::new(seed);
        world.timer = Timer::new(Arc::new(world.clock.clone()), Waker::noop().clone());
        world.tick_ns = 1;
        world
    }

    fn both(seed: u64) -> [Self; 2] {
        [Self::new(seed), Self::exact(seed)]
    }

    fn filed(&self, deadline_ns: u64) -> u64 {
        deadline_ns.div_ceil(self.tick_ns) * self.tick_ns
    }

    /// xorshift (Marsaglia, 2003).
    fn random(&mut self) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed
    }

    /// Any magnitude up to six days.
    fn random_ns(&mut self) -> u64 {
        let bits = self.random() % 50;
        self.random() & ((1 << bits) - 1)
    }

    /// A moment at the end of a slot of some level, or beside it; up to a hundred years ahead.
    fn random_end(&mut self) -> u64 {
        let level = self.random() % 10;
        let digits = self.random() % 64;
        let width = 1 << (6 * level);
        let start = (self.ns() / width + digits + 1) * width;
        (start + self.random() % 3 - 1).min(100 << 55)
    }

    /// One of few moments ahead: soon, or in this slot of `level` or the next two, near the start of a slot of a lower level.
    fn random_crowded(&mut self, level: u64) -> u64 {
        let now = self.ns();
        let lower = 1 << (6 * (1 + self.random() % (level - 1)));
        let width = 1 << (6 * level);
        let slot = match self.random() % 4 {
            0 => now,
            slots => (now / width + slots.min(2)) * width,
        };
        let moment = (slot / lower + self.random() % 4) * lower + self.random() % 3;
        moment.max(now + 1 + self.random() % 8_192)
    }

    fn ns(&self) -> u64 {
        (self.timer.now() - self.start).as_nanos() as u64
    }

    fn waker(&self, number: u64) -> Waker {
        Arc::new(Numbered(number, self.woken.clone())).into()
    }

    /// Lets time pass and turns the driver; returns the numbers woken, in order.
    fn pass(&self, time: Duration) -> Vec<u64> {
        self.clock.advance(time);
        let mut woken = Vec::new();
        self.timer.expire(self.timer.now(), &mut woken);
        woken.into_iter().for_each(Waker::wake);
        std::mem::take(&mut self.woken.lock())
    }
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn the_timer_fires_what_a_sorted_map_would_in_the_same_order() {
    for mut world in (1..=40).flat_map(|seed| World::both(seed * 0x9E37_79B9)) {
        let seed = world.seed;
        let mut model = BTreeMap::new(); // (deadline as filed, number) to key
        for number in 0..1_000 {
            match world.random() % 8 {
                0..4 => {
                    let deadline_ns = world.ns() + world.random_ns();
                    let deadline = world.start + Duration::from_nanos(deadline_ns);
                    let key = world.timer.insert(deadline, &world.waker(number));
                    if world.timer.poll(key, &world.waker(number)).is_pending() {
                        model.insert((world.filed(deadline_ns), number), key);
                    } else {
                        assert!(deadline_ns <= world.ns(), "early");
                    }
                }
                4..6 if !model.is_empty() => {
                    let position = world.random() as usize % model.len();
                    let (&place, &key) = model.iter().nth(position).unwrap();
                    model.remove(&place);
                    world.timer.cancel(key);
                    world.timer.cancel(key);
                }
                _ => {
                    let time = Duration::from_nanos(world.random_ns());
                    let woken = world.pass(time);
                    let waiting = model.split_off(&(world.ns() + 1, 0));
                    let due: Vec<u64> = model.keys().map(|&(_, number)| number).collect();
                    assert_eq!(woken, due, "seed {seed}, step {number}");
                    model = waiting;
                }
            }
            let nearest = model.first_key_value().map(|(&(filed, _), _)| filed);
            let told = world.timer.next_deadline().map(|at| (at - world.start).as_nanos() as u64);
            assert!(nearest.is_none_or(|nearest| told.is_some_and(|told| told <= nearest)));
            assert_eq!(world.timer.len(), model.len());
        }
    }
}

/// Sleeps that are moved about, across the ends of slots of every level.
#[test]
fn sleeps_that_are_reset_fire_as_in_a_sorted_map_on_every_level() {
    for mut world in (1..=30).flat_map(|seed| World::both(seed * 0x51_7C_C1)) {
        let seed = world.seed;
        let mut sleeps: Vec<(u64, Sleep)> = Vec::new(); // by number
        let mut model = BTreeMap::new(); // (deadline as filed, order of filing) to number
        let mut filings = 0;
        for step in 0..600 {
            let deadline_ns = match world.random() % 2 {
                0 => world.random_end(),
                _ => world.ns() + world.random_ns(),
            };
            let deadline = world.start + Duration::from_nanos(deadline_ns);
            let place = (world.filed(deadline_ns), filings);
            match world.random() % 8 {
                0..3 if deadline_ns > world.ns() => {
                    let mut sleep = Sleep::new(world.timer.clone(), deadline);
                    let waker = world.waker(step);
                    let cx = &mut Context::from_waker(&waker);
                    assert!(Pin::new(&mut sleep).poll(cx).is_pending(), "seed {seed}, step {step}");
                    sleeps.push((step, sleep));
                    model.insert(place, step);
                }
                3..5 if deadline_ns > world.ns() && !sleeps.is_empty() => {
                    let position = world.random() as usize % sleeps.len();
                    let (number, sleep) = &mut sleeps[position];
                    sleep.reset(deadline);
                    model.retain(|_, other| other != number);
                    model.insert(place, *number);
                }
                5 if !sleeps.is_empty() => {
                    let position = world.random() as usize % sleeps.len();
                    let (number, _) = sleeps.swap_remove(position);
                    model.retain(|_, other| *other != number);
                }
                6 => {
                    // Exactly to the next deadline, or a nanosecond before it.
                    let Some((&(filed, _), _)) = model.first_key_value() else { continue };
                    let target = filed - world.random() % 2;
                    let woken = world.pass(Duration::from_nanos(target - world.ns()));
                    expect(&mut model, &world, &woken, &mut sleeps);
                }
                _ => {
                    let time = Duration::from_nanos(world.random_ns());
                    let woken = world.pass(time);
                    expect(&mut model, &world, &woken, &mut sleeps);
                }
            }
            filings += 1;
            assert_eq!(world.timer.len(), model.len(), "seed {seed}, step {step}");
        }
    }
}

/// Takes what is due out of the model and of the sleeps, and compares it with who was woken.
fn expect(
    model: &mut BTreeMap<(u64, u64), u64>,
    world: &World,
    woken: &[u64],
    sleeps: &mut Vec<(u64, Sleep)>,
) {
    let waiting = model.split_off(&(world.ns() + 1, 0));
    let due: Vec<u64> = model.values().copied().collect();
    assert_eq!(woken, due, "at {} ns", world.ns());
    *model = waiting;
    sleeps.retain_mut(|(number, sleep)| {
        let is_due = due.contains(number);
        assert!(!is_due || poll(sleep).is_ready(), "woken, and not ready");
        !is_due
    });
}

/// A laptop is closed for a night: the clock jumps.
#[test]
fn after_a_jump_of_hours_everything_due_fires_in_order_and_the_rest_waits_on() {
    const HOUR_NS: u64 = 3_600_000_000_000;
    for world in World::both(3) {
        for number in 0..24 {
            let deadline = world
                .timer
                .deadline_after(Duration::from_nanos(HOUR_NS / 2 + (number * 7 % 24) * HOUR_NS));
            world.timer.insert(deadline, &world.waker(number * 7 % 24));
        }
        let night = world.pass(Duration::from_nanos(9 * HOUR_NS));
        assert_eq!(night, (0..9).collect::<Vec<_>>());
        let day = world.pass(Duration::from_nanos(15 * HOUR_NS));
        assert_eq!(day, (9..24).collect::<Vec<_>>());
    }
}

#[test]
fn a_clock_that_goes_backwards_fires_nothing_and_loses_nothing() {
    let world = World::new(1);
    let late = world.timer.now() + Duration::from_secs(60);
    let key = world.timer.insert(late, &world.waker(7));
    world.timer.expire(late - Duration::from_secs(1), &mut Vec::new());
    world.timer.expire(world.start, &mut Vec::new());
    assert_eq!(world.timer.poll(key, &world.waker(7)), Poll::Pending);
    assert_eq!(world.pass(Duration::from_secs(61)), [7]);
}

/// What `advance` of a paused clock stands on.
#[test]
fn on_a_clock_that_stands_still_deadlines_are_kept_to_the_nanosecond() {
    let world = World::exact(1);
    let mut sleep = Sleep::new(world.timer.clone(), world.start + Duration::from_nanos(1_000_001));
    assert!(poll(&mut sleep).is_pending());
    assert!(
        world.pass(Duration::from_nanos(1_000_000)).is_empty() && poll(&mut sleep).is_pending()
    );
    world.pass(Duration::from_nanos(1));
    assert!(poll(&mut sleep).is_ready() && world.timer.is_empty());
}

#[test]
fn without_cancellation_the_driver_never_wakes_for_nothing() {
    let mut world = World::new(7);
    for number in 0..2_000 {
        let time = Duration::from_nanos(world.random_ns() + 1);
        let deadline = world.timer.deadline_after(time);
        world.timer.insert(deadline, &world.waker(number));
    }
    while let Some(deadline) = world.timer.next_deadline() {
        assert!(!world.pass(deadline - world.timer.now()).is_empty());
    }
    assert!(world.timer.is_empty());
}

#[test]
fn a_sleep_completes_at_its_last_deadline_and_not_before() {
    let mut world = World::new(11);
    for number in 0..3_000 {
        let mut sleep = Sleep::new(world.timer.clone(), world.timer.now());
        let waker = world.waker(number);
        for _ in 0..world.random() % 4 {
            let [ahead, time] = [(); 2].map(|()| Duration::from_nanos(world.random_ns()));
            sleep.reset(world.timer.deadline_after(ahead));
            let _ = Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker));
            world.pass(time);
        }
        let ready = Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_ready();
        assert!(!ready || world.timer.now() >= sleep.deadline(), "early");
        let left = sleep.deadline().saturating_duration_since(world.timer.now());
        assert!(world.pass(left + Duration::from_nanos(TICK_NS)) == [number] || ready, "not woken");
        assert!(poll(&mut sleep).is_ready() && world.timer.is_empty());
    }
}

#[test]
fn a_sleep_moved_into_the_past_wakes_its_task_at_once() {
    for world in World::both(1) {
        let mut sleep = Sleep::new(world.timer.clone(), world.timer.deadline_after(Duration::MAX));
        let waker = world.waker(5);
        assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_pending());
        world.timer.insert(world.timer.deadline_after(Duration::from_secs(9)), &world.waker(6));
        assert_eq!(world.pass(Duration::from_secs(10)), [6]);
        // The timer has seen this moment, and time does not pass.
        sleep.reset(world.timer.now());
        assert_eq!(std::mem::take(&mut *world.woken.lock()), [5]);
        assert!(world.timer.is_empty() && poll(&mut sleep).is_ready());

        // Past, and nobody has looked since.
        sleep.reset(world.timer.deadline_after(Duration::from_secs(60)));
        assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_pending());
        world.clock.advance(Duration::from_secs(2));
        sleep.reset(world.timer.now() - Duration::from_secs(1));
        assert_eq!(world.pass(Duration::ZERO), [5]);
        assert!(world.timer.is_empty() && poll(&mut sleep).is_ready());
    }
}

#[test]
fn dropping_and_closing_leave_nothing_behind() {
    let world = World::new(1);
    let task = Arc::new(Numbered(0, world.woken.clone()));
    let waker = task.clone().into();
    let cx = &mut Context::from_waker(&waker);
    let deadline = world.timer.deadline_after(Duration::from_secs(60));
    let mut timeout = pin!(Some(Timeout::new(world.timer.clone(), deadline, pending::<()>())));
    assert!(timeout.as_mut().as_pin_mut().unwrap().poll(cx).is_pending());
    timeout.set(None);
    assert_eq!((world.timer.len(), Arc::strong_count(&task)), (0, 2));

    timeout.set(Some(Timeout::new(world.timer.clone(), deadline, pending())));
    assert!(timeout.as_mut().as_pin_mut().unwrap().poll(cx).is_pending());
    world.timer.close(&mut Vec::new());
    assert_eq!((world.timer.len(), Arc::strong_count(&task)), (0, 2));
    assert_eq!(timeout.as_pin_mut().unwrap().poll(cx), Poll::Ready(Err(Elapsed)));
}

#[test]
fn an_interval_makes_up_for_missed_ticks_as_it_was_told() {
    use MissedTickBehavior::{Burst, Delay, Skip};
    for (behavior, ticks) in
        [(Burst, [0, 10, 20, 30, 40]), (Delay, [0, 10, 44, 54, 64]), (Skip, [0, 10, 40, 50, 60])]
    {
        let world = World::new(1);
        let mut interval = Interval::new(world.timer.clone(), Duration::from_secs(10));
        interval.set_missed_tick_behavior(behavior);
        assert_eq!(poll(&mut pin!(interval.tick())), Poll::Ready(world.start));
        assert!(poll(&mut pin!(interval.tick())).is_pending(), "dropping a tick loses nothing");
        world.pass(Duration::from_secs(34));
        for tick in &ticks[1..] {
            let due = world.start + Duration::from_secs(*tick);
            world.pass(due.saturating_duration_since(world.timer.now()));
            assert_eq!(poll(&mut pin!(interval.tick())), Poll::Ready(due), "{behavior:?}");
        }
    }
}

/// A crowd in a few slots, so that much of it is filed ahead when it is taken out, moved, or jumped over (W10). Deadlines
/// are few, and many are equal: they fire in the order in which they were set.
#[test]
fn a_crowd_fires_as_in_a_sorted_map_over_the_ends_of_slots_of_every_level() {
    for mut world in (1..=30).flat_map(|seed| World::both(seed * 0xB5_29_7A_4D)) {
        let seed = world.seed;
        let mut sleeps: Vec<(u64, Sleep)> = Vec::new(); // by number
        let mut model = BTreeMap::new(); // (deadline as filed, order of filing) to number
        let mut filings = 0;
        // To before the end of a slot of some level; with luck of several at once.
        let level = 4 + world.random() % 5;
        let to_end = (1 << (6 * level)) - (1 << (6 * (3 + world.random() % (level - 2))));
        world.pass(Duration::from_nanos(to_end));
        // How much is left behind in the slots.
        let turn_every = 1 << (world.random() % 6);
        for step in 0..2_500 {
            match world.random() % 16 {
                0..7 => {
                    let deadline = world.random_crowded(level);
                    let at = world.start + Duration::from_nanos(deadline);
                    let mut sleep = Sleep::new(world.timer.clone(), at);
                    let waker = world.waker(step);
                    let cx = &mut Context::from_waker(&waker);
                    assert!(Pin::new(&mut sleep).poll(cx).is_pending(), "seed {seed}, step {step}");
                    sleeps.push((step, sleep));
                    model.insert((world.filed(deadline), filings), step);
                }
                7..10 if !sleeps.is_empty() => {
                    let position = world.random() as usize % sleeps.len();
                    let deadline = world.random_crowded(level);
                    let (number, sleep) = &mut sleeps[position];
                    sleep.reset(world.start + Duration::from_nanos(deadline));
                    model.retain(|_, other| other != number);
                    model.insert((world.filed(deadline), filings), *number);
                }
                10..12 if !sleeps.is_empty() => {
                    let position = world.random() as usize % sleeps.len();
                    let (number, _) = sleeps.swap_remove(position);
                    model.retain(|_, other| *other != number);
                }
                12..15 if world.random() % turn_every == 0 => {
                    // To the next deadline, which files ahead, but fires little.
                    let Some((&(filed, _), _)) = model.first_key_value() else { continue };
                    let woken = world.pass(Duration::from_nanos(filed - world.ns()));
                    expect(&mut model, &world, &woken, &mut sleeps);
                }
                15 if world.random() % 8 == 0 => {
                    let time = world.random() % (2 << (6 * level));
                    let woken = world.pass(Duration::from_nanos(time));
                    expect(&mut model, &world, &woken, &mut sleeps);
                }
                _ => {}
            }
            filings += 1;
            assert_eq!(world.timer.len(), model.len(), "seed {seed}, step {step}");
        }
        let nearest = model.first_key_value().map(|(&(filed, _), _)| filed);
        let settled = world.timer.settle().map(|at| (at - world.start).as_nanos() as u64);
        assert_eq!(settled, nearest, "seed {seed}");
        let woken = world.pass(Duration::from_secs(100 * 365 * 86_400));
        expect(&mut model, &world, &woken, &mut sleeps);
    }
}
