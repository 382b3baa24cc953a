//! The `blocking_*` functions refuse to hold up a thread that polls tasks, and block wherever that harms nobody.

use crate::support::count::panic_text;
use crate::support::{Flavor, poll_once, watched};
use raddle::sync::queue::{LifoQueue, PriorityQueue, Queue};
use raddle::sync::{
    Barrier, BoundedSemaphore, Condvar, Event, Mutex, RwLock, Semaphore, SetOnce, broadcast,
    budget, mpsc, oneshot,
};
use raddle::task;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::thread;

type Calls = Vec<(&'static str, Box<dyn FnOnce() + Send>)>;

fn call<R>(
    name: &'static str,
    f: impl FnOnce() -> R + Send + 'static,
) -> (&'static str, Box<dyn FnOnce() + Send>) {
    (name, Box::new(move || drop(f())))
}

/// Every blocking function, on something that is there at once: whether it is refused must not depend on who comes first.
fn every_call() -> Calls {
    let (sender, mut receiver) = mpsc::channel(2);
    sender.try_send(1).unwrap();
    let (unbounded, mut numbers) = mpsc::unbounded_channel();
    unbounded.send(1).unwrap();
    let (once, answer) = oneshot::channel();
    once.send(1).unwrap();
    let (all, mut heard) = broadcast::channel(1);
    all.send(1).unwrap();
    let event = Event::new();
    event.set();
    let lock = || Arc::new(Mutex::new(0));
    let shelf = || Arc::new(RwLock::new(0));
    let gate = || Arc::new(Semaphore::new(3));
    vec![
        call("Mutex::blocking_lock", || drop(Mutex::new(0).blocking_lock())),
        call("Mutex::blocking_lock_owned", move || lock().blocking_lock_owned()),
        call("RwLock::blocking_read", || drop(RwLock::new(0).blocking_read())),
        call("RwLock::blocking_write", || drop(RwLock::new(0).blocking_write())),
        call("RwLock::blocking_upgradable_read", || {
            drop(RwLock::new(0).blocking_upgradable_read())
        }),
        call("RwLock::blocking_read_owned", move || shelf().blocking_read_owned()),
        call("RwLock::blocking_write_owned", move || shelf().blocking_write_owned()),
        call("RwLock::blocking_upgradable_read_owned", move || {
            shelf().blocking_upgradable_read_owned()
        }),
        call("Semaphore::blocking_acquire", || drop(Semaphore::new(1).blocking_acquire())),
        call("Semaphore::blocking_acquire_many", || {
            drop(Semaphore::new(2).blocking_acquire_many(2))
        }),
        call("Semaphore::blocking_acquire_owned", move || gate().blocking_acquire_owned()),
        call("Semaphore::blocking_acquire_many_owned", move || {
            gate().blocking_acquire_many_owned(2)
        }),
        call("BoundedSemaphore::blocking_acquire", || {
            drop(BoundedSemaphore::new(1).blocking_acquire());
        }),
        call("Condvar::blocking_wait_while", || {
            let lock = Mutex::new(0);
            drop(Condvar::new().blocking_wait_while(lock.try_lock().unwrap(), |_| false));
        }),
        call("Barrier::blocking_wait", || Barrier::new(1).blocking_wait()),
        call("SetOnce::blocking_wait", || _ = SetOnce::from(1).blocking_wait()),
        call("Event::blocking_wait", move || event.blocking_wait()),
        call("Sender::blocking_send", move || sender.blocking_send(1)),
        call("Receiver::blocking_recv", move || receiver.blocking_recv()),
        call("UnboundedReceiver::blocking_recv_many", move || {
            numbers.blocking_recv_many(&mut Vec::new(), 1)
        }),
        call("oneshot::Receiver::blocking_recv", move || answer.blocking_recv()),
        call("broadcast::Receiver::blocking_recv", move || heard.blocking_recv()),
        call("Queue::blocking_put", || Queue::bounded(1).blocking_put(1)),
        call("LifoQueue::blocking_get", || {
            let queue = LifoQueue::bounded(1);
            queue.try_put(1).unwrap();
            queue.blocking_get()
        }),
        call("PriorityQueue::blocking_put", || PriorityQueue::bounded(1).blocking_put(1)),
    ]
}

fn assert_refused(name: &str, f: impl FnOnce()) {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err(name);
    let text = panic_text(&*payload);
    assert!(text.contains("await the async function instead"), "{name}: {text}");
}

/// A mutex that nobody but a task of the same thread will unlock: to block on it is to hang.
fn refused() {
    let lock = Mutex::new(());
    let _held = lock.try_lock().unwrap();
    assert_refused("a lock that is held", || drop(lock.blocking_lock()));
}

#[test]
fn every_blocking_function_is_refused_in_a_task_and_in_block_on() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        watched("a task that is not held up", || {
            runtime.block_on(async {
                every_call().into_iter().for_each(|(name, call)| assert_refused(name, call));
                let task = raddle::spawn(async {
                    every_call().into_iter().for_each(|(name, call)| assert_refused(name, call));
                });
                task.await.unwrap();
            });
        });
    }
}

#[test]
fn nothing_is_refused_on_a_plain_thread_also_after_a_runtime_or_a_set_ran_on_it() {
    let all = || every_call().into_iter().for_each(|(_, call)| call());
    all();
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        runtime.block_on(async { raddle::spawn(async {}).await.unwrap() });
        all();
        let set = task::LocalSet::new();
        set.block_on(&runtime, async { task::spawn_local(async {}).await.unwrap() });
        all();
    }
    // A set that is polled by an executor that says nothing.
    let set = task::LocalSet::new();
    let done = set.spawn_local(async {});
    let mut set = pin!(set);
    assert_eq!(poll_once(set.as_mut(), Waker::noop()), Poll::Ready(()));
    assert!(done.is_finished());
    all();
}

#[test]
fn a_task_may_block_where_others_do_its_work() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let in_place = flavor != Flavor::CurrentThread;
        watched("blocking calls", || {
            runtime.block_on(async move {
                let (sender, receiver) = oneshot::channel();
                let call = task::spawn_blocking(move || receiver.blocking_recv().unwrap());
                sender.send(1).unwrap();
                assert_eq!(call.await.unwrap(), 1);
                if in_place {
                    let task = raddle::spawn(async {
                        let (sender, receiver) = oneshot::channel();
                        raddle::spawn(async move { sender.send(2).unwrap() });
                        let answer = task::block_in_place(|| receiver.blocking_recv().unwrap());
                        refused(); // In a poll again.
                        answer
                    });
                    assert_eq!(task.await.unwrap(), 2);
                }
                let (sender, receiver) = oneshot::channel();
                thread::spawn(move || sender.send(receiver_of_a_thread()).unwrap());
                assert_eq!(receiver.await.unwrap(), 3);
            });
        });
    }
}

fn receiver_of_a_thread() -> i32 {
    let (sender, mut receiver) = mpsc::channel(1);
    thread::spawn(move || sender.blocking_send(3).unwrap());
    receiver.blocking_recv().unwrap()
}

#[test]
fn a_part_of_a_task_without_a_budget_is_still_in_a_poll() {
    for flavor in Flavor::ALL {
        flavor.build().block_on(async {
            budget::unconstrained(async {
                // It has no budget, and is not asked to yield.
                let gate = Semaphore::new(1);
                for _ in 0..1_000 {
                    let acquire = pin!(gate.acquire());
                    assert!(poll_once(acquire, Waker::noop()).is_ready());
                }
                refused();
            })
            .await;
            refused();
        });
    }
    // On a plain thread there is no poll to be in.
    let plain = pin!(budget::unconstrained(async { drop(Mutex::new(()).blocking_lock()) }));
    assert!(poll_once(plain, Waker::noop()).is_ready());
}

#[test]
fn a_hook_of_a_thread_may_block() {
    let (sender, mut receiver) = mpsc::channel(1);
    let runtime = Flavor::Workers(1)
        .builder()
        .on_thread_stop(move || sender.blocking_send("stopped").unwrap())
        .build()
        .unwrap();
    runtime.spawn(async {}).blocking_wait().unwrap();
    drop(runtime);
    assert_eq!(watched("the hook", || receiver.blocking_recv()), Some("stopped"));
}

#[test]
fn who_ends_others_in_a_poll_is_in_a_poll_afterwards() {
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1)] {
        let closed = Flavor::CurrentThread.build();
        let handle = closed.handle().clone();
        drop(closed);
        let runtime = flavor.build();
        let task = runtime.spawn(async move {
            // Cancelled here and now.
            drop(handle.spawn(pending::<()>()));
            refused();
            let other = Flavor::CurrentThread.build();
            drop(other.spawn(pending::<()>()));
            drop(other);
            refused();
        });
        watched("a task that ends others", || runtime.block_on(task)).unwrap();
    }
}

#[test]
fn hooks_of_tasks_and_callbacks_may_block_however_the_task_has_ended() {
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1)] {
        let (told, mut heard) = mpsc::channel(16);
        let mut builder = flavor.builder();
        let (before, after) = (told.clone(), told.clone());
        builder.on_before_task_poll(move |_| before.blocking_send("before").unwrap());
        builder.on_task_terminate(move |_| after.blocking_send("terminated").unwrap());
        let runtime = builder.build().unwrap();
        watched("hooks that block", || {
            runtime.block_on(async {
                let task = raddle::spawn(async {});
                task.on_done(move |_| told.blocking_send("done").unwrap());
                task.await.unwrap();
                for expected in ["before", "terminated", "done"] {
                    assert_eq!(heard.recv().await, Some(expected));
                }
            });
        });
    }
}
