//! A multi-threaded work-stealing async runtime.
//!
//! ```
//! use raddle::time::{Duration, sleep, timeout};
//!
//! raddle::block_on(async {
//!     let slow = raddle::spawn(async {
//!         sleep(Duration::from_millis(5)).await;
//!         "done"
//!     });
//!     assert_eq!(timeout(Duration::from_secs(5), slow).await.unwrap().unwrap(), "done");
//! });
//! ```
//!
//! - [`runtime`]: starting, entering and stopping runtimes.
//! - [`task`]: tasks, their handles, and blocking calls.
//! - [`time`]: sleeps, timeouts, intervals.
//! - [`net`]: sockets: TCP, UDP, Unix; named pipes.
//! - [`io`]: readers, writers and what to do with them; any other descriptor.
//! - `fs`, `process`, `signal`: files, child processes, signals.
//! - [`sync`]: locks, semaphores and channels, which work on any executor.
//!
//! - [`select!`], [`join!`], [`try_join!`], [`pin!`]: several futures in one task.
//! - [`main`](macro@main) and [`test`](macro@test): attributes that start a runtime.
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `macros` (default) | `select!`, `#[raddle::main]`, `#[raddle::test]` |
//! | `net` (default) | sockets, named pipes, `io::AsyncFd` and the I/O driver, with the `futures-io` traits |
//! | `io-util` | `io`: copy, split, duplex, buffers and the extension traits |
//! | `io-std` | `io`: stdin, stdout, stderr |
//! | `fs` | files, on the blocking pool |
//! | `signal` | signals of the operating system |
//! | `process` | child processes |
//! | `tokio-io` | `tokio::io::{AsyncRead, AsyncWrite}` for our sockets |
//! | `hyper` | hyper's I/O, executor and timer traits |
//! | `full` | all of these |

#![deny(unsafe_code)]
#![warn(missing_docs)]

mod blocking;
mod builder;
mod contain;
pub mod coroutine;
#[cfg(feature = "fs")]
pub mod fs;
mod local;
#[doc(hidden)]
pub mod loom;
#[doc(hidden)]
pub mod macros;
mod queue;
mod rand;
pub mod runtime;
mod scheduler;
mod scope;
mod sets;
pub mod task;
pub mod time;

#[cfg(feature = "hyper")]
pub mod hyper;
#[cfg(any(feature = "net", feature = "io-util", feature = "io-std", feature = "fs"))]
pub mod io;
#[cfg(feature = "net")]
pub mod net;
#[cfg(feature = "process")]
pub mod process;
#[cfg(feature = "signal")]
pub mod signal;

pub use raddle_sync as sync;

#[cfg(feature = "macros")]
pub use raddle_macros::{main, test};

use std::future::Future;
use std::panic::Location;
use task::JoinHandle;

/// Starts a task on the runtime this thread is in.
///
/// The task begins to run at once, whether or not its handle is awaited.
///
/// # Panics
/// Outside a runtime.
///
/// ```
/// # raddle::block_on(async {
/// let answer = raddle::spawn(async { 6 * 7 });
/// assert_eq!(answer.await.unwrap(), 42);
/// # })
/// ```
#[inline]
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let location = Location::caller();
    scheduler::context::expect_current("spawn", |shared| shared.spawn(future, location))
}

/// Runs `future` on a new multi-thread runtime, and returns its output.
///
/// The runtime has the defaults of [`runtime::Builder`], and is dropped before this returns, with every task still in
/// it.
///
/// # Panics
/// Inside a task or another `block_on`, if the runtime cannot be started, and with whatever the future panics with.
///
/// ```
/// assert_eq!(raddle::block_on(async { 1 + 1 }), 2);
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    match runtime::Builder::new_multi_thread().build() {
        Ok(runtime) => runtime.block_on(future),
        Err(error) => panic!("raddle::block_on: {error}"),
    }
}
