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
mod combinations_forms;
mod coroutine;
mod eager;
mod handles;
mod join;
mod join_map;
mod join_set;
mod local_set;
mod million;
mod names_of_tokio;
mod panics;
mod pool;
mod priorities;
mod scope_blocking;
mod size;
mod spawn;
mod task_group;
mod task_list;
mod task_local;
mod task_tracker;
mod task_wakes;
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
mod block_in_place;
mod blocking;
mod blocking_classes;
mod blocking_in_polls;
mod budget;
mod fairness;
mod foreign_destructors;
mod relief;
mod roots;
mod stealing;

// Runtimes.
mod calls;
mod clocks;
mod contexts;
mod deadlines;
mod grace;
mod leftovers;
mod limits;
mod paused;
mod runtime;
mod runtime_hooks;
mod shutdown;
mod shutdown_destructors;
mod shutdown_places;
mod shutdown_races;
mod stuck_timers;
mod timeouts;

// What was broken once.
mod regressions;

// Sockets, descriptors, signals, children and files.
#[cfg(feature = "net")]
mod async_fd;
#[cfg(feature = "net")]
mod faults_net;
#[cfg(feature = "net")]
mod faults_system;
#[cfg(feature = "net")]
mod files;
#[cfg(feature = "net")]
mod fuzz_seeds;
#[cfg(feature = "net")]
mod io_util;
#[cfg(feature = "net")]
mod pinned;
mod pipes;
#[cfg(feature = "net")]
mod processes;
#[cfg(feature = "net")]
mod serve;
#[cfg(feature = "net")]
mod signals;
#[cfg(feature = "net")]
mod tcp;
#[cfg(feature = "net")]
mod tcp_sockets;
#[cfg(feature = "net")]
mod udp;
#[cfg(feature = "net")]
mod unix;

// The leaves by themselves.
mod barrier;
mod bounded_semaphore;
mod broadcast;
mod cancellation_token;
mod channels;
mod channels_closing;
mod condvar;
mod event;
#[cfg(feature = "net")]
mod io_driver;
#[cfg(feature = "net")]
mod io_driver_sources;
#[cfg(feature = "net")]
mod io_driver_streams;
mod mutex;
mod notify;
mod once;
mod oneshot;
mod props_bounded_semaphore;
mod props_broadcast;
mod props_cancellation_token;
mod props_channels;
mod props_condvar;
mod props_delay_queue;
mod props_doorways;
#[cfg(feature = "net")]
mod props_io;
mod props_locks;
mod props_notify;
mod props_once;
mod props_oneshot;
mod props_queues;
mod props_rwlock;
mod props_support;
mod props_timer;
mod props_unbounded;
mod props_watch;
mod queues;
mod rwlock;
mod semaphore;
mod support_block_on;
mod sync_bounds;
mod sync_memory;
mod sync_printing;
mod sync_stats;
mod watch;

// The sources.
mod tidy;
