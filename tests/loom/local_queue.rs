//! Q1 of `executor/src/queue/mod.rs`, for the stand-in that models run on in place of crossbeam-deque (which has
//! its own tests): no item is taken twice or lost, and what was written before a push is seen by whoever takes the item.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize as Unobserved;
use std::sync::atomic::Ordering::Relaxed;

use loom::cell::UnsafeCell;
use loom::thread;
use raddle::loom::internals::{Local, Steal, Stealer};

use crate::executor_support::model;

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

#[test]
fn q1_owner_and_thief_never_take_the_same_item() {
    model(3, || {
        let taken = Arc::default();
        let (queue, stealer) = Local::shared();
        queue.push(Item::new(&taken));
        let thief = thread::spawn(move || {
            let (own, _) = Local::shared();
            while let Some(item) = steal(&stealer, &own) {
                item.run();
            }
        });
        queue.push(Item::new(&taken));
        while let Some(item) = queue.pop() {
            item.run();
        }
        thief.join().unwrap();
        assert_eq!(taken.load(Relaxed), 2);
        assert_eq!(queue.len(), 0);
    });
}

#[test]
fn q1_two_thieves_never_take_the_same_item() {
    model(3, || {
        let taken = Arc::default();
        let (queue, stealer) = Local::shared();
        let stealer = Arc::new(stealer);
        queue.push(Item::new(&taken));
        let thieves = [(); 2].map(|()| {
            let stealer = stealer.clone();
            thread::spawn(move || {
                let (own, _) = Local::shared();
                if let Some(item) = steal(&stealer, &own) {
                    item.run();
                }
            })
        });
        thieves.into_iter().for_each(|thief| thief.join().unwrap());
        assert_eq!(taken.load(Relaxed), 1);
    });
}
