//! `net::serve`: limits, timeouts, panics, and the orderly end.

use crate::faults_net::in_a_child;
use crate::support::{Flavor, on_each_runtime, planned_panic, poll_once, wait};
use crate::unix::Folder;
use raddle::io::raw_os_error;
use raddle::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream, serve};
use raddle::sync::{CancellationToken, Semaphore};
use raddle::time::Duration;
use std::fs::File;
use std::future::{IntoFuture, pending};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::Waker;

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn echo(mut stream: TcpStream, _: SocketAddr) {
    let mut buffer = [0; 64];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}

async fn ask(stream: &mut TcpStream) {
    stream.write_all(b"ask").await.unwrap();
    stream.read_exact(&mut [0; 3]).await.unwrap();
}

#[test]
fn connections_are_served_and_those_open_at_the_end_are_waited_for() {
    on_each_runtime(|| async {
        let (listener, address) = listen().await;
        let stop = CancellationToken::new();
        let server = serve(listener, echo).shutdown(stop.clone().cancelled_owned());
        let serving = raddle::spawn(server.into_future());
        let mut clients = Vec::new();
        for _ in 0..10 {
            let mut client = TcpStream::connect(address).await.unwrap();
            ask(&mut client).await;
            clients.push(client);
        }
        clients.truncate(3);
        stop.cancel();
        // No one new is accepted, and those who are there go on.
        while TcpStream::connect(address).await.is_ok() {}
        for client in &mut clients {
            ask(client).await;
        }
        assert!(!serving.is_finished());
        drop(clients);
        let served = serving.await.unwrap().unwrap();
        assert_eq!((served.completed, served.aborted, served.panicked), (served.accepted, 0, 0));
        assert!(served.accepted >= 10);
    });
}

#[test]
fn connections_beyond_the_limit_wait_until_others_end() {
    on_each_runtime(|| async {
        let (listener, address) = listen().await;
        let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, maximum) = (open.clone(), most.clone());
        let handler = move |stream, peer| {
            let (open, most) = (counted.clone(), maximum.clone());
            async move {
                most.fetch_max(open.fetch_add(1, SeqCst) + 1, SeqCst);
                echo(stream, peer).await;
                open.fetch_sub(1, SeqCst);
            }
        };
        let stop = CancellationToken::new();
        let server = serve(listener, handler).limit(2).shutdown(stop.clone().cancelled_owned());
        let serving = raddle::spawn(server.into_future());
        let clients: Vec<_> = (0..10)
            .map(|_| {
                raddle::spawn(async move {
                    let mut client = TcpStream::connect(address).await.unwrap();
                    for _ in 0..10 {
                        ask(&mut client).await;
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        stop.cancel();
        assert_eq!(serving.await.unwrap().unwrap().completed, 10);
        assert_eq!(most.load(SeqCst), 2);
    });
}

#[test]
fn a_connection_that_lasts_too_long_is_cut() {
    on_each_runtime(|| async {
        let (listener, address) = listen().await;
        let stop = CancellationToken::new();
        let server = serve(listener, echo)
            .timeout(Duration::from_millis(20))
            .shutdown(stop.clone().cancelled_owned());
        let serving = raddle::spawn(server.into_future());
        let mut client = TcpStream::connect(address).await.unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        stop.cancel();
        assert_eq!(serving.await.unwrap().unwrap().timed_out, 1);
    });
}

#[test]
fn a_panic_ends_its_connection_only() {
    on_each_runtime(|| async {
        let (listener, address) = listen().await;
        let stop = CancellationToken::new();
        let handler = |mut stream: TcpStream, _| async move {
            let mut buffer = [0];
            stream.read_exact(&mut buffer).await.unwrap();
            if buffer == *b"p" {
                planned_panic("as asked");
            }
            stream.write_all(&buffer).await.unwrap();
        };
        let server = serve(listener, handler).limit(1).shutdown(stop.clone().cancelled_owned());
        let serving = raddle::spawn(server.into_future());
        for (byte, answered) in [(b"p", 0), (b"x", 1), (b"p", 0), (b"y", 1)] {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(byte).await.unwrap();
            assert_eq!(client.read(&mut [0; 8]).await.unwrap(), answered);
        }
        stop.cancel();
        let served = serving.await.unwrap().unwrap();
        assert_eq!((served.panicked, served.completed), (2, 2));
    });
}

#[test]
fn those_who_do_not_end_are_cut_at_the_drain_deadline() {
    on_each_runtime(|| async {
        let (listener, address) = listen().await;
        let (stop, dropped) = (CancellationToken::new(), Arc::new(Semaphore::new(0)));
        let alive = dropped.clone();
        struct Tell(Arc<Semaphore>);
        impl Drop for Tell {
            fn drop(&mut self) {
                self.0.add_permits(1);
            }
        }
        let handler = move |_stream: TcpStream, _| {
            let tell = Tell(alive.clone());
            async move {
                let _tell = tell;
                pending::<()>().await;
            }
        };
        let server = serve(listener, handler)
            .shutdown(stop.clone().cancelled_owned())
            .drain(Duration::from_millis(10));
        let serving = raddle::spawn(server.into_future());
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        // All three are in the system's queue before the one that is asked for here.
        stop.cancel();
        let served = serving.await.unwrap().unwrap();
        assert_eq!(served.accepted, served.aborted);
        assert_eq!(dropped.available_permits() as u64, served.aborted);
        for client in &mut clients {
            // Closed, or reset if it was never accepted.
            assert!(matches!(client.read(&mut [0; 8]).await, Ok(0) | Err(_)));
        }
    });
}

#[test]
fn unix_connections_are_served_as_well() {
    on_each_runtime(|| async {
        let folder = Folder::new();
        let listener = UnixListener::bind(folder.path("socket")).unwrap();
        let server = serve(listener, async |mut stream: UnixStream, _peer| {
            stream.write_all(b"hello").await.unwrap();
        });
        let serving = raddle::spawn(server.into_future());
        let mut client = UnixStream::connect(folder.path("socket")).await.unwrap();
        client.read_exact(&mut [0; 5]).await.unwrap();
        serving.abort();
    });
}

#[test]
fn a_server_whose_runtime_is_gone_says_so() {
    for flavor in [Flavor::Workers(2), Flavor::CurrentThread] {
        let gone = flavor.build();
        let (listener, _) = gone.block_on(listen());
        drop(gone);
        let (told, hear) = mpsc::channel();
        let server =
            serve(listener, echo).on_error(move |error| told.send(error.to_string()).unwrap());
        let error = wait("the end", server.into_future()).unwrap_err();
        assert!(error.to_string().contains("shut down"), "{error}");
        assert_eq!(hear.try_recv().unwrap(), error.to_string());
    }
}

#[test]
fn a_dropped_server_stops_accepting_and_leaves_connections_alone() {
    on_each_runtime(|| async {
        let (listener, address) = listen().await;
        let mut server = Box::pin(serve(listener, echo).into_future());
        let mut client = TcpStream::connect(address).await.unwrap();
        while poll_once(pin!(client.readable()), Waker::noop()).is_ready() {
            assert!(client.try_read(&mut [0; 1]).is_err());
        }
        assert!(poll_once(server.as_mut(), Waker::noop()).is_pending());
        drop(server);
        ask(&mut client).await;
        while TcpStream::connect(address).await.is_ok() {}
    });
}

#[test]
fn a_server_out_of_descriptors_recovers() {
    in_a_child("serve::out_of_descriptors", &["ulimit -n 80 && "]);
}

#[test]
#[ignore = "run by a_server_out_of_descriptors_recovers"]
fn out_of_descriptors() {
    const EMFILE: i32 = 24;
    on_each_runtime(|| async {
        let (listener, address) = listen().await;
        let (stop, failed) = (CancellationToken::new(), Arc::new(Semaphore::new(0)));
        let tell = failed.clone();
        let server =
            serve(listener, echo).shutdown(stop.clone().cancelled_owned()).on_error(move |error| {
                assert_eq!(raw_os_error(error), Some(EMFILE), "{error}");
                tell.add_permits(1);
            });
        let serving = raddle::spawn(server.into_future());
        // Sockets of their own for the clients, and then nothing is left to accept with.
        let sockets: Vec<_> = (0..3).map(|_| TcpSocket::new_v4().unwrap()).collect();
        let mut files = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            files.push(file);
        }
        let mut clients = Vec::new();
        for socket in sockets {
            clients.push(socket.connect(address).await.unwrap());
        }
        drop(failed.acquire().await.unwrap());
        drop(files);
        for client in &mut clients {
            ask(client).await;
        }
        drop(clients);
        stop.cancel();
        let served = serving.await.unwrap().unwrap();
        assert!(served.accept_errors > 0 && served.completed == served.accepted, "{served:?}");
    });
}
