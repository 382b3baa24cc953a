//! Descriptors of any kind under the runtime's watch, and what may happen to them.
//!
//! # Safety
//!
//! One type lends a descriptor that somebody else closes: that is the fault it is for. It is used for calls that then
//! fail, and for nothing else.
#![allow(unsafe_code)]

use crate::support::{on_each_runtime, poll_once};
use raddle::io::{AsyncFd, Interest};
use raddle::task::yield_now;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;
use std::task::Waker;

fn pair() -> (UnixStream, UnixStream) {
    let (one, other) = UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    (one, other)
}

#[test]
fn a_guard_is_had_when_there_is_news_and_not_before() {
    on_each_runtime(|| async {
        let (ours, mut theirs) = pair();
        let ours = AsyncFd::new(ours).unwrap();
        {
            let mut early = pin!(ours.readable());
            assert!(poll_once(early.as_mut(), Waker::noop()).is_pending());
        }
        theirs.write_all(b"ab").unwrap();
        let mut guard = ours.readable().await.unwrap();
        assert!(guard.ready().is_readable());
        let read = |fd: &AsyncFd<UnixStream>| fd.get_ref().read(&mut [0; 8]);
        assert_eq!(guard.try_io(read).unwrap().unwrap(), 2);
        guard.retain_ready();
        // Kept, so it is tried again, and then cleared.
        let mut guard = ours.readable().await.unwrap();
        guard.try_io(read).unwrap_err();
        let mut late = pin!(ours.readable());
        assert!(poll_once(late.as_mut(), Waker::noop()).is_pending());
        theirs.write_all(b"c").unwrap();
        let mut guard = late.await.unwrap();
        assert_eq!(guard.get_inner().as_raw_fd(), ours.as_raw_fd());
        guard.clear_ready_matching(Interest::READABLE);
        assert_eq!(
            ours.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 8])).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        assert!(ours.writable().await.unwrap().ready().is_writable());
    });
}

#[test]
fn an_operation_is_tried_until_it_does_not_block() {
    on_each_runtime(|| async {
        let (ours, mut theirs) = pair();
        let ours = Arc::new(AsyncFd::new(ours).unwrap());
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let ours = ours.clone();
                raddle::spawn(async move {
                    ours.async_io(Interest::READABLE, |mut io| io.read(&mut [0; 1])).await.unwrap()
                })
            })
            .collect();
        yield_now().await;
        theirs.write_all(b"abc").unwrap();
        for reader in readers {
            assert_eq!(reader.await.unwrap(), 1);
        }
        assert_eq!(ours.async_io(Interest::WRITABLE, |mut io| io.write(b"back")).await.unwrap(), 4);
        theirs.read_exact(&mut [0; 4]).unwrap();
    });
}

#[test]
fn waiting_for_what_is_not_watched_is_an_error() {
    on_each_runtime(|| async {
        let (ours, _theirs) = pair();
        let ours = AsyncFd::with_interest(ours, Interest::READABLE).unwrap();
        let error = ours.writable().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("WRITABLE"), "{error}");
    });
}

#[test]
fn one_descriptor_is_not_watched_twice_and_a_file_not_at_all() {
    on_each_runtime(|| async {
        let (ours, _theirs) = pair();
        let shared = Arc::new(ours);
        let first = AsyncFd::new(shared.clone()).unwrap();
        let error = AsyncFd::new(shared.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(error.to_string().contains("registering"), "{error}");
        drop(first);
        AsyncFd::new(shared).unwrap();
        let file = File::open(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(AsyncFd::new(file).unwrap_err().kind(), ErrorKind::PermissionDenied);
    });
}

/// A descriptor that somebody else owns, and may close.
struct Lent(RawFd);

impl AsFd for Lent {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: none. The test below closes it meanwhile, and expects errors.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }
}

#[test]
fn a_descriptor_closed_behind_our_back_is_an_error_and_harms_nobody() {
    // Elsewhere, the number must stay free: another test of this process would take it.
    crate::faults_net::in_a_child("async_fd::closed_behind_our_back", &[]);
}

#[test]
#[ignore = "run by a_descriptor_closed_behind_our_back_is_an_error_and_harms_nobody"]
fn closed_behind_our_back() {
    on_each_runtime(|| async {
        let (ours, theirs) = pair();
        let lent = AsyncFd::new(Lent(ours.as_raw_fd())).unwrap();
        let (bystander, mut its_peer) = pair();
        let bystander = AsyncFd::new(bystander).unwrap();
        drop(ours);
        let write = |io: &Lent| -> io::Result<()> {
            rustix::io::write(io, b"x")?;
            Ok(())
        };
        let outcome = match lent.try_io(Interest::WRITABLE, write) {
            // Nothing had been heard of it before it was closed.
            Err(error) if error.kind() == ErrorKind::WouldBlock => write(lent.get_ref()),
            outcome => outcome,
        };
        const EBADF: i32 = 9;
        assert_eq!(outcome.unwrap_err().raw_os_error(), Some(EBADF));
        drop(lent); // There is nothing left to take out of the driver.
        drop(theirs);
        its_peer.write_all(b"x").unwrap();
        assert!(bystander.readable().await.unwrap().ready().is_readable());
    });
}
