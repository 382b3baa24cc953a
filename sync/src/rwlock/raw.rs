//! The state of a reader-writer lock, and the line of those who wait for it. Knows no value.
//!
//! ```text
//!   word:  readers … | UPGRADABLE | QUEUED | WRITER
//! ```
//!
//! The holder of an upgradable read is one of the readers, and the one who may become the writer.
//! Coming in and leaving is one read-modify-write each while nobody waits.
//!
//! - **X1** `WRITER` is set in a step that finds no reader, or, for an upgrade, no other reader than
//!   the one who upgrades. While it is set, nobody reads.
//! - **X2** A reader adds its one first, and looks at what was there before. If that was `WRITER` or
//!   `QUEUED`, or as many readers as there may be, it is not in, and takes its one back in the way a
//!   reader leaves. Such a one holds a writer up, and never lets anybody in.
//! - **X3** `QUEUED` is set exactly while the line is not empty. Both change under the lock of the
//!   line. While it is set, who comes in comes from the front of the line, under that lock.
//! - **X4** Who makes room, and sees `QUEUED` in the same step, serves the line: lets in from the
//!   front whoever the word allows, until somebody has to wait on. Room is made by a writer who
//!   leaves or steps down, by the holder of an upgradable read who does, by the last reader, by the
//!   last but that holder, and by one of as many readers as there may be; and by a waiter who leaves
//!   the line.
//! - **X5** An upgrade waits in front of all others. It has not come before them; but it holds the
//!   lock, so whoever stands before it would wait for ever if he wants to write.
//!
//! Feared: the last reader leaves while a writer lines up, and nobody serves him. But the writer
//! goes from what he saw in the word to `QUEUED` in one step (X3). Either the reader was gone by
//! then, and he has seen it; or the reader's own step comes later, sees `QUEUED`, and serves.
//!
//! Feared: writers starve. But once one is in line, `QUEUED` keeps new readers out (X2), and those
//! inside leave.
//!
//! Rejected: a compare-exchange for readers, which needs no taking back. With two threads reading,
//! each fails every so often, having paid for the line twice: once for the look, once for the step.

use super::wait::Wait;
use crate::{
    budget,
    loom::{AtomicUsize, Ordering, const_fn},
    wait_list::{Locked, Standing, WaitQueue},
    wakers::Wakers,
};

const WRITER: usize = 1;
const QUEUED: usize = 2;
const UPGRADABLE: usize = 4;
/// One reader.
const ONE: usize = 8;

/// What somebody in line waits for; as a number, what the node of the wait list calls missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Want {
    Read = 1,
    Write,
    UpgradableRead,
    /// From an upgradable read, which it keeps until it is served.
    Upgrade,
}

impl Want {
    fn from_missing(missing: usize) -> Self {
        match missing {
            1 => Self::Read,
            2 => Self::Write,
            3 => Self::UpgradableRead,
            _ => Self::Upgrade,
        }
    }
}

pub(super) struct RawRwLock {
    word: AtomicUsize,
    /// A word that is not less has as many readers as there may be.
    limit: usize,
    pub(super) queue: WaitQueue<()>,
}

impl RawRwLock {
    pub(super) const MAX_READERS: usize = usize::MAX >> 4;

    const_fn! {
        pub(super) fn new(max_readers: usize) -> Self {
            assert!(max_readers <= Self::MAX_READERS, "more readers than can be counted");
            Self {
                word: AtomicUsize::new(0),
                limit: max_readers * ONE,
                queue: WaitQueue::new(()),
            }
        }
    }

    /// Waits until it is in.
    #[inline]
    pub(super) async fn wait(&self, want: Want) {
        if budget::at_once(|| self.enter(want).then_some(())).is_none() {
            Wait::new(self, want).await;
        }
    }

    /// What the word changes by when somebody comes in who wants this; `None` if he cannot.
    fn change(&self, word: usize, want: Want) -> Option<usize> {
        let (possible, change) = match want {
            Want::Read => (word & WRITER == 0 && word < self.limit, ONE),
            Want::UpgradableRead => {
                (word & (WRITER | UPGRADABLE) == 0 && word < self.limit, ONE + UPGRADABLE)
            }
            Want::Write => (word & !QUEUED == 0, WRITER),
            Want::Upgrade => {
                (word & !QUEUED == ONE + UPGRADABLE, WRITER.wrapping_sub(ONE + UPGRADABLE))
            }
        };
        possible.then_some(change)
    }

    /// Lets somebody in if the word allows it. `from_line`: also while others wait.
    fn admit(&self, want: Want, from_line: bool) -> bool {
        // Relaxed: only a guess for the compare-exchange, or an answer that orders nothing.
        let mut word = self.word.load(Ordering::Relaxed);
        while from_line || word & QUEUED == 0 {
            let Some(change) = self.change(word, want) else { return false };
            // Acquire: pairs with the Release of those who left, so that who comes in sees what
            // they did.
            match self.word.compare_exchange_weak(
                word,
                word.wrapping_add(change),
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Comes in if that is possible at once, overtaking nobody. An upgrade waits for no line (X5).
    #[inline]
    pub(super) fn try_enter(&self, want: Want) -> bool {
        match want {
            // Acquire: as in `admit`.
            Want::Write => {
                self.word.compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed).is_ok()
            }
            want => self.admit(want, want == Want::Upgrade),
        }
    }

    /// As `try_enter`, by X2 for a reader: he holds a writer up for a moment if he has to wait.
    #[inline]
    pub(super) fn enter(&self, want: Want) -> bool {
        if want != Want::Read {
            return self.try_enter(want);
        }
        // Acquire: as in `admit`.
        let before = self.word.fetch_add(ONE, Ordering::Acquire);
        if before & (WRITER | QUEUED) == 0 && before < self.limit {
            return true;
        }
        self.leave_read();
        false
    }

    /// Comes in after all, or sets `QUEUED` in one step with having seen that it cannot (X3); the
    /// caller then puts it in line before letting the lock go.
    pub(super) fn enter_or_queue(&self, _locked: &mut Locked<'_, ()>, want: Want) -> bool {
        loop {
            if self.try_enter(want) {
                return true;
            }
            // Relaxed: if it is out of date the exchange fails; `QUEUED` changes under the lock,
            // which we hold.
            let word = self.word.load(Ordering::Relaxed);
            let possible = self.change(word, want).is_some();
            if word & QUEUED != 0 {
                if want == Want::Upgrade && possible {
                    continue; // X5.
                }
                return false;
            }
            // Relaxed: it publishes nothing; who sees `QUEUED` takes the lock.
            if !possible
                && self
                    .word
                    .compare_exchange(word, word | QUEUED, Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok()
            {
                return false;
            }
        }
    }

    /// What a wait for `want` has brought is given up.
    pub(super) fn leave(&self, want: Want) {
        match want {
            Want::Read => self.leave_read(),
            Want::Write => self.leave_write(),
            Want::UpgradableRead => self.leave_upgradable(),
            // The guard that is being upgraded is still there, and will leave.
            Want::Upgrade => self.write_to_upgradable(),
        }
    }

    #[inline]
    pub(super) fn leave_read(&self) {
        // Release, here and below: pairs with the Acquire of who comes in.
        let before = self.word.fetch_sub(ONE, Ordering::Release);
        if before & QUEUED != 0 {
            self.after_a_reader(before);
        }
    }

    /// X4: serves the line if this reader was one that somebody may have waited for.
    #[cold]
    fn after_a_reader(&self, before: usize) {
        let now = before - ONE;
        let last = now & !QUEUED == 0;
        let last_but_one = now & !QUEUED == ONE + UPGRADABLE;
        if last || last_but_one || before >= self.limit {
            self.serve();
        }
    }

    #[inline]
    pub(super) fn leave_write(&self) {
        self.step_down(WRITER, 0);
    }

    #[inline]
    pub(super) fn leave_upgradable(&self) {
        self.step_down(ONE + UPGRADABLE, 0);
    }

    /// The writer becomes a reader.
    pub(super) fn write_to_read(&self) {
        self.step_down(WRITER, ONE);
    }

    pub(super) fn write_to_upgradable(&self) {
        self.step_down(WRITER, ONE + UPGRADABLE);
    }

    pub(super) fn upgradable_to_read(&self) {
        self.step_down(UPGRADABLE, 0);
    }

    /// Gives up one thing and takes another, which is less.
    #[inline]
    fn step_down(&self, from: usize, to: usize) {
        let before = self.word.fetch_add(to.wrapping_sub(from), Ordering::Release);
        if before & QUEUED != 0 {
            self.serve();
        }
    }

    /// X4: lets in from the front of the line whoever the word allows.
    #[cold]
    pub(super) fn serve(&self) {
        let mut wakers: Wakers = Wakers::new();
        loop {
            let mut locked = self.queue.lock();
            self.serve_batch(&mut locked, &mut wakers);
            let more = wakers.is_full() && !locked.is_empty();
            drop(locked);
            if !more {
                return; // Wakes the last batch.
            }
            wakers.wake_all();
        }
    }

    fn serve_batch(&self, locked: &mut Locked<'_, ()>, wakers: &mut Wakers) {
        while !wakers.is_full()
            && let Some(missing) = locked.first_missing()
            && self.admit(Want::from_missing(missing), true)
        {
            wakers.push(locked.pop_front(Standing::Granted).flatten());
        }
        self.left(locked);
    }

    /// X3: the line may be empty now.
    pub(super) fn left(&self, locked: &mut Locked<'_, ()>) {
        if locked.is_empty() {
            // Relaxed: it publishes nothing, and a read-modify-write lets what others released
            // pass through.
            self.word.fetch_and(!QUEUED, Ordering::Relaxed);
        }
    }

    /// For `Debug`: what the word says.
    pub(super) fn describe(&self) -> (bool, usize) {
        let word = self.word.load(Ordering::Relaxed);
        (word & WRITER != 0, word / ONE)
    }
}
