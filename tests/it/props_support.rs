//! For the tests that hold a primitive against a plain model: futures polled by hand, with wakers that are counted,
//! and the line in which they wait, as it ought to be.
//!
//! A test draws a list of operations, does each to the primitive and to the model, and compares all that can be seen
//! after each. Everything is on one thread, so the model is exact: who is woken, by which operation, and what is left.

use crate::support::{CountingWaker, poll_once, scaled};
use proptest::prelude::ProptestConfig;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

/// How many lists of operations a property is tried with: `PROPTEST_CASES`, or some hundreds. No file is written for a
/// failure, which prints the shortest list that still fails.
pub(crate) fn config() -> ProptestConfig {
    let default = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => default,
        None => ProptestConfig { cases: scaled(300) as u32, ..default },
    }
}

/// A future that has had to wait, with the wakers it was polled with.
pub(crate) struct Waiting<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    /// The latest waker's count.
    wakes: Arc<CountingWaker>,
    /// Those of earlier ones, and what they stood at when they were replaced.
    replaced: Vec<(Arc<CountingWaker>, usize)>,
    /// What the latest waker's count was after the last poll.
    at_last_poll: usize,
}

impl<'a, T> Waiting<'a, T> {
    /// Polls a future for the first time.
    pub(crate) fn start(future: impl Future<Output = T> + 'a) -> Result<T, Waiting<'a, T>> {
        let mut waiting = Waiting::unpolled(future);
        match waiting.poll(true) {
            Poll::Ready(output) => Ok(output),
            Poll::Pending => Err(waiting),
        }
    }

    /// A future that has not been polled yet.
    pub(crate) fn unpolled(future: impl Future<Output = T> + 'a) -> Waiting<'a, T> {
        let wakes = CountingWaker::new().0;
        Waiting { future: Box::pin(future), wakes, replaced: Vec::new(), at_last_poll: 0 }
    }

    /// Polls it, with the same waker as last time or with another one.
    pub(crate) fn poll(&mut self, with_another_waker: bool) -> Poll<T> {
        if with_another_waker {
            let last = std::mem::replace(&mut self.wakes, CountingWaker::new().0);
            let count = last.count();
            self.replaced.push((last, count));
        }
        let polled = poll_once(self.future.as_mut(), &self.wakes.clone().into());
        self.at_last_poll = self.wakes.count();
        polled
    }

    /// How often it was woken through the waker it was last polled with.
    ///
    /// # Panics
    /// If an earlier waker was used after it had been replaced.
    pub(crate) fn wakes(&self) -> usize {
        for (earlier, count) in &self.replaced {
            assert_eq!(earlier.count(), *count, "a waker was used that had been replaced");
        }
        self.wakes.count()
    }

    /// How often it was woken since it was last polled.
    ///
    /// # Panics
    /// As [`wakes`](Self::wakes).
    pub(crate) fn wakes_since_poll(&self) -> usize {
        self.wakes() - self.at_last_poll
    }
}

/// Senders that wait for the last receiver of their channel to go.
#[derive(Default)]
pub(crate) struct Desertion {
    /// With whether the last receiver has gone, at least once, since it was last polled.
    waiting: Vec<(bool, Waiting<'static, ()>)>,
}

impl Desertion {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many senders are in here.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Lets another one wait. It does not have to if there are no receivers.
    pub(crate) fn wait(&mut self, closed: impl Future<Output = ()> + 'static, receivers: usize) {
        match Waiting::start(closed) {
            Ok(()) => assert_eq!(receivers, 0, "somebody is there"),
            Err(waiting) => {
                assert_ne!(receivers, 0, "nobody is there");
                self.waiting.push((false, waiting));
            }
        }
    }

    pub(crate) fn last_receiver_gone(&mut self) {
        self.waiting.iter_mut().for_each(|(told, _)| *told = true);
    }

    /// Polls one. Whether that was the end of its wait, and of its sender.
    pub(crate) fn poll(&mut self, which: u8, another: bool, receivers: usize) -> bool {
        let Some(index) = pick(which, self.waiting.len()) else { return false };
        let (told, waiting) = &mut self.waiting[index];
        let over = *told && receivers == 0;
        assert_eq!(waiting.poll(another).is_ready(), over);
        *told = false;
        if over {
            drop(self.waiting.swap_remove(index));
        }
        over
    }

    /// Those who were told have been woken, once, and nobody else.
    pub(crate) fn compare(&self) {
        for (told, waiting) in &self.waiting {
            assert_eq!(waiting.wakes_since_poll(), usize::from(*told), "wake-ups of a sender");
        }
    }
}

/// Which of `count` things a drawn number means.
pub(crate) fn pick(drawn: u8, count: usize) -> Option<usize> {
    usize::from(drawn).checked_rem(count)
}

/// Where somebody in the model's line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Lacks this many units.
    Lacks(usize),
    /// Has been given all it wanted.
    Served,
    /// Will get nothing, and lacked this many.
    Refused(usize),
}

/// Units handed out to a line, first come, first served: what is behind every lock, semaphore and bounded channel.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) free: usize,
    pub(crate) closed: bool,
    /// Everybody who waits or has not seen yet that the wait is over: number, units wanted, place.
    waiting: VecDeque<(u64, usize, Place)>,
    next: u64,
}

impl Line {
    pub(crate) fn new(free: usize) -> Line {
        Line { free, ..Line::default() }
    }

    fn is_empty(&self) -> bool {
        !self.waiting.iter().any(|(_, _, place)| matches!(place, Place::Lacks(_)))
    }

    /// Takes units without waiting: `None` if there are too few, or somebody waits; overtaking is for locks that allow it.
    pub(crate) fn take_now(&mut self, wanted: usize) -> bool {
        let enough = !self.closed && self.is_empty() && self.free >= wanted;
        if enough {
            self.free -= wanted;
        }
        enough
    }

    /// Gets in line with what there is; the number to be known by.
    pub(crate) fn wait(&mut self, wanted: usize) -> u64 {
        let taken = if self.is_empty() { self.free.min(wanted) } else { 0 };
        self.free -= taken;
        self.next += 1;
        self.waiting.push_back((self.next, wanted, Place::Lacks(wanted - taken)));
        self.next
    }

    /// Gives units back, and out again.
    pub(crate) fn give(&mut self, units: usize) {
        self.free += units;
        for (_, _, place) in &mut self.waiting {
            if let Place::Lacks(lacks) = place {
                let given = self.free.min(*lacks);
                self.free -= given;
                *place = if given == *lacks { Place::Served } else { Place::Lacks(*lacks - given) };
                if self.free == 0 {
                    break;
                }
            }
        }
    }

    /// Refuses everybody, now and later.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        for (_, _, place) in &mut self.waiting {
            if let Place::Lacks(lacks) = *place {
                *place = Place::Refused(lacks);
            }
        }
    }

    pub(crate) fn place(&self, number: u64) -> Place {
        let found = self.waiting.iter().find(|(own, ..)| *own == number);
        found.expect("who has a number is in line").2
    }

    /// Somebody has seen how the wait ended, and has what was given.
    pub(crate) fn ended(&mut self, number: u64) -> Place {
        let place = self.place(number);
        let wanted = self.remove(number);
        if let Place::Refused(lacked) = place {
            self.give(wanted - lacked);
        }
        place
    }

    /// Somebody leaves without looking. What was given goes on to the next.
    pub(crate) fn leave(&mut self, number: u64) {
        let lacked = match self.place(number) {
            Place::Lacks(lacks) | Place::Refused(lacks) => lacks,
            Place::Served => 0,
        };
        let wanted = self.remove(number);
        self.give(wanted - lacked);
    }

    fn remove(&mut self, number: u64) -> usize {
        let index = self.waiting.iter().position(|(own, ..)| *own == number);
        let removed = self.waiting.remove(index.expect("who has a number is in line"));
        removed.expect("the index was just found").1
    }
}
