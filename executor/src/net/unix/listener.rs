//! A Unix socket that accepts connections.

use std::io;
use std::os::unix::net;
use std::path::Path;
use std::task::{Context, Poll, ready};

use raddle_io_driver::{Interest, Registered};

use super::{SocketAddr, address, printed};
use crate::io::failure::failed;
use crate::net::UnixStream;
use crate::net::budget::{spend, spending};
use crate::net::socket::naming;
use crate::net::stream::{descriptor_traits, std_conversions};
use crate::scheduler::context::io_handle;

/// A Unix socket that accepts connections.
///
/// It leaves its file behind when it is dropped, as the system has it; remove that before binding
/// anew. An abstract name has no file (see the [module](crate::net::unix)).
///
/// # Examples
/// ```
/// use raddle::net::{UnixListener, UnixStream};
///
/// # raddle::block_on(async {
/// # let folder = std::env::temp_dir().join(format!("raddle-listener-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let path = folder.join("socket");
/// let listener = UnixListener::bind(&path)?;
/// let _client = UnixStream::connect(&path).await?;
/// let (_server, peer) = listener.accept().await?;
/// assert!(peer.is_unnamed());
/// # std::fs::remove_dir_all(&folder)?;
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub struct UnixListener {
    io: Registered<net::UnixListener>,
}

impl UnixListener {
    /// Listens at `path`, which must not be there yet, or at an abstract name.
    ///
    /// # Errors
    /// What the system says, naming the path: `AddrInUse`, `PermissionDenied`, ….
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        let (handle, path) = (io_handle(), path.as_ref());
        let listening = address(path).and_then(|address| {
            let listener = net::UnixListener::bind_addr(&address)?;
            listener.set_nonblocking(true)?;
            Registered::new(listener, &handle)
        });
        match listening {
            Ok(io) => Ok(Self { io }),
            Err(error) => Err(failed("listening on", printed(path), error)),
        }
    }

    /// Waits for a connection. Any number of tasks may accept at once.
    ///
    /// # Cancel safety
    /// A connection is either returned or still in the queue.
    ///
    /// # Errors
    /// As for [`TcpListener::accept`](crate::net::TcpListener::accept).
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let accepted = spending(self.io.async_io(Interest::READABLE, |io| io.accept())).await;
        self.welcome(accepted)
    }

    /// [`accept`](Self::accept) for a hand-written future. Only the waker of the last call is kept.
    ///
    /// # Errors
    /// As there.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let accepted = ready!(spend(cx, |cx| self.io.poll_read_io(cx, |io| io.accept())));
        Poll::Ready(self.welcome(accepted))
    }

    fn welcome(
        &self,
        accepted: io::Result<(net::UnixStream, SocketAddr)>,
    ) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, peer) = accepted.map_err(naming("accepting on", self))?;
        stream.set_nonblocking(true).map_err(naming("accepting on", self))?;
        let registered = Registered::new_stream(stream, self.io.handle());
        Ok((UnixStream { io: registered.map_err(naming("accepting on", self))? }, peer))
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr().map_err(naming("asking for the address of", self))
    }

    /// The error that is pending on the socket, which this clears.
    ///
    /// # Errors
    /// What the system says of the question.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get_ref().take_error().map_err(naming("asking for the error of", self))
    }
}

std_conversions!(UnixListener, net::UnixListener);
descriptor_traits!(UnixListener);
