//! The oneshot against one optional value: whatever the two ends do, and in whatever order, it is delivered or given back.

use crate::props_support::config;
use crate::support::{CountingWaker, DropCounter, DropGuard, poll_once};
use proptest::{collection::vec, prelude::*};
use raddle_sync::oneshot::{self, Receiver, Sender, error::TryRecvError};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

#[derive(Clone, Copy, Debug)]
enum Operation {
    Send,
    DropSender,
    PollClosed(bool),
    Receive(bool),
    TryReceive,
    Close,
    DropReceiver,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        2 => Just(Send),
        1 => Just(DropSender),
        3 => any::<bool>().prop_map(PollClosed),
        6 => any::<bool>().prop_map(Receive),
        3 => Just(TryReceive),
        1 => Just(Close),
        1 => Just(DropReceiver),
    ]
}

/// What the model knows of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// With the sender still.
    Unsent,
    /// In the channel.
    Sent,
    /// Received, or given back, or dropped with its end.
    Gone,
}

struct World {
    sender: Option<Sender<DropGuard>>,
    receiver: Option<Receiver<DropGuard>>,
    value: Value,
    closed: bool,
    /// Of the two wakers left last, if the end that left it still waits.
    receiver_waits: Option<Arc<CountingWaker>>,
    sender_waits: Option<Arc<CountingWaker>>,
    receiver_wakes: Arc<CountingWaker>,
    sender_wakes: Arc<CountingWaker>,
}

impl World {
    /// The other end has done what `who` waits for.
    fn expect_wake(waits: &mut Option<Arc<CountingWaker>>, who: &str) {
        if let Some(wakes) = waits.take() {
            assert_eq!(wakes.count(), 1, "wake-ups of the {who}");
        }
    }

    fn apply(&mut self, operation: Operation, drops: &DropCounter) {
        match operation {
            Operation::Send => {
                let Some(sender) = self.sender.take() else { return };
                self.sender_waits = None;
                let sent = sender.send(drops.guard());
                assert_eq!(sent.is_ok(), !self.closed, "sent although closed, or the reverse");
                self.value = if sent.is_ok() { Value::Sent } else { Value::Gone };
                World::expect_wake(&mut self.receiver_waits, "receiver");
            }
            Operation::DropSender => {
                if self.sender.take().is_some() {
                    self.sender_waits = None;
                    World::expect_wake(&mut self.receiver_waits, "receiver");
                }
            }
            Operation::PollClosed(another) => {
                let Some(sender) = &mut self.sender else { return };
                if another {
                    self.sender_wakes = CountingWaker::new().0;
                }
                let waker = self.sender_wakes.clone().into();
                let polled = sender.poll_closed(&mut Context::from_waker(&waker));
                assert_eq!(polled.is_ready(), self.closed);
                assert_eq!(sender.is_closed(), self.closed);
                self.sender_waits = (!self.closed).then(|| self.sender_wakes.clone());
            }
            Operation::Receive(another) => {
                let Some(receiver) = &mut self.receiver else { return };
                if receiver.is_terminated() {
                    return;
                }
                if another {
                    self.receiver_wakes = CountingWaker::new().0;
                }
                let polled = poll_once(Pin::new(receiver), &self.receiver_wakes.clone().into());
                match (polled, self.value) {
                    (Poll::Ready(Ok(value)), Value::Sent) => {
                        drop(value);
                        self.value = Value::Gone;
                    }
                    (Poll::Ready(Err(_)), Value::Unsent | Value::Gone) => {
                        assert!(self.sender.is_none() || self.closed, "no value, but a sender");
                    }
                    (Poll::Pending, Value::Unsent) => {
                        assert!(self.sender.is_some() && !self.closed, "waits for nobody");
                        self.receiver_waits = Some(self.receiver_wakes.clone());
                    }
                    (polled, value) => panic!("{value:?}, but polling says {polled:?}"),
                }
            }
            Operation::TryReceive => {
                let Some(receiver) = &mut self.receiver else { return };
                if receiver.is_terminated() {
                    return;
                }
                match (receiver.try_recv(), self.value) {
                    (Ok(value), Value::Sent) => {
                        drop(value);
                        self.value = Value::Gone;
                        self.receiver_waits = None;
                    }
                    (Err(TryRecvError::Empty), Value::Unsent) => {
                        assert!(self.sender.is_some() && !self.closed);
                    }
                    (Err(TryRecvError::Closed), Value::Unsent | Value::Gone) => {
                        assert!(self.sender.is_none() || self.closed);
                    }
                    (tried, value) => panic!("{value:?}, but trying says {tried:?}"),
                }
            }
            Operation::Close => {
                let Some(receiver) = &mut self.receiver else { return };
                receiver.close();
                self.closed = true;
                // It has the receiver in hand: it does not wait, and knows.
                self.receiver_waits = None;
                World::expect_wake(&mut self.sender_waits, "sender");
            }
            Operation::DropReceiver => {
                if self.receiver.take().is_some() {
                    self.closed = true;
                    self.receiver_waits = None;
                    if self.value == Value::Sent {
                        self.value = Value::Gone;
                    }
                    World::expect_wake(&mut self.sender_waits, "sender");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_oneshot_is_one_optional_value(operations in vec(operation(), 1..20)) {
        let drops = DropCounter::new();
        let (sender, receiver) = oneshot::channel();
        let mut world = World {
            sender: Some(sender),
            receiver: Some(receiver),
            value: Value::Unsent,
            closed: false,
            receiver_waits: None,
            sender_waits: None,
            receiver_wakes: CountingWaker::new().0,
            sender_wakes: CountingWaker::new().0,
        };
        let mut made = 0;
        for operation in operations {
            made += usize::from(matches!(operation, Operation::Send) && world.sender.is_some());
            world.apply(operation, &drops);
            let there = usize::from(world.value == Value::Sent);
            assert_eq!(drops.count(), made - there, "dropped at the wrong time");
        }
        drop(world);
        assert_eq!(drops.count(), made, "leaked, or dropped twice");
    }
}
