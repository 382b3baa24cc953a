//! The driver: one wait on the operating system, and what it means for the sources.

use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use crate::handle::{Handle, Shared};
use crate::registry::Registry;
use crate::sys::fork::Process;
use crate::sys::{Backend, Events, Selector};

/// The right to wait for events. There is one per driver; whoever holds it turns.
///
/// Turning never wakes anyone: it returns the wakers, and the caller wakes them when it holds no lock.
///
/// Dropping the driver shuts it down like [`Handle::close`], and wakes whoever is still waiting, so that they get an
/// error and not silence.
///
/// It belongs to the process that made it. In a fork of that process, turning and registering are errors, and whatever
/// else is done to it or its handles has no effect: what the parent has registered stays so. (A fork is what the C library's
/// `fork` makes. A child of a bare `clone` system call, or of `_Fork`, goes unnoticed: it must not touch the driver, nor drop
/// what is registered there, which would take it out of the parent's selector.)
///
/// # Examples
/// See the [crate's page](crate).
#[derive(Debug)]
pub struct Driver {
    events: Events,
    shared: Arc<Shared>,
}

impl Driver {
    /// A driver without sources, and the handle to register some.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] for [`Backend::Native`] where there is no epoll; otherwise what the system
    /// says, usually that descriptors have run out (a native driver takes four, a portable one up to three).
    pub fn new(backend: Backend) -> io::Result<(Self, Handle)> {
        let (selector, events) = Selector::new(backend)
            .map_err(|error| crate::error::during("starting the I/O driver", error))?;
        let process = Process::current()
            .map_err(|error| crate::error::during("starting the I/O driver", error))?;
        let shared = Arc::new(Shared { selector, registry: Registry::new(), process });
        let handle = Handle::new(Arc::clone(&shared));
        Ok((Self { events, shared }, handle))
    }

    /// Waits once, for at most `timeout` (`None`: without limit; zero: not at all), marks what has become ready, and
    /// appends the wakers of those who waited for it to `woken`. Returns how many sources it heard of.
    ///
    /// It returns early when [`Handle::unpark`] was called since the last turn, or when a signal interrupts it; both
    /// count as `Ok(0)`. It never returns early because a timeout was rounded: timeouts are kept to the nanosecond
    /// where the system can, and are rounded up to its unit where it cannot.
    ///
    /// One turn brings at most 1,024 events; the rest comes with the next one. Nothing is allocated, except when
    /// `woken` has to grow.
    ///
    /// # Errors
    /// That this process was forked from the one of [`Driver::new`]. Beyond that, what the system says of a wait that
    /// cannot work, which it never does to a driver that came from there.
    pub fn turn(&mut self, timeout: Option<Duration>, woken: &mut Vec<Waker>) -> io::Result<usize> {
        let Shared { selector, registry, process } = &*self.shared;
        if !process.is_current() {
            return Err(crate::error::forked());
        }
        let mut heard = 0;
        let outcome = selector.wait(&mut self.events, timeout, |token, ready| {
            // R5: the index leads to a source in any case, the generation to its owner or to nobody.
            let Some(source) = registry.source(token.index) else { return };
            let arm = |fd, before, now| selector.arm(fd, token, before, now);
            heard += usize::from(source.dispatch(token.generation, ready, arm, woken));
        });
        match outcome {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                Err(crate::error::during("waiting for I/O events", error))
            }
            _ => Ok(heard),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if !self.shared.process.is_current() {
            return;
        }
        let mut woken = Vec::new();
        self.shared.registry.close(&mut woken);
        woken.into_iter().for_each(Waker::wake);
    }
}
