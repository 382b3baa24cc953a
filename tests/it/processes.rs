//! Child processes: fed, heard, ended, and never left zombies.

use crate::faults_net::in_a_child;
use crate::support::{Flavor, on_each_runtime, scaled, until, wait};
use raddle::net::{TcpListener, TcpStream};
use raddle::process::{Command, Stdio};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;

const SIGKILL: i32 = 9;

/// Whether the child of this number is still ours to wait for: running, or a zombie.
fn is_ours(pid: u32) -> bool {
    let pid = Pid::from_raw(pid as i32).unwrap();
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match waitid(WaitId::Pid(pid), look) {
        Ok(_) => true,
        Err(Errno::CHILD) => false,
        Err(error) => panic!("looking for child {pid:?}: {error}"),
    }
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn what_a_child_says_and_how_it_ends() {
    on_each_runtime(|| async {
        let output = shell("echo out; echo err >&2; exit 3").output().await.unwrap();
        assert_eq!((&*output.stdout, &*output.stderr), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!(output.status.code(), Some(3));
        let mut command = Command::new("sh");
        command.env_clear().env("GREETING", "hello").current_dir("/");
        command.args(["-c", "test \"$GREETING $PWD\" = 'hello /'"]);
        assert!(command.status().await.unwrap().success());
        assert!(shell("true").status().await.unwrap().success());
    });
}

#[test]
fn a_program_that_is_not_there_is_named() {
    on_each_runtime(|| async {
        let error = Command::new("no-such-program-anywhere").spawn().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().starts_with("starting no-such-program-anywhere"), "{error}");
    });
}

#[test]
fn a_child_is_fed_and_heard_at_once() {
    on_each_runtime(|| async {
        let mut cat =
            Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut input, mut output) = (cat.stdin.take().unwrap(), cat.stdout.take().unwrap());
        let sent: Vec<u8> = (0_u32..400_000).map(|i| (i % 253) as u8).collect();
        let expected = sent.clone();
        let feeding = raddle::spawn(async move { input.write_all(&sent).await });
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        while let n @ 1.. = output.read(&mut buffer).await.unwrap() {
            all.extend_from_slice(&buffer[..n]);
        }
        feeding.await.unwrap().unwrap();
        assert!(all == expected);
        assert!(cat.wait().await.unwrap().success());
        // Again the same, and no number any more.
        assert!(cat.wait().await.unwrap().success());
        assert!(cat.try_wait().unwrap().unwrap().success());
        assert_eq!(cat.id(), None);
        assert_eq!(cat.start_kill().unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn waiting_closes_the_input_and_a_pipe_goes_from_child_to_child() {
    on_each_runtime(|| async {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert!(cat.try_wait().unwrap().is_none());
        assert!(cat.wait().await.unwrap().success());

        let mut first = shell("printf 'b\\na\\n'").stdout(Stdio::piped()).spawn().unwrap();
        let between: Stdio = first.stdout.take().unwrap().try_into().unwrap();
        let sorted = Command::new("sort").stdin(between).output().await.unwrap();
        assert_eq!(sorted.stdout, b"a\nb\n");
        assert!(first.wait().await.unwrap().success());
    });
}

#[test]
fn both_outputs_of_a_talkative_child_are_collected() {
    on_each_runtime(|| async {
        let script = "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2";
        let output = shell(script).output().await.unwrap();
        assert_eq!((output.stdout.len(), output.stderr.len()), (300_000, 300_000));
    });
}

#[test]
fn a_child_is_killed_when_asked_or_when_dropped() {
    on_each_runtime(|| async {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = child.id().unwrap();
        child.kill().await.unwrap();
        assert_eq!(child.wait().await.unwrap().signal(), Some(SIGKILL));
        assert!(!is_ours(pid));

        let child = Command::new("sleep").arg("1000").kill_on_drop(true).spawn().unwrap();
        let pid = child.id().unwrap();
        drop(child);
        while is_ours(pid) {
            raddle::task::yield_now().await;
        }
    });
}

#[test]
fn a_child_that_is_dropped_runs_on_and_is_no_zombie_afterwards() {
    on_each_runtime(|| async {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let (pid, input) = (child.id().unwrap(), child.stdin.take().unwrap());
        drop(child);
        assert!(is_ours(pid), "it was killed");
        drop(input);
        while is_ours(pid) {
            raddle::task::yield_now().await;
        }
    });
}

#[test]
fn a_child_that_outlives_its_runtime_is_waited_for_by_the_next() {
    for flavor in [Flavor::Workers(2), Flavor::CurrentThread] {
        let runtime = flavor.build();
        let (pid, input) = runtime.block_on(async {
            let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
            (child.id().unwrap(), child.stdin.take().unwrap())
        });
        drop(runtime);
        assert!(is_ours(pid));
        drop(input);
        let next = flavor.start();
        until("the orphan is waited for", || {
            let starting = next.handle().spawn(async { shell("true").status().await.unwrap() });
            wait("a child", starting).unwrap();
            !is_ours(pid)
        });
    }
}

#[test]
fn a_wait_ends_with_the_runtime_and_says_so() {
    for flavor in [Flavor::Workers(2), Flavor::CurrentThread] {
        let runtime = flavor.build();
        let mut child = runtime.block_on(async {
            Command::new("cat").stdin(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
        });
        let input = child.stdin.take();
        drop(runtime);
        let error = wait("an error", child.wait()).unwrap_err();
        assert!(error.to_string().contains("waiting for cat"), "{error}");
        assert!(error.to_string().contains("shut down"), "{error}");
        drop(input);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn children_inherit_no_descriptors_and_disturb_no_connection() {
    in_a_child("processes::children_beside_connections", &[]);
}

#[test]
#[ignore = "run by children_inherit_no_descriptors_and_disturb_no_connection"]
#[cfg(target_os = "linux")]
fn children_beside_connections() {
    // Whatever this process was given itself, and what a child needs to look.
    let given = std::fs::read_dir("/proc/self/fd").unwrap();
    let given: BTreeSet<_> =
        given.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    on_each_runtime(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let echo = raddle::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 1024];
            while let n @ 1.. = stream.read(&mut buffer).await.unwrap() {
                stream.write_all(&buffer[..n]).await.unwrap();
            }
        });
        let talking = raddle::spawn(async move {
            let mut client = TcpStream::connect(address).await.unwrap();
            for i in 0..2000_u32 {
                client.write_all(&i.to_be_bytes()).await.unwrap();
                let mut answer = [0; 4];
                client.read_exact(&mut answer).await.unwrap();
                assert_eq!(u32::from_be_bytes(answer), i);
            }
        });
        for _ in 0..20 {
            let listed = Command::new("ls").arg("/proc/self/fd").output().await.unwrap();
            let listed = String::from_utf8(listed.stdout).unwrap();
            let more = listed.split_whitespace().filter(|&it| !given.contains(it)).count();
            assert!(more <= 1, "more than the directory it reads: {listed} besides {given:?}");
        }
        talking.await.unwrap();
        echo.await.unwrap();
    });
}

#[test]
fn ten_thousand_short_children_leave_no_zombie() {
    // In a process of its own, so that all its children are ours.
    in_a_child("processes::many_short_children", &[]);
}

#[test]
#[ignore = "run by ten_thousand_short_children_leave_no_zombie"]
fn many_short_children() {
    for flavor in [Flavor::Workers(2), Flavor::CurrentThread] {
        let runtime = flavor.start();
        let count = scaled(5_000);
        let starters: Vec<_> = (0..4)
            .map(|starter| {
                runtime.handle().spawn(async move {
                    for i in (starter..count).step_by(4) {
                        let mut child = Command::new("true").spawn().unwrap();
                        match i % 3 {
                            0 => assert!(child.wait().await.unwrap().success()),
                            1 => drop(child),
                            _ => {
                                // Waited for a little.
                                let waiting = std::pin::pin!(child.wait());
                                let waker = std::task::Waker::noop();
                                let _ = crate::support::poll_once(waiting, waker);
                            }
                        }
                    }
                })
            })
            .collect();
        for starter in starters {
            // Each of them takes longer than a wait may.
            runtime.handle().block_on(starter).unwrap();
        }
        until("no child is left, running or zombie", || {
            let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            matches!(waitid(WaitId::All, look), Err(Errno::CHILD))
        });
    }
}

#[test]
fn children_without_descriptors_to_spare_are_an_error_and_not_lost() {
    in_a_child("processes::out_of_descriptors", &["ulimit -n 60 && "]);
}

#[test]
#[ignore = "run by children_without_descriptors_to_spare_are_an_error_and_not_lost"]
fn out_of_descriptors() {
    on_each_runtime(|| async {
        let mut files = Vec::new();
        let file = Arc::new(std::fs::File::open("/dev/null").unwrap());
        while let Ok(another) = file.try_clone() {
            files.push(another);
        }
        // With fewer and fewer taken, each step of starting a child fails once, and then none.
        let mut failures = 0;
        loop {
            match Command::new("true").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() {
                Ok(mut child) => {
                    assert!(child.wait().await.unwrap().success());
                    break;
                }
                Err(error) => {
                    assert!(error.to_string().starts_with("starting true"), "{error}");
                    failures += 1;
                    drop(files.pop().expect("a child needs no more descriptors than this"));
                }
            }
        }
        assert!(failures > 2, "{failures}");
        drop(files);
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while !matches!(waitid(WaitId::All, look), Err(Errno::CHILD)) {
            raddle::task::yield_now().await;
        }
    });
}
