//! An open file.

use std::fs::{self, Metadata, Permissions};
use std::future::poll_fn;
use std::io::{self, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncSeek, AsyncWrite};
use raddle_sync::Mutex;

use super::OpenOptions;
use crate::io::failure::failed;
use crate::io::offload::{MAX_BYTES, Offload, offload, step_back};

/// An open file, whose operations run on the blocking pool, one after the other.
///
/// A write returns when its bytes are copied and a thread has been asked to write them; an error comes with the next
/// operation. So [`flush`](Self::flush) before you drop it: that waits, and tells. A file that is dropped while it is
/// written to is written to the end by that thread; a runtime that is dropped at the same time may cancel the write.
///
/// `flush` hands everything to the system. [`sync_all`](Self::sync_all) hands it to the disk.
///
/// # Examples
/// ```
/// use raddle::fs::File;
/// use std::io::SeekFrom;
///
/// # raddle::block_on(async {
/// # let path = std::env::temp_dir().join(format!("raddle-file-{}", std::process::id()));
/// let mut file = File::options().read(true).write(true).create(true).open(&path).await?;
/// file.write_all(b"hello, file").await?;
/// file.seek(SeekFrom::Start(7)).await?;
/// let mut rest = Vec::new();
/// file.read_to_end(&mut rest).await?;
/// assert_eq!(rest, b"file");
/// file.set_len(5).await?;
/// file.sync_all().await?;
/// # raddle::fs::remove_file(&path).await?;
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct File {
    std: Arc<fs::File>,
    name: Arc<str>,
    work: Mutex<Offload<fs::File>>,
    /// What the seek under way is for.
    seeking: Option<SeekFrom>,
    max_bytes: usize,
}

impl File {
    pub(super) fn new(std: fs::File, name: String) -> Self {
        let (std, name): (_, Arc<str>) = (Arc::new(std), name.into());
        let work = Mutex::new(Offload::new(std.clone(), name.clone()));
        Self { std, name, work, seeking: None, max_bytes: MAX_BYTES }
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// Those of [`std::fs::File::open`], naming the path.
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::options().read(true).open(path).await
    }

    /// Opens a file for writing; it is created if it is missing, and emptied if not.
    ///
    /// # Errors
    /// Those of [`std::fs::File::create`], naming the path.
    pub async fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::options().write(true).create(true).truncate(true).open(path).await
    }

    /// Creates a file for reading and writing, which must not be there.
    ///
    /// # Errors
    /// Those of [`std::fs::File::create_new`], naming the path.
    pub async fn create_new(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::options().read(true).write(true).create_new(true).open(path).await
    }

    /// Other ways to open a file.
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Takes over a file of the standard library.
    pub fn from_std(std: fs::File) -> Self {
        let name = format!("descriptor {}", std.as_raw_fd());
        Self::new(std, name)
    }

    /// Waits for writes, and gives the file to the standard library. What was read ahead is taken back. If an operation
    /// goes on whose future was dropped, it is a second handle to the file that is given.
    ///
    /// # Errors
    /// Of a write that nobody has heard of yet; the file is closed then. That there is no descriptor for the second handle.
    pub async fn into_std(mut self) -> io::Result<fs::File> {
        self.flush().await?;
        self.seek(SeekFrom::Current(0)).await.or_else(|error| match error.kind() {
            // A pipe, or another file that has no positions, is not read ahead of its reader.
            io::ErrorKind::NotSeekable => Ok(0),
            _ => Err(error),
        })?;
        let Self { std, name, work, .. } = self;
        drop(work);
        Arc::try_unwrap(std)
            .or_else(|std| std.try_clone().map_err(|error| failed("giving away", name, error)))
    }

    /// Reads at the present position: at most what fits `buffer`. 0 means the end, or that `buffer` is empty.
    ///
    /// # Cancel safety
    /// What was read for a future that is dropped is kept for the next read.
    ///
    /// # Errors
    /// What the system says, naming the path, of this operation or of an earlier write.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| Pin::new(&mut *self).poll_read(cx, buffer)).await
    }

    /// Reads until `buffer` is full.
    ///
    /// # Cancel safety
    /// None: what it has read is lost.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] if the file ends before that, and what [`read`](Self::read) meets.
    pub async fn read_exact(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len();
        while !buffer.is_empty() {
            match self.read(buffer).await? {
                0 => {
                    let error = io::ErrorKind::UnexpectedEof.into();
                    return Err(failed("reading from", &self.name, error));
                }
                count => buffer = &mut buffer[count..],
            }
        }
        Ok(length)
    }

    /// Appends everything from the present position to the end to `all`, and returns how many bytes that were.
    ///
    /// # Cancel safety
    /// What it has read is in `all`.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub async fn read_to_end(&mut self, all: &mut Vec<u8>) -> io::Result<usize> {
        let before = all.len();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match self.read(&mut buffer).await? {
                0 => return Ok(all.len() - before),
                count => all.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// Writes at the present position; see the type for when that has happened. At most 2 MiB at once, unless
    /// [`set_max_buf_size`](Self::set_max_buf_size) says otherwise.
    ///
    /// # Cancel safety
    /// Nothing is written unless the future completes.
    ///
    /// # Errors
    /// What the system says of an *earlier* write, naming the path.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| Pin::new(&mut *self).poll_write(cx, bytes)).await
    }

    /// Writes all of `bytes`.
    ///
    /// # Cancel safety
    /// None: some of `bytes` may have been written.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.write(bytes).await?;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Waits until what was written is with the system.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    ///
    /// # Errors
    /// What the system says of an earlier write, naming the path.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.work.get_mut().poll_settled(cx)).await
    }

    /// Goes to another position, and returns it, counted from the start in bytes.
    ///
    /// # Cancel safety
    /// Whether the position has changed is then uncertain.
    ///
    /// # Errors
    /// What the system says, naming the path, of this operation or of an earlier write.
    pub async fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let mut target = Some(target);
        self.seeking = None;
        poll_fn(|cx| self.work.get_mut().poll_seek(cx, &mut target)).await
    }

    /// Waits for writes, and then until the file and its metadata are on the disk.
    ///
    /// # Errors
    /// What the system says, naming the path, of this operation or of an earlier write.
    pub async fn sync_all(&self) -> io::Result<()> {
        self.after_writes("syncing", fs::File::sync_all).await
    }

    /// [`sync_all`](Self::sync_all), without metadata that nobody needs to read the file.
    ///
    /// # Errors
    /// As there.
    pub async fn sync_data(&self) -> io::Result<()> {
        self.after_writes("syncing", fs::File::sync_data).await
    }

    /// Cuts the file to this length in bytes, or fills it with zeros. The position stays.
    ///
    /// # Errors
    /// As for [`sync_all`](Self::sync_all).
    pub async fn set_len(&self, length: u64) -> io::Result<()> {
        self.after_writes("setting the length of", move |std| std.set_len(length)).await
    }

    /// What the system knows of the file, after the writes so far.
    ///
    /// # Errors
    /// As for [`sync_all`](Self::sync_all).
    pub async fn metadata(&self) -> io::Result<Metadata> {
        self.after_writes("reading the metadata of", fs::File::metadata).await
    }

    /// Sets the permissions of the file.
    ///
    /// # Errors
    /// As for [`sync_all`](Self::sync_all).
    pub async fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
        let set = move |std: &fs::File| std.set_permissions(permissions);
        self.after_writes("setting the permissions of", set).await
    }

    /// A second handle to the file, with the same position.
    ///
    /// # Errors
    /// As for [`sync_all`](Self::sync_all).
    pub async fn try_clone(&self) -> io::Result<Self> {
        let std = self.after_writes("cloning the handle of", fs::File::try_clone).await?;
        Ok(Self::new(std, self.name.to_string()))
    }

    /// How many bytes one operation moves at most. 2 MiB unless set.
    pub fn max_buf_size(&self) -> usize {
        self.max_bytes
    }

    /// Sets how many bytes one operation moves at most; at least one.
    pub fn set_max_buf_size(&mut self, bytes: usize) {
        self.max_bytes = bytes.max(1);
        self.work.get_mut().set_max_bytes(self.max_bytes);
    }

    async fn after_writes<R: Send + 'static>(
        &self,
        words: &'static str,
        operation: impl FnOnce(&fs::File) -> io::Result<R> + Send + 'static,
    ) -> io::Result<R> {
        // Kept until the end: operations come one after the other.
        let mut work = self.work.lock().await;
        poll_fn(|cx| work.poll_settled(cx)).await?;
        let std = self.std.clone();
        offload(words, self.name.to_string(), move || operation(&std)).await
    }
}

impl AsyncRead for File {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.work.get_mut().poll_read(cx, buffer)
    }
}

impl AsyncWrite for File {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.work.get_mut().poll_write(cx, bytes, |mut std, ahead, bytes| {
            step_back(std, ahead)?;
            std.write_all(bytes)
        })
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.work.get_mut().poll_settled(cx)
    }

    /// The same as flushing. The file is closed when it is dropped.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.work.get_mut().poll_settled(cx)
    }
}

impl AsyncSeek for File {
    fn poll_seek(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        target: SeekFrom,
    ) -> Poll<io::Result<u64>> {
        let this = &mut *self;
        // Called again for the same target: that is the seek under way.
        let mut begin = (this.seeking != Some(target)).then_some(target);
        this.seeking = Some(target);
        let position = ready!(this.work.get_mut().poll_seek(cx, &mut begin));
        this.seeking = None;
        Poll::Ready(position)
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.std.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.std.as_raw_fd()
    }
}

impl From<fs::File> for File {
    fn from(std: fs::File) -> Self {
        Self::from_std(std)
    }
}
