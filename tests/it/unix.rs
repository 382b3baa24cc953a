//! Unix sockets.

use crate::support::{Flavor, on_each_runtime};
use raddle::net::unix::ReuniteError;
use raddle::net::{UnixDatagram, UnixListener, UnixStream};
use raddle::task::yield_now;
use raddle::time::ManualClock;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};

/// A folder of this test's own, gone with this value.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("raddle-it-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// An abstract name that nobody else uses.
#[cfg(target_os = "linux")]
fn abstract_name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("\0raddle-it-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed))
}

async fn converse(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    let connecting = UnixStream::connect(path.to_owned());
    let (client, accepted) = (connecting.await.unwrap(), listener.accept().await.unwrap());
    let (mut client, (mut server, peer)) = (client, accepted);
    assert!(peer.is_unnamed());
    client.write_all(b"question").await.unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let (mut buffer, mut all) = ([0; 3], Vec::new());
    while let n @ 1.. = server.read(&mut buffer).await.unwrap() {
        all.extend_from_slice(&buffer[..n]);
    }
    assert_eq!(all, b"question");
    server.write_all(b"answer").await.unwrap();
    drop(server);
    let mut answer = [0; 6];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(client.read(&mut answer).await.unwrap(), 0);
}

#[test]
fn a_path_is_listened_on_and_connected_to() {
    on_each_runtime(|| async {
        let folder = Folder::new();
        converse(&folder.path("socket")).await;
        let error = UnixStream::connect(folder.path("nobody")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error.to_string().contains("connecting to") && error.to_string().contains("nobody")
        );
        let error = UnixListener::bind(folder.path("socket")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains("listening on"), "{error}");
        let error = UnixListener::bind(folder.path(&"long".repeat(100))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn an_abstract_name_needs_no_file_and_goes_with_its_socket() {
    on_each_runtime(|| async {
        let name = abstract_name();
        converse(name.as_ref()).await;
        let error = UnixStream::connect(&name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains("@raddle-it-"), "{error}");

        let one = UnixDatagram::bind(&name).unwrap();
        let other = UnixDatagram::unbound().unwrap();
        other.send_to(b"abc", &name).await.unwrap();
        assert_eq!(one.recv(&mut [0; 8]).await.unwrap(), 3);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_peer_tells_who_it_is() {
    on_each_runtime(|| async {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = one.peer_cred().unwrap();
        assert_eq!(peer.pid(), Some(std::process::id() as i32));
        let folder = Folder::new();
        let owner = std::fs::metadata(&folder.0).unwrap();
        use std::os::unix::fs::MetadataExt;
        assert_eq!((peer.uid(), peer.gid()), (owner.uid(), owner.gid()));
    });
}

#[test]
fn a_slow_reader_holds_the_writer_up_and_gets_everything() {
    on_each_runtime(|| async {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        let sent: Vec<u8> = (0_u32..1 << 20).map(|i| (i % 251) as u8).collect();
        let expected = sent.clone();
        let writing = raddle::spawn(async move { one.write_all(&sent).await.unwrap() });
        for _ in 0..100 {
            yield_now().await;
        }
        assert!(!writing.is_finished(), "a megabyte fits a socket that nobody reads");
        let (mut all, mut buffer) = (Vec::new(), vec![0; 10_000]);
        while let n @ 1.. = other.read(&mut buffer).await.unwrap() {
            all.extend_from_slice(&buffer[..n]);
        }
        writing.await.unwrap();
        assert!(all == expected);
    });
}

#[test]
fn halves_work_apart_and_together() {
    on_each_runtime(|| async {
        let (mut one, other) = UnixStream::pair().unwrap();
        let (reader, mut writer) = other.into_split();
        writer.write_all(b"abc").await.unwrap();
        one.read_exact(&mut [0; 3]).await.unwrap();
        let (stray, _) = UnixStream::pair().unwrap();
        let (stray_reader, stray_writer) = stray.into_split();
        let ReuniteError(reader, stray_writer) = reader.reunite(stray_writer).unwrap_err();
        drop((stray_reader, stray_writer));
        let whole = reader.reunite(writer).unwrap();
        let (reader, writer) = whole.into_split();
        drop(writer);
        assert_eq!(one.read(&mut [0; 8]).await.unwrap(), 0, "the writer ended its direction");
        one.write_all(b"still").await.unwrap();
        reader.readable().await.unwrap();
        assert_eq!(reader.try_read(&mut [0; 8]).unwrap(), 5);
        let (reader, _writer) = one.split();
        assert_eq!(reader.try_read(&mut [0; 8]).unwrap(), 0);
    });
}

#[test]
fn datagrams_find_each_other_by_path() {
    on_each_runtime(|| async {
        let folder = Folder::new();
        let (one_path, other_path) = (folder.path("one"), folder.path("other"));
        let one = UnixDatagram::bind(&one_path).unwrap();
        let other = UnixDatagram::bind(&other_path).unwrap();
        one.send_to(b"hello, all", &other_path).await.unwrap();
        let mut buffer = [0; 5];
        let (n, from) = other.recv_from(&mut buffer).await.unwrap();
        assert_eq!((n, from.as_pathname()), (5, Some(&*one_path)));
        other.connect(&one_path).unwrap();
        other.send(b"x").await.unwrap();
        assert_eq!(poll_fn(|cx| other.poll_send(cx, b"yz")).await.unwrap(), 2);
        assert_eq!(one.recv(&mut buffer).await.unwrap(), 1);
        assert_eq!(poll_fn(|cx| one.poll_recv(cx, &mut buffer)).await.unwrap(), 2);
        assert_eq!(one.try_recv(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        other.send(b"z").await.unwrap();
        let (n, from) = poll_fn(|cx| one.poll_recv_from(cx, &mut buffer)).await.unwrap();
        assert_eq!((n, from.as_pathname()), (1, Some(&*other_path)));
        let error = one.try_send_to(b"x", folder.path("nobody")).unwrap_err();
        assert!(error.to_string().contains("sending to"), "{error}");
    });
}

#[test]
fn a_sender_waits_for_room_even_if_others_filled_the_queue() {
    on_each_runtime(|| async {
        let folder = Folder::new();
        let path = folder.path("receiver");
        let receiver = UnixDatagram::bind(&path).unwrap();
        let filler = UnixDatagram::unbound().unwrap();
        let mut filled = 0;
        while filler.try_send_to(b"filling", &path).is_ok() {
            filled += 1;
        }
        let waiting = {
            let path = path.clone();
            raddle::spawn(async move {
                let sender = UnixDatagram::unbound().unwrap();
                sender.send_to(b"waited", &path).await.unwrap();
            })
        };
        for _ in 0..100 {
            yield_now().await;
        }
        assert!(!waiting.is_finished(), "the queue has room after {filled} datagrams");
        let mut buffer = [0; 16];
        for _ in 0..filled {
            assert_eq!(receiver.recv(&mut buffer).await.unwrap(), 7);
        }
        assert_eq!(receiver.recv(&mut buffer).await.unwrap(), 6);
        waiting.await.unwrap();
    });
}

#[test]
fn a_full_receiver_holds_up_nobody_who_sends_to_others() {
    on_each_runtime(|| async {
        let folder = Folder::new();
        let (full_path, free_path) = (folder.path("full"), folder.path("free"));
        let full = UnixDatagram::bind(&full_path).unwrap();
        let free = UnixDatagram::bind(&free_path).unwrap();
        let filler = UnixDatagram::unbound().unwrap();
        let mut filled = 0;
        while filler.try_send_to(b"filling", &full_path).is_ok() {
            filled += 1;
        }
        let sender = Arc::new(UnixDatagram::unbound().unwrap());
        sender.connect(&free_path).unwrap();
        let waiting = {
            let (sender, path) = (sender.clone(), full_path.clone());
            raddle::spawn(async move { sender.send_to(b"waited", &path).await.unwrap() })
        };
        let mut buffer = [0; 16];
        for _ in 0..100 {
            let error = sender.try_send_to(b"x", &full_path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            sender.send(b"free").await.unwrap();
            sender.try_send_to(b"free", &free_path).unwrap();
            assert_eq!(free.recv(&mut buffer).await.unwrap(), 4);
            assert_eq!(free.recv(&mut buffer).await.unwrap(), 4);
        }
        assert!(!waiting.is_finished());
        for _ in 0..filled {
            assert_eq!(full.recv(&mut buffer).await.unwrap(), 7);
        }
        assert_eq!(full.recv(&mut buffer).await.unwrap(), 6);
        waiting.await.unwrap();
    });
}

/// Where time stands still, nothing but the system's word ends the wait.
#[cfg(target_os = "linux")]
#[test]
fn who_waits_for_a_queue_that_others_filled_is_told_of_room() {
    for flavor in Flavor::ALL {
        let (done, is_done) = mpsc::channel();
        let runtime = flavor.builder().clock(ManualClock::new()).build().unwrap();
        let conversation = async {
            let folder = Folder::new();
            let path = folder.path("full");
            let receiver = UnixDatagram::bind(&path).unwrap();
            let filler = UnixDatagram::unbound().unwrap();
            let mut filled = 0;
            while filler.try_send_to(b"filling", &path).is_ok() {
                filled += 1;
            }
            let sender = UnixDatagram::unbound().unwrap();
            let waiting = {
                let path = path.clone();
                raddle::spawn(async move { sender.send_to(b"waited", &path).await.unwrap() })
            };
            for _ in 0..100 {
                yield_now().await;
            }
            assert!(!waiting.is_finished());
            let mut buffer = [0; 16];
            for _ in 0..filled {
                assert_eq!(receiver.recv(&mut buffer).await.unwrap(), 7);
            }
            assert_eq!(receiver.recv(&mut buffer).await.unwrap(), 6);
            assert_eq!(waiting.await.unwrap(), 6);
        };
        let thread = std::thread::spawn(move || {
            runtime.block_on(conversation);
            let _ = done.send(());
        });
        let patience = std::time::Duration::from_secs(30);
        is_done.recv_timeout(patience).expect("the sender was not told of room");
        thread.join().unwrap();
    }
}

#[test]
fn what_fails_on_a_unix_socket_names_it() {
    on_each_runtime(|| async {
        let folder = Folder::new();
        let path = folder.path("lonely");
        let lonely = UnixDatagram::bind(&path).unwrap();
        let error = lonely.peer_addr().unwrap_err();
        let begin = format!("asking for the peer of {}: ", path.display());
        assert!(error.to_string().starts_with(&begin), "{error}");

        let error = lonely.send(b"to nobody").await.unwrap_err();
        assert!(error.to_string().starts_with("sending to no peer: "), "{error}");
        let (left, gone) = UnixDatagram::pair().unwrap();
        drop(gone);
        let error = left.send(b"too late").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().starts_with("sending to a peer that is gone: "), "{error}");
    });
}
