//! Coroutines that are driven by hand: a function that gives values on its way, and takes one for each.
//!
//! What Python does with `yield` and `send`. The body is an `async` block; each [`resume`](Coroutine::resume) runs it up to
//! its next [`give`](Giver::give), or to its end. No runtime is needed, and no thread is blocked.
//!
//! ```
//! use raddle::coroutine::{Coroutine, Resumed};
//!
//! let mut average = Coroutine::new(|giver, first: f64| async move {
//!     let (mut sum, mut count) = (first, 1.0);
//!     while count < 3.0 {
//!         sum += giver.give(sum / count).await;
//!         count += 1.0;
//!     }
//!     sum / count
//! });
//! assert_eq!(average.resume(1.0), Ok(Resumed::Yielded(1.0)));
//! assert_eq!(average.resume(3.0), Ok(Resumed::Yielded(2.0)));
//! assert_eq!(average.resume(8.0), Ok(Resumed::Complete(4.0)));
//! assert!(average.resume(0.0).is_err());
//! ```

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// A function that can be stopped in its middle, where it gives a value of type `Y`, and resumed there with one of type `I`,
/// until it returns an `R`.
pub struct Coroutine<'a, I, Y, R> {
    body: Body<'a, I, Y, R>,
    exchange: Arc<Exchange<I, Y>>,
}

type Start<'a, I, Y, R> = Box<dyn FnOnce(Giver<I, Y>, I) -> Running<'a, R> + Send + 'a>;
type Running<'a, R> = Pin<Box<dyn Future<Output = R> + Send + 'a>>;

enum Body<'a, I, Y, R> {
    Created(Start<'a, I, Y, R>),
    Suspended(Running<'a, R>),
    Waiting(Running<'a, R>),
    Done,
    Cancelled,
}

/// Where a [`Coroutine`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Not resumed yet.
    Created,
    /// Has given a value, and wants to be resumed.
    Suspended,
    /// Resumed, and waits for something else: see [`Coroutine::wait`].
    Waiting,
    /// Has returned.
    Done,
    /// Was cancelled, or has panicked.
    Cancelled,
}

/// What a [`Coroutine`] was resumed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumed<Y, R> {
    /// It gave a value, and can be resumed again.
    Yielded(Y),
    /// It has returned.
    Complete(R),
}

/// A [`Coroutine`] could not be resumed, or did not get as far as its next value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResumeError<I> {
    /// It has returned, or was cancelled: the value comes back.
    Ended(I),
    /// It was resumed before, and still waits for something else: the value comes back.
    StillWaiting(I),
    /// It has taken the value, and now waits for something else than to be resumed. [`Coroutine::wait`] goes on.
    Waits,
}

impl<I> fmt::Display for ResumeError<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ResumeError::Ended(_) => "the coroutine has ended",
            ResumeError::StillWaiting(_) => {
                "the coroutine was resumed before, and waits for something else"
            }
            ResumeError::Waits => {
                "the coroutine waits for something else than to be resumed: go on with `wait`"
            }
        })
    }
}

impl<I: fmt::Debug> std::error::Error for ResumeError<I> {}

/// What passes between a coroutine and who resumes it.
struct Exchange<I, Y>(Mutex<Pair<I, Y>>);

struct Pair<I, Y> {
    input: Option<I>,
    output: Option<Y>,
}

impl<I, Y> Exchange<I, Y> {
    fn with<T>(&self, f: impl FnOnce(&mut Pair<I, Y>) -> T) -> T {
        // Moves only: nothing that panics runs under the lock.
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The coroutine's side: gives values. Passed to the body.
pub struct Giver<I, Y> {
    exchange: Arc<Exchange<I, Y>>,
}

impl<I, Y> Giver<I, Y> {
    /// Gives `value` to whoever has resumed the coroutine, and waits for the next value from there.
    ///
    /// # Cancel safety
    /// Once polled, the value is given; dropped after that, the coroutine goes on without an answer to it. If the body returns
    /// in the same poll, the value is dropped with it.
    ///
    /// # Panics
    /// If another value of this coroutine is being given: one at a time.
    pub async fn give(&self, value: Y) -> I {
        let mut value = Some(value);
        poll_fn(move |_| {
            if value.is_none() {
                let input = self.exchange.with(|pair| pair.input.take());
                return input.map_or(Poll::Pending, Poll::Ready);
            }
            // What is there already is the answer to a value whose giver has gone, and none to this one.
            let (is_free, stale) = self.exchange.with(|pair| {
                let is_free = pair.output.is_none();
                if is_free {
                    pair.output = value.take();
                }
                (is_free, pair.input.take())
            });
            assert!(is_free, "a coroutine gives one value at a time");
            drop(stale);
            Poll::Pending
        })
        .await
    }
}

impl<'a, I, Y, R> Coroutine<'a, I, Y, R>
where
    I: Send + 'a,
    Y: Send + 'a,
    R: 'a,
{
    /// A coroutine that runs `body` with the value of the first [`resume`](Coroutine::resume).
    pub fn new<B, F>(body: B) -> Coroutine<'a, I, Y, R>
    where
        B: FnOnce(Giver<I, Y>, I) -> F + Send + 'a,
        F: Future<Output = R> + Send + 'a,
    {
        Coroutine {
            body: Body::Created(Box::new(|giver, first| Box::pin(body(giver, first)))),
            exchange: Arc::new(Exchange(Mutex::new(Pair { input: None, output: None }))),
        }
    }
}

impl<I, Y, R> Coroutine<'_, I, Y, R> {
    /// Where it is.
    pub fn state(&self) -> State {
        match self.body {
            Body::Created(_) => State::Created,
            Body::Suspended(_) => State::Suspended,
            Body::Waiting(_) => State::Waiting,
            Body::Done => State::Done,
            Body::Cancelled => State::Cancelled,
        }
    }

    /// Runs the coroutine up to the next value that it gives, or to its end.
    ///
    /// # Errors
    /// [`ResumeError`], with the value if it could not be used: after the end, and when the coroutine awaits something else
    /// than its [`Giver`].
    ///
    /// # Panics
    /// With the panic of the body, which counts as cancelled then.
    pub fn resume(&mut self, value: I) -> Result<Resumed<Y, R>, ResumeError<I>> {
        self.feed(value)?;
        match self.poll_wait(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(resumed) => Ok(resumed),
            Poll::Pending => Err(ResumeError::Waits),
        }
    }

    /// As [`resume`](Coroutine::resume), for a coroutine that may await other things, too.
    ///
    /// # Errors
    /// As [`resume`](Coroutine::resume), without [`Waits`](ResumeError::Waits).
    ///
    /// # Cancel safety
    /// The value was taken with the first poll; [`wait`](Coroutine::wait) goes on.
    ///
    /// # Panics
    /// As [`resume`](Coroutine::resume).
    pub async fn resume_async(&mut self, value: I) -> Result<Resumed<Y, R>, ResumeError<I>> {
        self.feed(value)?;
        Ok(poll_fn(|cx| self.poll_wait(cx)).await)
    }

    /// Waits until a coroutine that was resumed, and [waits](State::Waiting) for something else, gives a value or ends. `None`
    /// if it is not waiting.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    ///
    /// # Panics
    /// As [`resume`](Coroutine::resume).
    pub async fn wait(&mut self) -> Option<Resumed<Y, R>> {
        match self.state() {
            State::Waiting => Some(poll_fn(|cx| self.poll_wait(cx)).await),
            _ => None,
        }
    }

    /// Drops the body where it is. Does nothing after the end.
    pub fn cancel(&mut self) {
        if self.state() != State::Done {
            self.body = Body::Cancelled;
        }
    }

    /// Hands over the value; the body is waiting afterwards.
    fn feed(&mut self, value: I) -> Result<(), ResumeError<I>> {
        // Cancelled, should the body panic.
        self.body = match std::mem::replace(&mut self.body, Body::Cancelled) {
            Body::Created(start) => {
                let giver = Giver { exchange: self.exchange.clone() };
                Body::Waiting(start(giver, value))
            }
            Body::Suspended(running) => {
                let stale = self.exchange.with(|pair| pair.input.replace(value));
                drop(stale);
                Body::Waiting(running)
            }
            Body::Waiting(running) => {
                self.body = Body::Waiting(running);
                return Err(ResumeError::StillWaiting(value));
            }
            Body::Done => {
                self.body = Body::Done;
                return Err(ResumeError::Ended(value));
            }
            Body::Cancelled => return Err(ResumeError::Ended(value)),
        };
        Ok(())
    }

    /// The body is waiting.
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<Resumed<Y, R>> {
        let Body::Waiting(mut running) = std::mem::replace(&mut self.body, Body::Cancelled) else {
            unreachable!("polled only while the body is waiting")
        };
        if let Poll::Ready(result) = running.as_mut().poll(cx) {
            self.body = Body::Done;
            return Poll::Ready(Resumed::Complete(result));
        }
        match self.exchange.with(|pair| pair.output.take()) {
            Some(value) => {
                self.body = Body::Suspended(running);
                Poll::Ready(Resumed::Yielded(value))
            }
            None => {
                self.body = Body::Waiting(running);
                Poll::Pending
            }
        }
    }
}

/// The values given, each answered with `()`. What the body returns is dropped.
///
/// ```
/// use raddle::coroutine::Coroutine;
///
/// let countdown = Coroutine::new(|giver, ()| async move {
///     for number in (1..=3).rev() {
///         giver.give(number).await;
///     }
/// });
/// assert_eq!(countdown.collect::<Vec<_>>(), [3, 2, 1]);
/// ```
///
/// # Panics
/// If the body awaits something else than its [`Giver`]: use it as a stream.
impl<Y, R> Iterator for Coroutine<'_, (), Y, R> {
    type Item = Y;

    fn next(&mut self) -> Option<Y> {
        match self.resume(()) {
            Ok(Resumed::Yielded(value)) => Some(value),
            Ok(Resumed::Complete(_)) | Err(ResumeError::Ended(())) => None,
            Err(error) => panic!("a coroutine as an iterator: {error}"),
        }
    }
}

/// The values given, each answered with `()`; the body may await other things.
impl<Y, R> futures_core::Stream for Coroutine<'_, (), Y, R> {
    type Item = Y;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Y>> {
        let this = self.get_mut();
        if this.state() != State::Waiting && this.feed(()).is_err() {
            return Poll::Ready(None);
        }
        this.poll_wait(cx).map(|resumed| match resumed {
            Resumed::Yielded(value) => Some(value),
            Resumed::Complete(_) => None,
        })
    }
}

impl<I, Y, R> Unpin for Coroutine<'_, I, Y, R> {}

impl<I, Y, R> fmt::Debug for Coroutine<'_, I, Y, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coroutine").field("state", &self.state()).finish()
    }
}

impl<I, Y> fmt::Debug for Giver<I, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Giver").finish_non_exhaustive()
    }
}
