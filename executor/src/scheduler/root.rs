//! What wakes a future in `block_on`, wherever its thread sleeps: in a guest slot or outside.

use super::context;
use super::shared::Shared;
use crate::loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*, fence};
use crate::loom::thread::{self, Thread};
use std::sync::{Arc, Weak};
use std::task::Wake;

/// What wakes a root future: its flag, and the thread that polls it.
pub(super) struct Root {
    woken: AtomicBool,
    /// Whether the thread is up, outside the slots (Z1).
    up_outside: AtomicBool,
    /// The guest slot the thread sleeps in, plus one; zero if it sleeps outside.
    slot: AtomicUsize,
    thread: Thread,
    /// Weak, because a waker may outlive its runtime, and shall not keep its sockets open.
    shared: Weak<Shared>,
}

impl Wake for Root {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // AcqRel: Release pairs with `take_woken`; if somebody was first, their call wakes the thread for us too.
        if self.woken.swap(true, AcqRel) {
            return;
        }
        // Pairs with the fence in `sleeps_in`: either the thread sees the flag, or we see where it sleeps.
        fence(SeqCst);
        match self.slot.load(Relaxed) {
            0 => self.thread.unpark(),
            slot => {
                let index = slot - 1;
                // The guest itself looks at the flag before it sleeps.
                let is_guest = context::with_worker_of(self.shared.as_ptr(), |worker| {
                    worker.is_some_and(|worker| worker.slot().index == index)
                });
                if !is_guest && let Some(shared) = self.shared.upgrade() {
                    shared.unpark(index);
                }
            }
        }
    }
}

impl Root {
    /// Of the calling thread, and woken.
    pub(super) fn new(shared: &Arc<Shared>) -> Arc<Root> {
        Arc::new(Root {
            woken: AtomicBool::new(true),
            up_outside: AtomicBool::new(false),
            slot: AtomicUsize::new(0),
            thread: thread::current(),
            shared: Arc::downgrade(shared),
        })
    }

    pub(super) fn thread(&self) -> &Thread {
        &self.thread
    }

    pub(super) fn is_woken(&self) -> bool {
        // Relaxed: a look; `take_woken` synchronizes.
        self.woken.load(Relaxed)
    }

    pub(super) fn take_woken(&self) -> bool {
        // Acquire: pairs with `wake_by_ref`.
        self.is_woken() && self.woken.swap(false, AcqRel)
    }

    /// Z1: whether the future is to be polled, or is being polled outside the slots.
    pub(super) fn is_up(&self) -> bool {
        // Acquire: pairs with `take_woken`, before which the thread has said where it is.
        self.woken.load(Acquire) || self.up_outside.load(Acquire)
    }

    pub(super) fn gets_up_outside(&self, shared: &Shared) {
        self.up_outside.store(true, Relaxed);
        // Release: pairs with the fence in `is_quiet`: who sees the beat sees the thread up (Z2).
        shared.beats_outside.fetch_add(1, Release);
    }

    pub(super) fn goes_to_bed_outside(&self) {
        // Release: pairs with `is_up`: what was done meanwhile is seen.
        self.up_outside.store(false, Release);
    }

    pub(super) fn sleeps_in(&self, slot: usize) {
        self.slot.store(slot, Relaxed);
        fence(SeqCst);
    }
}
