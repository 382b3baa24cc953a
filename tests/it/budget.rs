//! A task that always finds something ready still lets others run.

use crate::support::{Flavor, until, wait, watched};
use raddle::sync::{Mutex, Notify, Semaphore, budget, mpsc, oneshot};
use raddle::task::JoinHandle;
use raddle::time::{Duration, sleep};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

/// More operations than any budget allows in a row.
const MANY: usize = 10_000;

type Greedy = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How many operations `greedy` had done when a task that was ready all the time got its turn.
fn done_before_another_ran(greedy: impl FnOnce(Arc<AtomicUsize>) -> Greedy) -> usize {
    let runtime = Flavor::CurrentThread.build();
    let done = Arc::new(AtomicUsize::new(0));
    watched("a greedy task", || {
        runtime.block_on(async {
            let greedy = raddle::spawn(greedy(done.clone()));
            let other = raddle::spawn(async move { done.load(SeqCst) });
            greedy.await.unwrap();
            other.await.unwrap()
        })
    })
}

#[track_caller]
fn assert_yields(greedy: impl FnOnce(Arc<AtomicUsize>) -> Greedy) {
    let done = done_before_another_ran(greedy);
    assert!((1..1_000).contains(&done), "{done} of {MANY} operations without a break");
}

fn filled_channel() -> mpsc::UnboundedReceiver<usize> {
    let (sender, receiver) = mpsc::unbounded_channel();
    (0..MANY).for_each(|number| sender.send(number).unwrap());
    receiver
}

#[test]
fn a_receiver_whose_channel_is_never_empty_yields() {
    assert_yields(|done| {
        Box::pin(async move {
            let mut receiver = filled_channel();
            while receiver.recv().await.is_some() {
                done.fetch_add(1, SeqCst);
            }
        })
    });
}

#[test]
fn a_sender_whose_channel_is_never_full_yields() {
    assert_yields(|done| {
        Box::pin(async move {
            let (sender, _receiver) = mpsc::channel(MANY);
            for number in 0..MANY {
                sender.send(number).await.unwrap();
                done.fetch_add(1, SeqCst);
            }
        })
    });
}

#[test]
fn a_joiner_of_finished_tasks_yields() {
    let elsewhere = Flavor::Workers(1).start();
    let tasks: Vec<_> =
        (0..MANY).map(|number| elsewhere.handle().spawn(async move { number })).collect();
    until("all tasks are finished", || tasks.iter().all(JoinHandle::is_finished));
    assert_yields(|done| {
        Box::pin(async move {
            for task in tasks {
                task.await.unwrap();
                done.fetch_add(1, SeqCst);
            }
        })
    });
}

#[test]
fn a_task_whose_sleeps_are_over_before_they_begin_yields() {
    assert_yields(|done| {
        Box::pin(async move {
            for _ in 0..MANY {
                sleep(Duration::ZERO).await;
                done.fetch_add(1, SeqCst);
            }
        })
    });
}

#[test]
fn a_task_that_takes_free_locks_and_permits_yields() {
    assert_yields(|done| {
        Box::pin(async move {
            let (mutex, semaphore) = (Mutex::new(()), Semaphore::new(1));
            for _ in 0..MANY {
                drop(mutex.lock().await);
                drop(semaphore.acquire().await.unwrap());
                done.fetch_add(1, SeqCst);
            }
        })
    });
}

#[test]
fn a_task_that_receives_oneshots_and_notifications_yields() {
    assert_yields(|done| {
        Box::pin(async move {
            let notify = Notify::new();
            for number in 0..MANY {
                let (send, receive) = oneshot::channel();
                send.send(number).unwrap();
                assert_eq!(receive.await, Ok(number));
                notify.notify_one();
                notify.notified().await;
                done.fetch_add(1, SeqCst);
            }
        })
    });
}

#[test]
fn a_greedy_root_future_yields() {
    let runtime = Flavor::CurrentThread.build();
    let done = watched("a greedy root future", || {
        runtime.block_on(async {
            let done = Arc::new(AtomicUsize::new(0));
            let seen = done.clone();
            let other = raddle::spawn(async move { seen.load(SeqCst) });
            let mut receiver = filled_channel();
            while receiver.recv().await.is_some() {
                done.fetch_add(1, SeqCst);
            }
            other.await.unwrap()
        })
    });
    assert!(done < 1_000, "{done} of {MANY} messages without a break");
}

#[test]
fn an_unconstrained_future_does_not_yield() {
    let done = done_before_another_ran(|done| {
        Box::pin(budget::unconstrained(async move {
            let mut receiver = filled_channel();
            while receiver.recv().await.is_some() {
                done.fetch_add(1, SeqCst);
            }
        }))
    });
    assert_eq!(done, MANY);
}

#[test]
fn a_thread_is_no_longer_budgeted_after_block_on() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let mut receiver = filled_channel();
        runtime.block_on(async {
            receiver.recv().await.unwrap();
        });
        let receiver = &mut receiver;
        let mut rest = pin!(async move { while receiver.recv().await.is_some() {} });
        // In one poll, by an executor that knows nothing of budgets.
        assert_eq!(rest.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()));
        wait("nothing", async {});
    }
}
