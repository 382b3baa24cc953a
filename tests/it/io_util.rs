//! Combinators over readers and writers, and connections in memory.

use crate::support::{on_each_runtime, poll_once};
use raddle::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter, copy, copy_bidirectional,
    duplex, split,
};
use raddle::net::{TcpListener, TcpStream, UnixStream};
use std::io::ErrorKind;
use std::pin::pin;
use std::task::{Poll, Waker};

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

#[test]
fn lines_are_read_and_written_through_buffers() {
    on_each_runtime(|| async {
        let (client, server) = pair().await;
        let writing = raddle::spawn(async move {
            let mut writer = BufWriter::new(client);
            for i in 0..1000 {
                writer.write_all(format!("line {i}\n").as_bytes()).await.unwrap();
            }
            writer.flush().await.unwrap();
        });
        let (mut reader, mut line) = (BufReader::new(server), String::new());
        for i in 0..1000 {
            line.clear();
            reader.read_line(&mut line).await.unwrap();
            assert_eq!(line, format!("line {i}\n"));
        }
        assert_eq!(reader.read_line(&mut line).await.unwrap(), 0);
        assert_eq!(line, "line 999\n", "reading nothing appends nothing");
        writing.await.unwrap();
    });
}

#[test]
fn everything_is_copied_and_counted() {
    on_each_runtime(|| async {
        let ((mut one, mut middle_in), (mut middle_out, mut other)) = (pair().await, pair().await);
        let copying =
            raddle::spawn(async move { copy(&mut middle_in, &mut middle_out).await.unwrap() });
        let sending = raddle::spawn(async move { one.write_all(&[3; 500_000]).await });
        let mut all = Vec::new();
        AsyncReadExt::read_to_end(&mut other, &mut all).await.unwrap();
        assert_eq!((copying.await.unwrap(), all.len()), (500_000, 500_000));
        sending.await.unwrap().unwrap();
    });
}

#[test]
fn a_proxy_passes_on_both_directions_and_both_ends() {
    on_each_runtime(|| async {
        let ((mut client, mut front), (mut back, mut server)) = (pair().await, pair().await);
        let proxy = raddle::spawn(async move { copy_bidirectional(&mut front, &mut back).await });
        let serving = raddle::spawn(async move {
            let mut question = Vec::new();
            AsyncReadExt::read_to_end(&mut server, &mut question).await.unwrap();
            // Its sending direction is still open.
            server.write_all(&vec![9; 300_000]).await.unwrap();
            question.len()
        });
        client.write_all(&vec![8; 200_000]).await.unwrap();
        client.close().await.unwrap();
        let mut answer = Vec::new();
        AsyncReadExt::read_to_end(&mut client, &mut answer).await.unwrap();
        assert_eq!((answer.len(), serving.await.unwrap()), (300_000, 200_000));
        assert_eq!(proxy.await.unwrap().unwrap(), (200_000, 300_000));
    });
}

#[test]
fn a_proxy_fails_with_the_first_error() {
    on_each_runtime(|| async {
        let ((client, mut front), (mut back, _server)) = (pair().await, pair().await);
        let proxy = raddle::spawn(async move { copy_bidirectional(&mut front, &mut back).await });
        client.set_zero_linger().unwrap();
        drop(client);
        assert_eq!(proxy.await.unwrap().unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_connection_in_memory_holds_as_much_as_it_says() {
    on_each_runtime(|| async {
        let (mut one, mut other) = duplex(10);
        one.write_all(b"0123456789").await.unwrap();
        {
            let mut full = pin!(one.write(b"x"));
            assert!(poll_once(full.as_mut(), Waker::noop()).is_pending());
        }
        let mut buffer = [0; 4];
        other.read_exact(&mut buffer).await.unwrap();
        assert_eq!(one.write(b"abcdef").await.unwrap(), 4);
        drop(one);
        let mut rest = String::new();
        other.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "456789abcd");
        assert_eq!(other.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);

        let (mut one, mut other) = duplex(10);
        one.close().await.unwrap();
        assert_eq!(other.read(&mut buffer).await.unwrap(), 0);
        assert_eq!(one.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        other.write_all(b"back").await.unwrap();
        one.read_exact(&mut buffer).await.unwrap();
    });
}

#[test]
fn a_dropped_read_in_memory_loses_nothing() {
    on_each_runtime(|| async {
        let (mut one, mut other) = duplex(7);
        let writing = raddle::spawn(async move {
            let bytes: Vec<u8> = (0_u32..10_000).map(|i| (i % 256) as u8).collect();
            one.write_all(&bytes).await.unwrap();
        });
        let (mut all, mut buffer, mut round) = (Vec::new(), [0; 5], 0);
        loop {
            round += 1;
            let read = if round % 2 == 0 {
                let polled = poll_once(pin!(other.read(&mut buffer)), Waker::noop());
                let Poll::Ready(read) = polled else { continue };
                read
            } else {
                other.read(&mut buffer).await
            };
            match read.unwrap() {
                0 => break,
                n => all.extend_from_slice(&buffer[..n]),
            }
        }
        writing.await.unwrap();
        assert!(all.iter().enumerate().all(|(i, &byte)| byte == i as u8) && all.len() == 10_000);
    });
}

#[test]
fn any_stream_is_split_for_two_tasks() {
    on_each_runtime(|| async {
        let (one, mut other) = UnixStream::pair().unwrap();
        let (mut reader, mut writer) = split(one);
        let echo = raddle::spawn(async move {
            let mut buffer = [0; 100];
            while let n @ 1.. = other.read(&mut buffer).await.unwrap() {
                other.write_all(&buffer[..n]).await.unwrap();
            }
        });
        let writing = raddle::spawn(async move {
            for i in 0..100_u8 {
                writer.write_all(&[i; 100]).await.unwrap();
            }
            writer.close().await.unwrap();
        });
        let mut all = Vec::new();
        reader.read_to_end(&mut all).await.unwrap();
        assert!(all.chunks(100).enumerate().all(|(i, it)| it == [i as u8; 100]));
        assert_eq!(all.len(), 10_000);
        writing.await.unwrap();
        echo.await.unwrap();
    });
}
