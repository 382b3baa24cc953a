//! smol: async-executor on a number of threads, each of which also turns async-io's reactor; and its blocking pool.
//!
//! The executor is a static, as in the `smol` crate; the threads come and go with each run.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_executor::{Executor, Task};
use async_io::{Async, Timer};
use futures_lite::{AsyncReadExt, AsyncWriteExt, future};

use crate::contender::{Contender, Runtime};

static EXECUTOR: Executor<'static> = Executor::new();

/// The threads of one run.
pub(crate) struct Smol {
    stop: async_channel::Sender<()>,
    threads: Vec<JoinHandle<()>>,
}

impl Contender for Smol {
    const MULTI_THREAD: bool = true;

    type Join<T: Send + 'static> = Task<T>;

    fn start(workers: usize) -> io::Result<Self> {
        let (stop, stopped) = async_channel::bounded::<()>(1);
        let mut smol = Self { stop, threads: Vec::with_capacity(workers) };
        for index in 0..workers {
            let stopped = stopped.clone();
            let thread = thread::Builder::new().name(format!("smol-{index}")).spawn(move || {
                // Nothing is ever sent: the run ends when the channel is closed.
                let _ = async_io::block_on(EXECUTOR.run(stopped.recv()));
            })?;
            smol.threads.push(thread);
        }
        Ok(smol)
    }

    fn block_on<F: Future>(&self, root: F) -> F::Output {
        async_io::block_on(root)
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        EXECUTOR.spawn(future)
    }

    fn spawn_detached<F: Future<Output = ()> + Send + 'static>(future: F) {
        EXECUTOR.spawn(future).detach();
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        future::yield_now()
    }
}

impl Drop for Smol {
    fn drop(&mut self) {
        self.stop.close();
        for thread in self.threads.drain(..) {
            // A worker that panicked has already said so; the run fails on the value it did not deliver.
            let _ = thread.join();
        }
    }
}

impl Runtime for Smol {
    type Remote = ();
    type Listener = Async<std::net::TcpListener>;
    type Stream = Async<TcpStream>;
    type Datagrams = Async<UdpSocket>;

    fn remote(&self) {}

    fn spawn_from<F: Future<Output = ()> + Send + 'static>(_remote: &(), future: F) {
        EXECUTOR.spawn(future).detach();
    }

    async fn sleep(duration: Duration) {
        Timer::after(duration).await;
    }

    fn timeout<F: Future + Send>(
        duration: Duration,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> + Send
    where
        F::Output: Send,
    {
        future::or(async { Some(future.await) }, async move {
            Timer::after(duration).await;
            None
        })
    }

    fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Task<T> {
        blocking::unblock(work)
    }

    fn listen(listener: std::net::TcpListener) -> io::Result<Self::Listener> {
        Async::new(listener)
    }

    async fn accept(listener: &mut Self::Listener) -> io::Result<Self::Stream> {
        Ok(listener.accept().await?.0)
    }

    async fn read(stream: &mut Self::Stream, buffer: &mut [u8]) -> io::Result<usize> {
        stream.read(buffer).await
    }

    async fn write_all(stream: &mut Self::Stream, bytes: &[u8]) -> io::Result<()> {
        stream.write_all(bytes).await
    }

    fn datagrams(socket: std::net::UdpSocket) -> io::Result<Async<UdpSocket>> {
        Async::new(socket)
    }

    async fn recv_from(
        socket: &Async<UdpSocket>,
        buffer: &mut [u8],
    ) -> io::Result<(usize, SocketAddr)> {
        socket.recv_from(buffer).await
    }

    async fn send_to(
        socket: &Async<UdpSocket>,
        bytes: &[u8],
        peer: SocketAddr,
    ) -> io::Result<usize> {
        socket.send_to(bytes, peer).await
    }
}
