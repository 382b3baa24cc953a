//! Pipes, named or not.

use crate::support::on_each_runtime;
use crate::unix::Folder;
use raddle::io::raw_os_error;
use raddle::net::unix::pipe;
use raddle::task::yield_now;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::process::Command;

#[test]
fn bytes_go_through_and_the_end_comes_with_the_last_writer() {
    on_each_runtime(|| async {
        let (mut sender, mut receiver) = pipe::pipe().unwrap();
        let mut buffer = [0; 8];
        assert_eq!(receiver.try_read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        sender.write_all(b"abc").await.unwrap();
        receiver.read_exact(&mut buffer[..3]).await.unwrap();
        let reading = raddle::spawn(async move { receiver.read(&mut [0; 8]).await });
        yield_now().await;
        drop(sender);
        assert_eq!(reading.await.unwrap().unwrap(), 0);
    });
}

#[test]
fn a_full_pipe_holds_the_writer_up() {
    on_each_runtime(|| async {
        let (mut sender, mut receiver) = pipe::pipe().unwrap();
        let writing = raddle::spawn(async move {
            sender.write_all(&[7; 300_000]).await.unwrap();
        });
        let (mut count, mut buffer) = (0, [0; 5_000]);
        while let n @ 1.. = receiver.read(&mut buffer).await.unwrap() {
            count += n;
        }
        assert_eq!(count, 300_000);
        writing.await.unwrap();
    });
}

#[test]
fn a_pipe_that_nobody_reads_is_broken() {
    on_each_runtime(|| async {
        let (mut sender, receiver) = pipe::pipe().unwrap();
        drop(receiver);
        let error = sender.write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert!(error.to_string().contains("writing to a pipe"), "{error}");
    });
}

#[test]
fn a_named_pipe_is_opened_from_both_sides() {
    const ENXIO: i32 = 6;
    on_each_runtime(|| async {
        let folder = Folder::new();
        let path = folder.path("fifo");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let error = pipe::OpenOptions::new().open_sender(&path).unwrap_err();
        assert_eq!(raw_os_error(&error), Some(ENXIO), "{error}");
        assert!(error.to_string().contains("fifo"), "{error}");

        let mut receiver = pipe::OpenOptions::new().open_receiver(&path).unwrap();
        for round in 0..3 {
            // Each writer's end is an end of the stream; the next writer goes on.
            let mut sender = pipe::OpenOptions::new().open_sender(&path).unwrap();
            sender.write_all(&[round; 10]).await.unwrap();
            drop(sender);
            let mut buffer = [0; 10];
            receiver.read_exact(&mut buffer).await.unwrap();
            assert_eq!(buffer, [round; 10]);
            assert_eq!(receiver.read(&mut buffer).await.unwrap(), 0);
        }
        let file = folder.path("file");
        File::create(&file).unwrap();
        let error = pipe::OpenOptions::new().open_receiver(&file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_receiver_that_could_write_sees_no_end() {
    on_each_runtime(|| async {
        let folder = Folder::new();
        let path = folder.path("fifo");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let mut receiver = pipe::OpenOptions::new().read_write(true).open_receiver(&path).unwrap();
        let mut sender = pipe::OpenOptions::new().open_sender(&path).unwrap();
        sender.write_all(b"x").await.unwrap();
        drop(sender);
        assert_eq!(receiver.read(&mut [0; 8]).await.unwrap(), 1);
        assert_eq!(receiver.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn an_end_is_given_back_to_blocking_programs() {
    on_each_runtime(|| async {
        let (mut sender, receiver) = pipe::pipe().unwrap();
        sender.write_all(b"abc").await.unwrap();
        drop(sender);
        let mut all = Vec::new();
        File::from(receiver.into_blocking_fd().unwrap()).read_to_end(&mut all).unwrap();
        assert_eq!(all, b"abc");
    });
}
