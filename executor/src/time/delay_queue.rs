//! Many deadlines for one task, on the runtime's clock.

use super::Instant;
use crate::scheduler::context;
use futures_core::Stream;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pub use raddle_timer::delay_queue::Key;

/// Gives items back when their deadlines have come. See [`raddle_timer::DelayQueue`] for what it costs.
///
/// A stream of [`Expired`] items, in the order of their deadlines, to 4 µs, and never early. It ends when the queue is
/// empty, and goes on when that is filled again. The methods are those of `tokio_util::time::DelayQueue`.
///
/// # Cancel safety
/// Waiting for the next item loses none.
///
/// # Examples
/// Sessions that end after half an hour of silence:
/// ```
/// use raddle::time::{self, DelayQueue, Duration};
///
/// # raddle::block_on(async {
/// # time::pause();
/// const SILENCE: Duration = Duration::from_secs(1800);
/// let mut sessions = DelayQueue::new();
/// let alice = sessions.insert("alice", SILENCE);
/// sessions.insert("bob", SILENCE);
///
/// time::sleep(Duration::from_secs(60)).await;
/// sessions.reset(&alice, SILENCE);
///
/// let first = sessions.next().await.unwrap();
/// assert_eq!(first.into_inner(), "bob");
/// # })
/// ```
#[derive(Debug)]
#[must_use = "nothing comes out unless it is polled"]
pub struct DelayQueue<T>(raddle_timer::DelayQueue<T>);

/// An item that has come out of a [`DelayQueue`], because it was due or was removed.
#[derive(Debug)]
pub struct Expired<T>(raddle_timer::delay_queue::Expired<T>);

impl<T> DelayQueue<T> {
    /// An empty queue.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn new() -> DelayQueue<T> {
        DelayQueue(raddle_timer::DelayQueue::new(context::timer("time::DelayQueue::new")))
    }

    /// An empty queue with room for `capacity` items.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn with_capacity(capacity: usize) -> DelayQueue<T> {
        let timer = context::timer("time::DelayQueue::with_capacity");
        DelayQueue(raddle_timer::DelayQueue::with_capacity(timer, capacity))
    }

    /// Puts `value` in, to come out at `deadline`; at once, if that has passed. Wakes a task that waits for a later item.
    pub fn insert_at(&mut self, value: T, deadline: Instant) -> Key {
        self.0.insert_at(value, deadline.0)
    }

    /// Puts `value` in, to come out after `delay`.
    pub fn insert(&mut self, value: T, delay: Duration) -> Key {
        self.0.insert(value, delay)
    }

    /// Takes the item out, whether or not it is due.
    ///
    /// # Panics
    /// If it has come out already.
    #[track_caller]
    pub fn remove(&mut self, key: &Key) -> Expired<T> {
        Expired(self.0.remove(key))
    }

    /// As [`remove`](DelayQueue::remove), but gives `None` if the item has come out already.
    pub fn try_remove(&mut self, key: &Key) -> Option<Expired<T>> {
        self.0.try_remove(key).map(Expired)
    }

    /// Lets the item come out at `deadline` instead.
    ///
    /// # Panics
    /// If it has come out already.
    #[track_caller]
    pub fn reset_at(&mut self, key: &Key, deadline: Instant) {
        self.0.reset_at(key, deadline.0);
    }

    /// Lets the item come out `delay` from now instead.
    ///
    /// # Panics
    /// If it has come out already.
    #[track_caller]
    pub fn reset(&mut self, key: &Key, delay: Duration) {
        self.0.reset(key, delay);
    }

    /// When the item comes out.
    ///
    /// # Panics
    /// If it has come out already.
    #[track_caller]
    pub fn deadline(&self, key: &Key) -> Instant {
        Instant(self.0.deadline(key))
    }

    /// The item that will come out next.
    pub fn peek(&self) -> Option<Key> {
        self.0.peek()
    }

    /// Waits for the next item that is due; `None` if the queue is empty.
    ///
    /// # Cancel safety
    /// No item is lost.
    pub async fn next(&mut self) -> Option<Expired<T>> {
        poll_fn(|cx| self.poll_expired(cx)).await
    }

    /// As [`next`](DelayQueue::next), for hand-written futures.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Option<Expired<T>>> {
        let budget = ready!(raddle_sync::budget::poll_proceed(cx));
        let expired = ready!(self.0.poll_expired(cx));
        budget.made_progress();
        Poll::Ready(expired.map(Expired))
    }

    /// Drops all items.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many items there are, due or not.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many items there is room for.
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Makes room for `additional` items.
    ///
    /// # Panics
    /// If there is no memory of that size.
    pub fn reserve(&mut self, additional: usize) {
        self.0.reserve(additional);
    }
}

/// As [`DelayQueue::new`].
impl<T> Default for DelayQueue<T> {
    #[track_caller]
    fn default() -> DelayQueue<T> {
        DelayQueue::new()
    }
}

impl<T> Stream for DelayQueue<T> {
    type Item = Expired<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Expired<T>>> {
        self.get_mut().poll_expired(cx)
    }
}

impl<T> Expired<T> {
    /// The item.
    pub fn get_ref(&self) -> &T {
        self.0.get_ref()
    }

    /// The item, to be changed.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// The item.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }

    /// When it was due.
    pub fn deadline(&self) -> Instant {
        Instant(self.0.deadline())
    }

    /// What it was called while it was in the queue.
    pub fn key(&self) -> Key {
        self.0.key()
    }
}
