//! Aborting tasks.

use crate::support::{DropCounter, Flavor, Rng, Trace, recv, scaled, until, wait, watched};
use raddle::sync::oneshot;
use raddle::task;
use raddle::time::{Duration, sleep};
use std::future::pending;
use std::sync::mpsc;
use std::thread;

#[test]
fn an_aborted_task_is_dropped_by_a_worker_and_not_by_the_aborter() {
    struct SaysWhere(mpsc::Sender<thread::ThreadId>);
    impl Drop for SaysWhere {
        fn drop(&mut self) {
            let _ = self.0.send(thread::current().id());
        }
    }
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let (said, says) = mpsc::channel();
        let held = SaysWhere(said);
        let task = running.handle().spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
        running.quiesce();
        let hold = running.hold();
        task.abort();
        assert!(says.try_recv().is_err(), "dropped while every worker is occupied");
        drop(hold);
        assert_ne!(recv("the drop", &says), thread::current().id());
        assert!(wait("the aborted task", task).unwrap_err().is_cancelled());
    }
}

#[test]
fn an_aborted_task_runs_to_its_next_suspension() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let trace = Trace::new();
        let written = trace.clone();
        let (begun, begins) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let task = running.handle().spawn(async move {
            begun.send(()).unwrap();
            let _ = gone.recv();
            written.push("before the suspension");
            task::yield_now().await;
            written.push("after it");
        });
        recv("the task's poll", &begins);
        task.abort();
        task.abort();
        drop(go);
        assert!(wait("the aborted task", task).unwrap_err().is_cancelled());
        assert_eq!(trace.take(), ["before the suspension"]);
    }
}

#[test]
fn a_task_that_completes_in_the_poll_during_which_it_is_aborted_keeps_its_output() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let (begun, begins) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let task = running.handle().spawn(async move {
            begun.send(()).unwrap();
            let _ = gone.recv();
            5
        });
        recv("the task's poll", &begins);
        task.abort();
        drop(go);
        assert_eq!(wait("the task", task).unwrap(), 5);
    }
}

#[test]
fn a_task_can_abort_itself() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let (send, itself) = oneshot::channel::<task::AbortHandle>();
        let task = running.handle().spawn(async move {
            itself.await.unwrap().abort();
            pending::<()>().await;
        });
        send.send(task.abort_handle()).unwrap();
        assert!(wait("the task", task).unwrap_err().is_cancelled());
    }
}

#[test]
fn dropping_handles_aborts_nothing() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let (go, gone) = oneshot::channel::<()>();
        let (done, is_done) = mpsc::channel();
        let task = running.handle().spawn(async move {
            gone.await.unwrap();
            done.send(()).unwrap();
        });
        drop(task.abort_handle());
        drop(task);
        running.quiesce();
        go.send(()).unwrap();
        recv("the detached task", &is_done);
    }
}

#[test]
fn an_abort_handle_outlives_everything() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(pending::<()>());
        let (abort, again) = (task.abort_handle(), task.abort_handle().clone());
        drop(task);
        abort.abort();
        until("the task is finished", || again.is_finished());
        drop(abort);
        running.stop();
        again.abort();
        assert!(again.is_finished());
        drop(again.clone());
    }
}

#[test]
fn what_a_task_waits_for_does_not_keep_an_aborted_one() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let dropped = DropCounter::new();
        let (send, receive) = oneshot::channel::<()>();
        let guards = [dropped.guard(), dropped.guard()];
        let [first, second] = guards;
        let sleeping = running.handle().spawn(async move {
            let _guard = first;
            sleep(Duration::from_secs(3_600)).await;
        });
        let waiting = running.handle().spawn(async move {
            let _guard = second;
            let _ = receive.await;
        });
        running.quiesce();
        sleeping.abort();
        waiting.abort();
        assert!(wait("the sleeping task", sleeping).unwrap_err().is_cancelled());
        assert!(wait("the waiting task", waiting).unwrap_err().is_cancelled());
        assert_eq!(dropped.count(), 2, "a joiner has seen every destructor run");
        assert!(send.is_closed());
    }
}

#[test]
fn a_destructor_of_an_aborted_task_may_spawn_and_send() {
    struct Farewell(Option<oneshot::Sender<&'static str>>);
    impl Drop for Farewell {
        fn drop(&mut self) {
            let send = self.0.take().unwrap();
            drop(raddle::spawn(async move { send.send("farewell").unwrap() }));
        }
    }
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let (send, receive) = oneshot::channel();
        let farewell = Farewell(Some(send));
        let task = running.handle().spawn(async move {
            let _farewell = farewell;
            pending::<()>().await;
        });
        task.abort();
        assert_eq!(wait("the farewell", receive).unwrap(), "farewell");
    }
}

#[test]
fn the_error_of_an_aborted_task_names_it_and_has_no_panic() {
    let running = Flavor::Workers(1).start();
    let task = running.handle().spawn(pending::<()>());
    task.abort();
    let id = task.id();
    let error = wait("the aborted task", task).unwrap_err();
    assert_eq!(error.id(), id);
    assert_eq!(error.to_string(), format!("task {id} was cancelled"));
    assert!(error.is_cancelled() && !error.is_panic());
    let error = error.try_into_panic().unwrap_err();
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::Other);
}

#[test]
fn aborts_from_everywhere_at_once_end_every_task_once() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let dropped = DropCounter::new();
        let count = scaled(2_000);
        let tasks: Vec<_> = (0..count)
            .map(|number| {
                let guard = dropped.guard();
                running.handle().spawn(async move {
                    let _guard = guard;
                    for _ in 0..number % 5 {
                        task::yield_now().await;
                    }
                    if number % 7 == 0 {
                        pending::<()>().await;
                    }
                })
            })
            .collect();
        let aborters: Vec<_> = (0..3)
            .map(|seed| {
                let mut handles: Vec<_> =
                    tasks.iter().map(task::JoinHandle::abort_handle).collect();
                thread::spawn(move || {
                    let mut rng = Rng::new(seed);
                    while !handles.is_empty() {
                        let index = rng.below(handles.len());
                        handles.swap_remove(index).abort();
                    }
                })
            })
            .collect();
        for aborter in aborters {
            watched("an aborting thread", || aborter.join()).unwrap();
        }
        let mut ended = [0, 0];
        for task in tasks {
            match wait("an aborted task", task) {
                Ok(()) => ended[0] += 1,
                Err(error) => {
                    assert!(error.is_cancelled(), "{error}");
                    ended[1] += 1;
                }
            }
        }
        assert_eq!(ended[0] + ended[1], count);
        assert_eq!(dropped.count(), count);
    }
}
