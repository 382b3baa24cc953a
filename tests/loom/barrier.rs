//! Rules G1 to G3 of the barrier.

use crate::sync_support::once;
use loom::{
    future::block_on,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use raddle_sync::{
    Barrier,
    loom::internals::{WaitQueue, Waiter},
};
use std::pin::pin;

#[test]
fn g2_nobody_passes_before_all_have_come_and_one_leads() {
    loom::model(|| {
        let shared = Arc::new((Barrier::new(2), AtomicUsize::new(0)));
        let meet = |shared: &(Barrier, AtomicUsize)| {
            shared.1.fetch_add(1, Ordering::Relaxed);
            let leads = block_on(shared.0.wait()).is_leader();
            assert_eq!(shared.1.load(Ordering::Relaxed), 2, "somebody went ahead");
            leads
        };
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || meet(&shared))
        };
        let here = meet(&shared);
        assert_ne!(here, other.join().unwrap(), "one of them leads");
    });
}

#[test]
fn g2_a_round_is_complete_before_the_next_begins() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let other = {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || {
                barrier.blocking_wait();
                barrier.blocking_wait();
            })
        };
        barrier.blocking_wait();
        barrier.blocking_wait();
        other.join().unwrap();
        assert_eq!(barrier.stats().waiters, 0);
    });
}

#[test]
fn g3_who_leaves_is_not_counted() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(3));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                thread::spawn(move || drop(block_on(once(barrier.wait()))))
            })
            .collect();
        assert!(block_on(once(barrier.wait())).is_none_or(|result| result.is_leader()));
        for other in others {
            other.join().unwrap();
        }
        assert!(format!("{barrier:?}").contains("waiting: 0"), "somebody who left is counted");
    });
}

#[test]
#[should_panic(expected = "somebody who left is counted")]
fn g3_control_a_count_that_knows_nothing_of_leaving_counts_him() {
    loom::model(|| {
        let queue = Arc::new(WaitQueue::new(0usize));
        let leave = |queue: &WaitQueue<usize>| {
            let waiter = pin!(Waiter::new(queue));
            let mut locked = queue.lock();
            *locked += 1;
            locked.push_back(waiter.as_ref(), 1, None);
        };
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || leave(&queue))
        };
        leave(&queue);
        other.join().unwrap();
        assert_eq!(*queue.lock(), 0, "somebody who left is counted");
    });
}
