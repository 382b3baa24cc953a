//! How a task has ended.

/// How a task has ended: given to the callbacks of [`JoinHandle::on_done`](super::JoinHandle::on_done).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its future has returned an output.
    Completed,
    /// Its future has panicked, in a poll or in its destructor.
    Panicked,
    /// It was aborted, or dropped with its runtime.
    Cancelled,
    /// It was a blocking call, and the system had no thread for it. The call was not made.
    Refused,
}
