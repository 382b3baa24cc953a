//! Who is at the other end.

use super::{gid_t, pid_t, uid_t};

/// The process, user and group at the other end of a Unix socket, as they were when it connected
/// or was made. Linux and Android.
///
/// # Examples
/// ```
/// # raddle::block_on(async {
/// let (one, _other) = raddle::net::UnixStream::pair()?;
/// assert_eq!(one.peer_cred()?.pid(), Some(std::process::id() as i32));
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UCred {
    pid: Option<pid_t>,
    uid: uid_t,
    gid: gid_t,
}

impl UCred {
    pub(super) fn of(socket: &impl std::os::fd::AsFd) -> std::io::Result<Self> {
        let (pid, uid, gid) = raddle_io_driver::peer_credentials(socket.as_fd())?;
        Ok(Self { pid, uid, gid })
    }

    /// The process; `None` if this one cannot see it.
    pub fn pid(&self) -> Option<pid_t> {
        self.pid
    }

    /// The effective user.
    pub fn uid(&self) -> uid_t {
        self.uid
    }

    /// The effective group.
    pub fn gid(&self) -> gid_t {
        self.gid
    }
}
