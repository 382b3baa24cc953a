//! What the ends of a channel share: the messages, the free slots, and the line of waiting senders.
//!
//! Messages are in `inbox`, under a short lock: a sender takes it to put one in, the receiver to
//! take over all that have come, by exchange for its own empty buffer; it then works without the
//! lock. Senders that find no slot wait in `line`, which has a lock of its own, taken before the
//! other if both are.
//!
//! - **C1** A slot is a permission to have one message in the channel. Slots are conserved: `free`
//!   ones in the inbox, `returned` ones in the receiver's word, and those of messages, permits and
//!   waiters.
//! - **C2** The receiver returns the slot of each message it hands out by adding to `returned`, or,
//!   if it sees a line, by dealing it out there. Senders move the sum to `free` when they find none
//!   there. So neither takes the lock for the other's sake.
//! - **C3** `LINE` is set in `returned` exactly while the line is not empty, and changes under the
//!   line's lock. It is set in the step that finds no returned slots, with the inbox locked too. A
//!   receiver that finds it in its own step takes the line's lock and deals out (L5).
//! - **C4** While `LINE` is set nothing is `free`, and nobody takes what is returned past the line,
//!   `try_send` neither.
//! - **C5** `receiver` changes under the locks of line and inbox. Nobody lines up, and no slot is taken, once
//!   it is not `OPEN`. Slots taken before stay good: the receiver waits for their messages, or
//!   their return.
//! - **C6** Messages and wakers leave the locks before they are dropped or woken, and the
//!   receiver's waker is cloned before the lock is taken (K2).
//! - **C7** While `LINE` is not set only the holder of the inbox takes from `returned`; while it is
//!   set, only the holder of the line. A receiver that saw `LINE` may find, once it has the line,
//!   that those in it have left: then it takes nothing.
//!
//! Feared: the receiver returns the last slot and sees no line, while a sender sees no slot and
//! lines up. Both change the same word. If the sender's step comes first, the receiver sees `LINE`;
//! if the receiver's does, the sender's step, which expects zero, fails, and it looks again.
//!
//! So a message costs two read-modify-writes: the lock of its sender, and the return of its slot.
//!
//! Rejected: a semaphore beside the queue (one more exchanged word per message), a lock for each
//! received message (both ends fight for its line), linked blocks (an empty channel has to hold
//! one), returning slots by the batch (a receiver that holds messages back would hold up senders
//! that have room).

mod slots;

pub(super) use slots::Unreturned;

use super::error::TrySendError;
use crate::{
    acquire::Gate,
    loom::{AtomicU8, AtomicUsize, Ordering, ShortGuard, ShortLock},
    notify::Notify,
    stats::Stats,
    wait_list::{Standing, WaitQueue},
    wakers::Wakers,
};
use crossbeam_utils::CachePadded;
use std::{
    collections::VecDeque,
    fmt, mem,
    task::{Poll, Waker},
};

/// The largest capacity of a bounded channel.
pub(super) const MAX_CAPACITY: usize = usize::MAX >> 3;
/// The capacity that stands for a channel without slots.
pub(super) const UNBOUNDED: usize = usize::MAX;

/// Buffers with room for more messages than this are freed when the receiver has to wait.
const KEEP: usize = 256;

// The states of the receiver (C5).
const OPEN: u8 = 0;
const CLOSED: u8 = 1;
const GONE: u8 = 2;

pub(super) struct Chan<T> {
    /// The lock and what it guards, on lines of their own.
    inbox: CachePadded<ShortLock<Inbox<T>>>,
    pub(super) capacity: usize,
    pub(super) senders: AtomicUsize,
    pub(super) weak_senders: AtomicUsize,
    /// Of the inbox's `receiver`, for those who only look.
    receiver: AtomicU8,
    line: WaitQueue<()>,
    /// Who waits for the receiver to close.
    on_close: Notify,
    /// On a line of its own: the receiver writes it for each message, the senders once in a while.
    returned: CachePadded<AtomicUsize>,
}

/// What the short lock guards.
struct Inbox<T> {
    incoming: VecDeque<T>,
    free: usize,
    /// The receiver's, if it waits.
    waker: Option<Waker>,
    /// `OPEN`, `CLOSED` or `GONE`.
    receiver: u8,
}

/// What became of a message that was offered.
pub(super) enum Offer {
    Sent,
    /// No slot, or others wait for it.
    Full,
    Closed,
}

/// What the receiver finds when its own buffer is empty.
pub(super) enum Refill {
    /// The buffer has messages again.
    Filled,
    /// Nothing there yet.
    Empty,
    /// Nothing there, and nothing to come.
    Finished,
}

impl<T> Chan<T> {
    /// A channel with one sender and its receiver.
    pub(super) fn new(capacity: usize) -> Self {
        let inbox =
            Inbox { incoming: VecDeque::new(), free: capacity, waker: None, receiver: OPEN };
        Self {
            inbox: CachePadded::new(ShortLock::new(inbox)),
            capacity,
            senders: AtomicUsize::new(1),
            weak_senders: AtomicUsize::new(0),
            receiver: AtomicU8::new(OPEN),
            line: WaitQueue::new(()),
            on_close: Notify::new(),
            returned: CachePadded::new(AtomicUsize::new(0)),
        }
    }

    #[inline]
    fn is_bounded(&self) -> bool {
        self.capacity != UNBOUNDED
    }

    // -- for senders ----------------------------------------------------------------------------

    /// Whether the receiver has been closed or dropped.
    pub(super) fn is_closed(&self) -> bool {
        // Acquire: pairs with the Release in `close`.
        self.receiver.load(Ordering::Acquire) != OPEN
    }

    pub(super) async fn closed(&self) {
        loop {
            // Born before the look, so that it catches a close after it (N3).
            let notified = self.on_close.notified();
            if self.is_closed() {
                return;
            }
            notified.await;
        }
    }

    pub(super) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut message = Some(message);
        match (self.offer(&mut message), message) {
            (Offer::Full, Some(message)) => Err(TrySendError::Full(message)),
            (Offer::Closed, Some(message)) => Err(TrySendError::Closed(message)),
            _ => Ok(()),
        }
    }

    /// Sends the message if there is a slot; takes it only then.
    #[inline]
    pub(super) fn offer(&self, message: &mut Option<T>) -> Offer {
        let mut inbox = self.inbox.lock();
        if inbox.receiver != OPEN {
            return Offer::Closed;
        }
        if self.is_bounded() {
            if inbox.free == 0 && !self.collect(&mut inbox) {
                return Offer::Full;
            }
            inbox.free -= 1;
        }
        if let Some(message) = message.take() {
            self.put(inbox, message);
        }
        Offer::Sent
    }

    #[inline]
    fn put(&self, mut inbox: ShortGuard<'_, Inbox<T>>, message: T) {
        inbox.incoming.push_back(message);
        let waker = inbox.waker.take();
        drop(inbox);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Sends into a slot that the caller has taken. Gives the message back if the receiver is gone.
    pub(super) fn send_reserved(&self, message: T) -> Result<(), T> {
        let inbox = self.inbox.lock();
        if inbox.receiver == GONE {
            return Err(message);
        }
        self.put(inbox, message);
        Ok(())
    }

    /// Of the senders that wait for slots.
    pub(super) fn stats(&self) -> Stats {
        self.line.stats()
    }

    pub(super) fn enable_stats(&self) {
        self.line.enable_stats();
    }

    /// The last sender is gone: lets a waiting receiver see it.
    pub(super) fn senders_gone(&self) {
        let waker = self.inbox.lock().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    // -- for the receiver -----------------------------------------------------------------------

    /// Exchanges `empty` for what has come in. If that is nothing, leaves `waker` to be woken by
    /// the next message.
    pub(super) fn refill(&self, empty: &mut VecDeque<T>, waker: Option<&Waker>) -> Refill {
        let mut own = None;
        loop {
            let mut inbox = self.inbox.lock();
            if !inbox.incoming.is_empty() {
                mem::swap(empty, &mut inbox.incoming);
                return Refill::Filled;
            }
            if self.is_finished(&inbox) {
                return Refill::Finished;
            }
            let Some(waker) = waker else { return Refill::Empty };
            let is_known = inbox.waker.as_ref().is_some_and(|known| known.will_wake(waker));
            if !is_known && own.is_none() {
                drop(inbox);
                own = Some(waker.clone()); // C6.
                continue;
            }
            if !is_known {
                mem::swap(&mut own, &mut inbox.waker);
            }
            let oversized =
                (inbox.incoming.capacity() > KEEP).then(|| mem::take(&mut inbox.incoming));
            drop(inbox);
            drop((own, oversized));
            if empty.capacity() > KEEP {
                *empty = VecDeque::new();
            }
            return Refill::Empty;
        }
    }

    /// Whether nothing can come in any more: no sender, or closed and no slot taken (C5).
    fn is_finished(&self, inbox: &Inbox<T>) -> bool {
        // Acquire: pairs with the Release of the last sender's decrement. What it sent before is in
        // `incoming`.
        if self.senders.load(Ordering::Acquire) == 0 {
            return true;
        }
        inbox.receiver != OPEN && (!self.is_bounded() || self.count_free(inbox) == self.capacity)
    }

    /// The number of messages the receiver has not taken over.
    pub(super) fn incoming_len(&self) -> usize {
        self.inbox.lock().incoming.len()
    }

    /// Refuses messages from now on; `gone` says that nobody will receive those that have come.
    /// Returns them.
    pub(super) fn close(&self, gone: bool) -> VecDeque<T> {
        let mut wakers: Wakers = Wakers::new();
        let mut line = self.line.lock();
        let (mut unread, mut waker) = (VecDeque::new(), None);
        {
            let mut inbox = self.inbox.lock();
            inbox.receiver = if gone { GONE } else { CLOSED };
            // Release: pairs with the Acquire in `is_closed`.
            self.receiver.store(inbox.receiver, Ordering::Release);
            if gone {
                unread = mem::take(&mut inbox.incoming);
                waker = inbox.waker.take();
            }
        }
        loop {
            while !wakers.is_full()
                && let Some(waker) = line.pop_front(Standing::Closed)
            {
                wakers.push(waker);
            }
            if line.is_empty() {
                self.left(&mut line);
                break;
            }
            drop(line);
            wakers.wake_all();
            line = self.line.lock();
        }
        drop(line);
        // First: what follows is foreign code, which may panic, and those who wait for the end must
        // hear of it.
        self.on_close.notify_waiters();
        drop(waker);
        drop(wakers);
        unread
    }
}

impl<T> fmt::Debug for Chan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Channel");
        // Copied before they are printed: a writer is foreign code (C6).
        let incoming = self.inbox.try_lock().map(|inbox| inbox.incoming.len());
        let senders_wait = self.line.try_lock().map(|line| !line.is_empty());
        match incoming {
            Some(incoming) => shown.field("incoming", &incoming),
            None => shown.field("incoming", &format_args!("<locked>")),
        };
        if let Some(senders_wait) = senders_wait {
            shown.field("senders_wait", &senders_wait);
        }
        if self.is_bounded() {
            shown.field("capacity", &self.capacity);
        }
        shown
            .field("senders", &self.senders.load(Ordering::Relaxed))
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// `Poll` of a refill for futures: `Pending` when empty.
impl Refill {
    pub(super) fn ready(self) -> Poll<bool> {
        match self {
            Self::Filled => Poll::Ready(true),
            Self::Empty => Poll::Pending,
            Self::Finished => Poll::Ready(false),
        }
    }
}
