//! The bounded mpsc channel against a queue with a line before it: order, slots, closing, and who is woken.

use crate::props_support::{Line, Place, Waiting, config, pick};
use crate::support::{CountingWaker, DropCounter, DropGuard};
use proptest::{collection::vec, prelude::*};
use raddle_sync::mpsc::{
    self, OwnedPermit, Receiver, Sender,
    error::{TryRecvError, TrySendError},
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

#[derive(Clone, Copy, Debug)]
enum Operation {
    Send,
    TrySend,
    SendMany(usize),
    Reserve,
    PollSender(u8, bool),
    DropSending(u8),
    PollReserving(u8, bool),
    DropReserving(u8),
    UsePermit(u8),
    DropPermit(u8),
    Receive(bool),
    ReceiveMany(usize),
    TryReceive,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        6 => Just(Send),
        2 => Just(TrySend),
        2 => (1..4_usize).prop_map(SendMany),
        3 => Just(Reserve),
        5 => any::<(u8, bool)>().prop_map(|(which, another)| PollSender(which, another)),
        2 => any::<u8>().prop_map(DropSending),
        3 => any::<(u8, bool)>().prop_map(|(which, another)| PollReserving(which, another)),
        1 => any::<u8>().prop_map(DropReserving),
        2 => any::<u8>().prop_map(UsePermit),
        1 => any::<u8>().prop_map(DropPermit),
        8 => any::<bool>().prop_map(Receive),
        2 => (0..4_usize).prop_map(ReceiveMany),
        2 => Just(TryReceive),
    ]
}

/// The end of the story, tried at some point of most runs.
#[derive(Clone, Copy, Debug)]
enum End {
    CloseReceiver,
    DropReceiver,
    DropSender,
}

/// A number, and a guard that tells when the message is dropped.
type Message = (u64, DropGuard);

/// A send that waits: the numbers of its messages, its number in line, its future, which owns a sender.
struct Sending {
    messages: Vec<u64>,
    number: u64,
    waiting: Waiting<'static, bool>,
}

struct World {
    capacity: usize,
    sender: Option<Sender<Message>>,
    receiver: Option<Receiver<Message>>,
    line: Line,
    queue: VecDeque<u64>,
    sending: Vec<Sending>,
    reserving: Vec<(u64, Waiting<'static, Option<OwnedPermit<Message>>>)>,
    permits: Vec<OwnedPermit<Message>>,
    made: u64,
    drops: DropCounter,
    /// The receiver's waker, and what it stood at when the receiver last had to wait.
    wakes: Arc<CountingWaker>,
    waits_since: Option<usize>,
}

/// Sends all of `messages`, together if there are several; whether the channel took them.
async fn send(sender: Sender<Message>, mut messages: Vec<Message>) -> bool {
    if messages.len() == 1 {
        let message = messages.pop().expect("there is one");
        return sender.send(message).await.is_ok();
    }
    match sender.reserve_many(messages.len()).await {
        Ok(permits) => {
            permits.zip(messages).for_each(|(permit, message)| permit.send(message));
            true
        }
        Err(_) => false,
    }
}

impl World {
    fn new(capacity: usize) -> World {
        let (sender, receiver) = mpsc::channel(capacity);
        World {
            capacity,
            sender: Some(sender),
            receiver: Some(receiver),
            line: Line::new(capacity),
            queue: VecDeque::new(),
            sending: Vec::new(),
            reserving: Vec::new(),
            permits: Vec::new(),
            made: 0,
            drops: DropCounter::new(),
            wakes: CountingWaker::new().0,
            waits_since: None,
        }
    }

    fn message(&mut self) -> Message {
        self.made += 1;
        (self.made, self.drops.guard())
    }

    /// Messages in taken slots have arrived, if anybody is there for them.
    fn arrived(&mut self, messages: impl IntoIterator<Item = u64>) {
        if self.receiver.is_some() {
            self.queue.extend(messages);
        }
    }

    fn senders(&self) -> usize {
        let bare = usize::from(self.sender.is_some());
        bare + self.sending.len() + self.reserving.len() + self.permits.len()
    }

    /// Whether nothing will come any more.
    fn is_finished(&self) -> bool {
        self.senders() == 0 || self.line.closed && self.line.free == self.capacity
    }

    fn start_sending(&mut self, count: usize) {
        let Some(sender) = self.sender.clone() else { return };
        let messages: Vec<Message> = (0..count).map(|_| self.message()).collect();
        let numbers: Vec<u64> = messages.iter().map(|(number, _)| *number).collect();
        match Waiting::start(send(sender, messages)) {
            Ok(true) => {
                assert!(self.line.take_now(count), "sent into a full channel, or past the line");
                self.arrived(numbers);
            }
            Ok(false) => assert!(self.line.closed, "refused, and not closed"),
            Err(waiting) => {
                assert!(!self.line.closed && !self.line.take_now(count), "waits, and need not");
                let number = self.line.wait(count);
                self.sending.push(Sending { messages: numbers, number, waiting });
            }
        }
    }

    fn received(&mut self, number: u64) {
        assert_eq!(Some(number), self.queue.pop_front(), "out of order, or from nowhere");
        self.line.give(1);
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Send => self.start_sending(1),
            Operation::SendMany(count) => self.start_sending(count.min(self.capacity)),
            Operation::TrySend => {
                let message = self.message();
                let number = message.0;
                let Some(sender) = &self.sender else { return };
                match sender.try_send(message) {
                    Ok(()) => {
                        assert!(self.line.take_now(1), "sent into a full channel");
                        self.arrived([number]);
                    }
                    Err(TrySendError::Closed((back, _))) => {
                        assert!(self.line.closed && back == number);
                    }
                    Err(TrySendError::Full((back, _))) => {
                        let full = !self.line.closed && !self.line.take_now(1);
                        assert!(full && back == number);
                    }
                }
            }
            Operation::Reserve => {
                let Some(sender) = self.sender.clone() else { return };
                match Waiting::start(async { sender.reserve_owned().await.ok() }) {
                    Ok(Some(permit)) => {
                        assert!(self.line.take_now(1), "there was no slot");
                        self.permits.push(permit);
                    }
                    Ok(None) => assert!(self.line.closed),
                    Err(waiting) => {
                        assert!(!self.line.closed && !self.line.take_now(1), "waits for nothing");
                        self.reserving.push((self.line.wait(1), waiting));
                    }
                }
            }
            Operation::PollSender(which, another) => {
                let Some(index) = pick(which, self.sending.len()) else { return };
                let Sending { number, waiting, .. } = &mut self.sending[index];
                let (place, polled) = (self.line.place(*number), waiting.poll(another));
                match (polled, place) {
                    (Poll::Pending, Place::Lacks(_)) => return,
                    (Poll::Ready(true), Place::Served) => {}
                    (Poll::Ready(false), Place::Served) => assert!(self.receiver.is_none()),
                    (Poll::Ready(false), Place::Refused(_)) => {}
                    (polled, place) => panic!("{place:?}, but polling says {polled:?}"),
                }
                let Sending { messages, number, .. } = self.sending.swap_remove(index);
                if self.line.ended(number) == Place::Served {
                    self.arrived(messages);
                }
            }
            Operation::DropSending(which) => {
                let Some(index) = pick(which, self.sending.len()) else { return };
                let number = self.sending.swap_remove(index).number;
                self.line.leave(number);
            }
            Operation::PollReserving(which, another) => {
                let Some(index) = pick(which, self.reserving.len()) else { return };
                let (number, waiting) = &mut self.reserving[index];
                match (waiting.poll(another), self.line.place(*number)) {
                    (Poll::Pending, Place::Lacks(_)) => return,
                    (Poll::Ready(Some(permit)), Place::Served) => self.permits.push(permit),
                    (Poll::Ready(None), Place::Refused(_)) => {}
                    (_, place) => panic!("{place:?}, but polling says otherwise"),
                }
                let (number, _) = self.reserving.swap_remove(index);
                self.line.ended(number);
            }
            Operation::DropReserving(which) => {
                let Some(index) = pick(which, self.reserving.len()) else { return };
                let (number, _) = self.reserving.swap_remove(index);
                self.line.leave(number);
            }
            Operation::UsePermit(which) => {
                let Some(index) = pick(which, self.permits.len()) else { return };
                let message = self.message();
                let number = message.0;
                drop(self.permits.swap_remove(index).send(message));
                self.arrived([number]);
            }
            Operation::DropPermit(which) => {
                let Some(index) = pick(which, self.permits.len()) else { return };
                drop(self.permits.swap_remove(index));
                self.line.give(1);
            }
            Operation::Receive(another) => {
                let Some(receiver) = &mut self.receiver else { return };
                if another {
                    self.wakes = CountingWaker::new().0;
                }
                let waker = self.wakes.clone().into();
                match receiver.poll_recv(&mut Context::from_waker(&waker)) {
                    Poll::Ready(Some((number, _))) => self.received(number),
                    Poll::Ready(None) => assert!(self.queue.is_empty() && self.is_finished()),
                    Poll::Pending => {
                        assert!(self.queue.is_empty() && !self.is_finished(), "waits for nothing");
                        self.waits_since = Some(self.wakes.count());
                        return;
                    }
                }
                self.waits_since = None;
            }
            Operation::ReceiveMany(limit) => {
                let Some(receiver) = &mut self.receiver else { return };
                let mut batch = Vec::new();
                // Polled once and dropped: that loses nothing.
                let received = Waiting::start(receiver.recv_many(&mut batch, limit)).map_err(drop);
                let count = batch.len();
                assert!(count <= limit && received.is_ok_and(|told| told == count) || count == 0);
                assert_eq!(count == 0, self.queue.is_empty() || limit == 0);
                batch.into_iter().for_each(|(number, _)| self.received(number));
                self.waits_since = None;
            }
            Operation::TryReceive => {
                let Some(receiver) = &mut self.receiver else { return };
                match receiver.try_recv() {
                    Ok((number, _)) => self.received(number),
                    Err(TryRecvError::Empty) => {
                        assert!(self.queue.is_empty() && !self.is_finished());
                    }
                    Err(TryRecvError::Disconnected) => {
                        assert!(self.queue.is_empty() && self.is_finished());
                    }
                }
            }
        }
    }

    fn end(&mut self, end: End) {
        match end {
            End::DropSender => drop(self.sender.take()),
            End::CloseReceiver => {
                if let Some(receiver) = &mut self.receiver {
                    receiver.close();
                    self.line.close();
                    // It has the receiver in hand: it does not wait, and knows.
                    self.waits_since = None;
                }
            }
            End::DropReceiver => {
                self.receiver = None;
                self.waits_since = None;
                self.line.close();
                self.queue.clear();
            }
        }
    }

    /// All that can be seen from outside is as the model has it.
    fn compare(&self) {
        if let (Some(sender), Some(receiver)) = (&self.sender, &self.receiver) {
            assert_eq!(sender.capacity(), self.line.free, "free slots");
            assert_eq!(receiver.len(), self.queue.len());
            assert_eq!(receiver.sender_strong_count(), self.senders());
            assert_eq!(sender.is_closed(), self.line.closed);
        }
        let sending = self.sending.iter().map(|one| (one.number, one.waiting.wakes()));
        let reserving = self.reserving.iter().map(|(number, one)| (*number, one.wakes()));
        for (number, wakes) in sending.chain(reserving) {
            let over = !matches!(self.line.place(number), Place::Lacks(_));
            assert_eq!(wakes, usize::from(over), "wake-ups of sender {number}");
        }
        if let Some(since) = self.waits_since {
            let has_reason = !self.queue.is_empty() || self.is_finished();
            assert!(!has_reason || self.wakes.count() > since, "the receiver was not woken");
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_bounded_channel_is_a_queue_with_a_line(
        capacity in 1..5_usize,
        operations in vec(operation(), 1..80),
        ends in vec((0..100_usize, prop_oneof![
            Just(End::CloseReceiver), Just(End::DropReceiver), Just(End::DropSender)
        ]), 0..3),
    ) {
        let mut world = World::new(capacity);
        for (step, operation) in operations.into_iter().enumerate() {
            world.apply(operation);
            world.compare();
            for (_, end) in ends.iter().filter(|(when, _)| *when == step) {
                world.end(*end);
                world.compare();
            }
        }
        let (made, drops) = (world.made as usize, world.drops.clone());
        drop(world);
        assert_eq!(drops.count(), made, "messages leaked, or dropped twice");
    }
}
