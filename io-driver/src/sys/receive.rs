//! Receiving from a TCP stream and hearing with it what is left: `TCP_INQ`, Linux 4.18. Plain receiving elsewhere.
//!
//! The number comes as a control message, which only `recvmsg` takes. A read by it costs what a plain one costs, within what
//! can be measured; asking for it is a call of its own, once for a stream.
//!
//! # Safety
//!
//! `recvmsg` fills buffers and a control message through pointers into this call's frame and the caller's memory, each
//! with its length; all of them outlive the call, and none is kept. What it says it has written of the control messages is
//! read back.
#![allow(unsafe_code)]

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use rustix::net::{RecvFlags, recv};

/// How many buffers a system takes at once. (Linux and most others; POSIX asks for 16.)
const BUFFERS_MAX: usize = 1_024;

/// What one call received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) count: usize,
    /// Whether nothing was left, not even the news that the peer has finished (newer kernels; on older ones, and of a reset, an
    /// edge of its own tells). Only the system can say so: `false` where it was not asked.
    pub(crate) is_all: bool,
}

impl Received {
    fn plainly(count: usize) -> Received {
        Received { count, is_all: false }
    }
}

/// Has the system tell with each read what is left, or not any more. Whether it does as asked.
pub(crate) fn ask(stream: BorrowedFd<'_>, wanted: bool) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return inquiry::ask(stream, wanted);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = (stream, wanted);
        false
    }
}

/// One read. `is_told`: [`ask`] was answered with yes.
pub(crate) fn receive(
    stream: BorrowedFd<'_>,
    buffer: &mut [u8],
    is_told: bool,
) -> io::Result<Received> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if is_told {
        return inquiry::receive(stream, buffer);
    }
    let _ = is_told;
    Ok(Received::plainly(recv(stream, buffer, RecvFlags::empty())?.1))
}

/// The same, into memory that was never written.
pub(crate) fn receive_uninit(
    stream: BorrowedFd<'_>,
    buffer: &mut [MaybeUninit<u8>],
    is_told: bool,
) -> io::Result<Received> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if is_told {
        return inquiry::receive_uninit(stream, buffer);
    }
    let _ = is_told;
    Ok(Received::plainly(recv(stream, buffer, RecvFlags::empty())?.1))
}

/// The same, into several buffers, one after the other.
pub(crate) fn receive_vectored(
    stream: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
    is_told: bool,
) -> io::Result<Received> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if is_told {
        return inquiry::receive_vectored(stream, buffers);
    }
    let _ = is_told;
    let taken = buffers.len().min(BUFFERS_MAX);
    Ok(Received::plainly(rustix::io::readv(stream, &mut buffers[..taken])?))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod inquiry {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::ptr;

    /// Room for the message that is asked for, and for time stamps, which somebody else may have asked for and which come
    /// first. In words, for the alignment.
    const WORDS: usize = 16;

    /// Has the system tell with each `recvmsg` what is left, or not any more. Whether it does as asked.
    pub(crate) fn ask(stream: BorrowedFd<'_>, wanted: bool) -> bool {
        let wanted = libc::c_int::from(wanted);
        // SAFETY: the kernel reads an integer of the length that it is told.
        let outcome = unsafe {
            libc::setsockopt(
                stream.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INQ,
                (&raw const wanted).cast(),
                size_of_val(&wanted) as libc::socklen_t,
            )
        };
        outcome == 0
    }

    pub(crate) fn receive(stream: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Received> {
        let (base, length) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: `buffer` is borrowed mutably until the call has ended.
        unsafe { receive_into(stream, &mut [libc::iovec { iov_base: base, iov_len: length }]) }
    }

    pub(crate) fn receive_uninit(
        stream: BorrowedFd<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> io::Result<Received> {
        let (base, length) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: as above; memory that is only written need not be initialized.
        unsafe { receive_into(stream, &mut [libc::iovec { iov_base: base, iov_len: length }]) }
    }

    pub(crate) fn receive_vectored(
        stream: BorrowedFd<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> io::Result<Received> {
        let count = buffers.len().min(BUFFERS_MAX);
        // SAFETY: an `IoSliceMut` is an `iovec`, says the standard library; each borrows its memory mutably.
        unsafe {
            let buffers = std::slice::from_raw_parts_mut(buffers.as_mut_ptr().cast(), count);
            receive_into(stream, buffers)
        }
    }

    /// # Safety
    /// The memory that `buffers` point to is the caller's to write.
    unsafe fn receive_into(
        stream: BorrowedFd<'_>,
        buffers: &mut [libc::iovec],
    ) -> io::Result<Received> {
        let mut control = [const { MaybeUninit::<u64>::uninit() }; WORDS];
        // SAFETY: all zeros is a message without buffers, a plain C structure.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = buffers.as_mut_ptr();
        message.msg_iovlen = buffers.len() as _;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control) as _;
        // SAFETY: see the head of this file; `buffers` are the caller's to answer for.
        let count = unsafe { libc::recvmsg(stream.as_raw_fd(), &raw mut message, 0) };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        Ok(Received { count, is_all: left(&message) == Some(0) })
    }

    /// What the system has said is left, if it has said so.
    fn left(message: &libc::msghdr) -> Option<libc::c_int> {
        // SAFETY: the kernel has written as many bytes of control messages as `msg_controllen` says, which is where these
        // two stop. An integer is all the data that this kind of message has, and it is there if the length says so.
        unsafe {
            let mut header = libc::CMSG_FIRSTHDR(message);
            while !header.is_null() {
                if (*header).cmsg_level == libc::IPPROTO_TCP
                    && (*header).cmsg_type == libc::TCP_CM_INQ
                    && (*header).cmsg_len as usize >= libc::CMSG_LEN(4) as usize
                {
                    return Some(ptr::read_unaligned(libc::CMSG_DATA(header).cast()));
                }
                header = libc::CMSG_NXTHDR(message, header);
            }
        }
        None
    }
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::os::fd::AsFd;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (here, listener.accept().unwrap().0)
    }

    /// Both ends on one machine: what was written before the second call is there.
    fn written(mut to: &TcpStream, bytes: &[u8], here: &TcpStream) {
        to.write_all(bytes).unwrap();
        while here.peek(&mut [0; 64]).unwrap() < bytes.len() {}
    }

    #[test]
    fn every_way_of_receiving_tells_what_is_left() {
        type Receive = fn(&TcpStream, &mut [u8]) -> io::Result<Received>;
        let ways: [Receive; 3] = [
            |here, buffer| receive(here.as_fd(), buffer, true),
            |here, buffer| {
                let mut uninit = [const { MaybeUninit::uninit() }; 3];
                let received = receive_uninit(here.as_fd(), &mut uninit, true)?;
                // SAFETY: as many bytes have been written.
                let written =
                    uninit[..received.count].iter().map(|byte| unsafe { byte.assume_init() });
                buffer.iter_mut().zip(written).for_each(|(byte, written)| *byte = written);
                Ok(received)
            },
            |here, buffer| {
                let (first, rest) = buffer.split_at_mut(1);
                let buffers =
                    &mut [IoSliceMut::new(first), IoSliceMut::new(&mut []), IoSliceMut::new(rest)];
                receive_vectored(here.as_fd(), buffers, true)
            },
        ];
        for receive in ways {
            let (here, there) = pair();
            assert!(ask(here.as_fd(), true));
            let mut buffer = [0; 3];
            written(&there, b"abcdef", &here);
            assert_eq!(receive(&here, &mut buffer).unwrap(), Received { count: 3, is_all: false });
            assert_eq!(&buffer, b"abc");
            assert_eq!(receive(&here, &mut buffer).unwrap(), Received { count: 3, is_all: true });
            assert_eq!(&buffer, b"def");

            here.set_nonblocking(true).unwrap();
            let error = receive(&here, &mut buffer).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            here.set_nonblocking(false).unwrap();

            written(&there, b"ghi", &here);
            there.shutdown(Shutdown::Write).unwrap();
            // Nobody else waits for the end of the stream, and it may be on its way.
            until_finished(&here);
            assert_eq!(
                receive(&here, &mut buffer).unwrap(),
                Received { count: 3, is_all: false },
                "the end is left"
            );
            assert_eq!(receive(&here, &mut buffer).unwrap().count, 0);
        }
    }

    fn until_finished(here: &TcpStream) {
        use rustix::event::{PollFd, PollFlags, poll};
        let mut waited_for = [PollFd::new(here, PollFlags::RDHUP)];
        assert_eq!(poll(&mut waited_for, None).unwrap(), 1);
    }

    #[test]
    fn who_does_not_ask_is_told_nothing() {
        let (here, there) = pair();
        written(&there, b"abcdef", &here);
        let mut buffer = [0; 3];
        assert!(ask(here.as_fd(), true));
        let plainly = receive(here.as_fd(), &mut buffer, false).unwrap();
        assert_eq!(plainly, Received { count: 3, is_all: false });
        assert!(ask(here.as_fd(), false));
        let received = receive(here.as_fd(), &mut buffer, true).unwrap();
        assert_eq!(received, Received { count: 3, is_all: false });
        let pipe = std::io::pipe().unwrap();
        assert!(!ask(pipe.0.as_fd(), true), "no socket");
    }

    #[test]
    fn more_buffers_than_the_system_takes_are_filled_from_the_first() {
        let (here, there) = pair();
        written(&there, b"abc", &here);
        let mut memory = [0; BUFFERS_MAX + 1];
        for is_told in [ask(here.as_fd(), true), false] {
            let mut buffers: Vec<_> = memory.chunks_mut(1).map(IoSliceMut::new).collect();
            if !is_told {
                written(&there, b"abc", &here);
            }
            let received = receive_vectored(here.as_fd(), &mut buffers, is_told).unwrap();
            assert_eq!(received, Received { count: 3, is_all: is_told });
            assert_eq!(&memory[..3], b"abc");
        }
    }
}
