//! Readers and writers, and what to do with them.
//!
//! | you want to | take | feature |
//! |---|---|---|
//! | read and write by name (`read_line`, `read_to_end`, …) | [`AsyncReadExt`], [`AsyncBufReadExt`], [`AsyncWriteExt`] | `io-util` |
//! | save small reads and writes | [`BufReader`], [`BufWriter`] | `io-util` |
//! | carry everything from one to the other | [`copy`], [`copy_bidirectional`] | `io-util` |
//! | a connection in memory | [`duplex`] | `io-util` |
//! | the standard streams | [`stdin`], [`stdout`], [`stderr`] | `io-std` |
//! | watch any descriptor | [`AsyncFd`] | `net` |
//!
//! The traits are those of `futures-io`, and the combinators those of `futures-util`, not our own: a stream of ours
//! works with whatever knows these traits, and theirs with ours. (`futures-lite` is smaller, but its `read_line` replaces
//! what is in the string, where those of `std` and Tokio append.) What it lacks is here: [`copy_bidirectional`],
//! [`duplex`], and a [`copy`] that flushes while nothing comes. For libraries that want `tokio::io`, the feature `tokio-io`
//! gives the sockets those traits as well.
//!
//! # Examples
//! ```
//! # #[cfg(feature = "io-util")]
//! # raddle::block_on(async {
//! use raddle::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, duplex};
//!
//! let (mut one, other) = duplex(64);
//! one.write_all(b"first\nsecond\n").await?;
//! drop(one);
//! let (mut reader, mut lines) = (BufReader::new(other), String::new());
//! while reader.read_line(&mut lines).await? > 0 {}
//! assert_eq!(lines, "first\nsecond\n");
//! # std::io::Result::Ok(()) }).unwrap();
//! ```

// The table above names what the features that are off would bring.
#![cfg_attr(
    not(all(feature = "net", feature = "io-util", feature = "io-std")),
    allow(rustdoc::broken_intra_doc_links)
)]

#[cfg(feature = "net")]
mod async_fd;
#[cfg(feature = "io-util")]
mod copy;
#[cfg(feature = "io-util")]
mod duplex;
pub(crate) mod failure;
#[cfg(any(feature = "io-std", feature = "fs"))]
pub(crate) mod offload;
#[cfg(feature = "io-std")]
mod stdio;

#[cfg(feature = "net")]
pub use async_fd::{AsyncFd, AsyncFdReadyGuard, TryIoError};
/// Under Tokio's name: [`AsyncFd`] and what belongs to it.
#[cfg(all(unix, feature = "net"))]
pub mod unix {
    pub use super::async_fd::{AsyncFd, AsyncFdReadyGuard, TryIoError};
}

#[cfg(feature = "io-util")]
pub use copy::{copy, copy_bidirectional};
#[cfg(feature = "io-util")]
pub use duplex::{DuplexStream, duplex};
pub use failure::raw_os_error;
pub use futures_io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite};
#[cfg(feature = "io-util")]
pub use futures_util::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, BufWriter, Cursor,
    Empty, LineWriter, Lines, ReadHalf, Repeat, Sink, WriteHalf, copy_buf, empty, repeat, sink,
};
#[cfg(feature = "net")]
pub use raddle_io_driver::{Interest, Ready};
pub use std::io::{Error, ErrorKind, IoSlice, IoSliceMut, Result, SeekFrom};
#[cfg(feature = "io-std")]
pub use stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};

/// Two halves of a stream that is a reader and a writer, for two tasks. The sockets have halves of their own
/// (`into_split`), which do without the lock of these.
///
/// # Examples
/// ```
/// use raddle::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
///
/// # raddle::block_on(async {
/// let (one, other) = duplex(64);
/// let ((_, mut writer), (mut reader, _)) = (split(one), split(other));
/// writer.write_all(b"over").await?;
/// reader.read_exact(&mut [0; 4]).await
/// # }).unwrap();
/// ```
#[cfg(feature = "io-util")]
pub fn split<T: AsyncRead + AsyncWrite>(stream: T) -> (ReadHalf<T>, WriteHalf<T>) {
    stream.split()
}
