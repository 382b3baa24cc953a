//! Pipes, with a name in the file system or without.
//!
//! # Examples
//! ```
//! use raddle::net::unix::pipe;
//!
//! # raddle::block_on(async {
//! let (mut sender, mut receiver) = pipe::pipe()?;
//! sender.write_all(b"through the pipe").await?;
//! drop(sender);
//! let mut buffer = [0; 64];
//! assert_eq!(receiver.read(&mut buffer).await?, 16);
//! assert_eq!(receiver.read(&mut buffer).await?, 0); // Nobody can write any more.
//! # std::io::Result::Ok(()) }).unwrap();
//! ```

use std::fs::{self, File};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::process::Stdio;
use std::task::{Context, Poll};

use raddle_io_driver::{Interest, Ready, Registered};
use rustix::fs::OFlags;

use crate::io::failure::failed;
use crate::net::stream::{READING, WRITING, readiness_methods};
use crate::net::transfer::{Attempt as _, receiving, sending};
use crate::scheduler::context::io_handle;

/// A new pipe without a name.
///
/// # Errors
/// What the system says, usually that descriptors have run out.
///
/// # Panics
/// Outside a runtime.
#[track_caller]
pub fn pipe() -> io::Result<(Sender, Receiver)> {
    let (reader, writer) = io::pipe().map_err(|error| failed("making", "a pipe", error))?;
    Ok((Sender::from_owned_fd(writer.into())?, Receiver::from_owned_fd(reader.into())?))
}

/// How to open a named pipe (a FIFO, as `mkfifo` makes it).
///
/// # Examples
/// ```no_run
/// use raddle::net::unix::pipe;
///
/// # raddle::block_on(async {
/// let mut receiver = pipe::OpenOptions::new().open_receiver("/tmp/orders")?;
/// let mut buffer = [0; 1024];
/// let n = receiver.read(&mut buffer).await?;
/// # let _ = n; std::io::Result::Ok(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    read_write: bool,
    unchecked: bool,
}

impl OpenOptions {
    /// For one direction, of a file that must be a pipe.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens for reading and writing, so that a receiver does not see the end of the stream when
    /// the last writer goes, and a sender can open where nobody reads yet. Linux and Android.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn read_write(&mut self, on: bool) -> &mut Self {
        self.read_write = on;
        self
    }

    /// Does not check that the file is a pipe: the caller knows.
    pub fn unchecked(&mut self, on: bool) -> &mut Self {
        self.unchecked = on;
        self
    }

    /// Opens the reading end. It does not wait for a writer; until there was one, reading says that
    /// the stream has ended.
    ///
    /// # Errors
    /// What the system says, naming the path; [`io::ErrorKind::InvalidInput`] if it is no pipe.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn open_receiver<P: AsRef<Path>>(&self, path: P) -> io::Result<Receiver> {
        let path = path.as_ref();
        let naming = |error| failed("opening the pipe", path.display(), error);
        let mut options = fs::OpenOptions::new();
        let fd = self.open(path, options.read(true).write(self.both())).map_err(naming)?;
        // Called from here, so that a panic names the caller's line.
        Receiver::from_owned_fd(fd).map_err(naming)
    }

    /// Opens the writing end.
    ///
    /// # Errors
    /// What the system says, naming the path: number `ENXIO` if nobody has the pipe open for
    /// reading. [`io::ErrorKind::InvalidInput`] if it is no pipe.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn open_sender<P: AsRef<Path>>(&self, path: P) -> io::Result<Sender> {
        let path = path.as_ref();
        let naming = |error| failed("opening the pipe", path.display(), error);
        let mut options = fs::OpenOptions::new();
        let fd = self.open(path, options.write(true).read(self.both())).map_err(naming)?;
        Sender::from_owned_fd(fd).map_err(naming)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn both(&self) -> bool {
        self.read_write
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn both(&self) -> bool {
        false
    }

    fn open(&self, path: &Path, options: &mut fs::OpenOptions) -> io::Result<OwnedFd> {
        // Without this flag, opening would wait for somebody at the other end.
        let file = options.custom_flags(OFlags::NONBLOCK.bits() as i32).open(path)?;
        if !self.unchecked {
            expect_pipe(&file)?;
        }
        Ok(file.into())
    }
}

fn expect_pipe(file: &File) -> io::Result<()> {
    if file.metadata()?.file_type().is_fifo() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a pipe"))
}

/// What both ends have besides their direction.
macro_rules! end_of_a_pipe {
    ($end:ident, $direction:literal) => {
        impl $end {
            #[doc = concat!("Takes over the ", $direction, " end of a pipe that was opened elsewhere, and")]
            /// puts it in non-blocking mode.
            ///
            /// # Errors
            /// [`io::ErrorKind::InvalidInput`] if it is no pipe; others as the system says.
            ///
            /// # Panics
            /// Outside a runtime.
            #[track_caller]
            pub fn from_file(file: File) -> io::Result<Self> {
                expect_pipe(&file).map_err(|error| failed("taking over", "a file", error))?;
                Self::from_owned_fd(file.into())
            }

            /// [`from_file`](Self::from_file) without the check: whatever can be read or written like
            /// a pipe.
            ///
            /// # Errors
            /// What the system says.
            ///
            /// # Panics
            /// Outside a runtime.
            #[track_caller]
            pub fn from_owned_fd(fd: OwnedFd) -> io::Result<Self> {
                let handle = io_handle();
                let naming = |error| failed("taking over", "a pipe", error);
                rustix::io::ioctl_fionbio(&fd, true).map_err(|error| naming(error.into()))?;
                Ok(Self { io: Registered::new(fd, &handle).map_err(naming)? })
            }

            /// Gives the descriptor back, in blocking mode, as other programs expect it.
            ///
            /// # Errors
            /// What the system says.
            pub fn into_blocking_fd(self) -> io::Result<OwnedFd> {
                let fd = self.io.into_inner();
                rustix::io::ioctl_fionbio(&fd, false)
                    .map_err(|error| failed("giving away", "a pipe", error.into()))?;
                Ok(fd)
            }

            /// Gives the descriptor back, still in non-blocking mode.
            ///
            /// # Errors
            /// None at present.
            pub fn into_nonblocking_fd(self) -> io::Result<OwnedFd> {
                Ok(self.io.into_inner())
            }

            #[cold]
            fn failure(&self, operation: &'static str, error: io::Error) -> io::Error {
                match error.kind() {
                    io::ErrorKind::WouldBlock => error,
                    _ => failed(operation, "a pipe", error),
                }
            }
        }

        readiness_methods!($end, poll_read_ready, poll_write_ready);

        impl AsFd for $end {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.io.as_fd()
            }
        }

        impl AsRawFd for $end {
            fn as_raw_fd(&self) -> RawFd {
                self.io.as_raw_fd()
            }
        }
    };
}

/// The writing end of a pipe. Dropping it ends the stream, if it is the last; closing it as an `AsyncWrite` does not.
#[derive(Debug)]
pub struct Sender {
    io: Registered<OwnedFd>,
}

end_of_a_pipe!(Sender, "writing");
sending!(Sender, OwnedFd);

impl Sender {
    /// Waits until there is room, and writes: at least one byte, unless `bytes` is empty.
    ///
    /// # Cancel safety
    /// Nothing is written unless the future completes.
    ///
    /// # Errors
    /// `BrokenPipe` if nobody can read; others as the system says.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_send(cx, bytes)).await
    }

    /// Writes all of `bytes`.
    ///
    /// # Cancel safety
    /// None: if the future is dropped, some of `bytes` may have been written.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.send_all(bytes).await
    }

    /// Writes what there is room for, without waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is none; others as for [`write`](Self::write).
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.io.try_io(Interest::WRITABLE, |io| io.write_some(bytes));
        written.map_err(|error| self.failure(WRITING, error))
    }

    /// A pipe has no end but its last writer's: that is dropping it.
    #[allow(clippy::unused_self)]
    pub(in crate::net) fn finish_sending(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The reading end of a pipe.
#[derive(Debug)]
pub struct Receiver {
    io: Registered<OwnedFd>,
}

end_of_a_pipe!(Receiver, "reading");
receiving!(Receiver, OwnedFd);

impl Receiver {
    /// Waits until there is something to read, and reads it: at most what fits `buffer`. 0 means
    /// that nobody can write, or that `buffer` is empty.
    ///
    /// # Cancel safety
    /// Nothing is read unless the future completes.
    ///
    /// # Errors
    /// What the system says.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_recv(cx, buffer)).await
    }

    /// Reads until `buffer` is full.
    ///
    /// # Cancel safety
    /// None: if the future is dropped, what it has read is lost.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] if the stream ends before that, and what
    /// [`read`](Self::read) meets.
    pub async fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv_exact(buffer).await
    }

    #[cfg(feature = "process")]
    pub(crate) fn was_forked(&self) -> bool {
        self.io.handle().was_forked()
    }

    /// Reads what is there, without waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is; others as for [`read`](Self::read).
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.io.try_io(Interest::READABLE, |io| Ok(rustix::io::read(io, buffer)?));
        read.map_err(|error| self.failure(READING, error))
    }
}

impl TryFrom<Receiver> for Stdio {
    type Error = io::Error;

    /// The input of a child process, in blocking mode, as programs expect it.
    fn try_from(end: Receiver) -> io::Result<Self> {
        Ok(end.into_blocking_fd()?.into())
    }
}

impl TryFrom<Sender> for Stdio {
    type Error = io::Error;

    /// An output of a child process, in blocking mode, as programs expect it.
    fn try_from(end: Sender) -> io::Result<Self> {
        Ok(end.into_blocking_fd()?.into())
    }
}
