//! `LocalSet`, `spawn_local` and `LocalRuntime`: what is not `Send` stays on its thread, whoever wakes or aborts it.

use crate::support::{
    CountingWaker, DropCounter, Flavor, catch, planned_panic, poll_once, recv, until, wait, watched,
};
use raddle::sync::{Notify, oneshot};
use raddle::task::{self, JoinSet, LocalRuntime, LocalSet, spawn_local};
use raddle::time::{Duration, sleep};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread::{self, ThreadId};

#[test]
fn local_tasks_share_what_is_not_send() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let set = LocalSet::new();
        let trace = Rc::new(RefCell::new(Vec::new()));
        let seen = trace.clone();
        set.block_on(&runtime, async move {
            let tasks: Vec<_> = (0..3)
                .map(|number| {
                    let trace = trace.clone();
                    spawn_local(async move {
                        for round in 0..2 {
                            trace.borrow_mut().push((round, number));
                            task::yield_now().await;
                        }
                        Rc::new(number)
                    })
                })
                .collect();
            for (number, task) in tasks.into_iter().enumerate() {
                assert_eq!(*task.await.unwrap(), number);
            }
        });
        assert_eq!(*seen.borrow(), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
        assert!(set.is_empty());
    }
}

/// Is not `Send`, and complains when it is dropped elsewhere.
struct Homebody(
    ThreadId,
    #[allow(dead_code)] Rc<()>,
    #[allow(dead_code)] crate::support::DropGuard,
);

impl Homebody {
    fn new(drops: &DropCounter) -> Homebody {
        Homebody(thread::current().id(), Rc::new(()), drops.guard())
    }
}

impl Drop for Homebody {
    fn drop(&mut self) {
        assert_eq!(self.0, thread::current().id(), "dropped away from its thread");
    }
}

#[test]
fn wakes_and_aborts_from_other_threads_take_effect_at_home() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let drops = DropCounter::new();
        let set = LocalSet::new();
        let notify = Arc::new(Notify::new());
        let heard = notify.clone();
        let (woken, aborted) = (Homebody::new(&drops), Homebody::new(&drops));
        let listens = set.spawn_local(async move {
            let _woken = woken;
            heard.notified().await;
            thread::current().id()
        });
        let waits = set.spawn_local(async move {
            let _aborted = aborted;
            pending::<()>().await;
        });
        let abort = waits.abort_handle();
        let other = thread::spawn(move || {
            notify.notify_one();
            abort.abort();
        });
        let ended = watched("the set", || {
            set.block_on(&runtime, async {
                assert_eq!(listens.await.unwrap(), thread::current().id());
                waits.await.unwrap_err().is_cancelled()
            })
        });
        assert!(ended);
        other.join().unwrap();
        assert_eq!(drops.count(), 2);
    }
}

#[test]
fn a_local_task_can_be_joined_from_another_thread() {
    let runtime = Flavor::CurrentThread.build();
    let set = LocalSet::new();
    let homebody = Rc::new(5);
    let task = set.spawn_local(async move {
        task::yield_now().await;
        *homebody
    });
    let waiting = thread::spawn(move || task.blocking_wait().unwrap());
    watched("the set", || runtime.block_on(set));
    assert_eq!(waiting.join().unwrap(), 5);
}

#[test]
fn awaiting_the_set_waits_for_every_task_also_for_those_spawned_meanwhile() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let count = Rc::new(Cell::new(0));
        let set = LocalSet::new();
        let counted = count.clone();
        drop(set.spawn_local(async move {
            for _ in 0..10 {
                let counted = counted.clone();
                drop(spawn_local(async move {
                    sleep(Duration::from_millis(1)).await;
                    counted.set(counted.get() + 1);
                }));
            }
        }));
        watched("the set", || runtime.block_on(set));
        assert_eq!(count.get(), 10);
    }
}

#[test]
fn dropping_the_set_drops_the_futures_here_with_those_that_they_spawn_while_dropped() {
    struct SpawnsInDrop(DropCounter);
    impl Drop for SpawnsInDrop {
        fn drop(&mut self) {
            let guard = self.0.guard();
            drop(spawn_local(async move { drop(guard) }));
        }
    }
    let runtime = Flavor::Workers(1).build();
    let _entered = runtime.enter();
    let drops = DropCounter::new();
    let set = LocalSet::new();
    let (first, second) = (Homebody::new(&drops), SpawnsInDrop(drops.clone()));
    let task = set.spawn_local(async move {
        let _homebody = (first, second);
        pending::<()>().await;
    });
    let never_polled = set.spawn_local(async {});
    let panics = set.spawn_local(async {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                planned_panic("while dropped");
            }
        }
        let _bomb = Bomb;
        pending::<()>().await;
    });
    set.block_on(&runtime, task::yield_now());
    drop(set);
    assert_eq!(drops.count(), 2);
    assert!(wait("the task", task).unwrap_err().is_cancelled());
    assert!(wait("the other", never_polled).is_ok());
    assert!(wait("the bomb", panics).unwrap_err().is_panic());
}

#[test]
fn a_wake_that_races_with_the_end_of_the_set_finds_its_memory() {
    for round in 0..crate::support::scaled(300) {
        let runtime = Flavor::CurrentThread.build();
        let set = LocalSet::new();
        let notify = Arc::new(Notify::new());
        let heard = notify.clone();
        let task = set.spawn_local(async move { heard.notified().await });
        set.block_on(&runtime, task::yield_now());
        let (go, gone) = mpsc::channel();
        let waking = thread::spawn(move || {
            recv("the start", &gone);
            notify.notify_waiters();
        });
        go.send(()).unwrap();
        if round % 2 == 0 {
            thread::yield_now();
        }
        watched("the end of the set", || drop(set));
        assert!(task.is_finished());
        waking.join().unwrap();
    }
}

#[test]
fn panics_stay_in_their_task() {
    let runtime = Flavor::CurrentThread.build();
    let set = LocalSet::new();
    let end = set.block_on(&runtime, async {
        let panics = spawn_local(async { planned_panic("in a local task") });
        (panics.await.unwrap_err().is_panic(), spawn_local(async { 1 }).await.unwrap())
    });
    assert_eq!(end, (true, 1));
}

#[test]
fn a_set_in_a_task_lets_others_have_their_turn() {
    let runtime = Flavor::CurrentThread.build();
    let set = LocalSet::new();
    let rounds = runtime.block_on(set.run_until(async {
        // Never waits.
        drop(spawn_local(async {
            loop {
                task::yield_now().await;
            }
        }));
        raddle::spawn(async {
            for _ in 0..100 {
                task::yield_now().await;
            }
            100
        })
        .await
        .unwrap()
    }));
    assert_eq!(rounds, 100);
}

#[test]
fn without_a_set_there_is_nowhere_to_spawn_to() {
    let refused = std::panic::catch_unwind(|| drop(spawn_local(async {})));
    let message = refused.unwrap_err().downcast::<&str>().unwrap();
    assert!(message.contains("LocalSet"), "{message}");
}

#[test]
fn entering_a_set_lets_plain_code_spawn() {
    let runtime = Flavor::CurrentThread.build();
    let (outer, inner) = (LocalSet::new(), LocalSet::new());
    let guard = outer.enter();
    let first = spawn_local(async { 1 });
    let nested = inner.enter();
    let second = spawn_local(async { 2 });
    drop(nested);
    let third = spawn_local(async { 3 });
    drop(guard);
    assert!(catch(|| ()).is_ok());
    let sum = outer.block_on(&runtime, async { first.await.unwrap() + third.await.unwrap() });
    assert_eq!(sum, 4);
    assert_eq!(inner.block_on(&runtime, second).unwrap(), 2);
}

#[test]
fn a_set_that_is_woken_from_outside_wakes_who_polls_it() {
    let set = LocalSet::new();
    let (send, receive) = oneshot::channel();
    let task = set.spawn_local(receive);
    let (woken, waker) = CountingWaker::new();
    let mut set = Box::pin(set);
    assert!(poll_once(set.as_mut(), &waker).is_pending());
    let before = woken.count();
    thread::spawn(move || send.send(4).unwrap()).join().unwrap();
    until("the set is woken", || woken.count() > before);
    assert!(poll_once(set.as_mut(), &waker).is_ready());
    assert_eq!(wait("the task", task).unwrap(), Ok(4));
}

#[test]
fn a_local_runtime_runs_both_kinds() {
    for flavor in Flavor::ALL {
        let runtime = LocalRuntime::on(flavor.build());
        let drops = DropCounter::new();
        let homebody = Homebody::new(&drops);
        drop(runtime.spawn_local(async move {
            let _homebody = homebody;
            pending::<()>().await;
        }));
        let sum = runtime.block_on(async {
            let local = spawn_local(async { *Rc::new(1) });
            let other = raddle::spawn(async { 2 });
            local.await.unwrap() + other.await.unwrap()
        });
        assert_eq!(sum, 3);
        drop(runtime);
        assert_eq!(drops.count(), 1);
    }
    assert_eq!(LocalRuntime::new().unwrap().block_on(async { 1 }), 1);
}

#[test]
fn sets_take_local_members() {
    let runtime = Flavor::CurrentThread.build();
    let local = LocalSet::new();
    let mut set = JoinSet::new();
    set.spawn_local_on(async { *Rc::new(1) }, &local);
    let sum = local.block_on(&runtime, async move {
        set.spawn_local(async { *Rc::new(2) });
        set.join_all().await.into_iter().sum::<i32>()
    });
    assert_eq!(sum, 3);
}

/// What a local task does × when it is aborted × what becomes of its handle and of the set: its future and its output are
/// dropped once, at home.
#[test]
fn every_combination_drops_everything_once_and_at_home() {
    for does in ["returns", "panics", "never"] {
        for aborted in ["not", "before", "during", "after"] {
            for handle in ["kept", "dropped", "awaited"] {
                for set_first in [true, false] {
                    let what = format!("{does}, {aborted}, {handle}, {set_first}");
                    watched(&what, || {
                        let runtime = Flavor::CurrentThread.build();
                        let set = LocalSet::new();
                        let (futures, outputs) = (DropCounter::new(), DropCounter::new());
                        let (future, output) = (Homebody::new(&futures), outputs.clone());
                        let (send, receive) = oneshot::channel::<()>();
                        let task = set.spawn_local(async move {
                            let _future = future;
                            let _ = receive.await;
                            match does {
                                "returns" => Homebody::new(&output),
                                "panics" => planned_panic("local"),
                                _ => pending().await,
                            }
                        });
                        let abort = task.abort_handle();
                        let mut task = Some(task);
                        if handle == "dropped" {
                            task = None;
                        }
                        if aborted == "before" {
                            abort.abort();
                        }
                        set.block_on(&runtime, task::yield_now());
                        if aborted == "during" {
                            let abort = abort.clone();
                            thread::spawn(move || abort.abort()).join().unwrap();
                        }
                        let _ = send.send(());
                        for _ in 0..3 {
                            set.block_on(&runtime, task::yield_now());
                        }
                        if aborted == "after" {
                            abort.abort();
                        }
                        if handle == "awaited" && abort.is_finished() {
                            drop(set.block_on(&runtime, task.take().unwrap()));
                        }
                        if set_first {
                            drop(set);
                            drop(task);
                        } else {
                            drop(task);
                            drop(set);
                        }
                        assert!(abort.is_finished());
                        assert_eq!(futures.count(), 1, "{what}");
                        assert!(outputs.count() <= 1, "{what}");
                        let returns = does == "returns" && matches!(aborted, "not" | "after");
                        assert_eq!(outputs.count(), usize::from(returns), "{what}");
                    });
                }
            }
        }
    }
}

#[test]
fn guards_dropped_in_the_wrong_order_lead_to_no_set_that_is_gone() {
    let runtime = Flavor::CurrentThread.build();
    let _entered = runtime.enter();
    let (first, second) = (LocalSet::new(), LocalSet::new());
    let in_first = first.enter();
    let in_second = second.enter();
    drop(in_first);
    drop(first);
    drop(in_second);
    // The first set has ended, but its memory is there: what is spawned is cancelled.
    let drops = DropCounter::new();
    let guard = drops.guard();
    let late = task::spawn_local(async move {
        let _guard = guard;
    });
    assert_eq!(drops.count(), 1);
    assert!(wait("the late one", late).unwrap_err().is_cancelled());
}

#[test]
fn what_is_spawned_into_a_set_that_has_ended_is_dropped_at_once() {
    let set = LocalSet::new();
    let guard = set.enter();
    drop(set);
    let drops = DropCounter::new();
    let (inner, outer) = (drops.guard(), drops.guard());
    let late = task::spawn_local(async move {
        let _outer = outer;
        drop(inner);
    });
    assert_eq!(drops.count(), 2);
    assert!(wait("the late one", late).unwrap_err().is_cancelled());
    drop(guard);
}
