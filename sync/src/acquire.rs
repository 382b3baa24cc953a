//! Waiting for a number of things that are handed out in order: permits of a semaphore, slots of a
//! channel.
//!
//! A [`Gate`] counts them. [`acquire`] takes what it wants at once if it can, and makes the future
//! that stands in the line, [`Acquire`], only if it has to. A request for several is filled piece by
//! piece from the front of the line, so that it cannot be starved by small ones behind it, and gives
//! back what it has got so far if it is dropped (L4).

use crate::{
    budget,
    error::AcquireError,
    wait_list::{Locked, Standing, WaitQueue, Waiter},
};
use pin_project_lite::pin_project;
use std::{
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Something that hands out units one by one, to a line of waiters.
pub(crate) trait Gate {
    /// What the lock of the line guards besides the line.
    type Guarded;

    fn queue(&self) -> &WaitQueue<Self::Guarded>;

    /// Takes `wanted` units if they are there and nobody waits; `None` if the caller has to wait.
    fn acquire_now(&self, wanted: usize) -> Option<Result<(), AcquireError>>;

    /// Looks again for a moment, before lining up, where that tends to pay; whether it has taken them.
    fn look_again(&self, _wanted: usize) -> bool {
        false
    }

    /// Takes what there is, and returns how much of `wanted` is missing. If that is not zero, the
    /// caller lines up before it lets the lock go.
    fn take(
        &self,
        locked: &mut Locked<'_, Self::Guarded>,
        wanted: usize,
    ) -> Result<usize, AcquireError>;

    /// Called when a waiter has left the line early: it may be empty now.
    fn left(&self, locked: &mut Locked<'_, Self::Guarded>);

    /// Takes `count` units back, and serves the line with them.
    fn give_back(&self, count: usize);
}

/// Waits for `wanted` units.
#[inline]
pub(crate) async fn acquire<G: Gate>(gate: &G, wanted: usize) -> Result<(), AcquireError> {
    match budget::at_once(|| gate.acquire_now(wanted)) {
        Some(outcome) => outcome,
        None => Acquire::new(gate, wanted).await,
    }
}

/// What is to be done if foreign code panics, unless it is forgotten.
pub(crate) struct Undo<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for Undo<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Is not in line yet.
    Start,
    /// Is in line, or has been served and does not know it.
    Queued,
    Done,
}

pin_project! {
    /// Resolves when `wanted` units of the gate are the caller's. Gets in line when first polled, unless
    /// they are there by then.
    #[must_use = "futures do nothing unless polled or awaited"]
    pub(crate) struct Acquire<'a, G>
    where
        G: Gate,
    {
        gate: &'a G,
        wanted: usize,
        stage: Stage,
        #[pin]
        waiter: Waiter<'a, G::Guarded>,
    }

    impl<G> PinnedDrop for Acquire<'_, G>
    where
        G: Gate,
    {
        fn drop(this: Pin<&mut Self>) {
            if this.stage == Stage::Queued {
                this.give_up();
            }
        }
    }
}

impl<'a, G: Gate> Acquire<'a, G> {
    #[inline]
    pub(crate) fn new(gate: &'a G, wanted: usize) -> Self {
        Self { gate, wanted, stage: Stage::Start, waiter: Waiter::new(gate.queue()) }
    }

    /// L4: leaves the line; what was assigned so far goes to those behind.
    #[cold]
    fn give_up(self: Pin<&mut Self>) {
        let this = self.project();
        let waiter = this.waiter.as_ref();
        let mut locked = this.gate.queue().lock();
        let removed = locked.remove(waiter);
        let missing = match &removed {
            Some(removed) => {
                this.gate.left(&mut locked);
                removed.missing
            }
            None => locked.missing(waiter),
        };
        drop(locked);
        // Before the waker is dropped, whose destructor may panic.
        this.gate.give_back(*this.wanted - missing);
        drop(removed);
    }

    fn line_up(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), AcquireError>> {
        let this = self.project();
        if this.gate.look_again(*this.wanted) {
            *this.stage = Stage::Done;
            return Poll::Ready(Ok(()));
        }
        // Cloned before the lock and before anything is taken: cloning is foreign code.
        let waker = cx.waker().clone();
        let mut locked = this.gate.queue().lock();
        let taken = this.gate.take(&mut locked, *this.wanted);
        match taken {
            Ok(missing) if missing > 0 => {
                locked.push_back(this.waiter.as_ref(), missing, Some(waker));
                *this.stage = Stage::Queued;
                Poll::Pending
            }
            taken => {
                drop(locked);
                *this.stage = Stage::Done;
                // Its destructor may panic, and nobody would ever have what was taken.
                let undo = taken.is_ok().then(|| Undo(|| this.gate.give_back(*this.wanted)));
                drop(waker);
                undo.into_iter().for_each(mem::forget);
                Poll::Ready(taken.map(drop))
            }
        }
    }

    fn ask_again(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), AcquireError>> {
        let this = self.project();
        let waiter = this.waiter.as_ref();
        let standing = this.gate.queue().ask(waiter, Some(cx.waker()));
        if standing == Standing::Waiting {
            return Poll::Pending;
        }
        *this.stage = Stage::Done;
        if standing == Standing::Granted {
            return Poll::Ready(Ok(()));
        }
        let missing = this.gate.queue().lock().missing(waiter);
        this.gate.give_back(*this.wanted - missing);
        Poll::Ready(Err(AcquireError::new()))
    }
}

impl<G: Gate> Future for Acquire<'_, G> {
    type Output = Result<(), AcquireError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let unit = ready!(budget::poll_proceed(cx));
        let outcome = match self.stage {
            Stage::Start => self.line_up(cx),
            Stage::Queued => self.ask_again(cx),
            Stage::Done => panic!("a future was polled after it had completed"),
        };
        if outcome.is_ready() {
            unit.made_progress();
        }
        outcome
    }
}
