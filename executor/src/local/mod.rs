//! Tasks that stay on one thread, so that their futures need not be `Send`.

mod runtime;
mod set;
mod shared;

pub use runtime::LocalRuntime;
pub use set::{LocalEnterGuard, LocalSet, spawn_local};
