//! A place where a number of tasks wait for each other.
//!
//! - **G1** The count says how many are in line. It changes under the lock, together with the line.
//! - **G2** Who would make it complete does not get in line: it sets the count to zero and claims all
//!   in line for a sweep (L6), in one step. So each round lets as many through as the barrier is for.
//! - **G3** Who leaves the line before that, is not counted any more.

use crate::{
    blocking::block_on,
    doorway::{Doorway, Pass},
    loom::const_fn,
    stats::Stats,
    wait_list::{Locked, Standing, WaitQueue},
};
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
};

/// A place where tasks wait until a certain number of them has come.
///
/// It can be used again: the next round begins when one is complete.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// use raddle_sync::Barrier;
///
/// static START: Barrier = Barrier::new(2);
///
/// let (one, other) = futures_lite::future::zip(START.wait(), START.wait()).await;
/// assert!(one.is_leader() != other.is_leader(), "one of them is told to lead");
/// # });
/// ```
pub struct Barrier {
    queue: WaitQueue<usize>,
    size: usize,
}

// A panic leaves the count and the line consistent: what was being done is done or undone.
impl UnwindSafe for Barrier {}
impl RefUnwindSafe for Barrier {}

impl Barrier {
    const_fn! {
        /// A barrier for `n` tasks. With 0, as with 1, nobody waits.
        ///
        /// # Examples
        /// ```
        /// static ALL_HERE: raddle_sync::Barrier = raddle_sync::Barrier::new(8);
        /// ```
        pub fn new(n: usize) -> Self {
            Self { queue: WaitQueue::new(0), size: if n == 0 { 1 } else { n } }
        }
    }

    /// Waits until as many tasks wait as the barrier is for.
    ///
    /// One of each round, the last to come, is told that it is the leader.
    ///
    /// # Cancel safety
    /// Dropping this future before the round is complete takes this task out of it: another one has to
    /// come instead. (With Tokio's barrier it would stay counted.)
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let alone = raddle_sync::Barrier::new(1);
    /// assert!(alone.wait().await.is_leader());
    /// # });
    /// ```
    pub async fn wait(&self) -> BarrierWaitResult {
        BarrierWaitResult(Pass::new(self).await)
    }

    /// Waits on this thread, which sleeps, as [`wait`](Self::wait).
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Examples
    /// ```
    /// let both = raddle_sync::Barrier::new(2);
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| both.blocking_wait());
    ///     both.blocking_wait();
    /// });
    /// ```
    #[track_caller]
    pub fn blocking_wait(&self) -> BarrierWaitResult {
        block_on(self.wait())
    }

    /// Who waits, how many have, and the longest wait if [timed](Self::enable_stats).
    ///
    /// # Examples
    /// ```
    /// assert_eq!(raddle_sync::Barrier::new(2).stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }

    /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
    ///
    /// # Examples
    /// ```
    /// let both = raddle_sync::Barrier::new(2);
    /// both.enable_stats();
    /// assert!(both.stats().longest_wait.is_zero());
    /// ```
    pub fn enable_stats(&self) {
        self.queue.enable_stats();
    }
}

impl Doorway for Barrier {
    type Guarded = usize;
    /// Whether it is the leader.
    type Output = bool;

    fn queue(&self) -> &WaitQueue<usize> {
        &self.queue
    }

    fn peek(&self) -> Option<bool> {
        None
    }

    fn enter<'q>(&'q self, mut locked: Locked<'q, usize>) -> Result<bool, Locked<'q, usize>> {
        if *locked + 1 < self.size {
            *locked += 1;
            return Err(locked);
        }
        *locked = 0;
        locked.sweep();
        Ok(true)
    }

    fn served(&self, _standing: Standing) -> bool {
        false
    }

    fn left(&self, locked: &mut Locked<'_, usize>) {
        **locked -= 1;
    }

    /// The round is complete all the same.
    fn unseen(&self, _standing: Standing) {}
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Barrier");
        shown.field("size", &self.size);
        // Copied, here and where other locks are printed: a writer is foreign code.
        let waiting = self.queue.try_lock().map(|locked| *locked);
        match waiting {
            Some(waiting) => shown.field("waiting", &waiting),
            None => shown.field("waiting", &format_args!("<locked>")),
        };
        shown.finish()
    }
}

/// What [`Barrier::wait`] says: whether this task is the leader of its round.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// let alone = raddle_sync::Barrier::new(1);
/// assert!(alone.wait().await.is_leader());
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether this task was the last to come. That holds for one of each round.
    ///
    /// # Examples
    /// ```
    /// let alone = raddle_sync::Barrier::new(1);
    /// assert!(alone.blocking_wait().is_leader());
    /// ```
    pub fn is_leader(&self) -> bool {
        self.0
    }
}
