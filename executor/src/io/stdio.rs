//! The standard streams, on the blocking pool.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::offload::{Offload, write_through};

/// The standard input of this process.
///
/// It reads on a thread of the blocking pool, and a read that has begun cannot be taken back: dropping the runtime waits
/// for it, which for a terminal means until somebody presses the return key. Interactive programs should read on a
/// thread of their own, or end with [`Runtime::shutdown_background`](crate::runtime::Runtime::shutdown_background).
///
/// # Examples
/// ```no_run
/// # raddle::block_on(async {
/// let mut buffer = [0; 1024];
/// let n = raddle::io::stdin().read(&mut buffer).await?;
/// println!("{n} bytes");
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub fn stdin() -> Stdin {
    Stdin { work: Offload::new(Arc::new(io::stdin()), "the standard input".into()) }
}

/// The standard output of this process. What is written arrives in order, and is not kept back until a line ends.
///
/// # Examples
/// ```
/// # raddle::block_on(async {
/// let mut out = raddle::io::stdout();
/// out.write_all(b"written from a task\n").await?;
/// out.flush().await
/// # }).unwrap();
/// ```
pub fn stdout() -> Stdout {
    Stdout { work: Offload::new(Arc::new(io::stdout()), "the standard output".into()) }
}

/// The standard error of this process; otherwise like [`stdout`].
pub fn stderr() -> Stderr {
    Stderr { work: Offload::new(Arc::new(io::stderr()), "the standard error".into()) }
}

/// See [`stdin`].
#[derive(Debug)]
pub struct Stdin {
    work: Offload<io::Stdin>,
}

/// See [`stdout`].
#[derive(Debug)]
pub struct Stdout {
    work: Offload<io::Stdout>,
}

/// See [`stderr`].
#[derive(Debug)]
pub struct Stderr {
    work: Offload<io::Stderr>,
}

impl Stdin {
    /// Reads what is there, or waits for some. 0 means the end, or that `buffer` is empty.
    ///
    /// # Cancel safety
    /// What was read for a future that is dropped is kept in this value, for its next read.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Panics
    /// Outside a runtime.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.work.poll_read(cx, buffer)).await
    }
}

impl AsyncRead for Stdin {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.work.poll_read(cx, buffer)
    }
}

macro_rules! output {
    ($stream:ident) => {
        impl $stream {
            /// Writes all of `bytes`. They are written when [`flush`](Self::flush) has returned.
            ///
            /// # Cancel safety
            /// None: some of `bytes` may have been written.
            ///
            /// # Errors
            /// What the system says, of this or an earlier write.
            ///
            /// # Panics
            /// Outside a runtime.
            pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
                while !bytes.is_empty() {
                    let count = poll_fn(|cx| Pin::new(&mut *self).poll_write(cx, bytes)).await?;
                    bytes = &bytes[count..];
                }
                Ok(())
            }

            /// Waits until everything is written.
            ///
            /// # Cancel safety
            /// Nothing is lost; it goes on being written.
            ///
            /// # Errors
            /// What the system says of an earlier write.
            pub async fn flush(&mut self) -> io::Result<()> {
                poll_fn(|cx| self.work.poll_settled(cx)).await
            }
        }

        impl AsyncWrite for $stream {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.work.poll_write(cx, bytes, |io, _, bytes| write_through(io, bytes))
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.work.poll_settled(cx)
            }

            /// The same as flushing: the stream belongs to the whole process.
            fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.work.poll_settled(cx)
            }
        }
    };
}

output!(Stdout);
output!(Stderr);
