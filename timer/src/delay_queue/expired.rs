//! What goes in and out of a [`DelayQueue`](super::DelayQueue): keys, and items with the moment they were due.

use std::time::Instant;

use crate::wheel;

/// Names one item of a [`DelayQueue`](super::DelayQueue), forever: it is not reused once that has come out.
///
/// A key of another queue names any item or none.
///
/// # Examples
/// See [`DelayQueue::remove`](super::DelayQueue::remove).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(pub(super) wheel::Key);

/// An item that has come out of a [`DelayQueue`](super::DelayQueue), because it was due or was removed.
///
/// # Examples
/// ```
/// # use std::{sync::Arc, task::Waker, time::Duration};
/// # use raddle_timer::{DelayQueue, SystemClock, Timer};
/// # let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
/// let mut queue = DelayQueue::new(timer.clone());
/// let deadline = timer.deadline_after(Duration::from_secs(5));
/// let key = queue.insert_at("later".to_owned(), deadline);
///
/// let mut removed = queue.remove(&key);
/// assert_eq!((removed.key(), removed.deadline()), (key, deadline));
/// removed.get_mut().push('!');
/// assert_eq!(removed.get_ref(), "later!");
/// assert_eq!(removed.into_inner(), "later!");
/// ```
#[derive(Debug)]
pub struct Expired<T> {
    pub(super) value: T,
    pub(super) deadline: Instant,
    pub(super) key: Key,
}

impl<T> Expired<T> {
    /// The item.
    pub fn get_ref(&self) -> &T {
        &self.value
    }

    /// The item, to be changed.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// The item.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// When it was due, as it was asked for.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What it was called while it was in the queue.
    pub fn key(&self) -> Key {
        self.key
    }
}
