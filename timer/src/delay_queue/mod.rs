//! Many deadlines for one task: a queue that gives each item back when it is due.
//!
//! One wheel of the queue's own holds the items; one [`Sleep`] on the timer waits for the nearest of them. So inserting,
//! removing and resetting touch no lock, whatever the number of items.
//!
//! U1. *Where an item is.* On the wheel if its deadline, as it was filed, is later than the wheel's `elapsed`; on the list
//!     `due` if not. So a key's place is computed and not stored.
//! U2. *Who is told.* The task that polled last is woken when an item is filed for an earlier moment than the one it waits
//!     for, and when the last item is taken out, because then the queue has ended. It is woken last, when the queue is in
//!     order again, because waking is foreign code.
//! U3. *Early, but not late.* The alarm may be for an item that is gone: it wakes the task for nothing, once, and is set
//!     anew.

mod expired;

pub use self::expired::{Expired, Key};

use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use futures_core::Stream;

use crate::sleep::Sleep;
use crate::timer::Timer;
use crate::wheel::{List, Wheel};

/// What `awaited` holds when nobody waits, so that no deadline is earlier.
const NOBODY: u64 = 0;

/// Gives items back when their deadlines have come.
///
/// A stream of [`Expired`] items, which ends when the queue is empty and goes on when it is filled again. Items come in
/// the order of their deadlines, to a [tick](Timer#precision), and never early; one whose deadline has passed when it is
/// put in comes after those that are due already.
///
/// It has the methods of `tokio_util::time::DelayQueue`, except that a delay cannot be too long and that memory is given
/// back with the queue only.
///
/// # Costs
/// 22 KiB, 36 KiB once 64 items were in it, and per item its size and 32 bytes. Inserting, removing and resetting are O(1),
/// take no lock, and wake nobody unless the item is due before all others. When the timer is [closed](Timer::close), all
/// items are due.
///
/// # Examples
/// ```
/// use std::task::{Context, Poll, Waker};
/// use std::{sync::Arc, time::Duration};
/// use raddle_timer::{DelayQueue, ManualClock, Timer};
///
/// let clock = ManualClock::new();
/// let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
/// let cx = &mut Context::from_waker(Waker::noop());
///
/// let mut sessions = DelayQueue::new(timer);
/// let alice = sessions.insert("alice", Duration::from_secs(30));
/// sessions.insert("bob", Duration::from_secs(40));
///
/// clock.advance(Duration::from_secs(20));
/// sessions.reset(&alice, Duration::from_secs(30)); // She was here.
///
/// clock.advance(Duration::from_secs(20));
/// let Poll::Ready(Some(expired)) = sessions.poll_expired(cx) else { panic!() };
/// assert_eq!(expired.into_inner(), "bob");
/// assert!(sessions.poll_expired(cx).is_pending());
/// ```
#[must_use = "nothing comes out unless it is polled"]
pub struct DelayQueue<T> {
    timer: Arc<Timer>,
    wheel: Wheel<Item<T>>,
    /// U1.
    due: List,
    alarm: Option<Sleep>,
    waker: Option<Waker>,
    /// What the task of `waker` waits for: anything earlier is news to it (U2).
    awaited: u64,
}

struct Item<T> {
    value: T,
    /// As it was asked for, not rounded.
    deadline_ns: u64,
}

impl<T> DelayQueue<T> {
    /// An empty queue, for which `timer` tells the time.
    ///
    /// # Examples
    /// See [`DelayQueue`].
    pub fn new(timer: Arc<Timer>) -> Self {
        Self::with_capacity(timer, 0)
    }

    /// An empty queue with room for `capacity` items.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker};
    /// # use raddle_timer::{DelayQueue, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// assert!(DelayQueue::<u8>::with_capacity(timer, 100).capacity() >= 100);
    /// ```
    pub fn with_capacity(timer: Arc<Timer>, capacity: usize) -> Self {
        let mut wheel = Wheel::new(timer.reached());
        wheel.entries_mut().reserve(capacity);
        Self { timer, wheel, due: List::EMPTY, alarm: None, waker: None, awaited: NOBODY }
    }

    /// Puts `value` in, to come out at `deadline`; at once, if that has passed. The key serves to take it out before, or
    /// to change its mind.
    ///
    /// # Panics
    /// If 4,294,967,295 items are there already.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::{Context, Waker}};
    /// # use raddle_timer::{DelayQueue, ManualClock, Timer};
    /// # let timer = Timer::new(Arc::new(ManualClock::new()), Waker::noop().clone());
    /// let mut queue = DelayQueue::new(timer.clone());
    /// queue.insert_at("now", timer.now());
    /// assert!(queue.poll_expired(&mut Context::from_waker(Waker::noop())).is_ready());
    /// ```
    pub fn insert_at(&mut self, value: T, deadline: Instant) -> Key {
        let deadline_ns = self.timer.ns(deadline);
        let filed = self.timer.filed(deadline_ns);
        let key = match self.wheel.insert(filed, Item { value, deadline_ns }) {
            Ok(key) => key,
            Err(item) => self.wheel.insert_due(&mut self.due, filed, item),
        };
        self.tell_if_earlier(filed);
        Key(key)
    }

    /// Puts `value` in, to come out after `delay`. As [`insert_at`](Self::insert_at).
    ///
    /// # Examples
    /// See [`DelayQueue`].
    pub fn insert(&mut self, value: T, delay: Duration) -> Key {
        self.insert_at(value, self.timer.deadline_after(delay))
    }

    /// Takes the item out, whether or not it is due.
    ///
    /// # Panics
    /// If it has come out already.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{DelayQueue, ManualClock, Timer};
    /// # let timer = Timer::new(Arc::new(ManualClock::new()), Waker::noop().clone());
    /// let mut queue = DelayQueue::new(timer);
    /// let key = queue.insert("later", Duration::from_secs(5));
    /// assert_eq!(queue.remove(&key).into_inner(), "later");
    /// assert!(queue.try_remove(&key).is_none());
    /// ```
    #[track_caller]
    pub fn remove(&mut self, key: &Key) -> Expired<T> {
        match self.try_remove(key) {
            Some(removed) => removed,
            None => panic!("the item of {key:?} is no longer in the queue"),
        }
    }

    /// As [`remove`](Self::remove), but gives `None` if the item has come out already.
    ///
    /// # Examples
    /// See [`remove`](Self::remove).
    pub fn try_remove(&mut self, key: &Key) -> Option<Expired<T>> {
        let index = self.wheel.entries().find(key.0)?;
        self.detach(index);
        let removed = self.take(index);
        if self.is_empty() {
            self.tell();
        }
        Some(removed)
    }

    /// Lets the item come out at `deadline` instead, also if it was due. O(1).
    ///
    /// # Panics
    /// If it has come out already.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::{Context, Waker}, time::Duration};
    /// # use raddle_timer::{DelayQueue, ManualClock, Timer};
    /// # let timer = Timer::new(Arc::new(ManualClock::new()), Waker::noop().clone());
    /// let mut queue = DelayQueue::new(timer.clone());
    /// let key = queue.insert("later", Duration::from_secs(5));
    /// queue.reset_at(&key, timer.now());
    /// assert!(queue.poll_expired(&mut Context::from_waker(Waker::noop())).is_ready());
    /// ```
    #[track_caller]
    pub fn reset_at(&mut self, key: &Key, deadline: Instant) {
        let Some(index) = self.wheel.entries().find(key.0) else {
            panic!("the item of {key:?} is no longer in the queue");
        };
        let deadline_ns = self.timer.ns(deadline);
        let filed = self.timer.filed(deadline_ns);
        self.detach(index);
        self.wheel.entries_mut().payload_mut(index).deadline_ns = deadline_ns;
        if !self.wheel.refile(index, filed) {
            self.wheel.entries_mut().push_back(&mut self.due, index);
        }
        self.tell_if_earlier(filed);
    }

    /// Lets the item come out `delay` from now instead. As [`reset_at`](Self::reset_at).
    ///
    /// # Panics
    /// If it has come out already.
    ///
    /// # Examples
    /// See [`DelayQueue`].
    #[track_caller]
    pub fn reset(&mut self, key: &Key, delay: Duration) {
        self.reset_at(key, self.timer.deadline_after(delay));
    }

    /// When the item comes out, as it was asked for.
    ///
    /// # Panics
    /// If it has come out already.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{DelayQueue, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let mut queue = DelayQueue::new(timer.clone());
    /// let deadline = timer.deadline_after(Duration::from_secs(5));
    /// let key = queue.insert_at("later", deadline);
    /// assert_eq!(queue.deadline(&key), deadline);
    /// ```
    #[track_caller]
    pub fn deadline(&self, key: &Key) -> Instant {
        let Some(index) = self.wheel.entries().find(key.0) else {
            panic!("the item of {key:?} is no longer in the queue");
        };
        self.timer.instant(self.wheel.entries().payload(index).deadline_ns)
    }

    /// The item that will come out next. Looks at all items whose deadlines are as close together as the wheel's slots
    /// are wide at that distance: a sixty-fourth of it, about.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{DelayQueue, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let mut queue = DelayQueue::new(timer);
    /// assert_eq!(queue.peek(), None);
    /// queue.insert("later", Duration::from_secs(6));
    /// let sooner = queue.insert("sooner", Duration::from_secs(5));
    /// assert_eq!(queue.peek(), Some(sooner));
    /// ```
    pub fn peek(&self) -> Option<Key> {
        let index = self.due.first().or_else(|| self.wheel.peek())?;
        Some(Key(self.wheel.entries().key(index)))
    }

    /// Waits for the next item that is due; `None` if the queue is empty.
    ///
    /// # Cancel safety
    /// No item is lost.
    ///
    /// # Examples
    /// ```
    /// # use std::{pin::pin, sync::Arc, task::{Context, Poll, Waker}};
    /// # use raddle_timer::{DelayQueue, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let mut queue = DelayQueue::<u8>::new(timer);
    /// let polled = pin!(queue.next()).poll(&mut Context::from_waker(Waker::noop()));
    /// assert!(matches!(polled, Poll::Ready(None)));
    /// ```
    pub async fn next(&mut self) -> Option<Expired<T>> {
        poll_fn(|cx| self.poll_expired(cx)).await
    }

    /// The next item that is due; `None` if the queue is empty. Else the task of `cx` is woken when one is, and the task
    /// of an earlier call is not.
    ///
    /// # Examples
    /// See [`DelayQueue`].
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Option<Expired<T>>> {
        loop {
            if let Some(index) = self.next_due() {
                self.awaited = NOBODY;
                return Poll::Ready(Some(self.take(index)));
            }
            let Some(nearest) = self.wheel.nearest() else {
                self.wait_for(u64::MAX, cx.waker());
                return Poll::Ready(None);
            };
            let deadline = self.timer.instant(nearest);
            let alarm = match &mut self.alarm {
                Some(alarm) => {
                    if alarm.deadline() != deadline {
                        alarm.reset(deadline);
                    }
                    alarm
                }
                alarm => alarm.insert(Sleep::new(self.timer.clone(), deadline)),
            };
            if Pin::new(alarm).poll(cx).is_pending() {
                self.wait_for(nearest, cx.waker());
                return Poll::Pending;
            }
        }
    }

    /// Drops all items.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{DelayQueue, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let mut queue = DelayQueue::new(timer);
    /// let key = queue.insert("later", Duration::from_secs(5));
    /// queue.clear();
    /// assert!(queue.is_empty() && queue.try_remove(&key).is_none());
    /// ```
    pub fn clear(&mut self) {
        // One by one, so that keys stay spent (W5), and a destructor that panics leaves a queue.
        while let Some(index) = self.due.first().or_else(|| self.wheel.any()) {
            self.detach(index);
            drop(self.take(index));
        }
        self.tell();
    }

    /// How many items there are, due or not.
    ///
    /// # Examples
    /// See [`capacity`](Self::capacity).
    pub fn len(&self) -> usize {
        self.wheel.entries().len()
    }

    /// Whether there is no item.
    ///
    /// # Examples
    /// See [`clear`](Self::clear).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items there is room for.
    ///
    /// # Examples
    /// ```
    /// # use std::{sync::Arc, task::Waker, time::Duration};
    /// # use raddle_timer::{DelayQueue, SystemClock, Timer};
    /// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
    /// let mut queue = DelayQueue::new(timer);
    /// queue.insert("later", Duration::from_secs(5));
    /// queue.reserve(10);
    /// assert!(queue.capacity() >= queue.len() + 10);
    /// ```
    pub fn capacity(&self) -> usize {
        self.wheel.entries().capacity()
    }

    /// Makes room for `additional` items.
    ///
    /// # Panics
    /// If there is no memory of that size.
    ///
    /// # Examples
    /// See [`capacity`](Self::capacity).
    pub fn reserve(&mut self, additional: usize) {
        self.wheel.entries_mut().reserve(additional);
    }

    /// An item that is due, off its list.
    fn next_due(&mut self) -> Option<u32> {
        let Self { wheel, due, timer, .. } = self;
        if due.is_empty() {
            wheel.expire(timer.reached(), |entries, index| entries.push_back(due, index));
        }
        wheel.entries_mut().pop_front(due)
    }

    /// U1: takes an entry off whatever it is on.
    fn detach(&mut self, index: u32) {
        if self.wheel.entries().deadline(index) <= self.wheel.elapsed() {
            self.wheel.entries_mut().unlink(&mut self.due, index);
        } else {
            self.wheel.unlink(index);
        }
    }

    /// The item of an entry that is on nothing.
    fn take(&mut self, index: u32) -> Expired<T> {
        let key = Key(self.wheel.entries().key(index));
        let Item { value, deadline_ns } = self.wheel.entries_mut().remove(index);
        Expired { value, deadline: self.timer.instant(deadline_ns), key }
    }

    fn wait_for(&mut self, deadline: u64, waker: &Waker) {
        self.awaited = deadline;
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            unknown => *unknown = Some(waker.clone()),
        }
    }

    /// U2.
    fn tell_if_earlier(&mut self, deadline: u64) {
        if deadline < self.awaited {
            self.tell();
        }
    }

    /// U2.
    fn tell(&mut self) {
        if mem::replace(&mut self.awaited, NOBODY) != NOBODY
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }
}

impl<T> Stream for DelayQueue<T> {
    type Item = Expired<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Expired<T>>> {
        let expired = ready!(self.get_mut().poll_expired(cx));
        Poll::Ready(expired)
    }
}

/// The items are never pinned.
impl<T> Unpin for DelayQueue<T> {}

impl<T> fmt::Debug for DelayQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayQueue").field("len", &self.len()).finish_non_exhaustive()
    }
}
