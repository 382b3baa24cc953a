//! Starting tasks: from where, of what size, and where they run.

use crate::support::{DropCounter, Flavor, Trace, recv, scaled, wait, watched};
use raddle::runtime::Handle;
use raddle::sync::oneshot;
use raddle::task;
use std::collections::HashSet;
use std::pin::Pin;
use std::sync::mpsc;
use std::thread;

#[test]
fn a_task_runs_whether_or_not_its_handle_is_awaited() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let (done, is_done) = mpsc::channel();
        drop(running.handle().spawn(async move { done.send(()).unwrap() }));
        recv("a detached task", &is_done);
    }
}

#[test]
fn a_task_spawned_by_a_task_of_a_task_runs() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let child = raddle::spawn(async { raddle::spawn(async { 3 }).await.unwrap() + 2 });
            child.await.unwrap() + 1
        });
        assert_eq!(wait("the grandparent", task).unwrap(), 6);
    }
}

#[test]
fn tasks_that_children_spawn_after_their_parent_ended_run() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let (done, is_done) = mpsc::channel();
        let (go, gone) = oneshot::channel::<()>();
        let parent = running.handle().spawn(async move {
            drop(raddle::spawn(async move {
                gone.await.unwrap();
                drop(raddle::spawn(async move { done.send(()).unwrap() }));
            }));
        });
        wait("the parent", parent).unwrap();
        go.send(()).unwrap();
        recv("the grandchild", &is_done);
    }
}

#[test]
fn one_worker_runs_what_it_spawns_in_the_order_of_spawning() {
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1)] {
        let running = flavor.start();
        let trace = Trace::new();
        let written = trace.clone();
        let parent = running.handle().spawn(async move {
            let tasks: Vec<_> = (0..100)
                .map(|number| {
                    let trace = written.clone();
                    raddle::spawn(async move { trace.push(number) })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        wait("the parent", parent).unwrap();
        assert_eq!(trace.take(), (0..100).collect::<Vec<_>>(), "{flavor:?}");
    }
}

#[test]
fn a_runtime_without_threads_begins_tasks_from_outside_in_the_order_of_spawning() {
    let running = Flavor::CurrentThread.start();
    let trace = Trace::new();
    let hold = running.hold();
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let trace = trace.clone();
            running.handle().spawn(async move { trace.push(number) })
        })
        .collect();
    drop(hold);
    for task in tasks {
        wait("a task", task).unwrap();
    }
    assert_eq!(trace.take(), (0..200).collect::<Vec<_>>());
}

#[test]
fn many_threads_spawn_at_once_and_nothing_is_lost() {
    let per_thread = scaled(5_000);
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let handle = running.handle().clone();
                thread::spawn(move || {
                    let tasks: Vec<_> =
                        (0..per_thread).map(|number| handle.spawn(async move { number })).collect();
                    tasks.into_iter().map(|task| wait("a task", task).unwrap()).sum::<usize>()
                })
            })
            .collect();
        for thread in threads {
            let sum = watched("a spawning thread", || thread.join()).unwrap();
            assert_eq!(sum, per_thread * (per_thread - 1) / 2);
        }
    }
}

#[test]
fn spawns_and_completions_keep_up_with_each_other_under_a_tree_of_tasks() {
    fn tree(depth: u32) -> Pin<Box<dyn Future<Output = usize> + Send>> {
        Box::pin(async move {
            if depth == 0 {
                return 1;
            }
            let (left, right) = (raddle::spawn(tree(depth - 1)), raddle::spawn(tree(depth - 1)));
            left.await.unwrap() + right.await.unwrap()
        })
    }
    let depth = scaled(4_096).ilog2();
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(tree(depth));
        assert_eq!(wait("the root of the tree", task).unwrap(), 1 << depth);
    }
}

#[test]
fn futures_and_outputs_of_any_size_and_alignment_arrive_whole() {
    #[repr(align(64))]
    struct Aligned([u64; 8]);
    #[repr(align(256))]
    struct MoreAligned(u8);

    fn is_aligned<T>(value: &T) -> bool {
        std::ptr::from_ref(value).is_aligned()
    }

    for flavor in Flavor::ALL {
        let running = flavor.start();
        let handle = running.handle();
        let dropped = DropCounter::new();
        wait("nothing at all", handle.spawn(async {})).unwrap();
        let guard = dropped.guard();
        let aligned = handle.spawn(async move {
            let value = Aligned([7; 8]);
            task::yield_now().await;
            assert!(is_aligned(&value));
            drop(guard);
            value
        });
        assert_eq!(wait("64 bytes", aligned).unwrap().0, [7; 8]);
        let more = handle.spawn(async {
            let value = MoreAligned(9);
            task::yield_now().await;
            assert!(is_aligned(&value));
            value
        });
        assert_eq!(wait("256 bytes", more).unwrap().0, 9);
        let large = handle.spawn(async {
            let mut value = [0_u8; 50_000];
            value[49_999] = 3;
            task::yield_now().await;
            value
        });
        assert_eq!(wait("50 kilobytes", large).unwrap()[49_999], 3);
        for size in [1_usize, 40, 41, 300, 504, 505, 4_000] {
            let bytes = vec![5_u8; size];
            assert_eq!(wait("a vector", handle.spawn(async move { bytes })).unwrap().len(), size);
        }
        assert_eq!(dropped.count(), 1);
    }
}

#[test]
fn ids_are_unique_over_runtimes_and_the_same_inside_and_outside() {
    let mut ids = HashSet::new();
    let mut count = 0;
    for flavor in Flavor::ALL {
        let running = flavor.start();
        assert_eq!(task::try_id(), None);
        for _ in 0..100 {
            let task = running.handle().spawn(async {
                let child = raddle::spawn(async { task::id() });
                let before = task::id();
                let (seen, child) = (child.id(), child.await.unwrap());
                assert_eq!(seen, child);
                assert_eq!(before, task::id(), "a task keeps its id over an await");
                [before, child]
            });
            let (handle, abort) = (task.id(), task.abort_handle().id());
            let both = wait("a task", task).unwrap();
            assert_eq!([handle, abort], [both[0]; 2]);
            ids.extend(both);
            count += 2;
        }
    }
    assert_eq!(ids.len(), count);
}

#[test]
fn a_task_sees_its_own_runtime_as_the_current_one() {
    let (first, second) = (Flavor::Workers(1).start(), Flavor::CurrentThread.start());
    let elsewhere = second.handle().clone();
    let task = first.handle().spawn(async move {
        let outside = elsewhere.spawn(async { thread::current().name().map(str::to_owned) });
        let inside = raddle::spawn(async { thread::current().name().map(str::to_owned) });
        let other = Handle::current().spawn(async { thread::current().name().map(str::to_owned) });
        (inside.await.unwrap(), other.await.unwrap(), outside.await.unwrap())
    });
    let (inside, other, outside) = wait("the task", task).unwrap();
    assert_eq!(inside.as_deref(), Some("raddle-worker"));
    assert_eq!(other.as_deref(), Some("raddle-worker"));
    assert_eq!(outside.as_deref(), Some("driver"));
}

#[test]
fn a_future_is_dropped_on_the_thread_that_polls_it_before_its_joiner_goes_on() {
    struct SaysWhere(Trace<String>);
    impl Drop for SaysWhere {
        fn drop(&mut self) {
            self.0.push(thread::current().name().unwrap_or_default().to_owned());
        }
    }
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let trace = Trace::new();
        let held = SaysWhere(trace.clone());
        let task = running.handle().spawn(async move {
            task::yield_now().await;
            drop(held);
        });
        wait("the task", task).unwrap();
        let name = if flavor == Flavor::CurrentThread { "driver" } else { "raddle-worker" };
        assert_eq!(trace.take(), [name], "{flavor:?}");
    }
}
