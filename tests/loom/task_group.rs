//! T20 and T21 of `executor/src/scope/group.rs`: a child that is spawned beside the cancel of its group, from a thread that
//! is none of the runtime's, ends with the group.

use std::future::pending;
use std::sync::{Arc, Mutex as Unobserved};

use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use loom::thread;
use raddle::loom::internals::{Runtime, spawn_without_looking};
use raddle::task::TaskGroup;

use crate::executor_support::model;

struct Counted(loom::sync::Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn a_child_beside_the_cancel(spawn: fn(&TaskGroup<()>, Counted)) {
    model(2, move || {
        let runtime = Runtime::new(0, 1);
        let drops = loom::sync::Arc::new(AtomicUsize::new(0));
        let counted = Counted(drops.clone());
        let spawner = Arc::new(Unobserved::new(None));
        let started = spawner.clone();
        let ended = runtime.block_on(TaskGroup::<()>::run(|group| async move {
            let other = group.clone();
            *started.lock().unwrap() = Some(thread::spawn(move || spawn(&other, counted)));
            group.cancel();
            // Not joined here: the group has to abort what is live while the other thread spawns.
            Ok(())
        }));
        drop(ended);
        spawner.lock().unwrap().take().unwrap().join().unwrap();
        assert_eq!(drops.load(SeqCst), 1, "a child outlives its group");
        runtime.close();
    });
}

#[test]
fn t20_t21_a_child_spawned_beside_the_cancel_ends_with_the_group() {
    a_child_beside_the_cancel(|group, counted| {
        drop(group.spawn(async move {
            let _counted = counted;
            pending::<Result<(), ()>>().await
        }));
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn t21_control_a_child_that_is_not_looked_after_outlives_the_abort() {
    a_child_beside_the_cancel(|group, counted| {
        spawn_without_looking(group, async move {
            let _counted = counted;
            pending::<Result<(), ()>>().await
        });
    });
}
