//! What went wrong in a task group.

use crate::task::{AbortHandle, Id};
use std::any::Any;
use std::fmt;
use std::panic::Location;
use std::sync::Mutex;

/// Something in a [`TaskGroup`](super::TaskGroup) has failed, or the group was cancelled before its body had ended.
///
/// Holds every failure, in the order in which they happened, and who had to be aborted.
pub struct GroupError<E> {
    failures: Vec<Failure<E>>,
    aborted: Vec<Who>,
}

/// A failure in a task group, and whose.
#[derive(Debug)]
pub struct Failure<E> {
    who: Who,
    cause: Cause<E>,
}

/// Why a child, or the body, of a task group has failed.
#[non_exhaustive]
pub enum Cause<E> {
    /// It returned an error.
    Error(E),
    /// It panicked. Behind a lock, because the payload of a panic need not be `Sync`.
    Panic(Mutex<Box<dyn Any + Send>>),
}

/// A task in a report.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Who {
    /// Its id; none for the body of a group, which is no task of the group's.
    pub id: Option<Id>,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Where it was spawned; for the body, where the group is run.
    pub spawned_at: &'static Location<'static>,
}

impl Who {
    pub(crate) fn of(task: &AbortHandle) -> Who {
        let name = task.name().map(str::to_owned);
        Who { id: Some(task.id()), name, spawned_at: task.spawned_at() }
    }

    /// The task that says so.
    pub(super) fn here(self) -> Who {
        Who { id: crate::task::try_id(), ..self }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.id) {
            (Some(name), _) => write!(f, "{name} ({})", self.spawned_at),
            (None, Some(id)) => write!(f, "task {id} ({})", self.spawned_at),
            (None, None) => write!(f, "the body ({})", self.spawned_at),
        }
    }
}

impl<E> Failure<E> {
    pub(super) fn error(who: Who, error: E) -> Failure<E> {
        Failure { who, cause: Cause::Error(error) }
    }

    pub(super) fn panic(who: Who, panic: Box<dyn Any + Send>) -> Failure<E> {
        Failure { who, cause: Cause::Panic(Mutex::new(panic)) }
    }

    /// Whose.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// Why.
    pub fn cause(&self) -> &Cause<E> {
        &self.cause
    }

    /// Why.
    pub fn into_cause(self) -> Cause<E> {
        self.cause
    }

    /// Whether it panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.cause, Cause::Panic(_))
    }
}

impl<E> Cause<E> {
    /// The panic's message, if it is text.
    fn message(&self) -> Option<String> {
        let Cause::Panic(payload) = self else { return None };
        // Copied, so that no formatter runs under the lock.
        let payload = payload.lock().unwrap_or_else(|poison| poison.into_inner());
        let text = payload.downcast_ref::<&'static str>().map(|text| (*text).to_owned());
        text.or_else(|| payload.downcast_ref::<String>().cloned())
    }
}

impl<E: fmt::Debug> fmt::Debug for Cause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Error(error) => f.debug_tuple("Error").field(error).finish(),
            Cause::Panic(_) => f.debug_tuple("Panic").field(&self.message()).finish(),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Error(error) => write!(f, "{}: {error}", self.who),
            Cause::Panic(_) => match self.cause.message() {
                Some(message) => write!(f, "{} panicked: {message}", self.who),
                None => write!(f, "{} panicked", self.who),
            },
        }
    }
}

impl<E> GroupError<E> {
    pub(super) fn new(failures: Vec<Failure<E>>, aborted: Vec<Who>) -> GroupError<E> {
        GroupError { failures, aborted }
    }

    /// Every failure, the first first; none if the group was cancelled from outside.
    pub fn failures(&self) -> &[Failure<E>] {
        &self.failures
    }

    /// Every failure, the first first.
    pub fn into_failures(self) -> Vec<Failure<E>> {
        self.failures
    }

    /// The errors among the failures.
    pub fn errors(&self) -> impl Iterator<Item = &E> {
        self.failures.iter().filter_map(|failure| match &failure.cause {
            Cause::Error(error) => Some(error),
            Cause::Panic(_) => None,
        })
    }

    /// The children that had not ended when the grace period was over, and were aborted.
    pub fn aborted(&self) -> &[Who] {
        &self.aborted
    }

    /// Whether nothing has failed: the group was cancelled from outside, or by its deadline.
    pub fn is_cancelled(&self) -> bool {
        self.failures.is_empty()
    }
}

impl<E: fmt::Debug> fmt::Debug for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupError")
            .field("failures", &self.failures)
            .field("aborted", &self.aborted)
            .finish()
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.failures.as_slice() {
            [] => f.write_str("the task group was cancelled")?,
            [failure] => write!(f, "{failure}")?,
            [first, more @ ..] => {
                write!(f, "{first}; and {} more:", more.len())?;
                for failure in more {
                    write!(f, " {failure};")?;
                }
            }
        }
        if let [first, more @ ..] = self.aborted.as_slice() {
            write!(f, "; aborted: {first}")?;
            for who in more {
                write!(f, ", {who}")?;
            }
        }
        Ok(())
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for GroupError<E> {}
