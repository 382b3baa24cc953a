//! What can go wrong with locks and semaphores. The channels keep their errors to themselves.

use std::{error::Error, fmt};

/// The semaphore has been closed: there will be no permits any more.
///
/// Returned by [`Semaphore::acquire`](crate::Semaphore::acquire) and its relatives.
///
/// ```
/// # futures_lite::future::block_on(async {
/// let gate = raddle_sync::Semaphore::new(1);
/// gate.close();
/// assert_eq!(gate.acquire().await.unwrap_err().to_string(), "semaphore closed");
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcquireError(());

impl AcquireError {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("semaphore closed")
    }
}

impl Error for AcquireError {}

/// Why [`Semaphore::try_acquire`](crate::Semaphore::try_acquire) got no permit.
///
/// ```
/// use raddle_sync::{Semaphore, TryAcquireError};
///
/// let gate = Semaphore::new(0);
/// assert_eq!(gate.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
/// gate.close();
/// assert_eq!(gate.try_acquire().unwrap_err(), TryAcquireError::Closed);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TryAcquireError {
    /// The semaphore has been closed.
    Closed,
    /// There are fewer permits than asked for just now.
    NoPermits,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "semaphore closed",
            Self::NoPermits => "no permits available",
        })
    }
}

impl Error for TryAcquireError {}

/// More permits were to be released than had been taken and forgotten; none was.
///
/// Returned by [`BoundedSemaphore::release`](crate::BoundedSemaphore::release).
///
/// ```
/// let gate = raddle_sync::BoundedSemaphore::new(1);
/// let error = gate.release(1).unwrap_err();
/// assert_eq!(error.to_string(), "more permits released than were taken");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseError(());

impl ReleaseError {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("more permits released than were taken")
    }
}

impl Error for ReleaseError {}

/// Somebody else holds the lock.
///
/// ```
/// let lock = raddle_sync::Mutex::new(());
/// let _held = lock.try_lock().unwrap();
/// assert_eq!(lock.try_lock().unwrap_err().to_string(), "lock is held");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TryLockError(());

impl TryLockError {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("lock is held")
    }
}

impl Error for TryLockError {}
