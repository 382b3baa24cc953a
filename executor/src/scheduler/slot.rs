//! A worker's place in the shared array: what others may reach at any time, and the core, which only the thread that
//! has claimed the slot may touch.
//!
//! # Safety
//! [`Core`] is full of cells and lives in a `Sync` slot. The claim flag is a lock on it: [`Slot::try_claim`] gives out
//! one [`Claim`] at a time, and every access goes through that claim, on the claiming thread.

#![allow(unsafe_code)]

use super::pace::Pace;
use super::park::Parker;
use super::search::INJECTOR_INTERVAL;
use super::shared::Shared;
use super::watch::Watch;
use crate::local;
use crate::loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, Ordering::*, fence};
use crate::queue::{Local, Stealer};
use crate::rand::Rng;
use crate::task::IdBlock;
use crate::task::cell::Header;
use crate::task::owned::OwnedTasks;
use crate::task::places::Places;
use crate::task::raw::TaskRef;
use crate::task::runnable::Runnable;
use raddle_timer::Timer;
use std::cell::{Cell, RefCell, UnsafeCell};
use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::Instant;

/// What the holder of a slot is doing, as far as a thief needs to know. A hint: nothing depends on its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mode {
    /// Nobody holds the slot.
    Vacant,
    /// Getting to its queue by itself.
    Working,
    /// In its root future, which may block (P9).
    Rooting,
    Parked,
}

/// The runtime is closed (S1).
pub(crate) const CLOSED: u8 = 1;
/// The slot's home waits for it (P16).
pub(crate) const RECALLED: u8 = 2;
/// Pinned tasks are to be polled (`pinned.rs`).
pub(crate) const PINNED: u8 = 4;
/// The tasks linked here are to be asked to stop (S7).
pub(crate) const ASKED: u8 = 8;

/// One worker, seen from outside.
pub(crate) struct Slot {
    pub(crate) shared: *const Shared,
    pub(crate) index: usize,
    pub(crate) stealer: Stealer<Runnable>,
    /// The task to run next: the last one a message woke (Q5).
    lifo: AtomicPtr<Header>,
    /// The places of tasks linked here, for those that complete elsewhere (T11).
    pub(crate) places: Places,
    pub(crate) parker: Parker,
    pub(crate) timer: Arc<Timer>,
    mode: AtomicU8,
    /// The worker's estimate of its poll time, for thieves.
    task_ns: AtomicU32,
    /// Polls so far, about: whoever keeps watch sees whether the holder gets on (P9).
    beat: AtomicU32,
    /// What the holder is to see to between two polls: [`CLOSED`], [`RECALLED`], [`PINNED`].
    attention: AtomicU8,
    /// Whether the holder, awake, only waits in a `block_on` of its own (Z6).
    waits: AtomicBool,
    /// Tasks in the list, when the holder went to sleep, and those that others have taken out by then (S8).
    linked: AtomicU32,
    /// The tasks that stay on the thread this slot is home to (T43).
    pub(crate) pinned: OnceLock<Arc<local::Shared>>,
    claimed: AtomicBool,
    core: UnsafeCell<Core>,
}

// SAFETY: `shared` points to the owner of the array the slot is in; `core` is guarded by `claimed`; the rest is Sync.
unsafe impl Sync for Slot {}
// SAFETY: nothing in a slot depends on the thread that made it.
unsafe impl Send for Slot {}

/// One worker, seen from inside. Owner only.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) queue: Local<Runnable>,
    pub(crate) owned: OwnedTasks,
    pub(crate) ids: IdBlock,
    pub(crate) rng: Rng,
    pub(crate) pace: Pace,
    /// Tasks run out of the LIFO slot in a row (Q5).
    pub(crate) lifo_streak: Cell<u32>,
    /// Tasks to pick before the next look into the injector (Q4), and whether the last was for a low task (P22).
    pub(crate) picks_left: Cell<u32>,
    pub(crate) lows_turn: Cell<bool>,
    /// High tasks picked since the others had their turn (P22).
    pub(crate) high_streak: Cell<u32>,
    /// Pushes since the last poll began.
    pub(crate) pushes: Cell<u32>,
    /// Whether wakes go to the back of the queue: the driver's batch is being woken, or a root future is polled.
    pub(crate) to_the_back: Cell<bool>,
    /// Reused from turn to turn.
    pub(crate) woken: RefCell<Vec<Waker>>,
    /// What this worker has seen of the others, if it keeps watch (P9).
    pub(crate) watch: RefCell<Watch>,
    /// Whether a guest has had the driver's turn, so that somebody may have gone to sleep counting on it (P10).
    pub(crate) took_a_turn: Cell<bool>,
    /// Whether the slot has been through [`shutdown`](super::shutdown).
    pub(crate) left: Cell<bool>,
}

impl Slot {
    pub(crate) fn new(
        shared: *const Shared,
        index: usize,
        alone: bool,
        timer: Arc<Timer>,
        now: Instant,
        seed: u64,
    ) -> Slot {
        let pace = Pace::new(now, alone);
        let (queue, stealer) = if alone { Local::alone() } else { Local::shared() };
        Slot {
            shared,
            index,
            stealer,
            lifo: AtomicPtr::new(ptr::null_mut()),
            places: Places::new(),
            parker: Parker::new(),
            timer,
            mode: AtomicU8::new(Mode::Vacant as u8),
            task_ns: AtomicU32::new(u32::MAX),
            beat: AtomicU32::new(0),
            attention: AtomicU8::new(0),
            waits: AtomicBool::new(false),
            linked: AtomicU32::new(0),
            pinned: OnceLock::new(),
            claimed: AtomicBool::new(false),
            core: UnsafeCell::new(Core {
                queue,
                owned: OwnedTasks::default(),
                ids: IdBlock::new(),
                rng: Rng::new(seed ^ (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)),
                pace,
                lifo_streak: Cell::new(0),
                // Who begins has nothing of its own, and takes its share of the injector, not one task.
                picks_left: Cell::new(INJECTOR_INTERVAL),
                lows_turn: Cell::new(true),
                high_streak: Cell::new(0),
                pushes: Cell::new(0),
                to_the_back: Cell::new(false),
                woken: RefCell::new(Vec::new()),
                watch: RefCell::default(),
                took_a_turn: Cell::new(false),
                left: Cell::new(false),
            }),
        }
    }

    /// Takes the slot for this thread, if nobody has it.
    pub(crate) fn try_claim(&self) -> Option<Claim<'_>> {
        // Acquire: pairs with the Release in `Claim::drop`; the core is as its last holder left it.
        let free = self.claimed.compare_exchange(false, true, Acquire, Relaxed).is_ok();
        // Lazily: a claim that is not ours must not be dropped, either.
        free.then(|| Claim { slot: self, not_send: PhantomData })
    }

    /// Whether nobody holds the slot, at this moment.
    pub(crate) fn is_vacant(&self) -> bool {
        // SeqCst fence first: pairs with the one a guest passes when it gives the slot back, so that a thread which has
        // asked to be told either finds the slot free or is told.
        fence(SeqCst);
        !self.claimed.load(Relaxed)
    }

    /// Has the holder look, between two polls. The caller unparks the slot if the holder may sleep.
    pub(crate) fn ask_for_attention(&self, reason: u8) {
        // Release: pairs with `wants`.
        self.attention.fetch_or(reason, Release);
    }

    /// Whether the holder is asked for attention for one of these reasons.
    #[inline]
    pub(crate) fn wants(&self, reasons: u8) -> bool {
        // Acquire: pairs with `ask_for_attention`. Who reads it late is unparked, or reads it again after the next poll.
        self.attention.load(Acquire) & reasons != 0
    }

    /// The holder is about to see to it: what is asked for from now on counts anew.
    pub(crate) fn attend_to(&self, reason: u8) {
        // AcqRel: as above, in both directions.
        self.attention.fetch_and(!reason, AcqRel);
    }

    pub(crate) fn is_working(&self) -> bool {
        self.mode.load(Relaxed) == Mode::Working as u8
    }

    pub(crate) fn set_mode(&self, mode: Mode) {
        self.mode.store(mode as u8, Relaxed);
    }

    /// Whether the holder is awake, and gets to its queue by itself unless it is stuck.
    pub(crate) fn is_awake(&self) -> bool {
        let mode = self.mode.load(Relaxed);
        mode == Mode::Working as u8 || mode == Mode::Rooting as u8
    }

    /// Z6. For the holder.
    pub(crate) fn set_waits(&self, waits: bool) {
        // Release: pairs with `waits`: what the holder did before is seen, be it that it has a root future in the list.
        self.waits.store(waits, Release);
    }

    /// Whether the holder has nothing to do in this slot but to wait for a root future in the list (Z6).
    pub(crate) fn waits(&self) -> bool {
        // Acquire: pairs with `set_waits`.
        self.waits.load(Acquire)
    }

    pub(crate) fn is_rooting(&self) -> bool {
        self.mode.load(Relaxed) == Mode::Rooting as u8
    }

    /// Whether the holder is in bed, and has been told to get up. (Nobody hears what is told to a vacant slot.)
    pub(crate) fn is_notified(&self) -> bool {
        self.mode.load(Relaxed) == Mode::Parked as u8 && self.parker.is_notified()
    }

    /// What the holder is doing.
    pub(crate) fn mode(&self) -> Mode {
        let mode = self.mode.load(Relaxed);
        let all = [Mode::Vacant, Mode::Working, Mode::Rooting];
        all.into_iter().find(|&one| one as u8 == mode).unwrap_or(Mode::Parked)
    }

    /// How many tasks are in the list of a holder that sleeps (S8).
    pub(crate) fn linked(&self) -> usize {
        // Relaxed: read after `is_quiet` has found the holder asleep.
        let linked = self.linked.load(Relaxed).wrapping_sub(self.places.emptied());
        // One that is awake may have linked others that have been taken out, too.
        linked.cast_signed().max(0) as usize
    }

    /// Writes down how many there are (S8). Holder only.
    pub(crate) fn count_linked(&self, owned: &OwnedTasks) {
        // Relaxed: as above.
        self.linked.store(owned.linked_here(), Relaxed);
    }

    pub(crate) fn beat(&self) -> u32 {
        self.beat.load(Relaxed)
    }

    /// Another beat, and how many that makes. Holder only, which is why it needs no read-modify-write.
    #[inline]
    pub(crate) fn next_beat(&self) -> u32 {
        let beat = self.beat.load(Relaxed).wrapping_add(1);
        // Release: pairs with the fence in `is_quiet`: who sees the beat sees the slot awake (Z2).
        self.beat.store(beat, Release);
        beat
    }

    /// The holder has slept: to who compares beats (P11), as many as nobody is too slow for.
    pub(crate) fn slept(&self) {
        /// At 20 µs each, a second.
        const NAP: u32 = 50_000;
        // Relaxed: the next beat is the one that tells (Z2).
        self.beat.store(self.beat.load(Relaxed).wrapping_add(NAP), Relaxed);
    }

    pub(crate) fn task_ns(&self) -> u32 {
        self.task_ns.load(Relaxed)
    }

    pub(crate) fn publish_task_ns(&self, task_ns: u32) {
        self.task_ns.store(task_ns, Relaxed);
    }

    /// Puts a task into the LIFO slot; the one it displaces comes back.
    #[inline]
    pub(crate) fn lifo_put(&self, runnable: Runnable) -> Option<Runnable> {
        let task = runnable.into_task().as_ptr().cast_mut();
        // Relaxed: only the holder fills the slot, so an empty one stays empty until the store.
        if self.lifo.load(Relaxed).is_null() {
            // Release: pairs with a taker on another thread.
            self.lifo.store(task, Release);
            return None;
        }
        // AcqRel: as above and below.
        as_runnable(self.lifo.swap(task, AcqRel))
    }

    /// Takes the task out of the LIFO slot.
    #[inline]
    pub(crate) fn lifo_take(&self) -> Option<Runnable> {
        // Relaxed: a look; the swap decides.
        if self.lifo.load(Relaxed).is_null() {
            return None;
        }
        // Acquire: pairs with `lifo_put`.
        as_runnable(self.lifo.swap(ptr::null_mut(), Acquire))
    }

    pub(crate) fn lifo_is_empty(&self) -> bool {
        self.lifo.load(Relaxed).is_null()
    }
}

fn as_runnable(header: *mut Header) -> Option<Runnable> {
    // SAFETY: only tasks taken out of a `Runnable` are stored, and the swap took the right to poll out again.
    (!header.is_null()).then(|| Runnable::from_wake(unsafe { TaskRef::from_ptr(header) }))
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Dropping the `Runnable` cancels the task.
        drop(self.lifo_take());
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("index", &self.index)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// Evidence that this thread holds a slot; given back when dropped. Not `Send`.
pub(crate) struct Claim<'a> {
    slot: &'a Slot,
    not_send: PhantomData<*const ()>,
}

impl<'a> Claim<'a> {
    pub(crate) fn slot(&self) -> &'a Slot {
        self.slot
    }

    pub(crate) fn core(&self) -> &Core {
        // SAFETY: this claim is the only one, and it stays on the thread that made it, so the core's cells are used
        // by one thread only. Nobody makes a `&mut Core`.
        unsafe { &*self.slot.core.get() }
    }
}

/// The thread that holds a slot, as long as it does. Not `Send`: a slot's core is for one thread.
#[derive(Clone, Copy)]
pub(crate) struct Worker<'a> {
    /// One word, which fits into a register.
    slot: &'a Slot,
    not_send: PhantomData<*const ()>,
}

impl<'a> Worker<'a> {
    /// # Safety
    /// The calling thread must hold the slot's [`Claim`] for as long as it uses the worker, and the slot's runtime must
    /// outlive `'a`.
    #[inline]
    pub(crate) unsafe fn new(slot: &'a Slot) -> Worker<'a> {
        Worker { slot, not_send: PhantomData }
    }

    #[inline]
    pub(crate) fn slot(&self) -> &'a Slot {
        self.slot
    }

    #[inline]
    pub(crate) fn shared(&self) -> &'a Shared {
        // SAFETY: the promise made to `new`.
        unsafe { &*self.slot.shared }
    }

    #[inline]
    pub(crate) fn core(&self) -> &'a Core {
        // SAFETY: the promise made to `new`, and as in `Claim::core`.
        unsafe { &*self.slot.core.get() }
    }
}

impl fmt::Debug for Worker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Worker").field(&self.slot.index).finish()
    }
}

/// A claim on its way from one thread to another (P13). Lost, it is never given back.
#[derive(Debug)]
pub(crate) struct Passed {
    slot: *const Slot,
}

// SAFETY: P13: that is what it is for; whoever receives it goes through the lock of the `Exchange`.
unsafe impl Send for Passed {}

impl Slot {
    /// P13: the calling thread's claim, to be passed on.
    ///
    /// # Safety
    /// The calling thread must hold the claim, and must neither use nor drop it afterwards, unless what this returns comes
    /// back to it.
    pub(crate) unsafe fn pass_on(&self) -> Passed {
        Passed { slot: self }
    }

    /// P13: takes over a claim.
    pub(crate) fn take_over(&self, passed: Passed) -> Claim<'_> {
        assert!(ptr::eq(passed.slot, self), "the claim on another slot");
        Claim { slot: self, not_send: PhantomData }
    }
}

impl<'a> Claim<'a> {
    /// P13: somebody else has the slot now: this claim is void.
    pub(crate) fn void(self) {
        std::mem::forget(self);
    }

    /// P16: passes the slot on.
    pub(crate) fn pass_on(self) -> Passed {
        let slot: &'a Slot = self.slot;
        std::mem::forget(self);
        // SAFETY: the claim was held until here, and is gone.
        unsafe { slot.pass_on() }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.slot.set_mode(Mode::Vacant);
        // Release: pairs with `try_claim`.
        self.slot.claimed.store(false, Release);
    }
}

impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claim").field(&self.slot.index).finish()
    }
}
