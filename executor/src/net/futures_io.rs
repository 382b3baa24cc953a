//! The streams and their halves as `futures_io` readers and writers.

use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::unix::pipe;
use super::{TcpStream, UnixStream, tcp, unix};

macro_rules! itself {
    ($stream:ty) => {
        impl AsRef<$stream> for $stream {
            fn as_ref(&self) -> &$stream {
                self
            }
        }
    };
}

itself!(TcpStream);
itself!(UnixStream);
itself!(pipe::Receiver);
itself!(pipe::Sender);

macro_rules! reader {
    ($reader:ty, $stream:ty) => {
        impl AsyncRead for $reader {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                <$stream>::poll_recv((*self).as_ref(), cx, buffer)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffers: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                <$stream>::poll_recv_vectored((*self).as_ref(), cx, buffers)
            }
        }
    };
}

macro_rules! writer {
    ($writer:ty, $stream:ty, $finish:expr) => {
        impl AsyncWrite for $writer {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                <$stream>::poll_send((*self).as_ref(), cx, bytes)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                <$stream>::poll_send_vectored((*self).as_ref(), cx, buffers)
            }

            /// Nothing is held back, so there is nothing to flush.
            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            /// Ends the sending direction: the peer reads the end of the stream.
            fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready($finish(&mut *self))
            }
        }
    };
}

macro_rules! stream_and_halves {
    ($stream:ty, $module:ident) => {
        reader!($stream, $stream);
        reader!($module::ReadHalf<'_>, $stream);
        reader!($module::OwnedReadHalf, $stream);
        writer!($stream, $stream, |stream: &mut $stream| stream.finish_sending());
        writer!($module::WriteHalf<'_>, $stream, |half: &mut $module::WriteHalf<'_>| {
            half.0.finish_sending()
        });
        writer!($module::OwnedWriteHalf, $stream, $module::OwnedWriteHalf::finish_sending);
    };
}

stream_and_halves!(TcpStream, tcp);
stream_and_halves!(UnixStream, unix);
reader!(pipe::Receiver, pipe::Receiver);
writer!(pipe::Sender, pipe::Sender, pipe::Sender::finish_sending);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::TcpListener;
    use std::future::poll_fn;
    use std::pin::pin;

    /// Sends two buffers through `writer`, closes it, and returns what `reader` reads until the end.
    async fn carry(writer: impl AsyncWrite, reader: impl AsyncRead) -> io::Result<Vec<u8>> {
        let (mut writer, mut reader) = (pin!(writer), pin!(reader));
        let parts = [IoSlice::new(b"one "), IoSlice::new(b"two ")];
        assert_eq!(poll_fn(|cx| writer.as_mut().poll_write_vectored(cx, &parts)).await?, 8);
        assert_eq!(poll_fn(|cx| writer.as_mut().poll_write(cx, b"three")).await?, 5);
        poll_fn(|cx| writer.as_mut().poll_flush(cx)).await?;
        poll_fn(|cx| writer.as_mut().poll_close(cx)).await?;
        let (mut all, mut buffer) = (Vec::new(), [0; 8]);
        loop {
            match poll_fn(|cx| reader.as_mut().poll_read(cx, &mut buffer)).await? {
                0 => return Ok(all),
                n => all.extend_from_slice(&buffer[..n]),
            }
        }
    }

    #[test]
    fn streams_and_halves_are_readers_and_writers() {
        crate::block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            for way in 0..3 {
                let mut a = TcpStream::connect(address).await?;
                let (mut b, _) = listener.accept().await?;
                let carried = match way {
                    0 => carry(a, b).await?,
                    1 => carry(a.split().1, b.split().0).await?,
                    _ => {
                        // Kept, so that only closing can end the stream.
                        let ((_reader, writer), (reader, _writer)) =
                            (a.into_split(), b.into_split());
                        carry(writer, reader).await?
                    }
                };
                assert_eq!(carried, b"one two three");
            }
            io::Result::Ok(())
        })
        .unwrap();
    }
}
