//! The broadcast channel against a list of all messages: order, lag, who is woken, and what is kept for whom.
#![allow(clippy::await_holding_lock, reason = "the lock says who waits, on one thread")]

use crate::props_support::{Desertion, Waiting, config, pick};
use proptest::{collection::vec, prelude::*};
use raddle_sync::broadcast::{
    Receiver, Sender, WeakSender,
    error::{RecvError, TryRecvError},
};
use std::sync::{Arc, Mutex};
use std::task::Poll;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Send,
    Subscribe,
    Resubscribe(u8),
    TryReceive(u8),
    Receive(u8),
    Poll(u8, bool),
    DropReceiving(u8),
    DropReceiver(u8),
    CloneSender,
    DropSender,
    Upgrade,
    WaitForDesertion,
    PollDesertion(u8, bool),
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        12 => Just(Send),
        3 => Just(Subscribe),
        1 => any::<u8>().prop_map(Resubscribe),
        5 => any::<u8>().prop_map(TryReceive),
        8 => any::<u8>().prop_map(Receive),
        6 => any::<(u8, bool)>().prop_map(|(which, another)| Poll(which, another)),
        3 => any::<u8>().prop_map(DropReceiving),
        3 => any::<u8>().prop_map(DropReceiver),
        1 => Just(CloneSender),
        1 => Just(DropSender),
        1 => Just(Upgrade),
        1 => Just(WaitForDesertion),
        2 => any::<(u8, bool)>().prop_map(|(which, another)| PollDesertion(which, another)),
    ]
}

type Message = Arc<usize>;
type Receiving = Waiting<'static, Result<Message, RecvError>>;

struct Listener {
    /// Locked by the future that receives, if there is one.
    receiver: Arc<Mutex<Receiver<Message>>>,
    next: usize,
    /// Waits, and whether it has been woken.
    receiving: Option<(bool, Receiving)>,
}

struct World {
    capacity: usize,
    /// All that were ever sent: one reference is ours, another the channel's while it keeps the message.
    sent: Vec<Message>,
    senders: Vec<Sender<Message>>,
    weak: WeakSender<Message>,
    listeners: Vec<Listener>,
    /// Who waits for the last receiver to go, with a sender each.
    deserted: Desertion,
}

impl World {
    fn new(capacity: usize) -> World {
        let sender = Sender::new(capacity);
        World {
            capacity,
            sent: Vec::new(),
            weak: sender.downgrade(),
            senders: vec![sender],
            listeners: Vec::new(),
            deserted: Desertion::default(),
        }
    }

    fn is_closed(&self) -> bool {
        self.senders.is_empty() && self.deserted.is_empty()
    }

    fn oldest(&self) -> usize {
        self.sent.len().saturating_sub(self.capacity)
    }

    fn listen(&mut self, receiver: Receiver<Message>) {
        let receiver = Arc::new(Mutex::new(receiver));
        self.listeners.push(Listener { receiver, next: self.sent.len(), receiving: None });
    }

    fn wake_receivers(&mut self) {
        for (woken, _) in self.listeners.iter_mut().filter_map(|one| one.receiving.as_mut()) {
            *woken = true;
        }
    }

    /// What a listener is to hear, and `None` if it has to wait.
    fn expected(&mut self, index: usize) -> Option<Result<usize, RecvError>> {
        let (oldest, closed, tail) = (self.oldest(), self.is_closed(), self.sent.len());
        let next = &mut self.listeners[index].next;
        if *next < oldest {
            let missed = oldest - *next;
            *next = oldest;
            return Some(Err(RecvError::Lagged(missed as u64)));
        }
        if *next < tail {
            *next += 1;
            return Some(Ok(*next - 1));
        }
        closed.then_some(Err(RecvError::Closed))
    }

    fn heard(&mut self, index: usize, heard: Option<Result<Message, RecvError>>) {
        let heard = heard.map(|heard| heard.map(|message| *message));
        assert_eq!(heard, self.expected(index), "listener {index}");
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Send => {
                let Some(sender) = self.senders.first() else { return };
                let message = Arc::new(self.sent.len());
                match sender.send(Arc::clone(&message)) {
                    Ok(count) => {
                        assert_eq!(count, self.listeners.len());
                        self.sent.push(message);
                        self.wake_receivers();
                    }
                    Err(back) => assert!(self.listeners.is_empty() && back.0 == message),
                }
            }
            Operation::Subscribe => {
                if let Some(sender) = self.senders.first() {
                    self.listen(sender.subscribe());
                }
            }
            Operation::Resubscribe(which) => {
                let Some(index) = pick(which, self.listeners.len()) else { return };
                let receiver = Arc::clone(&self.listeners[index].receiver);
                if let Ok(receiver) = receiver.try_lock() {
                    self.listen(receiver.resubscribe());
                }
            }
            Operation::TryReceive(which) => {
                let Some(index) = pick(which, self.listeners.len()) else { return };
                let receiver = Arc::clone(&self.listeners[index].receiver);
                let Ok(mut receiver) = receiver.try_lock() else { return };
                let heard = match receiver.try_recv() {
                    Ok(message) => Some(Ok(message)),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Closed) => Some(Err(RecvError::Closed)),
                    Err(TryRecvError::Lagged(missed)) => Some(Err(RecvError::Lagged(missed))),
                };
                self.heard(index, heard);
            }
            Operation::Receive(which) => {
                let Some(index) = pick(which, self.listeners.len()) else { return };
                if self.listeners[index].receiving.is_some() {
                    return;
                }
                let receiver = Arc::clone(&self.listeners[index].receiver);
                let started = Waiting::start(async move {
                    receiver.try_lock().expect("one receives at a time").recv().await
                });
                match started {
                    Ok(heard) => self.heard(index, Some(heard)),
                    Err(receiving) => {
                        self.heard(index, None);
                        self.listeners[index].receiving = Some((false, receiving));
                    }
                }
            }
            Operation::Poll(which, another) => {
                let Some(index) = pick(which, self.listeners.len()) else { return };
                let Some((woken, mut receiving)) = self.listeners[index].receiving.take() else {
                    return;
                };
                match receiving.poll(another) {
                    Poll::Ready(heard) => {
                        assert!(woken, "nobody has woken it");
                        self.heard(index, Some(heard));
                    }
                    Poll::Pending => {
                        self.heard(index, None);
                        self.listeners[index].receiving = Some((false, receiving));
                    }
                }
            }
            Operation::DropReceiving(which) => {
                if let Some(index) = pick(which, self.listeners.len()) {
                    self.listeners[index].receiving = None;
                }
            }
            Operation::DropReceiver(which) => {
                let Some(index) = pick(which, self.listeners.len()) else { return };
                drop(self.listeners.swap_remove(index));
                if self.listeners.is_empty() {
                    self.deserted.last_receiver_gone();
                }
            }
            Operation::CloneSender => self.senders.extend(self.senders.first().cloned()),
            Operation::DropSender => {
                drop(self.senders.pop());
                if self.is_closed() {
                    self.wake_receivers();
                }
            }
            Operation::Upgrade => {
                let upgraded = self.weak.upgrade();
                assert_eq!(upgraded.is_none(), self.is_closed());
                self.senders.extend(upgraded);
            }
            Operation::WaitForDesertion => {
                let Some(sender) = self.senders.first().cloned() else { return };
                self.deserted.wait(async move { sender.closed().await }, self.listeners.len());
            }
            Operation::PollDesertion(which, another) => {
                let ended = self.deserted.poll(which, another, self.listeners.len());
                if ended && self.is_closed() {
                    self.wake_receivers();
                }
            }
        }
    }

    /// All that can be seen from outside is as the model has it.
    fn compare(&self) {
        let senders = self.senders.len() + self.deserted.len();
        assert_eq!(self.weak.strong_count(), senders);
        // A message is kept while somebody is still to get it, and never past the capacity.
        let needed = self.listeners.iter().map(|one| one.next).min().unwrap_or(self.sent.len());
        let kept = needed.max(self.oldest());
        for (number, message) in self.sent.iter().enumerate() {
            let holders = 1 + usize::from(number >= kept);
            assert_eq!(Arc::strong_count(message), holders, "message {number} is kept, or not");
        }
        if let Some(sender) = self.senders.first() {
            assert_eq!(sender.len(), self.sent.len() - kept);
            assert_eq!(sender.receiver_count(), self.listeners.len());
        }
        for listener in &self.listeners {
            match (&listener.receiving, listener.receiver.try_lock()) {
                (Some((woken, receiving)), _) => {
                    assert_eq!(receiving.wakes_since_poll(), usize::from(*woken), "wake-ups");
                }
                (None, Ok(receiver)) => {
                    assert_eq!(receiver.len(), self.sent.len() - listener.next);
                    assert_eq!(receiver.is_closed(), self.is_closed());
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
    fn a_broadcast_channel_is_a_list_and_a_place_in_it_for_everybody(
        capacity in prop_oneof![Just(1_usize), Just(2), Just(4)],
        operations in vec(operation(), 1..100),
    ) {
        let mut world = World::new(capacity);
        world.apply(Operation::Subscribe);
        for operation in operations {
            world.apply(operation);
            world.compare();
        }
        let sent = world.sent.clone();
        drop(world);
        assert!(sent.iter().all(|message| Arc::strong_count(message) == 1), "messages leaked");
    }
}
