//! The system calls that make a socket non-blocking from its first moment, where there are such; and whose error it is.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, getsockname};

use crate::io::failure::failed;

/// A new stream socket: not blocking, and closed in child processes.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn open(family: AddressFamily) -> io::Result<OwnedFd> {
    use rustix::net::{SocketFlags, socket_with};
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(socket_with(family, SocketType::STREAM, flags, None)?)
}

/// As above, in three calls.
#[cfg(target_vendor = "apple")]
pub(super) fn open(family: AddressFamily) -> io::Result<OwnedFd> {
    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    Ok(socket)
}

/// Takes a connection off the queue: not blocking, and closed in child processes.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    use rustix::net::{SocketFlags, acceptfrom_with};
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (socket, address) = acceptfrom_with(listener, flags)?;
    let stream = TcpStream::from(socket);
    let peer = match address.map(SocketAddr::try_from) {
        Some(Ok(peer)) => peer,
        _ => stream.peer_addr()?,
    };
    Ok((stream, peer))
}

/// As above, in two calls.
#[cfg(target_vendor = "apple")]
pub(super) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((stream, peer))
}

/// Says of an error which operation on `socket` met it.
pub(super) fn naming<E: Into<io::Error>>(
    operation: &'static str,
    socket: &impl AsFd,
) -> impl FnOnce(E) -> io::Error {
    move |error| failed(operation, name(socket), error.into())
}

/// A socket's own address, or else the number of its descriptor.
#[cold]
fn name(socket: &impl AsFd) -> String {
    let nameless = || format!("descriptor {}", socket.as_fd().as_raw_fd());
    let Ok(address) = getsockname(socket) else { return nameless() };
    if let Ok(address) = SocketAddr::try_from(address.clone()) {
        return address.to_string();
    }
    let Ok(address) = SocketAddrUnix::try_from(address) else { return nameless() };
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = address.abstract_name() {
        return format!("@{}", String::from_utf8_lossy(name));
    }
    match address.path() {
        Some(path) => path.to_string_lossy().into_owned(),
        None => nameless(),
    }
}
