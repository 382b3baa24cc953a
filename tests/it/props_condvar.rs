//! The condition variable against two lines: those who wait for a notification, and those who want the mutex.

use crate::props_support::{Line, Place, Waiting, config, pick};
use proptest::{collection::vec, prelude::*};
use raddle_sync::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::task::Poll;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Lock,
    TryLock,
    Unlock,
    /// By who holds the mutex.
    Wait,
    NotifyOne,
    NotifyAll,
    Poll(u8, bool),
    Drop(u8),
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        6 => Just(Lock),
        4 => Just(TryLock),
        4 => Just(Unlock),
        6 => Just(Wait),
        4 => Just(NotifyOne),
        1 => Just(NotifyAll),
        8 => any::<(u8, bool)>().prop_map(|(which, another)| Poll(which, another)),
        4 => any::<u8>().prop_map(Drop),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    InLine,
    /// Has not noticed yet. By itself, or with everybody.
    Notified {
        alone: bool,
    },
    /// In the line for the mutex, with a notification that is to be passed on if it gives up.
    WantsMutex {
        number: u64,
        alone: bool,
    },
}

struct Waiter<'a> {
    id: u64,
    standing: Standing,
    waiting: Waiting<'a, MutexGuard<'a, ()>>,
}

struct World<'a> {
    mutex: &'a Mutex<()>,
    condvar: &'a Condvar,
    /// One unit: the mutex.
    line: Line,
    held: Option<MutexGuard<'a, ()>>,
    waiters: Vec<Waiter<'a>>,
    /// Who waits for a notification, in order.
    in_line: VecDeque<u64>,
    made: u64,
}

impl<'a> World<'a> {
    fn add(&mut self, standing: Standing, waiting: Waiting<'a, MutexGuard<'a, ()>>) -> u64 {
        self.made += 1;
        self.waiters.push(Waiter { id: self.made, standing, waiting });
        self.made
    }

    fn notify(&mut self, alone: bool) {
        let Some(id) = self.in_line.pop_front() else { return };
        let found = self.waiters.iter_mut().find(|waiter| waiter.id == id);
        found.expect("who is in line exists").standing = Standing::Notified { alone };
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Lock => match Waiting::start(self.mutex.lock()) {
                Ok(guard) => {
                    assert!(self.line.take_now(1), "two hold it");
                    self.held = Some(guard);
                }
                Err(waiting) => {
                    assert!(!self.line.take_now(1), "waits for nothing");
                    let number = self.line.wait(1);
                    self.add(Standing::WantsMutex { number, alone: false }, waiting);
                }
            },
            Operation::TryLock => match self.mutex.try_lock() {
                Ok(guard) => {
                    assert!(self.line.take_now(1), "two hold it");
                    self.held = Some(guard);
                }
                Err(_) => assert!(!self.line.take_now(1), "nobody holds it"),
            },
            Operation::Unlock => {
                if self.held.take().is_some() {
                    self.line.give(1);
                }
            }
            Operation::Wait => {
                let Some(guard) = self.held.take() else { return };
                let Err(waiting) = Waiting::start(self.condvar.wait(guard)) else {
                    panic!("nobody has notified it");
                };
                let id = self.add(Standing::InLine, waiting);
                self.in_line.push_back(id);
                self.line.give(1);
            }
            Operation::NotifyOne => {
                self.condvar.notify_one();
                self.notify(true);
            }
            Operation::NotifyAll => {
                self.condvar.notify_all();
                while !self.in_line.is_empty() {
                    self.notify(false);
                }
            }
            Operation::Poll(which, another) => {
                let Some(index) = pick(which, self.waiters.len()) else { return };
                let Waiter { standing, waiting, .. } = &mut self.waiters[index];
                let polled = waiting.poll(another);
                match (*standing, polled) {
                    (Standing::InLine, Poll::Pending) => return,
                    (Standing::Notified { .. }, Poll::Ready(guard)) => {
                        assert!(self.line.take_now(1), "two hold it");
                        self.held = Some(guard);
                    }
                    (Standing::Notified { alone }, Poll::Pending) => {
                        assert!(!self.line.take_now(1), "waits for nothing");
                        *standing = Standing::WantsMutex { number: self.line.wait(1), alone };
                        return;
                    }
                    (Standing::WantsMutex { number, .. }, Poll::Pending) => {
                        assert!(matches!(self.line.place(number), Place::Lacks(_)));
                        return;
                    }
                    (Standing::WantsMutex { number, .. }, Poll::Ready(guard)) => {
                        assert_eq!(self.line.ended(number), Place::Served);
                        self.held = Some(guard);
                    }
                    (Standing::InLine, Poll::Ready(_)) => panic!("nobody has notified it"),
                }
                drop(self.waiters.swap_remove(index));
            }
            Operation::Drop(which) => {
                let Some(index) = pick(which, self.waiters.len()) else { return };
                let Waiter { id, standing, waiting } = self.waiters.swap_remove(index);
                drop(waiting);
                match standing {
                    Standing::InLine => self.in_line.retain(|other| *other != id),
                    Standing::Notified { alone: true } => self.notify(true),
                    Standing::Notified { alone: false } => {}
                    Standing::WantsMutex { number, alone } => {
                        self.line.leave(number);
                        if alone {
                            self.notify(true);
                        }
                    }
                }
            }
        }
    }

    fn compare(&self) {
        for Waiter { id, standing, waiting } in &self.waiters {
            let woken = match *standing {
                Standing::InLine => false,
                Standing::Notified { .. } => true,
                Standing::WantsMutex { number, .. } => {
                    !matches!(self.line.place(number), Place::Lacks(_))
                }
            };
            assert_eq!(waiting.wakes_since_poll(), usize::from(woken), "wake-ups of {id}");
        }
        assert_eq!(self.condvar.stats().waiters, self.in_line.len());
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_condvar_is_a_line_before_the_line_of_its_mutex(operations in vec(operation(), 1..80)) {
        let (mutex, condvar) = (Mutex::new(()), Condvar::new());
        let mut world = World {
            mutex: &mutex,
            condvar: &condvar,
            line: Line::new(1),
            held: None,
            waiters: Vec::new(),
            in_line: VecDeque::new(),
            made: 0,
        };
        for operation in operations {
            world.apply(operation);
            world.compare();
        }
        while !world.waiters.is_empty() || world.held.is_some() {
            world.apply(Operation::Drop(4));
            world.apply(Operation::Unlock);
            world.compare();
        }
        assert!(mutex.try_lock().is_ok(), "it was not given back");
    }
}
