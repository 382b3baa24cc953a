//! Waiting for some of a set's tasks: asyncio's `wait`, which gives those that are done and those that are pending.
//!
//! What is pending is the set itself: a task leaves it when its output is given out, and not before. So nothing is lost when the
//! time is up, or when the wait is dropped: what had ended by then is in `joined`, and given out by whatever asks next.

use super::join_set::{JoinSet, with_id};
use crate::task::{Id, JoinError};
use crate::time::{Instant, sleep_until};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

/// When [`JoinSet::wait`] has waited enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A task has ended.
    FirstCompleted,
    /// A task has panicked, or was aborted or refused a thread; or all have ended. That is what is an exception here, where
    /// asyncio counts whatever a task raises: an output that is an `Err` is an output, of a type that the set knows nothing of. For those
    /// see [`wait_where`](JoinSet::wait_where), and [`TaskGroup`](crate::task::TaskGroup).
    FirstException,
    /// All tasks have ended.
    AllCompleted,
}

impl<T> JoinSet<T> {
    /// Waits until `when`, or for `limit` if that is shorter; gives the outputs of all tasks that have ended, in that
    /// order, and the tasks that have not: those are the set, where they stay.
    ///
    /// An empty set is waited for no time at all, and neither are tasks that had ended before.
    ///
    /// # Cancel safety
    /// Nothing is lost: what has ended is returned by the next call, of this or of `join_next`.
    ///
    /// # Panics
    /// With a limit, outside a runtime.
    ///
    /// ```
    /// # raddle::block_on(async {
    /// use raddle::task::{JoinSet, When};
    /// use raddle::time::Duration;
    ///
    /// let mut set = JoinSet::new();
    /// set.spawn(async { 1 });
    /// set.spawn(std::future::pending());
    /// let (done, pending) = set.wait(When::AllCompleted, Some(Duration::from_millis(20))).await;
    /// assert_eq!((done.len(), pending.len()), (1, 1));
    /// pending.abort_all();
    /// # })
    /// ```
    pub async fn wait(
        &mut self,
        when: When,
        limit: Option<Duration>,
    ) -> (Vec<Result<T, JoinError>>, &mut JoinSet<T>) {
        self.wait_where(|output| when.is_enough(output), limit).await
    }

    /// As [`wait`](JoinSet::wait), with the tasks' ids. (The id of one that has failed is in the error.)
    ///
    /// # Cancel safety
    /// Nothing is lost, as with `wait`.
    ///
    /// # Panics
    /// With a limit, outside a runtime.
    pub async fn wait_with_id(
        &mut self,
        when: When,
        limit: Option<Duration>,
    ) -> (Vec<Result<(Id, T), JoinError>>, &mut JoinSet<T>) {
        self.gather(|output| when.is_enough(output), limit).await;
        (self.joined.drain(..).map(with_id).collect(), self)
    }

    /// As [`wait`](JoinSet::wait), until a task has ended of which `is_enough` is true, or all have.
    ///
    /// # Cancel safety
    /// Nothing is lost, as with `wait`, also if `is_enough` panics.
    ///
    /// # Panics
    /// With a limit, outside a runtime.
    ///
    /// ```
    /// # raddle::block_on(async {
    /// let mut set = raddle::task::JoinSet::new();
    /// set.spawn(async { Ok(1) });
    /// set.spawn(async { Err("no more tea") });
    /// set.spawn(std::future::pending());
    /// // An output that is an `Err` counts as a failure.
    /// let (done, pending) = set.wait_where(|output| !matches!(output, Ok(Ok(_))), None).await;
    /// assert!(done.iter().any(|output| matches!(output, Ok(Err("no more tea")))));
    /// assert!(!pending.is_empty());
    /// # })
    /// ```
    pub async fn wait_where(
        &mut self,
        is_enough: impl FnMut(&Result<T, JoinError>) -> bool,
        limit: Option<Duration>,
    ) -> (Vec<Result<T, JoinError>>, &mut JoinSet<T>) {
        self.gather(is_enough, limit).await;
        (self.joined.drain(..).map(|(_, output)| output).collect(), self)
    }

    /// Joins tasks into `joined`.
    async fn gather(
        &mut self,
        mut is_enough: impl FnMut(&Result<T, JoinError>) -> bool,
        limit: Option<Duration>,
    ) {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut deadline = deadline.map(sleep_until);
        // How many of those that are joined have been looked at.
        let mut seen = 0;
        poll_fn(|cx| {
            loop {
                while let Some((_, output)) = self.joined.get(seen) {
                    seen += 1;
                    if is_enough(output) {
                        return Poll::Ready(());
                    }
                }
                match self.poll_join_member(cx) {
                    Poll::Ready(Some(joined)) => self.joined.push_back(joined),
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => break,
                }
            }
            match &mut deadline {
                Some(deadline) => Pin::new(deadline).poll(cx),
                None => Poll::Pending,
            }
        })
        .await;
        // Who has ended meanwhile is done, too.
        while let Some(joined) = self.try_join_member() {
            self.joined.push_back(joined);
        }
    }
}

impl When {
    fn is_enough<T>(self, output: &Result<T, JoinError>) -> bool {
        match self {
            When::FirstCompleted => true,
            When::FirstException => output.is_err(),
            When::AllCompleted => false,
        }
    }
}
