//! Waiting for a task on a plain thread.

use crate::scheduler::context;
use crate::task::{JoinError, JoinHandle};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

impl<T> JoinHandle<T> {
    /// Blocks the calling thread until the task has ended. For threads outside the runtime, such as that of a user
    /// interface, and for [`spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// On a current-thread runtime some thread must be in `block_on` meanwhile, or the task does not run.
    ///
    /// # Errors
    /// As awaiting the handle.
    ///
    /// # Panics
    /// In a task and in `block_on`, which it would hold up: await the handle there.
    ///
    /// ```
    /// let runtime = raddle::runtime::Runtime::new()?;
    /// let task = runtime.spawn(async { 6 * 7 });
    /// assert_eq!(task.blocking_wait().unwrap(), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn blocking_wait(mut self) -> Result<T, JoinError> {
        if context::is_in_async_code() {
            panic!(
                "blocking_wait inside a task or block_on would hold up the worker it runs on: await the handle"
            );
        }
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            if let Poll::Ready(output) = Pin::new(&mut self).poll(&mut Context::from_waker(&waker))
            {
                return output;
            }
            thread::park();
        }
    }
}
