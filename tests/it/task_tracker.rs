//! `TaskTracker`: closed and empty, and only then.

use crate::support::{CountingWaker, DropCounter, Flavor, poll_once, wait};
use raddle::sync::oneshot;
use raddle::task::{LocalSet, TaskTracker};
use std::future::pending;
use std::pin::pin;

#[test]
fn waiting_ends_when_closed_and_empty() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let tracker = TaskTracker::new();
        let drops = DropCounter::new();
        let mut senders = Vec::new();
        for _ in 0..3 {
            let (send, receive) = oneshot::channel::<()>();
            senders.push(send);
            let guard = drops.guard();
            drop(tracker.spawn_on(
                async move {
                    let _guard = guard;
                    receive.await.unwrap();
                },
                running.handle(),
            ));
        }
        let (woken, waker) = CountingWaker::new();
        {
            let mut waiting = pin!(tracker.wait());
            assert!(poll_once(waiting.as_mut(), &waker).is_pending());
            assert!(tracker.close() && !tracker.close());
            assert_eq!((tracker.len(), woken.count()), (3, 0));
            senders.into_iter().for_each(|send| send.send(()).unwrap());
            wait("the tasks", waiting);
        }
        assert_eq!(drops.count(), 3);
        assert!(tracker.is_empty() && tracker.is_closed());
        assert!(tracker.reopen() && !tracker.reopen());
    }
}

#[test]
fn closing_an_empty_tracker_wakes_who_waits() {
    let tracker = TaskTracker::new();
    let (woken, waker) = CountingWaker::new();
    let mut waiting = pin!(tracker.wait());
    assert!(poll_once(waiting.as_mut(), &waker).is_pending());
    tracker.close();
    assert_eq!(woken.count(), 1);
    assert!(poll_once(waiting.as_mut(), &waker).is_ready());
}

#[test]
fn futures_and_tokens_count_as_long_as_they_live() {
    let tracker = TaskTracker::new();
    let future = tracker.track_future(pending::<()>());
    let token = tracker.token();
    let second = token.clone();
    assert!(TaskTracker::ptr_eq(token.task_tracker(), &tracker));
    assert_eq!(tracker.len(), 3);
    drop((future, token));
    assert_eq!(tracker.len(), 1);
    drop(second);
    assert!(tracker.is_empty());
}

#[test]
fn an_aborted_task_and_a_blocking_call_are_no_longer_tracked() {
    let running = Flavor::Workers(2).start();
    let tracker = TaskTracker::new();
    let inside = tracker.clone();
    let task = running.handle().spawn(async move {
        let blocking = inside.spawn_blocking(|| 1);
        inside.spawn(pending::<()>()).abort();
        inside.close();
        inside.wait().await;
        blocking.await.unwrap()
    });
    assert_eq!(wait("the tracker", task).unwrap(), 1);
}

#[test]
fn local_tasks_and_calls_of_another_runtime_are_tracked() {
    let runtime = Flavor::Workers(1).build();
    let (set, tracker) = (LocalSet::new(), TaskTracker::new());
    let tasks = set.block_on(&runtime, async {
        let local = tracker.spawn_local(async { std::rc::Rc::new(1) });
        let other = tracker.spawn_local_on(pending::<()>(), &set);
        let call = tracker.spawn_blocking_on(|| 3, runtime.handle());
        assert_eq!(tracker.len(), 3);
        (*local.await.unwrap(), call.await.unwrap(), other)
    });
    assert_eq!((tasks.0, tasks.1, tracker.len()), (1, 3, 1));
    tracker.close();
    drop(set);
    wait("the last, dropped with its set", tracker.wait());
}
