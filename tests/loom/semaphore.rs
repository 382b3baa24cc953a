//! Rules M1 to M4 and M6 of the permits behind semaphore and mutex.

use crate::sync_support::{once, run_beside};
use loom::{
    future::block_on,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use raddle_sync::{
    Notify, Semaphore,
    loom::internals::{Look, Patience, Standing, WaitQueue, Waiter},
};
use std::{future::poll_fn, pin::pin, task::Poll};

#[test]
fn m1_a_release_and_a_waiter_lining_up_see_each_other() {
    loom::model(|| {
        let gate = Arc::new(Semaphore::new(1));
        let other = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || drop(block_on(gate.acquire()).unwrap()))
        };
        drop(block_on(gate.acquire()).unwrap());
        other.join().unwrap();
        assert_eq!(gate.available_permits(), 1);
    });
}

/// Permits in one word, the line's flag in another: what M1 forbids.
struct TwoWords {
    permits: AtomicUsize,
    waiters: AtomicUsize,
    queue: WaitQueue<()>,
}

impl TwoWords {
    fn release(&self) {
        if self.waiters.load(Ordering::Acquire) == 0 {
            self.permits.fetch_add(1, Ordering::AcqRel);
        } else if let Some(Some(waker)) = self.queue.lock().pop_front(Standing::Granted) {
            waker.wake();
        }
    }

    async fn acquire(&self) {
        let waiter = pin!(Waiter::new(&self.queue));
        let waiter = waiter.as_ref();
        poll_fn(|cx| {
            if waiter.standing() == Standing::Granted {
                return Poll::Ready(());
            }
            let mut locked = self.queue.lock();
            if self.permits.load(Ordering::Acquire) > 0 {
                self.permits.fetch_sub(1, Ordering::AcqRel);
                return Poll::Ready(());
            }
            self.waiters.store(1, Ordering::Release);
            locked.push_back(waiter, 1, Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn m1_control_with_the_flag_in_a_word_of_its_own_they_miss_each_other() {
    loom::model(|| {
        let gate = Arc::new(TwoWords {
            permits: AtomicUsize::new(0),
            waiters: AtomicUsize::new(0),
            queue: WaitQueue::new(()),
        });
        let other = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || gate.release())
        };
        run_beside(vec![other], gate.acquire());
    });
}

#[test]
fn m3_permits_are_conserved_when_a_large_request_is_dropped_halfway() {
    loom::model(|| {
        let gate = Arc::new(Semaphore::new(1));
        let large = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || drop(block_on(once(gate.acquire_many(2)))))
        };
        let small = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || drop(block_on(gate.acquire()).unwrap()))
        };
        gate.add_permits(1);
        large.join().unwrap();
        small.join().unwrap();
        assert_eq!(gate.available_permits(), 2);
    });
}

#[test]
fn m2_permits_added_at_once_reach_all_in_line() {
    loom::model(|| {
        let gate = Arc::new(Semaphore::new(0));
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let gate = Arc::clone(&gate);
                thread::spawn(move || block_on(gate.acquire()).unwrap().forget())
            })
            .collect();
        gate.add_permits(2);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(gate.available_permits(), 0);
    });
}

#[test]
fn m4_close_reaches_whoever_waits_and_permits_come_back() {
    loom::model(|| {
        let gate = Arc::new(Semaphore::new(1));
        let waiter = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || block_on(gate.acquire_many(2)).is_err())
        };
        gate.close();
        assert!(waiter.join().unwrap());
        assert_eq!(gate.available_permits(), 1);
    });
}

#[test]
fn m4_who_finds_it_closed_sees_what_came_before() {
    loom::model(|| {
        let shared = Arc::new((Semaphore::new(0), AtomicUsize::new(0)));
        let closer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.1.store(1, Ordering::Relaxed);
                shared.0.close();
            })
        };
        run_beside(vec![closer], async {
            assert!(shared.0.acquire().await.is_err());
            assert_eq!(shared.1.load(Ordering::Relaxed), 1);
        });
    });
}

#[test]
fn l4_a_blocking_and_an_impatient_acquire_share_one_permit() {
    loom::model(|| {
        let gate = Arc::new(Semaphore::new(0));
        let impatient = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || drop(block_on(once(gate.acquire()))))
        };
        let patient = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || drop(gate.blocking_acquire().unwrap()))
        };
        gate.add_permits(1);
        impatient.join().unwrap();
        patient.join().unwrap();
        assert_eq!(gate.available_permits(), 1);
    });
}

/// What the next model needs of a semaphore with one permit.
trait OnePermit: Send + Sync + 'static {
    fn acquire(&self) -> impl Future<Output = ()> + Send;
    fn release(&self);
}

impl OnePermit for Semaphore {
    async fn acquire(&self) {
        Semaphore::acquire(self).await.unwrap().forget();
    }

    fn release(&self) {
        self.add_permits(1);
    }
}

/// Gives a permit to whoever comes by, whether others wait or not.
struct Barging {
    free: AtomicUsize,
    released: Notify,
}

impl OnePermit for Barging {
    async fn acquire(&self) {
        while self.free.swap(0, Ordering::Acquire) == 0 {
            self.released.notified().await;
        }
    }

    fn release(&self) {
        self.free.store(1, Ordering::Release);
        self.released.notify_one();
    }
}

/// One in line, and another that comes, and may look again, while the permit is released.
fn line_against_newcomer<P: OnePermit>(taken: fn() -> P) {
    loom::model(move || {
        let gate = Arc::new(taken());
        let first = {
            let gate = Arc::clone(&gate);
            async move { gate.acquire().await }
        };
        let mut first = Box::pin(first);
        assert!(block_on(once(first.as_mut())).is_none());
        let second = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || _ = block_on(once(gate.acquire())))
        };
        gate.release();
        let overtaken = block_on(once(first.as_mut())).is_none();
        second.join().unwrap();
        drop(first); // Takes a lock, which a model cannot do while it fails.
        assert!(!overtaken, "who came second was first");
    });
}

#[test]
fn m6_who_looks_again_overtakes_nobody_in_line() {
    line_against_newcomer(|| Semaphore::new(0));
}

#[test]
#[should_panic(expected = "who came second was first")]
fn m6_control_where_permits_go_to_whoever_comes_by_the_line_is_overtaken() {
    line_against_newcomer(|| Barging { free: AtomicUsize::new(0), released: Notify::new() });
}

/// How often a visitor looks at a lock that stays taken.
fn looks_in_vain(patience: &Patience) -> usize {
    let mut looks = 0;
    assert!(!patience.look_again(|| {
        looks += 1;
        Look::Busy
    }));
    looks
}

#[test]
fn m6_a_lock_that_stays_taken_is_looked_at_ever_more_seldom() {
    let mut model = loom::model::Builder::new();
    model.max_branches = 50_000; // Of one thread, which has no choice.
    model.check(|| {
        let patience = Patience::new();
        let looks: Vec<_> = (0..2_200).map(|_| looks_in_vain(&patience)).collect();
        // The first visitor, and whoever comes after 1024 who got in line at once.
        assert_eq!(looks.iter().filter(|&&looks| looks > 0).count(), 3);
        assert!(looks.iter().all(|&looks| looks <= 6), "{looks:?}");
    });
}

#[test]
fn m6_a_lock_that_is_let_go_soon_gains_patience_up_to_a_bound() {
    loom::model(|| {
        let patience = Patience::new();
        for _ in 0..20 {
            assert!(patience.look_again(|| Look::Taken));
        }
        assert!((7..100).contains(&looks_in_vain(&patience)), "one failure costs half");
        assert!(!patience.look_again(|| Look::Hopeless));
        assert!(looks_in_vain(&patience) > 7, "a line says nothing about the lock");
    });
}
