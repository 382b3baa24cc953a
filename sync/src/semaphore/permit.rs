//! Permits in somebody's hands, borrowed or owned.

use super::Semaphore;
use std::sync::Arc;

/// Permits of a [`Semaphore`], returned when dropped.
///
/// # Examples
/// ```
/// let gate = raddle_sync::Semaphore::new(2);
/// drop(gate.try_acquire().unwrap());
/// assert_eq!(gate.available_permits(), 2);
/// ```
#[derive(Debug)]
#[clippy::has_significant_drop]
#[must_use = "a permit is returned as soon as it is dropped"]
pub struct SemaphorePermit<'a> {
    pub(super) semaphore: &'a Semaphore,
    pub(super) count: u32,
}

impl<'a> SemaphorePermit<'a> {
    /// Never returns these permits: the semaphore has fewer from now on.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(2);
    /// gate.try_acquire().unwrap().forget();
    /// assert_eq!(gate.available_permits(), 1);
    /// ```
    pub fn forget(mut self) {
        self.count = 0;
    }

    /// Adds the permits of `other` to this one.
    ///
    /// # Panics
    /// If they are of different semaphores, or more than `u32::MAX` together.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(2);
    /// let mut permit = gate.try_acquire().unwrap();
    /// permit.merge(gate.try_acquire().unwrap());
    /// assert_eq!(permit.num_permits(), 2);
    /// ```
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        assert!(
            std::ptr::eq(self.semaphore, other.semaphore),
            "cannot merge permits of different semaphores"
        );
        self.count = self.count.checked_add(other.count).expect("more than u32::MAX permits");
        other.count = 0;
    }

    /// Splits `count` permits off; `None` if there are fewer.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(3);
    /// let mut permits = gate.try_acquire_many(3).unwrap();
    /// let two = permits.split(2).unwrap();
    /// assert_eq!((permits.num_permits(), two.num_permits()), (1, 2));
    /// ```
    pub fn split(&mut self, count: usize) -> Option<Self> {
        let count = u32::try_from(count).ok()?;
        self.count = self.count.checked_sub(count)?;
        Some(Self { semaphore: self.semaphore, count })
    }

    /// How many permits this is.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(3);
    /// assert_eq!(gate.try_acquire_many(2).unwrap().num_permits(), 2);
    /// ```
    pub fn num_permits(&self) -> usize {
        self.count as usize
    }

    /// The semaphore it is of.
    ///
    /// # Examples
    /// ```
    /// let gate = raddle_sync::Semaphore::new(1);
    /// let permit = gate.try_acquire().unwrap();
    /// assert_eq!(permit.semaphore().available_permits(), 0);
    /// ```
    pub fn semaphore(&self) -> &'a Semaphore {
        self.semaphore
    }
}

impl Drop for SemaphorePermit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.permits.release(self.count as usize);
        }
    }
}

/// Permits of a [`Semaphore`] that keep it alive, returned when dropped.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// let gate = std::sync::Arc::new(raddle_sync::Semaphore::new(1));
/// let permit = gate.acquire_owned().await.unwrap();
/// std::thread::spawn(move || drop(permit));
/// # });
/// ```
#[derive(Debug)]
#[clippy::has_significant_drop]
#[must_use = "a permit is returned as soon as it is dropped"]
pub struct OwnedSemaphorePermit {
    pub(super) semaphore: Arc<Semaphore>,
    pub(super) count: u32,
}

impl OwnedSemaphorePermit {
    /// Never returns these permits: the semaphore has fewer from now on.
    ///
    /// # Examples
    /// ```
    /// let gate = std::sync::Arc::new(raddle_sync::Semaphore::new(2));
    /// gate.clone().try_acquire_owned().unwrap().forget();
    /// assert_eq!(gate.available_permits(), 1);
    /// ```
    pub fn forget(mut self) {
        self.count = 0;
    }

    /// Adds the permits of `other` to this one.
    ///
    /// # Panics
    /// If they are of different semaphores, or more than `u32::MAX` together.
    ///
    /// # Examples
    /// ```
    /// let gate = std::sync::Arc::new(raddle_sync::Semaphore::new(2));
    /// let mut permit = gate.clone().try_acquire_owned().unwrap();
    /// permit.merge(gate.try_acquire_owned().unwrap());
    /// assert_eq!(permit.num_permits(), 2);
    /// ```
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        assert!(
            Arc::ptr_eq(&self.semaphore, &other.semaphore),
            "cannot merge permits of different semaphores"
        );
        self.count = self.count.checked_add(other.count).expect("more than u32::MAX permits");
        other.count = 0;
    }

    /// Splits `count` permits off; `None` if there are fewer.
    ///
    /// # Examples
    /// ```
    /// let gate = std::sync::Arc::new(raddle_sync::Semaphore::new(2));
    /// let mut permits = gate.try_acquire_many_owned(2).unwrap();
    /// assert_eq!(permits.split(1).unwrap().num_permits(), 1);
    /// ```
    pub fn split(&mut self, count: usize) -> Option<Self> {
        let count = u32::try_from(count).ok()?;
        self.count = self.count.checked_sub(count)?;
        Some(Self { semaphore: Arc::clone(&self.semaphore), count })
    }

    /// How many permits this is.
    ///
    /// # Examples
    /// ```
    /// let gate = std::sync::Arc::new(raddle_sync::Semaphore::new(2));
    /// assert_eq!(gate.try_acquire_owned().unwrap().num_permits(), 1);
    /// ```
    pub fn num_permits(&self) -> usize {
        self.count as usize
    }

    /// The semaphore it is of.
    ///
    /// # Examples
    /// ```
    /// let gate = std::sync::Arc::new(raddle_sync::Semaphore::new(1));
    /// let permit = gate.try_acquire_owned().unwrap();
    /// assert_eq!(permit.semaphore().available_permits(), 0);
    /// ```
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.permits.release(self.count as usize);
        }
    }
}
