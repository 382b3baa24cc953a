//! A condition variable for the mutex of this crate.
//!
//! - **V1** Who waits is in line before it gives the mutex up. So who changes the value under the
//!   mutex, and notifies then or later, finds it in line.
//! - **V2** `waited` is set exactly while the line is not empty; it changes under the lock of the
//!   line, but is read without it: by V1 the mutex, which both sides have held, orders the setting
//!   before the look. (Who passes a notification on, was woken by one who had held it.)
//! - **V3** Who was notified alone, and is dropped before it has the mutex back, passes it on (L4). A
//!   notification that finds nobody in line is not kept.

use crate::{
    blocking::block_on,
    doorway::{Doorway, Pass},
    loom::{AtomicU8, Ordering, const_fn},
    mutex::MutexGuard,
    stats::Stats,
    wait_list::{Locked, Standing, WaitQueue},
};
use std::{
    fmt, mem,
    panic::{RefUnwindSafe, UnwindSafe},
    pin::pin,
};

/// Lets tasks wait, having locked a [`Mutex`](crate::Mutex), until others have changed its value.
///
/// Use it with a condition on the value, and [`wait_while`](Self::wait_while) that does not hold: a wait
/// may also end without reason.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// use futures_lite::future::zip;
/// use raddle_sync::{Condvar, Mutex};
/// use std::collections::VecDeque;
///
/// static LETTERS: Mutex<VecDeque<&str>> = Mutex::new(VecDeque::new());
/// static ARRIVED: Condvar = Condvar::new();
///
/// let take = async {
///     let mut letters = ARRIVED.wait_while(LETTERS.lock().await, |all| all.is_empty()).await;
///     letters.pop_front().unwrap()
/// };
/// let put = async {
///     LETTERS.lock().await.push_back("hello");
///     ARRIVED.notify_one();
/// };
/// assert_eq!(zip(take, put).await.0, "hello");
/// # });
/// ```
pub struct Condvar {
    waited: AtomicU8,
    queue: WaitQueue<()>,
}

// A panic leaves the line consistent: what was being done is done or undone.
impl UnwindSafe for Condvar {}
impl RefUnwindSafe for Condvar {}

/// A notification for one that has not been used yet: dropping it passes it on (V3).
struct Notification<'a>(&'a Condvar);

impl Notification<'_> {
    fn use_up(self) {
        mem::forget(self);
    }
}

impl Drop for Notification<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Condvar {
    const_fn! {
        /// A condition variable that nobody waits on.
        ///
        /// # Examples
        /// ```
        /// static CHANGED: raddle_sync::Condvar = raddle_sync::Condvar::new();
        /// ```
        pub fn new() -> Self {
            Self { waited: AtomicU8::new(0), queue: WaitQueue::new(()) }
        }
    }

    /// Unlocks the mutex, waits for a notification, and locks the mutex again.
    ///
    /// It may also end without a notification, and when it ends, others may have had the mutex first:
    /// look at the value again.
    ///
    /// # Cancel safety
    /// The mutex is unlocked when this future is dropped. A notification for one that it had got, but
    /// not yet returned with, goes to the next in line.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use raddle_sync::{Condvar, Mutex};
    ///
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// let waiting = async {
    ///     let mut guard = ready.lock().await;
    ///     while !*guard {
    ///         guard = changed.wait(guard).await;
    ///     }
    /// };
    /// let setting = async {
    ///     *ready.lock().await = true;
    ///     changed.notify_all();
    /// };
    /// futures_lite::future::zip(waiting, setting).await;
    /// # });
    /// ```
    pub async fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        let (guard, notification) = self.wait_notified(guard).await;
        if let Some(notification) = notification {
            notification.use_up();
        }
        guard
    }

    /// Waits until `condition` is false of the value, which is seen under the mutex.
    ///
    /// Does not wait at all if it is false already.
    ///
    /// # Cancel safety
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    /// If `condition` does: then the mutex is unlocked, and a notification that had led to it goes to
    /// the next in line.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use raddle_sync::{Condvar, Mutex};
    ///
    /// let (count, changed) = (Mutex::new(3), Condvar::new());
    /// let guard = changed.wait_while(count.lock().await, |count| *count == 0).await;
    /// assert_eq!(*guard, 3);
    /// # });
    /// ```
    pub async fn wait_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> MutexGuard<'a, T>
    where
        T: ?Sized,
        F: FnMut(&mut T) -> bool,
    {
        let mut notification: Option<Notification<'_>> = None;
        loop {
            let go_on = condition(&mut *guard);
            // Only now: if the condition panics, somebody else has to look.
            if let Some(notification) = notification.take() {
                notification.use_up();
            }
            if !go_on {
                return guard;
            }
            (guard, notification) = self.wait_notified(guard).await;
        }
    }

    /// As [`wait`](Self::wait), for a plain thread, which sleeps.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{Condvar, Mutex};
    ///
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| {
    ///         *ready.blocking_lock() = true;
    ///         changed.notify_one();
    ///     });
    ///     let mut guard = ready.blocking_lock();
    ///     while !*guard {
    ///         guard = changed.blocking_wait(guard);
    ///     }
    /// });
    /// ```
    #[track_caller]
    pub fn blocking_wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        block_on(self.wait(guard))
    }

    /// As [`wait_while`](Self::wait_while), for a plain thread, which sleeps.
    ///
    /// # Panics
    /// As [`wait_while`](Self::wait_while).
    ///
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Examples
    /// ```
    /// use raddle_sync::{Condvar, Mutex};
    ///
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| {
    ///         *ready.blocking_lock() = true;
    ///         changed.notify_one();
    ///     });
    ///     let guard = changed.blocking_wait_while(ready.blocking_lock(), |ready| !*ready);
    ///     assert!(*guard);
    /// });
    /// ```
    #[track_caller]
    pub fn blocking_wait_while<'a, T, F>(
        &self,
        guard: MutexGuard<'a, T>,
        condition: F,
    ) -> MutexGuard<'a, T>
    where
        T: ?Sized,
        F: FnMut(&mut T) -> bool,
    {
        block_on(self.wait_while(guard, condition))
    }

    /// Wakes the one that waits longest, if there is one.
    ///
    /// Change the value under the mutex first. Whether the mutex is still locked when this is called,
    /// does not matter.
    ///
    /// # Examples
    /// ```
    /// raddle_sync::Condvar::new().notify_one(); // Nobody is there.
    /// ```
    pub fn notify_one(&self) {
        if !self.is_waited() {
            return;
        }
        let mut locked = self.queue.lock();
        let waker = locked.pop_front(Standing::Granted);
        self.left(&mut locked);
        drop(locked);
        if let Some(Some(waker)) = waker {
            waker.wake();
        }
    }

    /// Wakes everybody who waits.
    ///
    /// Change the value under the mutex first. Whether the mutex is still locked when this is called,
    /// does not matter.
    ///
    /// # Examples
    /// ```
    /// raddle_sync::Condvar::new().notify_all(); // Nobody is there.
    /// ```
    pub fn notify_all(&self) {
        if self.is_waited() {
            let locked = self.queue.lock();
            // Relaxed: changes under the lock.
            self.waited.store(0, Ordering::Relaxed);
            locked.sweep();
        }
    }

    /// Who waits, how many have, and the longest wait if [timed](Self::enable_stats). Waiting for the
    /// mutex afterwards counts there.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(raddle_sync::Condvar::new().stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }

    /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
    ///
    /// # Examples
    /// ```
    /// let changed = raddle_sync::Condvar::new();
    /// changed.enable_stats();
    /// assert!(changed.stats().longest_wait.is_zero());
    /// ```
    pub fn enable_stats(&self) {
        self.queue.enable_stats();
    }

    async fn wait_notified<'a, 'c, T: ?Sized>(
        &'c self,
        guard: MutexGuard<'a, T>,
    ) -> (MutexGuard<'a, T>, Option<Notification<'c>>) {
        let mutex = MutexGuard::mutex(&guard);
        let alone = {
            let mut pass = pin!(Pass::new(self));
            let _ = pass.as_mut().line_up(None); // V1.
            drop(guard);
            pass.await
        };
        let notification = alone.then(|| Notification(self));
        (mutex.lock().await, notification)
    }

    #[inline]
    fn is_waited(&self) -> bool {
        // Relaxed: V2.
        self.waited.load(Ordering::Relaxed) != 0
    }
}

impl Doorway for Condvar {
    type Guarded = ();
    /// Whether it was notified alone.
    type Output = bool;

    fn queue(&self) -> &WaitQueue<()> {
        &self.queue
    }

    fn peek(&self) -> Option<bool> {
        None
    }

    fn enter<'q>(&'q self, locked: Locked<'q, ()>) -> Result<bool, Locked<'q, ()>> {
        // Relaxed: V2.
        self.waited.store(1, Ordering::Relaxed);
        Err(locked)
    }

    fn served(&self, standing: Standing) -> bool {
        standing == Standing::Granted
    }

    fn left(&self, locked: &mut Locked<'_, ()>) {
        if locked.is_empty() {
            // Relaxed: changes under the lock.
            self.waited.store(0, Ordering::Relaxed);
        }
    }

    fn unseen(&self, standing: Standing) {
        if standing == Standing::Granted {
            self.notify_one(); // V3.
        }
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").field("is_waited_on", &self.is_waited()).finish()
    }
}
