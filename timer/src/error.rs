//! The one thing that can go wrong with a deadline: it passes.

use std::error::Error;
use std::fmt;
use std::io;

/// The deadline of a [`Timeout`](crate::Timeout) passed before its future completed.
///
/// Converts into an [`io::Error`] of kind [`TimedOut`](io::ErrorKind::TimedOut), so that `?` works in functions that
/// do I/O.
///
/// # Examples
/// ```
/// use std::future::{self, Future};
/// use std::task::{Context, Poll, Waker};
/// use std::{io, pin::pin, sync::Arc, time::Duration};
/// use raddle_timer::{ManualClock, Timeout, Timer};
///
/// let clock = ManualClock::new();
/// let timer = Timer::new(Arc::new(clock.clone()), Waker::noop().clone());
/// let deadline = timer.deadline_after(Duration::from_secs(1));
/// let mut reply = pin!(Timeout::new(timer, deadline, future::pending::<()>()));
///
/// clock.advance(Duration::from_secs(1));
/// let Poll::Ready(Err(elapsed)) = reply.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { panic!() };
/// assert_eq!(io::Error::from(elapsed).kind(), io::ErrorKind::TimedOut);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline passed before the future completed")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}
