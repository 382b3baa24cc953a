//! Tasks that stay on the thread of one worker: T43 to T45.

use crate::support::count::panic_text;
use crate::support::{DropCounter, Flavor, planned_panic, recv, watched};
use raddle::runtime::{Handle, Runtime};
use raddle::task::{self, block_in_place, spawn_pinned};
use raddle::time::{Duration, sleep};
use std::cell::Cell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread::{self, ThreadId};

/// Not `Send`, and notices where it is dropped.
struct Stays {
    made: ThreadId,
    dropped: mpsc::Sender<bool>,
    not_send: Rc<()>,
}

impl Stays {
    fn new(dropped: &mpsc::Sender<bool>) -> Stays {
        Stays { made: thread::current().id(), dropped: dropped.clone(), not_send: Rc::new(()) }
    }
}

impl Drop for Stays {
    fn drop(&mut self) {
        assert_eq!(Rc::strong_count(&self.not_send), 1);
        self.dropped.send(thread::current().id() == self.made).unwrap();
    }
}

fn thread_of(runtime: &Runtime, worker: usize) -> ThreadId {
    let asked = runtime.handle().spawn_pinned(worker, || async { thread::current().id() });
    asked.blocking_wait().unwrap()
}

#[test]
fn each_worker_has_its_thread_and_a_task_stays_there() {
    let runtime = Flavor::Workers(3).build();
    let threads: HashSet<_> = (0..3).map(|worker| thread_of(&runtime, worker)).collect();
    assert_eq!(threads.len(), 3);
    runtime.block_on(async {
        let tasks: Vec<_> = (0..30)
            .map(|number| {
                spawn_pinned(number % 3, move || async move {
                    let count = Rc::new(Cell::new(0));
                    let here = thread::current().id();
                    for round in 0..20 {
                        match round % 3 {
                            0 => task::yield_now().await,
                            1 => sleep(Duration::from_micros(20)).await,
                            _ => raddle::spawn(async {}).await.unwrap(),
                        }
                        assert_eq!(thread::current().id(), here);
                        count.set(count.get() + 1);
                    }
                    (number % 3, here, count.get())
                })
            })
            .collect();
        for task in tasks {
            let (worker, here, count) = task.await.unwrap();
            assert_eq!((here, count), (thread_of_async(worker).await, 20));
        }
    });
}

async fn thread_of_async(worker: usize) -> ThreadId {
    spawn_pinned(worker, || async { thread::current().id() }).await.unwrap()
}

#[test]
fn it_can_be_aborted_woken_and_joined_from_anywhere_and_spawns_local_ones() {
    let runtime = Flavor::Workers(2).build();
    let (dropped, drops) = mpsc::channel();
    let (begun, begins) = mpsc::channel();
    let task = runtime.handle().spawn_pinned(1, move || async move {
        let _stays = Stays::new(&dropped);
        let local = task::spawn_local(async { Rc::new(4) });
        assert_eq!(*local.await.unwrap(), 4);
        begun.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    recv("the task to begin", &begins);
    task.abort();
    assert!(watched("the task", move || task.blocking_wait()).unwrap_err().is_cancelled());
    assert!(recv("the future's end", &drops), "dropped on its thread");
}

#[test]
fn a_worker_that_is_not_there_is_a_panic_that_says_how_many_there_are() {
    let runtime = Flavor::Workers(2).build();
    let text = refusal(&runtime, 2);
    assert!(text.contains("no worker 2") && text.contains("2 worker threads"), "{text}");
    let current = raddle::runtime::Builder::new_current_thread().build().unwrap();
    let text = refusal(&current, 0);
    assert!(text.contains("no worker 0") && text.contains("0 worker threads"), "{text}");
}

fn refusal(runtime: &Runtime, worker: usize) -> String {
    let spawn = || drop(runtime.handle().spawn_pinned(worker, || async {}));
    panic_text(&*catch_unwind(AssertUnwindSafe(spawn)).unwrap_err())
}

#[test]
fn a_panic_in_the_future_or_in_what_makes_it_is_that_of_the_task() {
    let runtime = Flavor::Workers(1).build();
    let handle = runtime.handle();
    let first = handle.spawn_pinned(0, || async { planned_panic("in the future") });
    assert!(first.blocking_wait().unwrap_err().is_panic());
    let second = handle.spawn_pinned(0, || {
        planned_panic("in what makes it");
        #[allow(unreachable_code)]
        async {}
    });
    assert!(second.blocking_wait().unwrap_err().is_panic());
    handle.spawn_pinned(0, || async {}).blocking_wait().unwrap();
}

#[test]
fn a_task_that_blocks_in_place_gives_the_slot_away_and_has_it_back_for_pinned_ones() {
    let runtime = Flavor::Workers(1).build();
    let home = thread_of(&runtime, 0);
    let (release, released) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let blocks = runtime.handle().spawn_pinned(0, move || async move {
        let here = Rc::new(thread::current().id());
        task::block_in_place(|| {
            begun.send(()).unwrap();
            let _ = released.recv();
        });
        let before = thread::current().id();
        task::yield_now().await;
        *here == before && *here == thread::current().id()
    });
    recv("the pinned task to block", &begins);
    let waits = runtime.handle().spawn_pinned(0, || async { thread::current().id() });
    // Others go on with the worker's tasks.
    let other = runtime.spawn(async { thread::current().id() });
    assert_ne!(other.blocking_wait().unwrap(), home);
    assert!(!waits.is_finished(), "its thread is blocked");
    drop(release);
    assert!(watched("the pinned task", move || blocks.blocking_wait()).unwrap());
    assert_eq!(watched("the other", move || waits.blocking_wait()).unwrap(), home);
    assert_eq!(thread_of(&runtime, 0), home);
}

#[test]
fn when_the_runtime_stops_each_future_is_dropped_on_its_thread_and_what_comes_late_is_cancelled() {
    let runtime = Flavor::Workers(2).build();
    let handle = runtime.handle().clone();
    let (dropped, drops) = mpsc::channel();
    let tasks: Vec<_> = (0..10)
        .map(|number| {
            let (dropped, (begun, begins)) = (dropped.clone(), mpsc::channel());
            let task = handle.spawn_pinned(number % 2, move || async move {
                let _stays = Stays::new(&dropped);
                begun.send(()).unwrap();
                std::future::pending::<()>().await;
            });
            recv("the task to begin", &begins);
            task
        })
        .collect();
    // Stopped while a thread is lost to a task that blocks.
    let (release, released) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let blocks = runtime.spawn(async move {
        task::block_in_place(|| {
            begun.send(()).unwrap();
            let _ = released.recv();
        });
    });
    recv("a task to block", &begins);
    let stopper = thread::spawn(move || drop(runtime));
    drop(release);
    watched("the end", move || stopper.join().unwrap());
    blocks.blocking_wait().unwrap();
    for task in tasks {
        assert!(task.blocking_wait().unwrap_err().is_cancelled());
        assert!(recv("a drop", &drops), "on its own thread");
    }
    let never_made = DropCounter::new();
    let guard = never_made.guard();
    let late = handle.spawn_pinned(0, move || async move { drop(guard) });
    assert!(late.blocking_wait().unwrap_err().is_cancelled());
    assert_eq!(never_made.count(), 1);
}

#[test]
fn pinned_tasks_and_others_take_turns() {
    let runtime = Flavor::Workers(1).build();
    let (stop, stopped) = raddle::sync::oneshot::channel::<()>();
    let spinning = runtime.handle().spawn_pinned(0, || async move {
        let stopped = std::pin::pin!(stopped);
        let mut stopped = stopped;
        loop {
            let is_over = std::future::poll_fn(|cx| {
                std::task::Poll::Ready(stopped.as_mut().poll(cx).is_ready())
            });
            if is_over.await {
                return;
            }
            task::yield_now().await;
        }
    });
    for _ in 0..10 {
        let other = runtime.spawn(task::yield_now());
        watched("a task beside a pinned one that spins", move || other.blocking_wait()).unwrap();
    }
    stop.send(()).unwrap();
    watched("the spinning one", move || spinning.blocking_wait()).unwrap();
}

#[test]
fn paused_time_waits_for_pinned_tasks_and_moves_for_them() {
    let runtime = Flavor::Workers(2).builder().start_paused(true).build().unwrap();
    let task = runtime.handle().spawn_pinned(1, || async {
        let begun = raddle::time::Instant::now();
        sleep(Duration::from_secs(3_600)).await;
        begun.elapsed()
    });
    let passed = watched("an hour", move || task.blocking_wait()).unwrap();
    assert_eq!(passed, Duration::from_secs(3_600));
}

#[test]
fn a_worker_that_searches_and_loses_its_slot_to_a_pinned_task_leaves_no_search_behind() {
    watched("spawns after a pinned task that blocked", || {
        let handle = Arc::new(OnceLock::<Handle>::new());
        let (ended, ends) = mpsc::channel();
        let mut builder = Flavor::Workers(1).builder();
        builder.on_thread_park({
            let (handle, ended) = (handle.clone(), Mutex::new(Some(ended)));
            move || {
                // On the thread of the only worker, which has just begun to search.
                let Some(handle) = handle.get() else { return };
                let Some(ended) = ended.lock().unwrap().take() else { return };
                drop(handle.spawn_pinned(0, || async move {
                    let queued = raddle::spawn(async {});
                    block_in_place(|| queued.blocking_wait().unwrap());
                    ended.send(()).unwrap();
                }));
            }
        });
        let runtime = builder.build().unwrap();
        handle.set(runtime.handle().clone()).unwrap();
        runtime.spawn(async {}).blocking_wait().unwrap();
        recv("the pinned task", &ends);
        for _ in 0..200 {
            runtime.spawn(async {}).blocking_wait().unwrap();
            // So that it goes to bed in between.
            thread::yield_now();
        }
    });
}

#[test]
fn a_pinned_task_that_keeps_yielding_does_not_send_its_worker_to_bed() {
    let parks = Arc::new(AtomicUsize::new(0));
    let mut builder = Flavor::Workers(1).builder();
    builder.on_thread_park({
        let parks = parks.clone();
        move || _ = parks.fetch_add(1, SeqCst)
    });
    let runtime = builder.build().unwrap();
    let task = runtime.handle().spawn_pinned(0, {
        let parks = parks.clone();
        move || async move {
            let before = parks.load(SeqCst);
            for _ in 0..1_000 {
                task::yield_now().await;
            }
            parks.load(SeqCst) - before
        }
    });
    let parked = watched("the pinned task", move || task.blocking_wait()).unwrap();
    assert_eq!(parked, 0, "hooks called for a worker that had something to do");
}
