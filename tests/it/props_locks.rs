//! The semaphore and the mutex against a counter with a line: order, conservation, and who is woken.

use crate::props_support::{Line, Place, Waiting, config, pick};
use proptest::{collection::vec, prelude::*};
use raddle_sync::{AcquireError, Mutex, MutexGuard, Semaphore, SemaphorePermit, TryAcquireError};
use std::task::Poll;

#[derive(Clone, Debug)]
enum Operation {
    Acquire(u32),
    TryAcquire(u32),
    Poll(u8, bool),
    Drop(u8),
    Release(u8),
    Forget(u8),
    Split(u8, u8),
    Merge(u8, u8),
    AddPermits(usize),
    ForgetPermits(usize),
    Close,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        8 => (1..5_u32).prop_map(Acquire),
        3 => (0..4_u32).prop_map(TryAcquire),
        6 => any::<(u8, bool)>().prop_map(|(which, another)| Poll(which, another)),
        4 => any::<u8>().prop_map(Drop),
        8 => any::<u8>().prop_map(Release),
        1 => any::<u8>().prop_map(Forget),
        1 => any::<(u8, u8)>().prop_map(|(which, count)| Split(which, count % 5)),
        1 => any::<(u8, u8)>().prop_map(|(one, other)| Merge(one, other)),
        3 => (0..5_usize).prop_map(AddPermits),
        1 => (0..5_usize).prop_map(ForgetPermits),
    ]
}

type Permit<'a> = SemaphorePermit<'a>;
type Outcome<'a> = Result<Permit<'a>, AcquireError>;

/// A semaphore, its model, and everything that is out.
struct Gate<'a> {
    gate: &'a Semaphore,
    line: Line,
    waiting: Vec<(u64, Waiting<'a, Outcome<'a>>)>,
    held: Vec<Permit<'a>>,
}

impl<'a> Gate<'a> {
    fn apply(&mut self, operation: &Operation) {
        let gate = self.gate;
        match *operation {
            Operation::Acquire(count) => {
                let wanted = count as usize;
                match Waiting::start(gate.acquire_many(count)) {
                    Ok(Ok(permit)) => {
                        assert!(self.line.take_now(wanted), "{wanted} permits from nowhere");
                        self.held.push(permit);
                    }
                    Ok(Err(_)) => assert!(self.line.closed, "refused, and not closed"),
                    Err(waiting) => {
                        assert!(!self.line.closed, "waits for what is closed");
                        assert!(!self.line.take_now(wanted), "waits, and need not");
                        self.waiting.push((self.line.wait(wanted), waiting));
                    }
                }
            }
            Operation::TryAcquire(count) => match gate.try_acquire_many(count) {
                Ok(permit) => {
                    // Nothing at all can always be had.
                    assert!(self.line.take_now(count as usize) || count == 0 && !self.line.closed);
                    self.held.push(permit);
                }
                Err(TryAcquireError::Closed) => assert!(self.line.closed),
                Err(TryAcquireError::NoPermits) => {
                    assert!(!self.line.closed && !self.line.take_now(count as usize));
                }
            },
            Operation::Poll(which, another) => {
                let Some(index) = pick(which, self.waiting.len()) else { return };
                let (number, waiting) = &mut self.waiting[index];
                let place = self.line.place(*number);
                match (waiting.poll(another), place) {
                    (Poll::Pending, Place::Lacks(_)) => {}
                    (Poll::Ready(Ok(permit)), Place::Served) => self.held.push(permit),
                    (Poll::Ready(Err(_)), Place::Refused(_)) => {}
                    (seen, place) => panic!("{place:?}, but polling says {seen:?}"),
                }
                if !matches!(place, Place::Lacks(_)) {
                    let (number, _) = self.waiting.swap_remove(index);
                    self.line.ended(number);
                }
            }
            Operation::Drop(which) => {
                let Some(index) = pick(which, self.waiting.len()) else { return };
                let (number, _) = self.waiting.swap_remove(index);
                self.line.leave(number);
            }
            Operation::Release(which) => {
                let Some(index) = pick(which, self.held.len()) else { return };
                self.line.give(self.held.swap_remove(index).num_permits());
            }
            Operation::Forget(which) => {
                let Some(index) = pick(which, self.held.len()) else { return };
                self.held.swap_remove(index).forget();
            }
            Operation::Split(which, count) => {
                let Some(index) = pick(which, self.held.len()) else { return };
                let had = self.held[index].num_permits();
                match self.held[index].split(usize::from(count)) {
                    Some(part) => {
                        assert_eq!(part.num_permits(), usize::from(count));
                        assert_eq!(self.held[index].num_permits() + usize::from(count), had);
                        self.held.push(part);
                    }
                    None => assert!(usize::from(count) > had),
                }
            }
            Operation::Merge(one, other) => {
                let Some(index) = pick(one, self.held.len()) else { return };
                let merged = self.held.swap_remove(index);
                match pick(other, self.held.len()) {
                    Some(into) => self.held[into].merge(merged),
                    None => self.held.push(merged),
                }
            }
            Operation::AddPermits(count) => {
                gate.add_permits(count);
                self.line.give(count);
            }
            Operation::ForgetPermits(count) => {
                let forgotten = count.min(self.line.free);
                assert_eq!(gate.forget_permits(count), forgotten);
                self.line.free -= forgotten;
            }
            Operation::Close => {
                gate.close();
                self.line.close();
            }
        }
    }

    /// All that can be seen from outside is as the model has it.
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
    fn a_semaphore_is_a_counter_with_a_line(
        permits in 0..5_usize,
        operations in vec(operation(), 1..80),
        close_after in 0..400_usize,
    ) {
        let gate = Semaphore::new(permits);
        let mut world = Gate { gate: &gate, line: Line::new(permits), waiting: Vec::new(), held: Vec::new() };
        for (step, operation) in operations.iter().enumerate() {
            world.apply(operation);
            world.compare();
            if step == close_after {
                world.apply(&Operation::Close);
                world.compare();
            }
        }
        // Whoever leaves, in whatever order, leaves nothing missing.
        while !world.waiting.is_empty() || !world.held.is_empty() {
            world.apply(&Operation::Drop(7));
            world.apply(&Operation::Release(5));
            world.compare();
        }
    }
}

#[derive(Clone, Debug)]
enum Turn {
    Lock,
    TryLock,
    Poll(u8, bool),
    Drop(u8),
    Unlock,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        4 => Just(Turn::Lock),
        1 => Just(Turn::TryLock),
        4 => any::<(u8, bool)>().prop_map(|(which, another)| Turn::Poll(which, another)),
        2 => any::<u8>().prop_map(Turn::Drop),
        4 => Just(Turn::Unlock),
    ]
}

/// A mutex around the number of its holders so far.
struct Door<'a> {
    lock: &'a Mutex<u64>,
    line: Line,
    waiting: Vec<(u64, Waiting<'a, MutexGuard<'a, u64>>)>,
    held: Option<MutexGuard<'a, u64>>,
    entries: u64,
}

impl<'a> Door<'a> {
    fn enter(&mut self, mut guard: MutexGuard<'a, u64>) {
        assert_eq!(*guard, self.entries, "a holder's change is lost");
        *guard += 1;
        self.entries += 1;
        assert!(self.held.replace(guard).is_none(), "two hold it");
    }

    fn apply(&mut self, turn: &Turn) {
        match *turn {
            Turn::Lock => match Waiting::start(self.lock.lock()) {
                Ok(guard) => {
                    assert!(self.line.take_now(1), "it was not free");
                    self.enter(guard);
                }
                Err(waiting) => {
                    assert!(!self.line.take_now(1), "it was free");
                    self.waiting.push((self.line.wait(1), waiting));
                }
            },
            Turn::TryLock => match self.lock.try_lock() {
                Ok(guard) => {
                    assert!(self.line.take_now(1), "it was not free");
                    self.enter(guard);
                }
                Err(_) => assert!(!self.line.take_now(1), "it was free"),
            },
            Turn::Poll(which, another) => {
                let Some(index) = pick(which, self.waiting.len()) else { return };
                let (number, waiting) = &mut self.waiting[index];
                let served = self.line.place(*number) == Place::Served;
                let polled = waiting.poll(another);
                assert_eq!(polled.is_ready(), served);
                if let Poll::Ready(guard) = polled {
                    let (number, _) = self.waiting.swap_remove(index);
                    self.line.ended(number);
                    self.enter(guard);
                }
            }
            Turn::Drop(which) => {
                let Some(index) = pick(which, self.waiting.len()) else { return };
                let (number, _) = self.waiting.swap_remove(index);
                self.line.leave(number);
            }
            Turn::Unlock => {
                if self.held.take().is_some() {
                    self.line.give(1);
                }
            }
        }
        for (number, waiting) in &self.waiting {
            let served = self.line.place(*number) == Place::Served;
            assert_eq!(waiting.wakes(), usize::from(served), "wake-ups of number {number}");
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_mutex_is_one_permit_with_a_line(turns in vec(turn(), 1..80)) {
        let lock = Mutex::new(0);
        let mut door =
            Door { lock: &lock, line: Line::new(1), waiting: Vec::new(), held: None, entries: 0 };
        for turn in &turns {
            door.apply(turn);
        }
        while !door.waiting.is_empty() {
            door.apply(&Turn::Drop(3));
        }
        door.apply(&Turn::Unlock);
        door.apply(&Turn::TryLock);
        assert!(door.held.is_some(), "it is not free although nobody holds it");
    }
}
