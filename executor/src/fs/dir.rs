//! Directories.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, FileType, Metadata};
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::os::unix::fs::{DirBuilderExt, DirEntryExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::io::failure::failed;
use crate::io::offload::offload;
use crate::task::{JoinHandle, spawn_blocking};

const READING: &str = "reading the directory";

/// How many entries are read in one trip to the blocking pool.
const AT_ONCE: usize = 32;

/// What is in a directory, in no order.
///
/// # Errors
/// Those of [`std::fs::read_dir`], naming the path.
///
/// # Examples
/// ```
/// # raddle::block_on(async {
/// let mut entries = raddle::fs::read_dir("/").await?;
/// while let Some(entry) = entries.next_entry().await? {
///     println!("{}", entry.path().display());
/// }
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    let (path, name) = (path.as_ref().to_owned(), path.as_ref().display().to_string());
    let rest = offload(READING, name.clone(), move || fs::read_dir(path)).await?;
    Ok(ReadDir { read: VecDeque::new(), state: State::More(rest), path: name })
}

/// What is in a directory; see [`read_dir`].
#[derive(Debug)]
pub struct ReadDir {
    read: VecDeque<io::Result<fs::DirEntry>>,
    state: State,
    path: String,
}

/// Entries, and what remains after them.
type Batch = (VecDeque<io::Result<fs::DirEntry>>, State);

#[derive(Debug)]
enum State {
    More(fs::ReadDir),
    /// The next are being read.
    Busy(JoinHandle<Batch>),
    End,
}

impl ReadDir {
    /// The next entry; `None` at the end.
    ///
    /// # Cancel safety
    /// No entry is lost: those that are being read when the future is dropped come with the next call.
    ///
    /// # Errors
    /// What the system says, naming the path.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        poll_fn(|cx| self.poll_next_entry(cx)).await
    }

    /// [`next_entry`](Self::next_entry) for a hand-written future. Only the waker of the last call is kept.
    ///
    /// # Errors
    /// As there.
    pub fn poll_next_entry(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<DirEntry>>> {
        loop {
            match self.read.pop_front() {
                Some(Ok(entry)) => return Poll::Ready(Ok(Some(DirEntry(Arc::new(entry))))),
                Some(Err(error)) => return Poll::Ready(Err(failed(READING, &self.path, error))),
                None => {}
            }
            self.state = match mem::replace(&mut self.state, State::End) {
                State::More(rest) => State::Busy(spawn_blocking(move || next_batch(rest))),
                State::Busy(mut batch) => match Pin::new(&mut batch).poll(cx) {
                    Poll::Pending => {
                        self.state = State::Busy(batch);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok((read, state))) => {
                        self.read = read;
                        state
                    }
                    // The runtime shuts down.
                    Poll::Ready(Err(error)) => {
                        return Poll::Ready(Err(failed(
                            READING,
                            &self.path,
                            io::Error::other(error),
                        )));
                    }
                },
                State::End => return Poll::Ready(Ok(None)),
            };
        }
    }
}

fn next_batch(mut rest: fs::ReadDir) -> Batch {
    let read: VecDeque<_> = rest.by_ref().take(AT_ONCE).collect();
    let state = if read.len() == AT_ONCE { State::More(rest) } else { State::End };
    (read, state)
}

/// Something in a directory.
#[derive(Debug)]
pub struct DirEntry(Arc<fs::DirEntry>);

impl DirEntry {
    /// The path: that of the directory, and the name.
    pub fn path(&self) -> PathBuf {
        self.0.path()
    }

    /// The name.
    pub fn file_name(&self) -> OsString {
        self.0.file_name()
    }

    /// The number of the file in its file system.
    pub fn ino(&self) -> u64 {
        self.0.ino()
    }

    /// What the system knows of it; symbolic links are not followed.
    ///
    /// # Errors
    /// What the system says, naming the path.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let (entry, name) = (self.0.clone(), self.path().display().to_string());
        offload("reading the metadata of", name, move || entry.metadata()).await
    }

    /// Whether it is a file, a directory or something else; symbolic links are not followed.
    ///
    /// # Errors
    /// What the system says, naming the path.
    pub async fn file_type(&self) -> io::Result<FileType> {
        let (entry, name) = (self.0.clone(), self.path().display().to_string());
        offload("reading the type of", name, move || entry.file_type()).await
    }
}

/// How a directory is created; as [`std::fs::DirBuilder`].
///
/// # Examples
/// ```no_run
/// # raddle::block_on(async {
/// raddle::fs::DirBuilder::new().recursive(true).mode(0o700).create("some/where/private").await
/// # }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct DirBuilder {
    recursive: bool,
    mode: Option<u32>,
}

impl DirBuilder {
    /// For one directory, with the permissions that are usual.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether those above it are created, too, and one that is there already is no error.
    pub fn recursive(&mut self, on: bool) -> &mut Self {
        self.recursive = on;
        self
    }

    /// The permissions, less those that the process withholds (its umask).
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }

    /// Creates the directory.
    ///
    /// # Errors
    /// Those of [`std::fs::DirBuilder::create`], naming the path.
    pub async fn create(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(self.recursive);
        if let Some(mode) = self.mode {
            builder.mode(mode);
        }
        let (path, name) = (path.as_ref().to_owned(), path.as_ref().display().to_string());
        offload("creating the directory", name, move || builder.create(path)).await
    }
}
