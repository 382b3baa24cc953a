//! Tasks and what they carry.

use raddle::coroutine::{Coroutine, Resumed};
use raddle::runtime::Runtime;
use raddle::sync::oneshot;
use raddle::task::{self, Outcome};
use std::io;

/// A generator with `yield` and `send`.
pub fn coroutine() -> io::Result<String> {
    let mut average = Coroutine::new(|giver, first: f64| async move {
        let (mut sum, mut count) = (first, 1.0);
        while count < 3.0 {
            sum += giver.give(sum / count).await;
            count += 1.0;
        }
        sum / count
    });
    let mut averages = Vec::new();
    for number in [1.0, 3.0, 8.0] {
        match average.resume(number).map_err(io::Error::other)? {
            Resumed::Yielded(average) | Resumed::Complete(average) => averages.push(average),
        }
    }
    Ok(format!("{averages:?}, then {:?}", average.state()))
}

/// `asyncio.create_task(greet(), name="greeter")`, `task.get_name()`, `task.cancel()`, `task.cancelled()`.
pub fn create_task() -> io::Result<String> {
    Runtime::new()?.block_on(async {
        let greeter = task::Builder::new().name("greeter").spawn(async { "hello" });
        let name = greeter.name().map(str::to_owned);
        let greeting = greeter.await?;
        let sleeper = raddle::spawn(std::future::pending::<()>());
        sleeper.abort();
        let cancelled = sleeper.await.is_err_and(|error| error.is_cancelled());
        Ok(format!("{greeting} from {name:?}, the sleeper was cancelled: {cancelled}"))
    })
}

/// `task.add_done_callback(report)`.
pub fn add_done_callback() -> io::Result<String> {
    Runtime::new()?.block_on(async {
        let (tell, told) = oneshot::channel::<Outcome>();
        let task = raddle::spawn(async { 7 });
        task.on_done(move |outcome| _ = tell.send(outcome));
        let outcome = told.await.map_err(io::Error::other)?;
        Ok(format!("{outcome:?} with {}", task.await?))
    })
}

/// `asyncio.current_task().get_name()`.
pub fn current_task() -> io::Result<String> {
    Runtime::new()?.block_on(async {
        let task = task::Builder::new().name("worker 1").spawn(async {
            let this = task::current();
            format!(
                "{} is {}",
                this.name().unwrap_or("?"),
                if this.is_finished() { "done" } else { "running" }
            )
        });
        Ok(task.await?)
    })
}

raddle::task_local! {
    inherit static REQUEST: u64;
    static DEPTH: u32;
}

/// `request = contextvars.ContextVar("request")`; but children have only what is declared `inherit`.
pub fn contextvars() -> io::Result<String> {
    Runtime::new()?.block_on(async {
        let handled = REQUEST.scope(
            42,
            DEPTH.scope(1, async {
                let child = raddle::spawn(async { (REQUEST.get(), DEPTH.try_get().is_ok()) });
                child.await
            }),
        );
        let (request, has_depth) = handled.await?;
        Ok(format!("the child serves request {request}, and has a depth: {has_depth}"))
    })
}
