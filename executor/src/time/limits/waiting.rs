//! Waiting for others, for a limited time: events, notifications, barriers, and conditions.

use crate::time::{Elapsed, sleep, timeout, timeout_at};
use raddle_sync::{Barrier, BarrierWaitResult, Condvar, Event, MutexGuard, Notify, SetOnce};
use std::future::Future;
use std::time::Duration;

/// Waiting with a limit, for [`Event`], [`Notify`], [`Barrier`] and [`SetOnce`].
pub trait WaitTimeout {
    /// What there is to see when the wait is over.
    type Output<'a>
    where
        Self: 'a;

    /// Waits for the event, a notification, the others or the value, for `limit` at most.
    ///
    /// # Errors
    /// [`Elapsed`] if it did not come in time. One who gives up at a barrier is counted out.
    ///
    /// ```
    /// use raddle::time::{Duration, limits::WaitTimeout};
    ///
    /// # raddle::block_on(async {
    /// let event = raddle::sync::Event::new();
    /// assert!(event.wait_timeout(Duration::from_millis(1)).await.is_err());
    /// event.set();
    /// assert!(event.wait_timeout(Duration::from_millis(1)).await.is_ok());
    /// # })
    /// ```
    fn wait_timeout(
        &self,
        limit: Duration,
    ) -> impl Future<Output = Result<Self::Output<'_>, Elapsed>>;
}

impl WaitTimeout for Event {
    type Output<'a> = ();

    async fn wait_timeout(&self, limit: Duration) -> Result<(), Elapsed> {
        timeout(limit, self.wait()).await
    }
}

impl WaitTimeout for Notify {
    type Output<'a> = ();

    async fn wait_timeout(&self, limit: Duration) -> Result<(), Elapsed> {
        timeout(limit, self.notified()).await
    }
}

impl WaitTimeout for Barrier {
    type Output<'a> = BarrierWaitResult;

    async fn wait_timeout(&self, limit: Duration) -> Result<BarrierWaitResult, Elapsed> {
        timeout(limit, self.wait()).await
    }
}

impl<T> WaitTimeout for SetOnce<T> {
    type Output<'a>
        = &'a T
    where
        T: 'a;

    async fn wait_timeout(&self, limit: Duration) -> Result<&T, Elapsed> {
        timeout(limit, self.wait()).await
    }
}

/// Waiting with a limit, for [`Condvar`].
pub trait CondvarTimeout {
    /// Unlocks the mutex, waits for a notification for `limit` at most, and locks the mutex again, which may take longer.
    /// Says whether the time was up.
    ///
    /// # Cancel safety
    /// As [`Condvar::wait`]: the mutex is unlocked when this is dropped. A notification that came, but no mutex in time
    /// with it, goes to the next in line.
    ///
    /// ```
    /// use raddle::sync::{Condvar, Mutex};
    /// use raddle::time::{Duration, limits::CondvarTimeout};
    ///
    /// # raddle::block_on(async {
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// let guard = ready.lock().await;
    /// let (guard, is_late) = changed.wait_timeout(guard, Duration::from_millis(1)).await;
    /// assert!(is_late && !*guard);
    /// # })
    /// ```
    fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> impl Future<Output = (MutexGuard<'a, T>, bool)>;

    /// Waits until `condition` is false of the value, for `limit` at most, and says whether it was true still when the
    /// time was up.
    ///
    /// # Cancel safety
    /// As [`wait_timeout`](CondvarTimeout::wait_timeout).
    ///
    /// ```
    /// use raddle::sync::{Condvar, Mutex};
    /// use raddle::time::{Duration, limits::CondvarTimeout};
    ///
    /// # raddle::block_on(async {
    /// let (count, changed) = (Mutex::new(0), Condvar::new());
    /// let limit = Duration::from_millis(1);
    /// let guard = count.lock().await;
    /// let (guard, is_late) = changed.wait_timeout_while(guard, limit, |count| *count > 0).await;
    /// assert!(!is_late);
    /// # drop(guard);
    /// # })
    /// ```
    fn wait_timeout_while<'a, T: ?Sized, F: FnMut(&mut T) -> bool>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Duration,
        condition: F,
    ) -> impl Future<Output = (MutexGuard<'a, T>, bool)>;
}

impl CondvarTimeout for Condvar {
    async fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> (MutexGuard<'a, T>, bool) {
        let mutex = MutexGuard::mutex(&guard);
        match timeout(limit, self.wait(guard)).await {
            Ok(guard) => (guard, false),
            Err(Elapsed) => (mutex.lock().await, true),
        }
    }

    async fn wait_timeout_while<'a, T: ?Sized, F: FnMut(&mut T) -> bool>(
        &self,
        mut guard: MutexGuard<'a, T>,
        limit: Duration,
        mut condition: F,
    ) -> (MutexGuard<'a, T>, bool) {
        let mutex = MutexGuard::mutex(&guard);
        // One for all the waits.
        let deadline = sleep(limit).deadline();
        let mut is_late = false;
        while condition(&mut guard) {
            if is_late {
                return (guard, true);
            }
            guard = match timeout_at(deadline, self.wait(guard)).await {
                Ok(guard) => guard,
                Err(Elapsed) => {
                    is_late = true;
                    mutex.lock().await
                }
            };
        }
        (guard, false)
    }
}
