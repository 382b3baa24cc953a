//! The futures of a [`Notify`]: a place in its line, borrowed or owned.
//!
//! # Safety
//! An owned future's place does not borrow the queue. It keeps the `Notify` alive beside it, in an
//! `Arc` that is dropped after the place, and whose contents do not move.
#![allow(unsafe_code)]

use super::{End, Notify};
use crate::{
    budget,
    loom::{Ordering, left_out},
    wait_list::{Standing, Waiter},
};
use pin_project_lite::pin_project;
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    pin::Pin,
    ptr::NonNull,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not in line; a sweep may have come by.
    Start,
    /// In line, or served and not aware of it.
    Queued,
    Done,
}

pin_project! {
    /// What both futures are, beside their way to the `Notify`, which each hands in.
    struct Place<'q> {
        sweep: usize,
        stage: Stage,
        #[pin]
        waiter: Waiter<'q, ()>,
    }
}

impl<'q> Place<'q> {
    #[inline]
    fn new(notify: &Notify, waiter: Waiter<'q, ()>) -> Self {
        Self { sweep: notify.sweeps(), stage: Stage::Start, waiter }
    }

    fn poll(self: Pin<&mut Self>, notify: &Notify, cx: &mut Context<'_>) -> Poll<()> {
        let unit = ready!(budget::poll_proceed(cx));
        let outcome = self.poll_notified(notify, Some(cx.waker()));
        if outcome.is_ready() {
            unit.made_progress();
        }
        outcome
    }

    #[inline]
    fn poll_notified(mut self: Pin<&mut Self>, notify: &Notify, waker: Option<&Waker>) -> Poll<()> {
        let done = match self.stage {
            Stage::Start => notify.take(self.sweep) || self.as_mut().line_up(notify, waker),
            Stage::Queued => {
                notify.queue.ask(self.as_ref().project_ref().waiter, waker) != Standing::Waiting
            }
            Stage::Done => true,
        };
        let this = self.project();
        if done {
            *this.stage = Stage::Done;
            Poll::Ready(())
        } else {
            *this.stage = Stage::Queued;
            Poll::Pending
        }
    }

    /// Gets in line, unless a notification has come in the meantime.
    fn line_up(self: Pin<&mut Self>, notify: &Notify, waker: Option<&Waker>) -> bool {
        loop {
            // Cloned before the lock: cloning is foreign code.
            let waker = waker.cloned();
            let mut locked = notify.queue.lock();
            // Relaxed: N1: it stays so for as long as we have the lock.
            if notify.word.load(Ordering::Relaxed) == self.sweep || left_out("N1") {
                locked.push_back(self.project().waiter.as_ref(), 1, waker);
                return false;
            }
            drop(locked);
            // Before the notification is taken: the destructor may panic.
            drop(waker);
            if notify.take(self.sweep) {
                return true;
            }
        }
    }

    #[cold]
    fn give_up(self: Pin<&mut Self>, notify: &Notify) {
        let this = self.project();
        let waiter = this.waiter.as_ref();
        if waiter.standing() == Standing::Waiting {
            let mut locked = notify.queue.lock();
            let removed = locked.remove(waiter);
            drop(locked);
            drop(removed);
        }
        match waiter.standing() {
            Standing::Granted => notify.notify(End::Front),
            Standing::GrantedLast => notify.notify(End::Back),
            _ => {}
        }
    }
}

pin_project! {
    /// The future of [`Notify::notified`].
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let changed = raddle_sync::Notify::new();
    /// let notified = changed.notified();
    /// changed.notify_one();
    /// notified.await;
    /// # });
    /// ```
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct Notified<'a> {
        notify: &'a Notify,
        #[pin]
        place: Place<'a>,
    }

    impl PinnedDrop for Notified<'_> {
        fn drop(this: Pin<&mut Self>) {
            if this.place.stage == Stage::Queued {
                let this = this.project();
                this.place.give_up(this.notify);
            }
        }
    }
}

pin_project! {
    /// The future of [`Notify::notified_owned`]: a [`Notified`] that keeps its `Notify` alive.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let changed = std::sync::Arc::new(raddle_sync::Notify::new());
    /// let notified = changed.clone().notified_owned();
    /// let waiting = std::thread::spawn(move || futures_lite::future::block_on(notified));
    /// changed.notify_one();
    /// waiting.join().unwrap();
    /// # });
    /// ```
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct OwnedNotified {
        // Before `notify`, which its waiter relies on.
        #[pin]
        place: Place<'static>,
        notify: Arc<Notify>,
    }

    impl PinnedDrop for OwnedNotified {
        fn drop(this: Pin<&mut Self>) {
            if this.place.stage == Stage::Queued {
                let this = this.project();
                this.place.give_up(this.notify);
            }
        }
    }
}

impl UnwindSafe for Notified<'_> {}
impl RefUnwindSafe for Notified<'_> {}
impl UnwindSafe for OwnedNotified {}
impl RefUnwindSafe for OwnedNotified {}

impl<'a> Notified<'a> {
    #[inline]
    pub(super) fn new(notify: &'a Notify) -> Self {
        Self { notify, place: Place::new(notify, Waiter::new(&notify.queue)) }
    }

    /// Gets in line without waiting; `true` if the notification is there already.
    ///
    /// With [`notify_one`](Notify::notify_one) and several consumers: enable the future, look, and
    /// await it if there was nothing. After `true` the future completes at its next poll.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use std::pin::pin;
    ///
    /// let changed = raddle_sync::Notify::new();
    /// let mut notified = pin!(changed.notified());
    /// assert!(!notified.as_mut().enable());
    /// changed.notify_one();
    /// assert!(notified.as_mut().enable());
    /// notified.await;
    /// # });
    /// ```
    pub fn enable(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        this.place.poll_notified(this.notify, None).is_ready()
    }
}

impl OwnedNotified {
    pub(super) fn new(notify: Arc<Notify>) -> Self {
        // SAFETY: the queue is in the `Arc`, which is dropped after the waiter, here and in `Self`.
        let waiter = unsafe { Waiter::of_owner(NonNull::from(&notify.queue)) };
        Self { place: Place::new(&notify, waiter), notify }
    }

    /// Gets in line without waiting, as [`Notified::enable`].
    ///
    /// # Examples
    /// ```
    /// use std::{pin::pin, sync::Arc};
    ///
    /// let changed = Arc::new(raddle_sync::Notify::new());
    /// let mut notified = pin!(Arc::clone(&changed).notified_owned());
    /// assert!(!notified.as_mut().enable());
    /// changed.notify_one();
    /// assert!(notified.as_mut().enable());
    /// ```
    pub fn enable(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        this.place.poll_notified(this.notify, None).is_ready()
    }
}

impl Future for Notified<'_> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.place.poll(this.notify, cx)
    }
}

impl Future for OwnedNotified {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.place.poll(this.notify, cx)
    }
}

impl fmt::Debug for Notified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notified").field("notify", self.notify).finish_non_exhaustive()
    }
}

impl fmt::Debug for OwnedNotified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedNotified").field("notify", &self.notify).finish_non_exhaustive()
    }
}
