//! Building, entering and using runtimes.

use crate::support::count::panic_text;
use crate::support::{DropCounter, Flavor, recv, scaled, wait, watched};
use raddle::runtime::{BuildError, Builder, Handle, Runtime};
use raddle::task;
use raddle::time::{Duration, sleep};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

/// What the panic of `f` says.
fn message_of<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("no panic"),
        Err(payload) => panic_text(&*payload),
    }
}

#[test]
fn runtimes_handles_and_join_handles_go_from_thread_to_thread() {
    fn is_send_and_sync<T: Send + Sync + 'static>() {}
    is_send_and_sync::<Runtime>();
    is_send_and_sync::<Handle>();
    is_send_and_sync::<task::JoinHandle<Cell<u8>>>();
    is_send_and_sync::<task::AbortHandle>();
    is_send_and_sync::<task::JoinError>();
    is_send_and_sync::<BuildError>();
}

#[test]
fn several_runtimes_live_side_by_side() {
    let runtimes: Vec<_> = Flavor::ALL.into_iter().cycle().take(12).map(Flavor::start).collect();
    let tasks: Vec<_> = runtimes
        .iter()
        .enumerate()
        .map(|(number, running)| {
            running.handle().spawn(async move {
                sleep(Duration::from_millis(1)).await;
                raddle::spawn(async move { number }).await.unwrap()
            })
        })
        .collect();
    // Half of them end; the others do not notice.
    let (gone, staying): (Vec<_>, Vec<_>) =
        runtimes.into_iter().enumerate().partition(|(number, _)| number % 2 == 0);
    drop(gone);
    for (number, task) in tasks.into_iter().enumerate() {
        let output = wait("a task of one of many runtimes", task);
        assert!(
            output.as_ref().map_or(number % 2 == 0, |output| *output == number),
            "{number}: {output:?}"
        );
    }
    for (number, running) in staying {
        assert_eq!(wait("a task", running.handle().spawn(async move { number })).unwrap(), number);
    }
}

#[test]
fn block_on_takes_futures_that_borrow_and_are_not_send() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let mut local = vec![1];
        let shared = Rc::new(Cell::new(2));
        let sum = runtime.block_on(async {
            local.push(2);
            sleep(Duration::from_millis(1)).await;
            shared.set(shared.get() + local.len());
            raddle::spawn(async { 10 }).await.unwrap() + shared.get()
        });
        assert_eq!((sum, local.len()), (14, 2));
    }
}

#[test]
fn tasks_spawned_before_block_on_run_in_it() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let tasks: Vec<_> = (0..100).map(|number| runtime.spawn(async move { number })).collect();
        let mut sum = 0;
        runtime.block_on(async {
            for task in tasks {
                sum += task.await.unwrap();
            }
        });
        assert_eq!(sum, 4_950);
    }
}

#[test]
fn tasks_stay_between_one_block_on_and_the_next() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let notify = Arc::new(raddle::sync::Notify::new());
        let notified = notify.clone();
        let mut task = None;
        runtime.block_on(async {
            task = Some(raddle::spawn(async move { notified.notified().await }));
            task::yield_now().await;
        });
        let task = task.unwrap();
        assert!(!task.is_finished());
        for _ in 0..10 {
            runtime.block_on(async {});
        }
        notify.notify_one();
        watched("block_on for a task of an earlier one", || runtime.block_on(task)).unwrap();
    }
}

#[test]
fn many_threads_block_on_one_runtime_at_once() {
    for flavor in Flavor::ALL {
        let runtime = Arc::new(flavor.build());
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let runtime = runtime.clone();
                thread::spawn(move || {
                    for round in 0..scaled(50) {
                        let output = runtime.block_on(async move {
                            let task = raddle::spawn(async move {
                                task::yield_now().await;
                                number
                            });
                            if round % 10 == 0 {
                                sleep(Duration::from_micros(100)).await;
                            }
                            task.await.unwrap() + round
                        });
                        assert_eq!(output, number + round);
                    }
                })
            })
            .collect();
        for thread in threads {
            watched("a thread in block_on", || thread.join()).unwrap();
        }
    }
}

#[test]
fn threads_in_block_on_can_wait_for_one_another() {
    for flavor in Flavor::ALL {
        let runtime = Arc::new(flavor.build());
        let mut thread = thread::spawn(|| 0);
        for _ in 0..6 {
            let (send, receive) = raddle::sync::oneshot::channel();
            let next = {
                let runtime = runtime.clone();
                thread::spawn(move || runtime.block_on(async { receive.await.unwrap() + 1 }))
            };
            let before = watched("the thread before", || thread.join()).unwrap();
            runtime.block_on(async { send.send(before).unwrap() });
            thread = next;
        }
        assert_eq!(watched("the last thread", || thread.join()).unwrap(), 6);
    }
}

#[test]
fn block_on_inside_a_task_or_a_root_future_panics_with_a_way_out() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let other = Flavor::CurrentThread.build();
        let own = running.handle().clone();
        let elsewhere = other.handle().clone();
        let task = running.handle().spawn(async move {
            [message_of(|| own.block_on(async {})), message_of(|| elsewhere.block_on(async {}))]
        });
        let mut messages = wait("the task", task).unwrap().to_vec();
        other.block_on(async {
            messages.push(message_of(|| running.handle().block_on(async {})));
            messages.push(message_of(|| other.block_on(async {})));
            messages.push(message_of(|| raddle::block_on(async {})));
        });
        for message in messages {
            assert!(message.contains("spawn_blocking") && message.contains("await"), "{message}");
        }
        // Nothing is broken by it.
        assert_eq!(running.handle().block_on(async { 1 }) + other.block_on(async { 1 }), 2);
    }
}

#[test]
fn the_function_block_on_ends_its_runtime_and_all_tasks_in_it() {
    let dropped = crate::support::DropCounter::new();
    let guard = dropped.guard();
    let output = watched("raddle::block_on", || {
        raddle::block_on(async move {
            drop(raddle::spawn(async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            }));
            7
        })
    });
    assert_eq!((output, dropped.count()), (7, 1));
}

#[test]
fn zero_threads_and_other_impossible_values_are_errors_that_name_the_field() {
    type Set = fn(&mut Builder) -> &mut Builder;
    let cases: [(Set, &str); 5] = [
        (|builder| builder.worker_threads(0), "worker_threads"),
        (|builder| builder.worker_threads(40_000), "worker_threads"),
        (|builder| builder.worker_threads(usize::MAX), "worker_threads"),
        (|builder| builder.max_blocking_threads(0), "max_blocking_threads"),
        (|builder| builder.thread_name("a\0b"), "thread_name"),
    ];
    for (set, field) in cases {
        let error = set(&mut Builder::new_multi_thread()).build().unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
        let BuildError::Field { field: named, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*named, field);
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::InvalidInput);
    }
    // A runtime without worker threads does not mind.
    Builder::new_current_thread().worker_threads(0).build().unwrap();
}

#[test]
fn a_stack_the_system_refuses_is_an_error_and_no_thread_stays_behind() {
    for size in [1 << 60, usize::MAX] {
        let built = watched("a build that fails", || {
            catch_unwind(|| {
                Builder::new_multi_thread()
                    .worker_threads(2)
                    .thread_stack_size(size)
                    .build()
                    .map(drop)
            })
        });
        let error = built.expect("an error, no panic").unwrap_err();
        assert!(matches!(error, BuildError::Io(_)), "{error:?}");
        assert!(error.to_string().contains("worker thread"), "{error}");
    }
}

#[test]
fn a_blocking_thread_that_the_system_refuses_is_an_error_of_its_own_on_each_handle() {
    let runtime = Builder::new_current_thread().thread_stack_size(1 << 60).build().unwrap();
    let dropped = DropCounter::new();
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let guard = dropped.guard();
            runtime.spawn_blocking(move || drop(guard))
        })
        .collect();
    for call in calls {
        let (told, tells) = std::sync::mpsc::channel();
        call.on_done(move |outcome| told.send(outcome).unwrap());
        let error = wait("a call without a thread", call).unwrap_err();
        assert!(error.is_refused() && !error.is_cancelled() && !error.is_panic());
        assert!(std::error::Error::source(&error).is_some());
        assert!(error.to_string().contains("starting a thread"), "{error}");
        assert!(error.try_into_panic().unwrap_err().is_refused());
        assert_eq!(recv("the outcome", &tells), raddle::task::Outcome::Refused);
    }
    assert_eq!(dropped.count(), 5, "none was made, and none is left");
    assert_eq!(runtime.handle().blocking_stats().queued, 0);
    assert_eq!(runtime.handle().blocking_stats().threads, 0);
}

const CHILD: &str = "RADDLE_TESTS_CHILD";

/// Runs this test again in a process of its own, with `RADDLE_WORKERS` set, and returns what it printed.
fn in_a_child(test: &str, workers: &str) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .env("RADDLE_WORKERS", workers);
    let output = watched("a child process", || child.output()).unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_variable_raddle_workers_is_the_default_number_of_worker_threads() {
    if std::env::var_os(CHILD).is_some() {
        let threads = Arc::new(AtomicUsize::new(0));
        let mut builder = Builder::new_multi_thread();
        let counted = threads.clone();
        builder.on_thread_start(move || _ = counted.fetch_add(1, SeqCst));
        match builder.build() {
            Ok(runtime) => {
                drop(runtime);
                println!("[default {}]", threads.swap(0, SeqCst));
            }
            Err(error) => println!("[error {error}]"),
        }
        drop(builder.worker_threads(2).build().unwrap());
        println!("[explicit {}]", threads.load(SeqCst));
        return;
    }
    let test = "runtime::the_variable_raddle_workers_is_the_default_number_of_worker_threads";
    for (value, count) in [("3", 3), (" 5 ", 5), ("1", 1)] {
        let said = in_a_child(test, value);
        assert!(
            said.contains(&format!("[default {count}]")) && said.contains("[explicit 2]"),
            "{said}"
        );
    }
    for value in ["0", "", "many", "-1", "1.5", "99999999999999999999", "40000"] {
        let said = in_a_child(test, value);
        assert!(said.contains("[error ") && said.contains("RADDLE_WORKERS"), "{value:?}: {said}");
        assert!(said.contains("[explicit 2]"), "{value:?}: {said}");
    }
}
