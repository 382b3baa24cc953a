//! A child process.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Output};
use std::task::Poll;

use super::exit::Running;
use super::{ChildStderr, ChildStdin, ChildStdout, orphans};
use crate::io::failure::failed;
use crate::runtime::Handle;

/// A child process. See [`Command`](super::Command).
///
/// Dropping it lets the child run on, unless [`kill_on_drop`](super::Command::kill_on_drop) says otherwise; in either
/// case it is waited for when it ends, so that it does not stay a zombie.
#[derive(Debug)]
pub struct Child {
    /// The writing end of the pipe to its standard input, if that is [piped](std::process::Stdio::piped).
    pub stdin: Option<ChildStdin>,
    /// The reading end of the pipe from its standard output, if that is piped.
    pub stdout: Option<ChildStdout>,
    /// The reading end of the pipe from its standard error, if that is piped.
    pub stderr: Option<ChildStderr>,
    state: State,
    program: String,
    kill_on_drop: bool,
    runtime: Handle,
}

#[derive(Debug)]
enum State {
    Running(Running),
    Ended(ExitStatus),
    /// Handed to those who wait for orphans.
    Left,
}

impl Child {
    #[track_caller]
    pub(super) fn new(
        mut child: std::process::Child,
        program: String,
        kill_on_drop: bool,
    ) -> io::Result<Self> {
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // Watched first: if anything below fails, dropping `this` sees to it.
        let mut this = Self {
            stdin: None,
            stdout: None,
            stderr: None,
            state: State::Running(Running::watch(child)?),
            program,
            kill_on_drop: true,
            runtime: Handle::current(),
        };
        this.stdin = stdin.map(|end| ChildStdin::from_owned_fd(end.into())).transpose()?;
        this.stdout = stdout.map(|end| ChildStdout::from_owned_fd(end.into())).transpose()?;
        this.stderr = stderr.map(|end| ChildStderr::from_owned_fd(end.into())).transpose()?;
        this.kill_on_drop = kill_on_drop;
        Ok(this)
    }

    /// The number of the process; `None` once it was waited for, when the system may give it to another.
    pub fn id(&self) -> Option<u32> {
        match &self.state {
            State::Running(running) => Some(running.child.id()),
            _ => None,
        }
    }

    /// Waits until the child has ended. Its standard input is closed before, if this value still has it, so that a
    /// child that reads to the end is not waited for in vain. Later calls return the same.
    ///
    /// # Cancel safety
    /// Nothing is lost but the standard input.
    ///
    /// # Errors
    /// What the system says, naming the program; that the runtime has shut down.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        let status = match &mut self.state {
            State::Running(running) => running.wait().await,
            State::Ended(status) => Ok(*status),
            State::Left => unreachable!("a child is left when it is dropped"),
        };
        self.ended(status)
    }

    /// Looks whether the child has ended, without waiting.
    ///
    /// # Errors
    /// What the system says, naming the program.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = match &mut self.state {
            State::Running(running) => running.try_wait(),
            State::Ended(status) => Ok(Some(*status)),
            State::Left => unreachable!("a child is left when it is dropped"),
        };
        match status.transpose() {
            Some(status) => self.ended(status).map(Some),
            None => Ok(None),
        }
    }

    fn ended(&mut self, status: io::Result<ExitStatus>) -> io::Result<ExitStatus> {
        let status = status.map_err(|error| failed("waiting for", &self.program, error))?;
        self.state = State::Ended(status);
        Ok(status)
    }

    /// Sends the child the signal that it cannot refuse (`SIGKILL`), and does not wait for its end.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if it was waited for already; others as the system says.
    pub fn start_kill(&mut self) -> io::Result<()> {
        let killed = match &mut self.state {
            State::Running(running) => running.child.kill(),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it has ended already")),
        };
        killed.map_err(|error| failed("killing", &self.program, error))
    }

    /// [`start_kill`](Self::start_kill), and then waits for the end.
    ///
    /// # Cancel safety
    /// The signal is sent by the first poll; the child is waited for in any case.
    ///
    /// # Errors
    /// As there, and as for [`wait`](Self::wait).
    pub async fn kill(&mut self) -> io::Result<()> {
        self.start_kill()?;
        self.wait().await.map(drop)
    }

    /// Waits until the child has ended, and collects what it writes to those of its outputs that are
    /// [piped](std::process::Stdio::piped).
    ///
    /// # Cancel safety
    /// Dropping the future drops the child.
    ///
    /// # Errors
    /// What the system says, naming the program.
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        let (out, err) = (self.stdout.take(), self.stderr.take());
        let (mut out, mut err) = (pin!(read_to_end(out)), pin!(read_to_end(err)));
        let (mut stdout, mut stderr, mut status) = (None, None, None);
        let mut wait = pin!(self.wait());
        // All three at once: a child whose pipe is full does not end.
        poll_fn(|cx| {
            if stdout.is_none()
                && let Poll::Ready(bytes) = out.as_mut().poll(cx)
            {
                stdout = Some(bytes?);
            }
            if stderr.is_none()
                && let Poll::Ready(bytes) = err.as_mut().poll(cx)
            {
                stderr = Some(bytes?);
            }
            if status.is_none()
                && let Poll::Ready(ended) = wait.as_mut().poll(cx)
            {
                status = Some(ended?);
            }
            match (&mut stdout, &mut stderr, status) {
                (Some(stdout), Some(stderr), Some(status)) => {
                    let (stdout, stderr) = (std::mem::take(stdout), std::mem::take(stderr));
                    Poll::Ready(Ok(Output { status, stdout, stderr }))
                }
                _ => Poll::Pending,
            }
        })
        .await
    }
}

async fn read_to_end(source: Option<ChildStdout>) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    let Some(mut source) = source else { return Ok(all) };
    let mut buffer = [0; 4096];
    loop {
        match source.read(&mut buffer).await? {
            0 => return Ok(all),
            count => all.extend_from_slice(&buffer[..count]),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let State::Running(mut running) = std::mem::replace(&mut self.state, State::Left) else {
            return;
        };
        if running.was_forked() {
            // The child is our parent's, which still has it.
            return;
        }
        if self.kill_on_drop {
            // It has not been waited for, so the number is still its own.
            let _ = running.child.kill();
        }
        orphans::adopt(running, &self.runtime);
    }
}
