//! A flag that tasks set, clear, and wait for: asyncio's `Event`.

use crate::{
    blocking::{block_on, expect_may_block},
    flag::Flag,
    loom::const_fn,
    stats::Stats,
};
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
};

/// A flag that any number of tasks can wait for.
///
/// It stays set until it is cleared: who waits for a flag that is set, goes on at once. A wait that
/// was under way when the flag was set completes, even if the flag is cleared right after. For a signal
/// that is used up by who receives it, see [`Notify`](crate::Notify); for one that comes with a value,
/// [`SetOnce`](crate::SetOnce).
///
/// What was done before [`set`](Self::set) is visible to who has waited or has seen
/// [`is_set`](Self::is_set).
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// use raddle_sync::Event;
///
/// let ready = Event::new();
/// let waiter = async {
///     ready.wait().await;
///     "seen"
/// };
/// let (seen, ()) = futures_lite::future::zip(waiter, async { ready.set() }).await;
/// assert_eq!(seen, "seen");
/// assert!(ready.is_set());
/// ready.clear();
/// # });
/// ```
pub struct Event {
    flag: Flag,
}

// A panic leaves the word and the line consistent: what was being done is done or undone.
impl UnwindSafe for Event {}
impl RefUnwindSafe for Event {}

impl Event {
    const_fn! {
        /// An event that is not set.
        ///
        /// # Examples
        /// ```
        /// static READY: raddle_sync::Event = raddle_sync::Event::new();
        /// assert!(!READY.is_set());
        /// ```
        pub fn new() -> Self {
            Self { flag: Flag::new(false) }
        }
    }

    /// Sets the flag, and wakes everybody who waits.
    ///
    /// # Examples
    /// ```
    /// let ready = raddle_sync::Event::new();
    /// ready.set();
    /// ready.set(); // It is set already.
    /// assert!(ready.is_set());
    /// ```
    pub fn set(&self) {
        self.flag.set();
    }

    /// Clears the flag: who waits from now on, waits for the next [`set`](Self::set).
    ///
    /// # Examples
    /// ```
    /// let ready = raddle_sync::Event::new();
    /// ready.set();
    /// ready.clear();
    /// assert!(!ready.is_set());
    /// ```
    pub fn clear(&self) {
        self.flag.clear();
    }

    /// Whether the flag is set.
    ///
    /// # Examples
    /// ```
    /// assert!(!raddle_sync::Event::new().is_set());
    /// ```
    pub fn is_set(&self) -> bool {
        self.flag.is_set()
    }

    /// Waits until the flag is set; it may have been cleared again by then.
    ///
    /// # Cancel safety
    /// Dropping this future loses nothing.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let ready = raddle_sync::Event::new();
    /// ready.set();
    /// ready.wait().await;
    /// # });
    /// ```
    pub async fn wait(&self) {
        self.flag.wait().await;
    }

    /// Waits on this thread, which sleeps, until the flag is set.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Examples
    /// ```
    /// let ready = raddle_sync::Event::new();
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| ready.blocking_wait());
    ///     ready.set();
    /// });
    /// ```
    #[track_caller]
    pub fn blocking_wait(&self) {
        expect_may_block();
        if !self.is_set() {
            block_on(self.wait());
        }
    }

    /// Who waits, how many have, and the longest wait if [timed](Self::enable_stats).
    ///
    /// # Examples
    /// ```
    /// assert_eq!(raddle_sync::Event::new().stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.flag.stats()
    }

    /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
    ///
    /// # Examples
    /// ```
    /// let ready = raddle_sync::Event::new();
    /// ready.enable_stats();
    /// assert!(ready.stats().longest_wait.is_zero());
    /// ```
    pub fn enable_stats(&self) {
        self.flag.enable_stats();
    }
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("is_set", &self.is_set()).finish()
    }
}
