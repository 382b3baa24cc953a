//! Many datagrams at once.

use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};

use crate::sys::datagrams;

/// Room for a number of datagrams, and those that were received last.
///
/// # Examples
/// ```
/// use raddle_io_driver::Datagrams;
/// use std::net::UdpSocket;
///
/// let socket = UdpSocket::bind("127.0.0.1:0")?;
/// socket.set_nonblocking(true)?;
/// let address = socket.local_addr()?;
/// socket.send_to(b"one", address)?;
/// socket.send_to(b"two and more", address)?;
///
/// let mut batch = Datagrams::new(16, 8);
/// assert_eq!(batch.receive(&socket)?, 2);
/// let seen: Vec<_> = batch.iter().map(|it| (it.bytes(), it.is_truncated())).collect();
/// assert_eq!(seen, [(&b"one"[..], false), (&b"two and "[..], true)]);
/// assert!(batch.iter().all(|datagram| datagram.from() == address));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Datagrams {
    memory: Box<[u8]>,
    /// Bytes for each.
    size: usize,
    received: Vec<Received>,
    /// What the system said once, after some were received.
    failure: Option<io::Error>,
}

/// What is known of a datagram besides its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received {
    pub(crate) length: usize,
    pub(crate) from: SocketAddr,
    pub(crate) is_truncated: bool,
}

impl Datagrams {
    /// Room for `count` datagrams of up to `size` bytes; longer ones are cut off.
    ///
    /// # Panics
    /// If either is zero, or both are too large for this machine.
    pub fn new(count: usize, size: usize) -> Self {
        assert!(count > 0 && size > 0, "room for {count} datagrams of {size} bytes is no room");
        let bytes = count.checked_mul(size).expect("so many bytes cannot be counted");
        let memory = vec![0; bytes].into_boxed_slice();
        Self { memory, size, received: Vec::with_capacity(count), failure: None }
    }

    /// How many fit.
    pub fn capacity(&self) -> usize {
        self.memory.len() / self.size
    }

    /// How many were received last.
    pub fn len(&self) -> usize {
        self.received.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.received.is_empty()
    }

    /// Those received last, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Datagram<'_>> {
        self.received
            .iter()
            .zip(self.memory.chunks_exact(self.size))
            .map(|(received, bytes)| Datagram { received, bytes: &bytes[..received.length] })
    }

    /// Whether an error was kept, which the next [`receive`](Self::receive) returns without asking the system.
    pub fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Receives as many as are there and fit, without waiting, in place of those received before; returns how many,
    /// at least one. `socket` must be in non-blocking mode.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there are none; others as the system says. After an error there are none. An error
    /// after some were received is that of the next call for this batch.
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        self.receive_by(|room, size, received| datagrams::receive(socket, room, size, received))
    }

    /// `receive` as that of `sys`.
    fn receive_by(
        &mut self,
        mut receive: impl FnMut(&mut [u8], usize, &mut Vec<Received>) -> io::Result<bool>,
    ) -> io::Result<usize> {
        self.received.clear();
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        while self.len() < self.capacity() {
            let room = &mut self.memory[self.received.len() * self.size..];
            match receive(room, self.size, &mut self.received) {
                // Fewer than there was room for: there are no more, as a rule. If there are, the next call finds them.
                Ok(false) => break,
                Ok(true) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if self.received.is_empty() => return Err(error),
                // Those before it are whole.
                Err(error) => {
                    // "Would block" comes again. That a datagram was refused, the system says once.
                    if error.kind() != io::ErrorKind::WouldBlock {
                        self.failure = Some(error);
                    }
                    break;
                }
            }
        }
        Ok(self.len())
    }
}

impl fmt::Debug for Datagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datagrams")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("size", &self.size)
            .finish()
    }
}

/// One datagram of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    received: &'a Received,
    bytes: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// What it carries, or as much of it as there was room for.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Who sent it.
    pub fn from(&self) -> SocketAddr {
        self.received.from
    }

    /// Whether it was longer than there was room for; the rest is lost.
    pub fn is_truncated(&self) -> bool {
        self.received.is_truncated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the system answers in turn; a number is that of datagrams, each as long as it may be.
    fn answer(
        batch: &mut Datagrams,
        answers: &[Result<usize, io::ErrorKind>],
    ) -> io::Result<usize> {
        let mut answers = answers.iter();
        let outcome = batch.receive_by(|_, size, received| {
            let count = (*answers.next().expect("another call"))?;
            let from = SocketAddr::from(([127, 0, 0, 1], 1));
            let datagram = Received { length: size, from, is_truncated: false };
            received.extend(std::iter::repeat_n(datagram, count));
            Ok(true)
        });
        assert!(answers.next().is_none(), "fewer calls");
        outcome
    }

    #[test]
    fn an_error_after_datagrams_is_told_by_the_next_call() {
        let (refused, none) = (io::ErrorKind::ConnectionRefused, io::ErrorKind::WouldBlock);
        let mut batch = Datagrams::new(4, 8);
        assert_eq!(answer(&mut batch, &[Ok(2), Err(refused)]).unwrap(), 2);
        assert!(batch.has_failed());
        assert_eq!(answer(&mut batch, &[]).unwrap_err().kind(), refused);
        assert!(batch.is_empty() && !batch.has_failed());
        assert_eq!(answer(&mut batch, &[Ok(1), Err(none)]).unwrap(), 1);
        assert_eq!(answer(&mut batch, &[Err(none)]).unwrap_err().kind(), none);
        assert_eq!(
            answer(&mut batch, &[Ok(3), Err(io::ErrorKind::Interrupted), Ok(1)]).unwrap(),
            4
        );
    }
}
