//! Values that belong to a task, or to a part of one: `task_local!`.
//!
//! A thread-local of each key points to the value that the key has in the code that runs there. The values themselves are with
//! their scopes.
//!
//! - **T72** *Where the value is.* The pointer of a key is set for the length of a scope's poll, or of its `f`, by a guard that puts
//!   the former one back. What it points to is borrowed for as long: the scope keeps it in its future, whose poller has that
//!   pinned, or on the stack.
//!
//! So a scope can be entered while the value of an outer one is in use by [`LocalKey::with`]: which on a thread in `block_on` happens
//! to tasks that know nothing of its caller.
//!
//! # Safety
//! The pointer has no lifetime. T72 says why it may be followed.

#![allow(unsafe_code)]

use super::current;
use super::env::{self, Within};
use pin_project_lite::pin_project;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::ptr;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Declares keys for values that belong to a task.
///
/// A key has no value until [`scope`](crate::task::LocalKey::scope) gives it one for the length of a future. A key declared with
/// `inherit` also has it in the tasks spawned inside; the others do not.
///
/// ```
/// raddle::task_local! {
///     /// Of this future only.
///     static ATTEMPT: u32;
///     /// Of all that is done for one request.
///     pub inherit static REQUEST: String;
/// }
/// # raddle::block_on(async {
/// let handle = REQUEST.scope("GET /".to_owned(), ATTEMPT.scope(1, async {
///     assert_eq!(ATTEMPT.get(), 1);
///     raddle::spawn(async {
///         assert!(ATTEMPT.try_get().is_err());
///         REQUEST.get()
///     })
/// })).await;
/// assert_eq!(handle.await.unwrap(), "GET /");
/// # })
/// ```
#[macro_export]
macro_rules! task_local {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident : $type:ty $(; $($rest:tt)*)?) => {
        $(#[$attribute])*
        $visibility static $name: $crate::task::LocalKey<$type> = {
            ::std::thread_local! {
                static VALUE: $crate::task::LocalValue<$type> =
                    const { $crate::task::LocalValue::__new() };
            }
            $crate::task::LocalKey::__new(&VALUE)
        };
        $($crate::task_local!($($rest)*);)?
    };
    ($(#[$attribute:meta])* $visibility:vis inherit static $name:ident : $type:ty $(; $($rest:tt)*)?) => {
        $(#[$attribute])*
        $visibility static $name: $crate::task::InheritedLocalKey<$type> =
            $crate::task::InheritedLocalKey::__new();
        $($crate::task_local!($($rest)*);)?
    };
}

/// A key of [`task_local!`](crate::task_local): its value belongs to one future, and is not passed on to the tasks
/// which that spawns.
pub struct LocalKey<T: 'static> {
    value: &'static std::thread::LocalKey<LocalValue<T>>,
}

/// The value of a key on one thread (T72), null for none; and at which depth it was given (T16): a task that begins inside its
/// spawner's poll does not see the spawner's.
#[doc(hidden)]
pub struct LocalValue<T>(Cell<(u32, *const T)>);

impl<T> LocalValue<T> {
    #[doc(hidden)]
    pub const fn __new() -> LocalValue<T> {
        LocalValue(Cell::new((0, ptr::null())))
    }
}

impl<T> fmt::Debug for LocalValue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalValue").finish_non_exhaustive()
    }
}

/// The key has no value here: no [`scope`](LocalKey::scope) of it is around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessError;

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this task-local key has no value here: no scope of it is around")
    }
}

impl std::error::Error for AccessError {}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn __new(value: &'static std::thread::LocalKey<LocalValue<T>>) -> LocalKey<T> {
        LocalKey { value }
    }

    /// Runs `future` with a value for this key.
    ///
    /// # Cancel safety
    /// That of `future`; the value is dropped with it.
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> TaskLocalFuture<T, F> {
        TaskLocalFuture { key: self, value: Some(value), future: Some(future) }
    }

    /// Runs `f` with a value for this key.
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        self.within(Some(&value), f)
    }

    /// Runs `f` with the value.
    ///
    /// # Panics
    /// Without a scope of this key around.
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs `f` with the value.
    ///
    /// # Errors
    /// [`AccessError`] without a scope of this key around.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        // A thread on its way out has no values any more.
        let (depth, value) = self.value.try_with(|value| value.0.get()).map_err(|_| AccessError)?;
        // SAFETY: T72: the scope is around, and stays until `f` has returned.
        match unsafe { value.as_ref() } {
            Some(value) if depth == current::depth() => Ok(f(value)),
            _ => Err(AccessError),
        }
    }

    /// A clone of the value.
    ///
    /// # Panics
    /// Without a scope of this key around.
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// A clone of the value.
    ///
    /// # Errors
    /// [`AccessError`] without a scope of this key around.
    pub fn try_get(&'static self) -> Result<T, AccessError>
    where
        T: Clone,
    {
        self.try_with(T::clone)
    }

    /// T72: runs `f` where this key has `value`, or none.
    fn within<R>(&'static self, value: Option<&T>, f: impl FnOnce() -> R) -> R {
        struct Restore<T: 'static>(&'static LocalKey<T>, (u32, *const T));
        impl<T> Drop for Restore<T> {
            fn drop(&mut self) {
                self.0.value.with(|value| value.0.set(self.1));
            }
        }
        let value = (current::depth(), value.map_or(ptr::null(), ptr::from_ref));
        let _restore = Restore(self, self.value.with(|place| place.0.replace(value)));
        f()
    }
}

impl<T> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

pin_project! {
    /// A future with a value for a [`LocalKey`]. Made by [`LocalKey::scope`].
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct TaskLocalFuture<T: 'static, F> {
        key: &'static LocalKey<T>,
        value: Option<T>,
        #[pin]
        future: Option<F>,
    }

    impl<T, F> PinnedDrop for TaskLocalFuture<T, F> {
        fn drop(this: Pin<&mut Self>) {
            // A destructor sees what the polls have seen. On a thread on its way out it does without.
            let mut this = this.project();
            if this.future.is_some() && this.key.value.try_with(|_| ()).is_ok() {
                let future = &mut this.future;
                this.key.within(this.value.as_ref(), || future.set(None));
            }
        }
    }
}

impl<T, F> TaskLocalFuture<T, F> {
    /// Takes the value out; the future goes on without.
    ///
    /// ```
    /// raddle::task_local! { static NAME: String; }
    /// # raddle::block_on(async {
    /// let mut named = std::pin::pin!(NAME.scope("one".to_owned(), async { NAME.get() }));
    /// named.as_mut().await;
    /// assert_eq!(named.take_value().as_deref(), Some("one"));
    /// # })
    /// ```
    pub fn take_value(self: Pin<&mut Self>) -> Option<T> {
        self.project().value.take()
    }
}

impl<T, F: Future> Future for TaskLocalFuture<T, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let future = &mut this.future;
        this.key.within(this.value.as_ref(), || {
            let running = future.as_mut().as_pin_mut();
            let polled = running.expect("a future is not polled after it has ended").poll(cx);
            if polled.is_ready() {
                future.set(None);
            }
            polled
        })
    }
}

impl<T, F> fmt::Debug for TaskLocalFuture<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocalFuture").finish_non_exhaustive()
    }
}

/// A key of [`task_local!`](crate::task_local) declared `inherit`: tasks spawned inside a scope of it have its value, too,
/// and so have those that they spawn.
///
/// The value is shared, not cloned: it lives until the last of them has ended.
pub struct InheritedLocalKey<T: 'static> {
    // Not empty, so that each key has an address of its own.
    identity: u8,
    value: PhantomData<fn() -> T>,
}

impl<T: Send + Sync + 'static> InheritedLocalKey<T> {
    #[doc(hidden)]
    pub const fn __new() -> InheritedLocalKey<T> {
        InheritedLocalKey { identity: 0, value: PhantomData }
    }

    fn address(&'static self) -> usize {
        (&raw const self.identity).addr()
    }

    /// Runs `future`, and all tasks spawned inside, with a value for this key.
    ///
    /// # Cancel safety
    /// That of `future`.
    pub fn scope<F: Future>(
        &'static self,
        value: T,
        future: F,
    ) -> impl Future<Output = F::Output> + use<T, F> {
        Within::local(self.address(), Arc::new(value), future)
    }

    /// Runs `f` with a value for this key, which tasks spawned inside have, too.
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        env::sync_within(self.address(), Arc::new(value), f)
    }

    /// The value, shared.
    ///
    /// # Errors
    /// [`AccessError`] without a scope of this key around, here or where this task was spawned.
    pub fn share(&'static self) -> Result<Arc<T>, AccessError> {
        let value = env::local(self.address()).ok_or(AccessError)?;
        Ok(value.downcast().expect("the values of a key are of its type"))
    }

    /// Runs `f` with the value.
    ///
    /// # Panics
    /// As [`share`](InheritedLocalKey::share) fails.
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.share() {
            Ok(value) => f(&value),
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs `f` with the value.
    ///
    /// # Errors
    /// As [`share`](InheritedLocalKey::share).
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        self.share().map(|value| f(&value))
    }

    /// A clone of the value.
    ///
    /// # Panics
    /// As [`share`](InheritedLocalKey::share) fails.
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// A clone of the value.
    ///
    /// # Errors
    /// As [`share`](InheritedLocalKey::share).
    pub fn try_get(&'static self) -> Result<T, AccessError>
    where
        T: Clone,
    {
        self.try_with(T::clone)
    }
}

impl<T> fmt::Debug for InheritedLocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InheritedLocalKey").finish_non_exhaustive()
    }
}
