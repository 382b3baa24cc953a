//! How programs and tasks begin and end.

use raddle::runtime::{Builder, Runtime, TaskState};
use raddle::task;
use raddle::time::{Duration, call_later, sleep};
use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};

/// `asyncio.run(main())`, and what it cancels in the end.
pub fn run() -> io::Result<String> {
    let runtime = Runtime::new()?;
    let output = runtime.block_on(async {
        task::Builder::new().name("forgotten").spawn(std::future::pending::<()>());
        "the output of main"
    });
    let report = runtime.shutdown(Duration::from_secs(5));
    let forgotten = report.tasks.iter().filter_map(|task| task.name.as_deref());
    Ok(format!("{output}; cancelled: {}", forgotten.collect::<Vec<_>>().join(", ")))
}

/// `await asyncio.shield(save())`, in a task that is asked to stop.
pub fn shield() -> io::Result<String> {
    Runtime::new()?.block_on(async {
        let saves = raddle::spawn(async {
            let saved = task::shield(async {
                task::yield_now().await;
                !task::is_cancelled()
            });
            (saved.await.unwrap_or(false), task::is_cancelled())
        });
        saves.cancel();
        let (saved, asked) = saves.await?;
        Ok(format!("asked to stop: {asked}; saved as if not: {saved}"))
    })
}

/// `asyncio.wait(..., return_when=FIRST_COMPLETED)` without tasks.
pub fn first_completed() -> io::Result<String> {
    Runtime::new()?.block_on(async {
        let first = raddle::select! {
            () = std::future::ready(()) => "what was ready",
            () = sleep(Duration::from_secs(60)) => "a minute",
        };
        Ok(format!("{first} came first"))
    })
}

/// `loop.call_later(delay, callback)`, and the cancel of another.
pub fn run_later() -> io::Result<String> {
    let runtime = Runtime::new()?;
    let _entered = runtime.enter();
    let (sent, received) = mpsc::channel();
    let other = sent.clone();
    call_later(Duration::from_secs(60), move || _ = other.send("too late")).cancel();
    // Not cancelled: dropping the handle lets it be.
    drop(call_later(Duration::from_millis(1), move || _ = sent.send("called")));
    let called = received.recv().map_err(io::Error::other)?;
    Ok(called.to_owned())
}

/// `loop.set_exception_handler(handler)`.
pub fn exception_handler() -> io::Result<String> {
    let panics = Arc::new(AtomicUsize::new(0));
    let counted = panics.clone();
    let runtime = Builder::new_multi_thread()
        .on_unhandled_panic(move |_task| _ = counted.fetch_add(1, SeqCst))
        .build()?;
    let fails = runtime.spawn(async {
        // As a panic, but without a report on the standard error output.
        std::panic::resume_unwind(Box::new("nobody awaits this"))
    });
    let error: task::JoinError = fails.blocking_wait().map(|(): ()| ()).unwrap_err();
    Ok(format!("{} heard of, and {}", panics.load(SeqCst), error.is_panic()))
}

/// `[task.get_name() for task in asyncio.all_tasks()]`, and `task.cancel()` for each.
pub fn all_tasks() -> io::Result<String> {
    // Or without a change of the program: RADDLE_DEBUG=tasks in the environment.
    let runtime = Builder::new_multi_thread().track_tasks(true).build()?;
    let tasks = ["reader", "writer"]
        .map(|name| task::Builder::new().name(name).spawn_on(pending::<()>(), runtime.handle()));
    let live = runtime.tasks().map_err(io::Error::other)?;
    for task in &live {
        task.abort_handle().abort();
    }
    for task in tasks {
        // It was cancelled.
        let _ = task.blocking_wait();
    }
    let names: Vec<_> = live.iter().filter_map(|task| task.name.as_deref()).collect();
    let left = runtime.tasks().map_err(io::Error::other)?.len();
    Ok(format!("{} were alive, now {left} are", names.join(" and ")))
}

/// `task.print_stack()`, for all tasks at once: which of them is stuck, where it comes from, and who is waiting.
pub fn print_stack() -> io::Result<String> {
    let runtime = Builder::new_multi_thread().worker_threads(2).track_tasks(true).build()?;
    let (begun, begins) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let family = runtime.spawn(async move {
        let computes = task::Builder::new().name("computes").spawn(async move {
            let _ = begun.send(());
            // A task that does not come back.
            let _ = released.recv();
        });
        computes.await
    });
    begins.recv().map_err(io::Error::other)?;
    let dump = runtime.dump();
    println!("{dump}");
    drop(release);
    family.blocking_wait()??;
    let stuck = dump
        .tasks
        .map_err(io::Error::other)?
        .into_iter()
        .find(|task| matches!(task.state, TaskState::Polling { .. }) && task.name.is_some());
    let stuck = stuck.and_then(|task| task.name).unwrap_or_default();
    Ok(format!("the one that {stuck} has not come back"))
}
