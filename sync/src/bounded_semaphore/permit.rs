//! Permits in somebody's hands, borrowed or owned: returned by a drop, or later by `release`.

use super::BoundedSemaphore;
use std::sync::Arc;

/// Permits of a [`BoundedSemaphore`], returned when dropped.
///
/// # Examples
/// ```
/// let gate = raddle_sync::BoundedSemaphore::new(2);
/// drop(gate.try_acquire().unwrap());
/// assert_eq!(gate.available_permits(), 2);
/// ```
#[derive(Debug)]
#[clippy::has_significant_drop]
#[must_use = "a permit is returned as soon as it is dropped"]
pub struct BoundedSemaphorePermit<'a> {
    pub(super) semaphore: &'a BoundedSemaphore,
    pub(super) count: u32,
}

/// Permits of a [`BoundedSemaphore`] that keep it alive, returned when dropped.
///
/// # Examples
/// ```
/// let gate = std::sync::Arc::new(raddle_sync::BoundedSemaphore::new(2));
/// drop(gate.clone().try_acquire_owned().unwrap());
/// assert_eq!(gate.available_permits(), 2);
/// ```
#[derive(Debug)]
#[clippy::has_significant_drop]
#[must_use = "a permit is returned as soon as it is dropped"]
pub struct OwnedBoundedSemaphorePermit {
    pub(super) semaphore: Arc<BoundedSemaphore>,
    pub(super) count: u32,
}

impl BoundedSemaphorePermit<'_> {
    /// Leaves the permits taken, for a later [`release`](BoundedSemaphore::release) by anybody.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::BoundedSemaphore::new(2);
    /// gate.try_acquire().unwrap().forget();
    /// assert_eq!(gate.available_permits(), 1);
    /// gate.release(1).unwrap();
    /// ```
    pub fn forget(mut self) {
        self.semaphore.forget(std::mem::take(&mut self.count));
    }

    /// How many permits this is.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::BoundedSemaphore::new(2);
    /// assert_eq!(gate.try_acquire().unwrap().num_permits(), 1);
    /// ```
    pub fn num_permits(&self) -> usize {
        self.count as usize
    }
}

impl OwnedBoundedSemaphorePermit {
    /// Leaves the permits taken, for a later [`release`](BoundedSemaphore::release) by anybody.
    ///
    /// # Examples
    /// ```
    /// let gate = std::sync::Arc::new(raddle_sync::BoundedSemaphore::new(2));
    /// gate.clone().try_acquire_owned().unwrap().forget();
    /// assert_eq!(gate.available_permits(), 1);
    /// gate.release(1).unwrap();
    /// ```
    pub fn forget(mut self) {
        self.semaphore.forget(std::mem::take(&mut self.count));
    }

    /// How many permits this is.
    ///
    /// # Examples
    /// ```
    /// let gate = std::sync::Arc::new(raddle_sync::BoundedSemaphore::new(2));
    /// assert_eq!(gate.clone().try_acquire_owned().unwrap().num_permits(), 1);
    /// ```
    pub fn num_permits(&self) -> usize {
        self.count as usize
    }
}

impl Drop for BoundedSemaphorePermit<'_> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.permits.release(self.count as usize);
        }
    }
}

impl Drop for OwnedBoundedSemaphorePermit {
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.permits.release(self.count as usize);
        }
    }
}
