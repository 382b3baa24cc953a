//! TCP as a user meets it, on both kinds of runtime.

use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use raddle::net::tcp::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
use raddle::net::{Interest, TcpListener, TcpSocket, TcpStream, lookup_host};
use raddle::runtime::{Builder, Runtime};
use raddle::task::yield_now;
use raddle::time::timeout;

/// No wait of these tests takes this long unless something is lost.
const TOO_LONG: Duration = Duration::from_secs(30);

fn runtimes() -> [Runtime; 2] {
    let multi_thread = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    [multi_thread, Builder::new_current_thread().build().unwrap()]
}

#[track_caller]
fn on_each_runtime<F: Future<Output = ()>>(test: impl Fn() -> F) {
    for runtime in runtimes() {
        let outcome = runtime.block_on(async { timeout(TOO_LONG, test()).await });
        outcome.expect("something was waited for in vain");
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listen().await;
    let client = TcpStream::connect(address).await.unwrap();
    let (server, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    assert_eq!(server.local_addr().unwrap(), address);
    (client, server)
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while let n @ 1.. = stream.read(&mut buffer).await? {
        stream.write_all(&buffer[..n]).await?;
    }
    Ok(())
}

async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), [0; 1000]);
    while let n @ 1.. = stream.read(&mut buffer).await.unwrap() {
        all.extend_from_slice(&buffer[..n]);
    }
    all
}

/// An address nobody listens on, as long as the socket that has it is kept.
fn dead_address() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[test]
fn a_server_echoes_what_many_clients_send() {
    on_each_runtime(|| async {
        let (listener, address) = listen().await;
        let server = raddle::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                drop(raddle::spawn(echo(stream)));
            }
        });
        let clients: Vec<_> = (0..200_u8)
            .map(|id| {
                raddle::spawn(async move {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    for round in 0..10 {
                        stream.write_all(&[id, round]).await.unwrap();
                        let mut answer = [0; 2];
                        stream.read_exact(&mut answer).await.unwrap();
                        assert_eq!(answer, [id, round]);
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        server.abort();
    });
}

#[test]
fn a_long_stream_arrives_whole_through_full_buffers() {
    on_each_runtime(|| async {
        let (mut sender, mut receiver) = pair().await;
        let sent: Arc<Vec<u8>> = Arc::new(
            (0_u32..8 << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect(),
        );
        let bytes = sent.clone();
        let sending = raddle::spawn(async move { sender.write_all(&bytes).await });
        let received = read_to_end(&mut receiver).await;
        sending.await.unwrap().unwrap();
        assert!(received == *sent, "{} of {} bytes", received.len(), sent.len());
    });
}

#[test]
fn the_last_words_and_the_end_are_both_read() {
    on_each_runtime(|| async {
        for _ in 0..50 {
            let (mut client, mut server) = pair().await;
            // The reader waits before there is anything, then data and FIN come at once.
            let reading = raddle::spawn(async move { read_to_end(&mut server).await });
            yield_now().await;
            client.write_all(b"the last words").await.unwrap();
            drop(client);
            assert_eq!(reading.await.unwrap(), b"the last words");
        }
    });
}

#[test]
fn an_address_in_use_is_named_in_the_error() {
    on_each_runtime(|| async {
        let (_listener, address) = listen().await;
        let error = TcpListener::bind(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    });
}

#[test]
fn a_refused_connection_names_its_address() {
    on_each_runtime(|| async {
        let (_kept, address) = dead_address();
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    });
}

#[test]
fn addresses_are_tried_in_order_until_one_answers() {
    on_each_runtime(|| async {
        let (listener, alive) = listen().await;
        let (_kept, dead) = dead_address();
        let addresses = [dead, alive];
        let stream = TcpStream::connect(&addresses[..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), alive);
        listener.accept().await.unwrap();
        let error = TcpStream::connect(&[][..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_host_name_is_resolved_and_a_malformed_one_refused() {
    on_each_runtime(|| async {
        let (_listener, address) = listen().await;
        let addresses: Vec<_> = lookup_host(("localhost", address.port())).await.unwrap().collect();
        assert!(addresses.contains(&address), "{addresses:?}");
        TcpStream::connect(format!("localhost:{}", address.port())).await.unwrap();
        for malformed in ["localhost", "localhost:port", ""] {
            let error = TcpStream::connect(malformed).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
        let error = TcpStream::connect("no-such-host.invalid:80").await.unwrap_err();
        assert!(error.to_string().contains("no-such-host.invalid:80"), "{error}");
    });
}

#[test]
fn a_cancelled_accept_leaves_its_connection_in_the_queue() {
    on_each_runtime(|| async {
        let (listener, address) = listen().await;
        for _ in 0..3 {
            assert!(timeout(Duration::from_millis(1), listener.accept()).await.is_err());
        }
        let client = TcpStream::connect(address).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

#[test]
fn several_tasks_may_accept_at_once() {
    on_each_runtime(|| async {
        let (listener, address) = listen().await;
        let listener = Arc::new(listener);
        let accepting: Vec<_> = (0..4)
            .map(|_| {
                let listener = listener.clone();
                raddle::spawn(async move { listener.accept().await.unwrap().1 })
            })
            .collect();
        let mut expected = Vec::new();
        let mut streams = Vec::new();
        for _ in 0..4 {
            let stream = TcpStream::connect(address).await.unwrap();
            expected.push(stream.local_addr().unwrap());
            streams.push(stream);
        }
        let mut accepted = Vec::new();
        for task in accepting {
            accepted.push(task.await.unwrap());
        }
        expected.sort();
        accepted.sort();
        assert_eq!(accepted, expected);
    });
}

#[test]
fn a_hand_written_future_can_accept() {
    on_each_runtime(|| async {
        let (listener, address) = listen().await;
        let connecting = raddle::spawn(TcpStream::connect(address));
        let (_, peer) = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
        assert_eq!(peer, connecting.await.unwrap().unwrap().local_addr().unwrap());
    });
}

#[test]
fn trying_does_not_wait() {
    on_each_runtime(|| async {
        let (client, server) = pair().await;
        let mut buffer = [0; 8];
        assert_eq!(server.try_read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(client.try_write(b"abc").unwrap(), 3);
        server.readable().await.unwrap();
        assert_eq!(server.try_read(&mut buffer).unwrap(), 3);
        assert_eq!(server.try_read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);

        let written = loop {
            match client
                .try_write_vectored(&[IoSlice::new(&[1; 50_000]), IoSlice::new(&[2; 50_000])])
            {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(written.kind(), ErrorKind::WouldBlock);
        server.readable().await.unwrap();
        let mut buffers = [IoSliceMut::new(&mut buffer)];
        assert_eq!(server.try_read_vectored(&mut buffers).unwrap(), 8);
    });
}

#[test]
fn readiness_tells_of_both_directions_and_of_the_end() {
    on_each_runtime(|| async {
        let (mut client, server) = pair().await;
        let both = Interest::READABLE | Interest::WRITABLE;
        assert!(server.ready(both).await.unwrap().is_writable());
        client.write_all(b"x").await.unwrap();
        server.readable().await.unwrap();
        let ready = server.ready(both).await.unwrap();
        assert!(ready.is_readable() && ready.is_writable());
        client.shutdown(Shutdown::Write).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(
            server.async_io(Interest::READABLE, || server.try_read(&mut buffer)).await.unwrap(),
            1
        );
        assert_eq!(
            server.async_io(Interest::READABLE, || server.try_read(&mut buffer)).await.unwrap(),
            0
        );
    });
}

#[test]
fn what_is_peeked_at_stays() {
    on_each_runtime(|| async {
        let (mut client, mut server) = pair().await;
        client.write_all(b"abc").await.unwrap();
        let mut buffer = [0; 8];
        for _ in 0..2 {
            assert_eq!(server.peek(&mut buffer).await.unwrap(), 3);
            assert_eq!(poll_fn(|cx| server.poll_peek(cx, &mut buffer)).await.unwrap(), 3);
        }
        assert_eq!(server.read(&mut buffer).await.unwrap(), 3);
        assert_eq!(&buffer[..3], b"abc");
    });
}

#[test]
fn after_a_half_close_the_answer_still_comes() {
    on_each_runtime(|| async {
        let (mut client, mut server) = pair().await;
        client.write_all(b"question").await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_to_end(&mut server).await, b"question");
        server.write_all(b"answer").await.unwrap();
        drop(server);
        assert_eq!(read_to_end(&mut client).await, b"answer");
        assert_eq!(client.read(&mut []).await.unwrap(), 0);
    });
}

#[test]
fn vectored_reads_and_writes_keep_the_order() {
    on_each_runtime(|| async {
        let (mut client, mut server) = pair().await;
        let parts = [
            IoSlice::new(b"one "),
            IoSlice::new(b""),
            IoSlice::new(b"two "),
            IoSlice::new(b"three"),
        ];
        assert_eq!(client.write_vectored(&parts).await.unwrap(), 13);
        let (mut first, mut second) = ([0; 6], [0; 20]);
        let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(server.read_vectored(&mut buffers).await.unwrap(), 13);
        assert_eq!((&first, &second[..7]), (b"one tw", &b"o three"[..]));

        // More buffers than the system takes at once: a short write is no sign of a full socket.
        let byte = [7];
        let many = vec![IoSlice::new(&byte); 3000];
        let mut sent = 0;
        while sent < 3000 {
            sent += client.write_vectored(&many[sent..]).await.unwrap();
        }
        let mut received = vec![0; 3000];
        server.read_exact(&mut received).await.unwrap();
    });
}

#[test]
fn reading_exactly_fails_when_the_stream_ends_first() {
    on_each_runtime(|| async {
        let (mut client, mut server) = pair().await;
        client.write_all(b"abc").await.unwrap();
        drop(client);
        let error = server.read_exact(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    });
}

#[test]
fn two_halves_read_and_write_in_two_tasks() {
    on_each_runtime(|| async {
        let (client, server) = pair().await;
        let echoing = raddle::spawn(echo(server));
        let (mut reader, mut writer) = client.into_split();
        let writing = raddle::spawn(async move {
            for i in 0..1000_u32 {
                writer.write_all(&i.to_be_bytes()).await.unwrap();
            }
            // The writer goes, and with it the sending direction.
        });
        let mut number = [0; 4];
        for i in 0..1000_u32 {
            reader.read_exact(&mut number).await.unwrap();
            assert_eq!(u32::from_be_bytes(number), i);
        }
        assert_eq!(reader.read(&mut number).await.unwrap(), 0);
        writing.await.unwrap();
        echoing.await.unwrap().unwrap();
    });
}

#[test]
fn halves_find_together_again_if_they_belong_together() {
    on_each_runtime(|| async {
        let ((a, mut b), (c, _d)) = (pair().await, pair().await);
        let (a_reader, a_writer) = a.into_split();
        let (c_reader, c_writer) = c.into_split();
        let ReuniteError(a_reader, c_writer): ReuniteError =
            a_reader.reunite(c_writer).unwrap_err();
        let mut a = rejoin(a_reader, a_writer);
        drop((c_reader, c_writer));
        a.write_all(b"still open").await.unwrap();
        b.read_exact(&mut [0; 10]).await.unwrap();

        let (reader, mut writer) = a.split();
        writer.write_all(b"borrowed").await.unwrap();
        assert_eq!(reader.try_read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        b.read_exact(&mut [0; 8]).await.unwrap();
    });
}

fn rejoin(reader: OwnedReadHalf, writer: OwnedWriteHalf) -> TcpStream {
    assert_eq!(reader.local_addr().unwrap(), writer.local_addr().unwrap());
    writer.reunite(reader).unwrap()
}

#[test]
fn a_forgotten_writer_ends_nothing() {
    on_each_runtime(|| async {
        let (client, mut server) = pair().await;
        let (reader, writer) = client.into_split();
        writer.forget();
        let waited = timeout(Duration::from_millis(5), server.read(&mut [0; 8])).await;
        assert!(waited.is_err(), "the peer has read the end of the stream");
        drop(reader);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

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
#[cfg(target_os = "linux")]
fn two_listeners_share_a_port_if_both_agree() {
    on_each_runtime(|| async {
        let listen = |address: SocketAddr| {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseport(true).unwrap();
            assert!(socket.reuseport().unwrap());
            socket.bind(address).unwrap();
            socket.listen(16).unwrap()
        };
        let one = listen("127.0.0.1:0".parse().unwrap());
        let other = listen(one.local_addr().unwrap());
        assert_eq!(one.local_addr().unwrap(), other.local_addr().unwrap());
        let refused = TcpListener::bind(one.local_addr().unwrap()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AddrInUse);
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
