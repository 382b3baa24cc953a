//! Spawning many futures, and waiting for all of them.

use super::JoinSet;
use crate::task::{Builder, JoinError, JoinHandle};
use std::fmt;
use std::future::Future;
use std::panic::Location;

/// Why [`try_join_all`] has failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum TryJoinError<E> {
    /// A future has returned an error.
    Error(E),
    /// A task has panicked, or was aborted with its runtime.
    Task(JoinError),
}

impl<E: fmt::Display> fmt::Display for TryJoinError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryJoinError::Error(error) => error.fmt(f),
            TryJoinError::Task(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for TryJoinError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TryJoinError::Error(error) => Some(error),
            TryJoinError::Task(error) => Some(error),
        }
    }
}

/// Handles whose tasks end with them.
struct Aborting<T>(Vec<JoinHandle<T>>);

impl<T> Drop for Aborting<T> {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

/// Spawns every future as a task, and waits for all of them. The results are in the order of the futures.
///
/// A failure of one does not concern the others. ([`join!`](crate::join) does not spawn; [`JoinSet`] gives the results in the
/// order in which they come.)
///
/// # Cancel safety
/// Dropping the future aborts the tasks.
///
/// # Panics
/// When polled outside a runtime.
///
/// ```
/// # raddle::block_on(async {
/// let squares = raddle::task::join_all((0..4).map(|n| async move { n * n })).await;
/// let squares: Vec<i32> = squares.into_iter().map(Result::unwrap).collect();
/// assert_eq!(squares, [0, 1, 4, 9]);
/// # })
/// ```
#[track_caller]
pub fn join_all<I>(
    futures: I,
) -> impl Future<Output = Vec<Result<<I::Item as Future>::Output, JoinError>>>
where
    I: IntoIterator,
    I::Item: Future + Send + 'static,
    <I::Item as Future>::Output: Send + 'static,
{
    let builder = Builder::new().location(Location::caller());
    async move {
        // One by one: should the iterator panic, those that are running are aborted.
        let mut tasks = Aborting(Vec::new());
        for future in futures {
            tasks.0.push(builder.clone().spawn(future));
        }
        let mut outputs = Vec::with_capacity(tasks.0.len());
        for task in &mut tasks.0 {
            outputs.push(task.await);
        }
        outputs
    }
}

/// Spawns every future as a task, and waits until all have succeeded, or the first has failed.
///
/// # Errors
/// The first error. The other tasks are aborted, and waited for.
///
/// # Cancel safety
/// Dropping the future aborts the tasks.
///
/// # Panics
/// When polled outside a runtime.
///
/// ```
/// # raddle::block_on(async {
/// use raddle::task::{TryJoinError, try_join_all};
///
/// let fine = try_join_all((0..3).map(|n| async move { Ok::<_, String>(n) })).await;
/// assert_eq!(fine.unwrap(), [0, 1, 2]);
/// let failed = try_join_all((0..3).map(|n| async move { if n == 1 { Err("one") } else { Ok(n) } })).await;
/// assert!(matches!(failed, Err(TryJoinError::Error("one"))));
/// # })
/// ```
#[track_caller]
pub fn try_join_all<I, T, E>(futures: I) -> impl Future<Output = Result<Vec<T>, TryJoinError<E>>>
where
    I: IntoIterator,
    I::Item: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let location = Location::caller();
    async move {
        let mut set = JoinSet::new();
        let mut outputs = Vec::new();
        for (position, future) in futures.into_iter().enumerate() {
            let task = async move { (position, future.await) };
            set.build_task().location(location).spawn(task);
            outputs.push(None);
        }
        while let Some(joined) = set.join_next().await {
            let error = match joined {
                Ok((position, Ok(output))) => {
                    outputs[position] = Some(output);
                    continue;
                }
                Ok((_, Err(error))) => TryJoinError::Error(error),
                Err(error) => TryJoinError::Task(error),
            };
            set.shutdown().await;
            return Err(error);
        }
        Ok(outputs.into_iter().map(|output| output.expect("every task has ended well")).collect())
    }
}
