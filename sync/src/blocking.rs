//! Waiting for a future on a plain thread, for the `blocking_*` functions.
#![allow(unreachable_pub, reason = "the models reach it through loom::internals")]

use crate::{budget, loom::Parker};
use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

struct Unpark(Parker);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls `future` on this thread, which sleeps in between.
///
/// The cooperative budget is lifted meanwhile: nobody would refill it.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let thread = Arc::new(Unpark(Parker::of_this_thread()));
    let waker = Waker::from(Arc::clone(&thread));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(budget::unconstrained(future));
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread.0.park(),
        }
    }
}
