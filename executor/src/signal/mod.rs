//! Signals of the operating system, as events that a task waits for.
//!
//! # Examples
//! ```no_run
//! # raddle::block_on(async {
//! println!("press Ctrl-C");
//! raddle::signal::ctrl_c().await?;
//! println!("goodbye");
//! # std::io::Result::Ok(()) }).unwrap();
//! ```

pub mod unix;

use std::future::poll_fn;
use std::io;

/// Waits for Ctrl-C, that is, for the interrupt signal (`SIGINT`).
///
/// From the first poll on, and for the rest of the process, Ctrl-C no longer ends the program: that is now up to those
/// who wait. A signal before the first poll is not heard. To hear every one, and not to miss any in between, keep a
/// [`unix::signal`].
///
/// # Cancel safety
/// Dropping the future loses a signal that came while it was there.
///
/// # Errors
/// What the system says when the signal is asked for; that the runtime has shut down.
///
/// # Panics
/// Outside a runtime.
pub async fn ctrl_c() -> io::Result<()> {
    let mut interrupts = unix::signal(unix::SignalKind::interrupt())?;
    poll_fn(|cx| interrupts.poll_next(cx)).await
}
