//! The watch channel against a value and a version: who has seen which, who is woken, and the end.
#![allow(clippy::await_holding_lock, reason = "the lock says who waits, on one thread")]

use crate::props_support::{Desertion, Waiting, config, pick};
use proptest::{collection::vec, prelude::*};
use raddle_sync::watch::{Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::task::Poll;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Send,
    /// Adds one, and says that this is a change or that it is none.
    Modify(bool),
    Subscribe,
    CloneReceiver(u8),
    Borrow(u8),
    BorrowAndUpdate(u8),
    MarkChanged(u8),
    MarkUnchanged(u8),
    Changed(u8),
    /// Waits until the value is at least so much larger.
    WaitFor(u8, u64),
    Poll(u8, bool),
    DropWaiting(u8),
    DropReceiver(u8),
    DropSender,
    WaitForDesertion,
    PollDesertion(u8, bool),
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        6 => Just(Send),
        6 => any::<bool>().prop_map(Modify),
        2 => Just(Subscribe),
        2 => any::<u8>().prop_map(CloneReceiver),
        2 => any::<u8>().prop_map(Borrow),
        4 => any::<u8>().prop_map(BorrowAndUpdate),
        2 => any::<u8>().prop_map(MarkChanged),
        2 => any::<u8>().prop_map(MarkUnchanged),
        6 => any::<u8>().prop_map(Changed),
        6 => (any::<u8>(), 0..4_u64).prop_map(|(which, more)| WaitFor(which, more)),
        8 => any::<(u8, bool)>().prop_map(|(which, another)| Poll(which, another)),
        3 => any::<u8>().prop_map(DropWaiting),
        2 => any::<u8>().prop_map(DropReceiver),
        1 => Just(DropSender),
        1 => Just(WaitForDesertion),
        2 => any::<(u8, bool)>().prop_map(|(which, another)| PollDesertion(which, another)),
    ]
}

/// What is waited for, and what came of it: the value, if it was waited for.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Change,
    AtLeast(u64),
}

type Seen = Result<Option<u64>, ()>;

struct Watcher {
    /// Locked by the future that waits, if there is one.
    receiver: Arc<Mutex<Receiver<u64>>>,
    seen: u64,
    waiting: Option<(Wanted, bool, Waiting<'static, Seen>)>,
}

/// A version that nobody can have seen.
const NEVER: u64 = u64::MAX;

#[derive(Default)]
struct World {
    value: u64,
    version: u64,
    senders: Vec<Sender<u64>>,
    watchers: Vec<Watcher>,
    deserted: Desertion,
}

impl World {
    fn is_closed(&self) -> bool {
        self.senders.is_empty() && self.deserted.is_empty()
    }

    fn watch(&mut self, receiver: Receiver<u64>, seen: u64) {
        let receiver = Arc::new(Mutex::new(receiver));
        self.watchers.push(Watcher { receiver, seen, waiting: None });
    }

    fn wake_watchers(&mut self) {
        for (_, woken, _) in self.watchers.iter_mut().filter_map(|one| one.waiting.as_mut()) {
            *woken = true;
        }
    }

    /// What a watcher sees when it looks, at first or again; `None` if it waits on. At the end it looks again only if
    /// it was told of a change.
    fn expected(&mut self, index: usize, wanted: Wanted, again: bool) -> Option<Seen> {
        let (value, closed) = (self.value, self.is_closed());
        let before = std::mem::replace(&mut self.watchers[index].seen, self.version);
        match wanted {
            Wanted::Change if before != self.version => Some(Ok(None)),
            Wanted::AtLeast(least) if value >= least && (!again || before != self.version) => {
                Some(Ok(Some(value)))
            }
            _ => closed.then_some(Err(())),
        }
    }

    fn start(&mut self, index: usize, wanted: Wanted) {
        if self.watchers[index].waiting.is_some() {
            return;
        }
        let receiver = Arc::clone(&self.watchers[index].receiver);
        let started = Waiting::start(async move {
            let mut receiver = receiver.try_lock().expect("one waits at a time");
            match wanted {
                Wanted::Change => receiver.changed().await.map(|()| None).map_err(drop),
                Wanted::AtLeast(least) => {
                    let found = receiver.wait_for(|value| *value >= least).await;
                    found.map(|value| Some(*value)).map_err(drop)
                }
            }
        });
        let expected = self.expected(index, wanted, false);
        match started {
            Ok(seen) => assert_eq!(Some(seen), expected, "watcher {index}"),
            Err(waiting) => {
                assert_eq!(None, expected, "watcher {index} waits");
                self.watchers[index].waiting = Some((wanted, false, waiting));
            }
        }
    }

    /// Does something to a receiver that does not wait.
    fn with_idle(&mut self, which: u8, act: impl FnOnce(&mut World, usize, &mut Receiver<u64>)) {
        let Some(index) = pick(which, self.watchers.len()) else { return };
        let receiver = Arc::clone(&self.watchers[index].receiver);
        if let Ok(mut receiver) = receiver.try_lock() {
            act(self, index, &mut receiver);
        }
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Send => {
                let Some(sender) = self.senders.first() else { return };
                match sender.send(self.value + 1) {
                    Ok(()) => {
                        assert!(!self.watchers.is_empty(), "sent to nobody");
                        (self.value, self.version) = (self.value + 1, self.version + 1);
                        self.wake_watchers();
                    }
                    Err(back) => {
                        assert!(self.watchers.is_empty() && back.0 == self.value + 1);
                    }
                }
            }
            Operation::Modify(tell) => {
                let Some(sender) = self.senders.first() else { return };
                let told = sender.send_if_modified(|value| {
                    *value += 1;
                    tell
                });
                assert_eq!(told, tell);
                self.value += 1;
                if tell {
                    self.version += 1;
                    self.wake_watchers();
                }
            }
            Operation::Subscribe => {
                if let Some(sender) = self.senders.first() {
                    self.watch(sender.subscribe(), self.version);
                }
            }
            Operation::CloneReceiver(which) => self.with_idle(which, |world, index, receiver| {
                world.watch(receiver.clone(), world.watchers[index].seen);
            }),
            Operation::Borrow(which) => self.with_idle(which, |world, index, receiver| {
                let value = receiver.borrow();
                assert_eq!(*value, world.value);
                assert_eq!(value.has_changed(), world.watchers[index].seen != world.version);
            }),
            Operation::BorrowAndUpdate(which) => self.with_idle(which, |world, index, receiver| {
                let value = receiver.borrow_and_update();
                assert_eq!(*value, world.value);
                assert_eq!(value.has_changed(), world.watchers[index].seen != world.version);
                world.watchers[index].seen = world.version;
            }),
            Operation::MarkChanged(which) => self.with_idle(which, |world, index, receiver| {
                receiver.mark_changed();
                world.watchers[index].seen = NEVER;
            }),
            Operation::MarkUnchanged(which) => self.with_idle(which, |world, index, receiver| {
                receiver.mark_unchanged();
                world.watchers[index].seen = world.version;
            }),
            Operation::Changed(which) => {
                if let Some(index) = pick(which, self.watchers.len()) {
                    self.start(index, Wanted::Change);
                }
            }
            Operation::WaitFor(which, more) => {
                if let Some(index) = pick(which, self.watchers.len()) {
                    self.start(index, Wanted::AtLeast(self.value + more));
                }
            }
            Operation::Poll(which, another) => {
                let Some(index) = pick(which, self.watchers.len()) else { return };
                let Some((wanted, woken, mut waiting)) = self.watchers[index].waiting.take() else {
                    return;
                };
                let polled = waiting.poll(another);
                // Who has not been woken does not look.
                let expected = if woken { self.expected(index, wanted, true) } else { None };
                match polled {
                    Poll::Ready(seen) => assert_eq!(Some(seen), expected, "watcher {index}"),
                    Poll::Pending => {
                        assert_eq!(None, expected, "watcher {index} waits on");
                        self.watchers[index].waiting = Some((wanted, false, waiting));
                    }
                }
            }
            Operation::DropWaiting(which) => {
                if let Some(index) = pick(which, self.watchers.len()) {
                    self.watchers[index].waiting = None;
                }
            }
            Operation::DropReceiver(which) => {
                let Some(index) = pick(which, self.watchers.len()) else { return };
                drop(self.watchers.swap_remove(index));
                if self.watchers.is_empty() {
                    self.deserted.last_receiver_gone();
                }
            }
            Operation::DropSender => {
                drop(self.senders.pop());
                if self.is_closed() {
                    self.wake_watchers();
                }
            }
            Operation::WaitForDesertion => {
                let Some(sender) = self.senders.first().cloned() else { return };
                self.deserted.wait(async move { sender.closed().await }, self.watchers.len());
            }
            Operation::PollDesertion(which, another) => {
                let ended = self.deserted.poll(which, another, self.watchers.len());
                if ended && self.is_closed() {
                    self.wake_watchers();
                }
            }
        }
    }

    /// All that can be seen from outside is as the model has it.
    fn compare(&self) {
        if let Some(sender) = self.senders.first() {
            assert_eq!(*sender.borrow(), self.value);
            assert_eq!(sender.receiver_count(), self.watchers.len());
            assert_eq!(sender.sender_count(), self.senders.len() + self.deserted.len());
        }
        for watcher in &self.watchers {
            match (&watcher.waiting, watcher.receiver.try_lock()) {
                (Some((_, woken, waiting)), _) => {
                    assert_eq!(waiting.wakes_since_poll(), usize::from(*woken), "wake-ups");
                }
                (None, Ok(receiver)) => {
                    let changed = watcher.seen != self.version;
                    let expected = if self.is_closed() { None } else { Some(changed) };
                    assert_eq!(receiver.has_changed().ok(), expected);
                }
                (None, Err(_)) => panic!("a future that was dropped holds its receiver"),
            }
        }
        self.deserted.compare();
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_watch_channel_is_a_value_and_a_version(operations in vec(operation(), 1..100)) {
        let mut world = World { senders: vec![Sender::new(0)], ..World::default() };
        world.apply(Operation::Subscribe);
        for operation in operations {
            world.apply(operation);
            world.compare();
        }
    }
}
