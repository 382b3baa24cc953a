//! Child processes: started, fed, heard and waited for without blocking a thread.
//!
//! A child is watched through a descriptor of its own (a pidfd) by the runtime's driver, so that there is neither a
//! thread nor a signal handler per child. Where there are no such descriptors, on other systems than Linux and on Linux
//! before 5.3, the signal `SIGCHLD` tells that *some* child has ended, and each waiting task looks after its own.
//!
//! Nobody is left a zombie. A [`Child`] that is dropped while it runs is waited for by a task of its runtime; if the
//! runtime ends before the child does, the next child that this process starts, or drops, is the occasion to look.
//!
//! # Examples
//! ```
//! use raddle::process::Command;
//!
//! # raddle::block_on(async {
//! let output = Command::new("echo").arg("hello").output().await?;
//! assert!(output.status.success());
//! assert_eq!(output.stdout, b"hello\n");
//! # std::io::Result::Ok(()) }).unwrap();
//! ```

mod child;
mod command;
mod exit;
mod orphans;

pub use child::Child;
pub use command::Command;
pub use std::process::{ExitStatus, Output, Stdio};

use crate::net::unix::pipe;

/// The writing end of a pipe to a child's standard input. Dropping it ends the child's input.
pub type ChildStdin = pipe::Sender;
/// The reading end of a pipe from a child's standard output.
pub type ChildStdout = pipe::Receiver;
/// The reading end of a pipe from a child's standard error.
pub type ChildStderr = pipe::Receiver;
