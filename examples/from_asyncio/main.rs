//! The rows of the guide "From asyncio" about tasks, each as a program of its own.
//!
//! `cargo run --example from_asyncio` runs all of them, `cargo run --example from_asyncio gather` one.

mod lives;
mod places;
mod structured;
mod tasks;
mod threads;
mod waiting;

use raddle_examples::finish;
use std::io;
use std::process::ExitCode;

type Row = (&'static str, fn() -> io::Result<String>);

const ROWS: [Row; 25] = [
    ("coroutine", tasks::coroutine),
    ("create_task", tasks::create_task),
    ("add_done_callback", tasks::add_done_callback),
    ("current_task", tasks::current_task),
    ("contextvars", tasks::contextvars),
    ("gather", waiting::gather),
    ("wait", waiting::wait),
    ("as_completed", waiting::as_completed),
    ("wait_for", waiting::wait_for),
    ("pool", waiting::pool),
    ("priority", waiting::priority),
    ("task_group", structured::task_group),
    ("cancel_scope", structured::cancel_scope),
    ("run_coroutine_threadsafe", threads::run_coroutine_threadsafe),
    ("to_thread", threads::to_thread),
    ("run", lives::run),
    ("shield", lives::shield),
    ("first_completed", lives::first_completed),
    ("call_later", lives::run_later),
    ("exception_handler", lives::exception_handler),
    ("eager_task_factory", places::eager_task_factory),
    ("not_send", places::not_send),
    ("pinned", places::pinned),
    ("block_in_place", places::block_in_place),
    ("scope_blocking", places::scope_blocking),
];

fn main() -> ExitCode {
    finish("from_asyncio", run(std::env::args().nth(1).as_deref()))
}

fn run(wanted: Option<&str>) -> io::Result<()> {
    let rows = ROWS.iter().filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name));
    let mut count = 0;
    for (name, row) in rows {
        println!("{name}: {}", row()?);
        count += 1;
    }
    if count == 0 {
        let names: Vec<_> = ROWS.iter().map(|(name, _)| *name).collect();
        let message = format!("there is no such row; there are {}", names.join(", "));
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(())
}
