//! What belongs to Unix sockets: addresses, the halves of a stream, peer credentials; and named
//! pipes.
//!
//! The sockets themselves are [`UnixStream`](super::UnixStream),
//! [`UnixListener`](super::UnixListener) and [`UnixDatagram`](super::UnixDatagram). Where they take
//! a path, a path that begins with a zero byte is an *abstract name* on Linux and Android: it is in
//! no file system, and gone when the socket is. Errors print it with `@` in place of that byte.

pub(super) mod datagram;
mod halves;
pub(super) mod listener;
pub mod pipe;
pub(super) mod stream;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod ucred;

pub use halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use std::os::unix::net::SocketAddr;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use ucred::UCred;

/// What the system calls the number of a user.
#[allow(non_camel_case_types)]
pub type uid_t = u32;

/// What the system calls the number of a group.
#[allow(non_camel_case_types)]
pub type gid_t = u32;

/// What the system calls the number of a process.
#[allow(non_camel_case_types)]
pub type pid_t = i32;

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The name, if `path` is an abstract one.
fn abstract_name(path: &Path) -> Option<&[u8]> {
    let is_known = cfg!(any(target_os = "linux", target_os = "android"));
    path.as_os_str().as_bytes().strip_prefix(b"\0").filter(|_| is_known)
}

/// The address that `path` means.
fn address(path: &Path) -> io::Result<SocketAddr> {
    #[cfg(target_os = "android")]
    use std::os::android::net::SocketAddrExt;
    #[cfg(target_os = "linux")]
    use std::os::linux::net::SocketAddrExt;
    match abstract_name(path) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        Some(name) => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(path),
    }
}

/// A path as an error prints it.
fn printed(path: &Path) -> String {
    match abstract_name(path) {
        Some(name) => format!("@{}", String::from_utf8_lossy(name)),
        None => path.display().to_string(),
    }
}

/// An address as an error prints it.
fn printed_address(address: &SocketAddr) -> String {
    #[cfg(target_os = "android")]
    use std::os::android::net::SocketAddrExt;
    #[cfg(target_os = "linux")]
    use std::os::linux::net::SocketAddrExt;
    if let Some(path) = address.as_pathname() {
        return path.display().to_string();
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = address.as_abstract_name() {
        return format!("@{}", String::from_utf8_lossy(name));
    }
    "a socket without a name".to_owned()
}
