//! Many tasks at once: sets, maps, pools, trackers, and waiting for all.

mod gather;
mod join_map;
mod join_set;
mod pool;
mod spawn;
mod tracker;
mod wait;

pub use gather::{TryJoinError, join_all, try_join_all};
pub use join_map::JoinMap;
pub use join_set::JoinSet;
pub use pool::Pool;
pub use spawn::JoinSetBuilder;
pub use tracker::{TaskTracker, TaskTrackerToken, TrackedFuture};
pub use wait::When;
