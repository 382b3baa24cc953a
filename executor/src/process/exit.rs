//! Waiting for a child to end.

use std::future::{Future, poll_fn};
use std::io;
use std::process::ExitStatus;

#[cfg(target_os = "linux")]
use raddle_io_driver::{Interest, Registered};

#[cfg(target_os = "linux")]
use crate::net::budget::spending;
use crate::signal::unix::{Signal, SignalKind, signal};

/// A child that has not been waited for, and what tells of its end.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) child: std::process::Child,
    news: News,
}

#[derive(Debug)]
enum News {
    /// A descriptor that becomes readable when the child ends.
    #[cfg(target_os = "linux")]
    Pidfd(Registered<std::os::fd::OwnedFd>),
    /// Some child has ended.
    Sigchld(Signal),
}

impl Running {
    /// Watches `child`. If that cannot be, the child is ended and waited for: nothing runs that nobody knows of.
    #[track_caller]
    pub(super) fn watch(mut child: std::process::Child) -> io::Result<Self> {
        match News::of(&child) {
            Ok(news) => Ok(Self { child, news }),
            Err(error) => {
                // It has not been waited for, so both can only succeed; and a killed process ends soon.
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// Whether this process was forked from the one that started the child: then the child is its sibling.
    pub(super) fn was_forked(&self) -> bool {
        match &self.news {
            #[cfg(target_os = "linux")]
            News::Pidfd(fd) => fd.handle().was_forked(),
            News::Sigchld(signals) => signals.was_forked(),
        }
    }

    /// Looks whether it has ended, and waits for it in the system's sense if so.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits until it has ended.
    pub(super) fn wait(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + Send {
        let Self { child, news } = self;
        async move {
            match news {
                #[cfg(target_os = "linux")]
                News::Pidfd(fd) => {
                    let look = |_: &_| match child.try_wait()? {
                        Some(status) => Ok(status),
                        None => Err(io::ErrorKind::WouldBlock.into()),
                    };
                    spending(fd.async_io(Interest::READABLE, look)).await
                }
                News::Sigchld(signals) => loop {
                    // After the signal was asked for: an end before that is seen here.
                    if let Some(status) = child.try_wait()? {
                        return Ok(status);
                    }
                    poll_fn(|cx| signals.poll_next(cx)).await?;
                },
            }
        }
    }
}

impl News {
    #[cfg(target_os = "linux")]
    #[track_caller]
    fn of(child: &std::process::Child) -> io::Result<Self> {
        use rustix::io::Errno;
        use rustix::process::{Pid, PidfdFlags, pidfd_open};

        let handle = crate::scheduler::context::io_handle();
        // Nobody has waited for it, so the number is still its own.
        let pid = Pid::from_child(child);
        match pidfd_open(pid, PidfdFlags::NONBLOCK) {
            Ok(fd) => Ok(Self::Pidfd(Registered::new(fd, &handle)?)),
            // An older kernel knows neither the call nor, before 5.10, the flag; a sandbox may forbid it.
            Err(Errno::NOSYS | Errno::PERM) => Self::of_any(),
            Err(Errno::INVAL) => match pidfd_open(pid, PidfdFlags::empty()) {
                Ok(fd) => Ok(Self::Pidfd(Registered::new(fd, &handle)?)),
                Err(_) => Self::of_any(),
            },
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    #[track_caller]
    fn of(_: &std::process::Child) -> io::Result<Self> {
        Self::of_any()
    }

    #[track_caller]
    fn of_any() -> io::Result<Self> {
        Ok(Self::Sigchld(signal(SignalKind::child())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn without_descriptors_for_processes_the_signal_tells_of_their_end() {
        crate::block_on(async {
            let mut children: Vec<_> = (0..20)
                .map(|code| {
                    let script = format!("read line; exit {code}");
                    let mut command = Command::new("sh");
                    command.args(["-c", &script]).stdin(Stdio::piped());
                    let mut child = command.spawn().unwrap();
                    let input = child.stdin.take();
                    (Running { child, news: News::of_any().unwrap() }, input)
                })
                .collect();
            for (running, _) in &mut children {
                assert!(running.try_wait().unwrap().is_none());
            }
            for (code, (mut running, input)) in children.into_iter().enumerate() {
                drop(input);
                let status = running.wait().await.unwrap();
                assert_eq!(status.code(), Some(code as i32));
            }
        });
    }
}
