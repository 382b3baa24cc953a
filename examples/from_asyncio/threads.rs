//! Tasks and threads.

use raddle::runtime::Runtime;
use raddle::task;
use std::io;
use std::thread;

/// `asyncio.run_coroutine_threadsafe(answer(), loop).result()`: from a thread that knows of no runtime.
pub fn run_coroutine_threadsafe() -> io::Result<String> {
    let runtime = Runtime::new()?;
    let handle = runtime.handle().clone();
    let interface = thread::spawn(move || handle.spawn(async { 6 * 7 }).blocking_wait());
    let answer = interface.join().map_err(|_| io::Error::other("the thread panicked"))??;
    Ok(format!("the thread heard {answer}"))
}

/// `await asyncio.to_thread(sum, range(1000))`.
pub fn to_thread() -> io::Result<String> {
    Runtime::new()?.block_on(async {
        let disk = task::blocking::Class::new(4);
        let sum = disk.spawn_blocking_when_free(|| (0..1_000_u64).sum::<u64>()).await;
        Ok(format!("a thread summed up {}", sum.await?))
    })
}
