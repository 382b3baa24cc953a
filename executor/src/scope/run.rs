//! Running a task group: its body, its deadline, its grace period, its end.

use super::child::catch;
use super::group::{Phase, Shared, State, TaskGroup};
use super::group_error::{Failure, GroupError, Who};
use crate::loom::sync::Mutex;
use crate::runtime::Handle;
use crate::scheduler::context;
use crate::task::env::{self, Within};
use crate::time::{Instant, Sleep, sleep, sleep_until};
use raddle_sync::{AtomicWaker, CancellationToken};
use std::any::Any;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// How a group ends its children: with a deadline, and with a grace period. Made by [`TaskGroup::options`].
#[derive(Debug, Clone, Default)]
#[must_use = "options do nothing until they run a group"]
pub struct GroupOptions {
    grace: Duration,
    deadline: Option<Instant>,
}

/// Aborts what is left when a group's future is dropped before its end.
struct Closing<'a, E>(&'a Shared<E>);

impl<E> Drop for Closing<'_, E> {
    fn drop(&mut self) {
        self.0.cancel();
        self.0.abort_all(Phase::Closed);
    }
}

/// What has become of the body.
enum Body<T> {
    Runs,
    Returned(T),
    Failed,
    Panicked(Box<dyn Any + Send>),
    /// Dropped, when the grace period was over.
    Aborted,
}

impl GroupOptions {
    /// How long children may go on after the group was cancelled, before they are aborted: not at all by default.
    pub fn grace(mut self, duration: Duration) -> GroupOptions {
        self.grace = duration;
        self
    }

    /// Cancels the group at `deadline`.
    pub fn deadline(mut self, deadline: Instant) -> GroupOptions {
        self.deadline = Some(deadline);
        self
    }

    /// Cancels the group after `duration` from now.
    pub fn timeout(mut self, duration: Duration) -> GroupOptions {
        self.deadline = Instant::now().checked_add(duration);
        self
    }

    /// As [`TaskGroup::run`], with these options.
    ///
    /// # Errors
    /// As [`TaskGroup::run`]; a group that was cancelled from outside, or by its deadline, and whose body did not end by
    /// itself, gives an error without failures.
    ///
    /// # Panics
    /// As [`TaskGroup::run`].
    #[track_caller]
    pub fn run<T, E, F, B>(self, body: F) -> impl Future<Output = Result<T, GroupError<E>>>
    where
        F: FnOnce(TaskGroup<E>) -> B,
        B: Future<Output = Result<T, E>>,
        E: Send + 'static,
    {
        let location = Location::caller();
        self.run_at(body, location)
    }

    /// As [`run`](GroupOptions::run); the body says that it comes from `location`.
    async fn run_at<T, E, F, B>(
        self,
        body: F,
        location: &'static Location<'static>,
    ) -> Result<T, GroupError<E>>
    where
        F: FnOnce(TaskGroup<E>) -> B,
        B: Future<Output = Result<T, E>>,
        E: Send + 'static,
    {
        let runtime = Handle { shared: context::expect_arc("TaskGroup::run") };
        let token = match env::cancelled() {
            Some(outer) => outer.child_token(),
            None => CancellationToken::new(),
        };
        let state = State {
            phase: Phase::Open,
            next_key: 0,
            live: BTreeMap::new(),
            failures: Vec::new(),
            aborted: Vec::new(),
        };
        let waker = AtomicWaker::new();
        let shared = Arc::new(Shared { runtime, token, state: Mutex::new(state), waker });
        let closing = Closing(&*shared);
        let outcome = self.drive(&shared, body, location).await;
        drop(closing);
        let (failures, aborted) = {
            let mut state = shared.state.lock();
            (std::mem::take(&mut state.failures), std::mem::take(&mut state.aborted))
        };
        match outcome {
            Body::Panicked(panic) => {
                drop(failures);
                resume_unwind(panic)
            }
            Body::Returned(value) if failures.is_empty() => Ok(value),
            _ => Err(GroupError::new(failures, aborted)),
        }
    }

    /// Until T20 says that the group is over.
    async fn drive<T, E, F, B>(
        &self,
        shared: &Arc<Shared<E>>,
        body: F,
        location: &'static Location<'static>,
    ) -> Body<T>
    where
        F: FnOnce(TaskGroup<E>) -> B,
        B: Future<Output = Result<T, E>>,
        E: Send + 'static,
    {
        let group = TaskGroup { shared: shared.clone() };
        let inside = Within::scope(Some(shared.token.clone()), catch(body(group)));
        let mut inside = pin!(Some(inside));
        let mut cancelled = pin!(shared.token.cancelled());
        let mut is_cancelled = false;
        let mut is_aborting = false;
        let mut timer: Option<Sleep> = self.deadline.map(sleep_until);
        let mut outcome = Body::Runs;
        poll_fn(|cx| {
            shared.waker.register(cx.waker());
            if let Some(running) = inside.as_mut().as_pin_mut()
                && let Poll::Ready(end) = running.poll(cx)
            {
                inside.set(None);
                outcome = match end {
                    Ok(Ok(value)) => Body::Returned(value),
                    Ok(Err(error)) => {
                        let who = Who { id: None, name: None, spawned_at: location };
                        shared.failed(Failure::error(who, error));
                        Body::Failed
                    }
                    Err(panic) => {
                        shared.cancel();
                        Body::Panicked(panic)
                    }
                };
            }
            if !is_cancelled {
                if is_late(&mut timer, cx) {
                    shared.cancel();
                }
                is_cancelled = cancelled.as_mut().poll(cx).is_ready();
                if is_cancelled {
                    timer = (!self.grace.is_zero()).then(|| sleep(self.grace));
                }
            }
            if is_cancelled && !is_aborting && (self.grace.is_zero() || is_late(&mut timer, cx)) {
                is_aborting = true;
                if inside.is_some() {
                    // A destructor's panic is the body's: the children are waited for first.
                    outcome = match catch_unwind(AssertUnwindSafe(|| inside.set(None))) {
                        Ok(()) => Body::Aborted,
                        Err(panic) => Body::Panicked(panic),
                    };
                }
                shared.abort_all(Phase::Aborting);
            }
            if inside.is_none() && shared.close_if_idle() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        outcome
    }
}

fn is_late(timer: &mut Option<Sleep>, cx: &mut Context<'_>) -> bool {
    timer.as_mut().is_some_and(|timer| Pin::new(timer).poll(cx).is_ready())
}
