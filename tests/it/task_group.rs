//! Task groups: children end with the group, whatever happens, and the error tells all that did.

use crate::support::{
    CountingWaker, DropCounter, Flavor, catch, planned_panic, poll_once, scale, until, wait,
    watched,
};
use raddle::sync::oneshot;
use raddle::task::{self, CancelScope, Cause, GroupError, TaskGroup};
use raddle::time::{Duration, sleep};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(1);

fn on_every_flavor<F: Future<Output = ()> + Send + 'static>(test: impl Fn() -> F) {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        wait(&format!("the group on {flavor:?}"), running.handle().spawn(test())).unwrap();
    }
}

#[test]
fn the_body_has_the_values_of_its_children() {
    on_every_flavor(|| async {
        let sum = TaskGroup::run(async |group| {
            let numbers: Vec<_> =
                (0..10).map(|number| group.spawn(async move { Ok::<u64, ()>(number) })).collect();
            let text = group.spawn(async { Ok("text") });
            let mut sum = 0;
            for number in numbers {
                sum += number.await.unwrap();
            }
            Ok((sum, text.await.unwrap()))
        });
        assert_eq!(sum.await.unwrap(), (45, "text"));
    });
}

#[test]
fn a_group_waits_for_children_and_grandchildren() {
    on_every_flavor(|| async {
        let ended = Arc::new(AtomicUsize::new(0));
        let count = ended.clone();
        TaskGroup::<()>::run(async move |group| {
            for _ in 0..3 {
                let (inner, count) = (group.clone(), count.clone());
                group.spawn(async move {
                    task::yield_now().await;
                    let child_count = count.clone();
                    inner.spawn(async move {
                        sleep(SHORT).await;
                        child_count.fetch_add(1, SeqCst);
                        Ok(())
                    });
                    count.fetch_add(1, SeqCst);
                    Ok(())
                });
            }
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(ended.load(SeqCst), 6);
    });
}

#[test]
fn the_first_error_ends_the_siblings_and_every_failure_is_told_in_order() {
    on_every_flavor(|| async {
        let drops = DropCounter::new();
        let (first, second) = (drops.guard(), drops.guard());
        let result = TaskGroup::options()
            .grace(LONG)
            .run(async |group| {
                group.spawn_named("deaf until told", async move {
                    let _guard = first;
                    task::cancelled().await;
                    Err::<(), _>("second")
                });
                group.spawn(async move {
                    let _guard = second;
                    Err::<(), _>("first")
                });
                group.spawn(async {
                    task::cancelled().await;
                    task::yield_now().await;
                    Ok(())
                });
                Ok(7)
            })
            .await;
        let error = result.unwrap_err();
        assert_eq!(error.errors().collect::<Vec<_>>(), [&"first", &"second"]);
        assert_eq!(error.failures()[1].who().name.as_deref(), Some("deaf until told"));
        assert!(error.failures()[0].who().id.is_some());
        assert!(error.aborted().is_empty());
        assert_eq!(drops.count(), 2);
        let text = error.to_string();
        assert!(text.contains("first") && text.contains("deaf until told"), "{text}");
    });
}

#[test]
fn what_does_not_listen_is_aborted_after_the_grace_period_and_named() {
    on_every_flavor(|| async {
        let drops = DropCounter::new();
        let guard = drops.guard();
        let error: GroupError<&str> = TaskGroup::options()
            .grace(SHORT)
            .run(async |group| {
                group.spawn_named("deaf", async move {
                    let _guard = guard;
                    pending::<Result<(), _>>().await
                });
                Err::<(), _>("the body")
            })
            .await
            .unwrap_err();
        assert_eq!(drops.count(), 1, "waited for");
        assert_eq!(error.aborted()[0].name.as_deref(), Some("deaf"));
        assert_eq!(error.failures()[0].who().id, None);
        assert!(error.to_string().ends_with(')') && error.to_string().contains("aborted: deaf"));
    });
}

#[test]
fn a_panic_of_a_child_is_a_failure() {
    on_every_flavor(|| async {
        let error = TaskGroup::<()>::run(async |group| {
            group.spawn(async {
                if task::try_id().is_some() { planned_panic("in a child") } else { Ok(()) }
            });
            group.spawn(pending::<Result<(), ()>>());
            pending::<Result<(), ()>>().await
        })
        .await
        .unwrap_err();
        let failure = error.into_failures().remove(0);
        assert!(failure.is_panic());
        assert!(matches!(failure.into_cause(), Cause::Panic(_)));
    });
}

#[test]
fn a_panic_of_the_body_goes_on_when_all_children_have_ended() {
    for flavor in Flavor::ALL {
        let drops = DropCounter::new();
        let guard = drops.guard();
        let runtime = flavor.build();
        let group = TaskGroup::<()>::run(async move |group| {
            let (begun, has_begun) = oneshot::channel();
            group.spawn(async move {
                let _guard = guard;
                begun.send(()).unwrap();
                pending::<Result<(), ()>>().await
            });
            has_begun.await.unwrap();
            if drops_nothing() {
                planned_panic("in the body")
            }
            Ok(())
        });
        let caught = catch(|| _ = watched("the group", || runtime.block_on(group)));
        assert_eq!(caught, Err("in the body"));
        assert_eq!(drops.count(), 1);
    }
}

fn drops_nothing() -> bool {
    true
}

#[test]
fn a_scope_around_and_a_deadline_cancel_the_group() {
    on_every_flavor(|| async {
        let error = TaskGroup::options()
            .timeout(SHORT)
            .run(async |group| {
                group.spawn_named("child", pending::<Result<(), &str>>());
                pending::<Result<(), &str>>().await
            })
            .await
            .unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(error.aborted().len(), 1);
        assert!(error.to_string().starts_with("the task group was cancelled; aborted: child"));

        let scope = CancelScope::new().grace(LONG);
        let value = scope.run(TaskGroup::options().grace(LONG).run(async |group: TaskGroup<()>| {
            let child = group.spawn(async {
                task::cancelled().await;
                Ok(3)
            });
            scope.cancel();
            Ok(child.await.unwrap())
        }));
        assert_eq!(value.await.unwrap().unwrap(), 3, "it ended in time");
    });
}

#[test]
fn a_child_spawned_too_late_is_dropped() {
    on_every_flavor(|| async {
        let drops = DropCounter::new();
        let outside = TaskGroup::<()>::run(async |group| Ok(group.clone())).await.unwrap();
        let guard = drops.guard();
        let late = outside.spawn(async move {
            let _guard = guard;
            Ok(())
        });
        assert_eq!(drops.count(), 1);
        assert!(late.await.is_err());
        assert!(outside.is_cancelled() && outside.is_empty());
    });
}

#[test]
fn a_group_whose_future_is_dropped_aborts_its_children() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let drops = DropCounter::new();
        let guard = drops.guard();
        let _entered = running.handle().enter();
        let mut group = Box::pin(TaskGroup::<()>::run(async move |group| {
            group.spawn(async move {
                let _guard = guard;
                pending::<Result<(), ()>>().await
            });
            pending::<Result<(), ()>>().await
        }));
        let (_, waker) = CountingWaker::new();
        assert!(poll_once(group.as_mut(), &waker).is_pending());
        drop(group);
        until("the child is dropped", || drops.count() == 1);
    }
}

#[test]
fn children_can_be_spawned_from_plain_threads() {
    on_every_flavor(|| async {
        let value = TaskGroup::<()>::run(async |group| {
            let inner = group.clone();
            let spawning = std::thread::spawn(move || inner.spawn(async { Ok(task::id()) }));
            Ok(spawning.join().unwrap().await.is_ok())
        });
        assert!(value.await.unwrap());
    });
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Child {
    Returns,
    Fails,
    Panics,
    Listens,
    Deaf,
}

/// Every pair of children × how the body ends × with and without grace: each future is dropped exactly once, before the
/// group ends, and the failures are those there must be.
#[test]
fn every_combination_ends_all_children_once() {
    use Child::*;
    let all = [Returns, Fails, Panics, Listens, Deaf];
    let mut number = 0;
    for flavor in [Flavor::CurrentThread, Flavor::Workers(1), Flavor::Workers(2)] {
        for (one, other) in all.iter().flat_map(|one| all.iter().map(move |other| (*one, *other))) {
            for (body_fails, grace) in
                [(false, Duration::ZERO), (false, SHORT), (true, Duration::ZERO), (true, SHORT)]
            {
                number += 1;
                if number % scale() == 0 {
                    let what = format!("{one:?}, {other:?}, {body_fails}, {grace:?} on {flavor:?}");
                    watched(&what, || check(flavor, [one, other], body_fails, grace, &what));
                }
            }
        }
    }
}

fn check(flavor: Flavor, children: [Child; 2], body_fails: bool, grace: Duration, what: &str) {
    let runtime = flavor.build();
    let drops = DropCounter::new();
    let guards = children.map(|child| (child, drops.guard()));
    let fails = children.iter().any(|child| matches!(child, Child::Fails | Child::Panics));
    let counted = drops.clone();
    let result = runtime.block_on(async move {
        let result = TaskGroup::options()
            .grace(grace)
            .run(async move |group| {
                for (child, guard) in guards {
                    group.spawn(async move {
                        let _guard = guard;
                        match child {
                            Child::Returns => Ok(()),
                            Child::Fails => Err("child"),
                            Child::Panics => planned_panic("child"),
                            Child::Listens => {
                                task::cancelled().await;
                                Ok(())
                            }
                            Child::Deaf => pending().await,
                        }
                    });
                }
                if body_fails {
                    return Err("body");
                }
                if !fails {
                    group.cancel();
                }
                Ok(())
            })
            .await;
        assert_eq!(counted.count(), 2, "dropped before the group has ended: {what}");
        result
    });
    assert_eq!(result.is_err(), fails || body_fails || is_aborted(&result), "{what}");
    drop(runtime);
    assert_eq!(drops.count(), 2, "{what}");
}

fn is_aborted(result: &Result<(), GroupError<&str>>) -> bool {
    result.as_ref().is_err_and(|error| !error.aborted().is_empty())
}

#[test]
fn dropping_the_runtime_ends_a_group() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let drops = DropCounter::new();
        let (inside, outside) = (drops.guard(), drops.guard());
        let task = running.handle().spawn(TaskGroup::<()>::run(async move |group| {
            let _outside = outside;
            group.spawn(async move {
                let _inside = inside;
                pending::<Result<(), ()>>().await
            });
            pending::<Result<(), ()>>().await
        }));
        running.quiesce();
        running.quiesce();
        running.stop();
        assert!(wait("the group", task).unwrap_err().is_cancelled());
        assert_eq!(drops.count(), 2);
    }
}

#[test]
fn a_body_whose_destructor_panics_when_it_is_aborted_is_waited_for_like_another_panic() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            planned_panic("in the body's destructor");
        }
    }
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let drops = DropCounter::new();
        let guard = drops.guard();
        let counted = drops.clone();
        let task = running.handle().spawn(async move {
            let group = TaskGroup::<()>::run(async move |group| {
                let _bomb = Bomb;
                drop(group.spawn(async move {
                    let _guard = guard;
                    std::future::pending::<Result<(), ()>>().await
                }));
                group.cancel();
                std::future::pending::<Result<(), ()>>().await
            });
            let error = raddle::spawn(group).await.unwrap_err();
            (error.is_panic(), counted.count())
        });
        assert_eq!(wait("the group", task).unwrap(), (true, 1), "{flavor:?}");
    }
}
