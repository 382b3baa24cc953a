//! Deadlines for async programs: a hierarchical timing wheel, and the futures that wait on it.
//!
//! ```text
//!  Sleep · Timeout · Interval                               whoever drives the timer
//!      │ poll: insert(deadline, waker) → key                    │ sleep until next_deadline(): one atomic load
//!      │ drop: cancel(key)                                      │ expire(now, &mut woken): wakers, to be woken by you
//!      ▼                                                        ▼
//!  ┌─ Timer: one lock ─────────────────────────────────────────────────────────────────────┐
//!  │ level 2   64 slots of   4.1 µs  ▮▯▯▯▯▯▯▯…   what is due within 262 µs                 │ ── on_earlier ──►
//!  │ level 3   64 slots of   262 µs  ▯▯▯▮▯▯▯▯…   within 16.8 ms                            │    a waker: "the nearest
//!  │ level 4   64 slots of  16.8 ms  ▯▯▯▯▯▯▮▯…   within 1.07 s                             │    deadline is nearer now"
//!  │   ⋮                                                                                   │
//!  │ level 10  64 slots of 36.6 years            within 292 years                          │
//!  └───────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! **Setting and dropping a deadline** takes the lock twice for some nanoseconds, allocates nothing once the timer has
//! grown to its crowd, and announces nothing unless the deadline is the nearest. Give every worker thread a [`Timer`] of
//! its own, and the lock is hardly ever contended; a timer of a thread that is stuck can be expired by any other.
//!
//! **Precision.** Deadlines round up to a tick of 2¹² ns (4.096 µs), the present is not rounded, and nothing fires early.
//! How late it fires beyond that is up to whoever drives the timer. On a clock that stands still, and is moved by hand,
//! deadlines are exact.
//!
//! **The timer knows no runtime.** It returns wakers instead of waking them, reads the time from a [`Clock`], and starts
//! no thread. With a [`ManualClock`] a test or a simulation decides what time it is; a [`PausableClock`] shows the time of
//! another until it is stopped.
//!
//! **Many deadlines, one task**: a [`DelayQueue`] has a wheel of its own, and gives items back when they are due.
//!
//! # Examples
//! The whole of a driver, for one thread and one future:
//! ```
//! use std::future::Future;
//! use std::task::{Context, Poll, Waker};
//! use std::{pin::pin, sync::Arc, thread, time::{Duration, Instant}};
//! use raddle_timer::{Sleep, SystemClock, Timer};
//!
//! fn block_on<F: Future>(timer: &Timer, future: F) -> F::Output {
//!     let mut future = pin!(future);
//!     let mut woken = Vec::new();
//!     loop {
//!         if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
//!             return output;
//!         }
//!         let deadline = timer.next_deadline().expect("the future waits for time");
//!         thread::sleep(deadline.saturating_duration_since(timer.now()));
//!         timer.expire(timer.now(), &mut woken);
//!         woken.drain(..).for_each(Waker::wake);
//!     }
//! }
//!
//! let timer = Timer::new(Arc::new(SystemClock), Waker::noop().clone());
//! let start = Instant::now();
//! block_on(&timer, async {
//!     Sleep::new(timer.clone(), start + Duration::from_millis(2)).await;
//!     Sleep::new(timer.clone(), start + Duration::from_millis(3)).await;
//! });
//! assert!(start.elapsed() >= Duration::from_millis(3));
//! ```

#![forbid(unsafe_code)]

mod clock;
pub mod delay_queue;
mod error;
mod interval;
#[doc(hidden)]
pub mod loom;
mod pausable;
mod sleep;
mod timeout;
mod timer;
mod wheel;

pub use self::clock::{Clock, Listener, ManualClock, SystemClock};
pub use self::delay_queue::DelayQueue;
pub use self::error::Elapsed;
pub use self::interval::{Interval, MissedTickBehavior};
pub use self::pausable::PausableClock;
pub use self::sleep::Sleep;
pub use self::timeout::Timeout;
pub use self::timer::Timer;
pub use self::wheel::Key;

/// The README's example runs with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
