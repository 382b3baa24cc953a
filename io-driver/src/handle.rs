//! The handle: what everyone but the driver's holder may do.

use std::io;
use std::os::fd::BorrowedFd;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::task::Waker;

use crate::interest::Ready;
use crate::registration::Registration;
use crate::registry::{Registry, Token};
use crate::sys::fork::Process;
use crate::sys::{Backend, Fd, Selector};

/// What a driver and its handles share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) selector: Selector,
    pub(crate) registry: Registry,
    /// Where all this works (R9).
    pub(crate) process: Process,
}

/// Registers sources with a [`Driver`](crate::Driver), wakes it, and shuts it down. Clones are cheap and equal.
///
/// Sources are registered with [`Registered::new`](crate::Registered::new), which owns them, because a source must be
/// deregistered before it is closed.
///
/// # Examples
/// ```
/// use raddle_io_driver::{Backend, Driver};
/// use std::time::Duration;
///
/// let (mut driver, handle) = Driver::new(Backend::default())?;
/// std::thread::spawn(move || handle.unpark());
/// // Returns at once: `unpark` counts for the current turn or for the next.
/// driver.turn(Some(Duration::from_secs(60)), &mut Vec::new())?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Makes the current turn return, or the next one if nobody is in it. Several calls before that turn count as
    /// one.
    ///
    /// It is one system call (the portable backend spares it while an earlier one is pending). Whoever unparks often
    /// should keep a flag that says whether somebody is in a turn.
    ///
    /// What the caller wrote before is not published by this call: let whoever turns read it through an
    /// acquire-release pair of its own.
    pub fn unpark(&self) {
        if self.was_forked() {
            return;
        }
        // A full eventfd would be the only failure, and then a wakeup is pending anyway.
        let _ = self.shared.selector.notify();
    }

    /// Shuts the driver down: appends the wakers of all who wait to `woken`, for the caller to wake. They, and every
    /// later operation on a source of this driver, get [`ShutDown`](crate::ShutDown). Again has no effect.
    pub fn close(&self, woken: &mut Vec<Waker>) {
        if !self.was_forked() {
            self.shared.registry.close(woken);
        }
    }

    /// Whether this process was forked from the one that made the driver. It has the driver's descriptors then, which
    /// are also its parent's, and neither its threads nor, perhaps, its locks: nothing works any more. Only the C library's
    /// `fork` is noticed, see [`Driver`](crate::Driver). One load.
    pub fn was_forked(&self) -> bool {
        !self.shared.process.is_current()
    }

    /// How many sources are registered now. One load.
    pub fn registrations(&self) -> usize {
        self.shared.registry.len()
    }

    /// The backend in use.
    pub fn backend(&self) -> Backend {
        self.shared.selector.backend()
    }

    /// Registers `fd`, which the caller keeps open until the registration is gone (R6), with `ready` assumed.
    pub(crate) fn register(&self, fd: BorrowedFd<'_>, ready: Ready) -> io::Result<Registration> {
        self.register_as(fd, ready, false)
    }

    /// As [`register`](Self::register), for a stream that nobody has registered anywhere, and that is closed with its
    /// registration (R10). It is put into the selector when somebody waits for it.
    pub(crate) fn register_stream(
        &self,
        fd: BorrowedFd<'_>,
        ready: Ready,
    ) -> io::Result<Registration> {
        self.register_as(fd, ready, true)
    }

    fn register_as(
        &self,
        fd: BorrowedFd<'_>,
        ready: Ready,
        is_stream: bool,
    ) -> io::Result<Registration> {
        let Shared { selector, registry, process } = &*self.shared;
        if !process.is_current() {
            return Err(crate::error::forked());
        }
        let fd = Fd::remember(fd);
        let later = if is_stream { selector.arming_on_demand() } else { None };
        let (token, source) = registry.adopt(fd, later.unwrap_or(selector.arming()), ready)?;
        if later.is_none()
            && let Err(error) = self.add(fd, token)
        {
            let mut left = Vec::new();
            source.retire(false, |_| {}, &mut left);
            registry.release(token.index);
            return Err(crate::error::during("registering with the I/O driver", error));
        }
        Ok(Registration::new(self.clone(), token, source, is_stream))
    }

    fn add(&self, fd: Fd, token: Token) -> io::Result<()> {
        let Shared { selector, registry, .. } = &*self.shared;
        match selector.add(fd, token) {
            // R10: by one of ours, or by one that was closed and left. Who registers the same at the same time is told that
            // it is watched, as we are: each has its source before it looks.
            Err(error)
                if error.kind() == io::ErrorKind::AlreadyExists
                    && !registry.watches_also(fd, token.index) =>
            {
                // It may be gone by now, with the last that held its file open.
                match selector.remove(fd) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    _ => selector.add(fd, token),
                }
            }
            outcome => outcome,
        }
    }
}

// As of a registration.
impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}
