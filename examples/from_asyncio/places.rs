//! Where tasks run, and when they begin.

use raddle::runtime::{Builder, Runtime};
use raddle::task;
use std::io;
use std::rc::Rc;
use std::thread;

/// `loop.set_task_factory(asyncio.eager_task_factory)`: what need not wait is done when it is spawned.
pub fn eager_task_factory() -> io::Result<String> {
    Builder::new_multi_thread().spawn_eager(true).build()?.block_on(async {
        let cached = raddle::spawn(async { "cached" });
        let fetched = raddle::spawn(async {
            task::yield_now().await;
            "fetched"
        });
        let done = (cached.is_finished(), fetched.is_finished());
        Ok(format!("{} and {} were done at once: {done:?}", cached.await?, fetched.await?))
    })
}

/// What asyncio's tasks are all: on one thread, and free to share without locks.
pub fn not_send() -> io::Result<String> {
    let runtime = Runtime::new()?;
    task::LocalSet::new().block_on(&runtime, async {
        let shared = Rc::new(std::cell::Cell::new(0));
        let tasks = [1, 2, 3].map(|number| {
            let shared = shared.clone();
            task::spawn_local(async move { shared.set(shared.get() + number) })
        });
        for task in tasks {
            task.await?;
        }
        Ok(format!("three local tasks counted to {}", shared.get()))
    })
}

/// The same in a runtime of many threads: a loop per thread, and each task on the one it was given to.
pub fn pinned() -> io::Result<String> {
    let runtime = Builder::new_multi_thread().worker_threads(2).build()?;
    runtime.block_on(async {
        let mut threads = Vec::new();
        for worker in [0, 1, 0] {
            let task = task::spawn_pinned(worker, || async {
                let not_send = Rc::new(thread::current().id());
                task::yield_now().await;
                *not_send
            });
            threads.push(task.await?);
        }
        let is_kept = threads[0] == threads[2] && threads[0] != threads[1];
        Ok(format!("worker 0 is one thread, and worker 1 another: {is_kept}"))
    })
}

/// A call that blocks, in the middle of a coroutine: asyncio's loop would stand still, as `loop.slow_callback_duration` tells.
pub fn block_in_place() -> io::Result<String> {
    let runtime = Builder::new_multi_thread().worker_threads(1).build()?;
    let task = runtime.spawn(async {
        let other = raddle::spawn(async { "another task" });
        let borrowed = String::from("went on meanwhile");
        // The only worker is blocked by waiting for a task of its own queue.
        task::block_in_place(|| other.blocking_wait().map(|who| format!("{who} {borrowed}")))
    });
    Ok(task.blocking_wait()??)
}

/// Parallel tasks that borrow, as in `concurrent.futures` with a shared list.
pub fn scope_blocking() -> io::Result<String> {
    let runtime = Runtime::new()?;
    let _entered = runtime.enter();
    let pages = vec!["a", "bb", "ccc"];
    let mut lengths = [0; 3];
    task::scope_blocking(|scope| {
        for (page, length) in pages.iter().zip(&mut lengths) {
            scope.spawn(async move { *length = page.len() });
        }
    });
    Ok(format!("{pages:?} have the lengths {lengths:?}"))
}
