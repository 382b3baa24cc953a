//! What the workspace promises, by behavior: one binary, and this is its table of contents.

#![allow(missing_docs)]

use raddle_tests as support;

#[global_allocator]
static ALLOCATOR: size::Counting = size::Counting;

// Tasks.
mod cancel;
mod combinations;
mod join;
mod panics;
mod size;
mod spawn;
mod wakers;

// The scheduler.
mod blocking;
mod budget;
mod contexts;
mod deadlines;
mod fairness;
mod million;
mod runtime;
mod shutdown;
mod regressions;
mod shutdown_places;
mod stealing;

// The leaves by themselves.
mod props_timer;

// The sources.
mod tidy;
