//! The bare queue: a thread-local `VecDeque` over the cells of the `async-task` crate.
//!
//! No drivers, no wake from another thread, no fairness between the root and the tasks. A yardstick, not a lower bound:
//! every task is allocated, and every wake is an atomic operation, which a runtime with cells of its own may avoid.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use async_task::{Runnable, Task};

use crate::contender::Contender;

thread_local! {
    static QUEUE: RefCell<VecDeque<Runnable>> = const { RefCell::new(VecDeque::new()) };
}

/// The queue of the calling thread.
pub(crate) struct Bare;

/// Remembers that the root future was woken. Relaxed throughout: everything happens on one thread.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

fn start_task<F>(future: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (runnable, task) = async_task::spawn(future, |runnable| {
        QUEUE.with_borrow_mut(|queue| queue.push_back(runnable))
    });
    runnable.schedule();
    task
}

impl Contender for Bare {
    const MULTI_THREAD: bool = false;

    type Join<T: Send + 'static> = Task<T>;

    fn start(_workers: usize) -> io::Result<Self> {
        Ok(Self)
    }

    fn block_on<F: Future>(&self, root: F) -> F::Output {
        let mut root = pin!(root);
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        loop {
            if woken.0.swap(false, Relaxed)
                && let Poll::Ready(output) = root.as_mut().poll(&mut context)
            {
                return output;
            }
            let mut progress = woken.0.load(Relaxed);
            while let Some(runnable) = QUEUE.with_borrow_mut(VecDeque::pop_front) {
                runnable.run();
                progress = true;
            }
            assert!(progress, "nothing is queued, and nobody on this thread can wake the root");
        }
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        start_task(future)
    }

    fn spawn_detached<F: Future<Output = ()> + Send + 'static>(future: F) {
        start_task(future).detach();
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        futures_lite::future::yield_now()
    }
}
