//! What senders and receivers of a watch channel share: the value, and its version.
//!
//! - **Y1** The version goes up by `STEP` whenever the value may have become another, under the
//!   write lock of the value. `CLOSED` is set in it when the last sender is gone, and stays.
//! - **Y2** A receiver remembers a version, which it read under the lock of the value, or which it
//!   has reported as changed. It has seen the value if the versions are the same.
//! - **Y3** Who changes the version notifies after it, and after the lock of the value. Who waits
//!   makes its `Notified` first and looks at the version second (N3). The same holds for the number
//!   of receivers and those who wait for it to become zero.
//! - **Y4** No waker is woken and no value dropped under the lock of the value. What users have
//!   asked to run under it does: `send_modify`, `send_if_modified` and `wait_for` call them with a
//!   reference into it. If they panic, the lock is free again, and nothing has been notified.
//!
//! Feared: the version goes up after a receiver has looked, and the notification comes before it
//! waits. But its `Notified` is older than the look, and a sweep reaches it polled or not.

use super::{Receiver, Sender, error::RecvError};
use crate::{
    loom::{Arc, AtomicUsize, Ordering, RwLock, RwLockReadGuard},
    notify::Notify,
};
use std::{fmt, ops::Deref};

pub(super) const CLOSED: usize = 1;
pub(super) const STEP: usize = 2;

pub(super) struct Shared<T> {
    pub(super) value: RwLock<T>,
    /// Wraps around: only a difference matters.
    pub(super) version: AtomicUsize,
    pub(super) senders: AtomicUsize,
    pub(super) receivers: AtomicUsize,
    pub(super) changed: Notify,
    pub(super) deserted: Notify,
}

/// Makes a channel whose value is `initial` at first. The receiver has seen it.
///
/// # Examples
/// ```
/// let (sender, receiver) = raddle_sync::watch::channel("hello");
/// assert_eq!(*receiver.borrow(), "hello");
/// sender.send("world").unwrap();
/// assert_eq!(*receiver.borrow(), "world");
/// ```
pub fn channel<T>(initial: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(initial);
    let receiver = sender.subscribe();
    (sender, receiver)
}

impl<T> Shared<T> {
    /// With one sender and no receiver.
    pub(super) fn new(value: T) -> Arc<Self> {
        Arc::new(Self {
            value: RwLock::new(value),
            version: AtomicUsize::new(0),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(0),
            changed: Notify::new(),
            deserted: Notify::new(),
        })
    }

    /// The version, and whether there are senders.
    pub(super) fn version(&self) -> (usize, bool) {
        // Acquire: pairs with the Release of whoever changed it.
        let word = self.version.load(Ordering::Acquire);
        (word & !CLOSED, word & CLOSED == 0)
    }

    /// The value, compared with the version `seen`, and its version.
    pub(super) fn borrow(&self, seen: usize) -> (Ref<'_, T>, usize) {
        let value = self.value.read();
        let (version, _) = self.version();
        (Ref { value, has_changed: version != seen }, version)
    }

    /// Reports a version other than `seen`, which it becomes, or the end; `None` says wait.
    pub(super) fn report(&self, seen: &mut usize) -> Option<Result<(), RecvError>> {
        let (version, is_open) = self.version();
        if *seen != version {
            *seen = version;
            return Some(Ok(()));
        }
        (!is_open).then_some(Err(RecvError(())))
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Channel");
        match self.value.try_read() {
            Some(value) => shown.field("value", &*value),
            None => shown.field("value", &format_args!("<locked>")),
        };
        shown
            .field("senders", &self.senders.load(Ordering::Relaxed))
            .field("receivers", &self.receivers.load(Ordering::Relaxed))
            .finish()
    }
}

/// The value, locked for reading. See [the module](super) for what not to do while holding it.
///
/// # Examples
/// ```
/// let (_sender, receiver) = raddle_sync::watch::channel(String::from("hello"));
/// let length = receiver.borrow().len(); // Gone by the end of the statement.
/// assert_eq!(length, 5);
/// ```
#[must_use = "it locks the value until it is dropped"]
pub struct Ref<'a, T> {
    pub(super) value: RwLockReadGuard<'a, T>,
    pub(super) has_changed: bool,
}

impl<T> Ref<'_, T> {
    /// Whether the receiver had not seen this value before. For a sender, `false`.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = raddle_sync::watch::channel(0);
    /// sender.send(1).unwrap();
    /// assert!(receiver.borrow_and_update().has_changed());
    /// assert!(!receiver.borrow().has_changed());
    /// ```
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ref")
            .field("value", &**self)
            .field("has_changed", &self.has_changed)
            .finish()
    }
}
