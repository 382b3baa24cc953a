//! Tasks that begin inside the call that spawns them: T16.

use crate::support::{DropCounter, Flavor, planned_panic, poll_once, watched};
use raddle::runtime::Runtime;
use raddle::task::{self, Builder};
use raddle::time::{Duration, sleep};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::thread;

fn eager(flavor: Flavor) -> Runtime {
    flavor.builder().spawn_eager(true).build().unwrap()
}

/// Runs `test` in a task on each flavor, and in the future of `block_on`.
fn everywhere<F: Future<Output = ()> + Send + 'static>(test: impl Fn() -> F) {
    for flavor in Flavor::ALL {
        let runtime = eager(flavor);
        watched(&format!("a test on {flavor:?}"), || {
            runtime.block_on(test());
            // Queued, because this thread does not work for the runtime at that moment.
            runtime.block_on(runtime.spawn(test())).unwrap();
        });
    }
}

#[test]
fn a_task_that_never_waits_is_done_when_spawn_returns_and_another_goes_on_later() {
    everywhere(|| async {
        let here = thread::current().id();
        let done = raddle::spawn(async move { (thread::current().id(), task::id()) });
        assert!(done.is_finished());
        let id = done.id();
        assert_eq!(done.await.unwrap(), (here, id));

        let progress = Arc::new(AtomicUsize::new(0));
        let counted = progress.clone();
        let waits = raddle::spawn(async move {
            counted.store(1, SeqCst);
            sleep(Duration::from_micros(1)).await;
            counted.store(2, SeqCst);
            task::yield_now().await;
            3
        });
        // More, if another worker has gone on with it.
        assert!(progress.load(SeqCst) >= 1);
        assert_eq!(waits.await.unwrap(), 3);
        assert_eq!(progress.load(SeqCst), 2);
    });
}

#[test]
fn one_that_yields_is_woken_or_aborted_in_its_first_poll_is_as_any_other() {
    everywhere(|| async {
        // Whether it is done by now depends on the others.
        raddle::spawn(task::yield_now()).await.unwrap();

        let woken = raddle::spawn(async {
            let mut is_first = true;
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                match std::mem::take(&mut is_first) {
                    true => std::task::Poll::Pending,
                    false => std::task::Poll::Ready(7),
                }
            })
            .await
        });
        assert_eq!(woken.await.unwrap(), 7);

        let dropped = DropCounter::new();
        let guard = dropped.guard();
        let aborted = raddle::spawn(async move {
            let _guard = guard;
            task::current().abort();
            std::future::pending::<()>().await;
        });
        assert!(aborted.await.unwrap_err().is_cancelled());
        assert_eq!(dropped.count(), 1);
    });
}

#[test]
fn the_spawner_is_the_current_task_again_also_after_a_panic() {
    everywhere(|| async {
        let before = task::try_id();
        let panics = raddle::spawn(async { planned_panic("in its first poll") });
        assert!(panics.is_finished());
        assert_eq!(task::try_id(), before);
        assert!(panics.await.unwrap_err().is_panic());
    });
}

raddle::task_local! {
    static OWN: u32;
    inherit static PASSED_ON: u32;
}

#[test]
fn it_sees_what_it_inherits_and_no_other_value_of_its_spawner() {
    everywhere(|| {
        PASSED_ON.scope(
            1,
            OWN.scope(2, async {
                let child = raddle::spawn(async {
                    let before = (PASSED_ON.try_get().ok(), OWN.try_get().ok());
                    let own = OWN.scope(5, async { OWN.get() }).await;
                    let inside = OWN.sync_scope(6, || OWN.get());
                    task::yield_now().await;
                    (before, own, inside, OWN.try_get().ok())
                });
                assert_eq!(OWN.get(), 2, "back");
                assert_eq!(child.await.unwrap(), ((Some(1), None), 5, 6, None));
                assert_eq!((OWN.get(), PASSED_ON.get()), (2, 1));
            }),
        )
    });
}

#[test]
fn its_spawner_still_passes_on_what_it_did_before() {
    everywhere(|| {
        PASSED_ON.scope(1, async {
            for _ in 0..3 {
                let child = raddle::spawn(async { PASSED_ON.get() });
                assert_eq!(PASSED_ON.get(), 1, "in the same poll");
                assert_eq!(child.await.unwrap(), 1);
            }
        })
    });
}

#[test]
fn it_draws_on_the_budget_of_its_spawner() {
    everywhere(|| async {
        task::yield_now().await;
        let left = || (0..).take_while(|_| spends()).count();
        let child = raddle::spawn(async { (0..100).filter(|_| spends()).count() });
        assert_eq!(child.await.unwrap(), 100);
        assert!(left() <= 28, "of 128, spent by both");
        task::yield_now().await;
    });
}

/// Spends a unit of the budget, if there is one.
fn spends() -> bool {
    let mut unit = pin!(task::coop::consume_budget());
    poll_once(unit.as_mut(), Waker::noop()).is_ready()
}

#[test]
fn the_depth_is_bounded_and_deeper_ones_are_queued() {
    fn nest(depth: usize, deepest: Arc<Mutex<usize>>) -> task::JoinHandle<usize> {
        raddle::spawn(async move {
            if depth == 1_000 {
                return depth;
            }
            let child = nest(depth + 1, deepest.clone());
            if child.is_finished() {
                return depth;
            }
            let mut deepest = deepest.lock().unwrap();
            *deepest = (*deepest).max(depth);
            drop(deepest);
            depth
        })
    }
    everywhere(|| async {
        let deepest = Arc::new(Mutex::new(0));
        nest(0, deepest.clone()).await.unwrap();
        let deepest = *deepest.lock().unwrap();
        assert!((1..=8).contains(&deepest), "queued at {deepest}");
    });
}

#[test]
fn a_single_task_may_be_eager_or_not_whatever_the_runtime_is() {
    let lazy = Flavor::Workers(1).build();
    lazy.block_on(async {
        assert!(!raddle::spawn(async {}).is_finished());
        assert!(Builder::new().eager(true).name("now").spawn(async {}).is_finished());
    });
    let eager = eager(Flavor::CurrentThread);
    eager.block_on(async {
        assert!(raddle::spawn(async {}).is_finished());
        assert!(!Builder::new().eager(false).spawn(async {}).is_finished());
    });
    // From outside.
    let from_outside = eager.spawn(async {});
    assert!(!from_outside.is_finished());
}

#[test]
fn hooks_are_called_as_for_any_poll() {
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1)] {
        let calls = Arc::new(Mutex::new(String::new()));
        let log = |letter: char| {
            let calls = calls.clone();
            move |meta: &task::TaskMeta<'_>| {
                if meta.name() == Some("seen") {
                    calls.lock().unwrap().push(letter);
                }
            }
        };
        let runtime = flavor
            .builder()
            .spawn_eager(true)
            .on_task_spawn(log('s'))
            .on_before_task_poll(log('b'))
            .on_after_task_poll(log('a'))
            .on_task_terminate(log('t'))
            .build()
            .unwrap();
        runtime.block_on(async {
            let seen = Builder::new().name("seen").spawn(async {});
            assert!(seen.is_finished());
            let seen = Builder::new().name("seen").spawn(task::yield_now());
            seen.await.unwrap();
        });
        assert_eq!(*calls.lock().unwrap(), "sbatsbabat", "on {flavor:?}");
    }
}

#[test]
fn one_that_blocks_in_place_may_cost_its_spawner_the_slot() {
    let runtime = eager(Flavor::Workers(1));
    for waits_afterwards in [false, true] {
        let handle = runtime.handle().clone();
        let task = runtime.spawn(async move {
            let child = raddle::spawn(async move {
                task::block_in_place(|| handle.spawn(async {}).blocking_wait().unwrap());
                if waits_afterwards {
                    sleep(Duration::from_micros(1)).await;
                }
                4
            });
            let other = raddle::spawn(async { 5 });
            child.await.unwrap() + other.await.unwrap()
        });
        assert_eq!(watched("the spawner", move || task.blocking_wait()).unwrap(), 9);
    }
}

#[test]
fn sets_and_groups_take_tasks_that_are_done_already() {
    everywhere(|| async {
        let mut set = task::JoinSet::new();
        for number in 0..10 {
            set.spawn(async move { number });
        }
        assert_eq!(set.join_all().await.iter().sum::<i32>(), 45);
        let sum = task::TaskGroup::<()>::run(|group| async move {
            let children: Vec<_> =
                (0..10).map(|number| group.spawn(async move { Ok(number) })).collect();
            let mut sum = 0;
            for child in children {
                sum += child.await.map_err(drop)?;
            }
            Ok(sum)
        });
        assert_eq!(sum.await.unwrap(), 45);
    });
}
