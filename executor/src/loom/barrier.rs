//! A fence whose price is paid by the side that rarely needs it.
//!
//! Two threads that each write one place and then read the other's need a full fence between the two, on both sides,
//! so that one of them at least sees what the other wrote. If one side does it millions of times a second and the other
//! a few times at most, the first can do with [`light`], which only keeps the compiler from reordering, if the second
//! uses [`heavy`], which makes every core of the process pass a fence at that moment: `membarrier` on Linux. Where
//! that call is missing, both are ordinary fences. (Asymmetric fences: D. Dice, H. Huang, M. Yang, 2001; P1202 for C++.)
//!
//! A model knows nothing of other cores; there, too, both are ordinary fences.

use crate::loom::sync::atomic::{Ordering::SeqCst, fence};

#[cfg(all(target_os = "linux", not(loom)))]
mod expedited {
    use rustix::thread::{MembarrierCommand, membarrier};
    use std::sync::Once;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    static REGISTERED: AtomicBool = AtomicBool::new(false);

    /// Whether the other side may be light. Once true, it stays.
    #[inline]
    pub(super) fn is_registered() -> bool {
        // Relaxed: set before the first runtime has threads, or a queue to protect; who reads an old value passes a fence
        // that is not needed.
        REGISTERED.load(Relaxed)
    }

    pub(super) fn register() {
        static ONCE: Once = Once::new();
        // The kernel may lack the call, or a sandbox forbid it: then it is not registered.
        ONCE.call_once(|| {
            let registered = membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok();
            REGISTERED.store(registered, Relaxed);
        });
    }

    /// Whether every core has passed a fence. If not, a sandbox has been closed meanwhile.
    pub(super) fn everywhere() -> bool {
        membarrier(MembarrierCommand::PrivateExpedited).is_ok()
    }
}

/// Makes [`light`] light, if the system can. Before the first pair of threads relies on it.
pub(crate) fn prepare() {
    #[cfg(all(target_os = "linux", not(loom)))]
    expedited::register();
}

/// The frequent side: orders what this thread wrote before it against what it reads after it, for a partner that passes
/// [`heavy`].
#[inline]
pub(crate) fn light() {
    #[cfg(all(target_os = "linux", not(loom)))]
    if expedited::is_registered() {
        return std::sync::atomic::compiler_fence(SeqCst);
    }
    fence(SeqCst);
}

/// The frequent side for who can do without: where nothing is cheaper than [`light`], it is nothing, and
/// [`heavy_only`] says so.
#[inline]
pub(crate) fn light_or_nothing() {
    #[cfg(not(loom))]
    std::sync::atomic::compiler_fence(SeqCst);
    // Not in models of something else, where it would do the work of a fence that is missing.
    #[cfg(loom)]
    if super::checked::is_included("T18") {
        fence(SeqCst);
    }
}

/// The rare side of [`light_or_nothing`]. `false` if nothing was ordered.
#[must_use]
pub(crate) fn heavy_only() -> bool {
    #[cfg(all(target_os = "linux", not(loom)))]
    return expedited::is_registered() && expedited::everywhere();
    #[cfg(loom)]
    return heavy();
    #[cfg(not(any(target_os = "linux", loom)))]
    return false;
}

/// The rare side. A few microseconds. `false` if the system refuses it by now: then nothing was ordered, and the caller goes
/// away with nothing done. (That may be so for good: nobody is rescued then.)
#[must_use]
pub(crate) fn heavy() -> bool {
    #[cfg(all(target_os = "linux", not(loom)))]
    if expedited::is_registered() {
        return expedited::everywhere();
    }
    fence(SeqCst);
    true
}
