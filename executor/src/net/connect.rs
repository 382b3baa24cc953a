//! Connecting to one of several addresses.
//!
//! A list that the caller wrote down is tried in its order. The addresses of a name are raced as RFC 8305 says
//! (D. Schinazi, T. Pauly, 2017): the families take turns, beginning with that of the address which the resolver put
//! first; each attempt has [`HEAD_START`] before the next begins beside it, or less if it fails. So a broken IPv6 route
//! costs a quarter of a second, and not the minutes until a connection times out.
//!
//! The RFC's separate queries for both families are left out: the system's resolver answers them together.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use raddle_io_driver::Handle;

use super::resolve::{Addresses, failed, no_address};
use super::{TcpSocket, TcpStream};
use crate::time::{Sleep, sleep};

/// How long an attempt runs alone: the "Connection Attempt Delay" that RFC 8305 recommends.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to whichever of the addresses answers first.
pub(super) async fn connect_to_first(
    handle: &Handle,
    addresses: Addresses,
) -> io::Result<TcpStream> {
    match addresses {
        Addresses::Named(addresses) if addresses.len() > 1 => {
            race(handle, taking_turns(addresses), HEAD_START).await
        }
        addresses => one_after_the_other(handle, addresses).await,
    }
}

async fn one_after_the_other(handle: &Handle, addresses: Addresses) -> io::Result<TcpStream> {
    let mut failure = None;
    for address in addresses {
        match connect_to(handle, address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| no_address("connecting")))
}

async fn connect_to(handle: &Handle, address: SocketAddr) -> io::Result<TcpStream> {
    // A system without IPv6 refuses the socket already; the next address may do.
    let socket =
        TcpSocket::for_address(address).map_err(|error| failed("connecting to", address, error))?;
    socket.connect_on(handle, address).await
}

/// The addresses with the families in turns, each family in its order (RFC 8305, section 4).
fn taking_turns(addresses: impl Iterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut rest: VecDeque<SocketAddr> = addresses.collect();
    let mut sorted = VecDeque::with_capacity(rest.len());
    let Some(mut wants_v4) = rest.front().map(SocketAddr::is_ipv4) else { return rest };
    while !rest.is_empty() {
        let wanted = rest.iter().position(|address| address.is_ipv4() == wants_v4);
        sorted.extend(rest.remove(wanted.unwrap_or(0)));
        wants_v4 = !wants_v4;
    }
    sorted
}

type Attempt<'a> = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send + 'a>>;

/// Attempts that run beside each other, and those that have yet to begin.
struct Race<'a> {
    handle: &'a Handle,
    waiting: VecDeque<SocketAddr>,
    running: Vec<Attempt<'a>>,
    head_start: Duration,
    /// When the next begins, if the running ones do not fail before.
    next_at: Sleep,
    failure: Option<io::Error>,
}

async fn race(
    handle: &Handle,
    addresses: VecDeque<SocketAddr>,
    head_start: Duration,
) -> io::Result<TcpStream> {
    let next_at = sleep(Duration::ZERO);
    let running = Vec::with_capacity(addresses.len());
    let mut race = Race { handle, waiting: addresses, running, head_start, next_at, failure: None };
    race.begin_next();
    poll_fn(|cx| race.poll(cx)).await
}

impl Race<'_> {
    fn begin_next(&mut self) {
        if let Some(address) = self.waiting.pop_front() {
            self.running.push(Box::pin(connect_to(self.handle, address)));
            self.next_at = sleep(self.head_start);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        loop {
            let mut index = 0;
            let mut failed = false;
            while let Some(attempt) = self.running.get_mut(index) {
                match attempt.as_mut().poll(cx) {
                    Poll::Pending => index += 1,
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(error)) => {
                        drop(self.running.swap_remove(index));
                        self.failure = Some(error);
                        failed = true;
                    }
                }
            }
            if self.waiting.is_empty() {
                if !self.running.is_empty() {
                    return Poll::Pending;
                }
                let failure = self.failure.take();
                return Poll::Ready(Err(failure.unwrap_or_else(|| no_address("connecting"))));
            }
            if !failed && Pin::new(&mut self.next_at).poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.begin_next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::TcpListener;
    use crate::scheduler::context::io_handle;
    use crate::time::timeout;

    fn addresses(list: &[&str]) -> VecDeque<SocketAddr> {
        list.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn the_families_take_turns_and_keep_their_order() {
        let given = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1", "1.0.0.2:1"]);
        let expected = ["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"];
        assert_eq!(taking_turns(given.into_iter()), addresses(&expected));
        let v4_first = addresses(&["1.0.0.1:1", "[::1]:1"]);
        assert_eq!(taking_turns(v4_first.clone().into_iter()), v4_first);
        assert!(taking_turns(std::iter::empty()).is_empty());
    }

    /// A listener whose queue is full: the system drops what comes further, so an attempt neither succeeds nor fails.
    #[cfg(target_os = "linux")]
    async fn black_hole() -> (TcpListener, Vec<Attempt<'static>>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let (address, mut filling) = (listener.local_addr().unwrap(), Vec::new());
        loop {
            let socket = TcpSocket::new_v4().unwrap();
            let mut attempt: Attempt<'static> = Box::pin(socket.connect(address));
            if timeout(Duration::from_millis(50), &mut attempt).await.is_err() {
                filling.push(attempt);
                return (listener, filling);
            }
            filling.push(Box::pin(std::future::pending()));
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_attempt_that_does_not_end_does_not_hold_up_the_next() {
        crate::block_on(async {
            let (hole, _filling) = black_hole().await;
            let alive = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let wanted = alive.local_addr().unwrap();
            let list = [hole.local_addr().unwrap(), wanted];
            let stream = race(&io_handle(), list.into(), Duration::from_millis(10)).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), wanted);
        });
    }

    #[test]
    fn an_attempt_that_fails_gives_its_head_start_away() {
        crate::block_on(async {
            let dead = TcpSocket::new_v4().unwrap();
            dead.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let alive = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let wanted = alive.local_addr().unwrap();
            let list = [dead.local_addr().unwrap(), wanted];
            let an_hour = Duration::from_secs(3600);
            let handle = io_handle();
            let racing = race(&handle, list.into(), an_hour);
            let stream = timeout(Duration::from_secs(30), racing).await.expect("the hour").unwrap();
            assert_eq!(stream.peer_addr().unwrap(), wanted);

            let none = race(&handle, [list[0], list[0]].into(), an_hour).await.unwrap_err();
            assert_eq!(none.kind(), io::ErrorKind::ConnectionRefused);
            assert!(none.to_string().contains(&list[0].to_string()), "{none}");
        });
    }
}
