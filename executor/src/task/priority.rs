//! How soon a task is to be polled.

use super::cell::{HIGH, LOW};

/// Whether a task comes before the others that want to be polled, or after them. Set by
/// [`Builder::priority`](super::Builder::priority).
///
/// Tasks of a high priority are polled before all others, by whichever worker is the first to end a poll, and do not wait
/// behind any backlog but their own; those of a low one when a worker finds nothing else to do. Nobody starves: after seven
/// high tasks a worker polls another one, if it finds one, and one in 122 is a low one.
///
/// A priority is no right to interrupt: no task is polled before some worker has ended the poll it is in. It is not inherited
/// by the tasks that a task spawns, and says nothing of locks: a low task that holds a lock may keep a high one waiting. A low
/// task that is aborted keeps what it owns until it would have been polled, and one that begins where it is spawned
/// ([`Builder::eager`](super::Builder::eager)) begins at once.
///
/// Each of the two kinds has one queue for the whole runtime, where a normal task has that of its worker. So a task of another
/// priority than normal costs more to wake: some tens of nanoseconds, and a few microseconds if a worker sleeps. That
/// is little for a health check, or for work in the background; it is not meant for most tasks of a program.
///
/// ```
/// use raddle::task::{Builder, Priority};
///
/// # raddle::block_on(async {
/// let check = Builder::new().priority(Priority::High).spawn(async { "well" });
/// let tidy = Builder::new().priority(Priority::Low).spawn(async { "tidied up" });
/// assert_eq!(check.await.unwrap(), "well");
/// assert_eq!(tidy.await.unwrap(), "tidied up");
/// # })
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Priority {
    /// After the others.
    Low,
    /// In line with the others.
    #[default]
    Normal,
    /// Before the others.
    High,
}

impl Priority {
    /// As a part of a task's header.
    pub(crate) fn to_special(self) -> u8 {
        match self {
            Priority::Low => LOW,
            Priority::Normal => 0,
            Priority::High => HIGH,
        }
    }

    pub(crate) fn of_special(special: u8) -> Priority {
        match special & (HIGH | LOW) {
            0 => Priority::Normal,
            LOW => Priority::Low,
            _ => Priority::High,
        }
    }
}
