//! Tasks that block their thread and say so: P13 to P17.

use crate::support::{Flavor, planned_panic, recv, watched};
use raddle::runtime::{Builder, Handle, Runtime};
use raddle::task::{self, block_in_place};
use raddle::time::{Duration, sleep};
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;

/// A task that blocks in place until the sender is dropped, and has begun to.
fn blocked(runtime: &Runtime) -> (task::JoinHandle<()>, mpsc::Sender<()>) {
    blocked_before(runtime, async {})
}

/// As [`blocked`], and goes on with `rest`.
fn blocked_before(
    runtime: &Runtime,
    rest: impl Future<Output = ()> + Send + 'static,
) -> (task::JoinHandle<()>, mpsc::Sender<()>) {
    let (release, released) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let task = runtime.spawn(async move {
        block_in_place(|| {
            begun.send(()).unwrap();
            let _ = released.recv();
        });
        rest.await;
    });
    recv("the task to block", &begins);
    (task, release)
}

#[test]
fn the_only_worker_goes_on_with_tasks_timers_and_sockets_while_a_task_blocks_it() {
    let runtime = Flavor::Workers(1).build();
    let (release, released) = mpsc::channel();
    let (sent, received) = mpsc::channel();
    let blocks = runtime.spawn(async move {
        let queued = raddle::spawn(async { "queued on the same worker" });
        let timer = raddle::spawn(async {
            sleep(Duration::from_millis(1)).await;
            "a timer set there"
        });
        let borrowed = String::from("borrowed");
        block_in_place(|| {
            sent.send((queued, timer)).unwrap();
            released.recv().unwrap();
            borrowed.len()
        })
    });
    let (queued, timer) = recv("the handles", &received);
    assert_eq!(queued.blocking_wait().unwrap(), "queued on the same worker");
    assert_eq!(timer.blocking_wait().unwrap(), "a timer set there");
    let from_outside = runtime.spawn(async { task::yield_now().await });
    from_outside.blocking_wait().unwrap();
    release.send(()).unwrap();
    assert_eq!(blocks.blocking_wait().unwrap(), 8);
}

#[test]
fn more_tasks_may_block_than_there_are_workers_and_wait_for_one_another() {
    for workers in [1, 2] {
        let runtime = Flavor::Workers(workers).build();
        let meeting = Arc::new(Barrier::new(6));
        let tasks: Vec<_> = (0..6)
            .map(|_| {
                let meeting = meeting.clone();
                runtime.spawn(async move {
                    block_in_place(|| meeting.wait());
                    // On a thread that has lost its slot: by way of the injector.
                    raddle::spawn(async {}).await.unwrap();
                    block_in_place(|| meeting.wait());
                    task::yield_now().await;
                    sleep(Duration::from_millis(1)).await;
                })
            })
            .collect();
        watched("six tasks to meet", move || {
            tasks.into_iter().for_each(|task| task.blocking_wait().unwrap());
        });
    }
}

#[test]
fn spares_are_used_again_and_go_when_they_are_not() {
    let names = Arc::new(Mutex::new(0));
    let named = names.clone();
    let runtime = Flavor::Workers(1)
        .builder()
        .thread_name_fn(move || {
            *named.lock().unwrap() += 1;
            String::from("counted")
        })
        .build()
        .unwrap();
    for _ in 0..20 {
        let (task, release) = blocked(&runtime);
        // The slot has been taken over.
        runtime.spawn(async {}).blocking_wait().unwrap();
        drop(release);
        task.blocking_wait().unwrap();
        // The slot is home again, and the spare waits.
        let home = runtime.handle().spawn_pinned(0, || async {});
        home.blocking_wait().unwrap();
    }
    let started = *names.lock().unwrap();
    assert!(started <= 3, "a worker, and spares for twenty calls: {started}");
}

#[test]
fn what_a_task_is_stays_the_same_inside_and_after() {
    task_local_of_this_test::run();
}

mod task_local_of_this_test {
    use super::*;

    raddle::task_local! {
        static NUMBER: u32;
    }

    pub(super) fn run() {
        let runtime = Flavor::Workers(1).build();
        let (sent, received) = mpsc::channel();
        let task = runtime.spawn(NUMBER.scope(7, async move {
            let id = task::id();
            block_in_place(|| {
                // Long enough for the slot to be lost.
                let other = Handle::current().spawn(async {});
                other.blocking_wait().unwrap();
                assert_eq!(task::id(), id);
                assert_eq!(task::current().id(), id);
                assert_eq!(NUMBER.get(), 7);
            });
            assert_eq!(task::id(), id);
            assert_eq!(NUMBER.get(), 7);
            // Nested, and once more after the loss.
            assert_eq!(block_in_place(|| block_in_place(|| 3)), 3);
            task::yield_now().await;
            assert_eq!(NUMBER.get(), 7);
            sent.send(id).unwrap();
        }));
        let id = task.id();
        task.blocking_wait().unwrap();
        assert_eq!(recv("the id", &received), id);
    }
}

#[test]
fn a_call_has_no_budget_and_the_rest_of_the_poll_has_what_was_left() {
    let runtime = Flavor::Workers(1).build();
    let task = runtime.spawn(async {
        for _ in 0..100 {
            task::coop::consume_budget().await;
        }
        let unbounded = block_in_place(|| {
            Handle::current().spawn(async {}).blocking_wait().unwrap();
            (0..1_000).all(|_| raddle::sync::budget::has_remaining())
        });
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = polls.clone();
        // 28 are left of 128: the 29th has to wait for another poll.
        let rest = std::pin::pin!(async move {
            for _ in 0..29 {
                task::coop::consume_budget().await;
                counted.fetch_add(1, SeqCst);
            }
        });
        let mut rest = rest;
        let first = std::future::poll_fn(|cx| std::task::Poll::Ready(rest.as_mut().poll(cx))).await;
        (unbounded, first.is_pending(), polls.load(SeqCst))
    });
    assert_eq!(task.blocking_wait().unwrap(), (true, true, 28));
}

#[test]
fn a_call_may_block_on_futures_of_its_runtime_and_only_a_call_may() {
    for workers in [1, 3] {
        let runtime = Flavor::Workers(workers).build();
        let task = runtime.spawn(async {
            let inside = block_in_place(|| {
                Handle::current().block_on(async {
                    sleep(Duration::from_millis(1)).await;
                    raddle::spawn(async { 4 }).await.unwrap()
                })
            });
            let refused = catch_unwind(AssertUnwindSafe(|| Handle::current().block_on(async {})));
            (inside, refused.is_err())
        });
        assert_eq!(task.blocking_wait().unwrap(), (4, true));
    }
}

#[test]
fn a_panic_is_that_of_the_task_and_the_worker_goes_on() {
    let runtime = Flavor::Workers(1).build();
    for loses_slot in [false, true] {
        let task = runtime.spawn(async move {
            block_in_place(|| {
                if loses_slot {
                    Handle::current().spawn(async {}).blocking_wait().unwrap();
                }
                planned_panic("in place")
            })
        });
        assert!(task.blocking_wait().unwrap_err().is_panic());
        runtime.spawn(async {}).blocking_wait().unwrap();
    }
}

#[test]
fn outside_of_a_task_it_only_calls() {
    assert_eq!(block_in_place(|| 1), 1);
    let runtime = Flavor::Workers(1).build();
    let _entered = runtime.enter();
    let thread = thread::current().id();
    assert_eq!(block_in_place(|| thread::current().id()), thread);
    let call = runtime.spawn_blocking(|| block_in_place(|| 2));
    assert_eq!(call.blocking_wait().unwrap(), 2);
    let idle = Builder::new_current_thread().build().unwrap();
    let _entered = idle.enter();
    assert_eq!(block_in_place(|| 3), 3, "entered, and nobody is held up");
}

#[test]
fn in_a_root_future_it_blocks_that_only() {
    let runtime = Flavor::Workers(1).build();
    let answer = runtime.block_on(async {
        let task = raddle::spawn(async { 5 });
        let (sent, received) = mpsc::channel();
        task.on_done(move |_| sent.send(()).unwrap());
        block_in_place(|| {
            received.recv().unwrap();
            Handle::current().block_on(async { raddle::spawn(async { 6 }).await.unwrap() })
        })
    });
    assert_eq!(answer, 6);
}

#[test]
fn a_task_that_the_thread_in_block_on_polls_holds_up_its_root_future_and_no_other_task() {
    let runtime = Flavor::Workers(1).build();
    let root = thread::current().id();
    runtime.block_on(async {
        // Until the root future's thread has polled one, which it does as a rule.
        loop {
            let task = raddle::spawn(async move {
                let others: Vec<_> = (0..3).map(|_| raddle::spawn(task::yield_now())).collect();
                let timer = raddle::spawn(sleep(Duration::from_millis(1)));
                block_in_place(|| {
                    others.into_iter().for_each(|other| other.blocking_wait().unwrap());
                    timer.blocking_wait().unwrap();
                    Handle::current().block_on(async { raddle::spawn(async {}).await.unwrap() });
                });
                thread::current().id()
            });
            if task.await.unwrap() == root {
                break;
            }
        }
        // The guest is what it was.
        for _ in 0..100 {
            raddle::spawn(task::yield_now()).await.unwrap();
        }
    });
}

#[test]
fn on_a_current_thread_runtime_it_panics_and_says_what_to_do() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let error = runtime.block_on(async {
        raddle::spawn(async {
            block_in_place(|| {});
        })
        .await
        .unwrap_err()
    });
    let payload = error.into_panic();
    let text = payload.downcast_ref::<&str>().expect("a message");
    assert!(text.contains("current-thread") && text.contains("spawn_blocking"), "{text}");
}

#[test]
fn a_runtime_that_is_stopped_meanwhile_waits_for_the_call_and_drops_the_task() {
    for runs_on in [false, true] {
        let runtime = Flavor::Workers(1).build();
        let (release, released) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        let dropped = crate::support::DropCounter::new();
        let guard = dropped.guard();
        let task = runtime.spawn(async move {
            let _guard = guard;
            if runs_on {
                // Linked: its home's list waits for it.
                task::yield_now().await;
                sleep(Duration::from_nanos(1)).await;
            }
            block_in_place(|| {
                begun.send(()).unwrap();
                let _ = released.recv();
            });
            std::future::pending::<()>().await;
        });
        recv("the task to block", &begins);
        let stopper = thread::spawn(move || drop(runtime));
        assert_eq!(dropped.count(), 0);
        drop(release);
        watched("the end of the runtime", move || stopper.join().unwrap());
        assert_eq!(dropped.count(), 1);
        assert!(task.blocking_wait().unwrap_err().is_cancelled());
    }
}

#[test]
fn a_runtime_may_be_dropped_in_a_call() {
    let runtime = Flavor::Workers(1).build();
    let (sent, received) = mpsc::channel::<Runtime>();
    let task = runtime.spawn(async move {
        block_in_place(|| drop(received.recv().unwrap()));
    });
    sent.send(runtime).unwrap();
    watched("the task", move || task.blocking_wait()).unwrap();
}

#[test]
fn a_task_that_is_aborted_in_a_call_is_dropped_after_it() {
    let runtime = Flavor::Workers(1).build();
    let (task, release) = blocked_before(&runtime, pending());
    task.abort();
    drop(release);
    assert!(watched("the task", move || task.blocking_wait()).unwrap_err().is_cancelled());
}

#[test]
fn hooks_and_wakers_that_block_in_place_keep_their_slot() {
    let hooked = Arc::new(AtomicUsize::new(0));
    let count = hooked.clone();
    let runtime = Flavor::Workers(1)
        .builder()
        .on_task_spawn(move |_| block_in_place(|| _ = count.fetch_add(1, SeqCst)))
        .build()
        .unwrap();
    let task = runtime.spawn(async {
        for _ in 0..10 {
            raddle::spawn(task::yield_now()).await.unwrap();
        }
    });
    task.blocking_wait().unwrap();
    assert_eq!(hooked.load(SeqCst), 11);
}

#[test]
fn paused_time_stands_still_while_a_call_lasts() {
    let runtime = Flavor::Workers(1).builder().start_paused(true).build().unwrap();
    let (task, release) = blocked(&runtime);
    let sleeper = runtime.spawn(async { sleep(Duration::from_secs(3_600)).await });
    let ticks = runtime.spawn(async {
        for _ in 0..100 {
            task::yield_now().await;
        }
    });
    ticks.blocking_wait().unwrap();
    assert!(!sleeper.is_finished());
    drop(release);
    task.blocking_wait().unwrap();
    watched("the sleep of an hour", move || sleeper.blocking_wait()).unwrap();
}

#[test]
fn many_short_calls_among_many_tasks_lose_nothing() {
    let runtime = Flavor::Workers(2).build();
    let tasks: Vec<_> = (0..crate::support::scaled(300))
        .map(|number| {
            runtime.spawn(async move {
                let mut sum = 0;
                for round in 0..5 {
                    sum += block_in_place(|| number + round);
                    if number % 3 == 0 {
                        sleep(Duration::from_micros(10)).await;
                    } else {
                        raddle::spawn(async {}).await.unwrap();
                    }
                }
                sum
            })
        })
        .collect();
    for (number, task) in tasks.into_iter().enumerate() {
        let sum = watched("a task", move || task.blocking_wait()).unwrap();
        assert_eq!(sum, 5 * number + 10);
    }
}

#[cfg(target_os = "linux")]
const CHILD: &str = "RADDLE_TESTS_CHILD";

/// In a process of its own, whose address space has room for no further stack.
#[cfg(target_os = "linux")]
#[test]
fn if_the_system_refuses_a_spare_the_call_blocks_its_worker_and_nothing_is_lost() {
    use rustix::process::{Resource, Rlimit, setrlimit};

    const STACK: usize = 1 << 30;
    if std::env::var_os(CHILD).is_some() {
        let runtime = Flavor::Workers(1).builder().thread_stack_size(STACK).build().unwrap();
        runtime.spawn(async {}).blocking_wait().unwrap();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
        let kilobytes: u64 = size.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        let most = kilobytes * 1024 + STACK as u64 / 2;
        setrlimit(Resource::As, Rlimit { current: Some(most), maximum: None }).unwrap();
        let (sent, received) = mpsc::channel();
        let blocks = runtime.spawn(async move {
            let other = raddle::spawn(async { 2 });
            let finished = block_in_place(|| {
                sent.send(()).unwrap();
                other.is_finished()
            });
            (finished, other.await.unwrap())
        });
        recv("the call", &received);
        let ended = watched("the task", move || blocks.blocking_wait()).unwrap();
        let refused = runtime.spawn_blocking(|| {}).blocking_wait().unwrap_err();
        println!("[{ended:?} {}]", refused.is_refused());
        return;
    }
    let test = "block_in_place::if_the_system_refuses_a_spare_the_call_blocks_its_worker_and_nothing_is_lost";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(CHILD, "1");
    let output = watched("a child process", || child.output()).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("[(false, 2) true]"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
