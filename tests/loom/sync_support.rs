//! For the models of the sync crate: futures that fail a model instead of sleeping for ever.
//!
//! loom reports a deadlock from a state in which destructors cannot run any more, and then aborts.
//! So a negative control that is to lose a wake-up lets everybody else finish, and looks whether it
//! came.

use loom::{
    sync::{Condvar, Mutex},
    thread::{self, JoinHandle},
};
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

/// Woken, and how many of the others still run.
struct Among {
    state: Mutex<(bool, usize)>,
    changed: Condvar,
}

impl Among {
    fn change(&self, change: impl FnOnce(&mut (bool, usize))) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_one();
    }
}

impl Wake for Among {
    fn wake(self: Arc<Self>) {
        self.change(|state| state.0 = true);
    }
}

/// As [`run_beside`], where the others may have to wait for this thread: it is polled when it is woken,
/// and panics if they have all ended without that.
pub(crate) fn run_among<F: Future>(others: Vec<Box<dyn FnOnce() + Send>>, future: F) -> F::Output {
    let state = Mutex::new((false, others.len()));
    let among = Arc::new(Among { state, changed: Condvar::new() });
    let others: Vec<_> = others
        .into_iter()
        .map(|other| {
            let among = Arc::clone(&among);
            thread::spawn(move || {
                other();
                among.change(|state| state.1 -= 1);
            })
        })
        .collect();
    let waker = Waker::from(Arc::clone(&among));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            others.into_iter().for_each(|other| other.join().unwrap());
            return output;
        }
        let mut state = among.state.lock().unwrap();
        while !state.0 && state.1 > 0 {
            state = among.changed.wait(state).unwrap();
        }
        assert!(std::mem::take(&mut state.0), "lost wake-up");
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
