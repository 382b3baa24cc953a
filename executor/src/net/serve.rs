//! A server's loop: accept, spawn, and end in an orderly way.
//!
//! Each connection holds a permit of a semaphore, from before it is accepted until its task has ended. So the limit is
//! kept without counting twice, connections beyond it wait in the system's queue, and all connections have ended when
//! all permits are back.

use std::fmt;
use std::future::{Future, IntoFuture, Pending, pending, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use raddle_io_driver::ShutDown;
use raddle_sync::{CancellationToken, OwnedSemaphorePermit, Semaphore};
use rustix::io::Errno;

use super::unix::SocketAddr as UnixAddr;
use super::{TcpListener, TcpStream, UnixListener, UnixStream};
use crate::io::raw_os_error;
use crate::time::{sleep, timeout};

/// After an accept that failed, which as a rule means that descriptors have run out: long enough for connections to
/// end meanwhile, short enough not to be noticed.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// After many of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// As many permits as a semaphore can have, or be asked for at once.
const UNLIMITED: u32 = if Semaphore::MAX_PERMITS < u32::MAX as usize {
    Semaphore::MAX_PERMITS as u32
} else {
    u32::MAX
};

/// Calls `handler` for every connection that `listener` accepts, in a task of its own, until it is told to stop.
///
/// Awaiting it serves. Without further ado it serves for ever, any number of connections at once; the methods of
/// [`Serve`] set limits and an end.
///
/// # Cancel safety
/// Dropping the future stops accepting; connections that are open go on by themselves.
///
/// # Errors
/// That the listener is no use any more: its runtime has shut down, or its descriptor was closed. When descriptors or
/// memory run out, it waits a little (5 ms, and twice as long after each further failure, up to a second) and tries
/// again, because that passes; for a connection that its peer has given up, it does not wait.
/// [`on_error`](Serve::on_error) hears of both.
///
/// # Panics
/// Outside a runtime. A handler's panic ends its connection only.
///
/// # Examples
/// ```
/// use raddle::net::{TcpListener, TcpStream, serve};
/// use raddle::sync::CancellationToken;
/// use std::time::Duration;
///
/// # raddle::block_on(async {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let address = listener.local_addr()?;
/// let stop = CancellationToken::new();
/// let server = serve(listener, async |mut stream: TcpStream, _peer| {
///     let _ = stream.write_all(b"hello").await;
/// });
/// let server = server
///     .limit(1000)
///     .timeout(Duration::from_secs(60))
///     .shutdown(stop.clone().cancelled_owned())
///     .drain(Duration::from_secs(10));
/// let serving = raddle::spawn(server.into_future());
///
/// let mut stream = TcpStream::connect(address).await?;
/// stream.read_exact(&mut [0; 5]).await?;
/// stop.cancel();
/// assert_eq!(serving.await.unwrap()?.completed, 1);
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub fn serve<L, H, F>(listener: L, handler: H) -> Serve<L, H>
where
    L: Listener,
    H: Fn(L::Stream, L::Address) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    Serve {
        listener,
        handler,
        signal: pending(),
        limit: UNLIMITED,
        timeout: None,
        drain: None,
        on_error: Box::new(|_| {}),
    }
}

/// What [`serve`] accepts from: a [`TcpListener`] or a [`UnixListener`]. Sealed.
pub trait Listener: sealed::Accept + Send + Sync + 'static {}

impl Listener for TcpListener {}
impl Listener for UnixListener {}

mod sealed {
    use std::future::Future;
    use std::io;

    pub trait Accept {
        type Stream: Send + 'static;
        type Address: Send + 'static;

        fn accept_one(
            &self,
        ) -> impl Future<Output = io::Result<(Self::Stream, Self::Address)>> + Send;
    }
}

impl sealed::Accept for TcpListener {
    type Stream = TcpStream;
    type Address = std::net::SocketAddr;

    async fn accept_one(&self) -> io::Result<(TcpStream, std::net::SocketAddr)> {
        self.accept().await
    }
}

impl sealed::Accept for UnixListener {
    type Stream = UnixStream;
    type Address = UnixAddr;

    async fn accept_one(&self) -> io::Result<(UnixStream, UnixAddr)> {
        self.accept().await
    }
}

/// A server to be awaited; see [`serve`].
pub struct Serve<L, H, S = Pending<()>> {
    listener: L,
    handler: H,
    signal: S,
    limit: u32,
    timeout: Option<Duration>,
    drain: Option<Duration>,
    on_error: Box<dyn Fn(&io::Error) + Send + Sync>,
}

impl<L, H, S> Serve<L, H, S> {
    /// How many connections may be open at once; further ones wait in the listener's queue.
    ///
    /// # Panics
    /// If it is zero.
    #[must_use]
    pub fn limit(mut self, connections: usize) -> Self {
        assert!(connections > 0, "a server that may have no connections serves nobody");
        self.limit = connections.min(UNLIMITED as usize) as u32; // It fits: it is no more than one that does.
        self
    }

    /// How long a connection may last from its acceptance; then the handler's future is dropped, and with it the stream.
    #[must_use]
    pub fn timeout(mut self, duration: Duration) -> Self {
        self.timeout = Some(duration);
        self
    }

    /// Stops accepting when `signal` completes, and then waits for the open connections. Handlers that should end sooner
    /// then wait for the same signal: a [`CancellationToken`] can be shared.
    #[must_use]
    pub fn shutdown<T: Future<Output = ()>>(self, signal: T) -> Serve<L, H, T> {
        let Self { listener, handler, limit, timeout, drain, on_error, .. } = self;
        Serve { listener, handler, signal, limit, timeout, drain, on_error }
    }

    /// How long the open connections are waited for at the end; then their handlers are dropped. Without it, they are
    /// waited for however long it takes.
    #[must_use]
    pub fn drain(mut self, duration: Duration) -> Self {
        self.drain = Some(duration);
        self
    }

    /// Hears of each accept that failed. It should return soon, for it is called by the loop itself.
    #[must_use]
    pub fn on_error(mut self, hook: impl Fn(&io::Error) + Send + Sync + 'static) -> Self {
        self.on_error = Box::new(hook);
        self
    }
}

impl<L, H, F, S> IntoFuture for Serve<L, H, S>
where
    L: Listener,
    H: Fn(L::Stream, L::Address) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    type Output = io::Result<Served>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<Served>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<L: Listener, H, S: Future<Output = ()> + Send> Serve<L, H, S> {
    async fn run<F>(self) -> io::Result<Served>
    where
        H: Fn(L::Stream, L::Address) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let Self { listener, handler, signal, limit, timeout: connection_timeout, drain, on_error } =
            self;
        let handler = Arc::new(handler);
        let permits = Arc::new(Semaphore::new(limit as usize));
        let (tally, abort) = (Arc::new(Tally::default()), CancellationToken::new());
        let (mut signal, mut pause) = (pin!(signal), FIRST_PAUSE);

        let outcome = loop {
            let acquiring = permits.clone().acquire_owned();
            let Some(permit) = unless(&mut signal, acquiring).await else { break Ok(()) };
            let permit = permit.expect("this semaphore is never closed");
            let Some(accepted) = unless(&mut signal, listener.accept_one()).await else {
                break Ok(());
            };
            match accepted {
                Ok((stream, peer)) => {
                    pause = FIRST_PAUSE;
                    tally.accepted.fetch_add(1, Relaxed);
                    let connection = Connection { tally: tally.clone(), end: End::Cut, permit };
                    let (handler, abort) = (handler.clone(), abort.clone());
                    drop(crate::spawn(async move {
                        let handling = handler(stream, peer);
                        connection.run(handling, connection_timeout, &abort).await;
                    }));
                }
                Err(error) => {
                    tally.accept_errors.fetch_add(1, Relaxed);
                    on_error(&error);
                    if is_final(&error) {
                        break Err(error);
                    }
                    if is_of_one_connection(&error) {
                        continue;
                    }
                    if unless(&mut signal, sleep(pause)).await.is_none() {
                        break Ok(());
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        };

        // From now on the system refuses connections, those in the queue included.
        drop(listener);
        let all_ended = permits.acquire_many(limit);
        match drain {
            None => drop(all_ended.await),
            Some(drain) => {
                if timeout(drain, all_ended).await.is_err() {
                    abort.cancel();
                    drop(permits.acquire_many(limit).await);
                }
            }
        }
        outcome.map(|()| tally.served())
    }
}

/// The output of `future`, or `None` if `signal` completes first.
async fn unless<F: Future>(
    signal: &mut Pin<&mut impl Future<Output = ()>>,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if signal.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// The listener itself is broken, not the moment.
fn is_final(error: &io::Error) -> bool {
    // Closed; or closed, and the number taken by a file, say.
    let gone = [Errno::BADF, Errno::NOTSOCK].map(Errno::raw_os_error);
    ShutDown::is_cause_of(error)
        || error.kind() == io::ErrorKind::InvalidInput
        || raw_os_error(error).is_some_and(|number| gone.contains(&number))
}

/// Some connection was gone before it was accepted. The next may be well, and a peer shall not be able to make others wait.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// How a connection ended.
#[derive(Clone, Copy)]
enum End {
    Completed,
    TimedOut,
    /// Aborted by the drain deadline, or dropped with the runtime; or the handler panicked.
    Cut,
}

/// One connection, from its acceptance to the end of its task. Dropping it counts it, and then returns the permit.
struct Connection {
    tally: Arc<Tally>,
    end: End,
    #[allow(dead_code)] // Its drop is what counts, after that of the fields above.
    permit: OwnedSemaphorePermit,
}

impl Connection {
    async fn run(
        mut self,
        handling: impl Future<Output = ()>,
        limit: Option<Duration>,
        abort: &CancellationToken,
    ) {
        let limited = async {
            match limit {
                None => {
                    handling.await;
                    End::Completed
                }
                Some(limit) => match timeout(limit, handling).await {
                    Ok(()) => End::Completed,
                    Err(_) => End::TimedOut,
                },
            }
        };
        if let Some(end) = abort.run_until_cancelled(limited).await {
            self.end = end;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let tally = &self.tally;
        let counter = match self.end {
            End::Completed => &tally.completed,
            End::TimedOut => &tally.timed_out,
            End::Cut if std::thread::panicking() => &tally.panicked,
            End::Cut => &tally.aborted,
        };
        // Relaxed: returning the permit orders it before the tally is read.
        counter.fetch_add(1, Relaxed);
    }
}

#[derive(Default)]
struct Tally {
    accepted: AtomicU64,
    completed: AtomicU64,
    timed_out: AtomicU64,
    panicked: AtomicU64,
    aborted: AtomicU64,
    accept_errors: AtomicU64,
}

impl Tally {
    fn served(&self) -> Served {
        Served {
            accepted: self.accepted.load(Relaxed),
            completed: self.completed.load(Relaxed),
            timed_out: self.timed_out.load(Relaxed),
            panicked: self.panicked.load(Relaxed),
            aborted: self.aborted.load(Relaxed),
            accept_errors: self.accept_errors.load(Relaxed),
        }
    }
}

/// What a server did, told at its end. All connections that were accepted have ended in one of four ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Connections accepted.
    pub accepted: u64,
    /// Handlers that returned.
    pub completed: u64,
    /// Handlers dropped by [`Serve::timeout`].
    pub timed_out: u64,
    /// Handlers that panicked.
    pub panicked: u64,
    /// Handlers dropped by [`Serve::drain`].
    pub aborted: u64,
    /// Accepts that failed.
    pub accept_errors: u64,
}

impl<L: fmt::Debug, H, S> fmt::Debug for Serve<L, H, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("listener", &self.listener)
            .field("limit", &self.limit)
            .field("timeout", &self.timeout)
            .field("drain", &self.drain)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::failure::failed;

    fn accepting(number: Errno) -> io::Error {
        failed("accepting on", "a listener", number.into())
    }

    #[test]
    fn only_errors_that_pass_are_waited_for() {
        for number in [Errno::BADF, Errno::NOTSOCK, Errno::INVAL] {
            assert!(is_final(&accepting(number)), "{number}");
        }
        for number in [Errno::CONNABORTED, Errno::CONNRESET, Errno::CONNREFUSED] {
            let error = accepting(number);
            assert!(is_of_one_connection(&error) && !is_final(&error), "{number}");
        }
        for number in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            let error = accepting(number);
            assert!(!is_of_one_connection(&error) && !is_final(&error), "{number}");
        }
    }
}
