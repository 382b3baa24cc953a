//! A number of permits and the line of those who wait for them: the heart of semaphore and mutex.
//!
//! One word holds the free permits and two flags, so that taking and returning a permit while
//! nobody waits is one compare-exchange each. The lock of the line is taken only when somebody
//! waits.
//!
//! - **M1** `WAITERS` is set exactly while the line is not empty. Both change under the lock.
//! - **M2** While `WAITERS` is set there are no free permits, and the word changes under the lock
//!   only: what comes back is dealt out there, from the front (L5); what the line leaves over goes
//!   to the word.
//! - **M3** Permits are conserved: free ones in the word, assigned ones in the line, taken ones
//!   with their holders. A waiter that gives up returns what was assigned to it (L4).
//! - **M4** `CLOSED` is set under the lock and never cleared; nobody lines up after it.
//! - **M6** Who finds too little may look again before lining up, for a bounded time, and takes what
//!   has come in the meantime as anybody does who comes then. So by M2 nobody in line is overtaken.
//!
//! Feared: a permit goes to the word while a waiter lines up, and both sleep on. But to line up,
//! the waiter changes the word from what it saw there to `WAITERS` (M1) in one step. Either it saw
//! the permit, or the holder's compare-exchange fails, sees `WAITERS` and goes through the lock.

use crate::{
    acquire::{Gate, acquire},
    error::{AcquireError, TryAcquireError},
    loom::{AtomicUsize, Ordering, const_fn},
    patience::{Look, Patience},
    short_lock::{LONG, SHORT},
    stats::Stats,
    wait_list::{Locked, Standing, WaitQueue},
    wakers::Wakers,
};

const CLOSED: usize = 1;
const WAITERS: usize = 2;
const ONE: usize = 4;

pub(crate) struct Permits {
    word: AtomicUsize,
    patience: Patience,
    queue: WaitQueue<()>,
}

impl Permits {
    pub(crate) const MAX: usize = usize::MAX >> 3;

    const_fn! {
        pub(crate) fn new(permits: usize) -> Self {
            assert!(permits <= Self::MAX, "more permits than Semaphore::MAX_PERMITS");
            // One permit is a lock, whose line runs empty while those who find it locked stay away. The line
            // of a gate is there for long, and its lock taken twice for each permit that goes through.
            let (patience, spins) =
                if permits == 1 { (Patience::new(), LONG) } else { (Patience::little(), SHORT) };
            let queue = WaitQueue::with_spins(spins, ());
            Self { word: AtomicUsize::new(permits * ONE), patience, queue }
        }
    }

    pub(crate) fn available(&self) -> usize {
        // Acquire: pairs with the Release in `release`: who sees a permit sees what came before its
        // return.
        self.word.load(Ordering::Acquire) / ONE
    }

    pub(crate) fn is_closed(&self) -> bool {
        // Acquire: pairs with the Release in `close`.
        self.word.load(Ordering::Acquire) & CLOSED != 0
    }

    pub(crate) fn stats(&self) -> Stats {
        self.queue.stats()
    }

    pub(crate) fn enable_stats(&self) {
        self.queue.enable_stats();
    }

    #[inline]
    pub(crate) fn acquire(&self, wanted: usize) -> impl Future<Output = Result<(), AcquireError>> {
        acquire(self, wanted)
    }

    #[inline]
    pub(crate) fn try_acquire(&self, wanted: usize) -> Result<(), TryAcquireError> {
        // Relaxed: only a guess for the compare-exchange, or an answer that orders nothing.
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & CLOSED != 0 {
                // Acquire: pairs with the Release in `close`: who is told so sees what came before.
                self.word.load(Ordering::Acquire);
                return Err(TryAcquireError::Closed);
            }
            if word / ONE < wanted {
                return Err(TryAcquireError::NoPermits);
            }
            // Acquire: pairs with the Release in `release`, so that the new holder sees what the
            // last one did.
            match self.word.compare_exchange_weak(
                word,
                word - wanted * ONE,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(now) => word = now,
            }
        }
    }

    /// Takes the permit of a mutex, of which there is one, if it is free and nobody waits.
    ///
    /// Expects what is most likely, instead of looking first: that takes longer, since a load waits for
    /// the step before it.
    #[inline]
    pub(crate) fn try_acquire_only(&self) -> bool {
        // Acquire: as in `try_acquire`.
        self.word.compare_exchange(ONE, 0, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Returns the permit of a mutex, of which there is one.
    #[inline]
    pub(crate) fn release_only(&self) {
        // Release: as in `release`.
        if self.word.compare_exchange(0, ONE, Ordering::Release, Ordering::Relaxed).is_err() {
            self.hand_over();
        }
    }

    /// Returns `count` permits.
    ///
    /// # Panics
    /// If there would be more than `MAX`; nothing has changed then.
    #[inline]
    pub(crate) fn release(&self, count: usize) {
        assert!(count <= Self::MAX, "more permits than Semaphore::MAX_PERMITS");
        // Relaxed: only a guess; the compare-exchange decides.
        if self.add_free(self.word.load(Ordering::Relaxed), count) {
            return;
        }
        if count == 1 { self.hand_over() } else { self.deal_out(count) }
    }

    /// Gives one permit to the first in line; to the word if there is nobody any more.
    #[cold]
    fn hand_over(&self) {
        let mut wakers = Wakers::<1>::new();
        let mut locked = self.queue.lock();
        let left = locked.assign(1, &mut wakers);
        self.leave(&locked, left);
        drop(locked);
        drop(wakers);
    }

    /// Deals permits out to the line, and leaves in the word what the line does not want.
    #[cold]
    fn deal_out(&self, mut count: usize) {
        let mut wakers: Wakers = Wakers::new();
        loop {
            let mut locked = self.queue.lock();
            count = locked.assign(count, &mut wakers);
            if count == 0 || locked.is_empty() {
                self.leave(&locked, count);
                drop(locked);
                return;
            }
            drop(locked);
            wakers.wake_all();
        }
    }

    /// Puts `count` permits into the word, and keeps M1 true. Any permits mean an empty line (M2).
    ///
    /// # Panics
    /// If there would be more than `MAX`. That takes a line that was empty when it was locked, so
    /// nothing has been assigned under this lock.
    fn leave(&self, locked: &Locked<'_, ()>, count: usize) {
        // Acquire: what was released into the word before has to be part of the store below.
        let word = self.word.load(Ordering::Acquire);
        if word & WAITERS == 0 {
            // Nobody can line up without the lock, so this does not fail.
            self.add_free(word, count);
        } else if locked.is_empty() {
            // A plain store: with `WAITERS` set the word changes under the lock only (M2), which we
            // hold; and there were no free permits in it.
            // Release: pairs with the Acquire in `try_acquire` and `take`.
            self.word.store((word - WAITERS) + count * ONE, Ordering::Release);
        }
    }

    /// Adds to the free permits until somebody waits; returns whether it did.
    #[inline]
    fn add_free(&self, mut word: usize, count: usize) -> bool {
        while word & WAITERS == 0 {
            assert!(count <= Self::MAX - word / ONE, "more permits than Semaphore::MAX_PERMITS");
            // Release: pairs with the Acquire in `try_acquire` and `take`.
            match self.word.compare_exchange_weak(
                word,
                word + count * ONE,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Takes up to `count` free permits out of circulation, and returns how many.
    pub(crate) fn forget(&self, count: usize) -> usize {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let forgotten = count.min(word / ONE);
            if forgotten == 0 {
                return 0;
            }
            // AcqRel: as if acquired and released by the caller.
            match self.word.compare_exchange_weak(
                word,
                word - forgotten * ONE,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return forgotten,
                Err(now) => word = now,
            }
        }
    }

    /// M4: nobody gets in any more, and everybody in line is told so.
    pub(crate) fn close(&self) {
        let mut wakers: Wakers = Wakers::new();
        let mut locked = self.queue.lock();
        // Release: pairs with the Acquire in `is_closed` and `try_acquire`.
        self.word.fetch_or(CLOSED, Ordering::Release);
        loop {
            while !wakers.is_full()
                && let Some(waker) = locked.pop_front(Standing::Closed)
            {
                wakers.push(waker);
            }
            if locked.is_empty() {
                self.leave(&locked, 0);
                drop(locked);
                return;
            }
            drop(locked);
            wakers.wake_all();
            locked = self.queue.lock();
        }
    }
}

impl Gate for Permits {
    type Guarded = ();

    fn queue(&self) -> &WaitQueue<()> {
        &self.queue
    }

    #[inline]
    fn acquire_now(&self, wanted: usize) -> Option<Result<(), AcquireError>> {
        match self.try_acquire(wanted) {
            Ok(()) => Some(Ok(())),
            Err(TryAcquireError::Closed) => Some(Err(AcquireError::new())),
            Err(TryAcquireError::NoPermits) => None,
        }
    }

    fn look_again(&self, wanted: usize) -> bool {
        // Relaxed: a look.
        if self.word.load(Ordering::Relaxed) & (WAITERS | CLOSED) != 0 {
            return false; // M6.
        }
        // Too many to be counted are never there.
        let just_enough = wanted.saturating_mul(ONE);
        self.patience.look_again(|| {
            // Not a load first: between that and the step the word changes again, and its line has to
            // come over twice. Acquire: as in `try_acquire`.
            match self.word.compare_exchange(just_enough, 0, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => Look::Taken,
                Err(now) if now & (WAITERS | CLOSED) != 0 => Look::Hopeless, // M6.
                Err(now) if now / ONE > wanted && self.try_acquire(wanted).is_ok() => Look::Taken,
                Err(_) => Look::Busy,
            }
        })
    }

    fn take(&self, _locked: &mut Locked<'_, ()>, wanted: usize) -> Result<usize, AcquireError> {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & CLOSED != 0 {
                return Err(AcquireError::new());
            }
            if word & WAITERS != 0 {
                return Ok(wanted); // M2.
            }
            let free = word / ONE;
            let taken = free.min(wanted);
            // M1: whoever is about to line up says so in the same step in which it finds too
            // little.
            let listed = if taken < wanted { WAITERS } else { 0 };
            // Acquire: pairs with the Release in `release`.
            match self.word.compare_exchange_weak(
                word,
                ((free - taken) * ONE) | listed,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(wanted - taken),
                Err(now) => word = now,
            }
        }
    }

    fn left(&self, locked: &mut Locked<'_, ()>) {
        self.leave(locked, 0);
    }

    fn give_back(&self, count: usize) {
        if count > 0 {
            self.release(count);
        }
    }
}
