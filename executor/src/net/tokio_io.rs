//! The streams and their halves as `tokio::io` readers and writers, for libraries that want those.
//!
//! # Safety
//! A read buffer is told that bytes are initialized which the system has just written.

#![allow(unsafe_code)]

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::unix::pipe;
use super::{TcpStream, UnixStream, tcp, unix};

macro_rules! reader {
    ($reader:ty, $stream:ty) => {
        impl AsyncRead for $reader {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                // SAFETY: `poll_recv_uninit` writes bytes, and never makes one uninitialized.
                let unfilled = unsafe { buffer.unfilled_mut() };
                let stream: &$stream = (*self).as_ref();
                let count = ready!(stream.poll_recv_uninit(cx, unfilled))?;
                // SAFETY: the system has written the first `count` bytes of `unfilled`.
                unsafe { buffer.assume_init(count) };
                buffer.advance(count);
                Poll::Ready(Ok(()))
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

            fn is_write_vectored(&self) -> bool {
                true
            }

            /// Nothing is held back, so there is nothing to flush.
            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            /// Ends the sending direction: the peer reads the end of the stream.
            fn poll_shutdown(
                mut self: Pin<&mut Self>,
                _: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
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
    use std::mem::MaybeUninit;

    #[test]
    fn a_read_fills_the_buffer_behind_what_is_there_and_a_shutdown_ends_the_stream() {
        crate::block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let a = TcpStream::connect(listener.local_addr()?).await?;
            let (mut b, _) = listener.accept().await?;
            let (_reader, mut writer) = a.into_split();
            let parts = [IoSlice::new(b"one "), IoSlice::new(b"two")];
            assert!(writer.is_write_vectored());
            poll_fn(|cx| Pin::new(&mut writer).poll_write_vectored(cx, &parts)).await?;
            poll_fn(|cx| Pin::new(&mut writer).poll_flush(cx)).await?;
            poll_fn(|cx| Pin::new(&mut writer).poll_shutdown(cx)).await?;

            let mut memory = [MaybeUninit::uninit(); 64];
            let mut buffer = ReadBuf::uninit(&mut memory);
            buffer.put_slice(b"zero ");
            loop {
                let before = buffer.filled().len();
                poll_fn(|cx| Pin::new(&mut b).poll_read(cx, &mut buffer)).await?;
                if buffer.filled().len() == before {
                    break;
                }
            }
            assert_eq!(buffer.filled(), b"zero one two");
            io::Result::Ok(())
        })
        .unwrap();
    }
}
