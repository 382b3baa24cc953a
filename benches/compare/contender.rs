//! What a contender has to offer: the whole surface that workloads use, and nothing more.
//!
//! A workload is written once, over these traits, and compiled separately for each contender; so every contender
//! runs the same program, calls its own functions directly, and none is bent into the shape of another.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// A contender that can run tasks: enough for the scheduler's workloads, and all that the bare queue is.
pub(crate) trait Contender: Sized + 'static {
    /// Whether tasks run on several threads.
    const MULTI_THREAD: bool;

    /// Waits for a spawned task and returns its output; a panic of the task is a panic of whoever waits.
    type Join<T: Send + 'static>: Future<Output = T> + Send + 'static;

    /// Starts the runtime with this many workers; a single-threaded flavor ignores the number.
    fn start(workers: usize) -> io::Result<Self>;

    /// Drives `root` on the calling thread until it is done.
    fn block_on<F: Future>(&self, root: F) -> F::Output;

    /// Spawns from inside: in a task, or in the root future of [`block_on`](Self::block_on).
    fn spawn<F>(future: F) -> Self::Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Spawns from inside a task that nobody waits for.
    fn spawn_detached<F: Future<Output = ()> + Send + 'static>(future: F);

    /// Goes to the back of the queue once.
    fn yield_now() -> impl Future<Output = ()> + Send;

    /// Runs `future` as a task, so that what it spawns is spawned on a worker, and waits for it.
    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.block_on(async move { Self::spawn(future).await })
    }
}

/// A contender with everything around the scheduler: remote spawns, timers, sockets, a blocking pool.
pub(crate) trait Runtime: Contender {
    /// What another thread needs in order to spawn here.
    type Remote: Clone + Send + 'static;
    /// A listening TCP socket.
    type Listener: Send + 'static;
    /// A connected TCP socket.
    type Stream: Send + 'static;
    /// A UDP socket.
    type Datagrams: Send + Sync + 'static;

    /// A handle for other threads.
    fn remote(&self) -> Self::Remote;

    /// Spawns from any thread a task that nobody waits for.
    fn spawn_from<F: Future<Output = ()> + Send + 'static>(remote: &Self::Remote, future: F);

    /// Spawns from inside a task that is not to wait in line; for those that have no such thing, one that does.
    fn spawn_urgent<F>(future: F) -> Self::Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Self::spawn(future)
    }

    /// Waits for some time.
    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send;

    /// Runs `future` under a deadline; `None` if it passes first.
    fn timeout<F: Future + Send>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> + Send
    where
        F::Output: Send;

    /// Runs `work` on a thread that may block; starts at once, not at the first poll.
    fn spawn_blocking<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Self::Join<T>;

    /// Adopts a listening socket; called inside the runtime.
    fn listen(listener: std::net::TcpListener) -> io::Result<Self::Listener>;

    /// Waits for a connection.
    fn accept(
        listener: &mut Self::Listener,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Reads what is there; zero at the end of the stream.
    fn read(
        stream: &mut Self::Stream,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + Send;

    /// Writes all of `bytes`.
    fn write_all(
        stream: &mut Self::Stream,
        bytes: &[u8],
    ) -> impl Future<Output = io::Result<()>> + Send;

    /// Adopts a UDP socket; called inside the runtime.
    fn datagrams(socket: std::net::UdpSocket) -> io::Result<Self::Datagrams>;

    /// Waits for a datagram.
    fn recv_from(
        socket: &Self::Datagrams,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + Send;

    /// Sends a datagram.
    fn send_to(
        socket: &Self::Datagrams,
        bytes: &[u8],
        peer: SocketAddr,
    ) -> impl Future<Output = io::Result<usize>> + Send;
}
