//! The two halves of a stream, each free to go its own way.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use raddle_io_driver::{Interest, Ready};

use super::TcpStream;
use super::split::{common_methods, reading_methods, writing_methods};

/// The reading half of a [`TcpStream`]; see [`TcpStream::into_split`].
///
/// Dropping it does not tell the peer anything while the writing half is there.
#[derive(Debug)]
pub struct OwnedReadHalf {
    stream: Arc<TcpStream>,
}

/// The writing half of a [`TcpStream`]; see [`TcpStream::into_split`].
///
/// Dropping it ends the sending direction: the peer reads the end of the stream.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    stream: Arc<TcpStream>,
    /// Nothing is left to be ended on drop.
    finished: bool,
}

pub(super) fn split(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = Arc::new(stream);
    (OwnedReadHalf { stream: stream.clone() }, OwnedWriteHalf { stream, finished: false })
}

fn reunite(reader: OwnedReadHalf, writer: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
    if !Arc::ptr_eq(&reader.stream, &writer.stream) {
        return Err(ReuniteError(reader, writer));
    }
    writer.forget();
    Ok(Arc::into_inner(reader.stream).expect("a stream has two halves, and both are here"))
}

impl OwnedReadHalf {
    /// Makes one stream again of two halves.
    ///
    /// # Errors
    /// [`ReuniteError`] gives both back if they are not of the same stream.
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        reunite(self, other)
    }
}

impl OwnedWriteHalf {
    /// Makes one stream again of two halves.
    ///
    /// # Errors
    /// [`ReuniteError`] gives both back if they are not of the same stream.
    pub fn reunite(self, other: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        reunite(other, self)
    }

    /// Drops this half without ending the sending direction.
    pub fn forget(mut self) {
        self.finished = true;
    }

    /// Ends the sending direction now.
    pub(super) fn finish_sending(&mut self) -> io::Result<()> {
        let outcome = self.stream.finish_sending();
        self.finished |= outcome.is_ok();
        outcome
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if !self.finished {
            // A connection that has gone needs no ending.
            let _ = self.stream.finish_sending();
        }
    }
}

impl AsRef<TcpStream> for OwnedReadHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.stream
    }
}

impl AsRef<TcpStream> for OwnedWriteHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.stream
    }
}

reading_methods!(OwnedReadHalf);
writing_methods!(OwnedWriteHalf);

/// Two halves that are not of the same stream.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the two halves are not of the same TCP stream")
    }
}

impl Error for ReuniteError {}
