//! The future that waits for a reader-writer lock.

use super::raw::{RawRwLock, Want};
use crate::{
    acquire::Undo,
    budget,
    wait_list::{Standing, Waiter},
};
use pin_project_lite::pin_project;
use std::{
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Is not in line yet.
    Start,
    /// Is in line, or has been served and does not know it.
    Queued,
    Done,
}

pin_project! {
    /// Resolves when the caller is in. Gets in line when first polled, unless there is room by then.
    #[must_use = "futures do nothing unless polled or awaited"]
    pub(super) struct Wait<'a> {
        lock: &'a RawRwLock,
        want: Want,
        stage: Stage,
        #[pin]
        waiter: Waiter<'a, ()>,
    }

    impl PinnedDrop for Wait<'_> {
        fn drop(this: Pin<&mut Self>) {
            if this.stage == Stage::Queued {
                this.give_up();
            }
        }
    }
}

impl<'a> Wait<'a> {
    #[inline]
    pub(super) fn new(lock: &'a RawRwLock, want: Want) -> Self {
        Self { lock, want, stage: Stage::Start, waiter: Waiter::new(&lock.queue) }
    }

    /// Gets in line, unless there is room by now.
    fn line_up(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let this = self.project();
        // Cloned before the lock: cloning is foreign code.
        let waker = cx.waker().clone();
        let mut locked = this.lock.queue.lock();
        if this.lock.enter_or_queue(&mut locked, *this.want) {
            drop(locked);
            // Its destructor may panic, and nobody would ever leave.
            let undo = Undo(|| this.lock.leave(*this.want));
            drop(waker);
            mem::forget(undo);
            return true;
        }
        let waiter = this.waiter.as_ref();
        if *this.want == Want::Upgrade {
            locked.push_front(waiter, *this.want as usize, Some(waker)); // X5.
        } else {
            locked.push_back(waiter, *this.want as usize, Some(waker));
        }
        *this.stage = Stage::Queued;
        false
    }

    /// L4: leaves the line, or, if it was let in unseen, the lock.
    #[cold]
    fn give_up(self: Pin<&mut Self>) {
        let this = self.project();
        let waiter = this.waiter.as_ref();
        if waiter.standing() == Standing::Waiting {
            let mut locked = this.lock.queue.lock();
            let removed = locked.remove(waiter);
            if removed.is_some() {
                this.lock.left(&mut locked);
            }
            let others = !locked.is_empty();
            drop(locked);
            if removed.is_some() {
                // X4: those behind may not have to wait for what this one waited for. Before the
                // waker is dropped, whose destructor may panic.
                if others {
                    this.lock.serve();
                }
                drop(removed);
                return;
            }
        }
        this.lock.leave(*this.want);
    }
}

impl Future for Wait<'_> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let unit = ready!(budget::poll_proceed(cx));
        let served = match self.stage {
            Stage::Start => self.as_mut().line_up(cx),
            Stage::Queued => {
                let waiter = self.as_ref().project_ref().waiter;
                self.lock.queue.ask(waiter, Some(cx.waker())) != Standing::Waiting
            }
            Stage::Done => panic!("a future was polled after it had completed"),
        };
        if !served {
            return Poll::Pending;
        }
        *self.project().stage = Stage::Done;
        unit.made_progress();
        Poll::Ready(())
    }
}
