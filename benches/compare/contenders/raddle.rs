//! raddle, both flavors.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::raddle as lib;
use lib::net::{TcpListener, TcpStream, UdpSocket};
use lib::runtime::{Builder, Handle, Runtime as Inner};

use crate::contender::{Contender, Runtime};

/// raddle; `MULTI` chooses the flavor.
pub(crate) struct Flavor<const MULTI: bool>(Inner);

/// The work-stealing runtime.
pub(crate) type Raddle = Flavor<true>;
/// The single-threaded runtime.
pub(crate) type RaddleCurrent = Flavor<false>;

/// A join handle whose task is known not to fail.
pub(crate) struct Joined<T>(lib::task::JoinHandle<T>);

impl<T> Future for Joined<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let output = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(output.expect("a task of a workload panicked"))
    }
}

impl<const MULTI: bool> Contender for Flavor<MULTI> {
    const MULTI_THREAD: bool = MULTI;

    type Join<T: Send + 'static> = Joined<T>;

    fn start(workers: usize) -> io::Result<Self> {
        let built = if MULTI {
            Builder::new_multi_thread().worker_threads(workers).build()
        } else {
            Builder::new_current_thread().build()
        };
        built.map(Self).map_err(io::Error::other)
    }

    fn block_on<F: Future>(&self, root: F) -> F::Output {
        self.0.block_on(root)
    }

    fn spawn<F>(future: F) -> Joined<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Joined(lib::spawn(future))
    }

    fn spawn_detached<F: Future<Output = ()> + Send + 'static>(future: F) {
        drop(lib::spawn(future));
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        lib::task::yield_now()
    }
}

impl<const MULTI: bool> Runtime for Flavor<MULTI> {
    type Remote = Handle;
    type Listener = TcpListener;
    type Stream = TcpStream;
    type Datagrams = UdpSocket;

    fn remote(&self) -> Handle {
        self.0.handle().clone()
    }

    fn spawn_from<F: Future<Output = ()> + Send + 'static>(remote: &Handle, future: F) {
        drop(remote.spawn(future));
    }

    fn spawn_urgent<F>(future: F) -> Joined<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Joined(lib::task::Builder::new().priority(lib::task::Priority::High).spawn(future))
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send {
        lib::time::sleep(duration)
    }

    async fn timeout<F: Future + Send>(duration: Duration, future: F) -> Option<F::Output>
    where
        F::Output: Send,
    {
        lib::time::timeout(duration, future).await.ok()
    }

    fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Joined<T> {
        Joined(lib::task::spawn_blocking(work))
    }

    fn listen(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    }

    async fn accept(listener: &mut TcpListener) -> io::Result<TcpStream> {
        Ok(listener.accept().await?.0)
    }

    async fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        stream.read(buffer).await
    }

    async fn write_all(stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = stream.write(bytes).await?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    fn datagrams(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        UdpSocket::from_std(socket)
    }

    async fn recv_from(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        socket.recv_from(buffer).await
    }

    async fn send_to(socket: &UdpSocket, bytes: &[u8], peer: SocketAddr) -> io::Result<usize> {
        socket.send_to(bytes, peer).await
    }
}
