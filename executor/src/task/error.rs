//! Why a task has no output.

use super::Id;
use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Mutex;

/// A task was aborted, or panicked, before it had an output; or it was a blocking call that the system had no thread for.
///
/// Returned by awaiting a [`JoinHandle`](super::JoinHandle).
pub struct JoinError {
    id: Id,
    /// `None` if the task was cancelled. Boxed so that an error adds two words to a task.
    cause: Option<Box<Cause>>,
}

enum Cause {
    /// Behind a lock because a panic's payload need not be `Sync`.
    Panic(Mutex<Box<dyn Any + Send + 'static>>),
    Refused(io::Error),
}

impl JoinError {
    pub(crate) fn cancelled(id: Id) -> JoinError {
        JoinError { id, cause: None }
    }

    pub(crate) fn panic(id: Id, payload: Box<dyn Any + Send + 'static>) -> JoinError {
        JoinError { id, cause: Some(Box::new(Cause::Panic(Mutex::new(payload)))) }
    }

    pub(crate) fn refused(id: Id, error: io::Error) -> JoinError {
        JoinError { id, cause: Some(Box::new(Cause::Refused(error))) }
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
        self.cause.is_none()
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.cause.as_deref(), Some(Cause::Panic(_)))
    }

    /// Whether this was a blocking call that was not made, because the system refused to start a thread and no other of
    /// the pool was there to wait for. [`source`](std::error::Error::source) has the system's reason.
    ///
    /// ```
    /// // A stack larger than any address space.
    /// let mut builder = raddle::runtime::Builder::new_current_thread();
    /// let runtime = builder.thread_stack_size(1 << 60).build()?;
    /// let call = runtime.spawn_blocking(|| "not called");
    /// assert!(call.blocking_wait().unwrap_err().is_refused());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_refused(&self) -> bool {
        matches!(self.cause.as_deref(), Some(Cause::Refused(_)))
    }

    /// The payload of the task's panic, for [`std::panic::resume_unwind`].
    ///
    /// # Panics
    /// If the task did not panic; [`try_into_panic`](JoinError::try_into_panic) gives the error back instead.
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
    /// Gives the error back if the task did not panic.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send + 'static>, JoinError> {
        match self.cause {
            Some(cause) => match *cause {
                Cause::Panic(payload) => {
                    Ok(payload.into_inner().unwrap_or_else(|poison| poison.into_inner()))
                }
                refused => Err(JoinError { id: self.id, cause: Some(Box::new(refused)) }),
            },
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
        let Cause::Panic(payload) = self.cause.as_deref()? else { return None };
        let payload = payload.lock().unwrap_or_else(|poison| poison.into_inner());
        let text = payload.downcast_ref::<&'static str>().map(|text| (*text).to_owned());
        text.or_else(|| payload.downcast_ref::<String>().cloned())
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_cancelled() {
            return write!(f, "task {} was cancelled", self.id);
        }
        if let Some(Cause::Refused(error)) = self.cause.as_deref() {
            return write!(f, "blocking call {} was not made: starting a thread: {error}", self.id);
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
        if let Some(Cause::Refused(error)) = self.cause.as_deref() {
            return write!(f, "JoinError::Refused({:?}, {error:?})", self.id);
        }
        write!(f, "JoinError::Panic({:?}, {:?})", self.id, self.message())
    }
}

impl std::error::Error for JoinError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.cause.as_deref() {
            Some(Cause::Refused(error)) => Some(error),
            _ => None,
        }
    }
}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> io::Error {
        io::Error::other(error)
    }
}
