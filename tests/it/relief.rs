//! When every worker is stuck in a poll, others run what waits: each bad task here blocks until a task behind it has run.

use crate::support::{recv, until, wait, watched};
#[cfg(feature = "net")]
use raddle::net::{TcpListener, TcpStream};
use raddle::runtime::{Builder, Runtime};
use raddle::time::{Duration, sleep};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

fn runtime(workers: usize, reliefs: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).relief_threads(reliefs).build().unwrap()
}

/// Blocks its thread until told.
fn until_told(receiver: &mpsc::Receiver<()>) {
    recv("a task that somebody else must run", receiver);
}

#[test]
fn a_task_from_outside_runs_while_the_only_worker_is_stuck() {
    let runtime = runtime(1, 1);
    for _ in 0..10 {
        let (tell, told) = mpsc::channel();
        let stuck = runtime.spawn(async move { until_told(&told) });
        runtime.spawn(async move { tell.send(()).unwrap() });
        wait("the stuck task", stuck).unwrap();
    }
}

/// The first is told by the second, which is told by the third …
#[test]
fn as_many_may_be_stuck_as_there_are_workers_and_reliefs_but_one() {
    for (workers, reliefs) in [(1, 1), (1, 2), (2, 2), (2, 3), (4, 1)] {
        let runtime = runtime(workers, reliefs);
        let (first, mut told) = mpsc::channel();
        let mut stuck = Vec::new();
        for _ in 1..workers + reliefs {
            let (tell, next) = mpsc::channel();
            stuck.push(runtime.spawn(async move {
                until_told(&told);
                tell.send(()).unwrap();
            }));
            told = next;
        }
        runtime.spawn(async move { first.send(()).unwrap() });
        recv("the last in the chain", &told);
        for task in stuck {
            wait("a stuck task", task).unwrap();
        }
    }
}

#[test]
fn what_a_stuck_task_has_spawned_and_woken_is_run_by_others() {
    let runtime = runtime(1, 1);
    let (tell, told) = mpsc::channel();
    let stuck = runtime.spawn(async move {
        let (message, woken) = raddle::sync::oneshot::channel::<()>();
        let (arrived, arrives) = raddle::sync::oneshot::channel();
        let (tell_too, told_too) = mpsc::channel();
        raddle::spawn(async move {
            arrived.send(()).unwrap();
            woken.await.unwrap();
            tell_too.send(()).unwrap();
        });
        arrives.await.unwrap();
        // Into the LIFO slot.
        message.send(()).unwrap();
        until_told(&told_too);
        // The young, which no thief sees.
        raddle::spawn(async move { tell.send(()).unwrap() });
        until_told(&told);
    });
    wait("the stuck task", stuck).unwrap();
}

#[cfg(feature = "net")]
#[test]
fn deadlines_and_events_are_served_while_all_workers_are_stuck() {
    let runtime = runtime(2, 1);
    let (tell, told) = mpsc::channel();
    let (connect, connected) = mpsc::channel();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let stuck = [
        runtime.spawn(async move {
            raddle::spawn(async move {
                sleep(Duration::from_millis(1)).await;
                tell.send(()).unwrap();
            });
            until_told(&told);
        }),
        runtime.spawn(async move {
            raddle::spawn(async move {
                listener.accept().await.unwrap();
                connect.send(()).unwrap();
            });
            raddle::spawn(async move {
                TcpStream::connect(address).await.unwrap();
            });
            until_told(&connected);
        }),
    ];
    for task in stuck {
        wait("a stuck task", task).unwrap();
    }
}

/// The one that comes from the driver runs the only task there is, so it wakes nobody; the others are asleep.
#[cfg(feature = "net")]
#[test]
fn events_are_heard_while_the_worker_that_heard_the_last_one_is_stuck() {
    use std::io::Write;
    let runtime = runtime(2, 1);
    let _in_runtime = runtime.enter();
    for _ in 0..20 {
        let pair = || std::os::unix::net::UnixStream::pair().unwrap();
        let ((one, mut to_one), (other, mut to_other)) = (pair(), pair());
        let mut one = raddle::net::UnixStream::from_std(one).unwrap();
        let mut other = raddle::net::UnixStream::from_std(other).unwrap();
        let (arrived, arrival) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let stuck = runtime.spawn(async move {
            assert_eq!(one.read(&mut [0]).await.unwrap(), 1);
            arrived.send(()).unwrap();
            until_told(&told);
        });
        runtime.spawn(async move {
            assert_eq!(other.read(&mut [0]).await.unwrap(), 1);
            tell.send(()).unwrap();
        });
        to_one.write_all(b"!").unwrap();
        recv("the first event", &arrival);
        to_other.write_all(b"!").unwrap();
        wait("the stuck task", stuck).unwrap();
    }
}

#[test]
fn a_future_in_block_on_gets_its_answer_while_all_workers_are_stuck() {
    let runtime = runtime(2, 1);
    let mut releases = Vec::new();
    for _ in 0..2 {
        let (arrived, arrival) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        runtime.spawn(async move {
            arrived.send(()).unwrap();
            released.recv().unwrap_err();
        });
        // Before this thread is in `block_on`, where it might take the task itself.
        recv("a stuck task", &arrival);
        releases.push(release);
    }
    let answer = watched("a future in block_on", || {
        runtime.block_on(async {
            raddle::spawn(async {
                sleep(Duration::from_micros(1)).await;
                42
            })
            .await
        })
    });
    assert_eq!(answer.unwrap(), 42);
}

/// The advised way to block takes the relief's thread out of the count as well.
#[test]
fn a_relief_that_blocks_and_says_so_is_relieved() {
    let runtime = runtime(1, 2);
    let (tell, told) = mpsc::channel();
    let (tell_too, told_too) = mpsc::channel();
    let stuck = runtime.spawn(async move { until_told(&told) });
    let blocked = runtime.spawn(async move {
        raddle::task::block_in_place(|| until_told(&told_too));
    });
    runtime.spawn(async move {
        tell.send(()).unwrap();
        tell_too.send(()).unwrap();
    });
    wait("the stuck task", stuck).unwrap();
    wait("the task that blocks and says so", blocked).unwrap();
}

/// Tasks that compute for long and yield, beside one another: who has been moved gets its turns.
#[test]
fn who_is_moved_away_from_a_stuck_worker_is_not_forgotten() {
    let runtime = runtime(1, 2);
    let polls: Vec<_> = (0..12).map(|_| Arc::new(AtomicUsize::new(0))).collect();
    let tasks: Vec<_> = polls
        .iter()
        .map(|polls| {
            let polls = polls.clone();
            runtime.spawn(async move {
                loop {
                    let began = std::time::Instant::now();
                    while began.elapsed() < Duration::from_millis(12) {
                        std::hint::spin_loop();
                    }
                    polls.fetch_add(1, SeqCst);
                    raddle::task::yield_now().await;
                }
            })
        })
        .collect();
    // Nobody is polled a hundred times before another has been five times.
    until("every task has had its turns", || {
        let counts: Vec<_> = polls.iter().map(|polls| polls.load(SeqCst)).collect();
        assert!(counts.iter().all(|&count| count < 100), "{counts:?}");
        counts.iter().all(|&count| count >= 5)
    });
    tasks.iter().for_each(|task| task.abort());
}

#[test]
fn hooks_and_names_are_those_of_the_runtimes_threads() {
    let (started, stopped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (starts, stops) = (started.clone(), stopped.clone());
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .relief_threads(1)
        .thread_name("mine")
        .on_thread_start(move || _ = starts.fetch_add(1, SeqCst))
        .on_thread_stop(move || _ = stops.fetch_add(1, SeqCst))
        .build()
        .unwrap();
    let threads = Arc::new(Mutex::new(HashSet::new()));
    let note = |threads: &Arc<Mutex<HashSet<_>>>| {
        let current = thread::current();
        assert_eq!(current.name(), Some("mine"));
        threads.lock().unwrap().insert(current.id());
    };
    let (tell, told) = mpsc::channel();
    let here = threads.clone();
    let stuck = runtime.spawn(async move {
        note(&here);
        until_told(&told);
    });
    let there = threads.clone();
    runtime.spawn(async move {
        note(&there);
        tell.send(()).unwrap();
    });
    wait("the stuck task", stuck).unwrap();
    assert_eq!(threads.lock().unwrap().len(), 2);
    watched("a runtime to be dropped", || drop(runtime));
    // Where the worker is slow for another reason, a relief may have come twice.
    assert!(started.load(SeqCst) >= 2);
    assert_eq!(started.load(SeqCst), stopped.load(SeqCst));
}

#[test]
fn a_runtime_is_shut_down_with_its_workers_and_reliefs_stuck() {
    let runtime = runtime(1, 2);
    let (arrived, arrivals) = mpsc::channel();
    let releases: Vec<_> = (0..3)
        .map(|_| {
            let arrived = arrived.clone();
            let (release, released) = mpsc::channel::<()>();
            runtime.spawn(async move {
                arrived.send(thread::current().id()).unwrap();
                released.recv().unwrap_err();
            });
            release
        })
        .collect();
    let threads: HashSet<_> = (0..3).map(|_| recv("a stuck task", &arrivals)).collect();
    assert_eq!(threads.len(), 3);
    let queued = runtime.spawn(async {});
    // They go on by themselves, and their threads end later.
    runtime.shutdown_background();
    drop(releases);
    assert!(wait("a task that nobody has run", queued).unwrap_err().is_cancelled());
}

#[test]
fn more_reliefs_than_slots_are_refused() {
    let error = Builder::new_multi_thread().worker_threads(1).relief_threads(2_000).build();
    let said = error.unwrap_err().to_string();
    assert_eq!(said, "building a raddle runtime: relief_threads is 2000, more than 1024");
}
