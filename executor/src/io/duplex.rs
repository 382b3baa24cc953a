//! A connection in memory, for tests and for two tasks of one program.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};

/// Two ends of a connection in memory, which holds up to `capacity` bytes in each direction; a writer waits for room.
///
/// # Panics
/// If `capacity` is zero.
///
/// # Examples
/// ```
/// use raddle::io::{AsyncReadExt, AsyncWriteExt, duplex};
///
/// # raddle::block_on(async {
/// let (mut one, mut other) = duplex(8);
/// let writing = raddle::spawn(async move { one.write_all(b"more than eight bytes").await });
/// let mut all = String::new();
/// other.read_to_string(&mut all).await?;
/// assert_eq!(all, "more than eight bytes");
/// writing.await.unwrap()
/// # }).unwrap();
/// ```
pub fn duplex(capacity: usize) -> (DuplexStream, DuplexStream) {
    let ((from_one, to_other), (from_other, to_one)) =
        (piper::pipe(capacity), piper::pipe(capacity));
    (
        DuplexStream { reader: from_one, writer: Some(to_one) },
        DuplexStream { reader: from_other, writer: Some(to_other) },
    )
}

/// One end of a [`duplex`] connection.
///
/// Dropping it ends the stream for the other end, which still reads what is there. Writing to an end that is gone fails
/// with `BrokenPipe`.
pub struct DuplexStream {
    reader: piper::Reader,
    /// None once it was closed.
    writer: Option<piper::Writer>,
}

impl AsyncRead for DuplexStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        Pin::new(&mut self.reader).poll_read(cx, buffer)
    }
}

impl AsyncWrite for DuplexStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let written = match &mut self.writer {
            Some(writer) => ready!(Pin::new(writer).poll_write(cx, bytes))?,
            None => 0,
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Poll::Ready(Ok(written))
    }

    /// Nothing is held back: what is written can be read.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the stream for the other end.
    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer = None;
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for DuplexStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DuplexStream")
            .field("unread", &self.reader.len())
            .field("is_closed", &self.writer.is_none())
            .finish()
    }
}
