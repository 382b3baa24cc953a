//! What the macros expand to. Not for use by hand.

pub use raddle_sync::budget::has_remaining;
pub use std::future::{Future, IntoFuture, poll_fn};
pub use std::pin::pin;
pub use std::task::Poll::{Pending, Ready};

#[cfg(feature = "macros")]
pub use raddle_macros::select_pattern;

use pin_project_lite::pin_project;
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A number below `count`, another one each time: where a `select!` begins.
#[must_use]
pub fn anywhere(count: u32) -> u32 {
    thread_local! {
        static STATE: Cell<u32> = const { Cell::new(0) };
    }
    STATE.with(|state| {
        let mut x = state.get();
        if x == 0 {
            // Odd, and so not zero.
            x = (RandomState::new().hash_one(()) >> 32) as u32 | 1;
        }
        // xorshift32 (G. Marsaglia, 2003).
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        state.set(x);
        // Multiplying by the range and keeping the high half spares the division (D. Lemire, 2019).
        ((u64::from(x) * u64::from(count)) >> 32) as u32
    })
}

/// The branch that comes so many `steps` after the `first`, of `count`.
#[inline]
#[must_use]
pub const fn in_turn(first: u32, steps: u32, count: u32) -> u32 {
    (first + steps) % count
}

pin_project! {
    /// A future, then its output, then nothing.
    #[project = MaybeDoneProjected]
    #[project_replace = MaybeDoneReplaced]
    #[derive(Debug)]
    pub enum MaybeDone<F: Future> {
        #[doc(hidden)]
        Future { #[pin] future: F },
        #[doc(hidden)]
        Done { output: F::Output },
        #[doc(hidden)]
        Gone,
    }
}

/// As not done yet.
pub fn maybe_done<F: IntoFuture>(future: F) -> MaybeDone<F::IntoFuture> {
    MaybeDone::Future { future: future.into_future() }
}

impl<F: Future> MaybeDone<F> {
    /// Whether it is done now. The future is dropped as soon as it is.
    pub fn poll_done(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        match self.as_mut().project() {
            MaybeDoneProjected::Future { future } => match future.poll(cx) {
                Poll::Ready(output) => {
                    self.set(MaybeDone::Done { output });
                    true
                }
                Poll::Pending => false,
            },
            MaybeDoneProjected::Done { .. } | MaybeDoneProjected::Gone => true,
        }
    }

    /// The output of a future that is done.
    #[must_use]
    pub fn output(self: Pin<&mut Self>) -> F::Output {
        match self.project_replace(MaybeDone::Gone) {
            MaybeDoneReplaced::Done { output } => output,
            _ => unreachable!("every future is done, and its output taken once"),
        }
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> MaybeDone<F> {
    /// The error of a future that is done, if it failed.
    pub fn error(self: Pin<&mut Self>) -> Option<E> {
        if !matches!(&*self, MaybeDone::Done { output: Err(_) }) {
            return None;
        }
        self.output().err()
    }

    /// The value of a future that is done and has not failed.
    #[must_use]
    pub fn value(self: Pin<&mut Self>) -> T {
        match self.output() {
            Ok(value) => value,
            Err(_) => unreachable!("an error ends the whole at once"),
        }
    }
}
