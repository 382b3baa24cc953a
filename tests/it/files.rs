//! Files, directories and the standard streams, on the blocking pool.

use crate::support::{Flavor, on_each_runtime, patience, poll_once, wait};
use crate::unix::Folder;
use raddle::fs::{self, DirBuilder, File, OpenOptions};
use raddle::io::{AsyncSeekExt, raw_os_error};
use raddle::task::spawn_blocking;
use raddle::time::timeout;
use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::task::{Poll, Waker};

#[test]
fn a_file_is_written_read_and_gone_through() {
    on_each_runtime(|| async {
        let folder = Folder::new();
        let path = folder.path("file");
        let mut file = File::create_new(&path).await.unwrap();
        assert_eq!(File::create_new(&path).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
        for i in 0..100_u8 {
            file.write_all(&[i; 1000]).await.unwrap();
        }
        file.flush().await.unwrap();
        assert_eq!(file.metadata().await.unwrap().len(), 100_000);
        assert_eq!(file.seek(SeekFrom::Start(50_500)).await.unwrap(), 50_500);
        let mut buffer = [0; 1000];
        file.read_exact(&mut buffer).await.unwrap();
        assert!(buffer[..500] == [50; 500] && buffer[500..] == [51; 500]);
        // Through the trait, too, which asks again until it is there.
        assert_eq!(AsyncSeekExt::seek(&mut file, SeekFrom::End(-10)).await.unwrap(), 99_990);
        let mut rest = Vec::new();
        assert_eq!(file.read_to_end(&mut rest).await.unwrap(), 10);
        file.set_len(42).await.unwrap();
        file.sync_all().await.unwrap();
        file.sync_data().await.unwrap();
        assert_eq!(fs::read(&path).await.unwrap(), [0; 42]);
        let error = file.read_exact(&mut buffer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert!(error.to_string().contains("file"), "{error}");
    });
}

/// Begins to read `count` bytes and drops the future before any are there: the pool's only thread is busy meanwhile.
async fn begin_to_read(file: &mut File, count: usize) {
    let (release, held) = mpsc::channel::<()>();
    let busy = spawn_blocking(move || held.recv().is_ok());
    assert!(poll_once(pin!(file.read(&mut vec![0; count])), Waker::noop()).is_pending());
    drop(release);
    busy.await.unwrap();
}

#[test]
fn a_dropped_read_is_kept_for_the_next_and_undone_by_a_write() {
    for flavor in [Flavor::Workers(2), Flavor::CurrentThread] {
        let runtime = flavor.builder().max_blocking_threads(1).build().unwrap();
        let test = runtime.block_on(async { timeout(patience(), dropped_reads()).await });
        test.expect("something was waited for in vain");
    }
}

async fn dropped_reads() {
    let folder = Folder::new();
    let path = folder.path("file");
    fs::write(&path, "0123456789").await.unwrap();
    let mut file = OpenOptions::new().read(true).write(true).open(&path).await.unwrap();
    // What the thread reads for a future is not lost with it.
    begin_to_read(&mut file, 6).await;
    let mut buffer = [0; 2];
    assert_eq!(file.read(&mut buffer).await.unwrap(), 2);
    assert_eq!(&buffer, b"01");
    // Four bytes are read ahead: relative to what the caller has seen, this is position 3.
    assert_eq!(file.seek(SeekFrom::Current(1)).await.unwrap(), 3);
    // A seek that fails leaves everything where it is.
    begin_to_read(&mut file, 6).await;
    assert_eq!(file.read(&mut buffer[..1]).await.unwrap(), 1);
    let error = file.seek(SeekFrom::Current(-100)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(file.read(&mut buffer[1..]).await.unwrap(), 1);
    assert_eq!(&buffer, b"34");
    assert_eq!(file.seek(SeekFrom::Current(-2)).await.unwrap(), 3);
    begin_to_read(&mut file, 6).await;
    file.write_all(b"xy").await.unwrap();
    file.flush().await.unwrap();
    assert_eq!(fs::read_to_string(&path).await.unwrap(), "012xy56789");
    // And given away, the file is where the caller believes.
    begin_to_read(&mut file, 3).await;
    let mut std = file.into_std().await.unwrap();
    let mut rest = String::new();
    std.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "56789");
}

#[test]
#[cfg(target_os = "linux")]
fn a_write_that_fails_is_told_of_by_the_next_operation() {
    const ENOSPC: i32 = 28;
    on_each_runtime(|| async {
        let open = || async { OpenOptions::new().write(true).open("/dev/full").await.unwrap() };
        let mut file = open().await;
        assert_eq!(file.write(b"lost").await.unwrap(), 4);
        let error = file.flush().await.unwrap_err();
        assert_eq!(raw_os_error(&error), Some(ENOSPC));
        assert!(error.to_string().starts_with("writing to /dev/full"), "{error}");
        file.flush().await.unwrap();
        let mut file = open().await;
        file.write_all(b"lost").await.unwrap();
        assert_eq!(raw_os_error(&file.write(b"more").await.unwrap_err()), Some(ENOSPC));
        let mut file = open().await;
        file.write_all(b"lost").await.unwrap();
        assert_eq!(raw_os_error(&file.sync_all().await.unwrap_err()), Some(ENOSPC));
    });
}

#[test]
fn a_file_that_is_dropped_at_once_is_written_to_the_end() {
    for flavor in [Flavor::Workers(2), Flavor::CurrentThread] {
        let (runtime, folder) = (flavor.start(), Folder::new());
        let path = folder.path("file");
        let writing = {
            let path = path.clone();
            runtime.handle().spawn(async move {
                let mut file = File::create(&path).await.unwrap();
                file.set_max_buf_size(1 << 20);
                assert_eq!(file.max_buf_size(), 1 << 20);
                assert_eq!(file.write(&vec![1; 1 << 21]).await.unwrap(), 1 << 20);
            })
        };
        wait("the write", writing).unwrap();
        crate::support::until("everything is written", || {
            std::fs::metadata(&path).unwrap().len() == 1 << 20
        });
    }
}

#[test]
fn paths_are_made_renamed_linked_and_removed() {
    on_each_runtime(|| async {
        let folder = Folder::new();
        let (a, b) = (folder.path("a"), folder.path("b"));
        fs::write(&a, "text").await.unwrap();
        assert_eq!(fs::copy(&a, &b).await.unwrap(), 4);
        fs::remove_file(&b).await.unwrap();
        assert!(!fs::try_exists(&b).await.unwrap());
        fs::hard_link(&a, &b).await.unwrap();
        fs::remove_file(&a).await.unwrap();
        fs::symlink(&b, &a).await.unwrap();
        assert_eq!(fs::read_link(&a).await.unwrap(), b);
        assert!(fs::symlink_metadata(&a).await.unwrap().is_symlink());
        assert!(fs::metadata(&a).await.unwrap().is_file());
        let real = fs::canonicalize(&folder.path(".")).await.unwrap();
        assert_eq!(fs::canonicalize(&a).await.unwrap(), real.join("b"));
        fs::set_permissions(&b, PermissionsExt::from_mode(0o600)).await.unwrap();
        assert_eq!(fs::metadata(&b).await.unwrap().permissions().mode() & 0o777, 0o600);
        fs::rename(&b, folder.path("c")).await.unwrap();
        assert_eq!(fs::read_to_string(folder.path("c")).await.unwrap(), "text");

        let (deep, from) = (folder.path("d/e/f"), folder.path("d"));
        fs::create_dir_all(&deep).await.unwrap();
        DirBuilder::new().mode(0o700).create(deep.join("g")).await.unwrap();
        let error = fs::remove_dir(&from).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DirectoryNotEmpty);
        fs::remove_dir_all(&from).await.unwrap();
        fs::create_dir(&from).await.unwrap();
        fs::remove_dir(&from).await.unwrap();
    });
}

#[test]
fn every_error_names_the_operation_and_the_path() {
    on_each_runtime(|| async {
        let folder = Folder::new();
        let (no, other) = (folder.path("no"), folder.path("other"));
        let errors = [
            File::open(&no).await.unwrap_err(),
            fs::read(&no).await.unwrap_err(),
            fs::metadata(&no).await.unwrap_err(),
            fs::remove_file(&no).await.unwrap_err(),
            fs::read_dir(&no).await.unwrap_err(),
            fs::rename(&no, &other).await.unwrap_err(),
            fs::copy(&no, &other).await.unwrap_err(),
            fs::create_dir(no.join("deeper")).await.unwrap_err(),
        ];
        let name = no.display().to_string();
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.to_string().contains(&name), "{error}");
        }
    });
}

#[test]
fn a_large_directory_is_listed_whole() {
    on_each_runtime(|| async {
        let folder = Folder::new();
        let expected: BTreeSet<_> = (0..100).map(|i| format!("file {i}")).collect();
        for name in &expected {
            std::fs::write(folder.path(name), "x").unwrap();
        }
        let mut entries = fs::read_dir(folder.path("")).await.unwrap();
        let mut seen = BTreeSet::new();
        while let Some(entry) = entries.next_entry().await.unwrap() {
            assert!(entry.file_type().await.unwrap().is_file());
            assert_eq!(entry.metadata().await.unwrap().len(), 1);
            assert_eq!(entry.path(), folder.path(&entry.file_name().to_string_lossy()));
            assert!(seen.insert(entry.file_name().into_string().unwrap()), "seen twice");
        }
        assert_eq!(seen, expected);
        assert!(entries.next_entry().await.unwrap().is_none(), "the end stays");
    });
}

#[test]
fn a_listing_goes_on_where_a_dropped_call_left_it() {
    let runtime = Flavor::Workers(2).builder().max_blocking_threads(1).build().unwrap();
    let test = runtime.block_on(async { timeout(patience(), dropped_listing()).await });
    test.expect("something was waited for in vain");
}

/// Each call is dropped before the pool's only thread, which is busy, gets to it.
async fn dropped_listing() {
    let folder = Folder::new();
    let expected: BTreeSet<_> = (0..100).map(|i| format!("file {i}")).collect();
    for name in &expected {
        std::fs::write(folder.path(name), "x").unwrap();
    }
    let mut entries = fs::read_dir(folder.path("")).await.unwrap();
    let (mut seen, mut dropped) = (BTreeSet::new(), 0);
    loop {
        let (release, held) = mpsc::channel::<()>();
        let busy = spawn_blocking(move || held.recv().is_ok());
        match poll_once(pin!(entries.next_entry()), Waker::noop()) {
            Poll::Pending => dropped += 1,
            Poll::Ready(Ok(None)) => break,
            Poll::Ready(entry) => {
                let name = entry.unwrap().unwrap().file_name();
                assert!(seen.insert(name.into_string().unwrap()), "seen twice");
            }
        }
        drop(release);
        busy.await.unwrap();
    }
    assert_eq!(seen, expected);
    assert!(dropped >= 100 / 32, "{dropped} calls had to wait");
}

#[test]
fn two_handles_share_the_position_and_appending_goes_to_the_end() {
    on_each_runtime(|| async {
        let folder = Folder::new();
        let path = folder.path("log");
        let mut one = File::options().append(true).create(true).open(&path).await.unwrap();
        let mut other = one.try_clone().await.unwrap();
        one.write_all(b"one ").await.unwrap();
        one.flush().await.unwrap();
        other.write_all(b"two").await.unwrap();
        other.flush().await.unwrap();
        assert_eq!(fs::read_to_string(&path).await.unwrap(), "one two");
        one.set_permissions(PermissionsExt::from_mode(0o644)).await.unwrap();
        let std = one.into_std().await.unwrap();
        let mut again = File::from_std(std);
        again.write_all(b"!").await.unwrap();
        again.flush().await.unwrap();
        assert_eq!(fs::metadata(&path).await.unwrap().len(), 8);
    });
}

#[test]
fn the_standard_streams_carry_what_they_are_given() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["files::standard_streams_in_a_child", "--exact", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = "0123456789".repeat(20_000);
    let writing = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out} {err}");
    assert!(out.contains("1 passed") && out.contains("read 200000 bytes"), "{out} {err}");
    assert!(err.contains("and to the error stream"), "{err}");
}

#[test]
#[ignore = "run by the_standard_streams_carry_what_they_are_given"]
fn standard_streams_in_a_child() {
    Flavor::Workers(2).build().block_on(async {
        let (mut input, mut buffer, mut count) = (raddle::io::stdin(), [0; 1000], 0);
        // The first is dropped with the thread still reading; nothing is lost.
        if let Poll::Ready(read) = poll_once(pin!(input.read(&mut buffer)), Waker::noop()) {
            count += read.unwrap();
        }
        while let n @ 1.. = input.read(&mut buffer).await.unwrap() {
            count += n;
        }
        let (mut out, mut err) = (raddle::io::stdout(), raddle::io::stderr());
        out.write_all(format!("read {count} bytes\n").as_bytes()).await.unwrap();
        out.flush().await.unwrap();
        err.write_all(b"and to the error stream\n").await.unwrap();
        err.flush().await.unwrap();
    });
}
