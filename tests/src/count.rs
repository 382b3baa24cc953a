//! Things that are counted: wakes, drops, steps, and panics that are part of the plan.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::task::{Wake, Waker};

/// A waker that counts how often it is woken.
#[derive(Debug, Default)]
pub struct CountingWaker {
    wakes: AtomicUsize,
}

impl CountingWaker {
    /// The counter, and a waker that counts there.
    pub fn new() -> (Arc<CountingWaker>, Waker) {
        let counter = Arc::new(CountingWaker::default());
        (counter.clone(), counter.into())
    }

    /// How often it was woken.
    pub fn count(&self) -> usize {
        self.wakes.load(SeqCst)
    }
}

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wakes.fetch_add(1, SeqCst);
    }
}

/// Counts how often its guards are dropped.
#[derive(Debug, Default, Clone)]
pub struct DropCounter(Arc<AtomicUsize>);

/// Counted when dropped, once.
#[derive(Debug)]
pub struct DropGuard(Arc<AtomicUsize>);

impl DropCounter {
    /// At zero.
    pub fn new() -> DropCounter {
        DropCounter::default()
    }

    /// Something to put into whatever shall be dropped.
    pub fn guard(&self) -> DropGuard {
        DropGuard(self.0.clone())
    }

    /// How many guards were dropped.
    pub fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// What happened, in order, from all threads.
#[derive(Debug)]
pub struct Trace<T>(Arc<Mutex<Vec<T>>>);

impl<T> Clone for Trace<T> {
    fn clone(&self) -> Trace<T> {
        Trace(self.0.clone())
    }
}

impl<T> Default for Trace<T> {
    fn default() -> Trace<T> {
        Trace(Arc::default())
    }
}

impl<T> Trace<T> {
    /// Empty.
    pub fn new() -> Trace<T> {
        Trace::default()
    }

    /// Writes a step down.
    pub fn push(&self, step: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }

    /// How many steps there are so far.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether nothing has happened so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every step so far; the trace begins anew.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The payload of a panic that a test asked for. Such panics leave no message on the terminal.
#[derive(Debug, PartialEq, Eq)]
pub struct Planned(pub &'static str);

/// Panics with [`Planned`].
pub fn planned_panic(why: &'static str) -> ! {
    silence_planned_panics();
    std::panic::panic_any(Planned(why))
}

/// Runs `f`, and says why it panicked if that was [planned](planned_panic).
///
/// # Errors
/// Why it panicked.
///
/// # Panics
/// With any other panic of `f`.
pub fn catch<R>(f: impl FnOnce() -> R) -> Result<R, &'static str> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| match payload.downcast::<Planned>() {
        Ok(planned) => planned.0,
        Err(other) => std::panic::resume_unwind(other),
    })
}

/// The text of a panic's payload, whatever its type.
pub fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&'static str>().map(ToString::to_string);
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.or_else(|| payload.downcast_ref::<Planned>().map(|planned| planned.0.to_owned()))
        .unwrap_or_default()
}

fn silence_planned_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<Planned>() {
                report(info);
            }
        }));
    });
}
