//! "Stop, please": a request that reaches a task, and everything it has started.
//!
//! The protocol is in `family.rs`.

mod family;
mod guard;
mod until;

pub use guard::{DropGuard, DropGuardRef};
pub use until::WaitForCancellationFuture;

use crate::stats::Stats;
use family::Token;
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};
use until::RunUntilCancelled;

/// Tells tasks that they are to stop. Names and meanings are those of `tokio_util::sync`.
///
/// Clones are handles of the same token. A [child](Self::child_token) is cancelled with its parent,
/// but can be cancelled alone. Cancelling is for ever, and does nothing by itself: tasks look
/// ([`is_cancelled`](Self::is_cancelled)), wait ([`cancelled`](Self::cancelled)), or have a future
/// of theirs dropped ([`run_until_cancelled`](Self::run_until_cancelled)).
///
/// A token that has been dropped cannot be cancelled any more; its children then answer to its
/// parent. No chain of tokens is too long: nothing here recurses.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// use raddle_sync::CancellationToken;
///
/// let server = CancellationToken::new();
/// let connection = server.child_token();
/// let serve = async {
///     connection.cancelled().await;
///     "closed politely"
/// };
/// let stop = async { server.cancel() };
/// assert_eq!(futures_lite::future::zip(serve, stop).await.0, "closed politely");
/// # });
/// ```
pub struct CancellationToken {
    token: Arc<Token>,
}

// A panic leaves the family consistent: no foreign code runs in between.
impl UnwindSafe for CancellationToken {}
impl RefUnwindSafe for CancellationToken {}

impl CancellationToken {
    /// A token without parent, not cancelled.
    ///
    /// # Examples
    /// ```
    /// assert!(!raddle_sync::CancellationToken::new().is_cancelled());
    /// ```
    pub fn new() -> Self {
        Self { token: Token::root() }
    }

    /// A token that is cancelled with this one; at once if this one is cancelled already.
    ///
    /// # Examples
    /// ```
    /// let parent = raddle_sync::CancellationToken::new();
    /// let child = parent.child_token();
    /// let sibling = parent.child_token();
    /// child.cancel();
    /// assert!(!parent.is_cancelled() && !sibling.is_cancelled());
    /// parent.cancel();
    /// assert!(sibling.is_cancelled());
    /// ```
    #[must_use = "a child that is dropped hears nothing"]
    pub fn child_token(&self) -> Self {
        Self { token: self.token.child() }
    }

    /// Cancels this token and all that descend from it, and wakes who waits for them.
    ///
    /// Does nothing the second time. Takes time in proportion to the number of descendants.
    ///
    /// # Panics
    /// If a waker does; all others have been woken then.
    ///
    /// # Examples
    /// ```
    /// let token = raddle_sync::CancellationToken::new();
    /// token.clone().cancel();
    /// assert!(token.is_cancelled());
    /// ```
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Whether the token has been cancelled.
    ///
    /// # Examples
    /// ```
    /// let token = raddle_sync::CancellationToken::new();
    /// token.cancel();
    /// assert!(token.is_cancelled());
    /// assert!(token.child_token().is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until the token is cancelled.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let token = raddle_sync::CancellationToken::new();
    /// let waiting = token.cancelled();
    /// token.cancel();
    /// waiting.await;
    /// # });
    /// ```
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        WaitForCancellationFuture::new(self)
    }

    /// As [`cancelled`](Self::cancelled), with the token inside the future.
    ///
    /// # Cancel safety
    /// Nothing is lost but this handle.
    ///
    /// # Examples
    /// ```
    /// let token = raddle_sync::CancellationToken::new();
    /// let waiting = token.clone().cancelled_owned();
    /// let thread = std::thread::spawn(|| futures_lite::future::block_on(waiting));
    /// token.cancel();
    /// thread.join().unwrap();
    /// ```
    pub async fn cancelled_owned(self) {
        self.cancelled().await;
    }

    /// Runs `future`, and drops it when the token is cancelled first: `None` then.
    ///
    /// If both come at once the output wins; but the future is not polled at all if the token is
    /// cancelled already.
    ///
    /// # Cancel safety
    /// That of `future`, which is dropped with this one. It has to be fit for being dropped at any
    /// await, which is what cancelling does.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let token = raddle_sync::CancellationToken::new();
    /// assert_eq!(token.run_until_cancelled(async { 5 }).await, Some(5));
    /// token.cancel();
    /// assert_eq!(token.run_until_cancelled(async { 5 }).await, None);
    /// # });
    /// ```
    pub async fn run_until_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        if self.is_cancelled() {
            return None;
        }
        RunUntilCancelled::new(self, future).await
    }

    /// As [`run_until_cancelled`](Self::run_until_cancelled), with the token inside the future.
    ///
    /// # Cancel safety
    /// That of `future`.
    ///
    /// # Examples
    /// ```
    /// let token = raddle_sync::CancellationToken::new();
    /// let forever = token.clone().run_until_cancelled_owned(std::future::pending::<()>());
    /// let thread = std::thread::spawn(|| futures_lite::future::block_on(forever));
    /// token.cancel();
    /// assert_eq!(thread.join().unwrap(), None);
    /// ```
    pub async fn run_until_cancelled_owned<F: Future>(self, future: F) -> Option<F::Output> {
        self.run_until_cancelled(future).await
    }

    /// A guard that cancels the token when it is dropped.
    ///
    /// # Examples
    /// ```
    /// let token = raddle_sync::CancellationToken::new();
    /// drop(token.clone().drop_guard());
    /// assert!(token.is_cancelled());
    /// ```
    pub fn drop_guard(self) -> DropGuard {
        DropGuard::new(self)
    }

    /// As [`drop_guard`](Self::drop_guard), for a token that is borrowed.
    ///
    /// # Examples
    /// ```
    /// let token = raddle_sync::CancellationToken::new();
    /// {
    ///     let _guard = token.drop_guard_ref();
    ///     assert!(!token.is_cancelled());
    /// }
    /// assert!(token.is_cancelled());
    /// ```
    pub fn drop_guard_ref(&self) -> DropGuardRef<'_> {
        DropGuardRef::new(self)
    }

    /// Who waits for this token, how many have, and the longest wait if
    /// [timed](Self::enable_stats). Waits for its children are theirs.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(raddle_sync::CancellationToken::new().stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.token.notify.stats()
    }

    /// From now on waits are timed, for [`stats`](Self::stats). Each reads the clock twice.
    ///
    /// # Examples
    /// ```
    /// let token = raddle_sync::CancellationToken::new();
    /// token.enable_stats();
    /// assert!(token.stats().longest_wait.is_zero());
    /// ```
    pub fn enable_stats(&self) {
        self.token.notify.enable_stats();
    }
}

impl Default for CancellationToken {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for CancellationToken {
    /// Another handle of the same token.
    fn clone(&self) -> Self {
        Self { token: Arc::clone(&self.token) }
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken").field("is_cancelled", &self.is_cancelled()).finish()
    }
}
