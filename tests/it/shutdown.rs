//! The end of a runtime: every future still in it is dropped exactly once, and nobody waits for ever.

use crate::support::count::panic_text;
use crate::support::{DropCounter, Flavor, Running, poll_once, recv, wait, watched};
use raddle::runtime::Runtime;
use raddle::sync::{Notify, oneshot};
use raddle::task;
use raddle::time::{Duration, sleep, timeout};
use std::future::{pending, poll_fn};
use std::panic::catch_unwind;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::thread;

fn end(runtime: Runtime) {
    watched("a runtime to be dropped", || drop(runtime));
}

#[test]
fn tasks_that_wait_are_dropped_with_their_runtime() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let dropped = DropCounter::new();
        let notify = Arc::new(Notify::new());
        let mut tasks = Vec::new();
        for _ in 0..50 {
            let (one, two, three) = (dropped.guard(), dropped.guard(), dropped.guard());
            let notify = notify.clone();
            tasks.push(running.handle().spawn(async move {
                let _guard = one;
                pending::<()>().await;
            }));
            tasks.push(running.handle().spawn(async move {
                let _guard = two;
                sleep(Duration::from_secs(3_600)).await;
            }));
            tasks.push(running.handle().spawn(async move {
                let _guard = three;
                let _ = timeout(Duration::from_secs(3_600), notify.notified()).await;
            }));
        }
        running.quiesce();
        assert_eq!(dropped.count(), 0);
        running.stop();
        assert_eq!(dropped.count(), 150);
        for task in tasks {
            assert!(wait("a task of an ended runtime", task).unwrap_err().is_cancelled());
        }
        notify.notify_waiters();
    }
}

#[test]
fn tasks_of_a_runtime_that_nobody_drove_are_dropped_unpolled() {
    let runtime = Flavor::CurrentThread.build();
    let dropped = DropCounter::new();
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let guard = dropped.guard();
            runtime.spawn(async move { drop(guard) })
        })
        .collect();
    end(runtime);
    assert_eq!(dropped.count(), 100);
    for task in tasks {
        assert!(wait("a task never polled", task).unwrap_err().is_cancelled());
    }
}

#[test]
fn tasks_that_are_queued_when_the_runtime_is_closed_are_not_polled_any_more() {
    for workers in [1, 2, 4] {
        let running = Flavor::Workers(workers).start();
        let dropped = DropCounter::new();
        let hold = running.hold();
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let guard = dropped.guard();
                running.handle().spawn(async move { drop(guard) })
            })
            .collect();
        running.into_runtime().shutdown_background();
        drop(hold);
        for task in tasks {
            assert!(wait("a task never polled", task).unwrap_err().is_cancelled());
        }
        assert_eq!(dropped.count(), 100);
    }
}

#[test]
fn tasks_that_wait_for_one_another_in_a_circle_are_dropped_once() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let dropped = DropCounter::new();
        let mut handles: Vec<oneshot::Sender<task::JoinHandle<()>>> = Vec::new();
        let mut tasks = Vec::new();
        for _ in 0..10 {
            let (send, receive) = oneshot::channel();
            let guard = dropped.guard();
            handles.push(send);
            tasks.push(running.handle().spawn(async move {
                let _guard = guard;
                let next: task::JoinHandle<()> = receive.await.unwrap();
                let _ = next.await;
            }));
        }
        tasks.rotate_left(1);
        for (send, next) in handles.into_iter().zip(tasks) {
            assert!(send.send(next).is_ok());
        }
        running.quiesce();
        running.stop();
        assert_eq!(dropped.count(), 10);
    }
}

#[test]
fn what_is_spawned_through_a_handle_after_the_end_is_cancelled_at_once() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let handle = runtime.handle().clone();
        end(runtime);
        let dropped = DropCounter::new();
        let guard = dropped.guard();
        let mut late = handle.spawn(async move { drop(guard) });
        assert_eq!(dropped.count(), 1, "the spawner waits for nobody");
        let Poll::Ready(output) = poll_once(Pin::new(&mut late), Waker::noop()) else {
            panic!("not cancelled")
        };
        assert!(output.unwrap_err().is_cancelled());
    }
}

#[test]
fn block_on_after_the_end_still_runs_its_future_alone() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let handle = runtime.handle().clone();
        end(runtime);
        let (send, receive) = oneshot::channel();
        let sender = thread::spawn(move || send.send(4).unwrap());
        let got = watched("block_on after the end", || {
            handle.block_on(async {
                assert!(raddle::spawn(async {}).await.unwrap_err().is_cancelled());
                sleep(Duration::from_secs(3_600)).await;
                receive.await.unwrap()
            })
        });
        assert_eq!(got, 4);
        watched("the sending thread", || sender.join()).unwrap();
    }
}

#[test]
fn wakers_fired_during_and_after_the_end_do_nothing() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let (kept, keeps) = mpsc::channel();
        for _ in 0..20 {
            let kept = kept.clone();
            drop(running.handle().spawn(poll_fn(move |cx| {
                kept.send(cx.waker().clone()).unwrap();
                Poll::<()>::Pending
            })));
        }
        let wakers: Vec<_> = (0..20).map(|_| recv("a waker", &keeps)).collect();
        let (stop, stopped) = mpsc::channel::<()>();
        let (began, begins) = mpsc::channel();
        let woken = wakers.clone();
        let storm = thread::spawn(move || {
            began.send(()).unwrap();
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                woken.iter().for_each(Waker::wake_by_ref);
            }
        });
        recv("the storm to begin", &begins);
        running.stop();
        drop(stop);
        watched("the waking thread", || storm.join()).unwrap();
        for waker in wakers {
            waker.wake_by_ref();
            let clone = waker.clone();
            drop(waker);
            clone.wake();
        }
    }
}

#[test]
fn a_poll_that_never_returns_is_left_behind_by_a_shutdown_with_a_deadline() {
    for workers in [1, 2] {
        let running = Flavor::Workers(workers).start();
        let dropped = DropCounter::new();
        let hold = running.hold();
        let guard = dropped.guard();
        let task = running.handle().spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        let runtime = running.into_runtime();
        watched("a shutdown with a deadline", || {
            runtime.shutdown_timeout(Duration::from_millis(5))
        });
        assert!(!task.is_finished());
        drop(hold);
        assert!(wait("a task behind a stuck poll", task).unwrap_err().is_cancelled());
        assert_eq!(dropped.count(), 1);
    }
}

#[test]
fn a_running_runtime_that_is_only_forgotten_by_its_handles_goes_on() {
    let running: Running = Flavor::Workers(1).start();
    drop(running.handle().clone());
    assert_eq!(wait("a task", running.handle().spawn(async { 1 })).unwrap(), 1);
}

/// A thread in `block_on` that has no slot is in the runtime of that `block_on`, whatever it has entered since.
#[test]
fn who_blocks_in_place_is_asked_for_the_runtime_it_is_driven_by() {
    let single = Flavor::CurrentThread.build();
    let many = Flavor::Workers(1).build();
    let (single_handle, many_handle) = (single.handle().clone(), many.handle().clone());
    // No slot is to be had in a runtime that has ended.
    end(single);
    end(many);
    let blocked = many_handle.block_on(async {
        let _entered = single_handle.enter();
        catch_unwind(|| raddle::task::block_in_place(|| 7))
    });
    assert_eq!(blocked.unwrap(), 7);
    let blocked = single_handle.block_on(async {
        let _entered = many_handle.enter();
        catch_unwind(|| raddle::task::block_in_place(|| 7))
    });
    assert!(panic_text(&*blocked.unwrap_err()).contains("current-thread runtime"));
}
