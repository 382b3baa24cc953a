//! The cooperative budget: how much a task may do before others have a turn.
//!
//! A task has [128 units](raddle_sync::budget::DEFAULT) per poll. Every operation on a channel, a lock, a socket or a timer
//! of raddle spends one, and when none is left, it lets the others run first. Code that loops without such operations
//! takes part with [`consume_budget`].

pub use raddle_sync::budget::{
    RestoreOnPending, Unconstrained, has_remaining as has_budget_remaining, poll_proceed,
    unconstrained,
};

use std::future::poll_fn;

/// Spends a unit of the budget, and lets others run if it was the last. For long loops in tasks.
///
/// # Cancel safety
/// Nothing is lost.
///
/// ```
/// # raddle::block_on(async {
/// let mut sum = 0_u64;
/// for number in 0..1_000 {
///     sum += number;
///     raddle::task::coop::consume_budget().await; // Every 128th round, others have a turn.
/// }
/// assert_eq!(sum, 499_500);
/// # })
/// ```
pub async fn consume_budget() {
    poll_fn(|cx| poll_proceed(cx).map(|unit| unit.made_progress())).await;
}
