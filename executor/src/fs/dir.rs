//! Directories.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, DirEntryExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::io::failure::failed;
use crate::io::offload::offload;

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
    let path = path.as_ref().to_owned();
    offload(move || match fs::read_dir(&path) {
        Ok(rest) => Ok(ReadDir {
            read: VecDeque::new(),
            rest: Some(rest),
            path: path.display().to_string(),
        }),
        Err(error) => Err(failed("reading the directory", path.display(), error)),
    })
    .await
}

/// What is in a directory; see [`read_dir`].
#[derive(Debug)]
pub struct ReadDir {
    read: VecDeque<io::Result<fs::DirEntry>>,
    /// None at the end.
    rest: Option<fs::ReadDir>,
    path: String,
}

impl ReadDir {
    /// The next entry; `None` at the end.
    ///
    /// # Cancel safety
    /// None: dropping the future may end the listing early, and the next call says so with an error.
    ///
    /// # Errors
    /// What the system says, naming the path.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        if self.read.is_empty() {
            let Some(mut rest) = self.rest.take() else { return Ok(None) };
            // Found when the next call comes after this future was dropped.
            let lost = io::Error::other("an earlier call was dropped before its end");
            self.read.push_back(Err(lost));
            let (read, rest) = offload(move || {
                let read: VecDeque<_> = rest.by_ref().take(AT_ONCE).collect();
                let more = (read.len() == AT_ONCE).then_some(rest);
                Ok((read, more))
            })
            .await?;
            (self.read, self.rest) = (read, rest);
        }
        match self.read.pop_front() {
            Some(Ok(entry)) => Ok(Some(DirEntry(Arc::new(entry)))),
            Some(Err(error)) => Err(failed("reading the directory", &self.path, error)),
            None => Ok(None),
        }
    }
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
        let entry = self.0.clone();
        offload(move || {
            let naming = |error| failed("reading the metadata of", entry.path().display(), error);
            entry.metadata().map_err(naming)
        })
        .await
    }

    /// Whether it is a file, a directory or something else; symbolic links are not followed.
    ///
    /// # Errors
    /// What the system says, naming the path.
    pub async fn file_type(&self) -> io::Result<FileType> {
        let entry = self.0.clone();
        offload(move || {
            let naming = |error| failed("reading the type of", entry.path().display(), error);
            entry.file_type().map_err(naming)
        })
        .await
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
        let path = path.as_ref().to_owned();
        offload(move || {
            let naming = |error| failed("creating the directory", path.display(), error);
            builder.create(&path).map_err(naming)
        })
        .await
    }
}
