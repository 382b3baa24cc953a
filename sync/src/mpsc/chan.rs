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
//! - **C2** The receiver returns the slot of each message it hands out by adding to `returned`.
//!   Senders move the sum to `free` when they find none there. So neither takes the lock for the
//!   other's sake.
//! - **C3** `LINE` is set in `returned` exactly while the line is not empty, and changes under the
//!   line's lock. It is set in the step that finds no returned slots, with the inbox locked too. A
//!   receiver that finds it in its own step takes the line's lock and deals out (L5).
//! - **C4** While `LINE` is set nothing is `free`, and nobody takes what is returned past the line,
//!   `try_send` neither.
//! - **C5** `receiver` changes under the inbox's lock. Nobody lines up, and no slot is taken, once
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

use super::error::{SendError, TrySendError};
use crate::{
    acquire::{Gate, acquire},
    error::AcquireError,
    loom::{AtomicU8, AtomicUsize, Ordering, ShortGuard, ShortLock, WAKE_BATCH},
    notify::Notify,
    stats::Stats,
    wait_list::{Locked, Standing, WaitQueue},
    wakers::Wakers,
};
use crossbeam_utils::CachePadded;
use std::{
    collections::VecDeque,
    fmt, mem,
    task::{Poll, Waker},
};

/// In `returned`: somebody is in line. The rest of the word counts slots.
const LINE: usize = 1;
const SLOT: usize = 2;

/// The largest capacity of a bounded channel.
pub(super) const MAX_CAPACITY: usize = usize::MAX >> 3;
/// The capacity that stands for a channel without slots.
pub(super) const UNBOUNDED: usize = usize::MAX;

/// How many senders are woken together: mostly one waits, or two.
const SERVED: usize = if WAKE_BATCH < 4 { WAKE_BATCH } else { 4 };

/// Buffers with room for more messages than this are freed when the receiver has to wait.
const KEEP: usize = 256;

// The states of the receiver (C5).
const OPEN: u8 = 0;
const CLOSED: u8 = 1;
const GONE: u8 = 2;

pub(super) struct Chan<T> {
    /// The lock and what it guards: one line.
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

    /// Waits for slots.
    pub(super) async fn reserve(&self, count: usize) -> Result<(), SendError<()>> {
        if count > self.capacity {
            return Err(SendError(()));
        }
        acquire(self, count).await.map_err(|_| SendError(()))
    }

    pub(super) fn try_reserve(&self, count: usize) -> Result<(), TrySendError<()>> {
        match self.acquire_now(count) {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(TrySendError::Closed(())),
            None => Err(TrySendError::Full(())),
        }
    }

    /// Moves what was returned to what is free, unless it is the line's (C4). Whether there was
    /// something.
    #[cold]
    fn collect(&self, inbox: &mut Inbox<T>) -> bool {
        // Relaxed: a look. Who has to know lines up, and looks in the same step (C3).
        let word = self.returned.load(Ordering::Relaxed);
        if word == 0 || word & LINE != 0 {
            return false;
        }
        // AcqRel: Acquire pairs with the Release in `return_slots`, so that sending into a slot
        // comes after what the receiver did before it returned it. `LINE` is not set meanwhile: we
        // have the inbox (C3).
        let collected = self.returned.swap(0, Ordering::AcqRel) / SLOT;
        inbox.free += collected;
        collected > 0
    }

    /// Takes slots if there are enough and nobody is in line.
    fn take_slots(&self, inbox: &mut Inbox<T>, count: usize) -> bool {
        if inbox.free < count {
            self.collect(inbox);
        }
        let enough = inbox.free >= count;
        if enough {
            inbox.free -= count;
        }
        enough
    }

    /// Of the senders that wait for slots.
    pub(super) fn stats(&self) -> Stats {
        self.line.stats()
    }

    pub(super) fn enable_stats(&self) {
        self.line.enable_stats();
    }

    /// The number of free slots, which may be others the next moment.
    pub(super) fn free_slots(&self) -> usize {
        let inbox = self.inbox.lock();
        self.count_free(&inbox)
    }

    fn count_free(&self, inbox: &Inbox<T>) -> usize {
        // Acquire: pairs with the Release in `return_slots`.
        inbox.free + self.returned.load(Ordering::Acquire) / SLOT
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

    /// C2: the slots of `count` messages are free again. Whether there is a line, which the caller
    /// then serves.
    #[inline]
    #[must_use = "a line that is not served sleeps on"]
    pub(super) fn return_slots(&self, count: usize) -> bool {
        // AcqRel: Release pairs with the Acquire of whoever takes the slots; Acquire orders the
        // step after that of a sender that set `LINE`.
        self.is_bounded() && self.returned.fetch_add(count * SLOT, Ordering::AcqRel) & LINE != 0
    }

    pub(super) fn serve_line(&self) {
        self.serve(&mut Wakers::new());
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

    /// Deals returned slots out to the line; those served last are left in `wakers`.
    #[cold]
    fn serve(&self, wakers: &mut Wakers<SERVED>) {
        let mut count = 0;
        let mut line = self.line.lock();
        // C7: looked at again after each wait for the lock, during which those in line may have
        // left.
        while !line.is_empty() {
            // AcqRel: as in `collect`.
            count += self.returned.fetch_and(LINE, Ordering::AcqRel) / SLOT;
            count = line.assign(count, wakers);
            if line.is_empty() || count == 0 {
                break;
            }
            // Too many to wake at once.
            drop(line);
            wakers.wake_all();
            line = self.line.lock();
        }
        // AcqRel, here and in `left`: as in `return_slots`; also ends the line for those who come
        // after.
        if count > 0 {
            self.returned.fetch_add(count * SLOT, Ordering::AcqRel);
        }
        self.left(&mut line);
    }
}

impl<T> Gate for Chan<T> {
    type Guarded = ();

    fn queue(&self) -> &WaitQueue<()> {
        &self.line
    }

    fn acquire_now(&self, wanted: usize) -> Option<Result<(), AcquireError>> {
        let mut inbox = self.inbox.lock();
        if inbox.receiver != OPEN {
            return Some(Err(AcquireError::new()));
        }
        self.take_slots(&mut inbox, wanted).then_some(Ok(()))
    }

    fn take(&self, line: &mut Locked<'_, ()>, wanted: usize) -> Result<usize, AcquireError> {
        let mut inbox = self.inbox.lock();
        if inbox.receiver != OPEN {
            return Err(AcquireError::new());
        }
        if !line.is_empty() {
            return Ok(wanted);
        }
        while !self.take_slots(&mut inbox, wanted) {
            // C3: the line begins in the step that finds no returned slots. AcqRel: as in
            // `collect`.
            if self.returned.compare_exchange(0, LINE, Ordering::AcqRel, Ordering::Relaxed).is_ok()
            {
                return Ok(wanted - mem::take(&mut inbox.free));
            }
        }
        Ok(0)
    }

    fn left(&self, line: &mut Locked<'_, ()>) {
        // Relaxed: `LINE` changes under the line's lock only.
        if line.is_empty() && self.returned.load(Ordering::Relaxed) & LINE != 0 {
            self.returned.fetch_and(!LINE, Ordering::AcqRel);
        }
    }

    fn give_back(&self, count: usize) {
        if count == 0 {
            return;
        }
        let mut wakers = Wakers::new();
        if self.return_slots(count) {
            self.serve(&mut wakers);
        }
        // C5: a closed receiver may have been waiting for just these slots. It looks at them under
        // the lock, so either it sees them or we its waker.
        let waker = {
            let mut inbox = self.inbox.lock();
            if inbox.receiver == OPEN { None } else { inbox.waker.take() }
        };
        if waker.is_some() {
            wakers.wake_all();
            wakers.push(waker);
        }
    }
}

impl<T> fmt::Debug for Chan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Channel");
        match self.inbox.try_lock() {
            Some(inbox) => shown.field("incoming", &inbox.incoming.len()),
            None => shown.field("incoming", &format_args!("<locked>")),
        };
        if let Some(line) = self.line.try_lock() {
            shown.field("senders_wait", &!line.is_empty());
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
