//! The unbounded channel against a queue: order, its end, and that the receiver is woken.

use crate::props_support::{config, pick};
use crate::support::{CountingWaker, DropCounter, DropGuard};
use proptest::{collection::vec, prelude::*};
use raddle_sync::mpsc::{self, UnboundedSender, WeakUnboundedSender, error::TryRecvError};
use std::collections::VecDeque;
use std::task::{Context, Poll};

#[derive(Clone, Copy, Debug)]
enum Operation {
    Send(u8),
    Clone(u8),
    DropSender(u8),
    Downgrade(u8),
    Upgrade(u8),
    Receive(bool),
    TryReceive,
    Close,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        20 => any::<u8>().prop_map(Send),
        3 => any::<u8>().prop_map(Clone),
        6 => any::<u8>().prop_map(DropSender),
        2 => any::<u8>().prop_map(Downgrade),
        2 => any::<u8>().prop_map(Upgrade),
        20 => any::<bool>().prop_map(Receive),
        5 => Just(TryReceive),
        1 => Just(Close),
    ]
}

type Message = (u64, DropGuard);

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_unbounded_channel_is_a_queue(operations in vec(operation(), 1..80)) {
        let (sender, mut receiver) = mpsc::unbounded_channel::<Message>();
        let mut senders: Vec<UnboundedSender<Message>> = vec![sender];
        let mut weak: Vec<WeakUnboundedSender<Message>> = Vec::new();
        let (mut queue, mut closed, mut made) = (VecDeque::new(), false, 0);
        let drops = DropCounter::new();
        let mut wakes = CountingWaker::new().0;
        let mut waits_since = None;
        for operation in operations {
            match operation {
                Operation::Send(which) => {
                    let Some(index) = pick(which, senders.len()) else { continue };
                    made += 1;
                    let sent = senders[index].send((made, drops.guard()));
                    assert_eq!(sent.is_ok(), !closed);
                    match sent {
                        Ok(()) => queue.push_back(made),
                        Err(back) => assert_eq!(back.0.0, made),
                    }
                }
                Operation::Clone(which) => {
                    let Some(index) = pick(which, senders.len()) else { continue };
                    senders.push(senders[index].clone());
                }
                Operation::DropSender(which) => {
                    let Some(index) = pick(which, senders.len()) else { continue };
                    senders.swap_remove(index);
                }
                Operation::Downgrade(which) => {
                    let Some(index) = pick(which, senders.len()) else { continue };
                    weak.push(senders[index].downgrade());
                }
                Operation::Upgrade(which) => {
                    let Some(index) = pick(which, weak.len()) else { continue };
                    let upgraded = weak[index].upgrade();
                    assert_eq!(upgraded.is_some(), !senders.is_empty());
                    senders.extend(upgraded);
                }
                Operation::Receive(another) => {
                    if another {
                        wakes = CountingWaker::new().0;
                    }
                    let waker = wakes.clone().into();
                    match receiver.poll_recv(&mut Context::from_waker(&waker)) {
                        Poll::Ready(Some((number, _))) => assert_eq!(queue.pop_front(), Some(number)),
                        Poll::Ready(None) => assert!(queue.is_empty() && (closed || senders.is_empty())),
                        Poll::Pending => {
                            assert!(queue.is_empty() && !closed && !senders.is_empty());
                            waits_since = Some(wakes.count());
                            continue;
                        }
                    }
                    waits_since = None;
                }
                Operation::TryReceive => match receiver.try_recv() {
                    Ok((number, _)) => assert_eq!(queue.pop_front(), Some(number)),
                    Err(TryRecvError::Empty) => {
                        assert!(queue.is_empty() && !closed && !senders.is_empty());
                    }
                    Err(TryRecvError::Disconnected) => {
                        assert!(queue.is_empty() && (closed || senders.is_empty()));
                    }
                },
                Operation::Close => {
                    receiver.close();
                    closed = true;
                    // It has the receiver in hand: it does not wait, and knows.
                    waits_since = None;
                }
            }
            assert_eq!(receiver.len(), queue.len());
            assert_eq!(receiver.sender_strong_count(), senders.len());
            assert_eq!(receiver.sender_weak_count(), weak.len());
            let has_reason = !queue.is_empty() || senders.is_empty();
            let woken = waits_since.is_none_or(|since| wakes.count() > since);
            assert!(woken || !has_reason, "the receiver was not woken");
            assert_eq!(drops.count(), made as usize - queue.len(), "dropped at the wrong time");
        }
        drop(receiver);
        assert_eq!(drops.count(), made as usize, "messages leaked, or dropped twice");
    }
}
