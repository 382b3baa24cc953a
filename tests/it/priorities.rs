//! P21 to P24 of `executor/src/scheduler/lanes.rs`: who comes before whom, and that everybody comes.

use crate::support::{DropCounter, Flavor, Running, Sleepers, Trace, recv, scaled, wait, watched};
use raddle::runtime::{Handle, LeftoverState};
use raddle::sync::Notify;
use raddle::task::{self, Builder, JoinHandle, JoinSet, Priority};
use raddle::time::{Duration, sleep};
use std::future::{Future, pending};
use std::iter::repeat_n;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};

/// Those whose order can be told.
const ONE_THREAD: [Flavor; 2] = [Flavor::CurrentThread, Flavor::Workers(1)];
/// Two polls in a row are not those of high tasks, at most: one for the injector, one for the others.
const LET_IN: usize = 2;

fn spawn<F>(handle: &Handle, priority: Priority, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Builder::new().priority(priority).spawn_on(future, handle)
}

/// The order in which tasks run that were all queued, in this one, before any of them.
fn order(flavor: Flavor, queued: impl Iterator<Item = Priority>) -> Vec<Priority> {
    let running = flavor.start();
    let trace = Trace::new();
    let hold = running.hold();
    let tasks: Vec<_> = queued
        .map(|priority| {
            let trace = trace.clone();
            spawn(running.handle(), priority, async move { trace.push(priority) })
        })
        .collect();
    drop(hold);
    for task in tasks {
        wait("a task", task).unwrap();
    }
    trace.take()
}

#[test]
fn p22_a_high_task_does_not_wait_behind_a_backlog() {
    for flavor in ONE_THREAD {
        let order = order(flavor, repeat_n(Priority::Normal, 100).chain([Priority::High]));
        let high = order.iter().position(|&priority| priority == Priority::High);
        assert!(high.expect("it has run") <= LET_IN, "on {flavor:?}: {high:?}");
    }
}

#[test]
fn p22_a_high_task_that_is_woken_does_not_wait_behind_a_backlog() {
    for flavor in ONE_THREAD {
        let running = flavor.start();
        let trace = Trace::new();
        let alarm = Arc::new(Notify::new());
        let high = spawn(running.handle(), Priority::High, {
            let (trace, alarm) = (trace.clone(), alarm.clone());
            async move {
                alarm.notified().await;
                trace.push(Priority::High);
                // Also one that wants another turn.
                task::yield_now().await;
                trace.push(Priority::High);
            }
        });
        running.quiesce();
        let backlog = running.handle().spawn({
            let trace = trace.clone();
            async move {
                let tasks: Vec<_> = (0..100)
                    .map(|_| {
                        let trace = trace.clone();
                        raddle::spawn(async move { trace.push(Priority::Normal) })
                    })
                    .collect();
                alarm.notify_one();
                for task in tasks {
                    task.await.unwrap();
                }
            }
        });
        wait("the woken", high).unwrap();
        wait("the backlog", backlog).unwrap();
        let high: Vec<_> =
            (0..).zip(trace.take()).filter(|(_, of)| *of == Priority::High).collect();
        assert!(high[1].0 <= 1 + 2 * LET_IN, "on {flavor:?}: {high:?}");
    }
}

#[test]
fn p22_low_tasks_come_after_the_others() {
    for flavor in ONE_THREAD {
        let queued = repeat_n(Priority::Low, 50).chain(repeat_n(Priority::Normal, 50));
        let order = order(flavor, queued);
        let low_so_far = order[..50].iter().filter(|&&of| of == Priority::Low).count();
        assert!(low_so_far <= 1, "{low_so_far} low tasks came before others on {flavor:?}");
    }
}

/// Tasks that yield until told to stop, twenty per thread.
fn endless(running: &Running, priority: Priority, stop: &Arc<AtomicBool>) -> Vec<JoinHandle<()>> {
    (0..20 * running.threads())
        .map(|_| {
            let stop = stop.clone();
            spawn(running.handle(), priority, async move {
                while !stop.load(SeqCst) {
                    task::yield_now().await;
                }
            })
        })
        .collect()
}

#[test]
fn p22_nobody_starves_beside_endless_tasks_of_any_priority() {
    for flavor in Flavor::ALL {
        for crowd in [Priority::High, Priority::Normal, Priority::Low] {
            let running = flavor.start();
            let stop = Arc::new(AtomicBool::new(false));
            let crowd = endless(&running, crowd, &stop);
            for priority in [Priority::Low, Priority::Normal, Priority::High] {
                let task = spawn(running.handle(), priority, async {
                    sleep(Duration::from_millis(1)).await;
                    task::yield_now().await;
                    raddle::spawn(async { 7 }).await.unwrap()
                });
                assert_eq!(wait("a task beside endless ones", task).unwrap(), 7);
            }
            stop.store(true, SeqCst);
            for task in crowd {
                wait("an endless task to end", task).unwrap();
            }
        }
    }
}

/// The root future, and `count` others, take turns with one of `crowd`; somebody else gets a turn as well.
fn beside_a_root_future_that_wakes_itself(flavor: Flavor, crowd: Priority, count: usize) {
    let runtime = flavor.build();
    let handle = runtime.handle().clone();
    watched("a task beside a root future that wakes itself", || {
        runtime.block_on(async {
            let stop = Arc::new(AtomicBool::new(false));
            let until_stopped = |stop: &Arc<AtomicBool>| {
                let stop = stop.clone();
                async move {
                    while !stop.load(SeqCst) {
                        task::yield_now().await;
                    }
                }
            };
            let high = spawn(&handle, crowd, until_stopped(&stop));
            let others: Vec<_> = (0..count).map(|_| handle.spawn(until_stopped(&stop))).collect();
            let waiting = [Priority::Normal, Priority::Low];
            let waiting = waiting.map(|priority| spawn(&handle, priority, async {}));
            while !waiting.iter().all(|task| task.is_finished()) {
                task::yield_now().await;
            }
            stop.store(true, SeqCst);
            for task in others {
                task.await.unwrap();
            }
            high.await.unwrap();
        });
    });
}

#[test]
fn p22_nobody_starves_beside_a_root_future_that_wakes_itself() {
    for flavor in ONE_THREAD {
        for crowd in [Priority::High, Priority::Normal] {
            for count in [0, 1, 2, 3, 6, 7, 58, 59, 60, 61] {
                beside_a_root_future_that_wakes_itself(flavor, crowd, count);
            }
        }
    }
}

#[test]
fn p22_a_high_task_now_and_then_keeps_no_old_one_waiting_behind_a_chain_of_children() {
    fn link(stop: Arc<AtomicBool>) -> impl Future<Output = ()> + Send {
        let next: Box<dyn FnOnce() + Send> = Box::new(move || {
            if !stop.load(SeqCst) {
                drop(raddle::spawn(link(stop)));
            }
        });
        async move { next() }
    }
    for flavor in ONE_THREAD {
        let running = flavor.start();
        let stop = Arc::new(AtomicBool::new(false));
        let crowd = endless(&running, Priority::High, &stop);
        let seen = stop.clone();
        let parent = running.handle().spawn(async move {
            let old: Vec<_> = (0..100).map(|_| raddle::spawn(async {})).collect();
            drop(raddle::spawn(link(seen)));
            for task in old {
                task.await.unwrap();
            }
        });
        wait("the old ones", parent).unwrap();
        stop.store(true, SeqCst);
        for task in crowd {
            wait("an endless task to end", task).unwrap();
        }
    }
}

#[test]
fn p21_a_low_task_behind_a_stuck_poll_is_taken_by_who_keeps_watch() {
    for _ in 0..scaled(20) {
        let mut builder = Flavor::Workers(2).builder();
        let sleepers = Sleepers::of(&mut builder);
        let running = Running::new(Flavor::Workers(2), builder.build().unwrap());
        sleepers.until(2);
        let handle = running.handle().clone();
        let parent = running.handle().spawn(async move {
            // Keeps one worker busy for long enough for the other to be asked to keep watch.
            for _ in 0..50_000 {
                drop(raddle::spawn(async {}));
            }
            let (ran, runs) = mpsc::channel();
            let stuck = raddle::spawn(async move {
                drop(spawn(&handle, Priority::Low, async move { ran.send(()).unwrap() }));
                recv("the low task", &runs);
            });
            stuck.await.unwrap();
        });
        wait("the poll that waits for it", parent).unwrap();
    }
}

#[test]
fn p21_high_tasks_do_not_wait_for_the_worker_that_woke_them() {
    let running = Flavor::Workers(2).start();
    let handle = running.handle().clone();
    let task = running.handle().spawn(async move {
        let (ran, runs) = mpsc::channel();
        for _ in 0..3 {
            let ran = ran.clone();
            drop(spawn(&handle, Priority::High, async move { ran.send(()).unwrap() }));
        }
        // This worker is stuck until the other has run them all.
        for _ in 0..3 {
            recv("a high task on the other worker", &runs);
        }
    });
    wait("a task that waits for others on its thread", task).unwrap();
}

#[test]
fn p23_a_root_future_that_blocks_holds_up_neither_lane() {
    for priority in [Priority::Low, Priority::High] {
        let runtime = Flavor::Workers(1).build();
        let handle = runtime.handle().clone();
        watched("a root future that waits for a task on its thread", || {
            runtime.block_on(async {
                let (ran, runs) = mpsc::channel();
                drop(spawn(&handle, priority, async move { ran.send(()).unwrap() }));
                recv("the task", &runs);
            });
        });
    }
}

#[test]
fn idle_workers_run_many_low_tasks() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let count = Arc::new(AtomicUsize::new(0));
        let parent = spawn(running.handle(), Priority::Low, {
            let count = count.clone();
            async move {
                let mut set = JoinSet::new();
                for _ in 0..1_000 {
                    let count = count.clone();
                    set.build_task().priority(Priority::Low).spawn(async move {
                        task::yield_now().await;
                        count.fetch_add(1, SeqCst);
                    });
                }
                set.join_all().await;
            }
        });
        wait("a thousand low tasks", parent).unwrap();
        assert_eq!(count.load(SeqCst), 1_000);
    }
}

#[test]
fn s2_s5_tasks_in_the_lanes_are_dropped_once_and_reported_when_the_runtime_ends() {
    for flavor in Flavor::ALL {
        for priority in [Priority::Low, Priority::High] {
            let drops = DropCounter::new();
            // Nobody works for it: what is spawned stays queued, unless there are threads.
            let runtime = flavor.build();
            let tasks: Vec<_> = (0..10)
                .map(|_| {
                    let guard = drops.guard();
                    spawn(runtime.handle(), priority, async move {
                        let _guard = guard;
                        pending::<()>().await;
                    })
                })
                .collect();
            let report = watched("a runtime to end", || runtime.shutdown(Duration::from_secs(20)));
            assert_eq!(report.tasks.len(), 10, "on {flavor:?}: {report}");
            if flavor == Flavor::CurrentThread {
                assert!(report.tasks.iter().all(|task| task.state == LeftoverState::Queued));
            }
            assert_eq!(drops.count(), 10);
            for task in tasks {
                assert!(wait("a handle", task).unwrap_err().is_cancelled());
            }
        }
    }
}

#[test]
fn an_aborted_task_in_a_lane_is_dropped_where_it_would_have_been_polled() {
    for flavor in Flavor::ALL {
        for priority in [Priority::Low, Priority::High] {
            let running = flavor.start();
            let drops = DropCounter::new();
            let hold = running.hold();
            let guard = drops.guard();
            let task = spawn(running.handle(), priority, async move { drop(guard) });
            task.abort();
            assert_eq!(drops.count(), 0);
            drop(hold);
            assert!(wait("an aborted task", task).unwrap_err().is_cancelled());
            assert_eq!(drops.count(), 1);
        }
    }
}

#[test]
fn time_does_not_jump_over_a_low_task() {
    let runtime = Flavor::Workers(2).builder().start_paused(true).build().unwrap();
    watched("paused time", || {
        runtime.block_on(async {
            let before = raddle::time::Instant::now();
            let low = Builder::new().priority(Priority::Low).spawn(async move {
                for _ in 0..100 {
                    task::yield_now().await;
                }
                before.elapsed()
            });
            sleep(Duration::from_secs(3_600)).await;
            assert_eq!(low.await.unwrap(), Duration::ZERO);
        });
    });
}

#[test]
fn hooks_see_the_priority() {
    let seen = Trace::new();
    let mut builder = Flavor::CurrentThread.builder();
    let written = seen.clone();
    builder.on_task_spawn(move |task| written.push(task.priority()));
    let runtime = builder.build().unwrap();
    runtime.block_on(async {
        raddle::spawn(async {}).await.unwrap();
        let eager = Builder::new().priority(Priority::High).eager(true);
        eager.spawn(task::yield_now()).await.unwrap();
    });
    assert_eq!(seen.take(), [Priority::Normal, Priority::High]);
    assert!(Priority::Low < Priority::Normal && Priority::default() < Priority::High);
}
