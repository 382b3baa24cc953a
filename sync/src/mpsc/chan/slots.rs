//! The slots of a bounded channel: taken and returned past the locks where it can be, and dealt out
//! to the line where it cannot (C1–C4, C7).

use super::{Chan, Inbox, OPEN};
use crate::{
    acquire::{Gate, acquire},
    error::AcquireError,
    loom::{Ordering, WAKE_BATCH},
    mpsc::error::{SendError, TrySendError},
    wait_list::{Locked, WaitQueue},
    wakers::Wakers,
};
use std::mem;

/// In `returned`: somebody is in line. The rest of the word counts slots.
const LINE: usize = 1;
const SLOT: usize = 2;

/// How many senders are woken together: mostly one waits, or two.
const SERVED: usize = if WAKE_BATCH < 4 { WAKE_BATCH } else { 4 };

/// Slots that their returner has not put into the word, because it has seen a line that wants them.
#[must_use = "slots that nobody gets are lost"]
pub(in crate::mpsc) struct Unreturned(usize);

impl<T> Chan<T> {
    /// Waits for slots.
    pub(in crate::mpsc) async fn reserve(&self, count: usize) -> Result<(), SendError<()>> {
        if count > self.capacity {
            return Err(SendError(()));
        }
        acquire(self, count).await.map_err(|_| SendError(()))
    }

    pub(in crate::mpsc) fn try_reserve(&self, count: usize) -> Result<(), TrySendError<()>> {
        match self.acquire_now(count) {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(TrySendError::Closed(())),
            None => Err(TrySendError::Full(())),
        }
    }

    /// Moves what was returned to what is free, unless it is the line's (C4). Whether there was
    /// something.
    #[cold]
    pub(super) fn collect(&self, inbox: &mut Inbox<T>) -> bool {
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

    /// The number of free slots, which may be others the next moment.
    pub(in crate::mpsc) fn free_slots(&self) -> usize {
        let inbox = self.inbox.lock();
        self.count_free(&inbox)
    }

    pub(super) fn count_free(&self, inbox: &Inbox<T>) -> usize {
        // Acquire: pairs with the Release in `return_slots`.
        inbox.free + self.returned.load(Ordering::Acquire) / SLOT
    }

    /// C2: the slots of `count` messages are free again. If there is a line, the caller serves it, with
    /// what is given back here.
    #[inline]
    #[must_use = "a line that is not served sleeps on"]
    pub(in crate::mpsc) fn return_slots(&self, count: usize) -> Option<Unreturned> {
        if !self.is_bounded() {
            return None;
        }
        // Relaxed: a look. If there is no line any more, `serve` finds that out under its lock; if
        // there is one after all, the step below does.
        if self.returned.load(Ordering::Relaxed) & LINE != 0 {
            return Some(Unreturned(count));
        }
        // AcqRel: Release pairs with the Acquire of whoever takes the slots; Acquire orders the
        // step after that of a sender that set `LINE`.
        let before = self.returned.fetch_add(count * SLOT, Ordering::AcqRel);
        (before & LINE != 0).then_some(Unreturned(0))
    }

    pub(in crate::mpsc) fn serve_line(&self, own: Unreturned) {
        self.serve(own, &mut Wakers::new());
    }

    /// Deals the caller's slots and returned ones out to the line; those served last are left in
    /// `wakers`.
    #[cold]
    fn serve(&self, own: Unreturned, wakers: &mut Wakers<SERVED>) {
        let Unreturned(mut count) = own;
        let mut line = self.line.lock();
        // C7: looked at again after each wait for the lock, during which those in line may have
        // left.
        while !line.is_empty() {
            // Relaxed: a look. Who returns something that it misses serves the line next.
            if self.returned.load(Ordering::Relaxed) / SLOT > 0 {
                // AcqRel: as in `collect`.
                count += self.returned.fetch_and(LINE, Ordering::AcqRel) / SLOT;
            }
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
        if !line.is_empty() {
            // Relaxed: it changes under the line's lock, which we hold (C5).
            let open = self.receiver.load(Ordering::Relaxed) == OPEN;
            return if open { Ok(wanted) } else { Err(AcquireError::new()) };
        }
        let mut inbox = self.inbox.lock();
        if inbox.receiver != OPEN {
            return Err(AcquireError::new());
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
        if let Some(own) = self.return_slots(count) {
            self.serve(own, &mut wakers);
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
