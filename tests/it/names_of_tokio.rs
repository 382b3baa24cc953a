//! Names that a program written for Tokio uses are where Tokio has them. That this compiles is most of the test.

use raddle::runtime::{Builder, Handle, Runtime, RuntimeFlavor, TryCurrentError};
use raddle::task::futures::TaskLocalFuture;
use raddle::task::join_set::{Builder as SetBuilder, JoinSet};
use raddle::task::{AbortHandle, JoinHandle, LocalSet, consume_budget, coop, unconstrained};
use std::panic::{RefUnwindSafe, UnwindSafe};

raddle::task_local! { static KEY: u8; }

fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}

/// As `tokio/tests/unwindsafe.rs` asks.
#[test]
fn what_is_unwind_safe_in_tokio_is_so_here() {
    is_unwind_safe::<Runtime>();
    is_unwind_safe::<Handle>();
    is_unwind_safe::<JoinHandle<()>>();
    // Also of what is not.
    is_unwind_safe::<JoinHandle<std::cell::Cell<&'static mut u8>>>();
    is_unwind_safe::<AbortHandle>();
    #[cfg(feature = "net")]
    {
        use raddle::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
        is_unwind_safe::<TcpListener>();
        is_unwind_safe::<TcpSocket>();
        is_unwind_safe::<TcpStream>();
        is_unwind_safe::<UdpSocket>();
    }
    #[cfg(all(unix, feature = "net"))]
    {
        use raddle::net::{UnixDatagram, UnixListener, UnixStream};
        is_unwind_safe::<UnixDatagram>();
        is_unwind_safe::<UnixListener>();
        is_unwind_safe::<UnixStream>();
    }
}

#[test]
fn a_thread_outside_of_runtimes_is_told_so() {
    let error: TryCurrentError = Handle::try_current().unwrap_err();
    assert!(error.is_missing_context() && !error.is_thread_local_destroyed());
}

#[test]
fn a_handle_knows_its_flavor() {
    let one = Builder::new_current_thread().build().unwrap();
    assert_eq!(one.handle().runtime_flavor(), RuntimeFlavor::CurrentThread);
    let many = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    assert_eq!(many.handle().runtime_flavor(), RuntimeFlavor::MultiThread);
    one.block_on(async {
        assert_eq!(Handle::current().runtime_flavor(), RuntimeFlavor::CurrentThread);
    });
}

#[test]
fn modules_have_what_they_have_in_tokio() {
    fn builder(set: &mut JoinSet<u8>) -> SetBuilder<'_, u8> {
        set.build_task()
    }
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut set = JoinSet::new();
        drop(builder(&mut set).name("of a set").spawn(async { 1 }));
        assert_eq!(set.join_all().await, [1]);
        consume_budget().await;
        unconstrained(coop::consume_budget()).await;
        let scoped: TaskLocalFuture<u8, _> = KEY.scope(1, async { KEY.get() });
        assert_eq!(scoped.await, 1);
    });
    drop(LocalSet::new());
}

#[cfg(all(unix, feature = "net"))]
#[test]
fn a_descriptor_of_unix_is_where_it_is_in_tokio() {
    use raddle::io::unix::AsyncFd;
    use raddle::net::unix::{gid_t, pid_t, uid_t};
    let _: fn(std::os::unix::net::UnixStream) -> raddle::io::Result<AsyncFd<_>> = AsyncFd::new;
    let _: (uid_t, gid_t, pid_t) = (0_u32, 0_u32, 0_i32);
}
