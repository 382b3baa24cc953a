//! "Look again": wakes one task, or all, without saying why.
//!
//! - **N1** The word holds the number of sweeps so far (`notify_waiters` calls) and `NOTIFIED`. It changes
//!   under the lock of the line only, and is read without it by who only looks.
//! - **N2** `notify_one` finds somebody in line and wakes the first, or leaves `NOTIFIED` behind,
//!   which the next one who comes takes instead of waiting. There is at most one such mark, and none while
//!   somebody is in line.
//! - **N3** A `Notified` remembers the sweep number of its birth. It is done when the number has
//!   moved on: so `notify_waiters` reaches those that have not been polled yet.
//! - **N4** A waiter that got a single notification and is dropped unpolled passes it on (L4), to
//!   the end of the line it was taken from. A sweep is for everybody and needs no passing on.
//!
//! Feared: `notify_one` leaves its mark while a waiter lines up past it. But the waiter looks at the word once
//! more under the lock, where the mark was left (N1), and lines up before it lets that go.
//!
//! Rejected: words changed without the lock while nobody waits. Leaving a mark and taking it cost the same, one
//! read-modify-write each; lining up costs a second one, to say so in the word; and so each wait a fifth more.

mod notified;

pub use notified::{Notified, OwnedNotified};

use crate::{
    loom::{AtomicUsize, Ordering, const_fn},
    stats::Stats,
    wait_list::{Standing, WaitQueue},
};
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

/// A notification that is kept for the next to come.
const NOTIFIED: usize = 1;
/// One sweep. The count may wrap around: only a difference matters.
const SWEEP: usize = 2;

/// Wakes tasks that wait for something to change.
///
/// [`notify_one`](Self::notify_one) wakes the one that waits longest. If nobody waits, it is kept,
/// and the next [`notified`](Self::notified) completes at once: so a single consumer that looks,
/// finds nothing, and then waits, cannot miss the change in between. At most one notification is
/// kept.
///
/// [`notify_waiters`](Self::notify_waiters) wakes everybody, and is not kept: it reaches every
/// [`Notified`] that exists at that moment, polled or not. So with several consumers, create the
/// future first, look second, and await third.
///
/// # Examples
/// A queue of one's own:
/// ```
/// # futures_lite::future::block_on(async {
/// use raddle_sync::Notify;
/// use std::{collections::VecDeque, sync::Mutex};
///
/// #[derive(Default)]
/// struct Inbox {
///     letters: Mutex<VecDeque<String>>,
///     arrived: Notify,
/// }
///
/// impl Inbox {
///     fn put(&self, letter: &str) {
///         self.letters.lock().unwrap().push_back(letter.to_owned());
///         self.arrived.notify_one();
///     }
///
///     async fn take(&self) -> String {
///         loop {
///             if let Some(letter) = self.letters.lock().unwrap().pop_front() {
///                 return letter;
///             }
///             self.arrived.notified().await;
///         }
///     }
/// }
///
/// let inbox = Inbox::default();
/// inbox.put("hello");
/// assert_eq!(inbox.take().await, "hello");
/// # });
/// ```
pub struct Notify {
    word: AtomicUsize,
    queue: WaitQueue<()>,
}

// A panic leaves the word and the line consistent: what was being done is done or undone.
impl UnwindSafe for Notify {}
impl RefUnwindSafe for Notify {}

/// From which end of the line to take the one to wake.
#[derive(Clone, Copy)]
enum End {
    Front,
    Back,
}

impl Notify {
    const_fn! {
        /// A `Notify` that nobody waits on, with no notification kept.
        ///
        /// # Examples
        /// ```
        /// static CHANGED: raddle_sync::Notify = raddle_sync::Notify::new();
        /// CHANGED.notify_one();
        /// ```
        pub fn new() -> Self {
            Self { word: AtomicUsize::new(0), queue: WaitQueue::new(()) }
        }
    }

    const_fn! {
        /// Another name for [`new`](Self::new), which is `const` itself.
        ///
        /// # Examples
        /// ```
        /// static CHANGED: raddle_sync::Notify = raddle_sync::Notify::const_new();
        /// CHANGED.notify_one();
        /// ```
        pub fn const_new() -> Self {
            Self::new()
        }
    }

    /// Waits for a notification.
    ///
    /// From its creation on the future is reached by [`notify_waiters`](Self::notify_waiters); it
    /// gets in line for [`notify_one`](Self::notify_one) when first polled, or
    /// [enabled](Notified::enable).
    ///
    /// # Cancel safety
    /// Dropping the future gives up the place in line. A single notification that it got and did
    /// not see goes to the next in line, or is kept.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let changed = raddle_sync::Notify::new();
    /// changed.notify_one();
    /// changed.notified().await;
    /// # });
    /// ```
    pub fn notified(&self) -> Notified<'_> {
        Notified::new(self)
    }

    /// As [`notified`](Self::notified), for a future that keeps the `Notify` alive and so can move to
    /// another task before it has waited.
    ///
    /// # Cancel safety
    /// As [`notified`](Self::notified).
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let changed = std::sync::Arc::new(raddle_sync::Notify::new());
    /// let notified = changed.clone().notified_owned();
    /// changed.notify_waiters();
    /// notified.await;
    /// # });
    /// ```
    pub fn notified_owned(self: Arc<Self>) -> OwnedNotified {
        OwnedNotified::new(self)
    }

    /// The number of sweeps so far (N3).
    fn sweeps(&self) -> usize {
        // Acquire: pairs with the Release in `notify_waiters`. Who gets the new sweep number sees
        // what was done before that sweep.
        self.word.load(Ordering::Acquire) & !NOTIFIED
    }

    /// Whether who was born in `sweep` is done without waiting: a sweep has come by since (N3), or there was a mark,
    /// which is taken (N2).
    #[inline]
    fn take(&self, sweep: usize) -> bool {
        // Acquire: pairs with the Release of a sweep that moved the number on.
        if self.word.load(Ordering::Acquire) == sweep {
            return false;
        }
        let _locked = self.queue.lock();
        // Relaxed: it changes under the lock only (N1), and so does what this is to see.
        let word = self.word.load(Ordering::Relaxed);
        if word == sweep | NOTIFIED {
            // Release: as in `notify_waiters`, of the sweeps before.
            self.word.store(sweep, Ordering::Release);
        }
        word != sweep
    }

    /// Wakes the one that waits longest; if nobody waits, the next one to come.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let changed = raddle_sync::Notify::new();
    /// changed.notify_one();
    /// changed.notify_one(); // Only one is kept.
    /// changed.notified().await;
    /// # });
    /// ```
    pub fn notify_one(&self) {
        self.notify(End::Front);
    }

    /// Wakes the one that waits shortest; if nobody waits, the next one to come.
    ///
    /// Last in, first out: the one that went to sleep last is the most likely to have its data in
    /// the cache.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let changed = raddle_sync::Notify::new();
    /// changed.notify_last();
    /// changed.notified().await;
    /// # });
    /// ```
    pub fn notify_last(&self) {
        self.notify(End::Back);
    }

    /// Wakes everybody who waits now, including futures created and not polled yet. Nothing is
    /// kept.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let changed = raddle_sync::Notify::new();
    /// let before = changed.notified();
    /// changed.notify_waiters();
    /// before.await;
    /// # });
    /// ```
    pub fn notify_waiters(&self) {
        let locked = self.queue.lock();
        // Relaxed: it changes under the lock only (N1).
        let word = self.word.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in `sweeps` and `take`. Who got in here before is seen through the lock.
        self.word.store(word.wrapping_add(SWEEP), Ordering::Release);
        locked.sweep();
    }

    /// Who waits for a notification, how many have, and the longest wait if [timed](Self::enable_stats).
    ///
    /// # Examples
    /// ```
    /// let changed = raddle_sync::Notify::new();
    /// assert_eq!(changed.stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }

    /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
    ///
    /// # Examples
    /// ```
    /// let changed = raddle_sync::Notify::new();
    /// changed.enable_stats();
    /// assert!(changed.stats().longest_wait.is_zero());
    /// ```
    pub fn enable_stats(&self) {
        self.queue.enable_stats();
    }

    fn notify(&self, end: End) {
        let mut locked = self.queue.lock();
        let first = match end {
            End::Front => locked.pop_front(Standing::Granted),
            End::Back => locked.pop_back(Standing::GrantedLast),
        };
        if first.is_none() {
            // Relaxed and Release: as in `notify_waiters`. Who takes the mark does so under the lock.
            let word = self.word.load(Ordering::Relaxed);
            self.word.store(word | NOTIFIED, Ordering::Release);
        }
        drop(locked);
        if let Some(Some(waker)) = first {
            waker.wake();
        }
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.word.load(Ordering::Relaxed) & NOTIFIED != 0;
        let state = match self.queue.try_lock() {
            Some(locked) if !locked.is_empty() => "waited for",
            _ if kept => "notified",
            Some(_) => "empty",
            None => "<locked>",
        };
        f.debug_struct("Notify").field("state", &format_args!("{state}")).finish()
    }
}
