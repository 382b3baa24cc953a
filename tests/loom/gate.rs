//! Q8 to Q10 of `executor/src/queue/gate.rs`: owner and rescuer are never in a queue's private part at once, and what is
//! pushed while a rescuer looks is found by it, or told of.
//!
//! The negative controls leave out one side's fence. (A model has only ordinary ones; that the owner's may be a
//! compiler's fence, if the rescuer's is one of every core, is the system's promise.)

use std::sync::Arc;
use std::sync::atomic::AtomicUsize as Unobserved;
use std::sync::atomic::Ordering::Relaxed;

use loom::cell::UnsafeCell;
use loom::thread;
use raddle::loom::internals::{Local, Part, Push, Rescue, Stealer, without_fences};

use crate::executor_support::{model, open};

/// An item whose taker writes to it.
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

/// Leaves out the fences of one side.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    OwnersFence,
    RescuersFence,
}

impl Without {
    fn fences_of<R>(self, side: Without, step: impl FnOnce() -> R) -> R {
        if self == side { without_fences(step) } else { step() }
    }
}

fn pop_all(queue: &Local<Item>) {
    while let Some(item) = queue.pop() {
        item.run();
    }
}

fn rescue(stealer: &Stealer<Item>) -> Rescue {
    let mut rescued = Vec::new();
    let outcome = stealer.rescue_into(&mut rescued, Part::All);
    assert_eq!(matches!(outcome, Rescue::Some | Rescue::All), !rescued.is_empty());
    rescued.into_iter().for_each(Item::run);
    outcome
}

/// The owner pushes two and pops what it finds, while a rescuer comes.
fn an_owner_and_a_rescuer(without: Without) {
    model(3, move || {
        let taken = Arc::default();
        let (queue, stealer) = Local::shared();
        let rescuer = thread::spawn(move || {
            without.fences_of(Without::RescuersFence, || drop(rescue(&stealer)));
        });
        without.fences_of(Without::OwnersFence, || {
            let _ = queue.push(Item::new(&taken));
            let _ = queue.push(Item::new(&taken));
            pop_all(&queue);
        });
        rescuer.join().unwrap();
        assert_eq!(taken.load(Relaxed), 2);
    });
}

#[test]
fn q8_owner_and_rescuer_take_each_item_once() {
    an_owner_and_a_rescuer(Without::Nothing);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn q8_fails_without_the_owners_fence() {
    an_owner_and_a_rescuer(Without::OwnersFence);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn q8_fails_without_the_rescuers_fence() {
    an_owner_and_a_rescuer(Without::RescuersFence);
}

#[test]
fn q8_two_rescuers_take_each_item_once() {
    model(3, || {
        let taken = Arc::default();
        let (queue, stealer) = Local::shared();
        assert!(matches!(queue.push(Item::new(&taken)), Push::Done));
        let stealer = Arc::new(stealer);
        let other = thread::spawn({
            let stealer = stealer.clone();
            move || drop(rescue(&stealer))
        });
        drop(rescue(&stealer));
        other.join().unwrap();
        pop_all(&queue);
        assert_eq!(taken.load(Relaxed), 1);
    });
}

/// A push, while a rescuer comes: it is found, or told of, or the rescuer knows that it has to come again.
fn a_push_and_a_rescuer(without: Without) {
    model(3, move || {
        let taken = Arc::default();
        let (queue, stealer) = Local::shared();
        let rescuer =
            thread::spawn(move || without.fences_of(Without::RescuersFence, || rescue(&stealer)));
        let told = without.fences_of(Without::OwnersFence, || queue.push(Item::new(&taken)));
        let outcome = rescuer.join().unwrap();
        assert!(
            matches!(told, Push::Called) || outcome != Rescue::Nothing,
            "a push was missed, and nobody told"
        );
    });
}

#[test]
fn q10_a_push_is_found_or_told_of() {
    a_push_and_a_rescuer(Without::Nothing);
}

#[test]
// The same fence guards the item itself (Q8), and that is seen first.
#[should_panic(expected = "Causality violation: Concurrent write accesses")]
fn q10_fails_without_the_owners_fence() {
    a_push_and_a_rescuer(Without::OwnersFence);
}

#[test]
// As above.
#[should_panic(expected = "Causality violation: Concurrent write accesses")]
fn q10_fails_without_the_rescuers_fence() {
    a_push_and_a_rescuer(Without::RescuersFence);
}

/// A push to the exposed part, while a rescuer calls: it is told of, or the rescuer's look there sees it. (That the owner
/// has to hear a rescuer at work, and not only its call, cannot be shown here: the look has a fence of its own, as
/// crossbeam's has, and in a model that pairs with the owner's. The real one pairs with a heavy one only, and that comes
/// before the call.)
fn an_exposed_push_and_a_call(without: Without) {
    model(3, move || {
        let taken = Arc::default();
        let (queue, stealer) = Local::shared();
        open(&queue);
        let rescuer = thread::spawn(move || {
            without.fences_of(Without::RescuersFence, || {
                assert_eq!(rescue(&stealer), Rescue::Nothing);
                (stealer.is_called(), stealer.len())
            })
        });
        let told = without.fences_of(Without::OwnersFence, || queue.push(Item::new(&taken)));
        let (is_called, exposed) = rescuer.join().unwrap();
        assert!(is_called);
        assert!(matches!(told, Push::Called) || exposed > 0, "a push was missed, and nobody told");
    });
}

#[test]
fn q10_a_push_to_the_exposed_part_is_seen_or_told_of() {
    an_exposed_push_and_a_call(Without::Nothing);
}

#[test]
#[should_panic(expected = "a push was missed")]
fn q10_fails_for_the_exposed_part_without_the_owners_fence() {
    an_exposed_push_and_a_call(Without::OwnersFence);
}

/// A push onto a call, while a rescuer comes and is refused: no call is left over it.
#[test]
fn q10_a_refused_rescuer_leaves_no_call_behind_a_push() {
    model(3, || {
        let taken = Arc::default();
        let (queue, stealer) = Local::shared();
        assert!(queue.call());
        let stealer = Arc::new(stealer);
        let rescuer = thread::spawn({
            let stealer = stealer.clone();
            move || rescue(&stealer)
        });
        let _ = queue.push(Item::new(&taken));
        queue.take_call();
        let outcome = rescuer.join().unwrap();
        let is_taken = matches!(outcome, Rescue::Some | Rescue::All);
        assert!(is_taken || !stealer.is_called(), "called, and not empty");
    });
}
