//! Models.

#[cfg(loom)]
mod readiness;
#[cfg(loom)]
mod timer;
#[cfg(loom)]
mod atomic_waker;
#[cfg(loom)]
mod mpsc;
#[cfg(loom)]
mod mutex;
#[cfg(loom)]
mod notify;
#[cfg(loom)]
mod oneshot;
#[cfg(loom)]
mod semaphore;
#[cfg(loom)]
mod sync_support;
#[cfg(loom)]
mod wait_list;
