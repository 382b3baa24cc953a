//! Everybody who is ready gets a turn.

use crate::support::{Flavor, Running, Trace, recv, wait, watched};
use raddle::sync::{Notify, oneshot};
use raddle::task::{self, JoinHandle};
use raddle::time::{Duration, sleep};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;

/// Tasks that go on until told to stop.
struct Endless {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Endless {
    /// Two tasks per thread that wake each other by turns, and each time while being polled.
    fn pairs(running: &Running) -> Endless {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for _ in 0..running.threads() {
            let (left, right) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            for (mine, other) in [(left.clone(), right.clone()), (right, left)] {
                let stop = stop.clone();
                tasks.push(running.handle().spawn(async move {
                    while !stop.load(SeqCst) {
                        other.notify_one();
                        mine.notified().await;
                    }
                    other.notify_one();
                }));
            }
        }
        Endless { stop, tasks }
    }

    /// Ten tasks per thread that yield for ever.
    fn yielding(running: &Running) -> Endless {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..10 * running.threads())
            .map(|_| {
                let stop = stop.clone();
                running.handle().spawn(async move {
                    while !stop.load(SeqCst) {
                        task::yield_now().await;
                    }
                })
            })
            .collect();
        Endless { stop, tasks }
    }

    fn end(self) {
        self.stop.store(true, SeqCst);
        for task in self.tasks {
            wait("an endless task to end", task).unwrap();
        }
    }
}

fn assert_everybody_gets_a_turn(running: &Running) {
    let outside = running.handle().spawn(async {
        // From a worker's local queue, from a wake, from the timer.
        raddle::spawn(async { task::yield_now().await }).await.unwrap();
        let (send, receive) = oneshot::channel();
        drop(raddle::spawn(async move { send.send(()).unwrap() }));
        receive.await.unwrap();
        sleep(Duration::from_millis(1)).await;
        thread::current().id()
    });
    let ran_on = wait("a task beside endless ones", outside).unwrap();
    assert_ne!(ran_on, thread::current().id());
    for number in 0..20 {
        assert_eq!(
            wait("a task beside endless ones", running.handle().spawn(async move { number }))
                .unwrap(),
            number
        );
    }
}

#[test]
fn two_tasks_that_wake_each_other_for_ever_starve_nobody() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let endless = Endless::pairs(&running);
        assert_everybody_gets_a_turn(&running);
        endless.end();
    }
}

#[test]
fn tasks_that_yield_for_ever_starve_neither_the_injector_nor_the_timer() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let endless = Endless::yielding(&running);
        assert_everybody_gets_a_turn(&running);
        endless.end();
    }
}

#[test]
fn a_root_future_gets_its_turn_though_the_queue_never_runs_dry() {
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1)] {
        let runtime = flavor.build();
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let endless = runtime.spawn(async move {
            while !seen.load(SeqCst) {
                task::yield_now().await;
            }
        });
        let (send, receive) = oneshot::channel();
        let sender = thread::spawn(move || send.send(()).unwrap());
        watched("a root future beside endless tasks", || {
            runtime.block_on(async {
                receive.await.unwrap();
                sleep(Duration::from_millis(1)).await;
                stop.store(true, SeqCst);
                endless.await.unwrap();
            });
        });
        watched("the sending thread", || sender.join()).unwrap();
    }
}

#[test]
fn yield_now_lets_everybody_else_run_before_it_returns() {
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1)] {
        let running = flavor.start();
        let trace = Trace::new();
        let written = trace.clone();
        let parent = running.handle().spawn(async move {
            let tasks: Vec<_> = (0..4)
                .map(|number| {
                    let trace = written.clone();
                    raddle::spawn(async move {
                        for round in 0..5 {
                            trace.push((round, number));
                            task::yield_now().await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        wait("the parent", parent).unwrap();
        let in_turns: Vec<_> =
            (0..5).flat_map(|round| (0..4).map(move |number| (round, number))).collect();
        assert_eq!(trace.take(), in_turns, "{flavor:?}");
    }
}

#[test]
fn a_task_that_wakes_itself_goes_behind_the_others() {
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1)] {
        let running = flavor.start();
        let trace = Trace::new();
        let written = trace.clone();
        let parent = running.handle().spawn(async move {
            let tasks = [0, 1].map(|number| {
                let trace = written.clone();
                let mut round = 0;
                raddle::spawn(std::future::poll_fn(move |cx| {
                    trace.push((round, number));
                    round += 1;
                    cx.waker().wake_by_ref();
                    if round == 4 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
                }))
            });
            for task in tasks {
                task.await.unwrap();
            }
        });
        wait("the parent", parent).unwrap();
        let in_turns: Vec<_> = (0..4).flat_map(|round| [(round, 0), (round, 1)]).collect();
        assert_eq!(trace.take(), in_turns, "{flavor:?}");
    }
}

#[test]
fn a_root_future_that_yields_lets_tasks_run() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let trace = Trace::new();
        let written = trace.clone();
        watched("a root future that yields", || {
            runtime.block_on(async {
                let task = raddle::spawn(async move { written.push("task") });
                while !task.is_finished() {
                    task::yield_now().await;
                }
            });
        });
        assert_eq!(trace.take(), ["task"]);
    }
}

#[test]
fn a_root_future_that_yields_until_a_timer_has_fired_sees_it_fire() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        watched("a root future that yields until a timer fires", || {
            runtime.block_on(async {
                let task = raddle::spawn(sleep(Duration::from_millis(1)));
                while !task.is_finished() {
                    task::yield_now().await;
                }
            });
        });
    }
}

#[test]
fn a_root_future_that_yields_until_a_task_from_outside_has_run_sees_it_run() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let (root_runs, root_is_running) = mpsc::channel();
        let handle = runtime.handle().clone();
        let outside = thread::spawn(move || {
            recv("the root future", &root_is_running);
            wait("a task beside a root future that yields", handle.spawn(async {})).unwrap();
        });
        watched("a root future that yields until a task has run", || {
            runtime.block_on(async {
                root_runs.send(()).unwrap();
                while !outside.is_finished() {
                    task::yield_now().await;
                }
            });
        });
        watched("the spawning thread", || outside.join()).unwrap();
    }
}

#[test]
fn yield_now_works_on_another_executor() {
    wait("a yield on another executor", async {
        for _ in 0..10 {
            task::yield_now().await;
        }
    });
}

/// Spawns the next, and waits for it.
fn link(left: u32, polls: Arc<AtomicUsize>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        polls.fetch_add(1, SeqCst);
        if left > 0 {
            raddle::spawn(link(left - 1, polls.clone())).await.unwrap();
            polls.fetch_add(1, SeqCst);
        }
    })
}

#[test]
fn a_chain_of_joiners_does_not_keep_others_waiting() {
    let running = Flavor::CurrentThread.start();
    let polls = Arc::new(AtomicUsize::new(0));
    let (counted, ended) = (polls.clone(), Arc::new(AtomicBool::new(false)));
    let end = ended.clone();
    let watcher = running.handle().spawn(async move {
        let chain = raddle::spawn(link(20_000, counted.clone()));
        let (mut last, mut gap) = (0, 0);
        let observer = raddle::spawn(async move {
            while !ended.load(SeqCst) {
                let now = counted.load(SeqCst);
                gap = gap.max(now - last);
                last = now;
                raddle::task::yield_now().await;
            }
            gap
        });
        chain.await.unwrap();
        end.store(true, SeqCst);
        observer.await.unwrap()
    });
    let gap = wait("the chain", watcher).unwrap();
    assert_eq!(polls.load(SeqCst), 40_001);
    assert!(gap <= 1_500, "{gap} polls between two turns of a task that yields");
}
