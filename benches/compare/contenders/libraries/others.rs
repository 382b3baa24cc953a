//! The libraries that come without a runtime, or with another one.

use std::future::poll_fn;

use async_lock::{Mutex, MutexGuard, RwLock, RwLockReadGuard, Semaphore, SemaphoreGuard as Permit};
use futures_channel::{mpsc, oneshot};
use futures_util::lock as futures_lock;

use super::{AsyncChannel, AsyncLock, Flume, Futures, Kanal, OPEN};
use crate::primitives::{Channel, Lock, Oneshot, Permits, ReadLock};

impl Lock for AsyncLock {
    type Lock = Mutex<u64>;
    type Guard<'a> = MutexGuard<'a, u64>;

    fn new() -> Mutex<u64> {
        Mutex::new(0)
    }

    async fn lock(lock: &Mutex<u64>) -> MutexGuard<'_, u64> {
        lock.lock().await
    }
}

impl ReadLock for AsyncLock {
    type Lock = RwLock<u64>;
    type Guard<'a> = RwLockReadGuard<'a, u64>;

    fn new() -> RwLock<u64> {
        RwLock::new(0)
    }

    async fn read(lock: &RwLock<u64>) -> RwLockReadGuard<'_, u64> {
        lock.read().await
    }
}

impl Permits for AsyncLock {
    type Semaphore = Semaphore;
    type Permit<'a> = Permit<'a>;

    fn new(permits: usize) -> Semaphore {
        Semaphore::new(permits)
    }

    async fn acquire(semaphore: &Semaphore) -> Permit<'_> {
        semaphore.acquire().await
    }
}

impl Channel for AsyncChannel {
    type Sender = async_channel::Sender<u64>;
    type Receiver = async_channel::Receiver<u64>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        async_channel::bounded(capacity)
    }

    async fn send(sender: &mut Self::Sender, message: u64) {
        sender.send(message).await.expect(OPEN);
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

impl Channel for Flume {
    type Sender = flume::Sender<u64>;
    type Receiver = flume::Receiver<u64>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        flume::bounded(capacity)
    }

    async fn send(sender: &mut Self::Sender, message: u64) {
        sender.send_async(message).await.expect(OPEN);
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv_async().await.ok()
    }
}

impl Channel for Kanal {
    type Sender = kanal::AsyncSender<u64>;
    type Receiver = kanal::AsyncReceiver<u64>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        kanal::bounded_async(capacity)
    }

    async fn send(sender: &mut Self::Sender, message: u64) {
        sender.send(message).await.expect(OPEN);
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

impl Channel for Futures {
    type Sender = mpsc::Sender<u64>;
    type Receiver = mpsc::Receiver<u64>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        mpsc::channel(capacity)
    }

    async fn send(sender: &mut Self::Sender, message: u64) {
        poll_fn(|context| sender.poll_ready(context)).await.expect(OPEN);
        sender.start_send(message).expect(OPEN);
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

impl Lock for Futures {
    type Lock = futures_lock::Mutex<u64>;
    type Guard<'a> = futures_lock::MutexGuard<'a, u64>;

    fn new() -> Self::Lock {
        futures_lock::Mutex::new(0)
    }

    async fn lock(lock: &Self::Lock) -> Self::Guard<'_> {
        lock.lock().await
    }
}

impl Oneshot for Futures {
    type Sender = oneshot::Sender<u64>;
    type Receiver = oneshot::Receiver<u64>;

    fn channel() -> (Self::Sender, Self::Receiver) {
        oneshot::channel()
    }

    fn send(sender: Self::Sender, message: u64) {
        sender.send(message).expect(OPEN);
    }

    async fn receive(receiver: Self::Receiver) -> u64 {
        receiver.await.expect(OPEN)
    }
}
