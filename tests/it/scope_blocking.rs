//! Tasks that borrow from a stack that waits for them: T60 and T61.

use crate::support::count::panic_text;
use crate::support::{DropCounter, Flavor, planned_panic, recv, watched};
use raddle::runtime::Runtime;
use raddle::task::{self, scope_blocking};
use raddle::time::{Duration, sleep};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;

fn text_of<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("no panic"),
        Err(payload) => panic_text(&*payload),
    }
}

/// Adds up `numbers` by halves, each in a task that borrows its half.
fn sum(numbers: &[u64]) -> u64 {
    if numbers.len() <= 4 {
        return numbers.iter().sum();
    }
    let (left, right) = numbers.split_at(numbers.len() / 2);
    scope_blocking(|scope| {
        let left = scope.spawn(async { sum(left) });
        sum(right) + left.join().unwrap()
    })
}

#[test]
fn tasks_and_calls_borrow_and_write_where_the_scope_comes_from() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let _entered = runtime.enter();
        let words = [String::from("a"), String::from("bc")];
        let mut written = [0; 3];
        let [first, second, third] = &mut written;
        watched(&format!("a scope on {flavor:?}"), || {
            scope_blocking(|scope| {
                scope.spawn(async {
                    task::yield_now().await;
                    *first = words.len();
                });
                scope.spawn(async {
                    sleep(Duration::from_micros(10)).await;
                    *second = words[1].len();
                });
                scope.spawn_blocking(|| *third = words[0].len());
            });
        });
        assert_eq!(written, [2, 2, 1], "on {flavor:?}");
    }
}

#[test]
fn scopes_nest_inside_tasks_and_children_spawn_siblings() {
    for workers in [1, 2] {
        let runtime = Flavor::Workers(workers).build();
        let numbers: Vec<u64> = (0..64).collect();
        let expected = numbers.iter().sum::<u64>();
        let task = runtime.spawn(async move { sum(&numbers) });
        assert_eq!(watched("a tree of scopes", move || task.blocking_wait()).unwrap(), expected);
        let _entered = runtime.enter();
        let count = AtomicUsize::new(0);
        let counted = &count;
        scope_blocking(|scope| {
            scope.spawn(async move {
                for _ in 0..3 {
                    let sibling = scope.spawn(async move { counted.fetch_add(1, SeqCst) });
                    // Awaited, by a task of the scope.
                    sibling.await.unwrap();
                    scope.spawn(async move { counted.fetch_add(1, SeqCst) });
                }
            });
        });
        assert_eq!(count.load(SeqCst), 6);
    }
}

#[test]
fn panics_that_nobody_joins_come_out_together_after_all_have_ended() {
    let runtime = Flavor::Workers(2).build();
    let _entered = runtime.enter();
    let ended = AtomicUsize::new(0);
    let text = text_of(|| {
        scope_blocking(|scope| {
            scope.spawn(async { resume_unwind(Box::new("the first")) });
            scope.spawn_blocking(|| resume_unwind(Box::new(String::from("the second"))));
            let joined = scope.spawn(async { planned_panic("a third") });
            assert!(joined.join().unwrap_err().is_panic());
            scope.spawn(async {
                sleep(Duration::from_millis(2)).await;
                ended.fetch_add(1, SeqCst);
            });
        });
    });
    assert_eq!(ended.load(SeqCst), 1);
    assert!(text.starts_with("2 tasks"), "{text}");
    assert!(text.contains("the first") && text.contains("the second"), "{text}");
    assert!(!text.contains("a third") && text.contains("scope_blocking.rs"), "{text}");
}

#[test]
fn a_panic_of_the_body_waits_for_the_children() {
    let runtime = Flavor::Workers(1).build();
    let _entered = runtime.enter();
    let ended = AtomicUsize::new(0);
    let text = text_of(|| {
        scope_blocking(|scope| {
            scope.spawn(async {
                sleep(Duration::from_millis(2)).await;
                ended.fetch_add(1, SeqCst);
            });
            planned_panic("in the body")
        })
    });
    assert!(text.contains("in the body"), "{text}");
    assert_eq!(ended.load(SeqCst), 1);
}

#[test]
fn outputs_that_borrow_are_dropped_before_the_scope_returns() {
    let runtime = Flavor::Workers(2).build();
    let _entered = runtime.enter();
    struct Output<'a>(&'a AtomicUsize);
    impl Drop for Output<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let dropped = AtomicUsize::new(0);
    let counted = &dropped;
    for round in 1..=50 {
        scope_blocking(|scope| {
            drop(scope.spawn(async { Output(counted) }));
            let kept = scope.spawn_blocking(|| Output(counted));
            let aborted = scope.spawn(async {
                let _output = Output(counted);
                std::future::pending::<()>().await;
            });
            // Gone before its first poll or after it.
            aborted.abort();
            drop(kept);
        });
        let so_far = dropped.load(SeqCst);
        assert!((2 * round..=3 * round).contains(&so_far), "{so_far} after {round} rounds");
    }
}

#[test]
fn inside_a_current_thread_runtime_it_panics_and_says_why() {
    let runtime = raddle::runtime::Builder::new_current_thread().build().unwrap();
    let text = text_of(|| runtime.block_on(async { scope_blocking(|_| {}) }));
    assert!(text.contains("current-thread"), "{text}");
    assert!(text_of(|| scope_blocking(|_| {})).contains("needs a raddle runtime"));
}

#[test]
fn a_runtime_that_is_stopped_cancels_the_children_and_the_scope_returns() {
    let runtime: Runtime = Flavor::Workers(1).build();
    let handle = runtime.handle().clone();
    let dropped = DropCounter::new();
    let (begun, begins) = mpsc::channel();
    std::thread::scope(|threads| {
        let scoped = threads.spawn(|| {
            let _entered = handle.enter();
            scope_blocking(|scope| {
                let guard = dropped.guard();
                let begun = begun.clone();
                let child = scope.spawn(async move {
                    let _guard = guard;
                    begun.send(()).unwrap();
                    std::future::pending::<()>().await;
                });
                child.join().unwrap_err().is_cancelled()
            })
        });
        recv("the child to begin", &begins);
        watched("the end of the runtime", || drop(runtime));
        assert!(watched("the scope", || scoped.join()).unwrap());
    });
    assert_eq!(dropped.count(), 1);
}

/// A scope with a child that sleeps for an hour of time that is paused.
fn sleeps_in_a_scope() -> Duration {
    task::scope_blocking(|scope| {
        let child = scope.spawn(async {
            let begun = raddle::time::Instant::now();
            raddle::time::sleep(Duration::from_secs(3_600)).await;
            begun.elapsed()
        });
        let slept = scope.spawn(async { child.await.unwrap() });
        slept.join().unwrap()
    })
}

/// Z6.
#[test]
fn paused_time_moves_on_for_the_children_wherever_the_scope_waits() {
    for workers in [1, 2] {
        let hour = Duration::from_secs(3_600);
        let build = || Flavor::Workers(workers).builder().start_paused(true).build().unwrap();
        let runtime = build();
        let in_task = runtime.spawn(async { sleeps_in_a_scope() });
        assert_eq!(watched("in a task", || in_task.blocking_wait()).unwrap(), hour);
        let in_call = runtime.spawn_blocking(sleeps_in_a_scope);
        assert_eq!(watched("in a call", || in_call.blocking_wait()).unwrap(), hour);
        let runtime = build();
        let in_root =
            watched("in a root future", || runtime.block_on(async { sleeps_in_a_scope() }));
        assert_eq!(in_root, hour);
        let runtime = build();
        let _entered = runtime.enter();
        assert_eq!(watched("on a plain thread", sleeps_in_a_scope), hour);
    }
}

/// Z6: what blocks otherwise still holds time up.
#[test]
fn paused_time_stands_still_again_when_the_scope_has_returned() {
    let runtime = Flavor::Workers(2).builder().start_paused(true).build().unwrap();
    let (release, released) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let blocks = runtime.spawn_blocking(move || {
        sleeps_in_a_scope();
        begun.send(()).unwrap();
        let _ = released.recv();
    });
    recv("the scope to return", &begins);
    let hour = Duration::from_secs(3_600);
    let sleeper = runtime.spawn(async move { raddle::time::sleep(hour).await });
    let early = runtime.spawn(async {
        for _ in 0..100 {
            task::yield_now().await;
        }
    });
    watched("a hundred turns", || early.blocking_wait()).unwrap();
    assert!(!sleeper.is_finished(), "an hour has passed beside a blocking call");
    drop(release);
    watched("the call", || blocks.blocking_wait()).unwrap();
    watched("the sleeper", || sleeper.blocking_wait()).unwrap();
}
