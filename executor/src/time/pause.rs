//! Time that stands still, and is moved: for tests.
//!
//! While time is paused, every sleep, timeout and interval of the runtime waits for the same clock as before, which now
//! moves only in two ways: a program [`advance`]s it, or nobody has anything to do, and it jumps to the next deadline. So a
//! test of an hour's timeouts takes a millisecond, and what happens in it does not depend on how fast the machine is.

use crate::scheduler::context;
use crate::task::yield_now;
use std::time::Duration;

/// Stops the time of the runtime this thread is in.
///
/// From then on, [`Instant::now`](super::Instant::now) shows the same moment until time is [advanced](advance), or
/// [resumed](resume), or **nobody has anything to do**: no task or root future is running or woken, and no call of
/// [`spawn_blocking`](crate::task::spawn_blocking) or [`block_in_place`](crate::task::block_in_place) waits or runs, but for one
/// that waits in `block_on` itself. Then time jumps to the next deadline, whichever worker it was set on, and however many
/// workers there are.
///
/// *Input and output in flight* hold time up as far as the system knows of them: events that it has for a socket are
/// delivered first, and if the runtime has any socket, it gets a real millisecond for what is on its way between two of
/// this machine. A task that waits for a connection or for a reply holds nothing up, or no server could be tested: a
/// timeout on a reply from another machine passes at once. Nor does a thread that is none of the runtime's.
///
/// Deadlines that are set while time stands still are exact; those that were set before, to 4 µs.
///
/// # Panics
/// Outside a runtime, and if time stands still already.
///
/// ```
/// use raddle::time::{self, Duration, Instant, sleep, timeout};
///
/// # raddle::block_on(async {
/// time::pause();
/// let begun = Instant::now();
/// let late = timeout(Duration::from_secs(60), sleep(Duration::from_secs(3600))).await;
/// assert!(late.is_err());
/// assert_eq!(begun.elapsed(), Duration::from_secs(60));
/// time::resume();
/// # })
/// ```
#[track_caller]
pub fn pause() {
    if !context::expect_current("time::pause", |shared| shared.time.pause()) {
        panic!("time::pause: time stands still already");
    }
}

/// Lets time pass again, from the moment at which it stands.
///
/// # Panics
/// Outside a runtime, and unless time was [paused](pause).
///
/// # Examples
/// See [`pause`].
#[track_caller]
pub fn resume() {
    if !context::expect_current("time::resume", |shared| shared.time.resume()) {
        panic!("time::resume: time does not stand still");
    }
}

/// Moves the paused time forward, at once and in one step, and wakes whoever waited for a moment on the way, in the order
/// of the deadlines that were set on the same worker.
///
/// Then it yields once: on a current-thread runtime the woken have run when this returns; on others they are about to.
///
/// # Cancel safety
/// Time has been moved once this was polled.
///
/// # Panics
/// Outside a runtime, and unless time was [paused](pause).
///
/// ```
/// use raddle::time::{self, Duration, Instant};
///
/// # raddle::block_on(async {
/// time::pause();
/// let begun = Instant::now();
/// time::advance(Duration::from_secs(86_400)).await;
/// assert_eq!(begun.elapsed(), Duration::from_secs(86_400));
/// # })
/// ```
pub async fn advance(duration: Duration) {
    let is_moved = context::expect_current("time::advance", |shared| {
        let is_moved = shared.time.advance(duration);
        shared.wake_due();
        is_moved
    });
    if !is_moved {
        panic!("time::advance: time does not stand still; call time::pause() first");
    }
    yield_now().await;
}
