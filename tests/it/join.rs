//! Waiting for a task's output.

use crate::support::{
    CountingWaker, DropCounter, Flavor, Trace, catch, poll_once, recv, scaled, until, wait, watched,
};
use raddle::sync::oneshot;
use raddle::task::{self, JoinHandle};
use std::future::{Future, pending};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

#[test]
fn the_output_waits_for_a_joiner_that_comes_late() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let dropped = DropCounter::new();
        let guard = dropped.guard();
        let handle = running.handle().spawn(async move { guard });
        until("the task is finished", || handle.is_finished());
        running.quiesce();
        assert_eq!(dropped.count(), 0);
        let guard = wait("a finished task", handle).unwrap();
        assert_eq!(dropped.count(), 0);
        drop(guard);
        assert_eq!(dropped.count(), 1);
    }
}

#[test]
fn the_output_outlives_the_runtime() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let handle = running.handle().spawn(async { vec![1, 2, 3] });
        until("the task is finished", || handle.is_finished());
        running.stop();
        assert_eq!(wait("a finished task", handle).unwrap(), [1, 2, 3]);
    }
}

#[test]
fn only_the_last_waker_a_handle_was_polled_with_is_woken() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let hold = running.hold();
        let mut handle = running.handle().spawn(async {});
        let wakers: Vec<_> = (0..3).map(|_| CountingWaker::new()).collect();
        for (_, waker) in &wakers {
            assert!(poll_once(Pin::new(&mut handle), waker).is_pending());
            assert!(poll_once(Pin::new(&mut handle), waker).is_pending());
        }
        drop(hold);
        until("the last waker is woken", || wakers[2].0.count() > 0);
        running.quiesce();
        assert_eq!([wakers[0].0.count(), wakers[1].0.count(), wakers[2].0.count()], [0, 0, 1]);
    }
}

#[test]
fn a_joiner_that_comes_while_the_task_completes_is_either_woken_or_served() {
    let running = Flavor::Workers(2).start();
    for _ in 0..scaled(5_000) {
        let (go, gone) = mpsc::channel::<()>();
        let mut handle = running.handle().spawn(async move {
            let _ = gone.recv();
            7
        });
        let (joiner, first) = CountingWaker::new();
        assert!(poll_once(Pin::new(&mut handle), &first).is_pending());
        drop(go);
        // Races with the completion: changes the waker in the slot, then takes the output.
        let (second_joiner, second) = CountingWaker::new();
        match poll_once(Pin::new(&mut handle), &second) {
            Poll::Ready(output) => assert_eq!(output.unwrap(), 7),
            Poll::Pending => {
                until("the second waker is woken", || second_joiner.count() > 0);
                assert_eq!(wait("a finished task", handle).unwrap(), 7);
            }
        }
        assert!(joiner.count() + second_joiner.count() <= 2);
    }
}

#[test]
fn a_handle_that_is_dropped_while_its_task_completes_drops_the_output_once() {
    let running = Flavor::Workers(2).start();
    let dropped = DropCounter::new();
    let count = scaled(5_000);
    for _ in 0..count {
        let (go, gone) = mpsc::channel::<()>();
        let guard = dropped.guard();
        let mut handle = running.handle().spawn(async move {
            let _ = gone.recv();
            guard
        });
        let (_joiner, waker) = CountingWaker::new();
        let _ = poll_once(Pin::new(&mut handle), &waker);
        drop(go);
        drop(handle);
    }
    until("every output is dropped", || dropped.count() >= count);
    running.stop();
    assert_eq!(dropped.count(), count);
}

#[test]
fn awaiting_a_handle_by_reference_and_giving_up_loses_nothing() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let (send, receive) = oneshot::channel();
            let mut child = raddle::spawn(async { receive.await.unwrap() });
            // A joiner that gives up after one poll.
            let given_up =
                std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut child).poll(cx).is_pending()))
                    .await;
            assert!(given_up);
            send.send(8).unwrap();
            child.await.unwrap()
        });
        assert_eq!(wait("the task", task).unwrap(), 8);
    }
}

#[test]
fn a_handle_can_be_awaited_in_another_runtime_and_on_no_runtime_at_all() {
    let (first, second) = (Flavor::Workers(2).start(), Flavor::CurrentThread.start());
    let inner = first.handle().spawn(async { 1 });
    let outer = second.handle().spawn(async move { inner.await.unwrap() + 1 });
    assert_eq!(wait("the outer task", outer).unwrap(), 2);
}

#[test]
fn a_long_chain_of_joins_ends() {
    let length = scaled(2_000);
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let (go, gone) = oneshot::channel::<()>();
        let mut last: JoinHandle<usize> = running.handle().spawn(async move {
            gone.await.unwrap();
            0
        });
        for _ in 0..length {
            last = running.handle().spawn(async move { last.await.unwrap() + 1 });
        }
        running.quiesce();
        go.send(()).unwrap();
        assert_eq!(wait("the end of the chain", last).unwrap(), length);
    }
}

#[test]
fn a_parent_that_awaits_its_children_in_order_is_woken_behind_them() {
    // The joiner is not polled once for every child: after the first completion it goes to the back of the queue.
    let running = Flavor::CurrentThread.start();
    let trace = Trace::new();
    let written = trace.clone();
    let parent = running.handle().spawn(async move {
        let children: Vec<_> = (0..10)
            .map(|number| {
                let trace = written.clone();
                raddle::spawn(async move { trace.push(number) })
            })
            .collect();
        let mut children = children.into_iter();
        children.next().unwrap().await.unwrap();
        written.push(100);
        for child in children {
            child.await.unwrap();
        }
    });
    wait("the parent", parent).unwrap();
    assert_eq!(trace.take(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100]);
}

#[test]
fn polling_a_handle_after_its_output_panics_and_says_so() {
    let running = Flavor::CurrentThread.start();
    let mut handle = running.handle().spawn(async {});
    wait("the task", &mut handle).unwrap();
    let again = std::panic::catch_unwind(AssertUnwindSafe(|| wait("the task again", &mut handle)));
    let text = crate::support::count::panic_text(&*again.unwrap_err());
    assert!(text.contains("after it had returned"), "{text}");
}

#[test]
fn is_finished_says_so_before_the_joiner_is_woken() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let (go, gone) = oneshot::channel::<()>();
        let (seen, sees) = mpsc::channel();
        let handle = running.handle().spawn(async move { gone.await.unwrap() });
        let watch = handle.abort_handle();
        assert!(!handle.is_finished() && !watch.is_finished());
        drop(running.handle().spawn(async move {
            handle.await.unwrap();
            seen.send(watch.is_finished()).unwrap();
        }));
        go.send(()).unwrap();
        assert!(recv("the joiner", &sees));
    }
}

#[test]
fn a_yielding_task_and_a_waiting_one_show_themselves_in_debug() {
    let running = Flavor::Workers(1).start();
    let handle = running.handle().spawn(pending::<()>());
    let text = format!("{handle:?}");
    assert!(
        text.contains(&format!("{}", handle.id())) && text.contains("is_finished: false"),
        "{text}"
    );
    handle.abort();
    let error = wait("the aborted task", handle).unwrap_err();
    assert!(format!("{error:?}").contains("Cancelled"), "{error:?}");
}

#[test]
fn a_handle_goes_to_another_thread_and_is_dropped_there() {
    let running = Flavor::Workers(2).start();
    let dropped = DropCounter::new();
    let handles: Vec<_> = (0..scaled(1_000))
        .map(|_| {
            let guard = dropped.guard();
            running.handle().spawn(async move {
                task::yield_now().await;
                guard
            })
        })
        .collect();
    let count = handles.len();
    let thread = thread::spawn(move || drop(handles));
    assert!(catch(|| watched("the dropping thread", || thread.join())).unwrap().is_ok());
    running.stop();
    assert_eq!(dropped.count(), count);
}
