//! The one failure of this crate that is not the operating system's.

use std::{error, fmt, io};

/// The I/O driver has shut down: nothing will ever become ready again.
///
/// It reaches callers inside an [`io::Error`] of kind [`io::ErrorKind::Other`], which no retry loop mistakes for a
/// passing fault of one connection. [`ShutDown::is_cause_of`] tells it apart.
///
/// # Examples
/// ```
/// use raddle_io_driver::{Backend, Driver, Registered, ShutDown};
///
/// let (_driver, handle) = Driver::new(Backend::default())?;
/// handle.close(&mut Vec::new());
/// let (socket, _peer) = std::os::unix::net::UnixStream::pair()?;
/// let error = Registered::new(socket, &handle).unwrap_err();
/// assert!(ShutDown::is_cause_of(&error));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutDown;

impl ShutDown {
    /// Whether `error` says that the driver has shut down, be it as the source of another error that names the
    /// operation.
    pub fn is_cause_of(error: &io::Error) -> bool {
        let mut error = error;
        loop {
            let Some(cause) = error.get_ref() else { return false };
            if cause.is::<Self>() {
                return true;
            }
            let Some(source) = cause.source().and_then(|source| source.downcast_ref()) else {
                return false;
            };
            error = source;
        }
    }
}

impl fmt::Display for ShutDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the I/O driver has shut down")
    }
}

impl error::Error for ShutDown {}

impl From<ShutDown> for io::Error {
    fn from(cause: ShutDown) -> Self {
        io::Error::other(cause)
    }
}

/// R9: what a fork gets from its parent's driver.
pub(crate) fn forked() -> io::Error {
    io::Error::other("this process was forked from the one that made the I/O driver")
}

/// An error of the same kind as `error`, saying which operation met it.
pub(crate) fn during(operation: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{operation}: {error}"))
}
