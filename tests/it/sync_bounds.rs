//! Which types of the sync crate may cross threads, checked when this file is compiled.

use raddle_sync::{
    AcquireError, AtomicWaker, Barrier, BarrierWaitResult, BoundedSemaphore,
    BoundedSemaphorePermit, CancellationToken, Condvar, DropGuard, DropGuardRef, Event,
    MappedMutexGuard, Mutex, MutexGuard, Notified, Notify, OnceCell, OwnedBoundedSemaphorePermit,
    OwnedMappedMutexGuard, OwnedMutexGuard, OwnedNotified, OwnedRwLockMappedWriteGuard,
    OwnedRwLockReadGuard, OwnedRwLockUpgradableReadGuard, OwnedRwLockWriteGuard,
    OwnedSemaphorePermit, ReleaseError, RwLock, RwLockMappedWriteGuard, RwLockReadGuard,
    RwLockUpgradableReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit, SetError, SetOnce,
    SetOnceError, Stats, TryAcquireError, TryLockError, broadcast, budget,
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
have!(Send: Stats, OwnedNotified, BoundedSemaphore, BoundedSemaphorePermit<'static>, OwnedBoundedSemaphorePermit);
have!(Sync: Stats, OwnedNotified, BoundedSemaphore, BoundedSemaphorePermit<'static>, OwnedBoundedSemaphorePermit);
have!(UnwindSafe: OwnedNotified, BoundedSemaphore, BoundedSemaphorePermit<'static>, OwnedBoundedSemaphorePermit);
have!(RefUnwindSafe: OwnedNotified, BoundedSemaphore, BoundedSemaphorePermit<'static>);
lack!(Unpin: Notified<'static>, OwnedNotified);
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

// A guard for a part is a `&mut` to it. The owned one may drop the whole, which must be `Send` then.
have!(Send: MappedMutexGuard<'static, OnlySend>, OwnedMappedMutexGuard<OnlySend, OnlySend>);
have!(Sync: MappedMutexGuard<'static, OnlySync>, OwnedMappedMutexGuard<OnlySend, OnlySync>);
lack!(Send: MappedMutexGuard<'static, OnlySync>, OwnedMappedMutexGuard<Both, OnlySync>);
lack!(Send: OwnedMappedMutexGuard<OnlySync, Both>, OwnedMappedMutexGuard<Neither, Both>);
lack!(Sync: MappedMutexGuard<'static, OnlySend>, OwnedMappedMutexGuard<Both, OnlySend>);
lack!(Sync: OwnedMappedMutexGuard<OnlySync, Both>);
have!(Unpin: MappedMutexGuard<'static, PhantomPinned>, OwnedMappedMutexGuard<PhantomPinned>);

// A reader-writer lock gives out its value to several at a time, which takes both to share it. A
// guard that reads is a `&`; one that writes may become one that reads beside others.
have!(Send: RwLock<Both>, RwLock<OnlySend>, RwLockReadGuard<'static, Both>, RwLockReadGuard<'static, OnlySync>);
have!(Send: RwLockWriteGuard<'static, Both>, RwLockUpgradableReadGuard<'static, Both>);
have!(Send: RwLockMappedWriteGuard<'static, OnlySend>, OwnedRwLockMappedWriteGuard<Both, OnlySend>);
have!(Send: OwnedRwLockReadGuard<Both, OnlySync>, OwnedRwLockWriteGuard<Both>, OwnedRwLockUpgradableReadGuard<Both>);
have!(Sync: RwLock<Both>, RwLockReadGuard<'static, OnlySync>, RwLockWriteGuard<'static, OnlySync>);
have!(Sync: RwLockMappedWriteGuard<'static, OnlySync>, RwLockUpgradableReadGuard<'static, OnlySync>);
have!(Sync: OwnedRwLockReadGuard<Both>, OwnedRwLockWriteGuard<Both>, OwnedRwLockUpgradableReadGuard<Both>);
lack!(Send: RwLock<OnlySync>, RwLock<Neither>, RwLockReadGuard<'static, OnlySend>, RwLockWriteGuard<'static, OnlySend>);
lack!(Send: RwLockWriteGuard<'static, OnlySync>, RwLockUpgradableReadGuard<'static, OnlySend>, RwLockUpgradableReadGuard<'static, OnlySync>);
lack!(Send: RwLockMappedWriteGuard<'static, OnlySync>, OwnedRwLockReadGuard<OnlySend, Both>, OwnedRwLockReadGuard<OnlySync, Both>);
lack!(Send: OwnedRwLockWriteGuard<OnlySend>, OwnedRwLockMappedWriteGuard<OnlySend, Both>, OwnedRwLockMappedWriteGuard<Both, OnlySync>);
lack!(Sync: RwLock<OnlySend>, RwLock<OnlySync>, RwLockReadGuard<'static, OnlySend>, RwLockWriteGuard<'static, OnlySend>);
lack!(Sync: RwLockMappedWriteGuard<'static, OnlySend>, RwLockUpgradableReadGuard<'static, OnlySend>);
lack!(Sync: OwnedRwLockReadGuard<OnlySync, Both>, OwnedRwLockWriteGuard<OnlySend>, OwnedRwLockMappedWriteGuard<Both, OnlySend>);
have!(Unpin: RwLock<Both>, RwLockReadGuard<'static, PhantomPinned>, RwLockWriteGuard<'static, PhantomPinned>);

have!(Send: Barrier, BarrierWaitResult, Condvar, Event);
have!(Sync: Barrier, BarrierWaitResult, Condvar, Event);
have!(UnwindSafe: Barrier, Condvar, Event, OnceCell<Both>, SetOnce<Both>);
have!(RefUnwindSafe: Barrier, Condvar, Event, OnceCell<Both>, SetOnce<Both>);

// As `OnceLock`: to share it lets any thread put the value in, and all see it.
have!(Send: OnceCell<OnlySend>, SetOnce<OnlySend>);
have!(Sync: OnceCell<Both>, SetOnce<Both>);
lack!(Send: OnceCell<OnlySync>, SetOnce<OnlySync>, OnceCell<Neither>, SetOnce<Neither>);
lack!(Sync: OnceCell<OnlySend>, OnceCell<OnlySync>, SetOnce<OnlySend>, SetOnce<OnlySync>);
lack!(RefUnwindSafe: OnceCell<OnlySend>, SetOnce<OnlySend>);
have!(Unpin: OnceCell<Both>, SetOnce<Both>);
have!(Error: SetError<Both>, SetOnceError<Both>);

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
have!(Error: ReleaseError, AcquireError, TryAcquireError, TryLockError, SendError<Both>, TrySendError<Both>, TryRecvError);
have!(Error: broadcast::error::SendError<Both>, broadcast::error::RecvError, broadcast::error::TryRecvError);
have!(Error: watch::error::SendError<Both>, watch::error::RecvError);
have!(Error: queue::error::PutError<Both>, queue::error::TryPutError<Both>, queue::error::GetError);
have!(Error: queue::error::TryGetError, queue::error::TaskDoneError);
have!(Error: oneshot::error::RecvError, oneshot::error::TryRecvError);
have!(Send: ReleaseError, AcquireError, TryAcquireError, TryLockError, SendError<Both>, TrySendError<Both>, TryRecvError);
lack!(Send: budget::RestoreOnPending);

#[test]
fn futures_may_be_spawned_when_what_they_carry_may() {
    fn send<T: Send>(_: T) {}
    let lock = Mutex::new(Cell::new(0));
    send(lock.lock());
    send(std::sync::Arc::new(Mutex::new(0)).lock_owned());
    let lock = RwLock::new(0);
    send(lock.read());
    send(lock.write());
    send(RwLockUpgradableReadGuard::upgrade(lock.try_upgradable_read().unwrap()));
    send(RwLockUpgradableReadGuard::upgrade_from(&mut None::<RwLockUpgradableReadGuard<'_, i32>>));
    send(std::sync::Arc::new(RwLock::new(0)).write_owned());
    send(Event::new().wait());
    send(Barrier::new(1).wait());
    send(SetOnce::from(1).wait());
    send(OnceCell::from(1).get_or_init(|| async { 1 }));
    let number = Mutex::new(0);
    send(Condvar::new().wait(number.try_lock().unwrap()));
    send(Condvar::new().wait_while(number.try_lock().unwrap(), |_| true));
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
