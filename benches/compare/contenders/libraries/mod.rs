//! Locks and channels by their makers. They are compared on Tokio's runtime, so that only they differ.
//!
//! Tokio's own spend from its cooperative budget there, the others have none or, as ours, one that only their own
//! runtime refills. That is how each is used outside of its family, and it favors none in a measurement of whole runs:
//! a task that never yields has to wait for a full channel anyway.

mod others;
mod tokios_names;

/// raddle-sync.
pub(crate) struct RaddleSync;
/// Tokio's `sync`.
pub(crate) struct TokioSync;
/// smol's locks.
pub(crate) struct AsyncLock;
/// smol's channel.
pub(crate) struct AsyncChannel;
/// flume.
pub(crate) struct Flume;
/// kanal.
pub(crate) struct Kanal;
/// The channels of futures-channel and the mutex of futures-util.
pub(crate) struct Futures;

/// What a channel that a workload keeps open answers.
const OPEN: &str = "both ends are kept until the workload ends";
