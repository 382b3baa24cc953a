//! What the rest of the system does to a runtime: the whole machine out of descriptors, interrupted calls, forks.
//!
//! # Safety
//!
//! Two things that nobody wraps: `fork`, whose child here calls nothing that is forbidden to it, unless that is what the
//! test is about; and a filter of system calls for one thread, which is a plain structure for the kernel to read.
#![allow(unsafe_code)]

use crate::faults_net::in_a_child;
use crate::support::{Flavor, on_each_runtime, poll_once};
use raddle::net::{TcpListener, TcpStream, UnixStream};
use raddle_io_driver::{Backend, Driver, Interest, Registered};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream as StdStream;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

#[test]
fn an_interrupted_call_is_made_again_and_says_nothing_of_readiness() {
    let (mut driver, handle) = Driver::new(Backend::from_env().unwrap()).unwrap();
    let (ours, mut theirs) = StdStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let ours = Registered::new(ours, &handle).unwrap();
    theirs.write_all(b"news").unwrap();
    let (mut cx, mut calls, mut buffer) = (Context::from_waker(Waker::noop()), 0, [0; 8]);
    // An operation is a closure: this one is interrupted three times before it comes to the kernel.
    let read = ours.poll_read_io(&mut cx, |mut io| {
        calls += 1;
        if calls <= 3 { Err(ErrorKind::Interrupted.into()) } else { io.read(&mut buffer) }
    });
    assert!(matches!(read, Poll::Ready(Ok(4))), "{read:?}");
    assert_eq!(calls, 4);
    // Who tries once hears of it, and may try again.
    let once = ours.try_io(Interest::READABLE, |_| Err::<(), _>(ErrorKind::Interrupted.into()));
    assert_eq!(once.unwrap_err().kind(), ErrorKind::Interrupted);
    assert!(ours.registration().now().is_readable(), "an interruption is no answer");
    driver.turn(Some(Duration::ZERO), &mut Vec::new()).unwrap();
}

/// From now on, each `number` that this thread calls fails with `errno`.
#[cfg(target_os = "linux")]
fn fail(number: libc::c_long, errno: libc::c_int) {
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut program = [
        // The number is the first thing that the filter is shown.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the kernel copies the program, whose length it is told, before the call returns.
    let outcome = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
    };
    assert_eq!(outcome, 0, "{}", io::Error::last_os_error());
}

#[test]
#[cfg(target_os = "linux")]
fn a_machine_out_of_descriptors_is_reported_and_survived() {
    // The limit of a whole machine cannot be lowered for a test, and does not bind root; so the kernel is told to say that
    // it is reached, to one thread that is not needed afterwards.
    let runtime = Flavor::CurrentThread.build();
    let bound = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = bound.local_addr().unwrap();
    let client = std::net::TcpStream::connect(address).unwrap();
    std::thread::scope(|scope| {
        let refused = scope.spawn(|| {
            fail(libc::SYS_accept4, libc::ENFILE);
            fail(libc::SYS_socket, libc::ENFILE);
            runtime.block_on(async {
                for _ in 0..3 {
                    let error = bound.accept().await.unwrap_err();
                    assert_eq!(raddle::io::raw_os_error(&error), Some(libc::ENFILE));
                    assert!(error.to_string().starts_with(&format!("accepting on {address}: ")));
                }
                let error = TcpStream::connect(address).await.unwrap_err();
                assert_eq!(raddle::io::raw_os_error(&error), Some(libc::ENFILE));
                assert!(error.to_string().starts_with(&format!("connecting to {address}: ")));
            });
        });
        refused.join().unwrap();
    });
    // Now there are some: the connection is still in the queue, and the listener hears of the next.
    runtime.block_on(async {
        assert_eq!(bound.accept().await.unwrap().1, client.local_addr().unwrap());
        let mut accept = pin!(bound.accept());
        assert!(poll_once(accept.as_mut(), Waker::noop()).is_pending());
        let late = TcpStream::connect(address).await.unwrap();
        assert_eq!(accept.await.unwrap().1, late.local_addr().unwrap());
    });
}

/// Forks. The child runs `child` and ends, with 0 if that returns true; this process gets the child's exit code.
///
/// A child that hangs is ended by the alarm that it sets itself.
fn in_a_fork(child: impl FnOnce() -> bool) -> Option<i32> {
    // SAFETY: the child calls `child` and `_exit`. What `child` may call is its author's business: see there.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => panic!("forking: {}", io::Error::last_os_error()),
        0 => {
            // SAFETY: both may be called between `fork` and `exec`.
            unsafe {
                libc::alarm(20);
                libc::_exit(if child() { 0 } else { 1 });
            }
        }
        _ => {
            let mut status = 0;
            // SAFETY: `status` is written, and nothing else.
            assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
            libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
        }
    }
}

#[test]
fn a_fork_that_ends_or_runs_another_program_disturbs_nobody() {
    // In a process with few threads, and none that holds the allocator's lock.
    in_a_child("faults_system::forks_beside_connections", &[]);
}

#[test]
#[ignore = "run by a_fork_that_ends_or_runs_another_program_disturbs_nobody"]
fn forks_beside_connections() {
    on_each_runtime(|| async {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        let echo = raddle::spawn(async move {
            let mut buffer = [0; 64];
            while let n @ 1.. = other.read(&mut buffer).await.unwrap() {
                other.write_all(&buffer[..n]).await.unwrap();
            }
        });
        for round in 0..50 {
            let code = if round % 2 == 0 {
                in_a_fork(|| true)
            } else {
                in_a_fork(|| {
                    let path = c"/bin/true".as_ptr();
                    let argv = [path, std::ptr::null()];
                    // SAFETY: both strings and the list end with a zero.
                    unsafe { libc::execv(path, argv.as_ptr()) };
                    false
                })
            };
            assert_eq!(code, Some(0));
            one.write_all(b"still there").await.unwrap();
            one.read_exact(&mut [0; 11]).await.unwrap();
        }
        drop(one);
        echo.await.unwrap();
    });
}

#[test]
fn what_a_fork_does_to_the_runtime_of_its_parent_stays_in_the_fork() {
    in_a_child("faults_system::forks_that_use_the_runtime", &[]);
}

#[test]
#[ignore = "run by what_a_fork_does_to_the_runtime_of_its_parent_stays_in_the_fork"]
fn forks_that_use_the_runtime() {
    for flavor in [Flavor::CurrentThread, Flavor::Workers(2)] {
        let runtime = flavor.build();
        let (mut one, mut other) = runtime.block_on(async { UnixStream::pair().unwrap() });
        // Waited for in both slots and in the list, so that there is something to lose.
        let mut reading = Box::pin(other.readable());
        assert!(poll_once(reading.as_mut(), Waker::noop()).is_ready(), "a new socket is tried");
        drop(reading);
        assert_eq!(other.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);

        let mut runtime = Some(runtime);
        let mut sockets = Some((one, other));
        // The child of a process with threads may not allocate, strictly; with glibc it can, and this is about children
        // that do more than they may. Its panics are not printed.
        std::panic::set_hook(Box::new(|_| {}));
        let code = in_a_fork(|| {
            let (runtime, (one, other)) = (runtime.take().unwrap(), sockets.take().unwrap());
            let waits = std::panic::AssertUnwindSafe(|| runtime.block_on(async {}));
            let refused = std::panic::catch_unwind(waits).is_err();
            let registered = {
                let _entered = runtime.enter();
                UnixStream::pair().is_ok()
            };
            // Nothing has come: an error, and no question to the parent's selector.
            let polled = poll_once(std::pin::pin!(other.readable()), Waker::noop());
            let unwatched = matches!(polled, std::task::Poll::Ready(Err(_)));
            drop((one, other));
            drop(runtime);
            // And one of its own.
            let own = Flavor::CurrentThread.build();
            let answered = own.block_on(async {
                let (mut one, mut other) = UnixStream::pair().unwrap();
                one.write_all(b"?").await.unwrap();
                other.read(&mut [0; 8]).await.unwrap()
            });
            refused && !registered && unwatched && answered == 1
        });
        drop(std::panic::take_hook());
        assert_eq!(code, Some(0));

        // The parent's sockets are watched as before, and its runtime works.
        (one, other) = sockets.take().unwrap();
        let runtime = runtime.take().unwrap();
        runtime.block_on(async {
            let reading = raddle::spawn(async move { other.read(&mut [0; 8]).await.unwrap() });
            raddle::task::yield_now().await;
            one.write_all(b"still").await.unwrap();
            assert_eq!(reading.await.unwrap(), 5);
        });
    }
}

#[test]
fn a_fork_that_drops_the_driver_leaves_it_to_its_parent() {
    in_a_child("faults_system::forks_that_drop_the_driver", &[]);
}

/// How many sources the driver hears of when something comes for `ours`.
fn heard(driver: &mut Driver, ours: &Registered<StdStream>, theirs: &mut StdStream) -> usize {
    let mut cx = Context::from_waker(Waker::noop());
    match ours.registration().poll_read_ready(&mut cx) {
        Poll::Pending => {}
        Poll::Ready(Ok(event)) => panic!("{event:?} before anything came"),
        // Not even to be asked for.
        Poll::Ready(Err(_)) => return 0,
    }
    theirs.write_all(b"news").unwrap();
    let heard = driver.turn(Some(Duration::ZERO), &mut Vec::new()).unwrap();
    while ours.try_io(Interest::READABLE, |mut io| io.read(&mut [0; 8])).is_ok() {}
    heard
}

#[test]
#[ignore = "run by a_fork_that_drops_the_driver_leaves_it_to_its_parent"]
fn forks_that_drop_the_driver() {
    const TOO_LONG: Duration = Duration::from_secs(20);
    for backend in [Backend::default(), Backend::Portable] {
        let (mut driver, handle) = Driver::new(backend).unwrap();
        let (ours, mut theirs) = StdStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let ours = Registered::new_connecting(ours, &handle).unwrap();
        while driver.turn(Some(Duration::ZERO), &mut Vec::new()).unwrap() > 0 {}

        let mut all = Some((driver, handle, ours));
        let code = in_a_fork(|| {
            drop(all.take());
            true
        });
        assert_eq!(code, Some(0));
        let (mut driver, handle, ours) = all.unwrap();
        handle.unpark();
        let began = Instant::now();
        driver.turn(Some(TOO_LONG), &mut Vec::new()).unwrap();
        assert!(began.elapsed() < TOO_LONG, "{backend:?}: its driver is not woken any more");
        assert_eq!(heard(&mut driver, &ours, &mut theirs), 1, "{backend:?}");

        // What the fork would have done without R9, and that this test would have seen it.
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd;
            let code = in_a_fork(|| {
                // SAFETY: system calls that read no memory; on what is no selector they fail.
                let take_out = |from| unsafe {
                    libc::epoll_ctl(
                        from,
                        libc::EPOLL_CTL_DEL,
                        ours.as_raw_fd(),
                        std::ptr::null_mut(),
                    )
                };
                (0..256).any(|descriptor| take_out(descriptor) == 0)
            });
            assert_eq!(code, Some(0));
            assert_eq!(heard(&mut driver, &ours, &mut theirs), 0, "{backend:?}");
        }
    }
}

#[test]
fn a_fork_that_drops_a_child_of_its_parent_lets_it_live() {
    in_a_child("faults_system::forks_that_drop_a_child", &[]);
}

#[test]
#[ignore = "run by a_fork_that_drops_a_child_of_its_parent_lets_it_live"]
fn forks_that_drop_a_child() {
    use raddle::process::{Command, Stdio};
    on_each_runtime(|| async {
        let mut cat = Command::new("cat");
        let cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut cat = Some(cat.unwrap());
        let code = in_a_fork(|| {
            drop(cat.take());
            true
        });
        assert_eq!(code, Some(0));
        let mut cat = cat.unwrap();
        let mut input = cat.stdin.take().unwrap();
        input.write_all(b"alive").await.unwrap();
        drop(input);
        let output = cat.wait_with_output().await.unwrap();
        assert!(output.status.success(), "{:?}", output.status);
        assert_eq!(output.stdout, b"alive");
    });
}
