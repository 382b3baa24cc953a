//! Datagrams over UDP.

use crate::support::{on_each_runtime, poll_once};
use raddle::io::raw_os_error;
use raddle::net::{Datagrams, Interest, TcpListener, TcpSocket, UdpSocket};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

async fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[test]
fn datagrams_keep_their_bounds_and_tell_their_sender() {
    on_each_runtime(|| async {
        let ((one, one_address), (other, other_address)) = (socket().await, socket().await);
        for bytes in [&b"first"[..], b"", b"third"] {
            assert_eq!(one.send_to(bytes, other_address).await.unwrap(), bytes.len());
        }
        let mut buffer = [0; 64];
        for expected in [&b"first"[..], b"", b"third"] {
            let (n, from) = other.recv_from(&mut buffer).await.unwrap();
            assert_eq!((&buffer[..n], from), (expected, one_address));
        }
        let error = other.try_recv_from(&mut buffer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn many_tasks_share_one_socket() {
    on_each_runtime(|| async {
        let (server, address) = socket().await;
        let server = Arc::new(server);
        let echoes: Vec<_> = (0..4)
            .map(|_| {
                let server = server.clone();
                raddle::spawn(async move {
                    let mut buffer = [0; 64];
                    loop {
                        let (n, peer) = server.recv_from(&mut buffer).await.unwrap();
                        server.send_to(&buffer[..n], peer).await.unwrap();
                    }
                })
            })
            .collect();
        let clients: Vec<_> = (0..20_u8)
            .map(|id| {
                raddle::spawn(async move {
                    let (client, _) = socket().await;
                    client.connect(address).await.unwrap();
                    for round in 0..20 {
                        client.send(&[id, round]).await.unwrap();
                        let mut answer = [0; 2];
                        assert_eq!(client.recv(&mut answer).await.unwrap(), 2);
                        assert_eq!(answer, [id, round]);
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        for echo in echoes {
            echo.abort();
        }
    });
}

#[test]
fn a_connected_socket_hears_its_peer_only() {
    on_each_runtime(|| async {
        let ((one, address), (peer, peer_address), (stranger, _)) =
            (socket().await, socket().await, socket().await);
        assert_eq!(one.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        one.connect(peer_address).await.unwrap();
        assert_eq!(one.peer_addr().unwrap(), peer_address);
        stranger.send_to(b"psst", address).await.unwrap();
        peer.send_to(b"hello", address).await.unwrap();
        let mut buffer = [0; 64];
        assert_eq!(one.recv(&mut buffer).await.unwrap(), 5);
    });
}

#[test]
fn what_does_not_fit_is_cut_off_and_the_next_datagram_is_whole() {
    on_each_runtime(|| async {
        let ((one, _), (other, address)) = (socket().await, socket().await);
        one.send_to(b"a long datagram", address).await.unwrap();
        one.send_to(b"next", address).await.unwrap();
        let mut buffer = [0; 6];
        assert_eq!(other.recv(&mut buffer).await.unwrap(), 6);
        assert_eq!(&buffer, b"a long");
        assert_eq!(other.recv(&mut buffer).await.unwrap(), 4);

        one.send_to(b"a long datagram", address).await.unwrap();
        one.send_to(b"next", address).await.unwrap();
        let mut batch = Datagrams::new(8, 6);
        let mut told = Vec::new();
        while told.len() < 2 {
            other.recv_many(&mut batch).await.unwrap();
            told.extend(batch.iter().map(|it| (it.bytes().to_vec(), it.is_truncated())));
        }
        assert_eq!(told, [(b"a long".to_vec(), true), (b"next".to_vec(), false)]);
    });
}

#[test]
fn a_batch_takes_all_that_is_there_in_order() {
    on_each_runtime(|| async {
        let ((one, from), (other, address)) = (socket().await, socket().await);
        let mut batch = Datagrams::new(100, 16);
        let error = other.try_recv_many(&mut batch).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        {
            let mut waiting = pin!(other.recv_many(&mut batch));
            assert!(poll_once(waiting.as_mut(), Waker::noop()).is_pending());
            for i in 0..100_u8 {
                one.send_to(&[i], address).await.unwrap();
            }
            assert!(waiting.await.unwrap() >= 1);
        }
        let mut seen = Vec::new();
        loop {
            assert!(batch.iter().all(|it| it.from() == from));
            seen.extend(batch.iter().map(|it| it.bytes()[0]));
            if seen.len() == 100 {
                break;
            }
            other.recv_many(&mut batch).await.unwrap();
        }
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
        assert_eq!(other.try_recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn peeking_leaves_the_datagram_there() {
    on_each_runtime(|| async {
        let ((one, from), (other, address)) = (socket().await, socket().await);
        one.send_to(b"abc", address).await.unwrap();
        let mut buffer = [0; 64];
        assert_eq!(other.peek(&mut buffer).await.unwrap(), 3);
        assert_eq!(other.peek_from(&mut buffer).await.unwrap(), (3, from));
        assert_eq!(other.try_peek_from(&mut buffer).unwrap(), (3, from));
        let peeked = poll_fn(|cx| other.poll_peek_from(cx, &mut buffer)).await;
        assert_eq!(peeked.unwrap(), (3, from));
        assert_eq!(other.recv_from(&mut buffer).await.unwrap(), (3, from));
        assert!(other.try_peek_from(&mut buffer).is_err());
    });
}

#[test]
fn hand_written_futures_send_and_receive() {
    on_each_runtime(|| async {
        let ((one, from), (other, address)) = (socket().await, socket().await);
        one.connect(address).await.unwrap();
        let mut buffer = [0; 64];
        poll_fn(|cx| {
            assert!(other.poll_recv_ready(cx).is_ready(), "a new socket is worth a try");
            assert!(other.poll_recv_from(cx, &mut buffer).is_pending());
            Poll::Ready(())
        })
        .await;
        assert_eq!(poll_fn(|cx| one.poll_send_to(cx, b"ab", address)).await.unwrap(), 2);
        let received = poll_fn(|cx| other.poll_recv_from(cx, &mut buffer)).await.unwrap();
        assert_eq!(received, (2, from));
        poll_fn(|cx| one.poll_send_ready(cx)).await.unwrap();
        assert_eq!(poll_fn(|cx| one.poll_send(cx, b"abc")).await.unwrap(), 3);
        other.readable().await.unwrap();
        let received = other.async_io(Interest::READABLE, || other.try_recv(&mut buffer)).await;
        assert_eq!(received.unwrap(), 3);
        one.try_send(b"x").unwrap();
        one.try_send_to(b"y", address).unwrap();
        assert_eq!(poll_fn(|cx| other.poll_recv(cx, &mut buffer)).await.unwrap(), 1);
    });
}

#[test]
fn a_datagram_that_finds_nobody_is_an_error_of_the_next_call_and_names_the_peer() {
    on_each_runtime(|| async {
        let ((one, _), (gone, address)) = (socket().await, socket().await);
        drop(gone);
        one.connect(address).await.unwrap();
        one.send(b"anybody?").await.unwrap();
        let error = one.recv(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains("receiving on 127.0.0.1"), "{error}");

        let too_long = vec![0; 70_000];
        let error = one.send_to(&too_long, address).await.unwrap_err();
        assert!(error.to_string().contains(&format!("sending to {address}")), "{error}");
        assert!(raw_os_error(&error).is_some());
    });
}

#[test]
fn options_are_set_and_read_back() {
    on_each_runtime(|| async {
        let (socket, _) = socket().await;
        assert!(!socket.broadcast().unwrap());
        socket.set_broadcast(true).unwrap();
        assert!(socket.broadcast().unwrap());
        socket.set_ttl(7).unwrap();
        socket.set_multicast_ttl_v4(3).unwrap();
        socket.set_multicast_loop_v4(false).unwrap();
        assert_eq!((socket.ttl().unwrap(), socket.multicast_ttl_v4().unwrap()), (7, 3));
        assert!(!socket.multicast_loop_v4().unwrap());
        assert!(socket.take_error().unwrap().is_none());
        #[cfg(target_os = "linux")]
        {
            socket.set_tos_v4(0x10).unwrap();
            assert_eq!(socket.tos_v4().unwrap(), 0x10);
            let error = socket.set_tclass_v6(0x10).unwrap_err();
            assert!(error.to_string().starts_with("setting IPV6_TCLASS of 127.0.0.1:"), "{error}");
            // Unless there is no IPv6 here.
            if let Ok(socket) = UdpSocket::bind("[::1]:0").await {
                socket.set_tclass_v6(0x20).unwrap();
                assert_eq!(socket.tclass_v6().unwrap(), 0x20);
            }
        }
        let no_group = Ipv4Addr::new(10, 0, 0, 1);
        let error = socket.join_multicast_v4(no_group, Ipv4Addr::UNSPECIFIED).unwrap_err();
        assert!(error.to_string().contains("joining the group 10.0.0.1"), "{error}");
    });
}

#[test]
fn an_option_that_is_refused_names_itself_and_the_socket() {
    on_each_runtime(|| async {
        let (socket, address) = socket().await;
        let error = socket.set_ttl(1_000).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let begin = format!("setting IP_TTL of {address}: ");
        assert!(error.to_string().starts_with(&begin), "{error}");
        let error = socket.peer_addr().unwrap_err();
        let begin = format!("asking for the peer of {address}: ");
        assert!(error.to_string().starts_with(&begin), "{error}");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let error = listener.set_ttl(1_000).unwrap_err();
        let begin = format!("setting IP_TTL of {}: ", listener.local_addr().unwrap());
        assert!(error.to_string().starts_with(&begin), "{error}");
        let unbound = TcpSocket::new_v4().unwrap();
        let error = unbound.set_ttl(1_000).unwrap_err();
        assert!(error.to_string().starts_with("setting IP_TTL of 0.0.0.0:0: "), "{error}");
    });
}

#[test]
fn a_group_is_heard_between_joining_and_leaving() {
    on_each_runtime(|| async {
        let group = Ipv4Addr::new(224, 0, 0, 173);
        let receiver = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        let port = receiver.local_addr().unwrap().port();
        if let Err(error) = receiver.join_multicast_v4(group, Ipv4Addr::LOCALHOST) {
            println!("no multicast here: {error}");
            return;
        }
        let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        if let Err(error) = sender.send_to(b"all", (group, port)).await {
            println!("no route to a group here: {error}");
            return;
        }
        let mut buffer = [0; 8];
        assert_eq!(receiver.recv_from(&mut buffer).await.unwrap().0, 3);
        receiver.leave_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap();
    });
}

#[test]
fn udp_sockets_come_from_the_standard_library_and_go_back() {
    on_each_runtime(|| async {
        let std = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = UdpSocket::try_from(std).unwrap();
        socket.send_to(b"me", socket.local_addr().unwrap()).await.unwrap();
        socket.readable().await.unwrap();
        let std = socket.into_std().unwrap();
        std.set_nonblocking(false).unwrap();
        assert_eq!(std.recv(&mut [0; 8]).unwrap(), 2);
    });
}
