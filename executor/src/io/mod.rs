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
//! The traits are those of `futures-io`, and the combinators those of `futures-lite`, not our own: a stream of ours
//! works with whatever knows these traits, and theirs with ours. (`futures-util` has the same and more; `futures-lite`
//! is a tenth of it to compile, and what it lacks here is `copy_bidirectional` and `duplex`.) For libraries that want
//! `tokio::io`, the feature `tokio-io` gives the sockets those traits as well.
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
//! let (mut reader, mut line) = (BufReader::new(other), String::new());
//! while reader.read_line(&mut line).await? > 0 {}
//! assert_eq!(line, "first\nsecond\n");
//! # std::io::Result::Ok(()) }).unwrap();
//! ```

#[cfg(feature = "net")]
mod async_fd;
#[cfg(feature = "io-util")]
mod copy_bidirectional;
#[cfg(feature = "io-util")]
mod duplex;
pub(crate) mod failure;
#[cfg(any(feature = "io-std", feature = "fs"))]
pub(crate) mod offload;
#[cfg(feature = "io-std")]
mod stdio;

#[cfg(feature = "net")]
pub use async_fd::{AsyncFd, AsyncFdReadyGuard, TryIoError};
#[cfg(feature = "io-util")]
pub use copy_bidirectional::copy_bidirectional;
#[cfg(feature = "io-util")]
pub use duplex::{DuplexStream, duplex};
pub use failure::raw_os_error;
pub use futures_io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite};
#[cfg(feature = "io-util")]
pub use futures_lite::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, BufWriter, Cursor,
    Empty, ReadHalf, Repeat, Sink, WriteHalf, copy, empty, repeat, sink, split,
};
#[cfg(feature = "net")]
pub use raddle_io_driver::{Interest, Ready};
pub use std::io::{Error, ErrorKind, IoSlice, IoSliceMut, Result, SeekFrom};
#[cfg(feature = "io-std")]
pub use stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
