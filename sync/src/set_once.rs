//! A value that somebody provides once, and others wait for: Tokio's `SetOnce`.
//!
//! - **I5** The value is put in under the lock of the line, if the flag is not set; the flag is set,
//!   and those in line are claimed for a sweep, before that lock is let go (E2).
//!
//! # Safety
//! The value is put in under I5, which is I1.
#![allow(unsafe_code)]

use crate::{
    blocking::{block_on, expect_may_block},
    flag::Flag,
    loom::const_fn,
    once_slot::{OnceSlot, like_an_option},
    stats::Stats,
};
use std::{
    error::Error,
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
};

/// A value that is set once, and that any number of tasks can wait for.
///
/// To have the first task that needs it make the value, see [`OnceCell`](crate::OnceCell).
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// use raddle_sync::SetOnce;
///
/// static ADDRESS: SetOnce<String> = SetOnce::const_new();
///
/// let client = async { ADDRESS.wait().await.len() };
/// let server = async { ADDRESS.set("localhost:80".to_owned()) };
/// let (len, set) = futures_lite::future::zip(client, server).await;
/// assert_eq!((len, set), (12, Ok(())));
/// # });
/// ```
pub struct SetOnce<T> {
    slot: OnceSlot<T>,
    flag: Flag,
}

// The value is put in by a move, which does not panic.
impl<T: UnwindSafe> UnwindSafe for SetOnce<T> {}
impl<T: UnwindSafe + RefUnwindSafe> RefUnwindSafe for SetOnce<T> {}

impl<T> SetOnce<T> {
    const_fn! {
        /// Without a value.
        ///
        /// # Examples
        /// ```
        /// assert!(!raddle_sync::SetOnce::<u8>::new().initialized());
        /// ```
        pub fn new() -> Self {
            Self { slot: OnceSlot::new(), flag: Flag::new(false) }
        }
    }

    const_fn! {
        /// Another name for [`new`](Self::new), which is `const` itself.
        ///
        /// # Examples
        /// ```
        /// static VALUE: raddle_sync::SetOnce<u8> = raddle_sync::SetOnce::const_new();
        /// assert_eq!(VALUE.get(), None);
        /// ```
        pub fn const_new() -> Self {
            Self::new()
        }
    }

    /// With this value, if there is one.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(raddle_sync::SetOnce::new_with(Some(1)).get(), Some(&1));
    /// ```
    pub fn new_with(value: Option<T>) -> Self {
        value.map_or_else(Self::new, Self::const_new_with)
    }

    const_fn! {
        /// With this value.
        ///
        /// # Examples
        /// ```
        /// static VALUE: raddle_sync::SetOnce<u8> = raddle_sync::SetOnce::const_new_with(1);
        /// assert_eq!(VALUE.get(), Some(&1));
        /// ```
        pub fn const_new_with(value: T) -> Self {
            Self { slot: OnceSlot::filled(value), flag: Flag::new(true) }
        }
    }

    /// Whether the value is there.
    ///
    /// # Examples
    /// ```
    /// assert!(raddle_sync::SetOnce::from(1).initialized());
    /// ```
    pub fn initialized(&self) -> bool {
        self.slot.is_filled()
    }

    /// The value, if it is there.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(raddle_sync::SetOnce::from(1).get(), Some(&1));
    /// ```
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.slot.get()
    }

    /// Sets the value, and wakes everybody who waits for it.
    ///
    /// # Errors
    /// [`SetOnceError`] gives the value back if there is one already.
    ///
    /// # Examples
    /// ```
    /// let value = raddle_sync::SetOnce::new();
    /// value.set(1).unwrap();
    /// assert_eq!(value.set(2).unwrap_err().0, 2);
    /// assert_eq!(value.get(), Some(&1));
    /// ```
    pub fn set(&self, value: T) -> Result<(), SetOnceError<T>> {
        let mut value = Some(value);
        // A value refused is dropped by the caller, so not under the lock.
        self.flag.set_with(|| {
            if let Some(value) = value.take() {
                // SAFETY: I5: the lock is held, and the flag has never been set.
                unsafe { self.slot.put(value) };
            }
        });
        value.map_or(Ok(()), |value| Err(SetOnceError(value)))
    }

    /// Waits until the value is set.
    ///
    /// # Cancel safety
    /// Dropping this future loses nothing.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// assert_eq!(raddle_sync::SetOnce::from(1).wait().await, &1);
    /// # });
    /// ```
    pub async fn wait(&self) -> &T {
        self.flag.wait().await;
        self.get().expect("the value is there before the flag is set")
    }

    /// Waits on this thread, which sleeps, until the value is set.
    ///
    /// # Panics
    /// In a poll by an executor that [says that it polls](crate::budget#blocking), as raddle does: its thread
    /// would be held up.
    ///
    /// # Examples
    /// ```
    /// let value = raddle_sync::SetOnce::new();
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| value.set(1).unwrap());
    ///     assert_eq!(value.blocking_wait(), &1);
    /// });
    /// ```
    #[track_caller]
    pub fn blocking_wait(&self) -> &T {
        expect_may_block();
        match self.get() {
            Some(value) => value,
            None => block_on(self.wait()),
        }
    }

    /// The value, if it is there.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(raddle_sync::SetOnce::from(1).into_inner(), Some(1));
    /// ```
    pub fn into_inner(mut self) -> Option<T> {
        self.slot.take()
    }

    /// Who waits, how many have, and the longest wait if [timed](Self::enable_stats).
    ///
    /// # Examples
    /// ```
    /// assert_eq!(raddle_sync::SetOnce::from(1).stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.flag.stats()
    }

    /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
    ///
    /// # Examples
    /// ```
    /// let value = raddle_sync::SetOnce::from(1);
    /// value.enable_stats();
    /// assert!(value.stats().longest_wait.is_zero());
    /// ```
    pub fn enable_stats(&self) {
        self.flag.enable_stats();
    }
}

like_an_option!(SetOnce);

/// [`SetOnce::set`] found a value already; here is the one that it was given.
///
/// # Examples
/// ```
/// let error = raddle_sync::SetOnce::from(1).set(2).unwrap_err();
/// assert_eq!(error.to_string(), "there is a value already");
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct SetOnceError<T>(pub T);

impl<T> fmt::Display for SetOnceError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is a value already")
    }
}

impl<T: fmt::Debug> Error for SetOnceError<T> {}
