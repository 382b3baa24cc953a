//! Receiving datagrams: 32 of them per system call where there is `recvmmsg`, one by one elsewhere.
//!
//! # Safety
//!
//! `recvmmsg` fills buffers and addresses through pointers into arrays of this call's frame and into the caller's
//! memory, each with its length; all of them outlive the call, and none is kept.
#![allow(unsafe_code)]

use std::io;
use std::net::{SocketAddr, UdpSocket};

use crate::datagrams::Received;

/// Receives datagrams into `room`, `size` bytes for each, and appends what is known of them to `received`. True: as
/// many as this call could take, so there may be more; false: the queue was emptied.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn receive(
    socket: &UdpSocket,
    room: &mut [u8],
    size: usize,
    received: &mut Vec<Received>,
) -> io::Result<bool> {
    at_once::receive(socket, room, size, received)
}

/// As above.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn receive(
    socket: &UdpSocket,
    room: &mut [u8],
    size: usize,
    received: &mut Vec<Received>,
) -> io::Result<bool> {
    one_by_one::receive(socket, room, size, received)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod at_once {
    use super::*;
    use std::array;
    use std::mem::{self, MaybeUninit};
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
    use std::os::fd::AsRawFd;
    use std::ptr;

    /// How many one call takes: enough to make the call cheap, few enough for the stack (7 KiB).
    const AT_ONCE: usize = 32;

    pub(super) fn receive(
        socket: &UdpSocket,
        room: &mut [u8],
        size: usize,
        received: &mut Vec<Received>,
    ) -> io::Result<bool> {
        let count = (room.len() / size).min(AT_ONCE);
        let mut addresses = [const { MaybeUninit::<libc::sockaddr_storage>::uninit() }; AT_ONCE];
        let nothing = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        let mut buffers = [nothing; AT_ONCE];
        for (buffer, bytes) in buffers.iter_mut().zip(room.chunks_exact_mut(size)) {
            *buffer = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: size };
        }
        let mut messages: [libc::mmsghdr; AT_ONCE] = array::from_fn(|index| {
            // SAFETY: all zeros is a message without buffers, a plain C structure.
            let mut message: libc::mmsghdr = unsafe { mem::zeroed() };
            message.msg_hdr.msg_name = addresses[index].as_mut_ptr().cast();
            message.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_storage>() as _;
            message.msg_hdr.msg_iov = &raw mut buffers[index];
            message.msg_hdr.msg_iovlen = 1;
            message
        });
        // SAFETY: see the head of this file; of the `count` messages each has its own buffer and address.
        let taken = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                messages.as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        let taken = usize::try_from(taken).map_err(|_| io::Error::last_os_error())?;
        for (message, address) in messages.iter().zip(&addresses).take(taken) {
            received.push(Received {
                length: (message.msg_len as usize).min(size),
                from: decode(address)?,
                is_truncated: message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            });
        }
        Ok(taken == count)
    }

    fn decode(address: &MaybeUninit<libc::sockaddr_storage>) -> io::Result<SocketAddr> {
        let address = address.as_ptr();
        // SAFETY: the kernel has written the address of a datagram it handed out, its family at least.
        match i32::from(unsafe { (*address).ss_family }) {
            libc::AF_INET => {
                // SAFETY: the family says which structure it is; a storage is large and aligned enough for each.
                let v4 = unsafe { &*address.cast::<libc::sockaddr_in>() };
                let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                Ok(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 => {
                // SAFETY: as above.
                let v6 = unsafe { &*address.cast::<libc::sockaddr_in6>() };
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let port = u16::from_be(v6.sin6_port);
                Ok(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
            }
            family => {
                let message = format!("a datagram came from an address of family {family}");
                Err(io::Error::new(io::ErrorKind::InvalidData, message))
            }
        }
    }
}

#[cfg_attr(any(target_os = "linux", target_os = "android"), cfg(test))]
mod one_by_one {
    use super::*;
    use rustix::net::{RecvAncillaryBuffer, RecvFlags, ReturnFlags, recvmsg};
    use std::io::IoSliceMut;

    pub(super) fn receive(
        socket: &UdpSocket,
        room: &mut [u8],
        size: usize,
        received: &mut Vec<Received>,
    ) -> io::Result<bool> {
        let mut buffers = [IoSliceMut::new(&mut room[..size])];
        let mut ancillary = RecvAncillaryBuffer::default();
        let message = recvmsg(socket, &mut buffers, &mut ancillary, RecvFlags::DONTWAIT)?;
        let Some(Ok(from)) = message.address.map(SocketAddr::try_from) else {
            let message = "a datagram came without an internet address";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        };
        received.push(Received {
            length: message.bytes.min(size),
            from,
            is_truncated: message.flags.contains(ReturnFlags::TRUNC),
        });
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Receive = fn(&UdpSocket, &mut [u8], usize, &mut Vec<Received>) -> io::Result<bool>;

    #[test]
    fn every_way_of_receiving_tells_the_same() {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let ways: [Receive; 2] = [at_once::receive, one_by_one::receive];
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let ways: [Receive; 1] = [one_by_one::receive];
        for receive in ways {
            for address in ["127.0.0.1:0", "[::1]:0"] {
                let Ok(socket) = UdpSocket::bind(address) else { continue }; // Without IPv6.
                let from = socket.local_addr().unwrap();
                for bytes in [&b"fits"[..], b"", b"does not fit"] {
                    socket.send_to(bytes, from).unwrap();
                }
                let (mut room, mut received) = ([0; 24], Vec::new());
                while received.len() < 3 {
                    let index = received.len();
                    receive(&socket, &mut room[8 * index..], 8, &mut received).unwrap();
                }
                let told: Vec<_> = received.iter().map(|it| (it.length, it.is_truncated)).collect();
                assert_eq!(told, [(4, false), (0, false), (8, true)]);
                assert!(received.iter().all(|it| it.from == from));
                assert_eq!(&room[..4], b"fits");
                assert_eq!(&room[16..], b"does not");
                let error = receive(&socket, &mut room, 8, &mut received).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            }
        }
    }
}
