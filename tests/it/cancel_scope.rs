//! Cancel scopes: who is told, who is dropped and when, and who is out of reach.

use crate::support::{DropCounter, Flavor, recv, wait};
use raddle::sync::oneshot;
use raddle::task::{self, CancelScope, Cancelled};
use raddle::time::{Duration, Instant, sleep};
use std::future::pending;
use std::sync::mpsc;

const LONG: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(1);

fn on_every_flavor<F: Future<Output = ()> + Send + 'static>(test: impl Fn() -> F) {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        wait(&format!("the scopes on {flavor:?}"), running.handle().spawn(test())).unwrap();
    }
}

#[test]
fn what_ends_by_itself_has_its_output() {
    on_every_flavor(|| async {
        let scope = CancelScope::new().timeout(LONG);
        assert_eq!(scope.run(async { 5 }).await, Ok(5));
        assert!(!scope.is_cancelled());
        // As often as one likes.
        assert_eq!(scope.run(async { 6 }).await, Ok(6));
    });
}

#[test]
fn without_grace_what_waits_is_dropped_at_once() {
    on_every_flavor(|| async {
        let drops = DropCounter::new();
        let scope = CancelScope::new();
        let (guard, inside) = (drops.guard(), scope.clone());
        let end = scope.run(async move {
            let _guard = guard;
            inside.cancel();
            pending::<()>().await;
        });
        assert!(end.await.is_err());
        assert_eq!(drops.count(), 1);
        assert!(scope.run(pending::<()>()).await.is_err());
        assert_eq!(scope.run(async { 1 }).await, Ok(1), "what does not wait is not dropped");
    });
}

#[test]
fn with_grace_it_may_clean_up_and_is_dropped_if_that_takes_too_long() {
    on_every_flavor(|| async {
        let scope = CancelScope::new().timeout(SHORT).grace(LONG);
        let polite = scope.run(async {
            task::cancelled().await;
            sleep(SHORT).await;
            assert!(task::is_cancelled());
            "clean"
        });
        assert_eq!(polite.await, Ok("clean"));
        let drops = DropCounter::new();
        let guard = drops.guard();
        let scope = CancelScope::new().deadline(Instant::now()).grace(SHORT);
        let deaf = scope.run(async move {
            let _guard = guard;
            task::cancelled().await;
            pending::<()>().await;
        });
        assert!(deaf.await.is_err());
        assert_eq!(drops.count(), 1);
    });
}

#[test]
fn scopes_nest_and_an_inner_one_does_not_reach_out() {
    on_every_flavor(|| async {
        let outer = CancelScope::new();
        let result: Result<_, Cancelled> = outer
            .run(async {
                let inner = CancelScope::new();
                inner.cancel();
                assert!(inner.run(pending::<()>()).await.is_err());
                assert!(!task::is_cancelled());
                let other = CancelScope::new();
                outer.cancel();
                assert!(other.is_cancelled() && task::is_cancelled());
                "told"
            })
            .await;
        assert_eq!(result, Ok("told"));
        assert!(!task::is_cancelled());
    });
}

#[test]
fn a_request_to_the_task_reaches_the_scopes_inside() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let scope = CancelScope::new().grace(LONG);
            scope.run(CancelScope::new().grace(LONG).run(task::cancelled())).await
        });
        running.quiesce();
        task.cancel();
        assert_eq!(wait("the task", task).unwrap(), Ok(Ok(())));
    }
}

#[test]
fn tasks_spawned_inside_are_told_and_shielded_ones_are_not() {
    on_every_flavor(|| async {
        let scope = CancelScope::new();
        let (shielded, told) = scope
            .run(async {
                let (send, receive) = oneshot::channel::<()>();
                let shielded = task::shield(async move {
                    receive.await.unwrap();
                    // Nor is what it spawns.
                    let child = raddle::spawn(async { task::is_cancelled() });
                    task::is_cancelled() || child.await.unwrap()
                });
                let told = raddle::spawn(async {
                    let grandchild = raddle::spawn(task::cancelled());
                    task::cancelled().await;
                    grandchild.await.unwrap();
                });
                ((send, shielded), told)
            })
            .await
            .unwrap();
        scope.cancel();
        told.await.unwrap();
        let (send, handle) = shielded;
        send.send(()).unwrap();
        assert!(!handle.await.unwrap());
    });
}

#[test]
#[allow(clippy::async_yields_async)]
fn a_shielded_task_is_out_of_reach_but_for_its_own_handle() {
    let running = Flavor::Workers(2).start();
    let (told, heard) = mpsc::channel();
    let task = running.handle().spawn(async move {
        let shielded = task::shield(async move {
            task::cancelled().await;
            told.send("asked by its own").unwrap();
        });
        assert!(shielded.spawned_at().file().ends_with("cancel_scope.rs"));
        shielded
    });
    let shielded = wait("the shielded task", task).unwrap();
    running.quiesce();
    shielded.cancel();
    assert_eq!(recv("the request", &heard), "asked by its own");
}

#[test]
fn cancel_within_asks_first_and_aborts_later() {
    on_every_flavor(|| async {
        let polite = raddle::spawn(async {
            task::cancelled().await;
            1
        });
        assert_eq!(polite.cancel_within(LONG).await.unwrap(), 1);
        let deaf = raddle::spawn(pending::<()>());
        assert!(deaf.cancel_within(SHORT).await.unwrap_err().is_cancelled());
    });
}

#[test]
fn the_root_future_can_be_in_a_scope() {
    for flavor in Flavor::ALL {
        let told = flavor.build().block_on(async {
            let scope = CancelScope::new().grace(LONG);
            let inside = scope.run(async {
                let child = raddle::spawn(task::cancelled());
                assert!(!task::is_cancelled());
                scope.cancel();
                child.await.unwrap();
                task::cancelled().await;
                "told"
            });
            inside.await
        });
        assert_eq!(told, Ok("told"));
    }
}
