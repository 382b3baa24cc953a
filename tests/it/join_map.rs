//! `JoinMap`: one task per key.

use crate::support::{
    CountingWaker, DropCounter, Flavor, catch, planned_panic, poll_once, recv, until, wait,
};
use raddle::task::JoinMap;
use std::collections::BTreeSet;
use std::future::pending;

#[test]
fn outputs_come_with_their_keys() {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        let task = running.handle().spawn(async {
            let mut map = JoinMap::new();
            for number in 0..100_u32 {
                map.spawn(number.to_string(), async move { number });
            }
            map.spawn_blocking("blocking".to_owned(), || 100);
            assert!(map.contains_key("7") && !map.contains_key("x"));
            assert_eq!(map.keys().count(), 101);
            let mut seen = BTreeSet::new();
            while let Some((key, output)) = map.join_next().await {
                let output = output.unwrap();
                assert!(key == output.to_string() || key == "blocking");
                seen.insert(output);
            }
            assert!(map.is_empty() && map.try_join_next().is_none());
            seen.len()
        });
        assert_eq!(wait("the tasks", task).unwrap(), 101);
    }
}

#[test]
fn a_task_under_a_key_in_use_replaces_the_other() {
    let running = Flavor::Workers(2).start();
    let drops = DropCounter::new();
    let guard = drops.guard();
    let task = running.handle().spawn(async move {
        let mut map = JoinMap::new();
        map.spawn("key", async move {
            let _guard = guard;
            pending().await
        });
        map.spawn("key", async { 2 });
        assert_eq!(map.len(), 1);
        let (key, output) = map.join_next().await.unwrap();
        assert_eq!((key, output.unwrap()), ("key", 2));
        assert!(map.join_next().await.is_none());
    });
    wait("the map", task).unwrap();
    until("the first is dropped", || drops.count() == 1);
}

#[test]
fn tasks_are_aborted_by_key_by_predicate_and_all() {
    let running = Flavor::Workers(2).start();
    let task = running.handle().spawn(async {
        let mut map = JoinMap::new();
        for number in 0..6 {
            map.spawn(number, pending::<()>());
        }
        assert!(map.abort(&0) && !map.abort(&9));
        let (key, output) = map.join_next().await.unwrap();
        assert!(key == 0 && output.unwrap_err().is_cancelled());
        map.abort_matching(|number| number % 2 == 0);
        for _ in 0..2 {
            assert_eq!(map.join_next().await.unwrap().0 % 2, 0);
        }
        assert_eq!(map.len(), 3);
        map.shutdown().await;
        assert!(map.is_empty() && !map.contains_key(&1));
        map.spawn(1, async {});
        map.detach_all();
        assert!(map.join_next().await.is_none());
    });
    wait("the map", task).unwrap();
}

#[test]
fn keys_whose_hashes_are_all_the_same_are_told_apart() {
    #[derive(Default, Clone)]
    struct Same;
    impl std::hash::BuildHasher for Same {
        type Hasher = Zero;
        fn build_hasher(&self) -> Zero {
            Zero
        }
    }
    struct Zero;
    impl std::hash::Hasher for Zero {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, _: &[u8]) {}
    }
    let running = Flavor::Workers(1).start();
    let task = running.handle().spawn(async {
        let mut map = JoinMap::with_hasher(Same);
        for key in 0..10 {
            map.spawn(key, async move { key });
        }
        map.spawn(3, async { 30 });
        let mut sum = 0;
        while let Some((key, output)) = map.join_next().await {
            sum += output.unwrap() - key;
        }
        sum
    });
    assert_eq!(wait("the map", task).unwrap(), 27);
}

#[test]
fn a_shutdown_given_up_half_way_leaves_the_rest_and_their_keys() {
    let running = Flavor::Workers(2).start();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (begun, begins) = std::sync::mpsc::channel();
    let handle = running.handle().clone();
    let task = running.handle().spawn(async move {
        let mut map = JoinMap::new();
        map.spawn("waits", pending());
        map.spawn_blocking_on(
            "blocks",
            move || {
                begun.send(()).unwrap();
                let _ = released.recv();
            },
            &handle,
        );
        (map, begins)
    });
    let (mut map, begins) = wait("the map", task).unwrap();
    recv("the call to begin", &begins);
    let (_, waker) = CountingWaker::new();
    until("the task is joined", || {
        // Polled once, and given up.
        assert!(poll_once(std::pin::pin!(map.shutdown()), &waker).is_pending());
        !map.contains_key("waits")
    });
    assert_eq!(map.keys().collect::<Vec<_>>(), [&"blocks"]);
    drop(release);
    wait("the rest", map.shutdown());
    assert!(map.is_empty());
}

#[derive(PartialEq, Eq)]
struct Unhashable;

impl std::hash::Hash for Unhashable {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {
        planned_panic("a key that cannot be hashed");
    }
}

#[test]
fn a_key_whose_hash_panics_starts_nothing() {
    let running = Flavor::Workers(1).start();
    let _entered = running.handle().enter();
    let mut map = JoinMap::new();
    let drops = DropCounter::new();
    let guard = drops.guard();
    let spawned = catch(|| {
        map.spawn(Unhashable, async move {
            let _guard = guard;
            pending::<()>().await
        })
    });
    assert_eq!(spawned, Err("a key that cannot be hashed"));
    assert_eq!(drops.count(), 1);
    assert!(map.is_empty() && map.try_join_next().is_none());
}

#[test]
fn local_tasks_have_keys_too() {
    let runtime = raddle::task::LocalRuntime::new().unwrap();
    let output = runtime.block_on(async {
        let shared = std::rc::Rc::new(7);
        let mut map = JoinMap::new();
        map.spawn_local("local", {
            let shared = shared.clone();
            async move { *shared }
        });
        map.join_next().await.unwrap()
    });
    assert_eq!((output.0, output.1.unwrap()), ("local", 7));
}
