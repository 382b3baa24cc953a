//! Functions called at a moment, as `call_later` and `call_at` of Python's event loop do.

use super::{Instant, Sleep, sleep_until};
use crate::scheduler::context;
use crate::task::AbortHandle;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Neither called nor cancelled yet. One exchange decides.
const WAITING: u8 = 0;
const CALLED: u8 = 1;
const CANCELLED: u8 = 2;

/// Cancels a call that [`call_later`] or [`call_at`] has arranged. Dropping it lets the call happen.
///
/// ```
/// use raddle::time::{Duration, call_later};
///
/// # raddle::block_on(async {
/// let reminder = call_later(Duration::from_secs(60), || println!("a minute has passed"));
/// assert!(reminder.cancel());
/// assert!(reminder.is_cancelled());
/// # })
/// ```
#[derive(Debug, Clone)]
#[must_use = "dropping a TimerHandle does not cancel the call; assign it to `_` if that is meant"]
pub struct TimerHandle {
    state: Arc<AtomicU8>,
    task: AbortHandle,
    when: Instant,
}

impl TimerHandle {
    /// Sees to it that the function is not called, unless it was: then `false`. The function is dropped, uncalled, by a
    /// worker.
    pub fn cancel(&self) -> bool {
        // Relaxed: the exchange decides who is first, and nothing else is told by it.
        match self.state.compare_exchange(WAITING, CANCELLED, Relaxed, Relaxed) {
            Ok(_) => {
                self.task.abort();
                true
            }
            Err(state) => state == CANCELLED,
        }
    }

    /// Whether it was cancelled before it was called.
    pub fn is_cancelled(&self) -> bool {
        self.state.load(Relaxed) == CANCELLED
    }

    /// When the function is, was or would have been called.
    pub fn when(&self) -> Instant {
        self.when
    }
}

/// Waits, and calls.
struct Call<F> {
    sleep: Sleep,
    state: Arc<AtomicU8>,
    f: Option<F>,
}

/// The function is never pinned.
impl<F> Unpin for Call<F> {}

impl<F: FnOnce()> Future for Call<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(Pin::new(&mut self.sleep).poll(cx));
        // Relaxed: as in `cancel`.
        if self.state.compare_exchange(WAITING, CALLED, Relaxed, Relaxed).is_ok()
            && let Some(f) = self.f.take()
        {
            f();
        }
        Poll::Ready(())
    }
}

/// Calls `f` on a worker, after `delay`.
///
/// It costs a task. `f` should not block: whatever else waits for its worker waits for it. A panic of `f` is reported by
/// the panic hook, and goes no further. When the runtime is dropped before, `f` is dropped uncalled.
///
/// # Panics
/// Outside a runtime.
///
/// ```
/// use raddle::time::{Duration, call_later};
///
/// # raddle::block_on(async {
/// let (send, receive) = raddle::sync::oneshot::channel();
/// let _ = call_later(Duration::from_millis(1), || send.send("now").unwrap());
/// assert_eq!(receive.await.unwrap(), "now");
/// # })
/// ```
#[track_caller]
pub fn call_later<F: FnOnce() + Send + 'static>(delay: Duration, f: F) -> TimerHandle {
    let timer = context::timer("time::call_later");
    start(Instant(timer.deadline_after(delay)), f, Location::caller())
}

/// Calls `f` on a worker, at `deadline`; soon, if that has passed. As [`call_later`].
///
/// # Panics
/// Outside a runtime.
///
/// ```
/// use raddle::time::{Duration, Instant, call_at};
///
/// # raddle::block_on(async {
/// let soon = Instant::now() + Duration::from_millis(1);
/// let (send, receive) = raddle::sync::oneshot::channel();
/// let call = call_at(soon, move || send.send(Instant::now()).unwrap());
/// assert_eq!(call.when(), soon);
/// assert!(receive.await.unwrap() >= soon);
/// # })
/// ```
#[track_caller]
pub fn call_at<F: FnOnce() + Send + 'static>(deadline: Instant, f: F) -> TimerHandle {
    context::expect_current("time::call_at", |_| {});
    start(deadline, f, Location::caller())
}

fn start<F>(when: Instant, f: F, location: &'static Location<'static>) -> TimerHandle
where
    F: FnOnce() + Send + 'static,
{
    let state = Arc::new(AtomicU8::new(WAITING));
    let call = Call { sleep: sleep_until(when), state: state.clone(), f: Some(f) };
    let task = context::expect_current("time::call_at", |shared| shared.spawn(call, location));
    TimerHandle { state, task: task.abort_handle(), when }
}
