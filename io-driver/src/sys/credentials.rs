//! Who is at the other end of a Unix socket. Linux and Android.
//!
//! rustix has the same call, but its process id cannot be zero, which is what the kernel says of a peer that this
//! process cannot see (another PID namespace).
//!
//! # Safety
//!
//! One call that fills a plain C structure, whose length it is told.
#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The process, user and group that connected a Unix socket, or made the pair: the process id is `None` if it is not
/// visible from here.
///
/// # Errors
/// What the system says: not a socket, ….
///
/// # Examples
/// ```
/// use std::os::fd::AsFd;
///
/// let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
/// let (pid, _uid, _gid) = raddle_io_driver::peer_credentials(ours.as_fd())?;
/// assert_eq!(pid, Some(std::process::id() as i32));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn peer_credentials(socket: BorrowedFd<'_>) -> io::Result<(Option<i32>, u32, u32)> {
    let mut credentials = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut length = mem::size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, which is the size of what the pointer leads to.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut length,
        )
    };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(((credentials.pid != 0).then_some(credentials.pid), credentials.uid, credentials.gid))
}
