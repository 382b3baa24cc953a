//! Receiving from a TCP stream with no call in vain, if the system helps.
//!
//! A read that fills less than its buffer has emptied the socket (R7). One that fills it, because messages happen to be as long
//! as buffers, or because the length of what comes was known, foresees nothing, and the next one asks for nothing: a
//! call in vain for each message. A stream to which that has happened is one whose system is asked to say what is left
//! with each read from then on (`sys/receive.rs`); one whose reads never fill their buffers, or always find more, costs no
//! call for that.
//!
//! ```text
//!           a read fills its buffer          the next would block: ask
//!   Plain ──────────────────────────► Full ───────────────────────────► Told, or Refused
//!     ▲                                │
//!     └────────────────────────────────┘ a read does not
//! ```

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use crate::registered::{Registered, is_short};
use crate::sys::receive::{self, Received};

const PLAIN: u8 = 0;
const FULL: u8 = 1;
const TOLD: u8 = 2;
const REFUSED: u8 = 3;

/// What is known of a stream's reads.
#[derive(Debug, Default)]
pub(crate) struct Inquiry(AtomicU8);

impl Inquiry {
    /// Whether the system was asked, and has agreed.
    pub(crate) fn is_told(&self) -> bool {
        // Relaxed, here and below: one task at a time reads, as a rule, and the option of a stream is not taken for something
        // else if two do: what was asked is not written over.
        self.0.load(Relaxed) == TOLD
    }

    /// A read has filled its buffer, or not.
    fn has_read(&self, is_full: bool) {
        let now = self.0.load(Relaxed);
        let next = if is_full { FULL } else { PLAIN };
        if now < TOLD && now != next {
            let _ = self.0.compare_exchange(now, next, Relaxed, Relaxed);
        }
    }

    /// A read would have blocked.
    #[cold]
    fn was_in_vain(&self, stream: BorrowedFd<'_>) {
        if self.0.load(Relaxed) == FULL {
            let answer = if receive::ask(stream, true) { TOLD } else { REFUSED };
            self.0.store(answer, Relaxed);
        }
    }

    /// The stream goes to somebody else, who has not asked for control messages.
    pub(crate) fn end(&self, stream: BorrowedFd<'_>) {
        if self.is_told() {
            receive::ask(stream, false);
        }
    }
}

/// For TCP streams.
impl<T: AsFd> Registered<T> {
    /// Receives until it does not block, waiting for readability in between, and foresees "would block" where it can: after
    /// a read that did not fill `buffer`, and, on Linux, after one that did if the system says that nothing is left. Only
    /// the waker of the last call is kept.
    ///
    /// On a stream with which that has spared calls, the option `TCP_INQ` is set: who calls `recvmsg` on it with room for
    /// control messages finds one, on its duplicates, too. [`into_inner`](Self::into_inner) takes it back; dropping does not.
    ///
    /// Not for a stream with a protocol of the kernel's on it (`TCP_ULP`): what `recvmsg` says of its records is not looked at.
    /// Not for datagrams, nor for Unix sockets: a passed file descriptor ends a read early there.
    ///
    /// # Errors
    /// What the system says, and those of [`Registration::poll_read_ready`](crate::Registration::poll_read_ready).
    pub fn poll_receive(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let capacity = buffer.len();
        self.poll_receiving(cx, capacity, |stream, is_told| {
            receive::receive(stream, buffer, is_told)
        })
    }

    /// [`poll_receive`](Self::poll_receive) into memory that was never written: as many bytes of it as it returns are
    /// initialized then.
    ///
    /// # Errors
    /// As there.
    pub fn poll_receive_uninit(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        let capacity = buffer.len();
        self.poll_receiving(cx, capacity, |stream, is_told| {
            receive::receive_uninit(stream, buffer, is_told)
        })
    }

    /// [`poll_receive`](Self::poll_receive) into several buffers, one after the other.
    ///
    /// # Errors
    /// As there.
    pub fn poll_receive_vectored(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        // To fill less than all of a longer list means nothing: the system may have taken only its beginning. (Nothing is
        // less than none.)
        const CERTAINLY_TAKEN: usize = 16;
        let capacity = match buffers.len() {
            ..=CERTAINLY_TAKEN => buffers.iter().map(|buffer| buffer.len()).sum(),
            _ => 0,
        };
        self.poll_receiving(cx, capacity, |stream, is_told| {
            receive::receive_vectored(stream, buffers, is_told)
        })
    }

    fn poll_receiving(
        &self,
        cx: &mut Context<'_>,
        capacity: usize,
        mut receive: impl FnMut(BorrowedFd<'_>, bool) -> io::Result<Received>,
    ) -> Poll<io::Result<usize>> {
        let registration = self.registration();
        let inquiry = &registration.inquiry;
        loop {
            let event = ready!(registration.poll_read_ready(cx))?;
            let is_told = inquiry.is_told();
            let Some(outcome) = self.attempt(event, &mut |io: &T| receive(io.as_fd(), is_told))
            else {
                if registration.foresees() {
                    inquiry.was_in_vain(self.as_fd());
                }
                continue;
            };
            let Received { count, is_all } = outcome?;
            let is_short = is_short(count, capacity);
            if is_short || is_all {
                registration.clear_after_short_read(event);
            }
            inquiry.has_read(count > 0 && !is_short);
            return Poll::Ready(Ok(count));
        }
    }
}
