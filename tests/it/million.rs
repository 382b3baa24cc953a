//! A million tasks.

use crate::support::{Flavor, scaled, wait};
use raddle::task;

/// Spawns them all, then joins them all.
async fn spawn_and_join(count: usize) -> usize {
    let tasks: Vec<_> = (0..count)
        .map(|number| {
            raddle::spawn(async move {
                if number % 16 == 0 {
                    task::yield_now().await;
                }
                1
            })
        })
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await.unwrap();
    }
    sum
}

#[test]
fn a_million_tasks_are_spawned_and_joined_on_several_workers() {
    let count = scaled(1_000_000);
    let running = Flavor::Workers(2).start();
    let task = running.handle().spawn(spawn_and_join(count));
    assert_eq!(wait("a million tasks", task).unwrap(), count);
}

#[test]
fn a_million_tasks_are_spawned_and_joined_by_a_root_future() {
    let count = scaled(1_000_000);
    for flavor in [Flavor::CurrentThread, Flavor::Workers(2)] {
        assert_eq!(flavor.build().block_on(spawn_and_join(count)), count);
    }
}

#[test]
fn a_million_tasks_come_and_go_a_few_at_a_time() {
    let bursts = scaled(1_000_000) / 64;
    for flavor in [Flavor::CurrentThread, Flavor::Workers(2)] {
        let running = flavor.start();
        let task = running.handle().spawn(async move {
            let mut sum = 0;
            for _ in 0..bursts {
                sum += spawn_and_join(64).await;
            }
            sum
        });
        assert_eq!(wait("a million tasks", task).unwrap(), bursts * 64);
    }
}
