//! A set of tasks, joined in the order in which they end.
//!
//! - **T30** Each task of a set wakes a *bell* when it is complete: it puts the task's place into the queue of those that
//!   rang, and wakes who waits for the set. Queue and waker are under one lock, and who waits stores its waker in the
//!   step that finds the queue empty.
//! - **T31** A place in the queue says "look there", and nothing else: the task there may be another by now, or not
//!   complete, or there is no such place any more. Then its bell is hung up again, if there is one.
//! - **T32** Whoever leaves the set is joined, detached, or aborted first. Dropping the set aborts all.

use crate::loom::left_out;
use crate::loom::sync::Mutex;
use crate::task::{AbortHandle, Id, JoinError, JoinHandle};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};

/// A set of tasks with the same type of output, which are joined in the order in which they end.
///
/// Dropping the set aborts the tasks in it.
///
/// ```
/// # raddle::block_on(async {
/// let mut set = raddle::task::JoinSet::new();
/// for number in 0..3 {
///     set.spawn(async move { number * 10 });
/// }
/// let mut sum = 0;
/// while let Some(output) = set.join_next().await {
///     sum += output.unwrap();
/// }
/// assert_eq!(sum, 30);
/// # })
/// ```
pub struct JoinSet<T> {
    places: Vec<Option<Member<T>>>,
    free: Vec<usize>,
    bells: Arc<Bells>,
    /// Joined by [`wait`](JoinSet::wait), and not handed out yet.
    pub(super) joined: VecDeque<(Id, Result<T, JoinError>)>,
}

struct Member<T> {
    handle: JoinHandle<T>,
    bell: Waker,
}

/// T30.
struct Bells(Mutex<Rung>);

#[derive(Default)]
struct Rung {
    places: VecDeque<usize>,
    waker: Option<Waker>,
}

struct Bell {
    bells: Arc<Bells>,
    place: usize,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let waker = {
            let mut rung = self.bells.0.lock();
            rung.places.push_back(self.place);
            rung.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Bells {
    /// The next place to look at.
    fn next(&self) -> Option<usize> {
        self.0.lock().places.pop_front()
    }

    /// As [`next`](Bells::next), or else stores the waker (T30).
    fn poll_next(&self, waker: &Waker) -> Poll<usize> {
        let replaced = {
            let mut rung = self.0.lock();
            if let Some(place) = rung.places.pop_front() {
                return Poll::Ready(place);
            }
            match &rung.waker {
                Some(current) if current.will_wake(waker) => None,
                _ => rung.waker.replace(waker.clone()),
            }
        };
        // A waker's destructor is foreign code.
        drop(replaced);
        Poll::Pending
    }
}

impl<T> JoinSet<T> {
    /// Without tasks.
    pub fn new() -> JoinSet<T> {
        JoinSet {
            places: Vec::new(),
            free: Vec::new(),
            bells: Arc::new(Bells(Mutex::new(Rung::default()))),
            joined: VecDeque::new(),
        }
    }

    /// How many tasks are in the set, ended or not.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len() + self.joined.len()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a task that was spawned otherwise.
    pub fn insert(&mut self, mut handle: JoinHandle<T>) -> AbortHandle {
        let abort = handle.abort_handle();
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        let bell = Waker::from(Arc::new(Bell { bells: self.bells.clone(), place }));
        if handle.poll_done(&mut Context::from_waker(&bell)).is_ready() {
            bell.wake_by_ref();
        }
        self.places[place] = Some(Member { handle, bell });
        abort
    }

    /// The output of the task at `place`, if there is one and it is complete.
    fn join(&mut self, place: usize) -> Option<(Id, Result<T, JoinError>)> {
        // T31: there may be fewer places by now.
        let member = self.places.get_mut(place)?.as_mut()?;
        if member.handle.poll_done(&mut Context::from_waker(&member.bell)).is_pending() {
            return None;
        }
        let mut member = self.places[place].take().expect("seen above");
        self.free.push(place);
        Some((member.handle.id(), member.handle.take_output()))
    }

    fn poll_join(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Id, Result<T, JoinError>)>> {
        if let Some(joined) = self.joined.pop_front() {
            return Poll::Ready(Some(joined));
        }
        self.poll_join_member(cx)
    }

    pub(super) fn poll_join_member(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(Id, Result<T, JoinError>)>> {
        if self.places.len() == self.free.len() {
            return Poll::Ready(None);
        }
        let budget = ready!(raddle_sync::budget::poll_proceed(cx));
        loop {
            let place = ready!(self.bells.poll_next(cx.waker()));
            if let Some(joined) = self.join(place) {
                budget.made_progress();
                return Poll::Ready(Some(joined));
            }
        }
    }

    /// Waits until a task ends, takes it out of the set, and returns its output. `None` if the set is empty.
    ///
    /// # Errors
    /// If the task panicked or was aborted.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// As [`join_next`](JoinSet::join_next), with the task's id. (The id of one that has failed is in the error.)
    ///
    /// # Errors
    /// If the task panicked or was aborted.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        poll_fn(|cx| self.poll_join_next_with_id(cx)).await
    }

    /// As [`join_next`](JoinSet::join_next), to be polled. `Ready(None)` if the set is empty.
    ///
    /// # Errors
    /// If the task panicked or was aborted.
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_join(cx).map(|joined| joined.map(|(_, output)| output))
    }

    /// As [`join_next_with_id`](JoinSet::join_next_with_id), to be polled.
    ///
    /// # Errors
    /// If the task panicked or was aborted.
    pub fn poll_join_next_with_id(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<(Id, T), JoinError>>> {
        self.poll_join(cx).map(|joined| joined.map(with_id))
    }

    fn try_join(&mut self) -> Option<(Id, Result<T, JoinError>)> {
        self.joined.pop_front().or_else(|| self.try_join_member())
    }

    pub(super) fn try_join_member(&mut self) -> Option<(Id, Result<T, JoinError>)> {
        loop {
            let place = self.bells.next()?;
            if let Some(joined) = self.join(place) {
                return Some(joined);
            }
        }
    }

    /// The output of a task that has ended, which leaves the set. `None` if none has.
    ///
    /// # Errors
    /// If the task panicked or was aborted.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.try_join().map(|(_, output)| output)
    }

    /// As [`try_join_next`](JoinSet::try_join_next), with the task's id.
    ///
    /// # Errors
    /// If the task panicked or was aborted.
    pub fn try_join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        self.try_join().map(with_id)
    }

    /// Waits for all tasks, and returns their outputs in the order in which they ended.
    ///
    /// # Panics
    /// With the panic of the first task that panicked, or if one was aborted. The rest is aborted then.
    ///
    /// # Cancel safety
    /// The set is dropped with this future, and aborts its tasks.
    pub async fn join_all(mut self) -> Vec<T> {
        let mut outputs = Vec::with_capacity(self.len());
        while let Some(output) = self.join_next().await {
            match output {
                Ok(output) => outputs.push(output),
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => resume_unwind(panic),
                    Err(error) => panic!("JoinSet::join_all: {error}"),
                },
            }
        }
        outputs
    }

    /// Aborts every task. They stay in the set, to be joined.
    pub fn abort_all(&mut self) {
        for member in self.places.iter().flatten() {
            member.handle.abort();
        }
    }

    /// Asks every task to stop by itself. See [`JoinHandle::cancel`].
    pub fn cancel_all(&mut self) {
        for member in self.places.iter().flatten() {
            member.handle.cancel();
        }
    }

    /// Aborts every task, and waits until all have ended; their outputs are dropped.
    ///
    /// # Cancel safety
    /// The tasks are aborted; those not waited for stay in the set.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Takes all tasks out of the set, and lets them go on.
    pub fn detach_all(&mut self) {
        let members = std::mem::take(&mut self.places);
        self.free.clear();
        self.joined.clear();
        drop(members);
    }
}

pub(super) fn with_id<T>((id, output): (Id, Result<T, JoinError>)) -> Result<(Id, T), JoinError> {
    output.map(|output| (id, output))
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        if !left_out("T32") {
            self.abort_all();
        }
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> JoinSet<T> {
        JoinSet::new()
    }
}

impl<T> futures_core::Stream for JoinSet<T> {
    type Item = Result<T, JoinError>;

    /// As [`JoinSet::poll_join_next`]: the stream ends when the set is empty, and goes on when it no longer is.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_join_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl<T> Unpin for JoinSet<T> {}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish()
    }
}
