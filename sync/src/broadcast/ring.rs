//! What the ends of a broadcast channel share: a ring of the last messages.
//!
//! - **D1** Messages are numbered; `tail` is the number of the next. Message `n` is in slot `n`
//!   modulo the capacity until message `n + capacity` comes, and the slot knows its number. Each slot
//!   has a short lock (K2), and so has what is said of all: `tail`, the number of receivers, whether
//!   somebody waits, `closed`. Who sends holds this one, and inside it the slot's.
//! - **D2** A slot has the shares of the receivers that are still to get its message (D7, in
//!   `shares.rs`). So a message that everybody has got is kept for nobody.
//! - **D3** A receiver takes its share under the lock of the slot. The message is cloned, moved and
//!   dropped after it, by several receivers at once.
//! - **D4** A receiver looks into the slot of its next message first. If that has another number, the
//!   lock of all tells why: nothing has come, or it has lagged, or the message came meanwhile. Who has
//!   lagged is told how many it missed, once, and its next message is the oldest there is.
//! - **D5** A receiver that finds nothing sets `waiting` in the same step, and its `Notified` is
//!   older (N3). Who sends, or ends the channel, takes `waiting` away in the step that does so, and
//!   if it was set, notifies.
//! - **D6** A receiver that is dropped stops being counted in the step in which it notes `tail`, and
//!   then gives up its claim to what came before, slot by slot.
//!
//! Feared: a receiver looks, a sender sends and finds nobody waiting, and the receiver waits. But to
//! look at `tail` and to say so is one step under the lock (D5).
//!
//! Rejected: cloning under the lock of the slot, as Tokio does: foreign code under a lock of ours. One
//! lock for everything: on two threads it cost 434 ns per message to eight receivers.

use super::{
    error::TryRecvError,
    shares::{Share, Shares, Whole},
};
use crate::{
    loom::{Arc, AtomicUsize, Ordering, ShortLock, left_out},
    notify::Notify,
};
use crossbeam_utils::CachePadded;
use std::{
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    thread,
};

pub(super) struct Shared<T> {
    /// As many as the capacity, which is a power of two.
    slots: Box<[ShortLock<Slot<T>>]>,
    all: CachePadded<ShortLock<All>>,
    pub(super) senders: AtomicUsize,
    pub(super) weak_senders: AtomicUsize,
    /// Receivers that wait for a message.
    pub(super) arrived: Notify,
    /// Senders that wait for the last receiver to go.
    pub(super) deserted: Notify,
}

/// What is said of all messages and receivers.
struct All {
    tail: u64,
    receivers: usize,
    waiting: bool,
    closed: bool,
}

struct Slot<T> {
    number: u64,
    /// Of the receivers that are still to get it (D2).
    shares: Shares<T>,
}

impl<T> Slot<T> {
    /// The share of one receiver in message `number`, if that is here.
    #[inline]
    fn take(&mut self, number: u64) -> Option<Share<T>> {
        if self.number == number { self.shares.split() } else { None }
    }
}

impl<T> Shared<T> {
    /// With one sender and no receiver.
    #[track_caller]
    pub(super) fn new(capacity: usize) -> Arc<Self> {
        assert!(capacity > 0, "a channel needs room for at least one message, not 0");
        assert!(
            capacity <= usize::MAX >> 1,
            "a channel for {capacity} messages is too large; the most is {}",
            usize::MAX >> 1
        );
        // No message has the number of an empty slot: its turn comes first, and it is overwritten.
        let slot = |_| ShortLock::new(Slot { number: u64::MAX, shares: Shares::NONE });
        let all = All { tail: 0, receivers: 0, waiting: false, closed: false };
        Arc::new(Self {
            slots: (0..capacity.next_power_of_two()).map(slot).collect(),
            all: CachePadded::new(ShortLock::new(all)),
            senders: AtomicUsize::new(1),
            weak_senders: AtomicUsize::new(0),
            arrived: Notify::new(),
            deserted: Notify::new(),
        })
    }

    #[inline]
    fn slot(&self, number: u64) -> &ShortLock<Slot<T>> {
        // The capacity is a power of two, and a `usize`: what is cut off does not matter.
        &self.slots[number as usize & (self.slots.len() - 1)]
    }

    /// The number of the oldest message that may be there.
    fn oldest(&self, all: &All) -> u64 {
        all.tail.saturating_sub(self.slots.len() as u64)
    }

    /// The number of receivers it was sent to, or the message, if there are none.
    pub(super) fn send(&self, message: T) -> Result<usize, T> {
        let message = Whole::new(message);
        let mut all = self.all.lock();
        let receivers = all.receivers;
        if receivers == 0 {
            drop(all);
            return Err(message.into_message());
        }
        let new = Slot { number: all.tail, shares: message.divide(receivers) };
        let overwritten = mem::replace(&mut *self.slot(all.tail).lock(), new);
        all.tail += 1;
        let waiting = mem::take(&mut all.waiting);
        drop(all);
        if waiting {
            self.arrived.notify_waiters();
        }
        drop(overwritten);
        Ok(receivers)
    }

    /// The receiver's share in message number `next`, if it is there. `next` becomes the number after
    /// it.
    #[inline]
    pub(super) fn take(&self, next: &mut u64) -> Option<Share<T>> {
        let share = self.slot(*next).lock().take(*next)?;
        *next += 1;
        Some(share)
    }

    /// As `take`, and why not. If there is nothing and `waits`, the next to send notifies.
    pub(super) fn receive(&self, next: &mut u64, waits: bool) -> Result<Share<T>, TryRecvError> {
        loop {
            if let Some(share) = self.take(next) {
                return Ok(share);
            }
            self.explain(next, waits)?;
        }
    }

    /// Why message number `next` was not there (D4); `Ok` if it is by now.
    fn explain(&self, next: &mut u64, waits: bool) -> Result<(), TryRecvError> {
        let mut all = self.all.lock();
        if *next == all.tail {
            if all.closed {
                return Err(TryRecvError::Closed);
            }
            if left_out("D5") {
                drop(all);
                all = self.all.lock();
            }
            all.waiting |= waits;
            return Err(TryRecvError::Empty);
        }
        let oldest = self.oldest(&all);
        if *next < oldest {
            let missed = oldest - *next;
            *next = oldest;
            return Err(TryRecvError::Lagged(missed));
        }
        Ok(())
    }

    /// Counts a new receiver, and returns the number of its first message.
    pub(super) fn subscribe(&self) -> u64 {
        let mut all = self.all.lock();
        all.receivers += 1;
        all.tail
    }

    /// D6: `next` is the first message the receiver will not get.
    pub(super) fn unsubscribe(&self, next: u64) {
        let mut all = self.all.lock();
        all.receivers -= 1;
        let is_last = all.receivers == 0;
        let claimed = next.max(self.oldest(&all))..all.tail;
        drop(all);
        let mut first_panic = None;
        for number in claimed {
            let share = self.slot(number).lock().take(number);
            // It may have been the last.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(share))) {
                first_panic.get_or_insert(panic);
            }
        }
        if is_last {
            self.deserted.notify_waiters();
        }
        if let Some(panic) = first_panic
            && !thread::panicking()
        {
            resume_unwind(panic);
        }
    }

    /// The last sender is gone.
    pub(super) fn close(&self) {
        let mut all = self.all.lock();
        all.closed = true;
        let waiting = mem::take(&mut all.waiting);
        drop(all);
        if waiting {
            self.arrived.notify_waiters();
        }
    }

    pub(super) fn receivers(&self) -> usize {
        self.all.lock().receivers
    }

    /// How many messages are still to be received by somebody.
    pub(super) fn len(&self) -> usize {
        let all = self.all.lock();
        // Who has got a message has got all before it: the counts never fall towards the tail.
        let (mut low, mut high) = (self.oldest(&all), all.tail);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.slot(middle).lock().shares.count() == 0 {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (all.tail - low) as usize
    }

    /// How many messages have come since number `next`.
    pub(super) fn sent_since(&self, next: u64) -> usize {
        (self.all.lock().tail - next) as usize
    }

    pub(super) fn is_closed(&self) -> bool {
        self.all.lock().closed
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Channel");
        shown.field("capacity", &self.slots.len());
        let all = self.all.try_lock().map(|all| (all.tail, all.receivers, all.closed));
        match all {
            Some((sent, receivers, closed)) => {
                shown.field("sent", &sent).field("receivers", &receivers).field("closed", &closed)
            }
            None => shown.field("sent", &format_args!("<locked>")),
        };
        shown.field("senders", &self.senders.load(Ordering::Relaxed)).finish()
    }
}
