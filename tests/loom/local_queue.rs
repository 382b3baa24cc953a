//! Q1 of `executor/src/queue/mod.rs`, for the stand-in that models run on in place of crossbeam-deque (which has
//! its own tests): no item is taken twice or lost, and what was written before a push is seen by whoever takes the item.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize as Unobserved;
use std::sync::atomic::Ordering::Relaxed;

use loom::cell::UnsafeCell;
use loom::thread;
use raddle::loom::internals::{Local, Push, Steal, Stealer};

use crate::executor_support::{model, open};

/// An item that its taker writes to, so that loom sees two takers, or one that did not synchronize with the push.
struct Item {
    touched: UnsafeCell<()>,
    taken: Arc<Unobserved>,
}

impl Item {
    fn new(taken: &Arc<Unobserved>) -> Item {
        Item { touched: UnsafeCell::new(()), taken: taken.clone() }
    }

    fn run(self) {
        self.touched.with_mut(|_| ());
        self.taken.fetch_add(1, Relaxed);
    }
}

fn steal(from: &Stealer<Item>, to: &Local<Item>) -> Option<Item> {
    loop {
        match from.steal_into(to) {
            Steal::Success(item) => return Some(item),
            Steal::Empty => return None,
            Steal::Retry => thread::yield_now(),
        }
    }
}

fn push(queue: &Local<Item>, taken: &Arc<Unobserved>) {
    assert!(matches!(queue.push(Item::new(taken)), Push::Done), "nobody has called");
}

fn run_all(queue: &Local<Item>) {
    while let Some(item) = queue.pop() {
        item.run();
    }
}

/// A thief that takes what it can get, beside what the owner does.
fn with_a_thief(items: usize, own: fn(&Local<Item>, &Arc<Unobserved>)) {
    model(3, move || {
        let taken = Arc::default();
        let (queue, stealer) = Local::shared();
        let thief = thread::spawn(move || {
            let (loot, _) = Local::shared();
            while let Some(item) = steal(&stealer, &loot) {
                item.run();
            }
        });
        own(&queue, &taken);
        thief.join().unwrap();
        assert_eq!(taken.load(Relaxed), items);
        assert_eq!(queue.len(), 0);
    });
}

#[test]
fn q1_owner_and_thief_never_take_the_same_item() {
    with_a_thief(2, |queue, taken| {
        open(queue);
        push(queue, taken);
        push(queue, taken);
        run_all(queue);
    });
}

#[test]
fn q1_what_is_exposed_late_is_taken_once() {
    with_a_thief(3, |queue, taken| {
        push(queue, taken);
        push(queue, taken);
        queue.expose();
        push(queue, taken);
        run_all(queue);
    });
}

#[test]
fn q1_what_is_taken_back_from_the_thieves_is_taken_once() {
    with_a_thief(3, |queue, taken| {
        open(queue);
        push(queue, taken);
        push(queue, taken);
        queue.close();
        push(queue, taken);
        run_all(queue);
    });
}

#[test]
fn q1_two_thieves_never_take_the_same_item() {
    model(3, || {
        let taken = Arc::default();
        let (queue, stealer) = Local::shared();
        let stealer = Arc::new(stealer);
        push(&queue, &taken);
        queue.expose();
        let thieves = [(); 2].map(|()| {
            let stealer = stealer.clone();
            thread::spawn(move || {
                let (loot, _) = Local::shared();
                if let Some(item) = steal(&stealer, &loot) {
                    item.run();
                }
            })
        });
        thieves.into_iter().for_each(|thief| thief.join().unwrap());
        assert_eq!(taken.load(Relaxed), 1);
    });
}
