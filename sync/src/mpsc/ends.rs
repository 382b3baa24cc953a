//! The two ends of a channel, bounded or not: counting senders, and receiving from a buffer of
//! one's own.

use super::{
    chan::{Chan, Refill, Unreturned},
    error::TryRecvError,
};
use crate::{
    budget,
    loom::{Arc, Ordering},
};
use std::{
    collections::VecDeque,
    fmt, mem,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    task::{Context, Poll, ready},
};

/// A counted sender.
pub(super) struct Tx<T> {
    chan: Arc<Chan<T>>,
}

/// A reference to the channel that does not count as a sender.
pub(super) struct WeakTx<T> {
    chan: Arc<Chan<T>>,
}

/// The receiver, with the messages it has taken over.
pub(super) struct Rx<T> {
    chan: Arc<Chan<T>>,
    taken: VecDeque<T>,
    /// The slot of the first of them is returned already: a waker that was woken for it panicked,
    /// and so the message was put back.
    first_is_paid: bool,
}

// Messages are moved in and out, never pinned in here.
impl<T> Unpin for Rx<T> {}

pub(super) fn channel<T>(capacity: usize) -> (Tx<T>, Rx<T>) {
    let chan = Arc::new(Chan::new(capacity));
    (Tx { chan: Arc::clone(&chan) }, Rx { chan, taken: VecDeque::new(), first_is_paid: false })
}

impl<T> Tx<T> {
    pub(super) fn downgrade(&self) -> WeakTx<T> {
        // Relaxed: the count is for information.
        self.chan.weak_senders.fetch_add(1, Ordering::Relaxed);
        WeakTx { chan: Arc::clone(&self.chan) }
    }

    pub(super) fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chan, &other.chan)
    }
}

impl<T> Deref for Tx<T> {
    type Target = Chan<T>;

    #[inline]
    fn deref(&self) -> &Chan<T> {
        &self.chan
    }
}

impl<T> Clone for Tx<T> {
    fn clone(&self) -> Self {
        // Relaxed: made from a sender, so the count is not zero, and nobody acts on a larger one.
        self.chan.senders.fetch_add(1, Ordering::Relaxed);
        Self { chan: Arc::clone(&self.chan) }
    }
}

impl<T> Drop for Tx<T> {
    fn drop(&mut self) {
        // AcqRel: Release pairs with the Acquire in `is_finished`; Acquire gathers what the other
        // senders did, for the one that comes last.
        if self.chan.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.chan.senders_gone();
        }
    }
}

impl<T> WeakTx<T> {
    /// A sender again, unless all of them are gone.
    pub(super) fn upgrade(&self) -> Option<Tx<T>> {
        let senders = &self.chan.senders;
        // Relaxed: a guess; the exchange decides, and nothing depends on what it brings.
        let mut count = senders.load(Ordering::Relaxed);
        while count != 0 {
            match senders.compare_exchange_weak(
                count,
                count + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(Tx { chan: Arc::clone(&self.chan) }),
                Err(now) => count = now,
            }
        }
        None
    }
}

impl<T> Deref for WeakTx<T> {
    type Target = Chan<T>;

    fn deref(&self) -> &Chan<T> {
        &self.chan
    }
}

impl<T> Clone for WeakTx<T> {
    fn clone(&self) -> Self {
        self.chan.weak_senders.fetch_add(1, Ordering::Relaxed);
        Self { chan: Arc::clone(&self.chan) }
    }
}

impl<T> Drop for WeakTx<T> {
    fn drop(&mut self) {
        self.chan.weak_senders.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T> Rx<T> {
    #[inline]
    fn next(&mut self) -> Option<T> {
        let message = self.taken.pop_front()?;
        if mem::take(&mut self.first_is_paid) {
            return Some(message);
        }
        Some(match self.chan.return_slots(1) {
            None => message,
            Some(own) => self.serve_with(own, message),
        })
    }

    /// Serves the line. If a waker panics there, the message stays in the channel.
    #[cold]
    fn serve_with(&mut self, own: Unreturned, message: T) -> T {
        match catch_unwind(AssertUnwindSafe(|| self.chan.serve_line(own))) {
            Ok(()) => message,
            Err(panic) => {
                self.taken.push_front(message);
                self.first_is_paid = true;
                resume_unwind(panic)
            }
        }
    }

    #[inline]
    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let unit = ready!(budget::poll_proceed(cx));
        if self.taken.is_empty()
            && !ready!(self.chan.refill(&mut self.taken, Some(cx.waker())).ready())
        {
            unit.made_progress();
            return Poll::Ready(None);
        }
        unit.made_progress();
        Poll::Ready(self.next())
    }

    pub(super) fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        let unit = ready!(budget::poll_proceed(cx));
        let mut count = 0;
        while count < limit {
            if self.taken.is_empty() {
                let waker = (count == 0).then(|| cx.waker());
                match self.chan.refill(&mut self.taken, waker) {
                    Refill::Filled => {}
                    Refill::Empty if count == 0 => return Poll::Pending,
                    Refill::Empty | Refill::Finished => break,
                }
            }
            let some = self.taken.len().min(limit - count);
            into.extend(self.taken.drain(..some));
            let unpaid = some - usize::from(mem::take(&mut self.first_is_paid));
            if let Some(own) = self.chan.return_slots(unpaid) {
                self.chan.serve_line(own);
            }
            count += some;
        }
        unit.made_progress();
        Poll::Ready(count)
    }

    pub(super) fn try_recv(&mut self) -> Result<T, TryRecvError> {
        if self.taken.is_empty() {
            match self.chan.refill(&mut self.taken, None) {
                Refill::Filled => {}
                Refill::Empty => return Err(TryRecvError::Empty),
                Refill::Finished => return Err(TryRecvError::Disconnected),
            }
        }
        self.next().ok_or(TryRecvError::Empty)
    }

    pub(super) fn len(&self) -> usize {
        self.taken.len() + self.chan.incoming_len()
    }

    pub(super) fn close(&mut self) {
        drop(self.chan.close(false));
    }

    /// Whether no more messages can be sent, other than into slots already taken.
    pub(super) fn is_closed(&self) -> bool {
        // Acquire: pairs with the last sender's decrement.
        self.chan.is_closed() || self.chan.senders.load(Ordering::Acquire) == 0
    }
}

impl<T> Deref for Rx<T> {
    type Target = Chan<T>;

    fn deref(&self) -> &Chan<T> {
        &self.chan
    }
}

impl<T> Drop for Rx<T> {
    fn drop(&mut self) {
        let unread = self.chan.close(true);
        // In the order of sending. If dropping one message panics, the others are dropped all the
        // same.
        drop(mem::take(&mut self.taken));
        drop(unread);
    }
}

impl<T> fmt::Debug for Rx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("taken", &self.taken.len())
            .field("channel", &*self.chan)
            .finish()
    }
}
