//! `#[raddle::main]` and `#[raddle::test]`: on functions that are called here, and on tests of their own.

use raddle::runtime::Handle;
use raddle::time::{Duration, Instant, sleep};
use std::io;

#[raddle::main(flavor = "multi_thread", worker_threads = 3)]
async fn on_three_workers() -> usize {
    raddle::spawn(async { Handle::current().worker_threads() }).await.unwrap()
}

#[raddle::main(flavor = "current_thread")]
async fn on_this_thread<T: Send + 'static>(value: T) -> (usize, T) {
    (Handle::current().worker_threads(), value)
}

#[raddle::main(crate = "raddle")]
async fn fails(how: &str) -> Result<u32, Box<dyn std::error::Error>> {
    if how == "early" {
        return Err("early".into());
    }
    let number: u32 = how.parse()?;
    Ok(number)
}

#[raddle::main]
async fn shows() -> impl std::fmt::Display {
    12
}

#[test]
fn main_builds_the_runtime_that_is_asked_for() {
    assert_eq!(on_three_workers(), 3);
    assert_eq!(on_this_thread("kept"), (0, "kept"));
}

#[test]
fn main_returns_what_the_body_returns() {
    assert_eq!(fails("7").unwrap(), 7);
    assert_eq!(fails("early").unwrap_err().to_string(), "early");
    assert!(fails("seven").is_err());
    assert_eq!(shows().to_string(), "12");
}

#[raddle::test]
async fn a_test_runs_on_a_current_thread_runtime() {
    assert_eq!(Handle::current().worker_threads(), 0);
    assert_eq!(raddle::spawn(async { 1 }).await.unwrap(), 1);
}

#[raddle::test(flavor = "multi_thread")]
async fn a_test_on_workers_has_one_beside_its_own_thread() {
    assert_eq!(Handle::current().worker_threads(), 1);
}

#[raddle::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_may_fail_by_an_error() -> io::Result<()> {
    assert_eq!(Handle::current().worker_threads(), 2);
    Ok(())
}

#[raddle::test]
#[should_panic(expected = "as it should")]
async fn a_test_may_be_one_that_panics() {
    panic!("as it should");
}

/// A day and a second, which pass while nobody has anything to do.
async fn sleeps_for_a_day() -> Duration {
    let begun = Instant::now();
    raddle::spawn(sleep(Duration::from_secs(86_400))).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    begun.elapsed()
}

#[raddle::test(start_paused = true)]
async fn a_paused_test_waits_for_nothing() {
    assert_eq!(sleeps_for_a_day().await, Duration::from_secs(86_401));
}

#[raddle::test(flavor = "multi_thread", worker_threads = 2, start_paused = true)]
async fn nor_does_one_on_workers() {
    assert_eq!(sleeps_for_a_day().await, Duration::from_secs(86_401));
}

#[raddle::test(start_paused = false)]
async fn a_test_that_is_not_paused_can_still_be() {
    raddle::time::pause();
    assert_eq!(sleeps_for_a_day().await, Duration::from_secs(86_401));
}

#[raddle::main(start_paused = true)]
async fn a_day_in_main() -> Duration {
    sleeps_for_a_day().await
}

#[test]
fn main_may_be_paused_too() {
    assert_eq!(a_day_in_main(), Duration::from_secs(86_401));
}
