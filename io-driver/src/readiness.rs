//! The readiness protocol: one word per source, set by the driver, cleared by whoever the kernel told "would block".
//!
//! ```text
//!  63            32 31             8   7    6 5        0
//! ┌────────────────┬────────────────┬──────┬─┬──────────┐
//! │   generation   │      tick      │ shut │ │  Ready   │
//! └────────────────┴────────────────┴──────┴─┴──────────┘
//! ```
//!
//! R1. A source is registered once, for both directions (watched when R8 says). A bit stays set until the kernel answers "would block" for
//!     it (or R7 allows to foresee that answer).
//! R2. The driver sets bits and advances the tick in one RMW, and collects the waiters after that.
//! R3. A waiter stores its waker under the source's lock and, before giving the lock back, reads the word again.
//! R4. A clear takes effect only if the tick is still the one that was read *before* the system call.
//! R5. A token carries a generation, and so does the word; setting compares them in the same RMW. What an event of
//!     an earlier owner of the slot says finds nobody.
//! R6. Shut-down sticks and wakes all. A source is retired (next generation, no fd, no waker) under its lock, taken
//!     out of the selector before that lock is released (but R10), and its fd is closed after that.
//! R7. A short read, or one with which the kernel said that nothing is left, may clear READABLE only where the kernel reports
//!     the peer's FIN by itself, and while none of READ_CLOSED, PRIORITY and ERROR is set.
//! R8. Where events are one-shot, an event spends the armed interest. Where they are edges, room to write is not watched
//!     for before somebody wants it, and a stream that is new not at all. Whoever finds, under the source's lock, a
//!     waiter whose direction is not armed, arms it; so does who only tries, and is not let. The selector answers with
//!     the present state.
//! R9. A forked process has its parent's descriptors, the selector's among them, but not its threads: a lock may be held
//!     for ever, and what is taken out of the selector is taken from the parent. There, a driver touches neither.
//! R10. A stream that is closed with its registration need not be taken out of the selector before, if its peer has
//!     finished and it is not watched for room, or if both directions have ended. What was left so is taken out when it
//!     is in the way of another.
//!
//! # Why nothing is lost
//!
//! *A set between the failed call and the clear.* The reader saw tick 5, was told "would block", and is about to
//! clear. Data arrives; the driver sets READABLE at tick 6. The clear for tick 5 does nothing (R4), and the reader
//! goes round once more. Had the clear come first, the set would stand. One word, one order.
//!
//! *A set between looking and waiting.* Either the driver takes the source's lock after the waiter: then it finds the
//! waker. Or before: then its RMW (R2) happened before the waiter's second look (R3), which sees the bit.
//!
//! *Data and FIN in one edge.* Both arrive before the reader's turn, so one edge reports both. A read that fills half
//! of its buffer foresees "would block"; clearing would sleep through the FIN for ever. With RDHUP the edge also sets
//! READ_CLOSED, which a short read leaves alone and which keeps the source readable; without, only "would block"
//! clears (R7). Urgent data stops a read short as well, hence PRIORITY in R7.
//!
//! *News after the kernel said that nothing is left.* It said so of the moment in which the read ended. What comes later is an
//! edge of its own, and ticks (R4). So are a FIN and a reset that were there before, and until they have been told of,
//! READABLE is set again by their edge; once they have, READ_CLOSED and ERROR keep it (R7).
//!
//! *Closed bits and "would block".* A real "would block" clears the closed bits too: the kernel has just said that
//! the direction is open (a FIFO that found a new writer, a socket that was not connected yet). Keeping them would
//! spin. A later close is a new edge.
//!
//! *What was left in the selector.* Closing the last descriptor of a file takes it out. If somebody has another one (a
//! duplicate, a child that has not run its program yet, another process), the entry stays, and speaks to nobody (R5). That
//! it speaks seldom is what R10 is careful about: a stream whose peer has finished has its own end to report, perhaps a
//! reset, and that was all. The entry is known by its file and the number of its descriptor. A new file is another one; the
//! same file under the same number again is refused as watched already, and then no source has that number.
//!
//! # Why directions are asked for late
//!
//! A socket has room to write when it is added, and says so: an event that wakes the driver for nobody, for each new
//! connection. Datagram and Unix sockets say it again for each message that is consumed. And a connection that is
//! answered and closed before its reader had to wait needs no selector at all.
//!
//! # What was rejected
//!
//! A pointer as the token (no lookup, but memory must then outlive every harvested batch, so releasing waits for the
//! driver). A lock or a reference count per event: the generation in the word makes both unnecessary.

#![allow(unreachable_pub)] // The models reach it, through `loom::internals`.

use std::fmt;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::interest::{Interest, Ready};
use crate::loom::AtomicU64;
use crate::registry::Token;

const SHUT_DOWN: u64 = 1 << 7;
const TICK_ONE: u64 = 1 << 8;
const TICK_MASK: u64 = 0xff_ffff << 8;
const GENERATION_SHIFT: u32 = 32;
const GENERATION_MASK: u64 = 0xffff_ffff << GENERATION_SHIFT;

/// Readiness as it was seen at one moment; what to hand back when the kernel answers "would block" (R4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadyEvent {
    pub(crate) ready: Ready,
    pub(crate) tick: u32,
}

impl ReadyEvent {
    /// What was ready.
    pub const fn ready(&self) -> Ready {
        self.ready
    }

    /// The same moment, narrowed to what `interest` is about.
    #[must_use]
    pub const fn only(&self, interest: Interest) -> Self {
        Self { ready: self.ready.intersection(interest.satisfied_by()), tick: self.tick }
    }
}

/// The word, read once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Snapshot(u64);

impl Snapshot {
    /// The bits that are set.
    pub fn ready(self) -> Ready {
        Ready::from_bits((self.0 & 0x3f) as u8)
    }

    /// How many times bits were set, modulo 2^24: a clear that is stale by exactly that many events is believed
    /// impossible, for the reader would have to sleep through them between one system call and the next line.
    pub fn tick(self) -> u32 {
        ((self.0 & TICK_MASK) >> 8) as u32
    }

    /// Which registration of the slot this is.
    pub fn generation(self) -> u32 {
        (self.0 >> GENERATION_SHIFT) as u32
    }

    /// The driver has shut down.
    pub fn is_shut_down(self) -> bool {
        self.0 & SHUT_DOWN != 0
    }

    /// The part of this that `interest` is about.
    pub fn event(self, interest: Interest) -> ReadyEvent {
        ReadyEvent { ready: self.ready().intersection(interest.satisfied_by()), tick: self.tick() }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("ready", &self.ready())
            .field("tick", &self.tick())
            .field("generation", &self.generation())
            .field("shut_down", &self.is_shut_down())
            .finish()
    }
}

/// The word.
#[derive(Debug)]
pub struct Readiness(AtomicU64);

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl Readiness {
    /// Generation 0, nothing ready.
    pub fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// What is known now.
    pub fn snapshot(&self) -> Snapshot {
        // Acquire: pairs with the Release in `set`, so that whoever sees a bit also sees what led to the event.
        Snapshot(self.0.load(Acquire))
    }

    /// The driver's step (R2): sets `ready` and advances the tick. False, and no change, for a stale event (R5).
    #[must_use]
    pub fn set(&self, generation: u32, ready: Ready) -> bool {
        // Release: pairs with the Acquire in `snapshot`. The failed load may be Relaxed: it is only compared (R5).
        let changed = self.0.fetch_update(Release, Relaxed, |word| {
            if Snapshot(word).generation() != generation {
                return None;
            }
            let ticked = (word & !TICK_MASK) | (word.wrapping_add(TICK_ONE) & TICK_MASK);
            Some(ticked | u64::from(ready.bits()))
        });
        changed.is_ok()
    }

    /// Clears the bits of `event`, if nothing was set since it was read (R4).
    pub fn clear(&self, event: ReadyEvent) {
        // Relaxed: publishes nothing. Which of a set and a clear came first is decided by the order of this one word.
        let _ = self.0.fetch_update(Relaxed, Relaxed, |word| {
            let current = Snapshot(word).tick() == event.tick;
            current.then_some(word & !u64::from(event.ready.bits()))
        });
    }

    /// Clears READABLE after a short read, if R7 allows it. The caller answers for the kernel reporting FINs.
    pub fn clear_after_short_read(&self, event: ReadyEvent) {
        let blocking = Ready::READ_CLOSED | Ready::PRIORITY | Ready::ERROR;
        // Relaxed: as in `clear`.
        let _ = self.0.fetch_update(Relaxed, Relaxed, |word| {
            let now = Snapshot(word);
            let allowed = now.tick() == event.tick && !now.ready().intersects(blocking);
            allowed.then_some(word & !u64::from(Ready::READABLE.bits()))
        });
    }

    /// Begins this generation with `ready` set. Under the source's lock, before anyone knows the token.
    pub fn adopt(&self, ready: Ready) {
        // Relaxed: the token that lets others at the source is handed over by the registry's lock or by the kernel.
        let _ = self.0.fetch_update(Relaxed, Relaxed, |word| {
            Some((word & (GENERATION_MASK | SHUT_DOWN)) | u64::from(ready.bits()))
        });
    }

    /// Ends this generation (R5, R6): nothing is ready, and tokens given out so far are stale. Returns what was ready.
    pub fn retire(&self) -> Ready {
        // Relaxed: a driver that still sees the old generation sets bits which this RMW wipes; one that sees the new
        // one does nothing. Which of the two happens, the order of this one word decides.
        let before = self.0.fetch_update(Relaxed, Relaxed, |word| {
            let generation = Token::next_generation(Snapshot(word).generation());
            Some(u64::from(generation) << GENERATION_SHIFT | (word & SHUT_DOWN))
        });
        before.map_or(Ready::EMPTY, |word| Snapshot(word).ready())
    }

    /// Sets the bit that nothing clears (R6).
    pub fn shut_down(&self) {
        // Release: pairs with the Acquire in `snapshot`, like any other news.
        self.0.fetch_or(SHUT_DOWN, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Interest = Interest::READABLE;

    #[test]
    fn a_clear_for_an_earlier_tick_does_nothing() {
        let word = Readiness::new();
        assert!(word.set(0, Ready::READABLE));
        let seen = word.snapshot().event(READ);
        assert!(word.set(0, Ready::READABLE));
        word.clear(seen);
        assert_eq!(word.snapshot().ready(), Ready::READABLE);
        word.clear(word.snapshot().event(READ));
        assert_eq!(word.snapshot().ready(), Ready::EMPTY);
    }

    #[test]
    fn the_tick_wraps_without_touching_its_neighbors() {
        let word = Readiness(AtomicU64::new(TICK_MASK | (7 << GENERATION_SHIFT) | SHUT_DOWN));
        assert!(word.set(7, Ready::WRITABLE));
        let now = word.snapshot();
        assert_eq!((now.tick(), now.generation(), now.is_shut_down()), (0, 7, true));
    }

    #[test]
    fn a_retired_generation_is_neither_set_nor_seen() {
        let word = Readiness::new();
        assert!(word.set(0, Ready::ALL));
        word.retire();
        word.adopt(Ready::WRITABLE);
        assert!(!word.set(0, Ready::ALL));
        assert_eq!(word.snapshot().ready(), Ready::WRITABLE);
    }

    #[test]
    fn a_short_read_clears_only_readable_and_only_while_the_peer_may_still_send() {
        let word = Readiness::new();
        assert!(word.set(0, Ready::READABLE | Ready::WRITABLE));
        word.clear_after_short_read(word.snapshot().event(READ));
        assert_eq!(word.snapshot().ready(), Ready::WRITABLE);
        for sticky in [Ready::READ_CLOSED, Ready::PRIORITY, Ready::ERROR] {
            let word = Readiness::new();
            assert!(word.set(0, Ready::READABLE | sticky));
            word.clear_after_short_read(word.snapshot().event(READ));
            assert!(word.snapshot().ready().contains(Ready::READABLE | sticky));
        }
    }

    #[test]
    fn would_block_clears_the_closed_bit_of_its_direction_only() {
        let word = Readiness::new();
        assert!(word.set(0, Ready::ALL));
        word.clear(word.snapshot().event(READ));
        let left = word.snapshot().ready();
        assert!(!left.is_readable() && left.is_writable() && left.is_write_closed());
    }
}
