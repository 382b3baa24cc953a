//! Waiting for one of many, or for all.

use futures_lite::StreamExt;
use raddle::runtime::Runtime;
use raddle::task::{Builder, JoinSet, Pool, Priority, When, join_all};
use raddle::time::{Duration, sleep, timeout};
use std::future::pending;
use std::io;
use std::sync::Mutex;

/// `await asyncio.gather(*map(square, range(4)))`, and the same without tasks.
pub fn gather() -> io::Result<String> {
    Runtime::new()?.block_on(async {
        let squares = join_all((0..4).map(|n| async move { n * n })).await;
        let squares = squares.into_iter().collect::<Result<Vec<i32>, _>>()?;
        let (one, two) = raddle::join!(async { 1 }, async { "two" });
        Ok(format!("{squares:?}, {one} and {two}"))
    })
}

/// `done, pending = await asyncio.wait(tasks, timeout=0.02, return_when=FIRST_COMPLETED)`.
pub fn wait() -> io::Result<String> {
    Runtime::new()?.block_on(async {
        let mut set = JoinSet::new();
        set.spawn(async { "quick" });
        set.spawn(pending());
        let done = set.wait(When::FirstCompleted, Some(Duration::from_secs(5))).await;
        let done = done.into_iter().collect::<Result<Vec<&str>, _>>()?;
        let pending = set.len();
        set.shutdown().await;
        Ok(format!("done {done:?}, pending {pending}"))
    })
}

/// `for task in asyncio.as_completed(tasks)`.
pub fn as_completed() -> io::Result<String> {
    Runtime::new()?.block_on(async {
        let mut set: JoinSet<u64> = [30, 10, 20]
            .map(|ms| async move {
                sleep(Duration::from_millis(ms)).await;
                ms
            })
            .into_iter()
            .collect();
        let mut total = 0;
        // `JoinSet` is a `Stream` with the feature `stream`; `join_next` does the same without.
        while let Some(ms) = set.next().await {
            total += ms?;
        }
        Ok(format!("all of {total} ms, the shortest first"))
    })
}

/// `await asyncio.wait_for(answer(), timeout=0.001)`.
pub fn wait_for() -> io::Result<String> {
    Runtime::new()?.block_on(async {
        let answer = timeout(Duration::from_millis(1), pending::<()>()).await;
        Ok(if answer.is_err() { "gave up" } else { "an answer" }.to_owned())
    })
}

/// At most two at once, as with `asyncio.Semaphore(2)` around each; the results in order.
pub fn pool() -> io::Result<String> {
    Runtime::new()?.block_on(async {
        let mut pool = Pool::new(2).ordered();
        for word in ["at", "most", "two", "at once"] {
            pool.spawn(async move { word.len() }).await;
        }
        let mut lengths = Vec::new();
        while let Some(length) = pool.next().await {
            lengths.push(length?);
        }
        Ok(format!("{lengths:?}"))
    })
}

/// A health check behind fifty requests, and work that can wait.
pub fn priority() -> io::Result<String> {
    static ORDER: Mutex<Vec<Priority>> = Mutex::new(Vec::new());
    let note = |priority| async move { ORDER.lock().expect("nobody panics").push(priority) };
    let runtime = raddle::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let priorities = [Priority::Low].into_iter();
        let priorities = priorities.chain([Priority::Normal; 50]).chain([Priority::High]);
        let tasks: Vec<_> = priorities
            .map(|priority| Builder::new().priority(priority).spawn(note(priority)))
            .collect();
        for task in tasks {
            task.await?;
        }
        let order = ORDER.lock().expect("nobody panics");
        let check = order.iter().position(|&priority| priority == Priority::High);
        Ok(format!(
            "the check waited for a request or two: {}, and {:?} came last",
            check.is_some_and(|before| before <= 2),
            order.last()
        ))
    })
}
