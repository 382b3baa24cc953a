//! Signals of the operating system, heard by tasks. Each test has signals of its own, for they go to the whole process.

use crate::support::{Flavor, on_each_runtime, poll_once, scaled, wait};
use raddle::net::{TcpListener, TcpStream};
use raddle::signal::ctrl_c;
use raddle::signal::unix::{SignalKind, signal};
use rustix::process::{Signal, getpid, kill_process};
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::Waker;

fn send(signal: Signal) {
    kill_process(getpid(), signal).unwrap();
}

#[test]
fn a_signal_is_heard_by_all_who_listen_then() {
    on_each_runtime(|| async {
        let mut one = signal(SignalKind::user_defined1()).unwrap();
        let mut other = signal(SignalKind::user_defined1()).unwrap();
        for _ in 0..3 {
            send(Signal::USR1);
            one.recv().await.unwrap();
            other.recv().await.unwrap();
        }
        assert!(poll_once(pin!(one.recv()), Waker::noop()).is_pending());
        drop(other);
        let mut late = signal(SignalKind::user_defined1()).unwrap();
        assert!(poll_once(pin!(late.recv()), Waker::noop()).is_pending());
        send(Signal::USR1);
        one.recv().await.unwrap();
        late.recv().await.unwrap();
    });
}

#[test]
fn signals_that_come_together_are_told_of_together() {
    on_each_runtime(|| async {
        let mut changes = signal(SignalKind::window_change()).unwrap();
        for _ in 0..100 {
            send(Signal::WINCH);
        }
        changes.recv().await.unwrap();
        // Sent to this process by itself, they were all delivered before `kill` returned.
        assert!(poll_once(pin!(changes.recv()), Waker::noop()).is_pending());
    });
}

#[test]
fn an_interrupt_ends_the_wait_for_ctrl_c_and_not_the_program() {
    on_each_runtime(|| async {
        let mut waiting = pin!(ctrl_c());
        assert!(poll_once(waiting.as_mut(), Waker::noop()).is_pending());
        send(Signal::INT);
        waiting.await.unwrap();
    });
}

#[test]
fn what_cannot_be_heard_is_refused() {
    on_each_runtime(|| async {
        for number in [Signal::KILL, Signal::STOP, Signal::SEGV].map(Signal::as_raw) {
            let error = signal(SignalKind::from_raw(number)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("SIG"), "{error}");
        }
        let error = signal(SignalKind::from_raw(4711)).unwrap_err();
        assert!(error.to_string().contains("4711"), "{error}");
    });
}

#[test]
fn the_end_of_the_runtime_ends_the_listening() {
    for flavor in [Flavor::Workers(2), Flavor::CurrentThread] {
        let runtime = flavor.build();
        let mut hangups = runtime.block_on(async { signal(SignalKind::hangup()).unwrap() });
        drop(runtime);
        assert_eq!(wait("the end", hangups.recv()), None);
    }
}

#[test]
fn a_storm_of_signals_disturbs_neither_connections_nor_the_listener() {
    static STOP: AtomicBool = AtomicBool::new(false);
    on_each_runtime(|| async {
        STOP.store(false, Relaxed);
        let mut listener = signal(SignalKind::user_defined2()).unwrap();
        let storm = std::thread::spawn(|| {
            let mut count = 0;
            while !STOP.load(Relaxed) && count < 1_000_000 {
                send(Signal::USR2);
                count += 1;
            }
            count
        });
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let echo = raddle::spawn(async move {
            let (mut stream, _) = server.accept().await.unwrap();
            let mut buffer = [0; 1024];
            while let n @ 1.. = stream.read(&mut buffer).await.unwrap() {
                stream.write_all(&buffer[..n]).await.unwrap();
            }
        });
        let mut client = TcpStream::connect(address).await.unwrap();
        for i in 0..scaled(3000) as u32 {
            client.write_all(&i.to_be_bytes()).await.unwrap();
            let mut answer = [0; 4];
            client.read_exact(&mut answer).await.unwrap();
            assert_eq!(u32::from_be_bytes(answer), i);
            if i % 100 == 0 {
                listener.recv().await.unwrap();
            }
        }
        STOP.store(true, Relaxed);
        let count = raddle::task::spawn_blocking(move || storm.join().unwrap()).await.unwrap();
        assert!(count > 100, "{count} signals are no storm");
        drop(client);
        echo.await.unwrap();
        // The pipe was full, perhaps; the next signal is heard all the same.
        while poll_once(pin!(listener.recv()), Waker::noop()).is_ready() {}
        send(Signal::USR2);
        listener.recv().await.unwrap();
    });
}
