//! Taking permits for a limited time.

use crate::time::error::AcquireTimeoutError;
use crate::time::timeout;
use raddle_sync::{
    BoundedSemaphore, BoundedSemaphorePermit, OwnedBoundedSemaphorePermit, OwnedSemaphorePermit,
    Semaphore, SemaphorePermit,
};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Taking permits with a limit, for [`Semaphore`] and [`BoundedSemaphore`].
pub trait AcquireTimeout {
    /// What `acquire` returns.
    type Permit<'a>
    where
        Self: 'a;

    /// What `acquire_owned` returns.
    type OwnedPermit;

    /// Takes a permit, if there is one within `limit`.
    ///
    /// # Errors
    /// [`AcquireTimeoutError`]: there was none in time, or there will be none any more.
    ///
    /// ```
    /// use raddle::time::{Duration, error::AcquireTimeoutError, limits::AcquireTimeout};
    ///
    /// # raddle::block_on(async {
    /// let gate = raddle::sync::Semaphore::new(1);
    /// let limit = Duration::from_millis(1);
    /// let permit = gate.acquire_timeout(limit).await.unwrap();
    /// assert_eq!(gate.acquire_timeout(limit).await.unwrap_err(), AcquireTimeoutError::Timeout);
    /// # drop(permit);
    /// # })
    /// ```
    fn acquire_timeout(
        &self,
        limit: Duration,
    ) -> impl Future<Output = Result<Self::Permit<'_>, AcquireTimeoutError>>;

    /// Takes `count` permits, if they come free within `limit`. They are collected meanwhile, and given back if not.
    ///
    /// # Errors
    /// As [`acquire_timeout`](AcquireTimeout::acquire_timeout).
    fn acquire_many_timeout(
        &self,
        count: u32,
        limit: Duration,
    ) -> impl Future<Output = Result<Self::Permit<'_>, AcquireTimeoutError>>;

    /// As [`acquire_timeout`](AcquireTimeout::acquire_timeout), with a permit that keeps the semaphore alive.
    ///
    /// # Errors
    /// As [`acquire_timeout`](AcquireTimeout::acquire_timeout).
    fn acquire_owned_timeout(
        self: Arc<Self>,
        limit: Duration,
    ) -> impl Future<Output = Result<Self::OwnedPermit, AcquireTimeoutError>>;

    /// As [`acquire_many_timeout`](AcquireTimeout::acquire_many_timeout), with a permit that keeps the semaphore alive.
    ///
    /// # Errors
    /// As [`acquire_timeout`](AcquireTimeout::acquire_timeout).
    fn acquire_many_owned_timeout(
        self: Arc<Self>,
        count: u32,
        limit: Duration,
    ) -> impl Future<Output = Result<Self::OwnedPermit, AcquireTimeoutError>>;
}

/// The two differ in the types of their permits only.
macro_rules! acquire_in_time {
    ($Semaphore:ident, $Permit:ident, $OwnedPermit:ident) => {
        impl AcquireTimeout for $Semaphore {
            type Permit<'a> = $Permit<'a>;
            type OwnedPermit = $OwnedPermit;

            async fn acquire_timeout(
                &self,
                limit: Duration,
            ) -> Result<$Permit<'_>, AcquireTimeoutError> {
                Ok(timeout(limit, self.acquire()).await??)
            }

            async fn acquire_many_timeout(
                &self,
                count: u32,
                limit: Duration,
            ) -> Result<$Permit<'_>, AcquireTimeoutError> {
                Ok(timeout(limit, self.acquire_many(count)).await??)
            }

            async fn acquire_owned_timeout(
                self: Arc<Self>,
                limit: Duration,
            ) -> Result<$OwnedPermit, AcquireTimeoutError> {
                Ok(timeout(limit, self.acquire_owned()).await??)
            }

            async fn acquire_many_owned_timeout(
                self: Arc<Self>,
                count: u32,
                limit: Duration,
            ) -> Result<$OwnedPermit, AcquireTimeoutError> {
                Ok(timeout(limit, self.acquire_many_owned(count)).await??)
            }
        }
    };
}

acquire_in_time!(Semaphore, SemaphorePermit, OwnedSemaphorePermit);
acquire_in_time!(BoundedSemaphore, BoundedSemaphorePermit, OwnedBoundedSemaphorePermit);
