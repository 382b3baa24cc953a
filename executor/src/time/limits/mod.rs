//! Operations of [`sync`](crate::sync) that give up after a while, as methods.
//!
//! `raddle-sync` works on any executor and knows no clock, so these are traits: `use raddle::time::limits::*` and
//! `mutex.lock_timeout(second)` is there. For any other future there is [`FutureExt::timeout`]; so for
//! `token.cancelled()`, `sender.closed()`, `cell.get_or_init(..)` and a `oneshot::Receiver`.
//!
//! All of them try first: what is there at once is got, however short the time. All give up their place in line when the
//! time is up, or when they are dropped; nothing is lost then: a message that could not be sent comes back in the error,
//! and a permit or a notification that arrives at the last moment goes to the next in line.
//!
//! The time of a method of these traits runs from its first poll, that of [`FutureExt::timeout`] from the call. What
//! the methods return is `Send` where the compiler sees which type it is; in code that is generic over a trait, it is not known to be.
//!
//! All panic outside a runtime, when they are called or first polled.

mod channels;
mod locks;
mod permits;
mod queues;
mod slots;
mod waiting;

pub use channels::{ChangedTimeout, RecvManyTimeout, RecvTimeout, SendTimeout, WaitForTimeout};
pub use locks::{LockTimeout, RwLockTimeout, UpgradeTimeout};
pub use permits::AcquireTimeout;
pub use queues::{GetTimeout, JoinTimeout, PutTimeout};
pub use slots::ReserveTimeout;
pub use waiting::{CondvarTimeout, WaitTimeout};

use super::{Instant, Timeout, timeout, timeout_at};
use std::future::Future;
use std::time::Duration;

/// A limit for any future.
pub trait FutureExt: Future + Sized {
    /// Gives the future so much time. As [`time::timeout`](super::timeout).
    ///
    /// ```
    /// use raddle::time::{Duration, limits::FutureExt};
    ///
    /// # raddle::block_on(async {
    /// let never = std::future::pending::<()>();
    /// assert!(never.timeout(Duration::from_millis(1)).await.is_err());
    /// # })
    /// ```
    #[track_caller]
    fn timeout(self, limit: Duration) -> Timeout<Self> {
        timeout(limit, self)
    }

    /// Gives the future until `deadline`. As [`time::timeout_at`](super::timeout_at).
    #[track_caller]
    fn timeout_at(self, deadline: Instant) -> Timeout<Self> {
        timeout_at(deadline, self)
    }
}

impl<F: Future> FutureExt for F {}
