//! Telling a process from its forks (R9).
//!
//! The C library calls a function of ours in every child that `fork` makes, which counts. `posix_spawn` and `vfork`, with
//! which the standard library starts other programs, make no such call, and need none.
//!
//! A process that comes about behind the library's back, by the bare system call `clone` or `fork` or by `_Fork`, is not told
//! apart from its parent: there is no call that would tell and costs less than the operation it protects. Such a child must
//! leave the driver and whatever is registered with it alone.
//!
//! # Safety
//!
//! One call of the C library that keeps a function pointer; the function does what is allowed between `fork` and `exec`.
#![allow(unsafe_code)]

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

/// How many forks there are between the first process and this one, since somebody asked.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// A process, as seen from itself and from its forks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(u32);

impl Process {
    /// This one.
    pub(crate) fn current() -> io::Result<Self> {
        static WATCHED: OnceLock<libc::c_int> = OnceLock::new();
        // SAFETY: `count_fork` is there for ever, and stores to an atomic, which is all it may do after a fork.
        let outcome =
            WATCHED.get_or_init(|| unsafe { libc::pthread_atfork(None, None, Some(count_fork)) });
        match outcome {
            0 => Ok(Self(FORKS.load(Relaxed))),
            error => Err(io::Error::from_raw_os_error(*error)),
        }
    }

    /// Whether this is still the process that asked. One load.
    pub(crate) fn is_current(self) -> bool {
        // Relaxed: a forked child has one thread at first, and that one has counted.
        FORKS.load(Relaxed) == self.0
    }
}

extern "C" fn count_fork() {
    FORKS.fetch_add(1, Relaxed);
}
