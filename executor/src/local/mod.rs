//! Tasks that stay on one thread, so that their futures need not be `Send`.

mod pinned;
mod runtime;
mod set;
mod shared;

pub use pinned::spawn_pinned;
pub(crate) use pinned::spawn_pinned_furnished;
pub use runtime::LocalRuntime;
pub(crate) use set::spawn_local_furnished;
pub use set::{LocalEnterGuard, LocalSet, spawn_local};
pub(crate) use shared::Shared;
