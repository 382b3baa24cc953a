//! raddle-sync, and Tokio's `sync`, whose names it has: written once.

use super::{OPEN, RaddleSync, TokioSync};
use crate::primitives::{Broadcast, Channel, Lock, Oneshot, Permits, ReadLock, Signal};

/// Implements everything for a library with Tokio's names, in a module of its own.
macro_rules! with_tokios_names {
    ($module:ident, $Library:ident, $($sync:tt)+) => {
        mod $module {
            use super::*;
            use $($sync)+::{
                Mutex, MutexGuard, Notify, RwLock, RwLockReadGuard, Semaphore, SemaphorePermit,
                broadcast, mpsc, oneshot,
            };

            impl Channel for $Library {
                type Sender = mpsc::Sender<u64>;
                type Receiver = mpsc::Receiver<u64>;

                fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
                    mpsc::channel(capacity)
                }

                async fn send(sender: &mut Self::Sender, message: u64) {
                    sender.send(message).await.expect(OPEN);
                }

                async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
                    receiver.recv().await
                }
            }

            impl Lock for $Library {
                type Lock = Mutex<u64>;
                type Guard<'a> = MutexGuard<'a, u64>;

                fn new() -> Mutex<u64> {
                    Mutex::new(0)
                }

                async fn lock(lock: &Mutex<u64>) -> MutexGuard<'_, u64> {
                    lock.lock().await
                }
            }

            impl ReadLock for $Library {
                type Lock = RwLock<u64>;
                type Guard<'a> = RwLockReadGuard<'a, u64>;

                fn new() -> RwLock<u64> {
                    RwLock::new(0)
                }

                async fn read(lock: &RwLock<u64>) -> RwLockReadGuard<'_, u64> {
                    lock.read().await
                }
            }

            impl Permits for $Library {
                type Semaphore = Semaphore;
                type Permit<'a> = SemaphorePermit<'a>;

                fn new(permits: usize) -> Semaphore {
                    Semaphore::new(permits)
                }

                async fn acquire(semaphore: &Semaphore) -> SemaphorePermit<'_> {
                    semaphore.acquire().await.expect(OPEN)
                }
            }

            impl Oneshot for $Library {
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

            impl Signal for $Library {
                type Signal = Notify;

                fn new() -> Notify {
                    Notify::new()
                }

                fn notify_one(signal: &Notify) {
                    signal.notify_one();
                }

                async fn notified(signal: &Notify) {
                    signal.notified().await;
                }
            }

            impl Broadcast for $Library {
                type Sender = broadcast::Sender<u64>;
                type Receiver = broadcast::Receiver<u64>;

                fn channel(capacity: usize, receivers: usize) -> (Self::Sender, Vec<Self::Receiver>) {
                    let (sender, first) = broadcast::channel(capacity);
                    let mut all = vec![first];
                    all.resize_with(receivers, || sender.subscribe());
                    (sender, all)
                }

                fn send(sender: &Self::Sender, message: u64) {
                    sender.send(message).expect(OPEN);
                }

                async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
                    match receiver.recv().await {
                        Ok(message) => Some(message),
                        Err(broadcast::error::RecvError::Closed) => None,
                        Err(broadcast::error::RecvError::Lagged(lost)) => panic!("{lost} messages were lost"),
                    }
                }
            }
        }
    };
}

with_tokios_names!(raddle, RaddleSync, ::raddle_sync);
with_tokios_names!(tokio, TokioSync, ::tokio::sync);
