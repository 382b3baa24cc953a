//! Blocking readers and writers, used from tasks: each operation runs on the blocking pool, one at a time.
//!
//! A reader's operation fills a buffer of its own, from which the caller's is filled; what the caller's had no room
//! for, because the read that asked for it was dropped, stays for the next one. A writer's operation takes a copy, so
//! that `poll_write` returns at once; the outcome is that of the next operation, or of `flush`.
//!
//! Only files can go back: a write, or a seek from the present position, first undoes what was read ahead.

use std::future::Future;
#[cfg(feature = "io-std")]
use std::io::Write;
use std::io::{self, Read};
#[cfg(feature = "fs")]
use std::io::{Seek, SeekFrom};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::io::failure::failed;
use crate::task::{JoinHandle, spawn_blocking};

/// How many bytes one operation moves at most, as Tokio has it: larger ones cost more than the trip they save.
pub(crate) const MAX_BYTES: usize = 2 * 1024 * 1024;

/// Runs `operation` on the blocking pool. An error, also that the pool is gone, says in these `words` what was done to
/// `object`.
#[cfg(feature = "fs")]
pub(crate) async fn offload<R: Send + 'static>(
    words: &'static str,
    object: String,
    operation: impl FnOnce() -> io::Result<R> + Send + 'static,
) -> io::Result<R> {
    let outcome = spawn_blocking(operation).await;
    let outcome = outcome.unwrap_or_else(|error| Err(io::Error::other(error)));
    outcome.map_err(|error| failed(words, object, error))
}

/// What an operation was, and how it went.
#[derive(Debug)]
enum Outcome {
    Read(io::Result<usize>),
    Write(io::Result<()>),
    #[cfg(feature = "fs")]
    Seek(io::Result<u64>),
}

/// A blocking reader or writer, and the operation that is under way on it.
#[derive(Debug)]
pub(crate) struct Offload<T> {
    io: Arc<T>,
    /// In an error.
    name: Arc<str>,
    /// From `start` on: what was read and not yet asked for.
    buffer: Vec<u8>,
    start: usize,
    busy: Option<JoinHandle<(Vec<u8>, Outcome)>>,
    /// Of a write that nobody has heard of yet.
    failure: Option<io::Error>,
    max_bytes: usize,
}

impl<T: Send + Sync + 'static> Offload<T> {
    pub(crate) fn new(io: Arc<T>, name: Arc<str>) -> Self {
        Self {
            io,
            name,
            buffer: Vec::new(),
            start: 0,
            busy: None,
            failure: None,
            max_bytes: MAX_BYTES,
        }
    }

    #[cfg(feature = "fs")]
    pub(crate) fn set_max_bytes(&mut self, max_bytes: usize) {
        self.max_bytes = max_bytes;
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    fn begin(&mut self, operation: impl FnOnce(&T, &mut Vec<u8>) -> Outcome + Send + 'static) {
        let (io, mut buffer) = (self.io.clone(), mem::take(&mut self.buffer));
        self.start = 0;
        self.busy = Some(spawn_blocking(move || {
            let outcome = operation(&io, &mut buffer);
            (buffer, outcome)
        }));
    }

    /// Waits until no operation is under way, and says how the last one went, if there was one.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Outcome>>> {
        let Some(busy) = &mut self.busy else { return Poll::Ready(Ok(None)) };
        let ended = ready!(Pin::new(busy).poll(cx));
        self.busy = None;
        // An error here is that of the task: the runtime shuts down.
        let (buffer, outcome) =
            ended.map_err(|error| failed("using", &self.name, io::Error::other(error)))?;
        self.buffer = buffer;
        self.start = 0;
        match &outcome {
            Outcome::Read(Ok(count)) => self.buffer.truncate(*count),
            _ => self.buffer.clear(),
        }
        Poll::Ready(Ok(Some(outcome)))
    }

    /// As [`poll_idle`](Self::poll_idle), and reports what an earlier write could not.
    pub(crate) fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(Outcome::Write(Err(error))) = ready!(self.poll_idle(cx))? {
            self.failure = Some(failed("writing to", &self.name, error));
        }
        Poll::Ready(self.failure.take().map_or(Ok(()), Err))
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>>
    where
        for<'a> &'a T: Read,
    {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            match ready!(self.poll_idle(cx))? {
                Some(Outcome::Read(Ok(0))) => return Poll::Ready(Ok(0)),
                Some(Outcome::Read(Err(error))) => {
                    return Poll::Ready(Err(failed("reading from", &self.name, error)));
                }
                Some(Outcome::Write(Err(error))) => {
                    return Poll::Ready(Err(failed("writing to", &self.name, error)));
                }
                _ => {}
            }
            let unread = self.unread();
            if !unread.is_empty() {
                let count = unread.len().min(buffer.len());
                buffer[..count].copy_from_slice(&unread[..count]);
                self.start += count;
                return Poll::Ready(Ok(count));
            }
            let wanted = buffer.len().min(self.max_bytes);
            self.begin(move |mut io, bytes| {
                bytes.resize(wanted, 0);
                Outcome::Read(without_interruptions(|| io.read(bytes)))
            });
        }
    }

    /// `write` is given how many bytes were read ahead, and not asked for.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        write: impl FnOnce(&T, usize, &[u8]) -> io::Result<()> + Send + 'static,
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(self.poll_settled(cx))?;
        let ahead = self.unread().len();
        let count = bytes.len().min(self.max_bytes);
        self.buffer.clear();
        self.buffer.extend_from_slice(&bytes[..count]);
        self.begin(move |io, bytes| Outcome::Write(write(io, ahead, bytes)));
        Poll::Ready(Ok(count))
    }

    /// `target` is asked for once, when the seek begins; `None` waits for the one under way.
    #[cfg(feature = "fs")]
    pub(crate) fn poll_seek(
        &mut self,
        cx: &mut Context<'_>,
        target: &mut Option<SeekFrom>,
    ) -> Poll<io::Result<u64>>
    where
        for<'a> &'a T: Seek,
    {
        loop {
            match ready!(self.poll_idle(cx))? {
                Some(Outcome::Seek(outcome)) if target.is_none() => {
                    return Poll::Ready(
                        outcome.map_err(|error| failed("seeking in", &self.name, error)),
                    );
                }
                Some(Outcome::Write(Err(error))) => {
                    return Poll::Ready(Err(failed("writing to", &self.name, error)));
                }
                _ => {}
            }
            let ahead = i64::try_from(self.unread().len()).expect("a buffer is small");
            let target = match target.take() {
                Some(SeekFrom::Current(delta)) => SeekFrom::Current(delta.saturating_sub(ahead)),
                Some(target) => target,
                // The one under way was overtaken by another operation; where are we?
                None => SeekFrom::Current(-ahead),
            };
            self.buffer.clear();
            self.begin(move |mut io, _| {
                let outcome = io.seek(target);
                if outcome.is_err() {
                    // The position is where it was; what was read ahead of it is read again. (Where there are no positions,
                    // that cannot be.)
                    let _ = step_back(io, ahead as usize);
                }
                Outcome::Seek(outcome)
            });
        }
    }
}

/// Takes back what was read ahead, so that a write begins where the caller thinks it does.
#[cfg(feature = "fs")]
pub(crate) fn step_back<T>(mut io: &T, ahead: usize) -> io::Result<()>
where
    for<'a> &'a T: Seek,
{
    if ahead > 0 {
        io.seek(SeekFrom::Current(-i64::try_from(ahead).expect("a buffer is small")))?;
    }
    Ok(())
}

/// All of `bytes`, and nothing kept back.
#[cfg(feature = "io-std")]
pub(crate) fn write_through<T>(mut io: &T, bytes: &[u8]) -> io::Result<()>
where
    for<'a> &'a T: Write,
{
    io.write_all(bytes)?;
    io.flush()
}

fn without_interruptions<R>(mut operation: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}
