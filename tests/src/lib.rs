//! Support for the tests of this workspace.
//!
//! - [`watch`]: every wait has a deadline, and says what it waited for when that passes.
//! - [`count`]: wakers, values and panics that are counted.
//! - [`flavor`]: every kind of runtime, started, held still, and stopped.
//! - [`rng`]: random numbers from a seed that a failure prints.
//!
//! The environment variable `RADDLE_TEST_SCALE` divides the iterations of long tests, and multiplies the deadlines, by
//! the number it holds: for valgrind, and for slow machines.

#![forbid(unsafe_code)]

pub mod count;
pub mod flavor;
pub mod rng;
pub mod watch;

pub use count::{CountingWaker, DropCounter, DropGuard, Planned, Trace, catch, planned_panic};
pub use flavor::{Flavor, Hold, Running, Sleepers, on_each_runtime};
pub use rng::Rng;
pub use watch::{patience, poll_once, recv, scale, scaled, until, wait, watched};
