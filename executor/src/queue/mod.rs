//! Where runnable tasks wait: a local queue per worker and one injector for everybody else. The only folder that
//! names crossbeam.
//!
//! - **Q1** Only the worker that holds a slot pushes to and pops from its local queue; everybody else steals what is
//!   exposed, in batches of at most half, or, if the worker is stuck, comes to the rescue of the rest.
//! - **Q2** Whatever comes from outside the workers goes to the injector, and so does what a worker leaves behind.
//! - **Q3** `Retry` means that work exists: a thief goes round again, and never parks on it.
//! - **Q4** The injector is probed only when it is not empty, and looked at regularly even by a worker whose local
//!   queue never runs dry.
//! - **Q5** The LIFO slot (`scheduler/slot.rs`) holds at most one task and is used at most three times in a row.
//!
//! Q6, Q7, Q11 and Q12, about the parts of a local queue, are in `local.rs`; Q8 to Q10, about its private parts, in `gate.rs`.

mod gate;
mod inject;
mod inside;
mod local;
mod stealer;

pub use inject::Inject;
pub use local::{Local, Push};
pub use stealer::{Part, Rescue, Stealer};

/// The outcome of one attempt to take work from somebody else's queue.
#[must_use]
#[derive(Debug)]
pub enum Steal<T> {
    /// Nothing there.
    Empty,
    /// One to run now; others of the batch may have been moved to the thief's own queue.
    Success(T),
    /// Lost a race: there is, or was a moment ago, work (Q3).
    Retry,
}

/// Most tasks that one theft moves.
pub(crate) const BATCH_MAX: usize = 256;
