//! A place for one waker, for two parties without a lock: one registers, others wake.
//!
//! - **A1** The word is 0 (at rest), or has `REGISTERING`, `WAKING` or both. Whoever sets a bit in
//!   a word that was at rest owns the slot until it has brought the word back to rest.
//! - **A2** Who wants to wake while somebody registers only leaves `WAKING`: the registering side
//!   finds it when it finishes, and wakes what it has just stored.
//! - **A3** Who wants to register while somebody wakes wakes its own waker at once: the event it
//!   was to wait for is just happening.
//!
//! So a wake never waits, and one that comes after a `register` has begun is never lost. The
//! algorithm is the one known from the futures crates.
//!
//! # Safety
//! The slot is touched only by its owner according to A1.
#![allow(unsafe_code)]

use crate::loom::{AtomicUsize, Ordering, UnsafeCell, const_fn};
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    task::Waker,
};

const REST: usize = 0;
const REGISTERING: usize = 1;
const WAKING: usize = 2;

/// One waker, registered by one task and woken from anywhere, without a lock.
///
/// For building primitives whose waiting side is a single task. Register first and look second: an
/// event between the two then finds the waker.
///
/// # Examples
/// ```
/// use raddle_sync::AtomicWaker;
/// use std::{
///     sync::atomic::{AtomicBool, Ordering},
///     task::{Context, Poll},
/// };
///
/// struct Flag {
///     set: AtomicBool,
///     waker: AtomicWaker,
/// }
///
/// impl Flag {
///     fn set(&self) {
///         self.set.store(true, Ordering::Release);
///         self.waker.wake();
///     }
///
///     fn poll_set(&self, cx: &mut Context<'_>) -> Poll<()> {
///         self.waker.register(cx.waker());
///         if self.set.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
///     }
/// }
///
/// let flag = Flag { set: AtomicBool::new(false), waker: AtomicWaker::new() };
/// flag.set();
/// futures_lite::future::block_on(std::future::poll_fn(|cx| flag.poll_set(cx)));
/// ```
pub struct AtomicWaker {
    word: AtomicUsize,
    slot: UnsafeCell<Option<Waker>>,
}

// SAFETY: wakers may be sent and shared, and the slot has one user at a time (A1).
unsafe impl Send for AtomicWaker {}
// SAFETY: as above.
unsafe impl Sync for AtomicWaker {}

impl UnwindSafe for AtomicWaker {}
impl RefUnwindSafe for AtomicWaker {}

impl AtomicWaker {
    const_fn! {
        /// An empty place.
        ///
        /// # Examples
        /// ```
        /// static READY: raddle_sync::AtomicWaker = raddle_sync::AtomicWaker::new();
        /// READY.wake(); // Nobody there: nothing happens, and nothing is kept.
        /// ```
        pub fn new() -> Self {
            Self { word: AtomicUsize::new(REST), slot: UnsafeCell::new(None) }
        }
    }

    /// Registers `waker` to be woken by the next [`wake`](Self::wake), instead of the one before.
    ///
    /// A wake that happens at the same time wakes `waker`. Only one task should register at a time;
    /// of two that do so at once, one is woken immediately and may try again.
    ///
    /// See the [type](Self) for an example.
    pub fn register(&self, waker: &Waker) {
        // Acquire: pairs with the Release that brought the word to rest; we see the slot as left
        // then.
        let owned =
            self.word.compare_exchange(REST, REGISTERING, Ordering::Acquire, Ordering::Acquire);
        if owned.is_err() {
            // A3. Or two tasks register at once, against the contract: nobody is to sleep for ever.
            waker.wake_by_ref();
            return;
        }
        let finish = Registering { word: &self.word, slot: &self.slot };
        // SAFETY: A1: we have set `REGISTERING` in a word at rest.
        let replaced = self.slot.with_mut(|slot| unsafe {
            match &mut *slot {
                Some(current) if current.will_wake(waker) => None,
                // If the clone panics, the slot keeps what it had and `finish` lets go of it.
                slot => slot.replace(waker.clone()),
            }
        });
        drop(finish);
        drop(replaced);
    }

    /// Wakes what is registered, if anything. It is registered no longer.
    ///
    /// See the [type](Self) for an example.
    pub fn wake(&self) {
        if let Some(waker) = self.take() {
            waker.wake();
        }
    }

    /// Takes what is registered, to be woken later by the caller.
    ///
    /// `None` also if a [`register`](Self::register) is under way: it then wakes itself.
    ///
    /// # Examples
    /// ```
    /// use std::task::Waker;
    ///
    /// let place = raddle_sync::AtomicWaker::new();
    /// place.register(Waker::noop());
    /// assert!(place.take().is_some());
    /// assert!(place.take().is_none());
    /// ```
    pub fn take(&self) -> Option<Waker> {
        // AcqRel: Acquire for the slot as left by its last owner; Release so that a registration
        // under way, which finds the bit, sees what was done before this call.
        if self.word.fetch_or(WAKING, Ordering::AcqRel) != REST {
            // A2, or another wake is at it already.
            return None;
        }
        // SAFETY: A1: we have set `WAKING` in a word at rest.
        let waker = self.slot.with_mut(|slot| unsafe { (*slot).take() });
        // Release: pairs with the Acquire of the next owner.
        self.word.fetch_and(!WAKING, Ordering::Release);
        waker
    }
}

/// Brings the word back to rest after a registration, and keeps A2, also when a clone panicked.
struct Registering<'a> {
    word: &'a AtomicUsize,
    slot: &'a UnsafeCell<Option<Waker>>,
}

impl Drop for Registering<'_> {
    fn drop(&mut self) {
        // AcqRel: Release hands the slot on; Acquire pairs with the Release in `take`, so that the
        // woken task sees what it is woken for.
        if self
            .word
            .compare_exchange(REGISTERING, REST, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
        {
            return;
        }
        // A2: a wake came by and left the waking to us.
        // SAFETY: A1: the word has not been at rest since we set `REGISTERING`.
        let waker = self.slot.with_mut(|slot| unsafe { (*slot).take() });
        self.word.swap(REST, Ordering::AcqRel);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Default for AtomicWaker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for AtomicWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.word.load(Ordering::Relaxed) {
            REST => "at rest",
            WAKING => "waking",
            _ => "registering",
        };
        f.debug_struct("AtomicWaker").field("state", &format_args!("{state}")).finish()
    }
}
