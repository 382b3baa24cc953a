//! What the destructors of tasks may do while their runtime ends.

use crate::support::{
    DropCounter, DropGuard, Flavor, Trace, catch, planned_panic, until, wait, watched,
};
use raddle::runtime::Handle;
use raddle::sync::{Notify, oneshot};
use raddle::task::AbortHandle;
use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;

#[test]
fn a_task_that_keeps_its_own_waker_and_handle_is_no_leak() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let dropped = DropCounter::new();
        let guard = dropped.guard();
        let (send, receive) = oneshot::channel::<AbortHandle>();
        let task = running.handle().spawn(async move {
            let _guard = guard;
            let _itself = receive.await;
            let mut kept = Vec::new();
            poll_fn(|cx| {
                kept.push(cx.waker().clone());
                Poll::<()>::Pending
            })
            .await;
        });
        send.send(task.abort_handle()).unwrap();
        drop(task);
        running.stop();
        assert_eq!(dropped.count(), 1);
    }
}

#[test]
fn destructors_that_spawn_wake_and_abort_find_a_runtime_that_ends_all_the_same() {
    /// Spawns a task that holds the next of the kind, and pokes its neighbors.
    struct Spawns {
        depth: usize,
        dropped: DropCounter,
        neighbors: Arc<Mutex<Vec<AbortHandle>>>,
        notify: Arc<Notify>,
        _guard: DropGuard,
    }
    impl Drop for Spawns {
        fn drop(&mut self) {
            self.notify.notify_waiters();
            for neighbor in &*self.neighbors.lock().unwrap() {
                neighbor.abort();
            }
            if self.depth > 0 {
                let next = Spawns {
                    depth: self.depth - 1,
                    dropped: self.dropped.clone(),
                    neighbors: self.neighbors.clone(),
                    notify: self.notify.clone(),
                    _guard: self.dropped.guard(),
                };
                drop(raddle::spawn(async move {
                    let _next = next;
                    pending::<()>().await;
                }));
            }
        }
    }
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let (dropped, neighbors, notify) =
            (DropCounter::new(), Arc::default(), Arc::new(Notify::new()));
        for _ in 0..10 {
            let spawns = Spawns {
                depth: 5,
                dropped: dropped.clone(),
                neighbors: Arc::clone(&neighbors),
                notify: notify.clone(),
                _guard: dropped.guard(),
            };
            let notify = notify.clone();
            let task = running.handle().spawn(async move {
                notify.notified().await;
                drop(spawns);
            });
            neighbors.lock().unwrap().push(task.abort_handle());
        }
        running.quiesce();
        running.stop();
        assert_eq!(dropped.count(), 60, "{flavor:?}");
    }
}

#[test]
fn destructors_that_panic_at_the_end_are_contained() {
    struct Bomb(#[allow(dead_code)] DropGuard);
    impl Drop for Bomb {
        fn drop(&mut self) {
            planned_panic("at the end");
        }
    }
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let dropped = DropCounter::new();
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let bomb = Bomb(dropped.guard());
                running.handle().spawn(async move {
                    let _bomb = bomb;
                    pending::<()>().await;
                })
            })
            .collect();
        running.quiesce();
        running.stop();
        assert_eq!(dropped.count(), 20);
        for task in tasks {
            assert!(wait("a task whose destructor panicked", task).unwrap_err().is_panic());
        }
    }
}

#[test]
fn a_runtime_can_be_dropped_while_its_thread_panics() {
    for flavor in Flavor::ALL {
        let dropped = DropCounter::new();
        let guard = dropped.guard();
        let caught = catch(|| {
            let runtime = flavor.build();
            drop(runtime.spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            }));
            planned_panic("beside a runtime");
        });
        assert_eq!(caught, Err("beside a runtime"));
        assert_eq!(dropped.count(), 1);
    }
}

#[test]
fn a_destructor_is_inside_its_runtime_on_whichever_thread_it_runs() {
    struct Asks(Trace<bool>);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.0.push(Handle::try_current().is_ok());
        }
    }
    for flavor in Flavor::ALL {
        let answers = Trace::new();
        let (one, two, three) =
            (Asks(answers.clone()), Asks(answers.clone()), Asks(answers.clone()));
        let runtime = flavor.builder().max_blocking_threads(1).build().unwrap();
        let handle = runtime.handle().clone();
        drop(handle.spawn(async move {
            let _asks = one;
            pending::<()>().await;
        }));
        // A call that waits behind a stuck one, and is cancelled by whoever drops the runtime.
        let (release, released) = mpsc::channel::<()>();
        drop(handle.spawn_blocking(move || _ = released.recv()));
        drop(handle.spawn_blocking(move || drop(two)));
        watched("a shutdown in the background", || runtime.shutdown_background());
        until("two destructors have run", || answers.len() == 2);
        // A late task, dropped by the thread that spawned it.
        drop(handle.spawn(async move { drop(three) }));
        drop(release);
        until("three destructors have run", || answers.len() == 3);
        assert_eq!(answers.take(), [true; 3], "{flavor:?}");
    }
}
