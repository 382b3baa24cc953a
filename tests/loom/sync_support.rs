//! For the models of the sync crate: futures that fail a model instead of sleeping for ever.
//!
//! loom reports a deadlock from a state in which destructors cannot run any more, and then aborts.
//! So a negative control that is to lose a wake-up lets everybody else finish, and looks whether it
//! came.

use loom::thread::JoinHandle;
use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Runs `future` on this thread beside `others`. When it has to wait, waits for the others to end;
/// panics if none of them woke it.
pub(crate) fn run_beside<F: Future>(others: Vec<JoinHandle<()>>, future: F) -> F::Output {
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    let mut others = others.into_iter();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            others.for_each(|other| other.join().unwrap());
            return output;
        }
        others.by_ref().for_each(|other| other.join().unwrap());
        assert!(woken.0.swap(false, Ordering::SeqCst), "lost wake-up");
    }
}

/// Polls `future` once, and drops it; `None` if it was not ready.
pub(crate) async fn once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}
