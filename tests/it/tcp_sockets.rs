//! TCP sockets: their options, where they come from, many of them, too many, and those that outlive their runtime.

use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{ErrorKind, Read, Write};
use std::process::Command;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::tcp::{TOO_LONG, echo, listen, on_each_runtime, pair, runtimes};
use raddle::net::{TcpListener, TcpSocket, TcpStream};
use raddle::runtime::Builder;
use raddle::task::yield_now;
use raddle::time::timeout;

#[test]
fn sockets_come_from_the_standard_library_and_go_back() {
    on_each_runtime(|| async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        let mut client = TcpStream::try_from(client).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.write_all(b"abc").await.unwrap();
        server.readable().await.unwrap();

        let mut server = server.into_std().unwrap();
        server.set_nonblocking(false).unwrap();
        let mut buffer = [0; 3];
        server.read_exact(&mut buffer).unwrap();
        server.write_all(&buffer).unwrap();
        client.read_exact(&mut buffer).await.unwrap();
        let listener = listener.into_std().unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn options_are_set_and_read_back() {
    on_each_runtime(|| async {
        let (client, server) = pair().await;
        client.set_nodelay(true).unwrap();
        client.set_ttl(42).unwrap();
        client.set_linger(Some(Duration::ZERO)).unwrap();
        assert_eq!((client.nodelay().unwrap(), client.ttl().unwrap()), (true, 42));
        assert_eq!(client.linger().unwrap(), Some(Duration::ZERO));
        assert!(client.take_error().unwrap().is_none());
        client.set_keepalive(true).unwrap();
        assert!(client.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            client.set_quickack(false).unwrap();
            assert!(!client.quickack().unwrap());
            client.set_tos_v4(0x10).unwrap();
            assert_eq!(client.tos_v4().unwrap(), 0x10);
            // Unless there is no IPv6 here.
            if let Ok(socket) = TcpSocket::new_v6() {
                socket.set_tclass_v6(0x20).unwrap();
                assert_eq!(socket.tclass_v6().unwrap(), 0x20);
            }
            let second = Duration::from_secs(1);
            client.set_keepalive_times(60 * second, 10 * second, 3).unwrap();
        }
        // Closing now is a reset.
        drop(client);
        let mut server = server;
        let error = server.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_socket_is_bound_before_it_connects() {
    on_each_runtime(|| async {
        let (listener, address) = listen().await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.set_recv_buffer_size(1 << 16).unwrap();
        socket.set_send_buffer_size(1 << 16).unwrap();
        assert!(socket.recv_buffer_size().unwrap() >= 1 << 16);
        assert!(socket.send_buffer_size().unwrap() >= 1 << 16);
        socket.set_nodelay(true).unwrap();
        assert!(socket.nodelay().unwrap());
        assert!(socket.take_error().unwrap().is_none());
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let local = socket.local_addr().unwrap();
        let stream = socket.connect(address).await.unwrap();
        assert_eq!(stream.local_addr().unwrap(), local);
        assert_eq!(listener.accept().await.unwrap().1, local);
    });
}

#[test]
fn a_connection_that_is_always_ready_does_not_starve_the_others() {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (client, _server) = pair().await;
        let greedy = raddle::spawn(async move {
            loop {
                client.writable().await.unwrap();
            }
        });
        for _ in 0..10 {
            yield_now().await;
        }
        greedy.abort();
        assert!(greedy.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_thousand_connections_are_open_at_once() {
    on_each_runtime(|| async {
        let (listener, address) = listen().await;
        let server = raddle::spawn(async move {
            for _ in 0..1000 {
                let (stream, _) = listener.accept().await.unwrap();
                drop(raddle::spawn(echo(stream)));
            }
        });
        let mut clients = Vec::new();
        for _ in 0..1000 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        server.await.unwrap();
        for round in 0..2 {
            for client in &mut clients {
                client.write_all(&[round]).await.unwrap();
            }
            for client in &mut clients {
                let mut answer = [0xff];
                client.read_exact(&mut answer).await.unwrap();
                assert_eq!(answer, [round]);
            }
        }
    });
}

#[test]
fn a_socket_outlives_its_runtime_and_says_so() {
    for (first, second) in runtimes().into_iter().zip(runtimes()) {
        let (mut client, _server) = first.block_on(pair());
        drop(first);
        let error = second.block_on(async { timeout(TOO_LONG, client.read(&mut [0; 8])).await });
        let error = error.expect("the read waits for a driver that is gone").unwrap_err();
        assert!(error.to_string().contains("shut down"), "{error}");
    }
}

#[test]
fn a_runtime_is_dropped_while_tasks_wait_for_sockets() {
    for runtime in runtimes() {
        let alive = Arc::new(());
        let waiting = alive.clone();
        runtime.block_on(async move {
            for _ in 0..10 {
                let (mut client, server) = pair().await;
                let waiting = waiting.clone();
                drop(raddle::spawn(async move {
                    let _kept = (server, waiting);
                    let _ = client.read(&mut [0; 8]).await;
                }));
            }
            yield_now().await;
        });
        drop(runtime);
        assert_eq!(Arc::strong_count(&alive), 1, "a future was not dropped");
    }
}

#[test]
fn a_socket_outside_a_runtime_panics_and_says_how_to_enter_one() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let panic = std::panic::catch_unwind(|| TcpListener::from_std(listener)).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("runtime") && message.contains("enter"), "{message}");
}

#[test]
#[cfg(target_os = "linux")]
fn two_listeners_share_a_port_if_both_agree() {
    on_each_runtime(|| async {
        let listen = |address: &str| {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseport(true).unwrap();
            assert!(socket.reuseport().unwrap());
            socket.bind(address.parse().unwrap()).unwrap();
            socket.listen(16).unwrap()
        };
        let one = listen("127.0.0.1:0");
        let address = one.local_addr().unwrap();
        let other = listen(&address.to_string());
        assert_eq!(address, other.local_addr().unwrap());
        let refused = TcpListener::bind(address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn a_listener_out_of_descriptors_reports_it_and_recovers() {
    // In a process of its own, for the limit concerns all threads.
    let child = "out_of_descriptors_in_a_child";
    let name = match module_path!().split_once("::") {
        Some((_, module)) => format!("{module}::{child}"),
        None => child.to_owned(),
    };
    let output = Command::new("sh")
        .args(["-c", "ulimit -n 100 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([&name, "--exact", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by a_listener_out_of_descriptors_reports_it_and_recovers, with few descriptors"]
fn out_of_descriptors_in_a_child() {
    const EMFILE: i32 = 24;
    on_each_runtime(|| async {
        let (listener, address) = listen().await;
        let sockets: Vec<_> = (0..3).map(|_| TcpSocket::new_v4().unwrap()).collect();
        let mut files = Vec::new();
        let refused = loop {
            match File::open("/dev/null") {
                Ok(file) => files.push(file),
                Err(error) => break error,
            }
        };
        assert_eq!(refused.raw_os_error(), Some(EMFILE));
        let mut clients = Vec::new();
        for socket in sockets {
            clients.push(socket.connect(address).await.unwrap());
        }

        // Each call returns the error at once, and polls once.
        for _ in 0..5 {
            let (mut polls, mut accept) = (0, Box::pin(listener.accept()));
            let accepted = poll_fn(|cx| {
                polls += 1;
                accept.as_mut().poll(cx)
            });
            let error = accepted.await.unwrap_err();
            assert_eq!(raddle::io::raw_os_error(&error), Some(EMFILE));
            assert!(error.to_string().contains(&address.to_string()), "{error}");
            assert!(polls <= 2, "{polls} polls");
        }
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(raddle::io::raw_os_error(&error), Some(EMFILE));
        assert!(error.to_string().contains(&address.to_string()), "{error}");

        drop(files);
        for client in &clients {
            let (_, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }
        // The queue is empty: now it waits, and hears of the next.
        let mut accept = Box::pin(listener.accept());
        poll_fn(|cx| {
            assert!(accept.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        let late = TcpStream::connect(address).await.unwrap();
        assert_eq!(accept.await.unwrap().1, late.local_addr().unwrap());
    });
}

/// Linux asks for a capability before 5.7, and for taking back what was bound.
#[cfg(target_os = "linux")]
#[test]
fn a_socket_bound_to_a_device_says_so_and_hears_its_peers_there() {
    use raddle::net::UdpSocket;
    let was_bound = |bound: std::io::Result<()>| match bound {
        Ok(()) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
            assert!(error.to_string().contains("setting SO_BINDTODEVICE of "), "{error}");
            false
        }
    };
    on_each_runtime(|| async move {
        let socket = TcpSocket::new_v4().unwrap();
        assert_eq!(socket.device().unwrap(), None);
        if was_bound(socket.bind_device(Some(b"lo"))) {
            assert_eq!(socket.device().unwrap().as_deref(), Some(&b"lo"[..]));
            let (listener, address) = listen().await;
            let stream = socket.connect(address).await.unwrap();
            assert_eq!(listener.accept().await.unwrap().1, stream.local_addr().unwrap());
        }
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        if was_bound(socket.bind_device(Some(b"lo"))) {
            assert_eq!(socket.device().unwrap().as_deref(), Some(&b"lo"[..]));
            socket.send_to(b"here", socket.local_addr().unwrap()).await.unwrap();
            assert_eq!(socket.recv_from(&mut [0; 8]).await.unwrap().0, 4);
            if was_bound(socket.bind_device(None)) {
                assert_eq!(socket.device().unwrap(), None);
            }
        }
        // The system would cut either off, and take what is left for the name.
        for name in [&b"lo\0"[..], b"a-name-longer-than-fifteen"] {
            let error = socket.bind_device(Some(name)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("127.0.0.1:"), "{error}");
        }
        let error = UdpSocket::bind("127.0.0.1:0").await.unwrap().bind_device(Some(b"none0"));
        const ENODEV: i32 = 19;
        let number = raddle::io::raw_os_error(&error.unwrap_err());
        assert!(number == Some(ENODEV) || number == Some(1), "{number:?}");
    });
}
