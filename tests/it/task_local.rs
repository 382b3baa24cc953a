//! `task_local!`: who sees which value, and for how long.

use crate::support::{DropCounter, DropGuard, Flavor, catch, planned_panic, wait};
use raddle::sync::oneshot;
use raddle::task::{self, JoinHandle};
use std::pin::pin;
use std::sync::Arc;

raddle::task_local! {
    static NUMBER: u32;
    /// With a comment.
    pub static NAME: String;
    inherit static REQUEST: String;
    pub(crate) inherit static HELD: DropGuard;
}

raddle::task_local!(static LAST: u8);

#[test]
fn a_value_is_there_inside_its_scope_only() {
    wait("the scopes", async {
        assert!(NUMBER.try_get().is_err());
        let sum = NUMBER.scope(1, async {
            let outer = NUMBER.get();
            let inner = NUMBER.scope(2, async { NUMBER.get() }).await;
            task::yield_now().await;
            assert_eq!(NUMBER.get(), 1);
            assert_eq!(NUMBER.sync_scope(5, || NUMBER.with(|number| *number)), 5);
            outer + inner
        });
        assert_eq!(sum.await, 3);
        assert!(NUMBER.try_with(|_| ()).is_err());
        assert!(LAST.try_get().is_err());
    });
}

#[test]
fn futures_polled_in_turns_have_each_its_own() {
    wait("both", async {
        let future = |number| {
            NUMBER.scope(number, async move {
                for _ in 0..3 {
                    assert_eq!(NUMBER.get(), number);
                    task::yield_now().await;
                }
            })
        };
        raddle::join!(future(1), future(2));
    });
}

#[test]
#[should_panic(expected = "no value here")]
fn with_panics_without_a_scope() {
    NAME.with(|_| ());
}

#[test]
fn a_value_can_be_taken_back() {
    wait("the value", async {
        let mut scoped = pin!(NAME.scope("mine".to_owned(), async { NAME.get().len() }));
        assert_eq!(scoped.as_mut().await, 4);
        assert_eq!(scoped.as_mut().take_value().as_deref(), Some("mine"));
        assert_eq!(scoped.take_value(), None);
    });
}

#[test]
fn a_panic_puts_the_value_back() {
    let caught = catch(|| NUMBER.sync_scope(1, || planned_panic("inside")));
    assert_eq!(caught, Err::<(), _>("inside"));
    assert!(NUMBER.try_get().is_err());
    let caught = catch(|| REQUEST.sync_scope(String::new(), || planned_panic("inside")));
    assert_eq!(caught, Err::<(), _>("inside"));
    assert!(REQUEST.try_get().is_err());
}

#[test]
fn a_scope_can_be_entered_while_the_value_of_an_outer_one_is_in_use() {
    NAME.sync_scope("outer".to_owned(), || {
        NAME.with(|outer| {
            NAME.sync_scope("inner".to_owned(), || {
                NAME.with(|inner| assert_eq!((&**outer, &**inner), ("outer", "inner")));
                let caught = catch(|| {
                    NAME.sync_scope("innermost".to_owned(), || planned_panic("inside"));
                });
                assert_eq!(caught, Err("inside"));
                assert_eq!(NAME.get(), "inner");
            });
            assert_eq!((&**outer, NAME.get()), ("outer", outer.clone()));
            // Its destructor sees its own.
            let scoped = NAME.scope("dropped".to_owned(), async {
                let _reads = Reads(|| assert_eq!(NAME.get(), "dropped"));
                std::future::pending::<()>().await;
            });
            let mut scoped = Box::pin(scoped);
            let (_, waker) = crate::support::CountingWaker::new();
            assert!(crate::support::poll_once(scoped.as_mut(), &waker).is_pending());
            assert_eq!(NAME.get(), "outer");
            drop(scoped);
            assert_eq!((&**outer, NAME.get()), ("outer", outer.clone()));
        });
        assert_eq!(NAME.get(), "outer");
    });
    assert!(NAME.try_get().is_err());
}

/// As above, but by a task, which cannot know that its thread is inside of `with`.
#[test]
fn a_task_enters_its_scope_while_the_caller_of_block_on_uses_the_key() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        NUMBER.sync_scope(1, || {
            NUMBER.with(|outer| {
                let sum = runtime.block_on(async {
                    let mut sum = 0;
                    for _ in 0..10 {
                        let task = raddle::spawn(NUMBER.scope(2, async {
                            task::yield_now().await;
                            NUMBER.get()
                        }));
                        sum += task.await.unwrap() + NUMBER.get();
                    }
                    sum
                });
                assert_eq!((sum, *outer), (30, 1), "{flavor:?}");
            });
        });
    }
}

/// As above, in a poll by the call that spawns.
#[test]
fn an_eager_task_enters_its_scope_while_its_spawner_uses_the_key() {
    let runtime = Flavor::Workers(1).builder().spawn_eager(true).build().unwrap();
    let task = runtime.spawn(NUMBER.scope(1, async {
        NUMBER.with(|outer| {
            let inner = raddle::spawn(NUMBER.scope(2, async { NUMBER.get() }));
            assert!(inner.is_finished());
            *outer
        })
    }));
    assert_eq!(wait("the task", task).unwrap(), 1);
}

struct Reads<F: Fn()>(F);

impl<F: Fn()> Drop for Reads<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn destructors_see_what_the_polls_have_seen() {
    let scoped = NUMBER.scope(3, async {
        let _reads = Reads(|| assert_eq!(NUMBER.get(), 3));
        std::future::pending::<()>().await;
    });
    let mut scoped = Box::pin(scoped);
    let (_, waker) = crate::support::CountingWaker::new();
    assert!(crate::support::poll_once(scoped.as_mut(), &waker).is_pending());
    drop(scoped);
    let scoped = REQUEST.scope("r".to_owned(), async {
        let _reads = Reads(|| assert_eq!(REQUEST.get(), "r"));
        std::future::pending::<()>().await;
    });
    let mut scoped = Box::pin(scoped);
    assert!(crate::support::poll_once(scoped.as_mut(), &waker).is_pending());
    drop(scoped);
}

#[test]
fn children_have_the_inherited_values_and_no_others() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let before = raddle::spawn(async { REQUEST.try_get() });
            let request = REQUEST.scope(
                "GET /".to_owned(),
                NUMBER.scope(1, async {
                    let child = raddle::spawn(async {
                        task::yield_now().await;
                        assert!(NUMBER.try_get().is_err());
                        let grandchild = raddle::spawn(async { REQUEST.get() });
                        let shadowed = REQUEST.scope("shadow".to_owned(), async {
                            raddle::spawn(async { REQUEST.get() }).await
                        });
                        (REQUEST.get(), grandchild.await.unwrap(), shadowed.await.unwrap())
                    });
                    let blocking = task::spawn_blocking(|| REQUEST.get());
                    let named = task::Builder::new().name("n").spawn(async { REQUEST.get() });
                    (child.await.unwrap(), blocking.await.unwrap(), named.await.unwrap())
                }),
            );
            let get = || "GET /".to_owned();
            assert_eq!(request.await, ((get(), get(), "shadow".to_owned()), get(), get()));
            assert!(before.await.unwrap().is_err());
            assert!(raddle::spawn(async { REQUEST.try_get() }).await.unwrap().is_err());
        });
        wait("the tasks", task).unwrap();
    }
}

#[test]
fn the_root_future_passes_values_on_too() {
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        let seen = runtime.block_on(REQUEST.scope("root".to_owned(), async {
            let child = raddle::spawn(async { REQUEST.get() });
            // Polled by this thread while the root future waits, and yet not inside it.
            let handle = raddle::runtime::Handle::current();
            let stranger = std::thread::spawn(move || handle.spawn(async { REQUEST.try_get() }));
            (child.await.unwrap(), stranger.join().unwrap().await.unwrap())
        }));
        assert_eq!(seen.0, "root");
        assert!(seen.1.is_err());
    }
}

#[test]
#[allow(clippy::async_yields_async)]
fn an_inherited_value_lives_as_long_as_the_last_who_has_it() {
    let running = Flavor::Workers(2).start();
    let drops = DropCounter::new();
    let guard = drops.guard();
    let (send, receive) = oneshot::channel::<()>();
    let task = running.handle().spawn(async move {
        let child = HELD.scope(guard, async {
            raddle::spawn(async {
                receive.await.unwrap();
                HELD.share().unwrap();
            })
        });
        child.await
    });
    let child = wait("the parent", task).unwrap();
    running.quiesce();
    assert_eq!(drops.count(), 0);
    send.send(()).unwrap();
    let handle = child.abort_handle();
    wait("the child", child).unwrap();
    // Who still knows the task does not keep what it has inherited.
    assert_eq!(drops.count(), 1);
    drop(handle);
}

#[test]
fn a_long_line_of_descendants_is_dropped_without_recursion() {
    const LENGTH: usize = 20_000;
    fn descend(left: usize, done: oneshot::Sender<Arc<String>>) -> JoinHandle<()> {
        // Each in a scope of its own, inside those of all its ancestors.
        raddle::spawn(REQUEST.scope(left.to_string(), async move {
            match left {
                0 => _ = done.send(REQUEST.share().unwrap()),
                _ => descend(left - 1, done).detach(),
            }
        }))
    }
    let running = Flavor::Workers(1).start();
    let (done, last) = oneshot::channel();
    drop(running.handle().spawn(async { descend(LENGTH, done).detach() }));
    assert_eq!(*wait("the last", last).unwrap(), "0");
    running.stop();
}

/// The thread in `block_on` polls tasks, which have nothing to do with its caller.
#[test]
fn values_around_block_on_are_seen_by_its_future_and_not_by_tasks() {
    raddle::task_local! { static AROUND: u32; }
    for flavor in Flavor::ALL {
        let runtime = flavor.build();
        AROUND.sync_scope(1, || {
            runtime.block_on(async {
                for _ in 0..10 {
                    let seen = raddle::spawn(async { AROUND.try_get() }).await.unwrap();
                    assert_eq!(seen.ok(), None, "{flavor:?}");
                    assert_eq!(AROUND.get(), 1);
                }
            });
        });
    }
}
