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

/// To be called before anything else, also where there may be nothing to wait for: whether a program is
/// wrong must not depend on who comes first.
///
/// # Panics
/// If this thread is in a poll, as far as is known.
#[track_caller]
pub(crate) fn expect_may_block() {
    assert!(
        !budget::is_in_poll(),
        "a blocking_* function inside a task or block_on would hold up the thread that polls it: await the async \
         function instead, or block in spawn_blocking or block_in_place"
    );
}

/// Polls `future` on this thread, which sleeps in between.
///
/// The cooperative budget is lifted meanwhile: nobody would refill it.
///
/// # Panics
/// As [`expect_may_block`].
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    expect_may_block();
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
