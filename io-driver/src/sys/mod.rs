//! The operating system's part, behind five functions.
//!
//! ```text
//! add(fd, token)              watch a source, for reading or not at all, until `remove`
//! arm(fd, token, …, interest) watch it for `interest`: from now on, or one-shot selectors for the next event (R8)
//! remove(fd)                  forget a source; its fd is still open
//! notify()                    make the current wait, or the next one, return
//! wait(events, timeout, each) one wait; `each` is told (token, ready) of every event
//! ```
//!
//! `epoll.rs` does it with one system call per wait, on Linux and Android. `portable.rs` does it with plain `polling`
//! calls, on every Unix. Beside them stand `receive.rs`, which hears with a read what is left; `datagrams.rs`, which
//! receives many at once; `credentials.rs`, which asks who a peer is; `device.rs`, through which network device a socket
//! goes; and `fork.rs`, which tells a process from its forks.
//!
//! # Safety
//!
//! This is the only folder of the crate with `unsafe` code. What it relies on beyond its own lines is R6: a source is
//! taken out of its selector, and its [`Fd`] forgotten, before the file descriptor is closed.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) mod credentials;
pub(crate) mod datagrams;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) mod device;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod epoll;
pub(crate) mod fork;
mod portable;
pub(crate) mod receive;

use std::env;
use std::ffi::OsStr;
use std::io;
use std::num::NonZero;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use crate::interest::{Interest, Ready};
use crate::registry::Token;
use crate::source::Arming;

/// How the driver talks to the operating system. Chosen at run time, so that one binary can be tried on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// Edge-triggered `epoll` with one system call per turn. Linux and Android.
    Native,
    /// Plain `polling` calls, one-shot and re-armed. Every Unix; several system calls per turn.
    Portable,
}

impl Backend {
    /// The environment variable that [`from_env`](Self::from_env) reads.
    pub const ENV: &'static str = "RADDLE_IO_DRIVER";

    /// The backend named by the environment variable `RADDLE_IO_DRIVER`, `native` or `portable`; the default if it
    /// is unset or empty.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if the variable holds anything else.
    pub fn from_env() -> io::Result<Self> {
        match env::var_os(Self::ENV) {
            Some(name) => Self::from_name(&name),
            None => Ok(Self::default()),
        }
    }

    fn from_name(name: &OsStr) -> io::Result<Self> {
        match name.to_str() {
            Some("") => Ok(Self::default()),
            Some("native") => Ok(Self::Native),
            Some("portable") => Ok(Self::Portable),
            _ => {
                let message = format!("{} is {name:?}, not `native` or `portable`", Self::ENV);
                Err(io::Error::new(io::ErrorKind::InvalidInput, message))
            }
        }
    }
}

impl Default for Backend {
    /// [`Backend::Native`] where it exists, [`Backend::Portable`] elsewhere.
    fn default() -> Self {
        if cfg!(any(target_os = "linux", target_os = "android")) {
            Self::Native
        } else {
            Self::Portable
        }
    }
}

/// The number of a file descriptor that somebody else keeps open, for as long as R6 says. Kept as its complement,
/// which is never zero, so that an `Option<Fd>` takes no more room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(unreachable_pub)] // The models reach it, through `loom::internals`.
pub struct Fd(NonZero<RawFd>);

impl Fd {
    /// Remembers the number of an open file descriptor.
    #[allow(unreachable_pub)]
    pub fn remember(fd: BorrowedFd<'_>) -> Self {
        let complement = !fd.as_raw_fd();
        Self(NonZero::new(complement).expect("an open file descriptor is not negative"))
    }

    fn number(self) -> RawFd {
        !self.0.get()
    }
}

#[derive(Debug)]
pub(crate) enum Selector {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Epoll(epoll::Epoll),
    Portable(portable::Portable),
}

/// Where a wait puts what it hears; kept from turn to turn.
#[derive(Debug)]
pub(crate) enum Events {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Epoll(epoll::Events),
    Portable(portable::Events),
}

impl Selector {
    pub(crate) fn new(backend: Backend) -> io::Result<(Self, Events)> {
        match backend {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Backend::Native => {
                let epoll = epoll::Epoll::new()?;
                Ok((Self::Epoll(epoll), Events::Epoll(epoll::Events::new())))
            }
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            Backend::Native => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the native I/O driver needs epoll; choose Backend::Portable here",
            )),
            Backend::Portable => {
                let portable = portable::Portable::new()?;
                Ok((Self::Portable(portable), Events::Portable(portable::Events::new())))
            }
        }
    }

    pub(crate) fn backend(&self) -> Backend {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Epoll(_) => Backend::Native,
            Self::Portable(_) => Backend::Portable,
        }
    }

    /// How a new source is armed by `add` alone.
    pub(crate) fn arming(&self) -> Arming {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Epoll(_) => Arming::READING,
            Self::Portable(_) => Arming::Once(Interest::NONE),
        }
    }

    /// How a source is armed before `add`, if that may come later; `None` if it may not.
    pub(crate) fn arming_on_demand(&self) -> Option<Arming> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Epoll(_) => Some(Arming::UNASKED),
            Self::Portable(_) => None,
        }
    }

    pub(crate) fn add(&self, fd: Fd, token: Token) -> io::Result<()> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Epoll(epoll) => epoll.add(fd, token, Arming::READING.interest()),
            Self::Portable(portable) => portable.add(fd, token),
        }
    }

    /// Has `interest` reported, where `before` is now.
    pub(crate) fn arm(
        &self,
        fd: Fd,
        token: Token,
        before: Interest,
        interest: Interest,
    ) -> io::Result<()> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Epoll(epoll) if before == Interest::NONE => epoll.add(fd, token, interest),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Epoll(epoll) => epoll.change(fd, token, interest),
            Self::Portable(portable) => portable.arm(fd, token, interest),
        }
    }

    pub(crate) fn remove(&self, fd: Fd) -> io::Result<()> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Epoll(epoll) => epoll.remove(fd),
            Self::Portable(portable) => portable.remove(fd),
        }
    }

    pub(crate) fn notify(&self) -> io::Result<()> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Self::Epoll(epoll) => epoll.notify(),
            Self::Portable(portable) => portable.notify(),
        }
    }

    /// `events` must come from the same call of `new`.
    pub(crate) fn wait(
        &self,
        events: &mut Events,
        timeout: Option<Duration>,
        each: impl FnMut(Token, Ready),
    ) -> io::Result<()> {
        match (self, events) {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            (Self::Epoll(epoll), Events::Epoll(events)) => epoll.wait(events, timeout, each),
            (Self::Portable(portable), Events::Portable(events)) => {
                portable.wait(events, timeout, each)
            }
            #[cfg(any(target_os = "linux", target_os = "android"))]
            _ => unreachable!("a selector was given the events of another backend"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_that_does_not_exist_is_refused_by_name() {
        let error = Backend::from_name(OsStr::new("uring")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        let message = error.to_string();
        assert!(message.contains("RADDLE_IO_DRIVER") && message.contains("uring"), "{message}");
        assert_eq!(Backend::from_name(OsStr::new("portable")).unwrap(), Backend::Portable);
        assert_eq!(Backend::from_name(OsStr::new("")).unwrap(), Backend::default());
    }
}
