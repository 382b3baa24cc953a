//! Waiting for a number of things that are handed out in order: permits of a semaphore, slots of a
//! channel.
//!
//! A [`Gate`] counts them; [`Acquire`] is the future that stands in its line. A request for several
//! is filled piece by piece from the front of the line, so that it cannot be starved by small ones
//! behind it, and gives back what it has got so far if it is dropped (L4).

use crate::{
    budget,
    error::AcquireError,
    wait_list::{Locked, Standing, WaitQueue, Waiter},
};
use pin_project_lite::pin_project;
use std::{
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Has not asked yet.
    Start,
    /// Knows that it has to line up.
    Full,
    /// Is in line, or has been served and does not know it.
    Queued,
    Done,
}

pin_project! {
    /// Resolves when `wanted` units of the gate are the caller's.
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
        Self::at(Stage::Start, gate, wanted)
    }

    /// As `new`, when the caller has just seen that there is nothing to take.
    pub(crate) fn new_full(gate: &'a G, wanted: usize) -> Self {
        Self::at(Stage::Full, gate, wanted)
    }

    #[inline]
    fn at(stage: Stage, gate: &'a G, wanted: usize) -> Self {
        Self { gate, wanted, stage, waiter: Waiter::new(gate.queue()) }
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
                Poll::Ready(taken.map(drop))
            }
        }
    }

    fn ask_again(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), AcquireError>> {
        let this = self.project();
        let waiter = this.waiter.as_ref();
        let mut standing = waiter.standing();
        if standing == Standing::Waiting {
            let mut locked = this.gate.queue().lock();
            standing = locked.standing(waiter);
            if standing == Standing::Waiting {
                let replaced = locked.set_waker(waiter, cx.waker());
                drop(locked);
                drop(replaced);
                return Poll::Pending;
            }
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
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let unit = ready!(budget::poll_proceed(cx));
        let outcome = match self.stage {
            Stage::Start => match self.gate.acquire_now(self.wanted) {
                Some(result) => {
                    *self.as_mut().project().stage = Stage::Done;
                    Poll::Ready(result)
                }
                None => self.line_up(cx),
            },
            Stage::Full => self.line_up(cx),
            Stage::Queued => self.ask_again(cx),
            Stage::Done => panic!("a future was polled after it had completed"),
        };
        if outcome.is_ready() {
            unit.made_progress();
        }
        outcome
    }
}
