//! Stopping politely: requests to stop, and the scopes they reach; and tasks that do not outlive a block.

mod blocking;
mod cancel_scope;
mod child;
pub(crate) mod group;
mod group_error;
mod run;

pub use blocking::{BlockingScope, ScopedJoinHandle, scope_blocking};
pub use cancel_scope::{CancelScope, Cancelled, shield};
pub use child::{Child, ChildFailed};
pub use group::TaskGroup;
pub use group_error::{Cause, Failure, GroupError, Who};
pub use run::GroupOptions;

use crate::task::env;
use raddle_sync::CancellationToken;

/// Waits until this task is asked to stop, by [`JoinHandle::cancel`](crate::task::JoinHandle::cancel) or a cancel scope
/// around it; for ever, if nobody can ask.
///
/// # Cancel safety
/// Nothing is lost.
///
/// ```
/// # raddle::block_on(async {
/// let task = raddle::spawn(async {
///     let mut rounds = 0;
///     loop {
///         raddle::select! {
///             () = raddle::task::cancelled() => break rounds,
///             () = raddle::task::yield_now() => rounds += 1,
///         }
///     }
/// });
/// task.cancel();
/// task.await.unwrap();
/// # })
/// ```
pub async fn cancelled() {
    match env::cancelled() {
        Some(token) => CancellationToken::cancelled_owned(token).await,
        None => std::future::pending().await,
    }
}

/// Whether this task has been asked to stop. See [`cancelled`].
///
/// ```
/// # raddle::block_on(async {
/// assert!(!raddle::task::is_cancelled());
/// # })
/// ```
pub fn is_cancelled() -> bool {
    env::is_cancelled()
}
