//! Once cell, set-once and atomic waker against an optional value and who waits for it.

use crate::props_support::{Line, Place, Waiting, config, pick};
use crate::support::{CountingWaker, catch, planned_panic};
use proptest::{collection::vec, prelude::*};
use raddle_sync::{AtomicWaker, OnceCell, SetOnce};
use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

/// How the making of a value ends.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Value,
    Failure,
    Panic,
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Init,
    /// Decides how one of the makings ends, when it is polled next.
    Decide(u8, Outcome),
    Set,
    Poll(u8, bool),
    Drop(u8),
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let outcome = prop_oneof![
        1 => Just(Outcome::Value),
        4 => Just(Outcome::Failure),
        2 => Just(Outcome::Panic),
    ];
    prop_oneof![
        8 => Just(Init),
        5 => (any::<u8>(), outcome).prop_map(|(which, outcome)| Decide(which, outcome)),
        1 => Just(Set),
        8 => any::<(u8, bool)>().prop_map(|(which, another)| Poll(which, another)),
        5 => any::<u8>().prop_map(Drop),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Standing {
    /// Waits for the one who makes the value.
    InLine(u64),
    Making,
}

struct Caller<'a> {
    value: u64,
    standing: Standing,
    decision: Rc<Cell<Option<Outcome>>>,
    waiting: Waiting<'a, Result<u64, ()>>,
}

struct World<'a> {
    cell: &'a OnceCell<u64>,
    /// One unit: the right to make the value.
    line: Line,
    value: Option<u64>,
    callers: Vec<Caller<'a>>,
    made: u64,
}

impl World<'_> {
    fn filled(&mut self, value: u64) {
        assert_eq!(self.value.replace(value), None, "two made it");
        self.line.close();
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Init => {
                self.made += 1;
                let (cell, value, decision) = (self.cell, self.made, Rc::<Cell<_>>::default());
                let made = {
                    let decision = Rc::clone(&decision);
                    poll_fn(move |_| match decision.get() {
                        None => Poll::Pending,
                        Some(Outcome::Value) => Poll::Ready(Ok(value)),
                        Some(Outcome::Failure) => Poll::Ready(Err(())),
                        Some(Outcome::Panic) => planned_panic("making a value"),
                    })
                };
                let getting = async move { cell.get_or_try_init(|| made).await.copied() };
                match Waiting::start(getting) {
                    Ok(seen) => assert!(self.value.is_some() && seen.ok() == self.value),
                    Err(waiting) => {
                        assert!(self.value.is_none(), "waits for what is there");
                        let standing = match self.line.take_now(1) {
                            true => Standing::Making,
                            false => Standing::InLine(self.line.wait(1)),
                        };
                        self.callers.push(Caller { value, standing, decision, waiting });
                    }
                }
            }
            Operation::Decide(which, outcome) => {
                if let Some(index) = pick(which, self.callers.len()) {
                    self.callers[index].decision.set(Some(outcome));
                }
            }
            Operation::Set => {
                self.made += 1;
                match self.cell.set(self.made) {
                    Ok(()) => {
                        assert!(self.line.take_now(1), "somebody was making it");
                        self.filled(self.made);
                    }
                    Err(error) => {
                        assert_eq!(error.is_already_init_err(), self.value.is_some());
                        assert!(!self.line.take_now(1), "nobody was making it");
                    }
                }
            }
            Operation::Poll(which, another) => {
                let Some(index) = pick(which, self.callers.len()) else { return };
                let Caller { value, standing, decision, waiting } = &mut self.callers[index];
                let (value, decision) = (*value, decision.get());
                let polled = catch(|| waiting.poll(another));
                if let Standing::InLine(number) = *standing {
                    match self.line.place(number) {
                        Place::Lacks(_) => {
                            assert!(matches!(polled, Ok(Poll::Pending)), "not served yet");
                            return;
                        }
                        Place::Refused(_) => {
                            let Ok(Poll::Ready(seen)) = polled else { panic!("it is there") };
                            assert_eq!(seen.ok(), self.value);
                            self.line.ended(number);
                            drop(self.callers.swap_remove(index));
                            return;
                        }
                        Place::Served => {
                            self.line.ended(number);
                            *standing = Standing::Making;
                        }
                    }
                }
                match (decision, polled) {
                    (None, Ok(Poll::Pending)) => return,
                    (Some(Outcome::Value), Ok(Poll::Ready(Ok(seen)))) => {
                        assert_eq!(seen, value);
                        self.filled(value);
                    }
                    (Some(Outcome::Failure), Ok(Poll::Ready(Err(())))) => self.line.give(1),
                    (Some(Outcome::Panic), Err(_)) => self.line.give(1),
                    (decision, _) => panic!("decided {decision:?}, and it went otherwise"),
                }
                drop(self.callers.swap_remove(index));
            }
            Operation::Drop(which) => {
                let Some(index) = pick(which, self.callers.len()) else { return };
                let Caller { standing, waiting, .. } = self.callers.swap_remove(index);
                drop(waiting);
                match standing {
                    Standing::InLine(number) => self.line.leave(number),
                    Standing::Making => self.line.give(1),
                }
            }
        }
    }

    fn compare(&self) {
        assert_eq!(self.cell.get().copied(), self.value);
        for Caller { standing, waiting, value, .. } in &self.callers {
            let woken = match *standing {
                Standing::InLine(number) => !matches!(self.line.place(number), Place::Lacks(_)),
                Standing::Making => false,
            };
            assert_eq!(waiting.wakes_since_poll(), usize::from(woken), "wake-ups of {value}");
        }
    }
}

/// What is done to an atomic waker.
#[derive(Clone, Copy, Debug)]
enum Step {
    Register(usize),
    Wake,
    Take,
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_once_cell_is_an_optional_value_and_the_right_to_make_it(
        operations in vec(operation(), 1..80),
    ) {
        let cell = OnceCell::new();
        let mut world = World {
            cell: &cell,
            line: Line::new(1),
            value: None,
            callers: Vec::new(),
            made: 0,
        };
        for operation in operations {
            world.apply(operation);
            world.compare();
        }
        while !world.callers.is_empty() {
            world.apply(Operation::Drop(3));
            world.compare();
        }
        // Whoever comes now, makes it or finds it.
        let made = world.value.is_none();
        assert_eq!(cell.set(0).is_ok(), made, "the right to make it was lost");
    }

    #[test]
    fn a_set_once_is_an_optional_value_and_a_crowd(operations in vec(operation(), 1..40)) {
        let once = SetOnce::new();
        let (mut value, mut made, mut crowd) = (None, 0_u64, Vec::new());
        for operation in operations {
            match operation {
                Operation::Set => {
                    made += 1;
                    match once.set(made) {
                        Ok(()) => assert_eq!(value.replace(made), None, "set twice"),
                        Err(error) => assert!(value.is_some() && error.0 == made),
                    }
                }
                Operation::Init | Operation::Decide(..) => match Waiting::start(once.wait()) {
                    Ok(seen) => assert_eq!(Some(*seen), value),
                    Err(waiting) => {
                        assert!(value.is_none(), "waits for what is there");
                        crowd.push(waiting);
                    }
                },
                Operation::Poll(which, another) => if let Some(index) = pick(which, crowd.len()) {
                    match crowd[index].poll(another) {
                        Poll::Pending => assert!(value.is_none()),
                        Poll::Ready(seen) => {
                            assert_eq!(Some(*seen), value);
                            drop(crowd.swap_remove(index));
                        }
                    }
                },
                Operation::Drop(which) => if let Some(index) = pick(which, crowd.len()) {
                    drop(crowd.swap_remove(index));
                },
            }
            assert_eq!(once.get().copied(), value);
            for waiting in &crowd {
                assert_eq!(waiting.wakes(), usize::from(value.is_some()), "wake-ups");
            }
        }
    }

    #[test]
    fn an_atomic_waker_is_a_place_for_one_waker(
        steps in vec(prop_oneof![
            (0..3_usize).prop_map(Step::Register),
            Just(Step::Wake),
            Just(Step::Take),
        ], 1..40),
    ) {
        let place = AtomicWaker::new();
        let wakers: Vec<_> = (0..3).map(|_| CountingWaker::new()).collect();
        let (mut registered, mut wakes) = (None, [0; 3]);
        for step in steps {
            match step {
                Step::Register(which) => {
                    place.register(&wakers[which].1);
                    registered = Some(which);
                }
                Step::Wake => {
                    place.wake();
                    if let Some(which) = registered.take() {
                        wakes[which] += 1;
                    }
                }
                Step::Take => {
                    let taken = place.take();
                    assert_eq!(taken.is_some(), registered.is_some());
                    if let (Some(waker), Some(which)) = (taken, registered.take()) {
                        assert!(waker.will_wake(&wakers[which].1), "somebody else's");
                    }
                }
            }
            for ((counter, _), expected) in wakers.iter().zip(wakes) {
                assert_eq!(counter.count(), expected);
            }
        }
    }
}
