//! The bounded semaphore against a counter with a line: what is free, held and forgotten adds up to the bound, and a
//! release too many is refused.

use crate::props_support::{Line, Place, Waiting, config, pick};
use proptest::{collection::vec, prelude::*};
use raddle_sync::{AcquireError, BoundedSemaphore, BoundedSemaphorePermit};
use std::task::Poll;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Acquire(u32),
    TryAcquire(u32),
    Poll(u8, bool),
    Drop(u8),
    Return(u8),
    Forget(u8),
    Release(usize),
    Close,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        12 => (1..4_u32).prop_map(Acquire),
        4 => (1..4_u32).prop_map(TryAcquire),
        8 => any::<(u8, bool)>().prop_map(|(which, another)| Poll(which, another)),
        6 => any::<u8>().prop_map(Drop),
        6 => any::<u8>().prop_map(Return),
        8 => any::<u8>().prop_map(Forget),
        10 => (0..4_usize).prop_map(Release),
        1 => Just(Close),
    ]
}

type Permit<'a> = BoundedSemaphorePermit<'a>;

struct World<'a> {
    gate: &'a BoundedSemaphore,
    line: Line,
    waiting: Vec<(u64, Waiting<'a, Result<Permit<'a>, AcquireError>>)>,
    held: Vec<(usize, Permit<'a>)>,
    forgotten: usize,
}

impl World<'_> {
    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Acquire(count) => {
                let wanted = count as usize;
                match Waiting::start(self.gate.acquire_many(count)) {
                    Ok(Ok(permit)) => {
                        assert!(self.line.take_now(wanted), "permits from nowhere");
                        self.held.push((wanted, permit));
                    }
                    Ok(Err(_)) => assert!(self.line.closed),
                    Err(waiting) => {
                        assert!(!self.line.closed && !self.line.take_now(wanted), "need not wait");
                        self.waiting.push((self.line.wait(wanted), waiting));
                    }
                }
            }
            Operation::TryAcquire(count) => match self.gate.try_acquire_many(count) {
                Ok(permit) => {
                    assert!(self.line.take_now(count as usize), "permits from nowhere");
                    self.held.push((count as usize, permit));
                }
                Err(_) => assert!(!self.line.take_now(count as usize), "refused, and there were"),
            },
            Operation::Poll(which, another) => {
                let Some(index) = pick(which, self.waiting.len()) else { return };
                let (number, waiting) = &mut self.waiting[index];
                let place = self.line.place(*number);
                let permit = match (waiting.poll(another), place) {
                    (Poll::Pending, Place::Lacks(_)) => return,
                    (Poll::Ready(Ok(permit)), Place::Served) => Some(permit),
                    (Poll::Ready(Err(_)), Place::Refused(_)) => None,
                    (seen, place) => panic!("{place:?}, but polling says {seen:?}"),
                };
                let (number, _) = self.waiting.swap_remove(index);
                self.line.ended(number);
                self.held.extend(permit.map(|permit| (permit.num_permits(), permit)));
            }
            Operation::Drop(which) => {
                let Some(index) = pick(which, self.waiting.len()) else { return };
                let (number, _) = self.waiting.swap_remove(index);
                self.line.leave(number);
            }
            Operation::Return(which) => {
                let Some(index) = pick(which, self.held.len()) else { return };
                let (count, _) = self.held.swap_remove(index);
                self.line.give(count);
            }
            Operation::Forget(which) => {
                let Some(index) = pick(which, self.held.len()) else { return };
                let (count, permit) = self.held.swap_remove(index);
                permit.forget();
                self.forgotten += count;
            }
            Operation::Release(count) => {
                let released = self.gate.release(count);
                assert_eq!(released.is_ok(), count <= self.forgotten, "one too many, or too few");
                if released.is_ok() {
                    self.forgotten -= count;
                    self.line.give(count);
                }
            }
            Operation::Close => {
                self.gate.close();
                self.line.close();
            }
        }
    }

    fn compare(&self) {
        assert_eq!(self.gate.available_permits(), self.line.free, "free permits");
        assert_eq!(self.gate.is_closed(), self.line.closed);
        for (number, waiting) in &self.waiting {
            let over = !matches!(self.line.place(*number), Place::Lacks(_));
            assert_eq!(waiting.wakes(), usize::from(over), "wake-ups of number {number}");
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_bounded_semaphore_takes_back_what_it_gave_and_no_more(
        bound in 1..6_usize,
        operations in vec(operation(), 1..80),
    ) {
        let gate = BoundedSemaphore::new(bound);
        let mut world = World {
            gate: &gate,
            line: Line::new(bound),
            waiting: Vec::new(),
            held: Vec::new(),
            forgotten: 0,
        };
        for operation in operations {
            world.apply(operation);
            world.compare();
        }
        while !world.waiting.is_empty() || !world.held.is_empty() {
            world.apply(Operation::Drop(7));
            world.apply(Operation::Return(5));
            world.compare();
        }
        assert_eq!(gate.available_permits() + world.forgotten, bound);
    }
}
