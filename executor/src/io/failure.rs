//! Errors that say which operation failed, and on what.

// With `io-util` alone, nothing here fails: that is left to the streams.
#![cfg_attr(not(any(feature = "net", feature = "io-std", feature = "fs")), allow(dead_code))]

use std::error::Error;
use std::fmt;
use std::io;
#[cfg(feature = "net")]
use std::net::SocketAddr;

/// `error`, saying which operation on which address, path or program met it. The kind stays; the original, with its
/// number, is the source.
pub(crate) fn failed(
    operation: &'static str,
    object: impl ToString,
    error: io::Error,
) -> io::Error {
    io::Error::new(error.kind(), Failed { operation, object: object.to_string(), error })
}

/// [`failed`] for an operation on the connection to `peer`, whose address is put into words only if somebody reads them:
/// connections that are reset are part of a server's day.
#[cfg(feature = "net")]
pub(crate) fn failed_with(
    operation: &'static str,
    peer: SocketAddr,
    error: io::Error,
) -> io::Error {
    io::Error::new(error.kind(), Failed { operation, object: peer, error })
}

/// What [`failed`] made of an error.
#[derive(Debug)]
struct Failed<O> {
    operation: &'static str,
    object: O,
    error: io::Error,
}

impl<O: fmt::Display> fmt::Display for Failed<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.operation, self.object, self.error)
    }
}

impl<O: fmt::Debug + fmt::Display> Error for Failed<O> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// The number of the system's error that `error` tells of, be it wrapped in the name of an operation.
///
/// Errors of this crate name the operation and the address: `accepting on 127.0.0.1:80: Too many open files`. To do
/// so they wrap the system's, whose [`kind`](io::Error::kind) they keep; but
/// [`raw_os_error`](io::Error::raw_os_error) is for bare errors only. Most decisions need the kind; for the few numbers
/// that have none of their own, such as that of "too many open files", there is this.
///
/// # Examples
/// ```
/// # raddle::block_on(async {
/// let listener = raddle::net::TcpListener::bind("127.0.0.1:0").await?;
/// let error = raddle::net::TcpListener::bind(listener.local_addr()?).await.unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
/// assert_eq!(error.raw_os_error(), None);
/// assert!(raddle::io::raw_os_error(&error).is_some());
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub fn raw_os_error(error: &io::Error) -> Option<i32> {
    if let Some(number) = error.raw_os_error() {
        return Some(number);
    }
    let mut cause = error.get_ref().map(|cause| cause as &(dyn Error + 'static));
    while let Some(error) = cause {
        if let Some(number) = error.downcast_ref().and_then(io::Error::raw_os_error) {
            return Some(number);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_error_keeps_its_kind_and_its_number() {
        let bare = io::Error::from_raw_os_error(2);
        let once = failed("opening", "the door", bare);
        let twice = failed("entering", "the house", once);
        assert_eq!(twice.kind(), io::ErrorKind::NotFound);
        assert_eq!(raw_os_error(&twice), Some(2));
        assert!(twice.to_string().starts_with("entering the house: opening the door: "), "{twice}");
        assert_eq!(raw_os_error(&io::Error::other("no number")), None);
    }
}
