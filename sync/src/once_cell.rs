//! A value that the first task to need it makes, while others wait: Tokio's `OnceCell`.
//!
//! - **I3** The value is put in by the holder of the one permit (M3), who then closes the permits
//!   instead of returning his: so nobody else becomes the holder, and those in line come and look.
//! - **I4** A holder who fails, panics, or is dropped, returns the permit: the next in line tries.
//!
//! # Safety
//! The value is put in under I3, which is I1.
#![allow(unsafe_code)]

use crate::{
    loom::const_fn,
    once_slot::{OnceSlot, like_an_option},
    permits::Permits,
    stats::Stats,
};
use std::{
    error::Error,
    fmt, mem,
    panic::{RefUnwindSafe, UnwindSafe},
};

/// A value that is made once, by the first task that needs it.
///
/// Others that need it meanwhile wait. If the first one fails, panics, or is dropped, the next in line
/// tries. Looking at a value that is there costs one load.
///
/// To wait for a value that somebody else will provide, see [`SetOnce`](crate::SetOnce).
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// use raddle_sync::OnceCell;
///
/// static CONFIG: OnceCell<String> = OnceCell::const_new();
///
/// async fn config() -> &'static str {
///     CONFIG.get_or_init(|| async { "read from somewhere".to_owned() }).await
/// }
///
/// assert_eq!(config().await, "read from somewhere");
/// assert_eq!(CONFIG.get().unwrap(), config().await);
/// # });
/// ```
pub struct OnceCell<T> {
    slot: OnceSlot<T>,
    permits: Permits,
}

// The value is put in by a move, which does not panic; a panic of who makes it, comes before that.
impl<T: UnwindSafe> UnwindSafe for OnceCell<T> {}
impl<T: UnwindSafe + RefUnwindSafe> RefUnwindSafe for OnceCell<T> {}

/// The right to put the value in, until it is returned (I4).
struct Maker<'a, T>(&'a OnceCell<T>);

impl<'a, T> Maker<'a, T> {
    fn put(self, value: T) -> &'a T {
        let cell = self.0;
        // Not returned, whatever happens from now on.
        mem::forget(self);
        // SAFETY: the permit is ours, and was the only one; the last to have it did not put a value
        // in, or would have kept it (I3).
        unsafe { cell.slot.put(value) };
        cell.permits.close();
        cell.must_get()
    }
}

impl<T> Drop for Maker<'_, T> {
    fn drop(&mut self) {
        self.0.permits.release(1);
    }
}

impl<T> OnceCell<T> {
    const_fn! {
        /// A cell without a value.
        ///
        /// # Examples
        /// ```
        /// assert!(!raddle_sync::OnceCell::<u8>::new().initialized());
        /// ```
        pub fn new() -> Self {
            Self { slot: OnceSlot::new(), permits: Permits::new(1) }
        }
    }

    const_fn! {
        /// Another name for [`new`](Self::new), which is `const` itself.
        ///
        /// # Examples
        /// ```
        /// static CELL: raddle_sync::OnceCell<u8> = raddle_sync::OnceCell::const_new();
        /// assert_eq!(CELL.get(), None);
        /// ```
        pub fn const_new() -> Self {
            Self::new()
        }
    }

    /// A cell with this value, if there is one.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(raddle_sync::OnceCell::new_with(Some(1)).get(), Some(&1));
    /// ```
    pub fn new_with(value: Option<T>) -> Self {
        value.map_or_else(Self::new, Self::const_new_with)
    }

    const_fn! {
        /// A cell with this value.
        ///
        /// # Examples
        /// ```
        /// static CELL: raddle_sync::OnceCell<u8> = raddle_sync::OnceCell::const_new_with(1);
        /// assert_eq!(CELL.get(), Some(&1));
        /// ```
        pub fn const_new_with(value: T) -> Self {
            Self { slot: OnceSlot::filled(value), permits: Permits::new(0) }
        }
    }

    /// Whether the value is there.
    ///
    /// # Examples
    /// ```
    /// assert!(raddle_sync::OnceCell::from(1).initialized());
    /// ```
    pub fn initialized(&self) -> bool {
        self.slot.is_filled()
    }

    /// The value, if it is there.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(raddle_sync::OnceCell::from(1).get(), Some(&1));
    /// ```
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.slot.get()
    }

    /// The value, if it is there, to be changed: `&mut self` proves that nobody else uses it.
    ///
    /// # Examples
    /// ```
    /// let mut cell = raddle_sync::OnceCell::from(1);
    /// *cell.get_mut().unwrap() += 1;
    /// assert_eq!(cell.into_inner(), Some(2));
    /// ```
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.slot.get_mut()
    }

    /// Puts a value in, if none is there or being made.
    ///
    /// # Errors
    /// [`SetError`] gives the value back.
    ///
    /// # Examples
    /// ```
    /// let cell = raddle_sync::OnceCell::new();
    /// cell.set(1).unwrap();
    /// assert!(cell.set(2).unwrap_err().is_already_init_err());
    /// assert_eq!(cell.get(), Some(&1));
    /// ```
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        if self.permits.try_acquire(1).is_ok() {
            Maker(self).put(value);
            Ok(())
        } else if self.initialized() {
            Err(SetError::AlreadyInitializedError(value))
        } else {
            Err(SetError::InitializingError(value))
        }
    }

    /// The value, made by `f` if it is not there; waits if somebody else is making it.
    ///
    /// Asking for it from inside `f` waits for itself, for ever.
    ///
    /// # Cancel safety
    /// Dropping this future drops that of `f`, if it was running: the next in line runs its own.
    ///
    /// # Panics
    /// If `f` or its future does; the next in line runs its own.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let cell = raddle_sync::OnceCell::new();
    /// assert_eq!(cell.get_or_init(|| async { 1 }).await, &1);
    /// assert_eq!(cell.get_or_init(|| async { 2 }).await, &1);
    /// # });
    /// ```
    pub async fn get_or_init<F, Fut>(&self, f: F) -> &T
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        if let Some(value) = self.get() {
            return value;
        }
        match self.maker().await {
            Some(maker) => {
                let value = f().await;
                maker.put(value)
            }
            None => self.must_get(),
        }
    }

    /// The value, made by `f` if it is not there and `f` succeeds; waits if somebody else is making
    /// it.
    ///
    /// Asking for it from inside `f` waits for itself, for ever.
    ///
    /// # Cancel safety
    /// As [`get_or_init`](Self::get_or_init).
    ///
    /// # Errors
    /// That of `f`. The next in line runs its own.
    ///
    /// # Panics
    /// As [`get_or_init`](Self::get_or_init).
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let cell = raddle_sync::OnceCell::new();
    /// assert_eq!(cell.get_or_try_init(|| async { Err::<u8, _>("no") }).await, Err("no"));
    /// assert_eq!(cell.get_or_try_init(|| async { Ok::<_, ()>(2) }).await, Ok(&2));
    /// # });
    /// ```
    pub async fn get_or_try_init<E, F, Fut>(&self, f: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        match self.maker().await {
            Some(maker) => {
                let value = f().await?;
                Ok(maker.put(value))
            }
            None => Ok(self.must_get()),
        }
    }

    /// The value, if it is there.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(raddle_sync::OnceCell::from(1).into_inner(), Some(1));
    /// ```
    pub fn into_inner(mut self) -> Option<T> {
        self.slot.take()
    }

    /// The value, if it is there; the cell can be used again.
    ///
    /// # Examples
    /// ```
    /// let mut cell = raddle_sync::OnceCell::from(1);
    /// assert_eq!(cell.take(), Some(1));
    /// cell.set(2).unwrap();
    /// ```
    pub fn take(&mut self) -> Option<T> {
        mem::take(self).into_inner()
    }

    /// Who waits for the value, how many have, and the longest wait if
    /// [timed](Self::enable_stats).
    ///
    /// # Examples
    /// ```
    /// assert_eq!(raddle_sync::OnceCell::from(1).stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.permits.stats()
    }

    /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
    ///
    /// # Examples
    /// ```
    /// let cell = raddle_sync::OnceCell::from(1);
    /// cell.enable_stats();
    /// assert!(cell.stats().longest_wait.is_zero());
    /// ```
    pub fn enable_stats(&self) {
        self.permits.enable_stats();
    }

    /// Waits for the right to make the value; `None` if it is there by now.
    async fn maker(&self) -> Option<Maker<'_, T>> {
        self.permits.acquire(1).await.ok()?;
        Some(Maker(self))
    }

    /// I3: the permits are closed after the value was put in.
    fn must_get(&self) -> &T {
        self.get().expect("the value is there before the permits are closed")
    }
}

like_an_option!(OnceCell);

/// Why [`OnceCell::set`] did not take the value, which it gives back.
///
/// # Examples
/// ```
/// use raddle_sync::{OnceCell, SetError};
///
/// let error = OnceCell::from(1).set(2).unwrap_err();
/// assert_eq!(error, SetError::AlreadyInitializedError(2));
/// ```
#[derive(Debug, PartialEq, Eq)]
pub enum SetError<T> {
    /// There is a value already.
    AlreadyInitializedError(T),
    /// A value is being made.
    InitializingError(T),
}

impl<T> SetError<T> {
    /// Whether there is a value already.
    ///
    /// # Examples
    /// ```
    /// assert!(raddle_sync::SetError::AlreadyInitializedError(1).is_already_init_err());
    /// ```
    pub fn is_already_init_err(&self) -> bool {
        matches!(self, Self::AlreadyInitializedError(_))
    }

    /// Whether a value is being made.
    ///
    /// # Examples
    /// ```
    /// assert!(raddle_sync::SetError::InitializingError(1).is_initializing_err());
    /// ```
    pub fn is_initializing_err(&self) -> bool {
        matches!(self, Self::InitializingError(_))
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyInitializedError(_) => "there is a value already",
            Self::InitializingError(_) => "a value is being made",
        })
    }
}

impl<T: fmt::Debug> Error for SetError<T> {}
