//! Why a task has no output.

use super::Id;
use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Mutex;

/// A task was aborted, or panicked, before it had an output.
///
/// Returned by awaiting a [`JoinHandle`](super::JoinHandle).
pub struct JoinError {
    id: Id,
    /// `None` if the task was cancelled. Boxed so that an error adds two words to a task, and behind a lock because
    /// a panic's payload need not be `Sync`.
    panic: Option<Box<Mutex<Box<dyn Any + Send + 'static>>>>,
}

impl JoinError {
    pub(crate) fn cancelled(id: Id) -> JoinError {
        JoinError { id, panic: None }
    }

    pub(crate) fn panic(id: Id, payload: Box<dyn Any + Send + 'static>) -> JoinError {
        JoinError { id, panic: Some(Box::new(Mutex::new(payload))) }
    }

    /// Whether the task was aborted, or dropped with its runtime.
    ///
    /// ```
    /// # raddle::block_on(async {
    /// let task = raddle::spawn(std::future::pending::<()>());
    /// task.abort();
    /// assert!(task.await.unwrap_err().is_cancelled());
    /// # })
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.panic.is_none()
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        self.panic.is_some()
    }

    /// The payload of the task's panic, for [`std::panic::resume_unwind`].
    ///
    /// # Panics
    /// If the task was cancelled; [`try_into_panic`](JoinError::try_into_panic) gives the error back instead.
    ///
    /// ```
    /// # raddle::block_on(async {
    /// let error = raddle::spawn(async { panic!("no more tea") }).await.unwrap_err();
    /// assert_eq!(error.into_panic().downcast_ref(), Some(&"no more tea"));
    /// # })
    /// ```
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        // Not a closure, so that the caller's location is reported.
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(error) => panic!("into_panic on a task that did not panic: {error}"),
        }
    }

    /// The payload of the task's panic.
    ///
    /// # Errors
    /// Gives the error back if the task was cancelled.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send + 'static>, JoinError> {
        match self.panic {
            Some(payload) => Ok(payload.into_inner().unwrap_or_else(|poison| poison.into_inner())),
            None => Err(self),
        }
    }

    /// The task this is about.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The panic's message, if it is text, as it is for `panic!`. Copied, so that the formatter, which is foreign code,
    /// does not run under the lock.
    fn message(&self) -> Option<String> {
        let payload = self.panic.as_ref()?.lock().unwrap_or_else(|poison| poison.into_inner());
        let text = payload.downcast_ref::<&'static str>().map(|text| (*text).to_owned());
        text.or_else(|| payload.downcast_ref::<String>().cloned())
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_cancelled() {
            return write!(f, "task {} was cancelled", self.id);
        }
        match self.message() {
            Some(message) => write!(f, "task {} panicked: {message}", self.id),
            None => write!(f, "task {} panicked", self.id),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_cancelled() {
            return write!(f, "JoinError::Cancelled({:?})", self.id);
        }
        write!(f, "JoinError::Panic({:?}, {:?})", self.id, self.message())
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> io::Error {
        io::Error::other(error)
    }
}
