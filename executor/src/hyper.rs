//! hyper on raddle: I/O, an executor and a timer.
//!
//! [`TcpStream`] implements [`hyper::rt::Read`] and [`hyper::rt::Write`] itself: bytes go from the
//! system straight into hyper's buffer, which need not be zeroed first. [`HyperIo`] does the same
//! for any other `futures_io` stream, a TLS session for example.
//!
//! A server is `http1::Builder::new().timer(RaddleTimer).serve_connection(stream, service)` for each
//! accepted stream, in a task of its own; `examples/http_server.rs` is a whole one. For HTTP/2, give
//! its builder [`RaddleExecutor`] as well.
//!
//! # Examples
//! ```
//! use hyper::rt::{Executor, Read, Timer, Write};
//! use raddle::hyper::{RaddleExecutor, RaddleTimer};
//! use raddle::net::{TcpListener, TcpStream};
//!
//! fn is_a_transport(_: &(impl Read + Write + Unpin)) {}
//!
//! # raddle::block_on(async {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let stream = TcpStream::connect(listener.local_addr()?).await?;
//! is_a_transport(&stream);
//! RaddleExecutor.execute(async { println!("in a task of its own") });
//! RaddleTimer.sleep(std::time::Duration::from_millis(1)).await;
//! # std::io::Result::Ok(()) }).unwrap();
//! ```
//!
//! # Safety
//! A read cursor is advanced by as many bytes as the system has just written there.

#![allow(unsafe_code)]

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{Executor, Read, ReadBufCursor, Sleep, Timer, Write};

use crate::net::TcpStream;
use crate::time;

impl Read for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // SAFETY: `poll_recv_uninit` writes bytes, and never makes one uninitialized.
        let unfilled = unsafe { cursor.as_mut() };
        let count = ready!(self.poll_recv_uninit(cx, unfilled))?;
        // SAFETY: the system has written the first `count` bytes of `unfilled`.
        unsafe { cursor.advance(count) };
        Poll::Ready(Ok(()))
    }
}

impl Write for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // Nothing is held back.
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.finish_sending())
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send_vectored(cx, buffers)
    }
}

/// A `futures_io` stream as hyper wants it. [`TcpStream`] does not need this.
///
/// The spare room of hyper's buffer is zeroed before the first read into it, as `futures_io` reads
/// into initialized memory only.
///
/// # Examples
/// ```
/// use raddle::hyper::HyperIo;
///
/// fn accepts(_: impl hyper::rt::Read + hyper::rt::Write) {}
/// # fn example(tls: raddle::net::TcpStream) {
/// accepts(HyperIo::new(tls)); // Any `AsyncRead + AsyncWrite + Unpin`.
/// # }
/// ```
#[derive(Debug)]
pub struct HyperIo<T> {
    io: T,
}

impl<T> HyperIo<T> {
    /// Wraps `io`.
    pub const fn new(io: T) -> Self {
        Self { io }
    }

    /// The stream inside.
    pub const fn get_ref(&self) -> &T {
        &self.io
    }

    /// The stream inside.
    pub const fn get_mut(&mut self) -> &mut T {
        &mut self.io
    }

    /// Gives the stream back.
    pub fn into_inner(self) -> T {
        self.io
    }
}

impl<T: AsyncRead + Unpin> Read for HyperIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let unfilled = cursor.initialize_unfilled();
        let room = unfilled.len();
        let count = ready!(Pin::new(&mut self.io).poll_read(cx, unfilled))?;
        assert!(count <= room, "a reader claims {count} bytes in a buffer of {room}");
        // SAFETY: all of the spare room was initialized above, and `count` is within it.
        unsafe { cursor.advance(count) };
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> Write for HyperIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_close(cx)
    }
}

/// Spawns hyper's background work on the runtime of the calling thread.
///
/// # Panics
/// Outside a runtime.
#[derive(Debug, Clone, Copy, Default)]
pub struct RaddleExecutor;

impl<F> Executor<F> for RaddleExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        drop(crate::spawn(future)); // Detached: hyper does not ask for the outcome.
    }
}

/// Hyper's timeouts on the timer of the runtime.
///
/// # Panics
/// Outside a runtime.
#[derive(Debug, Clone, Copy, Default)]
pub struct RaddleTimer;

impl Timer for RaddleTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(TimerSleep(time::sleep(duration)))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(TimerSleep(time::sleep_until(deadline.into())))
    }

    fn now(&self) -> Instant {
        time::Instant::now().into_std()
    }

    /// Without a new allocation.
    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<TimerSleep>() {
            Some(ours) => Pin::new(&mut ours.get_mut().0).reset(deadline.into()),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

struct TimerSleep(time::Sleep);

impl Future for TimerSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Sleep for TimerSleep {}
