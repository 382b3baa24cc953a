//! The delay queue and the interval against plain models, under random schedules, on a clock that is moved by hand.

use crate::props_support::config;
use crate::support::CountingWaker;
use proptest::prelude::*;
use raddle_timer::delay_queue::Key;
use raddle_timer::{DelayQueue, Interval, ManualClock, MissedTickBehavior, Timer};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

#[derive(Debug, Clone)]
enum Step {
    Insert { delay_ns: u64 },
    InsertInThePast { ago_ns: u64 },
    Remove { which: usize },
    Reset { which: usize, delay_ns: u64 },
    Advance { by_ns: u64 },
    Poll,
    Peek,
    Clear,
}

/// Any magnitude up to thirteen days: one in fifty is longer than a level of the wheel for each level.
fn span() -> impl Strategy<Value = u64> {
    (0_u32..50, any::<u64>()).prop_map(|(bits, number)| number & ((1 << bits) - 1))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => span().prop_map(|delay_ns| Step::Insert { delay_ns }),
        1 => span().prop_map(|ago_ns| Step::InsertInThePast { ago_ns }),
        2 => any::<usize>().prop_map(|which| Step::Remove { which }),
        3 => (any::<usize>(), span()).prop_map(|(which, delay_ns)| Step::Reset { which, delay_ns }),
        4 => span().prop_map(|by_ns| Step::Advance { by_ns }),
        8 => Just(Step::Poll),
        1 => Just(Step::Peek),
        1 => Just(Step::Clear),
    ]
}

/// What the queue is said to do, without a wheel.
#[derive(Default)]
struct Model {
    now: u64,
    elapsed: u64,
    /// (deadline, order of filing) to number.
    waiting: BTreeMap<(u64, u64), u64>,
    /// Deadlines and numbers.
    due: VecDeque<(u64, u64)>,
    filings: u64,
}

impl Model {
    fn file(&mut self, deadline: u64, number: u64) {
        self.filings += 1;
        if deadline <= self.elapsed {
            self.due.push_back((deadline, number));
        } else {
            self.waiting.insert((deadline, self.filings), number);
        }
    }

    fn remove(&mut self, number: u64) -> bool {
        let before = self.len();
        self.waiting.retain(|_, other| *other != number);
        self.due.retain(|&(_, other)| other != number);
        self.len() < before
    }

    fn expire(&mut self) {
        if self.due.is_empty() {
            self.elapsed = self.elapsed.max(self.now);
            let later = self.waiting.split_off(&(self.elapsed + 1, 0));
            let due = std::mem::replace(&mut self.waiting, later);
            self.due.extend(due.into_iter().map(|((deadline, _), number)| (deadline, number)));
        }
    }

    fn peek(&self) -> Option<u64> {
        let due = self.due.front().map(|&(_, number)| number);
        due.or_else(|| self.waiting.values().next().copied())
    }

    fn len(&self) -> usize {
        self.waiting.len() + self.due.len()
    }
}

struct World {
    clock: ManualClock,
    timer: Arc<Timer>,
    start: Instant,
    queue: DelayQueue<u64>,
    model: Model,
    /// Of every item there ever was.
    keys: Vec<Key>,
}

impl World {
    fn new() -> World {
        let clock = ManualClock::new();
        let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
        World {
            start: timer.now(),
            queue: DelayQueue::new(timer.clone()),
            clock,
            timer,
            model: Model::default(),
            keys: Vec::new(),
        }
    }

    fn instant(&self, ns: u64) -> Instant {
        self.start + Duration::from_nanos(ns)
    }

    fn insert(&mut self, deadline: u64) {
        let number = self.keys.len() as u64;
        self.keys.push(self.queue.insert_at(number, self.instant(deadline)));
        self.model.file(deadline, number);
    }

    fn advance(&mut self, by_ns: u64) {
        self.clock.advance(Duration::from_nanos(by_ns));
        self.model.now += by_ns;
        let mut woken = Vec::new();
        self.timer.expire(self.timer.now(), &mut woken);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Polls with a waker of its own, and expects what the model gives. A task that was told to wait must be woken by
    /// the time the next item is due.
    fn poll(&mut self, waker: &Waker) -> Poll<()> {
        let polled = self.queue.poll_expired(&mut Context::from_waker(waker));
        self.model.expire();
        match polled {
            Poll::Ready(Some(expired)) => {
                let (deadline, number) = self.model.due.pop_front().expect("nothing was due");
                assert_eq!(expired.deadline(), self.instant(deadline));
                assert_eq!(expired.key(), self.keys[number as usize]);
                assert_eq!(expired.into_inner(), number);
                assert!(deadline <= self.model.now, "early");
                Poll::Ready(())
            }
            Poll::Ready(None) => {
                assert_eq!(self.model.len(), 0);
                Poll::Ready(())
            }
            Poll::Pending => {
                assert!(self.model.due.is_empty() && self.model.len() > 0);
                Poll::Pending
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Insert { delay_ns } => self.insert(self.model.now + delay_ns),
            Step::InsertInThePast { ago_ns } => self.insert(self.model.now.saturating_sub(ago_ns)),
            Step::Remove { which } if !self.keys.is_empty() => {
                let number = which % self.keys.len();
                let removed = self.queue.try_remove(&self.keys[number]);
                let was_there = self.model.remove(number as u64);
                assert_eq!(
                    removed.map(|removed| removed.into_inner() as usize),
                    was_there.then_some(number)
                );
            }
            Step::Reset { which, delay_ns } if !self.keys.is_empty() => {
                let number = which % self.keys.len();
                if self.model.remove(number as u64) {
                    let deadline = self.model.now + delay_ns;
                    self.queue.reset_at(&self.keys[number], self.instant(deadline));
                    assert_eq!(self.queue.deadline(&self.keys[number]), self.instant(deadline));
                    self.model.file(deadline, number as u64);
                }
            }
            Step::Advance { by_ns } => self.advance(by_ns),
            Step::Poll => _ = self.poll(Waker::noop()),
            Step::Peek => {
                let peeked = self.model.peek().map(|number| self.keys[number as usize]);
                assert_eq!(self.queue.peek(), peeked);
            }
            Step::Clear => {
                self.queue.clear();
                self.model.waiting.clear();
                self.model.due.clear();
            }
            Step::Remove { .. } | Step::Reset { .. } => {}
        }
        assert_eq!(self.queue.len(), self.model.len());
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_queue_gives_back_what_a_sorted_map_would(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        // And then everything that is left.
        world.advance(1 << 52);
        while world.queue.peek().is_some() {
            prop_assert!(world.poll(Waker::noop()).is_ready());
        }
    }

    /// Whatever happens between a poll that says "wait" and the moment the next item is due, the task is woken by then.
    #[test]
    fn who_was_told_to_wait_is_woken_when_an_item_is_due(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        let mut waiting: Option<Arc<CountingWaker>> = None;
        for step in &steps {
            if matches!(step, Step::Poll) {
                let (counter, waker) = CountingWaker::new();
                waiting = world.poll(&waker).is_pending().then_some(counter);
            } else {
                world.step(step);
            }
            let next = world.model.waiting.keys().next().map(|&(deadline, _)| deadline);
            let is_due = !world.model.due.is_empty() || next.is_some_and(|next| next <= world.model.now);
            if let Some(counter) = &waiting
                && (is_due || world.model.len() == 0)
            {
                prop_assert!(counter.count() > 0, "{step:?} leaves the task asleep");
            }
        }
    }

    #[test]
    fn an_interval_keeps_to_its_grid(
        period_ns in 1_u64..2_000_000_000,
        behavior in prop_oneof![
            Just(MissedTickBehavior::Burst),
            Just(MissedTickBehavior::Delay),
            Just(MissedTickBehavior::Skip),
        ],
        steps in prop::collection::vec((0_u32..4, 0_u64..5_000_000_000), 1..80),
    ) {
        let clock = ManualClock::new();
        let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
        let start = timer.now();
        let period = Duration::from_nanos(period_ns);
        let mut interval = Interval::new(timer.clone(), period);
        interval.set_missed_tick_behavior(behavior);
        let (mut now, mut due) = (0_u64, 0_u64);
        for (kind, ns) in steps {
            match kind {
                0 => {
                    clock.advance(Duration::from_nanos(ns));
                    now += ns;
                    timer.expire(timer.now(), &mut Vec::new());
                }
                1 if ns % 8 == 0 => {
                    interval.reset_after(Duration::from_nanos(ns / 8));
                    due = now + ns / 8;
                }
                1 if ns % 8 == 1 => {
                    interval.reset();
                    due = now + period_ns;
                }
                _ => {
                    let polled = interval.poll_tick(&mut Context::from_waker(Waker::noop()));
                    if now < due {
                        prop_assert!(polled.is_pending());
                        continue;
                    }
                    prop_assert_eq!(polled, Poll::Ready(start + Duration::from_nanos(due)));
                    let late = now - due;
                    due = if late <= 5_000_000.min(period_ns / 2) || behavior == MissedTickBehavior::Burst {
                        due + period_ns
                    } else if behavior == MissedTickBehavior::Delay {
                        now + period_ns
                    } else {
                        now + period_ns - late % period_ns
                    };
                }
            }
        }
    }
}

#[test]
fn a_queue_of_a_closed_timer_gives_everything_back_at_once() {
    let mut world = World::new();
    for number in 0..5 {
        world.insert(number << 40);
    }
    world.timer.close(&mut Vec::new());
    let cx = &mut Context::from_waker(Waker::noop());
    let mut count = 0;
    while let Poll::Ready(Some(_)) = world.queue.poll_expired(cx) {
        count += 1;
    }
    assert_eq!(count, 5);
    world.queue.insert(9, Duration::MAX);
    assert!(world.queue.poll_expired(cx).is_ready());
}

#[test]
#[should_panic(expected = "is no longer in the queue")]
fn removing_what_has_come_out_is_a_panic_that_says_so() {
    let mut world = World::new();
    world.insert(0);
    assert!(world.poll(Waker::noop()).is_ready());
    world.queue.remove(&world.keys[0]);
}
