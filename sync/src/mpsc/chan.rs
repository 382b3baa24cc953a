//! What the ends of a channel share: the messages, the free slots, and the line of waiting senders.
//!
//! Senders put messages into `incoming` under the lock. The receiver, when it has nothing left,
//! takes all of `incoming` at once, by exchange for its own empty buffer, and then works without
//! the lock.
//!
//! - **C1** A slot is a permission to have one message in the channel. Slots are conserved: `free`
//!   ones under the lock, `returned` ones in the receiver's word, and those of messages, permits
//!   and waiters.
//! - **C2** The receiver returns the slot of each message it hands out by adding to `returned`.
//!   Senders move the sum to `free` when they find none there. So neither takes the lock for the
//!   other's sake.
//! - **C3** `LINE` is set in `returned` exactly while the line is not empty; it is set in the step
//!   that finds no returned slots. A receiver that finds it in its own step goes through the lock,
//!   and deals out (L5).
//! - **C4** While somebody is in line nobody takes slots past it, `try_send` neither.
//! - **C5** `receiver` changes under the lock. Nobody lines up, and no slot is taken, once it is
//!   not `OPEN`. Slots taken before stay good: the receiver waits for their messages, or their
//!   return.
//! - **C6** Messages and wakers leave the lock before they are dropped or woken.
//!
//! Feared: the receiver returns the last slot and sees no line, while a sender sees no slot and
//! lines up. Both change the same word. If the sender's step comes first, the receiver sees `LINE`;
//! if the receiver's does, the sender's step, which expects zero, fails, and it looks again.
//!
//! Rejected: a semaphore beside the queue (one more exchanged word per message), a lock for each
//! received message (both ends fight for its line), linked blocks (an empty channel has to hold
//! one). A lock that spins and unlocks with a plain store was measured: 26 ns per message at
//! capacity 128 against 34, one thread. Not taken, because a holder that is preempted makes the
//! others spin.

use super::error::{SendError, TrySendError};
use crate::{
    acquire::{Acquire, Gate},
    budget,
    error::AcquireError,
    loom::{AtomicU8, AtomicUsize, Ordering},
    notify::Notify,
    wait_list::{Locked, Standing, WaitQueue},
    wakers::Wakers,
};
use crossbeam_utils::CachePadded;
use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    mem,
    task::{Poll, Waker},
};

/// In `returned`: somebody is in line. The rest of the word counts slots.
const LINE: usize = 1;
const SLOT: usize = 2;

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
    queue: WaitQueue<Inbox<T>>,
    pub(super) capacity: usize,
    /// `OPEN`, `CLOSED` or `GONE`.
    receiver: AtomicU8,
    pub(super) senders: AtomicUsize,
    pub(super) weak_senders: AtomicUsize,
    /// Who waits for the receiver to close.
    on_close: Notify,
    /// On a line of its own: the receiver writes it for each message, the senders once in a while.
    returned: CachePadded<AtomicUsize>,
}

/// What the lock guards besides the line.
pub(super) struct Inbox<T> {
    incoming: VecDeque<T>,
    /// The receiver's, if it waits.
    waker: Option<Waker>,
    free: usize,
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
        let inbox = Inbox { incoming: VecDeque::new(), waker: None, free: capacity };
        Self {
            queue: WaitQueue::new(inbox),
            capacity,
            receiver: AtomicU8::new(OPEN),
            senders: AtomicUsize::new(1),
            weak_senders: AtomicUsize::new(0),
            on_close: Notify::new(),
            returned: CachePadded::new(AtomicUsize::new(0)),
        }
    }

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
        let mut locked = self.queue.lock();
        // Relaxed: it changes under the lock only (C5).
        if self.receiver.load(Ordering::Relaxed) != OPEN {
            return Err(TrySendError::Closed(message));
        }
        if self.is_bounded() && !self.take_slots(&mut locked, 1) {
            return Err(TrySendError::Full(message));
        }
        Self::put(locked, message);
        Ok(())
    }

    pub(super) async fn send(&self, message: T) -> Result<(), SendError<T>> {
        let message = {
            let unit = poll_fn(budget::poll_proceed).await;
            match self.try_send(message) {
                Err(TrySendError::Full(message)) => message,
                result => {
                    unit.made_progress();
                    return result.map_err(|error| SendError(error.into_inner()));
                }
            }
        };
        match Acquire::new_full(self, 1).await {
            Ok(()) => self.send_reserved(message).map_err(SendError),
            Err(_) => Err(SendError(message)),
        }
    }

    /// Sends into a slot that the caller has taken. Gives the message back if the receiver is gone.
    pub(super) fn send_reserved(&self, message: T) -> Result<(), T> {
        let locked = self.queue.lock();
        // Relaxed: it changes under the lock only (C5).
        if self.receiver.load(Ordering::Relaxed) == GONE {
            return Err(message);
        }
        Self::put(locked, message);
        Ok(())
    }

    fn put(mut locked: Locked<'_, Inbox<T>>, message: T) {
        locked.incoming.push_back(message);
        let waker = locked.waker.take();
        drop(locked);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits for slots.
    pub(super) async fn reserve(&self, count: usize) -> Result<(), SendError<()>> {
        if count > self.capacity {
            return Err(SendError(()));
        }
        Acquire::new(self, count).await.map_err(|_| SendError(()))
    }

    pub(super) fn try_reserve(&self, count: usize) -> Result<(), TrySendError<()>> {
        match self.acquire_now(count) {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(TrySendError::Closed(())),
            None => Err(TrySendError::Full(())),
        }
    }

    /// Takes slots if there are enough and nobody is in line (C4).
    fn take_slots(&self, locked: &mut Locked<'_, Inbox<T>>, count: usize) -> bool {
        if !locked.is_empty() {
            return count == 0;
        }
        if locked.free < count {
            // AcqRel: Acquire pairs with the Release in `return_slots`, so that sending into a slot
            // comes after what the receiver did before it returned it. `LINE` is not set: the line
            // is empty (C3).
            locked.free += self.returned.swap(0, Ordering::AcqRel) / SLOT;
        }
        let enough = locked.free >= count;
        if enough {
            locked.free -= count;
        }
        enough
    }

    /// The number of free slots, which may be others the next moment.
    pub(super) fn free_slots(&self) -> usize {
        let locked = self.queue.lock();
        self.count_free(&locked)
    }

    fn count_free(&self, locked: &Locked<'_, Inbox<T>>) -> usize {
        // Acquire: pairs with the Release in `return_slots`.
        locked.free + self.returned.load(Ordering::Acquire) / SLOT
    }

    /// The last sender is gone: lets a waiting receiver see it.
    pub(super) fn senders_gone(&self) {
        let waker = self.queue.lock().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    // -- for the receiver -----------------------------------------------------------------------

    /// Exchanges `empty` for what has come in. If that is nothing, leaves `waker` to be woken by
    /// the next message.
    pub(super) fn refill(&self, empty: &mut VecDeque<T>, waker: Option<&Waker>) -> Refill {
        let mut locked = self.queue.lock();
        if !locked.incoming.is_empty() {
            mem::swap(empty, &mut locked.incoming);
            return Refill::Filled;
        }
        if self.is_finished(&locked) {
            return Refill::Finished;
        }
        let Some(waker) = waker else { return Refill::Empty };
        let replaced = match &locked.waker {
            Some(current) if current.will_wake(waker) => None,
            _ => locked.waker.replace(waker.clone()),
        };
        let oversized =
            (locked.incoming.capacity() > KEEP).then(|| mem::take(&mut locked.incoming));
        drop(locked);
        drop((replaced, oversized));
        if empty.capacity() > KEEP {
            *empty = VecDeque::new();
        }
        Refill::Empty
    }

    /// Whether nothing can come in any more: no sender, or closed and no slot taken (C5).
    fn is_finished(&self, locked: &Locked<'_, Inbox<T>>) -> bool {
        // Acquire: pairs with the Release of the last sender's decrement. What it sent before is in
        // `incoming`.
        if self.senders.load(Ordering::Acquire) == 0 {
            return true;
        }
        // Relaxed: it changes under the lock only (C5).
        self.receiver.load(Ordering::Relaxed) != OPEN
            && (!self.is_bounded() || self.count_free(locked) == self.capacity)
    }

    /// The number of messages the receiver has not taken over.
    pub(super) fn incoming_len(&self) -> usize {
        self.queue.lock().incoming.len()
    }

    /// C2: the slots of `count` messages are free again.
    #[inline]
    pub(super) fn return_slots(&self, count: usize) {
        // AcqRel: Release pairs with the Acquire of whoever takes the slots; Acquire orders the
        // step after that of a sender that set `LINE`.
        if self.is_bounded() && self.returned.fetch_add(count * SLOT, Ordering::AcqRel) & LINE != 0
        {
            self.serve(0);
        }
    }

    /// Refuses messages from now on; `gone` says that nobody will receive those that have come.
    /// Returns them.
    pub(super) fn close(&self, gone: bool) -> VecDeque<T> {
        let mut wakers: Wakers = Wakers::new();
        let mut locked = self.queue.lock();
        let state = if gone { GONE } else { CLOSED };
        // Release: pairs with the Acquire in `is_closed`.
        self.receiver.store(state, Ordering::Release);
        let (mut unread, mut waker) = (VecDeque::new(), None);
        if gone {
            unread = mem::take(&mut locked.incoming);
            waker = locked.waker.take();
        }
        loop {
            while !wakers.is_full()
                && let Some(waker) = locked.pop_front(Standing::Closed)
            {
                wakers.push(waker);
            }
            if locked.is_empty() {
                self.left(&mut locked);
                break;
            }
            drop(locked);
            wakers.wake_all();
            locked = self.queue.lock();
        }
        drop(locked);
        // First: what follows is foreign code, which may panic, and those who wait for the end must hear of it.
        self.on_close.notify_waiters();
        drop(waker);
        drop(wakers);
        unread
    }

    /// Deals returned slots, and `count` others, out to the line.
    #[cold]
    fn serve(&self, count: usize) {
        let mut wakers: Wakers = Wakers::new();
        let mut locked = self.queue.lock();
        locked.free += count;
        loop {
            // AcqRel: as in `take_slots`.
            let returned = self.returned.fetch_and(LINE, Ordering::AcqRel) / SLOT;
            let available = mem::take(&mut locked.free) + returned;
            locked.free = locked.assign(available, &mut wakers);
            if locked.is_empty() || locked.free == 0 {
                break;
            }
            // Too many to wake at once. Nobody takes the slots meanwhile: there is a line (C4).
            drop(locked);
            wakers.wake_all();
            locked = self.queue.lock();
        }
        self.left(&mut locked);
        // A closed receiver may have been waiting for just these slots (C5).
        // Relaxed: it changes under the lock only.
        let closed = self.receiver.load(Ordering::Relaxed) != OPEN;
        let waker = if closed { locked.waker.take() } else { None };
        drop(locked);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Gate for Chan<T> {
    type Guarded = Inbox<T>;

    fn queue(&self) -> &WaitQueue<Inbox<T>> {
        &self.queue
    }

    fn acquire_now(&self, wanted: usize) -> Option<Result<(), AcquireError>> {
        let mut locked = self.queue.lock();
        // Relaxed: it changes under the lock only (C5).
        if self.receiver.load(Ordering::Relaxed) != OPEN {
            return Some(Err(AcquireError::new()));
        }
        self.take_slots(&mut locked, wanted).then_some(Ok(()))
    }

    fn take(
        &self,
        locked: &mut Locked<'_, Inbox<T>>,
        wanted: usize,
    ) -> Result<usize, AcquireError> {
        // Relaxed: it changes under the lock only (C5).
        if self.receiver.load(Ordering::Relaxed) != OPEN {
            return Err(AcquireError::new());
        }
        if !locked.is_empty() {
            return Ok(wanted);
        }
        while !self.take_slots(locked, wanted) {
            // C3: the line begins in the step that finds no returned slots. AcqRel: as in
            // `take_slots`.
            if self.returned.compare_exchange(0, LINE, Ordering::AcqRel, Ordering::Relaxed).is_ok()
            {
                return Ok(wanted - mem::take(&mut locked.free));
            }
        }
        Ok(0)
    }

    fn left(&self, locked: &mut Locked<'_, Inbox<T>>) {
        // Relaxed: `LINE` changes under the lock only.
        if locked.is_empty() && self.returned.load(Ordering::Relaxed) & LINE != 0 {
            self.returned.fetch_and(!LINE, Ordering::AcqRel);
        }
    }

    fn give_back(&self, count: usize) {
        if count > 0 {
            self.serve(count);
        }
    }
}

impl<T> fmt::Debug for Chan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Channel");
        match self.queue.try_lock() {
            Some(locked) => shown.field("incoming", &locked.incoming.len()),
            None => shown.field("incoming", &format_args!("<locked>")),
        };
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
