//! What a library of locks and channels has to offer, a trait for each primitive; it implements those that it has.
//!
//! As with the runtimes, a workload is written once over a trait and compiled for each library, which calls its own
//! functions directly. Messages and guarded values are `u64`.

use std::future::Future;
use std::ops::{Deref, DerefMut};

/// A bounded channel of many senders.
pub(crate) trait Channel: 'static {
    /// One of the sending ends.
    type Sender: Clone + Send + 'static;
    /// The receiving end.
    type Receiver: Send + 'static;

    /// Both ends of a channel with room for this many messages.
    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver);

    /// Waits for room, and sends.
    fn send(sender: &mut Self::Sender, message: u64) -> impl Future<Output = ()> + Send;

    /// Waits for a message; `None` once the senders are gone.
    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send;
}

/// A lock for one.
pub(crate) trait Lock: 'static {
    /// The lock with its value.
    type Lock: Send + Sync + 'static;
    /// The right to use the value.
    type Guard<'a>: DerefMut<Target = u64> + Send;

    /// A free lock around zero.
    fn new() -> Self::Lock;

    /// Waits for the lock.
    fn lock(lock: &Self::Lock) -> impl Future<Output = Self::Guard<'_>> + Send;
}

/// A lock for many readers, of which only reading is measured.
pub(crate) trait ReadLock: 'static {
    /// The lock with its value.
    type Lock: Send + Sync + 'static;
    /// The right to read the value.
    type Guard<'a>: Deref<Target = u64> + Send;

    /// A free lock around zero.
    fn new() -> Self::Lock;

    /// Waits until nobody writes.
    fn read(lock: &Self::Lock) -> impl Future<Output = Self::Guard<'_>> + Send;
}

/// A number of permits.
pub(crate) trait Permits: 'static {
    /// The semaphore.
    type Semaphore: Send + Sync + 'static;
    /// One permit.
    type Permit<'a>: Send;

    /// A semaphore with this many permits.
    fn new(permits: usize) -> Self::Semaphore;

    /// Waits for one permit.
    fn acquire(semaphore: &Self::Semaphore) -> impl Future<Output = Self::Permit<'_>> + Send;
}

/// A channel for one message.
pub(crate) trait Oneshot: 'static {
    /// The sending end.
    type Sender: Send + 'static;
    /// The receiving end.
    type Receiver: Send + 'static;

    /// Both ends.
    fn channel() -> (Self::Sender, Self::Receiver);

    /// Sends; the receiver is known to be there.
    fn send(sender: Self::Sender, message: u64);

    /// Waits for the message, which is known to come.
    fn receive(receiver: Self::Receiver) -> impl Future<Output = u64> + Send;
}

/// A channel in which every receiver gets every message.
pub(crate) trait Broadcast: 'static {
    /// The sending end.
    type Sender: Send + 'static;
    /// A receiving end.
    type Receiver: Send + 'static;

    /// The sender, and as many receivers as asked for.
    fn channel(capacity: usize, receivers: usize) -> (Self::Sender, Vec<Self::Receiver>);

    /// Sends, without waiting.
    fn send(sender: &Self::Sender, message: u64);

    /// Waits for a message, of which none is lost; `None` once the sender is gone.
    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send;
}

/// Something to wait for that carries no value.
pub(crate) trait Signal: 'static {
    /// What is waited on.
    type Signal: Send + Sync + 'static;

    /// Not signaled yet.
    fn new() -> Self::Signal;

    /// Lets one waiter go on, or the next one that comes.
    fn notify_one(signal: &Self::Signal);

    /// Waits to be let go on.
    fn notified(signal: &Self::Signal) -> impl Future<Output = ()> + Send;
}
