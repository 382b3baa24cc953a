//! Random operations by four threads, millions of them if asked for: nothing is lost, doubled, or waited for in vain.
//!
//! `cargo test` runs a small number of each. By hand, and in release:
//!
//! ```sh
//! RADDLE_SOAK_OPERATIONS=10000000 cargo test --release -p raddle-tests --test soak -- --nocapture
//! RADDLE_SOAK_SEED=7 …
//! ```
//!
//! `.ci/soak.sh` does that, one primitive at a time, with overflows and broken assertions found as in a debug build. Of
//! the barrier, where an operation is a round trip through all threads, it is a sixteenth.
//!
//! The seed decides what each thread does, and the scheduler of the system when: a failure may take several runs to come
//! again. What can be decided exactly, is in `props_*` and in the models.
#![cfg(not(loom))]
#![allow(missing_docs)]

mod channels;
mod closing;
mod locks;
mod many;
mod once;
mod signals;
mod threads;
