//! What the system adds to a wait for events, and so what to ask it for.
//!
//! Linux lets a wait end late, so as to wake several threads at once: by a thousandth of it, 100 ms at most, but no less than
//! the thread's slack, which threads have from who starts them: 50 µs, unless `PR_SET_TIMERSLACK` said otherwise. So the native
//! driver asks for less by that. The portable one waits for a timer of its own, which is not let late.
//!
//! If the processor happens to be awake in those last moments, the wait ends before its time, and another waits for the rest.
//! So it is with every wait of a thread that got a real-time policy: it has no slack. A niced one is let late by a
//! two-hundredth, and so deadlines are.

use std::time::Duration;

/// The system adds a part of the wait, up to so much.
const ADDED_MAX: Duration = Duration::from_millis(100);
/// A wait that is shorter is not worth a system call.
const WAIT_MIN: Duration = Duration::from_micros(10);

/// What the system adds to every wait, at least; `None` where it adds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slack(Option<Duration>);

impl Slack {
    pub(super) const NONE: Slack = Slack(None);

    /// That of this thread, which starts those that will wait.
    #[cfg(feature = "net")]
    pub(super) fn of(backend: raddle_io_driver::Backend) -> Slack {
        #[cfg(target_os = "linux")]
        if backend == raddle_io_driver::Backend::Native {
            // Refused by a sandbox, perhaps. Then it can hardly have been changed, either.
            let slack_ns = rustix::thread::current_timer_slack().unwrap_or(50_000);
            return Slack((slack_ns > 0).then(|| Duration::from_nanos(slack_ns)));
        }
        let _ = backend;
        Slack::NONE
    }

    /// What to ask for, so that the system ends a wait when `left` has passed, and not later.
    pub(super) fn to_ask_for(self, left: Duration) -> Duration {
        let Some(slack) = self.0 else { return left };
        let added = (left / 1_000).min(ADDED_MAX).max(slack);
        left.checked_sub(added).filter(|&asked| asked >= WAIT_MIN).unwrap_or(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Duration = Duration::from_micros(1);
    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn the_system_is_asked_for_less_by_what_it_adds() {
        let asked = |us| Slack(Some(50 * US)).to_ask_for(us * US).as_micros();
        assert_eq!([10, 55, 60, 1_000, 100_000].map(asked), [10, 55, 10, 950, 99_900]);
        assert_eq!([10_000_000, 3_600_000_000].map(asked), [9_990_000, 3_599_900_000]);
        assert!(Slack(Some(50 * US)).to_ask_for(Duration::MAX) < Duration::MAX);
        assert_eq!(Slack(Some(200 * US)).to_ask_for(1_000 * US), 800 * US);
        assert_eq!(Slack(Some(Duration::MAX)).to_ask_for(HOUR), HOUR);
        assert_eq!(Slack::NONE.to_ask_for(HOUR), HOUR);
    }

    #[test]
    fn a_wait_that_ends_before_its_time_again_and_again_is_over_soon() {
        let mut left = 24 * 365 * HOUR;
        let mut waits = 0;
        while !left.is_zero() {
            left -= Slack(Some(50 * US)).to_ask_for(left);
            waits += 1;
        }
        assert!(waits < 10, "{waits} waits");
    }

    #[cfg(all(feature = "net", target_os = "linux"))]
    #[test]
    fn only_the_native_driver_allows_for_slack() {
        use raddle_io_driver::Backend;
        assert_eq!(Slack::of(Backend::Portable), Slack::NONE);
        // Inherited by the threads of the runtime. (One of its own, because it is changed.)
        std::thread::spawn(|| {
            rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(7_000)).unwrap();
            assert_eq!(Slack::of(Backend::Native), Slack(Some(7 * US)));
            let inherited = std::thread::spawn(|| Slack::of(Backend::Native)).join().unwrap();
            assert_eq!(inherited, Slack(Some(7 * US)));
        })
        .join()
        .unwrap();
    }
}
