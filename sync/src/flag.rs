//! A flag that can be waited for, under event and set-once.
//!
//! - **E1** The word is one of `CLEAR`, `WAITED`, `SET`. It is `WAITED` exactly while somebody is in
//!   line; into and out of that it changes under the lock of the line.
//! - **E2** To set the flag while it is waited for, and to claim everybody in line for a sweep (L6),
//!   is one step under the lock. So a set reaches exactly those who wait when it happens, even if the
//!   flag is cleared before they have noticed; and who waits after the clearing, waits.
//! - **E3** Every set is a read-modify-write of the word, also one that finds it set. So a clearing
//!   either comes after it, and sees what was done before it, or before it, and is undone.
//!
//! Feared: the flag is set while a waiter lines up past it. But both change the same word, from
//! `CLEAR`: the waiter to `WAITED`, the setter to `SET`. Who comes second sees it.

use crate::{
    doorway::{Doorway, Pass},
    loom::{AtomicU8, Ordering, const_fn, left_out},
    stats::Stats,
    wait_list::{Locked, Standing, WaitQueue},
};

const CLEAR: u8 = 0;
const WAITED: u8 = 1;
const SET: u8 = 2;

pub(crate) struct Flag {
    word: AtomicU8,
    queue: WaitQueue<()>,
}

impl Flag {
    const_fn! {
        pub(crate) fn new(set: bool) -> Self {
            let word = if set { SET } else { CLEAR };
            Self { word: AtomicU8::new(word), queue: WaitQueue::new(()) }
        }
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        // Acquire: pairs with the Release of who set it, so that what came before is visible.
        self.word.load(Ordering::Acquire) == SET
    }

    pub(crate) fn set(&self) {
        // Release: pairs with the Acquire in `is_set` and `enter`. Done also if it is set already,
        // so that who sees the flag sees what came before this call as well.
        let mut word = self.word.load(Ordering::Relaxed);
        while word != WAITED {
            match self.word.compare_exchange_weak(word, SET, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        self.set_with(|| ());
    }

    /// Sets the flag. If it is not set yet, runs `first` before, under the lock.
    #[cold]
    pub(crate) fn set_with(&self, first: impl FnOnce()) {
        let locked = self.queue.lock();
        if !self.is_set() || left_out("I5") {
            first();
        } else if left_out("E3") {
            return;
        }
        // Also if it is set already (E3). Release: as in `set`.
        self.word.swap(SET, Ordering::AcqRel);
        locked.sweep();
    }

    pub(crate) fn clear(&self) {
        // AcqRel: who sets it again passes on what came before this set. It fails if it is not set.
        let _ = self.word.compare_exchange(SET, CLEAR, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Resolves when the flag has been set.
    #[inline]
    pub(crate) fn wait(&self) -> Pass<'_, Self> {
        Pass::new(self)
    }

    pub(crate) fn stats(&self) -> Stats {
        self.queue.stats()
    }

    pub(crate) fn enable_stats(&self) {
        self.queue.enable_stats();
    }
}

impl Doorway for Flag {
    type Guarded = ();
    type Output = ();

    fn queue(&self) -> &WaitQueue<()> {
        &self.queue
    }

    #[inline]
    fn peek(&self) -> Option<()> {
        self.is_set().then_some(())
    }

    fn enter<'q>(&'q self, locked: Locked<'q, ()>) -> Result<(), Locked<'q, ()>> {
        // Acquire on failure: pairs with the Release of who set it.
        match self.word.compare_exchange(CLEAR, WAITED, Ordering::Relaxed, Ordering::Acquire) {
            Err(SET) => Ok(()),
            _ => Err(locked),
        }
    }

    fn served(&self, _standing: Standing) {}

    fn left(&self, locked: &mut Locked<'_, ()>) {
        if locked.is_empty() {
            // It is `WAITED`, and changes under the lock only (E1). Relaxed: publishes nothing.
            self.word.store(CLEAR, Ordering::Relaxed);
        }
    }

    /// A sweep is for everybody and needs no passing on.
    fn unseen(&self, _standing: Standing) {}
}
