//! The worker threads of a runtime, and waiting for their end.

use crate::scheduler::context;
use crate::scheduler::shared::{Shared, call};
use crate::task::alloc;
use parking_lot::{Condvar, Mutex};
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// The threads, while they live.
#[derive(Debug)]
pub(crate) struct Threads {
    handles: Vec<JoinHandle<()>>,
    alive: Arc<Alive>,
}

#[derive(Debug, Default)]
struct Alive {
    count: Mutex<usize>,
    ended: Condvar,
}

/// Counts a thread as alive until it is dropped, also by a panic.
struct Living(Arc<Alive>);

impl Drop for Living {
    fn drop(&mut self) {
        *self.0.count.lock() -= 1;
        self.0.ended.notify_all();
    }
}

impl Threads {
    /// Starts a thread for each worker slot of `shared`.
    ///
    /// # Errors
    /// If the system refuses a thread. Those started already are stopped again.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        name: &(dyn Fn() -> String + Send + Sync),
        stack_size: Option<usize>,
    ) -> io::Result<Threads> {
        // All names first, because making them is the user's code.
        let names: Vec<String> = (0..shared.workers).map(|_| name()).collect();
        if names.iter().any(|name| name.contains('\0')) {
            let message = "thread_name contains a NUL";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let mut threads = Threads { handles: Vec::new(), alive: Arc::default() };
        for (index, name) in names.into_iter().enumerate() {
            let mut builder = thread::Builder::new().name(name);
            if let Some(size) = stack_size {
                builder = builder.stack_size(size);
            }
            *threads.alive.count.lock() += 1;
            let living = Living(threads.alive.clone());
            let worker = shared.clone();
            match builder.spawn(move || run(&worker, index, living)) {
                Ok(handle) => threads.handles.push(handle),
                Err(error) => {
                    shared.close();
                    shared.leave_vacant_slots();
                    threads.join(None);
                    let message =
                        format!("starting worker thread {index} of {}: {error}", shared.workers);
                    return Err(io::Error::new(error.kind(), message));
                }
            }
        }
        Ok(threads)
    }

    /// Threads that have not ended.
    pub(crate) fn left(&self) -> usize {
        *self.alive.count.lock()
    }

    /// Leaves them to another process.
    pub(crate) fn forget(&mut self) {
        std::mem::take(&mut self.handles).into_iter().for_each(std::mem::forget);
    }

    /// Waits for the threads' end, until `deadline`; those that go on longer are left to themselves.
    pub(crate) fn join(&mut self, deadline: Option<Instant>) {
        let mut count = self.alive.count.lock();
        while *count > 0 {
            match deadline {
                None => self.alive.ended.wait(&mut count),
                Some(deadline) if self.alive.ended.wait_until(&mut count, deadline).timed_out() => {
                    break;
                }
                Some(_) => {}
            }
        }
        let all_ended = *count == 0;
        drop(count);
        for handle in self.handles.drain(..) {
            if all_ended || handle.is_finished() {
                // A worker thread panics only if a hook does or an invariant of ours is broken; the panic has been
                // reported on its own thread, and there is nobody here to give it to.
                drop(handle.join());
            }
        }
    }
}

/// The life of a worker thread.
fn run(shared: &Arc<Shared>, index: usize, living: Living) {
    let _living = living;
    let _entered = context::enter(shared.clone());
    alloc::keep_blocks_on_this_thread();
    call(&shared.hooks.on_thread_start);
    // Not free only if the runtime has been closed before this thread came up: somebody else leaves it then (S3).
    if let Some(claim) = shared.slots[index].try_claim() {
        context::with_worker(&claim, |worker| worker.run());
        shared.leave(&claim);
    }
    // S3.
    shared.leave_vacant_slots();
    call(&shared.hooks.on_thread_stop);
}
