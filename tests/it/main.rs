//! What the workspace promises, by behavior: one binary, and this is its table of contents.
//!
//! Without the feature `net` everything runs but what needs a socket: the runtime has no I/O driver then.

#![allow(missing_docs)]

use raddle_tests as support;

/// Counts what tasks cost.
#[global_allocator]
static ALLOCATOR: size::Counting = size::Counting;

// Tasks.
mod cancel;
mod cancel_scope;
mod combinations;
mod coroutine;
mod handles;
mod join;
mod join_map;
mod join_set;
mod local_set;
mod million;
mod panics;
mod pool;
mod size;
mod spawn;
mod task_group;
mod task_local;
mod task_tracker;
mod wakers;

// Macros.
#[cfg(feature = "macros")]
mod attributes;
#[cfg(feature = "macros")]
mod compile_fail;
mod join_macros;
#[cfg(feature = "macros")]
mod select;

// The scheduler.
mod blocking;
mod blocking_classes;
mod budget;
mod fairness;
mod stealing;

// Runtimes.
mod contexts;
mod deadlines;
mod runtime;
mod runtime_hooks;
mod shutdown;
mod shutdown_destructors;
mod shutdown_places;
mod shutdown_races;
mod timeouts;

// What was broken once.
mod regressions;

// Sockets.
#[cfg(feature = "net")]
mod tcp;

// The leaves by themselves.
mod barrier;
mod bounded_semaphore;
mod broadcast;
mod cancellation_token;
mod channels;
mod condvar;
mod event;
#[cfg(feature = "net")]
mod io_driver;
mod mutex;
mod notify;
mod once;
mod oneshot;
mod props_bounded_semaphore;
mod props_channels;
mod props_locks;
mod props_notify;
mod props_oneshot;
mod props_rwlock;
mod props_support;
mod props_timer;
mod props_unbounded;
mod queues;
mod rwlock;
mod semaphore;
mod support_block_on;
mod sync_bounds;
mod sync_memory;
mod sync_stats;
mod watch;

// The sources.
mod tidy;
