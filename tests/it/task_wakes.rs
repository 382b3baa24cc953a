//! What has woken a task the last time, as the list of live tasks says: T71.

use crate::support::{recv, until, watched};
use crate::task_list::{find, live, named, on_each_flavor, waiting};
use raddle::runtime::{Handle, TaskState, WokenBy};
use raddle::sync::oneshot;
use raddle::task;
use raddle::time::{Duration, sleep};
use std::future::pending;
use std::sync::mpsc;

/// A task that waits for a message twice.
fn hears(runtime: &Handle) -> (oneshot::Sender<()>, task::Id) {
    let (send, heard) = oneshot::channel::<()>();
    let body = async {
        let _ = heard.await;
        pending::<()>().await;
    };
    let id = named("hears").spawn_on(body, runtime).id();
    waiting(runtime, "hears");
    (send, id)
}

/// Who has woken the task `hears`, once it has been polled again.
#[track_caller]
fn woken_by(runtime: &Handle) -> WokenBy {
    until("the second poll", || {
        let task = live(runtime, "hears");
        task.polls == 2 && task.state == TaskState::Waiting
    });
    live(runtime, "hears").woken_by
}

#[test]
fn a_thread_wakes_a_task() {
    on_each_flavor(|running| {
        let runtime = running.handle();
        let (send, _) = hears(runtime);
        send.send(()).unwrap();
        assert_eq!(woken_by(runtime), WokenBy::Thread);
    });
}

#[test]
fn a_task_wakes_a_task() {
    on_each_flavor(|running| {
        let runtime = running.handle();
        let (send, _) = hears(runtime);
        let sender = runtime.spawn(async { send.send(()).unwrap() });
        assert_eq!(woken_by(runtime), WokenBy::Task(sender.id()));
    });
}

#[test]
fn a_callback_wakes_on_behalf_of_the_task_that_has_ended() {
    on_each_flavor(|running| {
        let runtime = running.handle();
        let (send, _) = hears(runtime);
        let hold = running.hold();
        let ends = runtime.spawn(async {});
        ends.on_done(|_| send.send(()).unwrap());
        drop(hold);
        assert_eq!(woken_by(runtime), WokenBy::Task(ends.id()));
    });
}

#[test]
fn a_deadline_wakes_a_task() {
    on_each_flavor(|running| {
        let runtime = running.handle();
        let body = async {
            sleep(Duration::from_millis(2)).await;
            pending::<()>().await;
        };
        drop(named("hears").spawn_on(body, runtime));
        assert_eq!(woken_by(runtime), WokenBy::Driver);
    });
}

#[cfg(feature = "net")]
#[test]
fn a_socket_wakes_a_task() {
    on_each_flavor(|running| {
        let runtime = running.handle();
        let (tell, told) = mpsc::channel();
        let body = async move {
            let socket = raddle::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
            tell.send(socket.local_addr().unwrap()).unwrap();
            let _ = socket.recv_from(&mut [0; 8]).await;
            pending::<()>().await;
        };
        drop(named("hears").spawn_on(body, runtime));
        let address = recv("the address", &told);
        let polls = waiting(runtime, "hears").polls;
        let other = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        other.send_to(b"hello", address).unwrap();
        until("the datagram", || live(runtime, "hears").polls > polls);
        assert_eq!(live(runtime, "hears").woken_by, WokenBy::Driver);
    });
}

#[test]
fn a_child_wakes_its_joiner_by_its_end() {
    on_each_flavor(|running| {
        let runtime = running.handle();
        let (end, ends) = oneshot::channel::<()>();
        let child = named("child").spawn_on(async { drop(ends.await) }, runtime);
        let id = child.id();
        let joins = async {
            child.await.unwrap();
            pending::<()>().await;
        };
        drop(named("hears").spawn_on(joins, runtime));
        waiting(runtime, "child");
        waiting(runtime, "hears");
        drop(end);
        assert_eq!(woken_by(runtime), WokenBy::Task(id));
        assert!(find(runtime, "child").is_none());
    });
}

#[test]
fn an_abort_wakes_a_task_to_be_dropped() {
    struct Blocks(mpsc::Sender<()>, mpsc::Receiver<()>);
    impl Drop for Blocks {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
            let _ = self.1.recv();
        }
    }
    on_each_flavor(|running| {
        let runtime = running.handle();
        let (begun, begins) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let blocks = Blocks(begun, released);
        let body = async move {
            let _blocks = blocks;
            pending::<()>().await;
        };
        let handle = named("aborted").spawn_on(body, runtime);
        waiting(runtime, "aborted");
        handle.abort();
        recv("the destructor", &begins);
        let task = live(runtime, "aborted");
        assert!(matches!(task.state, TaskState::Polling { .. }), "{task}");
        assert_eq!((task.polls, task.woken_by), (1, WokenBy::Thread));
        drop(release);
        assert!(watched("the end", || handle.blocking_wait()).unwrap_err().is_cancelled());
        assert!(find(runtime, "aborted").is_none());
    });
}
