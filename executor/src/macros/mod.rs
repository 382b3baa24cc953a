//! Waiting for several futures in one task, and the attributes that start a runtime.
//!
//! `join!`, `try_join!`, `pin!` and `select!` are plain macros; `select!` needs one procedural part, for patterns. None
//! of them allocates, and none needs a runtime: they work on any executor.

mod join;
mod pin;
#[cfg(feature = "macros")]
mod select;
pub mod support;
