//! One test for each bug that has been fixed: what was wrong is in the name.

use raddle::runtime::{Builder, Handle, Runtime};
use raddle::sync::oneshot;
use raddle_tests::{patience, scaled};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

fn current_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn multi_thread(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).build().unwrap()
}

struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// `claimed.then_some(Claim)` built, and dropped, a claim that was refused.
#[test]
fn a_refused_claim_of_a_guest_slot_does_not_release_it() {
    let runtime = current_thread();
    let callers: Vec<_> = (0..3)
        .map(|_| {
            let handle = runtime.handle().clone();
            std::thread::spawn(move || {
                for n in 0..200 {
                    assert_eq!(
                        handle
                            .block_on(async move { raddle::spawn(async move { n }).await })
                            .unwrap(),
                        n
                    );
                }
            })
        })
        .collect();
    for caller in callers {
        caller.join().unwrap();
    }
}

/// The runtime was freed, and the thread still in it.
#[test]
fn guards_dropped_out_of_order_leave_no_dangling_runtime() {
    let freed = Arc::new(AtomicBool::new(false));
    let flag = SetOnDrop(freed.clone());
    let first = Builder::new_current_thread().on_thread_park(move || _ = &flag).build().unwrap();
    let second = current_thread();
    // On a thread of its own, which stays in whatever the guards leave behind.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let first_guard = first.enter();
            let second_guard = second.enter();
            assert!(catch_unwind(AssertUnwindSafe(|| drop(first_guard))).is_err());
            drop(second_guard);
            assert!(Handle::try_current().is_ok());
        });
    });
    drop(first);
    assert!(!freed.load(SeqCst), "a thread was in this runtime to its end");
}

#[test]
fn a_root_future_that_keeps_waking_itself_starves_no_task() {
    for runtime in [current_thread(), multi_thread(1)] {
        runtime.block_on(async {
            let task = raddle::spawn(async {});
            while !task.is_finished() {
                raddle::task::yield_now().await;
            }
        });
    }
}

#[test]
fn a_root_future_that_keeps_waking_itself_starves_no_task_from_outside() {
    let runtime = current_thread();
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        let task = std::thread::spawn(move || handle.spawn(async {})).join().unwrap();
        while !task.is_finished() {
            raddle::task::yield_now().await;
        }
    });
}

#[test]
fn a_root_future_that_keeps_waking_itself_starves_no_timer() {
    current_thread().block_on(async {
        let mut sleep = pin!(raddle::time::sleep(Duration::from_millis(1)));
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            sleep.as_mut().poll(cx)
        })
        .await;
    });
}

#[test]
fn a_blocking_call_may_drive_a_future_for_as_long_as_it_likes() {
    multi_thread(1).block_on(async {
        let call = raddle::task::spawn_blocking(|| {
            let semaphore = raddle::sync::Semaphore::new(1_000);
            let mut acquired = 0;
            while acquired < 1_000 {
                let mut acquire = pin!(semaphore.acquire());
                let polled = acquire
                    .as_mut()
                    .poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
                let Poll::Ready(permit) = polled else { panic!("asked to yield after {acquired}") };
                permit.unwrap().forget();
                acquired += 1;
            }
        });
        call.await.unwrap();
    });
}

#[test]
fn a_task_spawned_by_the_park_hook_runs_before_the_worker_sleeps() {
    for multi in [false, true] {
        let (sender, receiver) = mpsc::channel();
        let once = AtomicBool::new(false);
        let mut builder =
            if multi { Builder::new_multi_thread() } else { Builder::new_current_thread() };
        let runtime = builder
            .worker_threads(1)
            .on_thread_park(move || {
                if !once.swap(true, SeqCst) {
                    let sender = sender.clone();
                    drop(raddle::spawn(async move { sender.send(()).unwrap() }));
                }
            })
            .build()
            .unwrap();
        if multi {
            receiver.recv_timeout(patience()).unwrap();
        } else {
            let (done, root) = oneshot::channel::<()>();
            let waiter = std::thread::spawn(move || {
                receiver.recv_timeout(patience()).unwrap();
                done.send(()).unwrap();
            });
            runtime.block_on(root).unwrap();
            waiter.join().unwrap();
        }
    }
}

/// The task was queued on the guest before its root future was polled, and blocked.
#[test]
fn a_task_queued_before_the_root_future_blocks_is_run_by_another_worker() {
    for workers in [1, 2] {
        multi_thread(workers).block_on(async {
            let (sender, receiver) = mpsc::channel();
            let (wake, root) = oneshot::channel::<()>();
            drop(raddle::spawn(async move {
                raddle::task::yield_now().await;
                drop(raddle::spawn(async move { sender.send(()).unwrap() }));
                wake.send(()).unwrap();
            }));
            root.await.unwrap();
            receiver.recv_timeout(patience()).unwrap();
        });
    }
}

/// The guest had held the driver.
#[test]
fn timers_run_on_while_the_root_future_blocks() {
    multi_thread(2).block_on(async {
        let (sender, receiver) = mpsc::channel();
        drop(raddle::spawn(async move {
            for tick in 0..3 {
                raddle::time::sleep(Duration::from_millis(2)).await;
                sender.send(tick).unwrap();
            }
        }));
        // The guest parks, in the driver, and is woken from there.
        raddle::time::sleep(Duration::from_millis(1)).await;
        for tick in 0..3 {
            assert_eq!(receiver.recv_timeout(patience()).unwrap(), tick);
        }
    });
}

/// The spawn on a closed runtime completed a task inside the poll, which took the outer task's yield for its own.
#[test]
fn a_task_completed_inside_a_poll_does_not_take_the_polls_yield() {
    let closed = current_thread();
    let handle = closed.handle().clone();
    drop(closed);
    let runtime = multi_thread(1);
    let task = runtime.spawn(async move {
        let mut yielding = pin!(raddle::task::yield_now());
        poll_fn(|cx| {
            let polled = yielding.as_mut().poll(cx);
            drop(handle.spawn(async {}));
            polled
        })
        .await;
    });
    runtime.block_on(async { raddle::time::timeout(patience(), task).await }).unwrap().unwrap();
}

#[test]
fn a_panic_whose_payload_panics_when_dropped_does_not_cost_a_worker() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropping a panic's payload");
        }
    }
    struct Output;
    impl Drop for Output {
        fn drop(&mut self) {
            panic_any(Bomb);
        }
    }
    let runtime = multi_thread(1);
    let (begin, begun) = oneshot::channel::<()>();
    drop(runtime.spawn(async move {
        begun.await.unwrap();
        Output
    }));
    begin.send(()).unwrap();
    runtime.block_on(runtime.spawn(async {})).unwrap();
}

/// The late submitter took the message that was to stop the waiting thread.
#[test]
fn a_late_blocking_call_does_not_keep_the_pool_from_stopping() {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_keep_alive(Duration::from_secs(3600));
    for _ in 0..scaled(50) {
        let runtime = builder.build().unwrap();
        let handle = runtime.handle().clone();
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let late = std::thread::spawn(move || {
            while !stopped.load(SeqCst) {
                drop(handle.spawn_blocking(|| ()));
            }
        });
        let (dropped, drops) = mpsc::channel();
        std::thread::spawn(move || {
            drop(runtime);
            dropped.send(()).unwrap();
        });
        drops.recv_timeout(patience()).expect("the runtime's drop waits for the pool");
        stop.store(true, SeqCst);
        late.join().unwrap();
    }
}

#[test]
fn a_runtime_dropped_by_a_task_of_a_runtime_dropped_by_its_own_worker_does_not_wait_for_itself() {
    let outer = multi_thread(1);
    let handle = outer.handle().clone();
    let inner = current_thread();
    struct DropsRuntime(Option<Runtime>);
    impl Drop for DropsRuntime {
        fn drop(&mut self) {
            drop(self.0.take());
        }
    }
    let (done, dropped) = mpsc::channel();
    let bomb = DropsRuntime(Some(outer));
    drop(inner.spawn(async move {
        let _bomb = bomb;
        std::future::pending::<()>().await;
    }));
    drop(handle.spawn(async move {
        drop(inner);
        done.send(()).unwrap();
    }));
    dropped.recv_timeout(patience()).unwrap();
}

/// A guest slot that had been left was claimed again, and what was queued there was never run or dropped.
#[test]
fn block_on_racing_with_the_end_of_its_runtime_ends() {
    for _ in 0..scaled(100) {
        let runtime = current_thread();
        let rounds = Arc::new(AtomicUsize::new(0));
        let (ended, ends) = mpsc::channel();
        for _ in 0..3 {
            let (handle, rounds, ended) = (runtime.handle().clone(), rounds.clone(), ended.clone());
            std::thread::spawn(move || {
                while handle.block_on(async { raddle::spawn(async {}).await }).is_ok() {
                    rounds.fetch_add(1, SeqCst);
                }
                ended.send(()).unwrap();
            });
        }
        while rounds.load(SeqCst) < 20 {
            std::thread::yield_now();
        }
        drop(runtime);
        for _ in 0..3 {
            ends.recv_timeout(patience()).expect("block_on on a closed runtime ends");
        }
    }
}

/// It was ready again and again, and its task never let go of the worker.
#[test]
fn an_interval_that_lags_behind_its_ticks_lets_others_run() {
    let runtime = multi_thread(1);
    let ticking = runtime.spawn(async {
        let mut ticks = raddle::time::interval(Duration::from_nanos(1));
        loop {
            ticks.tick().await;
        }
    });
    runtime.block_on(runtime.spawn(async {})).unwrap();
    ticking.abort();
    assert!(runtime.block_on(ticking).unwrap_err().is_cancelled());
}

#[test]
fn a_timeout_that_is_up_at_once_lets_others_run() {
    let runtime = multi_thread(1);
    let looping = runtime.spawn(async {
        loop {
            let _ = raddle::time::timeout(Duration::ZERO, std::future::pending::<()>()).await;
        }
    });
    runtime.block_on(runtime.spawn(async {})).unwrap();
    looping.abort();
    assert!(runtime.block_on(looping).unwrap_err().is_cancelled());
}
