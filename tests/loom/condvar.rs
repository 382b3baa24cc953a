//! Rules V1 to V3 of the condition variable.

use crate::sync_support::run_among;
use loom::sync::Arc;
use raddle_sync::{
    Condvar, Mutex, MutexGuard,
    loom::internals::{Standing, WaitQueue, Waiter},
};
use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

type Shared = (Mutex<bool>, Condvar);

/// Work for another thread.
fn work<T: Send + Sync + 'static>(
    shared: &Arc<T>,
    work: impl FnOnce(&T) + Send + 'static,
) -> Box<dyn FnOnce() + Send> {
    let shared = Arc::clone(shared);
    Box::new(move || work(&shared))
}

fn set_and_notify((lock, changed): &Shared) {
    *lock.blocking_lock() = true;
    changed.notify_one();
}

/// Polls a future with a waker that does nothing.
fn is_pending<F: Future>(future: Pin<&mut F>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

#[test]
fn v1_who_waits_misses_no_change() {
    loom::model(|| {
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let setter = work(&shared, set_and_notify);
        let (lock, changed) = &*shared;
        run_among(vec![setter], async {
            assert!(*changed.wait_while(lock.lock().await, |set| !*set).await);
        });
    });
}

#[test]
fn v2_everybody_is_woken() {
    loom::model(|| {
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let others = vec![
            work(&shared, |(lock, changed): &Shared| {
                drop(changed.blocking_wait_while(lock.blocking_lock(), |set| !*set));
            }),
            work(&shared, |(lock, changed)| {
                *lock.blocking_lock() = true;
                changed.notify_all();
            }),
        ];
        let (lock, changed) = &*shared;
        run_among(others, async {
            drop(changed.wait_while(lock.lock().await, |set| !*set).await);
        });
    });
}

/// Waits in a line, as a condition variable that gives the mutex up before or after lining up.
async fn wait<'a>(
    queue: &WaitQueue<()>,
    guard: MutexGuard<'a, bool>,
    lines_up_first: bool,
) -> MutexGuard<'a, bool> {
    let lock = MutexGuard::mutex(&guard);
    let mut guard = Some(guard);
    let waiter = pin!(Waiter::new(queue));
    let waiter = waiter.as_ref();
    poll_fn(|cx| {
        if waiter.standing() == Standing::Granted {
            return Poll::Ready(());
        }
        if !lines_up_first {
            guard = None;
        }
        queue.lock().push_back(waiter, 1, Some(cx.waker().clone()));
        guard = None;
        Poll::Pending
    })
    .await;
    lock.lock().await
}

fn line_up(first: bool) {
    loom::model(move || {
        let shared = Arc::new((Mutex::new(false), WaitQueue::new(())));
        let setter = work(&shared, |(lock, queue): &(Mutex<bool>, WaitQueue<()>)| {
            *lock.blocking_lock() = true;
            let waker = queue.lock().pop_front(Standing::Granted);
            if let Some(Some(waker)) = waker {
                waker.wake();
            }
        });
        let (lock, queue) = &*shared;
        run_among(vec![setter], async {
            let mut guard = lock.lock().await;
            while !*guard {
                guard = wait(queue, guard, first).await;
            }
        });
    });
}

#[test]
fn v1_lining_up_before_the_mutex_is_given_up_misses_no_change() {
    line_up(true);
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn v1_control_lining_up_after_the_mutex_was_given_up_misses_one() {
    line_up(false);
}

/// Two in line; the first gives up, perhaps notified, perhaps locking again.
fn giving_up(passes_on: bool) {
    loom::model(move || {
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let first = Arc::clone(&shared);
        let mut first = Box::pin(async move {
            let (lock, changed) = &*first;
            let guard = changed.wait(lock.lock().await).await;
            if passes_on {
                // It has used the notification up, and it is its own duty now.
                drop(guard);
                changed.notify_one();
            }
        });
        let (lock, changed) = &*shared;
        let mut second = Box::pin(async {
            drop(changed.wait_while(lock.lock().await, |set| !*set).await);
        });
        assert!(is_pending(first.as_mut()) && is_pending(second.as_mut()));
        let setter = work(&shared, set_and_notify);
        run_among(vec![setter, Box::new(move || _ = is_pending(first.as_mut()))], second);
    });
}

#[test]
fn v3_one_that_gives_up_passes_its_notification_on() {
    giving_up(true);
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn v3_control_one_that_uses_the_notification_up_leaves_the_other_asleep() {
    giving_up(false);
}
