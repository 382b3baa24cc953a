//! Models.

#[cfg(loom)]
mod atomic_waker;
#[cfg(loom)]
mod barrier;
#[cfg(loom)]
mod bounded_semaphore;
#[cfg(loom)]
mod broadcast;
#[cfg(loom)]
mod cancellation_token;
#[cfg(loom)]
mod condvar;
#[cfg(loom)]
mod event;
#[cfg(loom)]
mod exchange;
#[cfg(loom)]
mod executor_support;
#[cfg(loom)]
mod gate;
#[cfg(loom)]
mod idle_park;
#[cfg(loom)]
mod inject;
#[cfg(loom)]
mod join_set;
#[cfg(loom)]
mod lanes;
#[cfg(loom)]
mod local_queue;
#[cfg(loom)]
mod local_set;
#[cfg(loom)]
mod mpsc;
#[cfg(loom)]
mod mutex;
#[cfg(loom)]
mod notify;
#[cfg(loom)]
mod once_cell;
#[cfg(loom)]
mod oneshot;
#[cfg(loom)]
mod parker;
#[cfg(loom)]
mod polled;
#[cfg(loom)]
mod queue;
#[cfg(loom)]
mod readiness;
#[cfg(loom)]
mod relief;
#[cfg(loom)]
mod room;
#[cfg(loom)]
mod runtime;
#[cfg(loom)]
mod runtime_time;
#[cfg(loom)]
mod rwlock;
#[cfg(loom)]
mod semaphore;
#[cfg(loom)]
mod short_lock;
#[cfg(loom)]
mod shutdown;
#[cfg(loom)]
mod sync_support;
#[cfg(loom)]
mod task_extras;
#[cfg(loom)]
mod task_group;
#[cfg(loom)]
mod task_join;
#[cfg(loom)]
mod task_state;
#[cfg(loom)]
mod task_tracker;
#[cfg(loom)]
mod timer;
#[cfg(loom)]
mod wait_list;
#[cfg(loom)]
mod watch;
#[cfg(loom)]
mod watch_channel;
