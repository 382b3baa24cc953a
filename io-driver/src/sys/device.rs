//! The network device that a socket is bound to. Linux and Android.
//!
//! # Safety
//!
//! Two calls that read and fill a buffer of bytes, whose length they are told.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

/// Has a socket send and receive through one network device only, by its name (`SO_BINDTODEVICE`); `None` ends that.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for a name that no device can have; what the system says: `ENODEV` if there is none of
/// that name, [`io::ErrorKind::PermissionDenied`] without the capability `CAP_NET_RAW`, which Linux asks for before 5.7, and
/// since then of who changes the device of a socket that has one.
///
/// # Examples
/// ```
/// use std::os::fd::AsFd;
///
/// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// assert_eq!(raddle_io_driver::device(socket.as_fd())?, None);
/// match raddle_io_driver::bind_device(socket.as_fd(), Some(b"lo")) {
///     Ok(()) => assert_eq!(raddle_io_driver::device(socket.as_fd())?.as_deref(), Some(&b"lo"[..])),
///     Err(error) => println!("{error}"), // Not allowed here.
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn bind_device(socket: BorrowedFd<'_>, name: Option<&[u8]>) -> io::Result<()> {
    let name = name.unwrap_or_default();
    // The system would cut a longer name off, and bind to the device that is called so.
    if name.len() >= libc::IFNAMSIZ || name.contains(&0) {
        let message = format!("no network device can be called \"{}\"", name.escape_ascii());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    // SAFETY: the kernel reads `name.len()` bytes from where `name` is.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            if name.is_empty() { ptr::null() } else { name.as_ptr().cast() },
            name.len() as libc::socklen_t,
        )
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The network device that a socket is bound to, by its name.
///
/// # Errors
/// What the system says: not a socket, ….
///
/// # Examples
/// See [`bind_device`].
pub fn device(socket: BorrowedFd<'_>) -> io::Result<Option<Vec<u8>>> {
    let mut name = [0; libc::IFNAMSIZ];
    let mut length = name.len() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, which is the size of `name`.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            name.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    // It ends in a zero, which is counted.
    let name: Vec<u8> = name.into_iter().take_while(|&byte| byte != 0).collect();
    Ok((!name.is_empty()).then_some(name))
}
