//! The signals of Unix systems.
//!
//! Each [`Signal`] has a pipe: the signal's handler, which may do next to nothing, writes a byte, and the runtime's
//! driver hears of it. Handlers for one signal are kept in a list by `signal-hook`, so that other libraries can have
//! theirs. A full pipe loses bytes but no news: the byte that makes the listener look is there.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use signal_hook::SigId;
use signal_hook::consts::signal as number;
use signal_hook::low_level;

use crate::io::failure::failed;
use crate::net::unix::pipe;

/// Which signal.
///
/// # Examples
/// ```
/// use raddle::signal::unix::SignalKind;
///
/// assert_ne!(SignalKind::hangup(), SignalKind::terminate());
/// assert_eq!(SignalKind::from_raw(15).as_raw_value(), 15);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignalKind(i32);

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident: $number:ident;)*) => {
        impl SignalKind {$(
            $(#[doc = $doc])*
            pub const fn $name() -> Self {
                Self(number::$number)
            }
        )*}
    };
}

kinds! {
    /// `SIGALRM`: a timer of the system has run down.
    alarm: SIGALRM;
    /// `SIGCHLD`: a child process has stopped or ended.
    child: SIGCHLD;
    /// `SIGHUP`: the terminal is gone; by custom, "read your configuration again".
    hangup: SIGHUP;
    /// `SIGINT`: Ctrl-C.
    interrupt: SIGINT;
    /// `SIGIO`: input or output is possible.
    io: SIGIO;
    /// `SIGPIPE`: something was written where nobody can read. Rust programs ignore it from their start.
    pipe: SIGPIPE;
    /// `SIGQUIT`: Ctrl-\, "end and leave a core dump".
    quit: SIGQUIT;
    /// `SIGTERM`: "end", as service managers say it.
    terminate: SIGTERM;
    /// `SIGUSR1`: whatever the program says it means.
    user_defined1: SIGUSR1;
    /// `SIGUSR2`: whatever the program says it means.
    user_defined2: SIGUSR2;
    /// `SIGWINCH`: the terminal has another size.
    window_change: SIGWINCH;
}

impl SignalKind {
    /// The signal of this number on this system.
    pub const fn from_raw(number: i32) -> Self {
        Self(number)
    }

    /// Its number on this system.
    pub const fn as_raw_value(&self) -> i32 {
        self.0
    }
}

impl fmt::Display for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match low_level::signal_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "number {}", self.0),
        }
    }
}

/// Hears of every signal of `kind` from now on.
///
/// From the first call for a kind on, and for the rest of the process, the signal no longer does what it does by
/// default, such as ending the program.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for signals that cannot be heard (`SIGKILL`, `SIGSTOP`) or that are the sign of a
/// broken program (`SIGSEGV`, `SIGFPE`, `SIGILL`); others as the system says, usually that descriptors have run out
/// (it takes two).
///
/// # Panics
/// Outside a runtime.
///
/// # Examples
/// ```
/// use raddle::signal::unix::{SignalKind, signal};
///
/// # raddle::block_on(async {
/// let mut changes = signal(SignalKind::hangup())?;
/// # let pid = std::process::id().to_string();
/// # std::process::Command::new("sh").args(["-c", &format!("kill -HUP {pid}")]).status()?;
/// changes.recv().await;
/// println!("reading the configuration again");
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
#[track_caller]
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    let naming = |error| failed("listening for the signal", kind, error);
    if signal_hook::consts::FORBIDDEN.contains(&kind.0) {
        let why = io::Error::new(io::ErrorKind::InvalidInput, "this signal cannot be heard");
        return Err(naming(why));
    }
    let (reader, writer) = io::pipe().map_err(naming)?;
    let news = pipe::Receiver::from_owned_fd(reader.into()).map_err(naming)?;
    let id = low_level::pipe::register(kind.0, OwnedFd::from(writer)).map_err(naming)?;
    Ok(Signal { news, id, kind })
}

/// Hears of the signals of one kind; see [`signal`].
///
/// Any number of them may listen to one kind, and all hear of each signal. Signals that come before the last was
/// received are told of together, as the system does it, too.
pub struct Signal {
    news: pipe::Receiver,
    id: SigId,
    kind: SignalKind,
}

impl Signal {
    /// Waits for the next signal, or returns at once if there was one since the last call. `None`: the runtime has shut
    /// down.
    ///
    /// # Cancel safety
    /// Nothing is lost: a signal that came is heard by the next call.
    pub async fn recv(&mut self) -> Option<()> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// [`recv`](Self::recv) for a hand-written future. Only the waker of the last call is kept.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.poll_next(cx).map(Result::ok)
    }

    /// Whether this process was forked from the one that listens.
    #[cfg(feature = "process")]
    pub(crate) fn was_forked(&self) -> bool {
        self.news.was_forked()
    }

    /// [`recv`](Self::recv), with the error that the driver's shut-down is.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // As many as come in a burst; the rest of a full pipe in a few more reads.
        let mut bytes = [0; 1024];
        ready!(self.news.poll_recv(cx, &mut bytes))
            .map_err(|error| failed("listening for the signal", self.kind, error))?;
        while let Ok(1024) = self.news.try_read(&mut bytes) {}
        Poll::Ready(Ok(()))
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        low_level::unregister(self.id);
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal").field("kind", &self.kind).finish_non_exhaustive()
    }
}
