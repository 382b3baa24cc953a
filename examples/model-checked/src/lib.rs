//! A pool of things that are lent out and come back, twice: as one would write it first, and as it is right.
//!
//! The difference is one line. Ordinary tests pass with and without it, for days. The models in `tests/loom.rs` try
//! every interleaving of two takers and a giver, and find the bug in less than a second. How this crate is set up for that, and
//! how to do it in another one: `docs/loom-for-users.md`.

#![forbid(unsafe_code)]

pub mod hasty;
pub mod patient;

/// Where this crate gets its locks: from std, or from loom, which then sees them. What comes from `raddle_sync` needs no
/// such choice, as that crate makes it itself.
mod sync {
    #[cfg(loom)]
    pub(crate) use loom::sync::Mutex;
    #[cfg(not(loom))]
    pub(crate) use std::sync::Mutex;
}
