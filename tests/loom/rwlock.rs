//! Rules X1 to X5 of the reader-writer lock.

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
    RwLock, RwLockUpgradableReadGuard,
    loom::internals::{Standing, WaitQueue, Waiter},
};
use std::{future::poll_fn, pin::pin, task::Poll};

/// Two counters that a writer changes one after the other, in steps that order nothing: a reader
/// finds them equal only if no writer is inside with it, and the last one's work is visible.
#[derive(Default)]
struct Pair(AtomicUsize, AtomicUsize);

impl Pair {
    fn write(&self) {
        let next = self.0.load(Ordering::Relaxed) + 1;
        self.0.store(next, Ordering::Relaxed);
        assert_eq!(self.1.load(Ordering::Relaxed) + 1, next, "torn");
        self.1.store(next, Ordering::Relaxed);
    }

    fn read(&self) -> usize {
        // In the order in which they are written: torn if a writer comes in between.
        let first = self.0.load(Ordering::Relaxed);
        assert_eq!(first, self.1.load(Ordering::Relaxed), "torn");
        first
    }
}

fn spawn<T: Send + Sync + 'static>(
    shared: &Arc<T>,
    work: impl FnOnce(&T) + Send + 'static,
) -> thread::JoinHandle<()> {
    let shared = Arc::clone(shared);
    thread::spawn(move || work(&shared))
}

/// Waits for threads that may have waited for this one: loom itself notices if they do for ever.
fn join(others: Vec<thread::JoinHandle<()>>) {
    others.into_iter().for_each(|other| other.join().unwrap());
}

#[test]
fn x1_a_writer_is_alone_and_readers_see_what_it_did() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(Pair::default()));
        let writer = spawn(&lock, |lock| block_on(lock.write()).write());
        let reader = spawn(&lock, |lock| _ = block_on(lock.read()).read());
        let seen = block_on(lock.read()).read();
        writer.join().unwrap();
        reader.join().unwrap();
        assert!(seen <= 1);
        assert_eq!(lock.try_read().unwrap().read(), 1);
        assert!(lock.try_write().is_ok());
    });
}

/// A lock whose readers look first and add themselves later: what X2 forbids.
fn look_then_add(in_one_step: bool) {
    loom::model(move || {
        let shared = Arc::new((AtomicUsize::new(0), Pair::default()));
        let writer = spawn(&shared, |(word, pair)| {
            if word.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                pair.write();
                word.fetch_sub(1, Ordering::Release);
            }
        });
        let (word, pair) = &*shared;
        let before = if in_one_step {
            word.fetch_add(8, Ordering::Acquire)
        } else {
            let before = word.load(Ordering::Acquire);
            word.fetch_add(8, Ordering::Acquire);
            before
        };
        if before & 1 == 0 {
            pair.read();
        }
        word.fetch_sub(8, Ordering::Release);
        writer.join().unwrap();
    });
}

#[test]
fn x2_a_reader_that_adds_itself_and_looks_in_one_step_meets_no_writer() {
    look_then_add(true);
}

#[test]
#[should_panic(expected = "torn")]
fn x2_control_a_reader_that_looks_first_meets_a_writer() {
    look_then_add(false);
}

#[test]
fn x3_a_writer_lining_up_and_the_last_reader_see_each_other() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(Pair::default()));
        let reader = spawn(&lock, |lock| _ = block_on(lock.read()).read());
        run_beside(vec![reader], async { lock.write().await.write() });
    });
}

#[test]
fn x3_two_writers_and_a_reader_all_come_in() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(Pair::default()));
        let others = vec![
            spawn(&lock, |lock| block_on(lock.write()).write()),
            spawn(&lock, |lock| lock.blocking_write().write()),
        ];
        block_on(lock.read()).read();
        join(others);
        assert_eq!(lock.try_write().unwrap().read(), 2);
    });
}

/// One writer, readers that never have to line up, and X4 left out at will.
struct Toy {
    word: AtomicUsize,
    queue: WaitQueue<()>,
    serves_when_taking_back: bool,
}

impl Toy {
    fn read(&self) {
        let before = self.word.fetch_add(8, Ordering::Acquire);
        self.leave(before & 3 == 0);
    }

    fn leave(&self, came_in: bool) {
        if self.word.fetch_sub(8, Ordering::Release) == 8 + 2
            && (came_in || self.serves_when_taking_back)
        {
            let mut locked = self.queue.lock();
            let granted = self
                .word
                .compare_exchange(2, 1, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
                .then(|| locked.pop_front(Standing::Granted));
            drop(locked);
            if let Some(Some(Some(waker))) = granted {
                waker.wake();
            }
        }
    }

    async fn write(&self) {
        let waiter = pin!(Waiter::new(&self.queue));
        let waiter = waiter.as_ref();
        poll_fn(|cx| {
            if waiter.standing() == Standing::Granted {
                return Poll::Ready(());
            }
            let mut locked = self.queue.lock();
            loop {
                let exchange = |from, to| {
                    self.word.compare_exchange(from, to, Ordering::Acquire, Ordering::Relaxed)
                };
                match exchange(0, 1) {
                    Ok(_) => return Poll::Ready(()),
                    Err(word) if exchange(word, word | 2).is_ok() => break,
                    Err(_) => {}
                }
            }
            locked.push_back(waiter, 1, Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

fn taking_back(serves_when_taking_back: bool) {
    loom::model(move || {
        let toy = Arc::new(Toy {
            word: AtomicUsize::new(8), // One reader, who leaves.
            queue: WaitQueue::new(()),
            serves_when_taking_back,
        });
        let others = vec![spawn(&toy, |toy| toy.leave(true)), spawn(&toy, Toy::read)];
        run_beside(others, toy.write());
    });
}

#[test]
fn x4_a_reader_that_takes_its_one_back_serves_the_writer_it_held_up() {
    taking_back(true);
    loom::model(|| {
        let lock = Arc::new(RwLock::new(()));
        let others = vec![
            spawn(&lock, |lock| drop(block_on(once(lock.read())))),
            spawn(&lock, |lock| drop(block_on(once(lock.read())))),
        ];
        run_beside(others, async { drop(lock.write().await) });
        assert!(lock.try_write().is_ok());
    });
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn x4_control_if_it_does_not_the_writer_sleeps_for_ever() {
    taking_back(false);
}

#[test]
fn x4_a_writer_that_gives_up_lets_the_reader_behind_it_in() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(()));
        let held = lock.try_read().unwrap();
        let impatient = spawn(&lock, |lock| drop(block_on(once(lock.write()))));
        // Leaves in the middle of it, or not at all before the end.
        run_beside(vec![impatient], async { drop(lock.read().await) });
        drop(held);
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn l4_a_writer_dropped_after_being_let_in_leaves() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(Pair::default()));
        let others = vec![
            spawn(&lock, |lock| drop(block_on(once(lock.write())))),
            spawn(&lock, |lock| lock.blocking_write().write()),
        ];
        drop(block_on(lock.read()));
        join(others);
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn x1_between_an_upgradable_read_and_its_upgrade_nobody_writes() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(Pair::default()));
        let others = vec![
            spawn(&lock, |lock| block_on(lock.write()).write()),
            spawn(&lock, |lock| drop(block_on(once(lock.read())))),
        ];
        block_on(async {
            let guard = lock.upgradable_read().await;
            let seen = guard.read();
            let guard = RwLockUpgradableReadGuard::upgrade(guard).await;
            guard.write();
            assert_eq!(guard.read(), seen + 1);
        });
        join(others);
        assert_eq!(lock.try_write().unwrap().read(), 2);
    });
}

#[test]
fn x5_an_upgrade_that_is_dropped_leaves_and_lets_the_writer_in() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(()));
        let reading = lock.try_read().unwrap();
        let impatient = spawn(&lock, |lock| {
            let Ok(upgradable) = lock.try_upgradable_read() else { return };
            drop(block_on(once(RwLockUpgradableReadGuard::upgrade(upgradable))));
        });
        drop(reading);
        run_beside(vec![impatient], async { drop(lock.write().await) });
        assert!(lock.try_upgradable_read().is_ok());
    });
}

#[test]
fn x4_of_as_many_readers_as_there_may_be_one_that_leaves_lets_another_in() {
    loom::model(|| {
        let lock = Arc::new(RwLock::with_max_readers((), 1));
        let others = vec![
            spawn(&lock, |lock| drop(block_on(lock.read()))),
            spawn(&lock, |lock| drop(block_on(once(lock.read())))),
        ];
        drop(block_on(lock.read()));
        join(others);
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn x4_a_writer_that_steps_down_lets_readers_in() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(Pair::default()));
        let writer = spawn(&lock, |lock| {
            let guard = block_on(lock.write());
            guard.write();
            let guard = guard.downgrade();
            assert_eq!(guard.read(), 1);
        });
        run_beside(vec![writer], async { lock.read().await.read() });
    });
}
