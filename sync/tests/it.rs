//! What this crate promises, tested without the rest of the workspace: `cargo test -p raddle-sync`.
//!
//! The files are those of `tests/it`, where `cargo test --workspace` runs them again beside the runtime's. Here nothing
//! of the runtime is compiled, which also shows that nothing of it is needed. What needs several crates (budgets, runtimes,
//! the models) stays there.
#![cfg(not(loom))]
#![allow(
    missing_docs,
    dead_code,
    reason = "not every file of the support library is used to the full"
)]

#[path = "../../tests/src/count.rs"]
mod count;
#[path = "../../tests/src/watch.rs"]
mod waiting;

/// The part of `raddle_tests` that is not about runtimes.
mod support {
    pub(crate) use crate::count::{CountingWaker, DropCounter, DropGuard, catch, planned_panic};
    pub(crate) use crate::waiting::{poll_once, scaled};
}

#[path = "../../tests/it/support_block_on.rs"]
mod support_block_on;

#[path = "../../tests/it/barrier.rs"]
mod barrier;
#[path = "../../tests/it/bounded_semaphore.rs"]
mod bounded_semaphore;
#[path = "../../tests/it/broadcast.rs"]
mod broadcast;
#[path = "../../tests/it/cancellation_token.rs"]
mod cancellation_token;
#[path = "../../tests/it/channels.rs"]
mod channels;
#[path = "../../tests/it/channels_closing.rs"]
mod channels_closing;
#[path = "../../tests/it/condvar.rs"]
mod condvar;
#[path = "../../tests/it/event.rs"]
mod event;
#[path = "../../tests/it/mutex.rs"]
mod mutex;
#[path = "../../tests/it/notify.rs"]
mod notify;
#[path = "../../tests/it/once.rs"]
mod once;
#[path = "../../tests/it/oneshot.rs"]
mod oneshot;
#[path = "../../tests/it/queues.rs"]
mod queues;
#[path = "../../tests/it/rwlock.rs"]
mod rwlock;
#[path = "../../tests/it/semaphore.rs"]
mod semaphore;
#[path = "../../tests/it/sync_bounds.rs"]
mod sync_bounds;
#[path = "../../tests/it/sync_printing.rs"]
mod sync_printing;
#[path = "../../tests/it/sync_stats.rs"]
mod sync_stats;
#[path = "../../tests/it/watch.rs"]
mod watch;

#[path = "../../tests/it/props_bounded_semaphore.rs"]
mod props_bounded_semaphore;
#[path = "../../tests/it/props_broadcast.rs"]
mod props_broadcast;
#[path = "../../tests/it/props_cancellation_token.rs"]
mod props_cancellation_token;
#[path = "../../tests/it/props_channels.rs"]
mod props_channels;
#[path = "../../tests/it/props_condvar.rs"]
mod props_condvar;
#[path = "../../tests/it/props_doorways.rs"]
mod props_doorways;
#[path = "../../tests/it/props_locks.rs"]
mod props_locks;
#[path = "../../tests/it/props_notify.rs"]
mod props_notify;
#[path = "../../tests/it/props_once.rs"]
mod props_once;
#[path = "../../tests/it/props_oneshot.rs"]
mod props_oneshot;
#[path = "../../tests/it/props_queues.rs"]
mod props_queues;
#[path = "../../tests/it/props_rwlock.rs"]
mod props_rwlock;
#[path = "../../tests/it/props_support.rs"]
mod props_support;
#[path = "../../tests/it/props_unbounded.rs"]
mod props_unbounded;
#[path = "../../tests/it/props_watch.rs"]
mod props_watch;
