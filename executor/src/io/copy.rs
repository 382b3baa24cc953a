//! Everything from one stream to another, or both ways: what a proxy does.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};

/// Room for what is on its way in one direction; as Tokio has it, and the pages of two directions are few.
const BUFFER: usize = 8 * 1024;

/// Carries everything that `a` says to `b`, and the other way round, until both have ended. Returns how many bytes went
/// from `a` to `b`, and from `b` to `a`.
///
/// When one side ends its stream, the other is closed for writing, and still heard until it ends, too.
///
/// # Cancel safety
/// None: what was read and not yet written is lost.
///
/// # Errors
/// The first of either side; the other direction is given up then.
///
/// # Examples
/// ```
/// use raddle::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional, duplex};
///
/// # raddle::block_on(async {
/// let ((mut client, mut front), (mut back, mut server)) = (duplex(16), duplex(16));
/// let proxy = raddle::spawn(async move { copy_bidirectional(&mut front, &mut back).await });
/// client.write_all(b"question").await?;
/// client.close().await?;
/// let mut question = String::new();
/// server.read_to_string(&mut question).await?;
/// assert_eq!(question, "question");
/// server.write_all(b"answer").await?;
/// drop(server);
/// assert_eq!(proxy.await.unwrap()?, (8, 6));
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub async fn copy_bidirectional<A, B>(a: &mut A, b: &mut B) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    let (mut there, mut back) = (Transfer::new(true), Transfer::new(true));
    poll_fn(|cx| {
        // Both are polled, so that neither waits for the other.
        let there = there.poll(cx, a, b)?;
        let back = back.poll(cx, b, a)?;
        match (there, back) {
            (Poll::Ready(there), Poll::Ready(back)) => Poll::Ready(Ok((there, back))),
            _ => Poll::Pending,
        }
    })
    .await
}

/// Carries everything that `reader` says to `writer`, until it ends. Returns how many bytes that was.
///
/// While nothing comes, and at the end, `writer` is flushed. It is not closed.
///
/// # Cancel safety
/// None: what was read and not yet written is lost.
///
/// # Errors
/// The first of either side; [`WriteZero`](io::ErrorKind::WriteZero) if `writer` takes nothing any more.
///
/// # Examples
/// ```
/// use raddle::io::{AsyncReadExt, BufWriter, copy, duplex};
///
/// # raddle::block_on(async {
/// let (mut server, client) = duplex(64);
/// raddle::spawn(async move {
///     let mut client = BufWriter::new(client);
///     copy(&mut &b"as it comes"[..], &mut client).await
/// });
/// let mut heard = String::new();
/// server.read_to_string(&mut heard).await?;
/// assert_eq!(heard, "as it comes");
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub async fn copy<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: AsyncRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut transfer = Transfer::new(false);
    poll_fn(|cx| transfer.poll(cx, reader, writer)).await
}

/// One direction.
struct Transfer {
    /// Whether the writer is closed at the end, and not only flushed.
    closes: bool,
    buffer: Box<[u8]>,
    /// What was read and not yet written.
    start: usize,
    end: usize,
    unflushed: bool,
    stage: Stage,
    count: u64,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Carrying,
    /// The reader has ended; the writer is being flushed, or closed.
    Ending,
    Done,
}

impl Transfer {
    fn new(closes: bool) -> Self {
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Self {
            closes,
            buffer,
            start: 0,
            end: 0,
            unflushed: false,
            stage: Stage::Carrying,
            count: 0,
        }
    }

    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + Unpin + ?Sized,
        W: AsyncWrite + Unpin + ?Sized,
    {
        loop {
            if self.start < self.end {
                let rest = &self.buffer[self.start..self.end];
                let written = ready!(Pin::new(&mut *writer).poll_write(cx, rest))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.start += written;
                self.count += written as u64;
                self.unflushed = true;
                continue;
            }
            match self.stage {
                Stage::Carrying => match Pin::new(&mut *reader).poll_read(cx, &mut self.buffer)? {
                    Poll::Ready(0) => self.stage = Stage::Ending,
                    Poll::Ready(read) => (self.start, self.end) = (0, read),
                    Poll::Pending => {
                        // While nothing comes, nothing is held back either.
                        if self.unflushed {
                            ready!(Pin::new(&mut *writer).poll_flush(cx))?;
                            self.unflushed = false;
                        }
                        return Poll::Pending;
                    }
                },
                Stage::Ending => {
                    let writer = Pin::new(&mut *writer);
                    ready!(if self.closes {
                        writer.poll_close(cx)
                    } else {
                        writer.poll_flush(cx)
                    })?;
                    self.stage = Stage::Done;
                }
                Stage::Done => return Poll::Ready(Ok(self.count)),
            }
        }
    }
}
