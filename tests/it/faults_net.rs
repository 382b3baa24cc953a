//! What goes wrong with sockets: resets, half-closes, lost runtimes, full buffers, and sheer numbers.

use crate::support::{Flavor, on_each_runtime, patience, poll_once, scaled};
use raddle::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
use raddle::task::yield_now;
use raddle::time::timeout;
use std::io::ErrorKind;
use std::net::{Shutdown, SocketAddr};
use std::pin::pin;
use std::process::Command;
use std::task::Waker;

/// Runs one ignored test of this binary in a process of its own, under `sh` with the given commands before it.
#[track_caller]
pub(crate) fn in_a_child(name: &str, commands: &[&str]) {
    let script = format!("{}exec \"$0\" \"$@\"", commands.concat());
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args([name, "--exact", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listen().await;
    let client = TcpStream::connect(address).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}

#[test]
fn a_reset_ends_a_read_in_progress_and_names_the_connection() {
    on_each_runtime(|| async {
        let (mut client, server) = pair().await;
        let peer = client.peer_addr().unwrap();
        let reading = raddle::spawn(async move { client.read(&mut [0; 8]).await });
        yield_now().await;
        reset(server);
        let error = reading.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let said = error.to_string();
        // The system has forgotten the peer by then; the stream has not.
        assert!(said.starts_with(&format!("reading from {peer}: ")), "{said}");
    });
}

#[test]
fn a_stream_that_was_taken_over_names_what_the_system_still_knows_after_a_reset() {
    on_each_runtime(|| async {
        let (client, server) = pair().await;
        let (local, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let mut client = TcpStream::from_std(client.into_std().unwrap()).unwrap();
        reset(server);
        let said = client.read_exact(&mut [0; 8]).await.unwrap_err().to_string();
        assert!(said.starts_with("reading from "), "{said}");
        assert!(said.contains(&local.to_string()) || said.contains(&peer.to_string()), "{said}");
    });
}

#[test]
fn a_reset_ends_a_write_in_progress() {
    on_each_runtime(|| async {
        let (mut client, server) = pair().await;
        let writing = raddle::spawn(async move {
            let block = vec![0; 1 << 20];
            loop {
                if let Err(error) = client.write_all(&block).await {
                    return error;
                }
            }
        });
        server.readable().await.unwrap();
        for _ in 0..10 {
            yield_now().await;
        }
        reset(server);
        let error = writing.await.unwrap();
        let expected = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        assert!(expected.contains(&error.kind()), "{error}");
        assert!(error.to_string().starts_with("writing to"), "{error}");
    });
}

#[test]
fn each_direction_ends_by_itself() {
    on_each_runtime(|| async {
        for first_to_end in 0..2 {
            let (client, server) = pair().await;
            let (mut one, mut other) =
                if first_to_end == 0 { (client, server) } else { (server, client) };
            one.shutdown(Shutdown::Write).unwrap();
            assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 0);
            assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 0, "the end stays");
            for _ in 0..3 {
                other.write_all(b"still").await.unwrap();
                one.read_exact(&mut [0; 5]).await.unwrap();
            }
            let error = one.write(b"no more").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            other.shutdown(Shutdown::Write).unwrap();
            assert_eq!(one.read(&mut [0; 8]).await.unwrap(), 0);
        }
    });
}

#[test]
fn reading_and_writing_nothing_does_not_wait() {
    on_each_runtime(|| async {
        let (mut client, _server) = pair().await;
        let (mut unix, _peer) = UnixStream::pair().unwrap();
        assert_eq!(client.read(&mut []).await.unwrap(), 0);
        assert_eq!(unix.read(&mut []).await.unwrap(), 0);
        // Full, so that a write of something waits.
        while client.try_write(&[0; 65_536]).is_ok() {}
        while unix.try_write(&[0; 65_536]).is_ok() {}
        assert_eq!(client.write(&[]).await.unwrap(), 0);
        assert_eq!(unix.write(&[]).await.unwrap(), 0);
        client.write_all(&[]).await.unwrap();
        assert_eq!(client.read_exact(&mut []).await.unwrap(), 0);
    });
}

#[test]
fn a_read_dropped_at_any_point_loses_nothing() {
    on_each_runtime(|| async {
        let (mut client, mut server) = pair().await;
        let sent: Vec<u8> = (0_u32..200_000).map(|i| (i % 241) as u8).collect();
        let expected = sent.clone();
        let writing = raddle::spawn(async move {
            for piece in sent.chunks(997) {
                client.write_all(piece).await.unwrap();
                yield_now().await;
            }
        });
        let (mut all, mut buffer, mut round) = (Vec::new(), [0; 64], 0);
        loop {
            round += 1;
            if round % 3 > 0 {
                // Polled once and dropped: it has either returned bytes or taken none.
                let polled = {
                    let mut reading = pin!(server.read(&mut buffer));
                    poll_once(reading.as_mut(), Waker::noop())
                };
                match polled {
                    std::task::Poll::Pending => continue,
                    std::task::Poll::Ready(outcome) => match outcome.unwrap() {
                        0 => break,
                        n => all.extend_from_slice(&buffer[..n]),
                    },
                }
            } else {
                match server.read(&mut buffer).await.unwrap() {
                    0 => break,
                    n => all.extend_from_slice(&buffer[..n]),
                }
            }
        }
        writing.await.unwrap();
        assert!(all == expected, "{} of {} bytes", all.len(), expected.len());
    });
}

#[test]
fn a_socket_is_used_from_another_runtime_and_moves_there() {
    let (home, abroad) = (Flavor::Workers(2).start(), Flavor::CurrentThread.start());
    let (mut client, mut server) =
        crate::support::wait("a pair", home.handle().spawn(pair())).unwrap();
    let echo = abroad.handle().spawn(async move {
        // Still watched by the driver it was made with.
        let mut buffer = [0; 8];
        let n = server.read(&mut buffer).await.unwrap();
        server.write_all(&buffer[..n]).await.unwrap();
        // And now by this one.
        let mut server = TcpStream::from_std(server.into_std().unwrap()).unwrap();
        let n = server.read(&mut buffer).await.unwrap();
        server.write_all(&buffer[..n]).await.unwrap();
        server
    });
    let asking = home.handle().spawn(async move {
        for _ in 0..2 {
            client.write_all(b"ask").await.unwrap();
            client.read_exact(&mut [0; 3]).await.unwrap();
        }
        client
    });
    let client = crate::support::wait("the answers", asking).unwrap();
    let mut server = crate::support::wait("the echo", echo).unwrap();
    home.stop();
    // The one that moved does not mind; the one that stayed says so.
    drop(client);
    let reading = abroad.handle().spawn(async move { server.read(&mut [0; 8]).await });
    assert_eq!(crate::support::wait("the end", reading).unwrap().unwrap(), 0);
}

#[test]
fn every_operation_on_a_socket_without_its_runtime_is_an_error() {
    for flavor in [Flavor::Workers(2), Flavor::CurrentThread] {
        let gone = flavor.build();
        let (mut stream, listener, udp, mut unix) = gone.block_on(async {
            let (listener, _) = listen().await;
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            (pair().await.0, listener, udp, UnixStream::pair().unwrap().0)
        });
        drop(gone);
        flavor.build().block_on(async {
            let checks = async {
                let mut buffer = [0; 8];
                let errors = [
                    stream.read(&mut buffer).await.unwrap_err(),
                    stream.write(b"x").await.unwrap_err(),
                    stream.readable().await.unwrap_err(),
                    listener.accept().await.unwrap_err(),
                    udp.recv(&mut buffer).await.unwrap_err(),
                    udp.send_to(b"x", "127.0.0.1:9").await.unwrap_err(),
                    unix.read(&mut buffer).await.unwrap_err(),
                ];
                for error in errors {
                    assert!(error.to_string().contains("shut down"), "{error}");
                    assert!(raddle_io_driver::ShutDown::is_cause_of(&error), "{error}");
                }
            };
            timeout(patience(), checks)
                .await
                .expect("an operation waits for a driver that is gone");
        });
    }
}

#[test]
#[cfg(target_os = "linux")]
fn fifty_thousand_connections_leave_nothing_behind() {
    // In a process of its own, for it counts what the process has.
    in_a_child("faults_net::connect_and_close", &[]);
}

#[test]
#[ignore = "run by fifty_thousand_connections_leave_nothing_behind"]
#[cfg(target_os = "linux")]
fn connect_and_close() {
    fn descriptors() -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }
    /// Without the pages of the program itself, which come in when they are first used.
    fn resident_kib() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
    on_each_runtime(|| async {
        let (listener, address) = listen().await;
        let (mut after_warm_up, cycles) = (None, scaled(25_000));
        for cycle in 0..cycles {
            let client = TcpStream::connect(address).await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            // A reset leaves no port behind that would have to cool down.
            reset(client);
            drop(server);
            if cycle == cycles / 10 {
                after_warm_up = Some((descriptors(), resident_kib()));
            }
        }
        let (descriptors_before, kib_before) = after_warm_up.unwrap();
        assert_eq!(descriptors(), descriptors_before);
        // Nine tenths of the cycles come after the warm-up; ten bytes kept by each would be 220 KiB.
        let grown = resident_kib().saturating_sub(kib_before);
        assert!(grown < 1024, "grown by {grown} KiB in {cycles} cycles");
    });
}

#[test]
fn a_slow_reader_holds_up_its_writer_only() {
    on_each_runtime(|| async {
        let (client, mut server) = pair().await;
        let writing = raddle::spawn(async move {
            let mut client = client;
            for i in 0..64_u8 {
                client.write_all(&vec![i; 1 << 18]).await.unwrap();
            }
        });
        // Meanwhile others converse.
        let (mut one, mut other) = pair().await;
        for _ in 0..100 {
            one.write_all(b"quick").await.unwrap();
            other.read_exact(&mut [0; 5]).await.unwrap();
        }
        assert!(!writing.is_finished(), "16 MiB fit a connection that nobody reads");
        let mut block = vec![0; 1 << 18];
        for i in 0..64_u8 {
            server.read_exact(&mut block).await.unwrap();
            assert!(block.iter().all(|&byte| byte == i));
        }
        writing.await.unwrap();
    });
}
