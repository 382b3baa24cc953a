//! Waiting in line until somebody opens the door: what event, barrier and condition variable share.
//!
//! A [`Doorway`] says who passes at once and what leaving the line means; [`Pass`] is the future that
//! stands in it. Who is let through by a sweep is through from the moment the sweep began (L6), even
//! if it is dropped before the sweep has come to it.

use crate::{
    budget,
    wait_list::{Locked, Standing, WaitQueue, Waiter},
};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

/// Something to wait for in a line, until let through.
pub(crate) trait Doorway {
    /// What the lock of the line guards besides the line.
    type Guarded;
    /// What passing yields.
    type Output;

    fn queue(&self) -> &WaitQueue<Self::Guarded>;

    /// Whether the door is open, as far as can be seen without the lock.
    fn peek(&self) -> Option<Self::Output>;

    /// Passes, or hands the lock back: then the caller lines up before it lets the lock go.
    fn enter<'q>(
        &'q self,
        locked: Locked<'q, Self::Guarded>,
    ) -> Result<Self::Output, Locked<'q, Self::Guarded>>;

    /// A waiter was let through, and has noticed.
    fn served(&self, standing: Standing) -> Self::Output;

    /// A waiter has left the line early.
    fn left(&self, locked: &mut Locked<'_, Self::Guarded>);

    /// A waiter was let through, and will never notice (L4).
    fn unseen(&self, standing: Standing);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Has not asked yet.
    Start,
    /// Is in line, or has been let through and does not know it.
    Queued,
    Done,
}

pin_project! {
    /// Resolves when the caller has passed.
    #[must_use = "futures do nothing unless polled or awaited"]
    pub(crate) struct Pass<'a, D>
    where
        D: Doorway,
    {
        door: &'a D,
        stage: Stage,
        #[pin]
        waiter: Waiter<'a, D::Guarded>,
    }

    impl<D> PinnedDrop for Pass<'_, D>
    where
        D: Doorway,
    {
        fn drop(this: Pin<&mut Self>) {
            if this.stage == Stage::Queued {
                this.give_up();
            }
        }
    }
}

impl<'a, D: Doorway> Pass<'a, D> {
    #[inline]
    pub(crate) fn new(door: &'a D) -> Self {
        Self { door, stage: Stage::Start, waiter: Waiter::new(door.queue()) }
    }

    /// Passes or gets in line; the first thing to be done with it, if not by its first poll.
    pub(crate) fn line_up(self: Pin<&mut Self>, waker: Option<Waker>) -> Poll<D::Output> {
        let this = self.project();
        debug_assert_eq!(*this.stage, Stage::Start, "in line already");
        match this.door.enter(this.door.queue().lock()) {
            Ok(output) => {
                *this.stage = Stage::Done;
                Poll::Ready(output)
            }
            Err(mut locked) => {
                locked.push_back(this.waiter.as_ref(), 1, waker);
                *this.stage = Stage::Queued;
                Poll::Pending
            }
        }
    }

    fn start(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<D::Output> {
        if let Some(output) = self.door.peek() {
            *self.as_mut().project().stage = Stage::Done;
            return Poll::Ready(output);
        }
        // Cloned before the lock: cloning is foreign code.
        self.line_up(Some(cx.waker().clone()))
    }

    /// Whether it has been let through; if not, leaves the task's waker in line.
    fn ask_again(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<D::Output> {
        let this = self.project();
        let standing = this.door.queue().ask(this.waiter.as_ref(), Some(cx.waker()));
        if standing == Standing::Waiting {
            return Poll::Pending;
        }
        *this.stage = Stage::Done;
        Poll::Ready(this.door.served(standing))
    }

    #[cold]
    fn give_up(self: Pin<&mut Self>) {
        let this = self.project();
        let waiter = this.waiter.as_ref();
        let mut standing = waiter.standing();
        if standing == Standing::Waiting {
            let mut locked = this.door.queue().lock();
            let swept = locked.is_being_swept(waiter);
            let removed = locked.remove(waiter);
            if removed.is_some() && !swept {
                this.door.left(&mut locked);
            }
            drop(locked);
            if removed.is_some() {
                return; // Drops the waker.
            }
            standing = waiter.standing();
        }
        this.door.unseen(standing);
    }
}

impl<D: Doorway> Future for Pass<'_, D> {
    type Output = D::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<D::Output> {
        let unit = ready!(budget::poll_proceed(cx));
        let outcome = match self.stage {
            Stage::Start => self.start(cx),
            Stage::Queued => self.ask_again(cx),
            Stage::Done => panic!("a future was polled after it had completed"),
        };
        if outcome.is_ready() {
            unit.made_progress();
        }
        outcome
    }
}
