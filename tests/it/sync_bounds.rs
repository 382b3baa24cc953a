//! Which types of the sync crate may cross threads, checked when this file is compiled.

use raddle_sync::{
    AcquireError, AtomicWaker, CancellationToken, DropGuard, DropGuardRef, Mutex, MutexGuard,
    Notified, Notify, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, SemaphorePermit, Stats,
    TryAcquireError, TryLockError, broadcast, budget,
    futures::WaitForCancellationFuture,
    mpsc::{
        OwnedPermit, Permit, PermitIterator, Receiver, Sender, UnboundedReceiver, UnboundedSender,
        WeakSender, WeakUnboundedSender,
        error::{SendError, TryRecvError, TrySendError},
    },
    oneshot,
    queue::{self, LifoQueue, PriorityQueue, Queue},
    watch,
};
use std::{
    cell::Cell,
    error::Error,
    marker::PhantomPinned,
    panic::{RefUnwindSafe, UnwindSafe},
    rc::Rc,
    sync::MutexGuard as StdGuard,
};

/// Neither `Send` nor `Sync`.
type Neither = Rc<()>;
/// `Send`, but not `Sync`.
type OnlySend = Cell<u8>;
/// `Sync`, but not `Send`.
type OnlySync = StdGuard<'static, u8>;
/// Both.
type Both = u8;

/// Asserts that each type has each bound.
macro_rules! have {
    ($bound:path: $($type:ty),+ $(,)?) => {
        const _: fn() = || {
            fn has<T: ?Sized + $bound>() {}
            $(has::<$type>();)+
        };
    };
}

/// Asserts that no type has the bound: if one had, the call below would be ambiguous and not
/// compile.
macro_rules! lack {
    ($bound:path: $($type:ty),+ $(,)?) => {
        $(const _: fn() = || {
            trait AmbiguousIfImplemented<Marker> {
                fn check() {}
            }
            impl<T: ?Sized> AmbiguousIfImplemented<()> for T {}
            impl<T: ?Sized + $bound> AmbiguousIfImplemented<u8> for T {}
            <$type as AmbiguousIfImplemented<_>>::check();
        };)+
    };
}

have!(Send: Semaphore, SemaphorePermit<'static>, OwnedSemaphorePermit, Notify, Notified<'static>, AtomicWaker);
have!(Sync: Semaphore, SemaphorePermit<'static>, OwnedSemaphorePermit, Notify, Notified<'static>, AtomicWaker);
have!(UnwindSafe: Semaphore, SemaphorePermit<'static>, OwnedSemaphorePermit, Notify, Notified<'static>, AtomicWaker);
have!(RefUnwindSafe: Semaphore, SemaphorePermit<'static>, Notify, Notified<'static>, AtomicWaker);
have!(Send: Stats);
have!(Sync: Stats);
lack!(Unpin: Notified<'static>);
have!(Unpin: oneshot::Receiver<PhantomPinned>, Receiver<PhantomPinned>, Sender<PhantomPinned>, Mutex<Both>);

// A mutex needs its value to be `Send`, and makes it `Sync`, as the one of the standard library.
// Its guards, unlike that one's, may move, because a task may.
have!(Send: Mutex<Both>, Mutex<OnlySend>, MutexGuard<'static, Both>, MutexGuard<'static, OnlySend>);
have!(Send: OwnedMutexGuard<Both>, OwnedMutexGuard<OnlySend>);
have!(Sync: Mutex<Both>, Mutex<OnlySend>, MutexGuard<'static, Both>, OwnedMutexGuard<Both>);
lack!(Send: Mutex<Neither>, Mutex<OnlySync>, MutexGuard<'static, OnlySync>, OwnedMutexGuard<OnlySync>);
lack!(Send: MutexGuard<'static, Neither>, OwnedMutexGuard<Neither>);
lack!(Sync: Mutex<Neither>, Mutex<OnlySync>, MutexGuard<'static, OnlySend>, OwnedMutexGuard<OnlySend>);
lack!(Sync: MutexGuard<'static, OnlySync>, OwnedMutexGuard<OnlySync>);

// Channels need their messages to be `Send`, and no more.
have!(Send: Sender<OnlySend>, Receiver<OnlySend>, WeakSender<OnlySend>, Permit<'static, OnlySend>);
have!(Send: PermitIterator<'static, OnlySend>, OwnedPermit<OnlySend>);
have!(Send: UnboundedSender<OnlySend>, UnboundedReceiver<OnlySend>, WeakUnboundedSender<OnlySend>);
have!(Send: oneshot::Sender<OnlySend>, oneshot::Receiver<OnlySend>);
have!(Sync: Sender<OnlySend>, WeakSender<OnlySend>, Permit<'static, OnlySend>, OwnedPermit<OnlySend>);
have!(Sync: UnboundedSender<OnlySend>, oneshot::Sender<OnlySend>, oneshot::Receiver<OnlySend>);
have!(Sync: Receiver<Both>, UnboundedReceiver<Both>);
lack!(Send: Sender<OnlySync>, Receiver<OnlySync>, WeakSender<OnlySync>, Permit<'static, OnlySync>);
lack!(Send: UnboundedSender<OnlySync>, UnboundedReceiver<OnlySync>, oneshot::Sender<OnlySync>);
lack!(Send: oneshot::Receiver<OnlySync>, oneshot::Receiver<Neither>, Sender<Neither>);
lack!(Sync: Sender<OnlySync>, Receiver<OnlySync>, oneshot::Sender<OnlySync>, oneshot::Receiver<OnlySync>);
have!(UnwindSafe: Sender<Both>, Receiver<Both>, oneshot::Sender<Both>, oneshot::Receiver<Both>);
have!(RefUnwindSafe: Sender<Both>, Receiver<Both>, oneshot::Sender<Both>, oneshot::Receiver<Both>);
have!(UnwindSafe: UnboundedSender<Both>, UnboundedReceiver<Both>);

// Receivers of a broadcast clone in parallel, those of a watch look in parallel: their values have to
// be `Sync`, too.
have!(Send: broadcast::Sender<Both>, broadcast::WeakSender<Both>, broadcast::Receiver<Both>);
have!(Sync: broadcast::Sender<Both>, broadcast::WeakSender<Both>, broadcast::Receiver<Both>);
lack!(Send: broadcast::Sender<OnlySend>, broadcast::Receiver<OnlySend>, broadcast::Sender<OnlySync>);
lack!(Sync: broadcast::Sender<OnlySend>, broadcast::Receiver<OnlySync>, broadcast::WeakSender<Neither>);
have!(Send: watch::Sender<Both>, watch::Receiver<Both>);
have!(Sync: watch::Sender<Both>, watch::Receiver<Both>, watch::Ref<'static, Both>);
lack!(Send: watch::Sender<OnlySend>, watch::Receiver<OnlySync>, watch::Ref<'static, Both>);
lack!(Sync: watch::Sender<OnlySend>, watch::Receiver<OnlySync>, watch::Ref<'static, OnlySend>);
have!(Unpin: broadcast::Receiver<PhantomPinned>, watch::Receiver<PhantomPinned>);
have!(UnwindSafe: broadcast::Sender<Both>, broadcast::Receiver<Both>, watch::Sender<Both>, watch::Receiver<Both>);
have!(RefUnwindSafe: broadcast::Sender<Both>, broadcast::Receiver<Both>, watch::Sender<Both>, watch::Receiver<Both>);

// A queue is a mutex around its items.
have!(Send: Queue<OnlySend>, LifoQueue<OnlySend>, PriorityQueue<Both>);
have!(Sync: Queue<OnlySend>, LifoQueue<OnlySend>, PriorityQueue<Both>);
lack!(Send: Queue<OnlySync>, LifoQueue<Neither>);
lack!(Sync: Queue<OnlySync>, LifoQueue<Neither>);
have!(UnwindSafe: Queue<OnlySend>, LifoQueue<OnlySend>, PriorityQueue<Both>);
have!(RefUnwindSafe: Queue<OnlySend>, LifoQueue<OnlySend>, PriorityQueue<Both>);

have!(Send: CancellationToken, DropGuard, DropGuardRef<'static>, WaitForCancellationFuture<'static>);
have!(Sync: CancellationToken, DropGuard, DropGuardRef<'static>, WaitForCancellationFuture<'static>);
have!(UnwindSafe: CancellationToken, DropGuard, DropGuardRef<'static>);
have!(RefUnwindSafe: CancellationToken, DropGuard, DropGuardRef<'static>);

// Errors travel.
have!(Error: broadcast::error::SendError<Both>, broadcast::error::RecvError, broadcast::error::TryRecvError);
have!(Error: watch::error::SendError<Both>, watch::error::RecvError);
have!(Error: queue::error::PutError<Both>, queue::error::TryPutError<Both>, queue::error::GetError);
have!(Error: queue::error::TryGetError, queue::error::TaskDoneError);
have!(Error: AcquireError, TryAcquireError, TryLockError, SendError<Both>, TrySendError<Both>, TryRecvError);
have!(Error: oneshot::error::RecvError, oneshot::error::TryRecvError);
have!(Send: AcquireError, TryAcquireError, TryLockError, SendError<Both>, TrySendError<Both>, TryRecvError);
lack!(Send: budget::RestoreOnPending);

#[test]
fn futures_may_be_spawned_when_what_they_carry_may() {
    fn send<T: Send>(_: T) {}
    let lock = Mutex::new(Cell::new(0));
    send(lock.lock());
    send(std::sync::Arc::new(Mutex::new(0)).lock_owned());
    let gate = std::sync::Arc::new(Semaphore::new(1));
    send(gate.acquire());
    send(std::sync::Arc::clone(&gate).acquire_many_owned(2));
    let (sender, mut receiver) = raddle_sync::mpsc::channel(1);
    send(sender.send(Cell::new(1)));
    send(sender.reserve_many(1));
    send(sender.closed());
    send(receiver.recv());
    let (mut sender, receiver) = oneshot::channel::<Cell<u8>>();
    send(sender.closed());
    send(receiver);
    let (sender, mut receiver) = broadcast::channel(1);
    send(sender.closed());
    assert!(sender.send(1).is_ok());
    send(receiver.recv());
    let (sender, mut receiver) = watch::channel(1);
    send(sender.closed());
    send(receiver.changed());
    send(receiver.wait_for(|_| true));
    let queue = Queue::bounded(1);
    send(queue.put(Cell::new(1)));
    send(queue.get());
    send(queue.join());
    let token = CancellationToken::new();
    send(token.cancelled());
    send(token.clone().cancelled_owned());
    send(token.run_until_cancelled(async {}));
}
