//! Q2 and Q4 of `executor/src/queue/mod.rs`, for the stand-in that models run on in place of crossbeam-deque: the
//! injector loses nothing between several producers and consumers.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize as Unobserved;
use std::sync::atomic::Ordering::Relaxed;

use loom::cell::UnsafeCell;
use loom::thread;
use raddle::loom::internals::{Inject, Local, Steal};

use crate::executor_support::model;

struct Item(UnsafeCell<()>);

impl Item {
    fn new() -> Item {
        Item(UnsafeCell::new(()))
    }

    fn run(self) {
        self.0.with_mut(|_| ());
    }
}

fn take(injector: &Inject<Item>, to: &Local<Item>) -> Option<Item> {
    loop {
        match injector.take_share(to, 2) {
            Steal::Success(item) => return Some(item),
            Steal::Empty => return None,
            Steal::Retry => thread::yield_now(),
        }
    }
}

/// Takes what there is.
fn drain(injector: &Inject<Item>) -> usize {
    let (own, _) = Local::shared();
    let mut taken = 0;
    while let Some(item) = take(injector, &own).or_else(|| own.pop()) {
        item.run();
        taken += 1;
    }
    taken
}

#[test]
fn q2_what_two_threads_push_is_taken_once() {
    model(3, || {
        let injector = Arc::new(Inject::default());
        let other = thread::spawn({
            let injector = injector.clone();
            move || injector.push(Item::new())
        });
        injector.push(Item::new());
        let early = drain(&injector);
        other.join().unwrap();
        assert_eq!(early + drain(&injector), 2);
        assert!(injector.is_empty());
    });
}

#[test]
fn q2_two_takers_share_what_was_pushed() {
    model(3, || {
        let injector = Arc::new(Inject::default());
        injector.push(Item::new());
        let taken = Arc::new(Unobserved::new(0));
        let other = thread::spawn({
            let (injector, taken) = (injector.clone(), taken.clone());
            move || {
                taken.fetch_add(drain(&injector), Relaxed);
            }
        });
        injector.push(Item::new());
        taken.fetch_add(drain(&injector), Relaxed);
        other.join().unwrap();
        assert_eq!(taken.load(Relaxed), 2);
    });
}

/// Being found empty orders nothing: without a fence a push can be missed by a look that comes after another event.
/// The models of the parking protocol rest on the stand-in showing this.
#[test]
#[should_panic(expected = "neither saw the other")]
fn q4_fails_to_be_a_fence() {
    model(3, || {
        let injector = Arc::new(Inject::default());
        let flag = Arc::new(loom::sync::atomic::AtomicBool::new(false));
        let pusher = thread::spawn({
            let (injector, flag) = (injector.clone(), flag.clone());
            move || {
                injector.push(Item::new());
                flag.load(Relaxed)
            }
        });
        flag.store(true, Relaxed);
        let saw_item = !injector.is_empty();
        let saw_flag = pusher.join().unwrap();
        assert_eq!(drain(&injector), 1);
        assert!(saw_item || saw_flag, "neither saw the other");
    });
}
