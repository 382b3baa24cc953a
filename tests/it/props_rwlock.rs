//! The lock for readers and writers against a count of who is inside, and a line: who may be inside together, in which
//! order they come in, and that nobody waits who could go in.

use crate::props_support::{Waiting, config, pick};
use proptest::{collection::vec, prelude::*};
use raddle_sync::{RwLock, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard};
use std::collections::VecDeque;
use std::task::Poll;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    Read,
    Write,
    Upgradable,
    /// To write, from an upgradable read, which is kept until then.
    Upgrade,
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Enter(Want),
    TryEnter(Want),
    Poll(u8, bool),
    Drop(u8),
    Leave(u8),
    Upgrade(u8),
    TryUpgrade(u8),
    Downgrade(u8),
}

fn want() -> impl Strategy<Value = Want> {
    prop_oneof![4 => Just(Want::Read), 3 => Just(Want::Write), 2 => Just(Want::Upgradable)]
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        8 => want().prop_map(Enter),
        2 => want().prop_map(TryEnter),
        6 => any::<(u8, bool)>().prop_map(|(which, another)| Poll(which, another)),
        3 => any::<u8>().prop_map(Drop),
        7 => any::<u8>().prop_map(Leave),
        3 => any::<u8>().prop_map(Upgrade),
        1 => any::<u8>().prop_map(TryUpgrade),
        2 => any::<u8>().prop_map(Downgrade),
    ]
}

enum Guard<'a> {
    Read(RwLockReadGuard<'a, u64>),
    Write(RwLockWriteGuard<'a, u64>),
    Upgradable(RwLockUpgradableReadGuard<'a, u64>),
}

impl Guard<'_> {
    fn want(&self) -> Want {
        match self {
            Guard::Read(_) => Want::Read,
            Guard::Write(_) => Want::Write,
            Guard::Upgradable(_) => Want::Upgradable,
        }
    }
}

/// The lock as it ought to be: who is inside, counting those who have been let in and do not know it yet, and the line.
#[derive(Default)]
struct Model {
    readers: usize,
    writer: bool,
    upgradable: bool,
    line: VecDeque<(u64, Want)>,
    served: Vec<(u64, Want)>,
    next: u64,
}

impl Model {
    fn has_room(&self, want: Want) -> bool {
        match want {
            Want::Read => !self.writer,
            Want::Write => !self.writer && self.readers == 0 && !self.upgradable,
            Want::Upgradable => !self.writer && !self.upgradable,
            Want::Upgrade => self.readers == 0,
        }
    }

    fn go_in(&mut self, want: Want) {
        match want {
            Want::Read => self.readers += 1,
            Want::Write => self.writer = true,
            Want::Upgradable => self.upgradable = true,
            Want::Upgrade => (self.upgradable, self.writer) = (false, true),
        }
    }

    /// Goes in if nobody would be overtaken; an upgrade is before everybody.
    fn enter_now(&mut self, want: Want) -> bool {
        let may = (self.line.is_empty() || want == Want::Upgrade) && self.has_room(want);
        if may {
            self.go_in(want);
        }
        may
    }

    fn wait(&mut self, want: Want) -> u64 {
        self.next += 1;
        match want {
            Want::Upgrade => self.line.push_front((self.next, want)),
            _ => self.line.push_back((self.next, want)),
        }
        self.next
    }

    fn leave(&mut self, want: Want) {
        match want {
            Want::Read => self.readers -= 1,
            Want::Write | Want::Upgrade => self.writer = false,
            Want::Upgradable => self.upgradable = false,
        }
        self.serve();
    }

    fn serve(&mut self) {
        while let Some(&(number, want)) = self.line.front()
            && self.has_room(want)
        {
            self.line.pop_front();
            self.go_in(want);
            self.served.push((number, want));
        }
    }

    fn is_served(&self, number: u64) -> bool {
        self.served.iter().any(|(other, _)| *other == number)
    }

    /// Somebody has seen that he is in.
    fn noticed(&mut self, number: u64) {
        self.served.retain(|(other, _)| *other != number);
    }

    /// Somebody gives up.
    fn give_up(&mut self, number: u64) {
        if let Some(index) = self.served.iter().position(|(other, _)| *other == number) {
            let (_, want) = self.served.remove(index);
            self.leave(want);
        } else if let Some(index) = self.line.iter().position(|(other, _)| *other == number) {
            let (_, want) = self.line.remove(index).expect("the index was just found");
            if want == Want::Upgrade {
                // The read it was to come from goes with it.
                self.upgradable = false;
            }
            self.serve();
        }
    }
}

struct World<'a> {
    lock: &'a RwLock<u64>,
    model: Model,
    waiting: Vec<(u64, Waiting<'a, Guard<'a>>)>,
    inside: Vec<Guard<'a>>,
    /// What the lock ought to hold: the number of writers so far.
    written: u64,
}

impl<'a> World<'a> {
    fn went_in(&mut self, mut guard: Guard<'a>) {
        match &mut guard {
            Guard::Read(value) => assert_eq!(**value, self.written),
            Guard::Upgradable(value) => assert_eq!(**value, self.written),
            Guard::Write(value) => {
                assert_eq!(**value, self.written, "a writer's change is lost");
                **value += 1;
                self.written += 1;
            }
        }
        self.inside.push(guard);
    }

    fn try_enter(&self, want: Want) -> Option<Guard<'a>> {
        match want {
            Want::Read => self.lock.try_read().ok().map(Guard::Read),
            Want::Write => self.lock.try_write().ok().map(Guard::Write),
            _ => self.lock.try_upgradable_read().ok().map(Guard::Upgradable),
        }
    }

    fn start(&mut self, want: Want, future: impl Future<Output = Guard<'a>> + 'a) {
        match Waiting::start(future) {
            Ok(guard) => {
                assert!(
                    self.model.enter_now(want),
                    "went in past others, or where there is no room"
                );
                self.went_in(guard);
            }
            Err(waiting) => {
                assert!(!self.model.enter_now(want), "waits, and need not");
                self.waiting.push((self.model.wait(want), waiting));
            }
        }
    }

    /// Takes one of those inside who came in for `want`.
    fn take(&mut self, which: u8, want: Want) -> Option<Guard<'a>> {
        let of_kind: Vec<usize> =
            (0..self.inside.len()).filter(|&index| self.inside[index].want() == want).collect();
        Some(self.inside.swap_remove(of_kind[pick(which, of_kind.len())?]))
    }

    fn apply(&mut self, operation: Operation) {
        let lock = self.lock;
        match operation {
            Operation::Enter(Want::Read) => {
                self.start(Want::Read, async { Guard::Read(lock.read().await) });
            }
            Operation::Enter(Want::Write) => {
                self.start(Want::Write, async { Guard::Write(lock.write().await) });
            }
            Operation::Enter(_) => self
                .start(Want::Upgradable, async { Guard::Upgradable(lock.upgradable_read().await) }),
            Operation::TryEnter(want) => match self.try_enter(want) {
                Some(guard) => {
                    assert!(self.model.enter_now(want), "there is no room, or there is a line");
                    self.went_in(guard);
                }
                None => assert!(!self.model.enter_now(want), "there is room"),
            },
            Operation::Poll(which, another) => {
                let Some(index) = pick(which, self.waiting.len()) else { return };
                let (number, waiting) = &mut self.waiting[index];
                let polled = waiting.poll(another);
                assert_eq!(polled.is_ready(), self.model.is_served(*number));
                if let Poll::Ready(guard) = polled {
                    let (number, _) = self.waiting.swap_remove(index);
                    self.model.noticed(number);
                    self.went_in(guard);
                }
            }
            Operation::Drop(which) => {
                let Some(index) = pick(which, self.waiting.len()) else { return };
                let (number, _) = self.waiting.swap_remove(index);
                self.model.give_up(number);
            }
            Operation::Leave(which) => {
                let Some(index) = pick(which, self.inside.len()) else { return };
                let want = self.inside.swap_remove(index).want();
                self.model.leave(want);
            }
            Operation::Upgrade(which) => {
                let Some(Guard::Upgradable(guard)) = self.take(which, Want::Upgradable) else {
                    return;
                };
                self.start(Want::Upgrade, async {
                    Guard::Write(RwLockUpgradableReadGuard::upgrade(guard).await)
                });
            }
            Operation::TryUpgrade(which) => {
                let Some(Guard::Upgradable(guard)) = self.take(which, Want::Upgradable) else {
                    return;
                };
                match RwLockUpgradableReadGuard::try_upgrade(guard) {
                    Ok(guard) => {
                        assert!(self.model.enter_now(Want::Upgrade), "others read");
                        self.went_in(Guard::Write(guard));
                    }
                    Err(guard) => {
                        assert!(!self.model.enter_now(Want::Upgrade), "nobody else reads");
                        self.inside.push(Guard::Upgradable(guard));
                    }
                }
            }
            Operation::Downgrade(which) => {
                let from = if which % 2 == 0 { Want::Write } else { Want::Upgradable };
                let guard = match self.take(which, from) {
                    Some(Guard::Write(guard)) => RwLockWriteGuard::downgrade(guard),
                    Some(Guard::Upgradable(guard)) => RwLockUpgradableReadGuard::downgrade(guard),
                    _ => return,
                };
                self.inside.push(Guard::Read(guard));
                self.model.readers += 1;
                self.model.leave(from);
            }
        }
        for (number, waiting) in &self.waiting {
            let served = self.model.is_served(*number);
            assert_eq!(waiting.wakes(), usize::from(served), "wake-ups of number {number}");
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_rwlock_is_a_count_with_a_line(operations in vec(operation(), 1..80)) {
        let lock = RwLock::new(0);
        let mut world = World {
            lock: &lock,
            model: Model::default(),
            waiting: Vec::new(),
            inside: Vec::new(),
            written: 0,
        };
        for operation in operations {
            world.apply(operation);
        }
        while !world.waiting.is_empty() || !world.inside.is_empty() {
            world.apply(Operation::Drop(3));
            world.apply(Operation::Leave(5));
        }
        world.apply(Operation::TryEnter(Want::Write));
        assert!(!world.inside.is_empty(), "it is not free although nobody is inside");
    }
}
