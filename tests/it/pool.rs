//! `task::Pool`: never more at once than allowed, in the order asked for.

use crate::support::{DropCounter, Flavor, planned_panic, until, wait};
use raddle::sync::oneshot;
use raddle::task::{self, Pool};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

fn on_every_flavor<F: Future<Output = ()> + Send + 'static>(test: impl Fn() -> F) {
    for flavor in Flavor::ALL {
        let running = flavor.start();
        wait(&format!("the pool on {flavor:?}"), running.handle().spawn(test())).unwrap();
    }
}

#[test]
fn no_more_run_at_once_than_allowed_and_all_run() {
    on_every_flavor(|| async {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut pool = Pool::new(3);
        for number in 0..100_usize {
            let (now, most) = (now.clone(), most.clone());
            pool.spawn(async move {
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                task::yield_now().await;
                now.fetch_sub(1, SeqCst);
                number
            })
            .await;
            assert!(pool.running() <= 3);
        }
        let mut sum = 0;
        while let Some(output) = pool.next().await {
            sum += output.unwrap();
        }
        assert_eq!(sum, 4_950);
        assert!(most.load(SeqCst) <= 3 && pool.is_empty());
    });
}

#[test]
fn outputs_come_in_the_order_of_spawning_if_asked_for() {
    on_every_flavor(|| async {
        let mut pool = Pool::new(4).ordered();
        let mut senders = Vec::new();
        for number in 0..4 {
            let (send, receive) = oneshot::channel::<()>();
            senders.push(send);
            pool.spawn(async move {
                let _ = receive.await;
                if number == 2 {
                    planned_panic("the third");
                }
                number
            })
            .await;
        }
        // The last first.
        while let Some(sender) = senders.pop() {
            sender.send(()).unwrap();
        }
        let mut outputs = Vec::new();
        while let Some(output) = pool.next().await {
            outputs.push(output.ok());
        }
        assert_eq!(outputs, [Some(0), Some(1), None, Some(3)]);
    });
}

#[test]
fn a_full_pool_gives_the_future_back() {
    on_every_flavor(|| async {
        let mut pool = Pool::new(1);
        assert!(pool.try_spawn(std::future::ready(1)).is_ok());
        let first = pool.next().await.unwrap().unwrap();
        assert!(pool.try_spawn(std::future::ready(first + 1)).is_ok());
        let mut full = Pool::new(1);
        assert!(full.try_spawn(pending::<()>()).is_ok());
        assert!(full.try_spawn(pending::<()>()).is_err());
        full.abort_all();
        assert!(full.next().await.unwrap().unwrap_err().is_cancelled());
        assert_eq!(pool.next().await.unwrap().unwrap(), 2);
        assert!(pool.next().await.is_none());
    });
}

#[test]
fn dropping_a_pool_aborts_its_tasks() {
    let running = Flavor::Workers(1).start();
    let drops = DropCounter::new();
    let guard = drops.guard();
    let task = running.handle().spawn(async move {
        let mut pool = Pool::new(2);
        let task = async move {
            let _guard = guard;
            pending::<()>().await;
        };
        assert!(pool.try_spawn(task).is_ok());
        task::yield_now().await;
    });
    wait("the pool", task).unwrap();
    until("the task is dropped", || drops.count() == 1);
}
