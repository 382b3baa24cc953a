//! TCP as a user meets it, on both kinds of runtime.

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use raddle::net::tcp::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
use raddle::net::{Interest, TcpListener, TcpSocket, TcpStream, lookup_host};
use raddle::runtime::{Builder, Runtime};
use raddle::task::yield_now;
use raddle::time::timeout;

/// No wait of these tests takes this long unless something is lost.
pub(crate) const TOO_LONG: Duration = Duration::from_secs(30);

pub(crate) fn runtimes() -> [Runtime; 2] {
    let multi_thread = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    [multi_thread, Builder::new_current_thread().build().unwrap()]
}

#[track_caller]
pub(crate) fn on_each_runtime<F: Future<Output = ()>>(test: impl Fn() -> F) {
    for runtime in runtimes() {
        let outcome = runtime.block_on(async { timeout(TOO_LONG, test()).await });
        outcome.expect("something was waited for in vain");
    }
}

pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

pub(crate) async fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listen().await;
    let client = TcpStream::connect(address).await.unwrap();
    let (server, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    assert_eq!(server.local_addr().unwrap(), address);
    (client, server)
}

pub(crate) async fn echo(mut stream: TcpStream) -> io::Result<()> {
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
fn many_buffers_filled_are_no_sign_of_an_empty_socket() {
    on_each_runtime(|| async {
        for count in [16, 17, 1_025] {
            let (mut client, mut server) = pair().await;
            // From the first wait on, the system tells of news only.
            let mut word = [0; 5];
            let (read, written) =
                raddle::join!(server.read_exact(&mut word), client.write_all(b"hello"));
            assert!(read.is_ok() && written.is_ok() && word == *b"hello");
            let sent: Vec<u8> = (0..4_000).map(|number| number as u8).collect();
            client.write_all(&sent).await.unwrap();
            let mut memory = vec![0; count];
            let mut buffers: Vec<_> = memory.chunks_mut(1).map(IoSliceMut::new).collect();
            let received = server.read_vectored(&mut buffers).await.unwrap();
            // Nobody sends more: what is left is there already.
            let mut rest = vec![0; sent.len() - received];
            server.read_exact(&mut rest).await.unwrap();
            assert_eq!([&memory[..received], &rest].concat(), sent);
        }
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
