//! One system call per turn: `epoll` on the `polling` crate's own descriptor, edge-triggered.
//!
//! `polling` 3.11 spends five system calls on every wait (it re-arms a timerfd and an eventfd) and does not ask for
//! RDHUP. So the `Poller` only owns the epoll instance here. A source is added once, edge-triggered, for reading, and for
//! room to write once somebody has had to wait for that (R8).
//! Notification is an eventfd of ours, edge-triggered too and never read: each write is a new edge, and its counter
//! needs centuries to fill. A wait is one `epoll_wait`; a timeout with a fraction of a millisecond needs
//! `epoll_pwait2` (Linux 5.11). Where the kernel, or a sandbox, refuses that call, the fraction is rounded up from
//! then on, so that no wait ends early for want of a finer clock.
//!
//! # Safety
//!
//! Two calls of the C library that fill a buffer whose length they are told, and borrowing remembered descriptors.
#![allow(unsafe_code)]

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};

use super::Fd;
use crate::interest::{Interest, Ready};
use crate::registry::Token;

/// How many events one wait can bring; further ones come with the next.
const CAPACITY: usize = 1024;

/// The token of our eventfd. No source has it: their indices end before (see `Token::INDEX_MAX`).
const WAKEUP: u64 = u64::MAX;

/// What every source is watched for, from `add` to `remove`. Hang-up and errors are reported unasked.
const WATCHED: EventFlags =
    EventFlags::IN.union(EventFlags::RDHUP).union(EventFlags::PRI).union(EventFlags::ET);

#[derive(Debug)]
pub(crate) struct Epoll {
    poller: polling::Poller,
    wakeup: OwnedFd,
    /// `epoll_pwait2` has not been refused yet.
    has_pwait2: AtomicBool,
}

pub(crate) struct Events(Box<[libc::epoll_event]>);

impl Events {
    pub(crate) fn new() -> Self {
        Self(vec![libc::epoll_event { events: 0, u64: 0 }; CAPACITY].into_boxed_slice())
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("capacity", &self.0.len()).finish()
    }
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        let poller = polling::Poller::new()?;
        let wakeup = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let edges = EventFlags::IN | EventFlags::ET;
        epoll::add(&poller, &wakeup, EventData::new_u64(WAKEUP), edges)?;
        Ok(Self { poller, wakeup, has_pwait2: AtomicBool::new(true) })
    }

    pub(crate) fn add(&self, fd: Fd, token: Token, interest: Interest) -> io::Result<()> {
        let data = EventData::new_u64(token.key() as u64);
        Ok(epoll::add(&self.poller, borrow(&fd), data, watched(interest))?)
    }

    pub(crate) fn change(&self, fd: Fd, token: Token, interest: Interest) -> io::Result<()> {
        let data = EventData::new_u64(token.key() as u64);
        Ok(epoll::modify(&self.poller, borrow(&fd), data, watched(interest))?)
    }

    pub(crate) fn remove(&self, fd: Fd) -> io::Result<()> {
        Ok(epoll::delete(&self.poller, borrow(&fd))?)
    }

    pub(crate) fn notify(&self) -> io::Result<()> {
        rustix::io::write(&self.wakeup, &1_u64.to_ne_bytes())?;
        Ok(())
    }

    pub(crate) fn wait(
        &self,
        events: &mut Events,
        timeout: Option<Duration>,
        mut each: impl FnMut(Token, Ready),
    ) -> io::Result<()> {
        let count = self.wait_once(&mut events.0, timeout)?;
        for event in &events.0[..count] {
            let (flags, key) = (event.events, event.u64);
            if key != WAKEUP {
                each(Token::from_key(key as usize), ready(flags));
            }
        }
        Ok(())
    }

    fn wait_once(
        &self,
        events: &mut [libc::epoll_event],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        // Relaxed: only this thread's own earlier finding matters, and `Driver::turn` has `&mut self`.
        if let Some(timeout) = timeout
            && !timeout.subsec_nanos().is_multiple_of(1_000_000)
            && self.has_pwait2.load(Relaxed)
        {
            match self.pwait2(events, timeout) {
                Err(error) if is_refusal(&error) => self.has_pwait2.store(false, Relaxed),
                outcome => return outcome,
            }
        }
        let timeout_ms = timeout.map_or(-1, whole_milliseconds);
        // SAFETY: the kernel writes at most `events.len()` entries to `events`, which is borrowed mutably meanwhile.
        let count = unsafe {
            let epoll = self.poller.as_fd().as_raw_fd();
            libc::epoll_wait(epoll, events.as_mut_ptr(), events.len() as libc::c_int, timeout_ms)
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }

    fn pwait2(&self, events: &mut [libc::epoll_event], timeout: Duration) -> io::Result<usize> {
        /// The kernel's own layout, with 64-bit seconds on every architecture.
        #[repr(C)]
        struct Timespec {
            seconds: i64,
            nanoseconds: i64,
        }
        let timeout = Timespec {
            seconds: timeout.as_secs().min(i32::MAX as u64) as i64,
            nanoseconds: i64::from(timeout.subsec_nanos()),
        };
        // SAFETY: as in `wait_once`; `timeout` outlives the call, and a null signal mask is allowed.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.poller.as_fd().as_raw_fd(),
                events.as_mut_ptr(),
                events.len() as libc::c_int,
                &raw const timeout,
                ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }
}

/// The kernel is older than the call, or a sandbox forbids it.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM))
}

/// Rounded up; what does not fit (24 days) is cut, and the driver simply turns once more.
fn whole_milliseconds(timeout: Duration) -> libc::c_int {
    let rounded_up = timeout.as_nanos().div_ceil(1_000_000);
    libc::c_int::try_from(rounded_up).unwrap_or(libc::c_int::MAX)
}

fn watched(interest: Interest) -> EventFlags {
    if interest.is_writable() { WATCHED | EventFlags::OUT } else { WATCHED }
}

fn ready(flags: u32) -> Ready {
    let flags = EventFlags::from_bits_retain(flags);
    let mut ready = Ready::EMPTY;
    for (flag, meaning) in [
        (EventFlags::IN, Ready::READABLE),
        (EventFlags::OUT, Ready::WRITABLE),
        (EventFlags::PRI, Ready::PRIORITY),
        (EventFlags::RDHUP, Ready::READABLE | Ready::READ_CLOSED),
        (EventFlags::HUP, Ready::ALL.without(Ready::ERROR | Ready::PRIORITY)),
        // Whatever is tried next will report the error.
        (EventFlags::ERR, Ready::ERROR | Ready::READABLE | Ready::WRITABLE),
    ] {
        if flags.contains(flag) {
            ready |= meaning;
        }
    }
    ready
}

fn borrow(fd: &Fd) -> BorrowedFd<'_> {
    // SAFETY: R6: a source's fd is open from `adopt` to `retire`, and handed to the selector only in between.
    unsafe { BorrowedFd::borrow_raw(fd.number()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_of_a_millisecond_is_rounded_up() {
        assert_eq!(whole_milliseconds(Duration::ZERO), 0);
        assert_eq!(whole_milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(whole_milliseconds(Duration::from_micros(2_000)), 2);
        assert_eq!(whole_milliseconds(Duration::from_micros(2_001)), 3);
        assert_eq!(whole_milliseconds(Duration::MAX), libc::c_int::MAX);
    }

    #[test]
    fn a_kernel_without_nanosecond_timeouts_never_wakes_early() {
        let epoll = Epoll::new().unwrap();
        epoll.has_pwait2.store(false, Relaxed);
        let (mut events, timeout) = (Events::new(), Duration::from_micros(1_100));
        let start = std::time::Instant::now();
        epoll.wait(&mut events, Some(timeout), |_, _| panic!("nothing was added")).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(2));
    }

    #[test]
    fn a_read_cut_short_by_urgent_data_does_not_put_the_reader_to_sleep() {
        use crate::{Backend, Driver, Interest, Registered};
        use rustix::net::{SendFlags, send};
        use std::task::{Context, Poll, Waker};

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let sender = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let receiver = listener.accept().unwrap().0;
        receiver.set_nonblocking(true).unwrap();
        let (mut driver, handle) = Driver::new(Backend::Native).unwrap();
        let receiver = Registered::new_connecting(receiver, &handle).unwrap();
        send(&sender, b"ab", SendFlags::empty()).unwrap();
        send(&sender, b"!", SendFlags::OOB).unwrap();
        send(&sender, b"cd", SendFlags::empty()).unwrap();
        driver.turn(None, &mut Vec::new()).unwrap();
        assert!(receiver.registration().now().is_priority());

        let (mut cx, mut buffer) = (Context::from_waker(Waker::noop()), [0; 16]);
        for expected in [b"ab", b"cd"] {
            let read = receiver.poll_receive(&mut cx, &mut buffer);
            let Poll::Ready(Ok(2)) = read else { panic!("{read:?} before {expected:?}") };
            assert_eq!(&buffer[..2], expected);
        }
        assert!(receiver.try_io(Interest::PRIORITY, |_| Ok(())).is_ok());
    }
}
