//! `Notify` against a mark and a line: one notification kept at most, sweeps for those who exist, none lost on the way.

use crate::props_support::{Waiting, config, pick};
use crate::support::{CountingWaker, poll_once};
use proptest::{collection::vec, prelude::*};
use raddle_sync::{Notified, Notify};
use std::pin::Pin;
use std::sync::Arc;

#[derive(Clone, Debug)]
enum Operation {
    Make,
    Poll(u8, bool),
    Enable(u8),
    Drop(u8),
    One,
    Last,
    All,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        6 => Just(Make),
        6 => any::<(u8, bool)>().prop_map(|(which, another)| Poll(which, another)),
        3 => any::<u8>().prop_map(Enable),
        4 => any::<u8>().prop_map(Drop),
        5 => Just(One),
        2 => Just(Last),
        1 => Just(All),
    ]
}

/// Where a future of the model stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Made when there had been this many sweeps, and not polled yet.
    Born(usize),
    InLine,
    /// Given the notification of a `notify_one`, or of a `notify_last`.
    Given {
        last: bool,
    },
    /// Swept up by `notify_waiters`.
    Swept,
    /// Has seen that it is done.
    Done,
}

/// A future with its wakers. Not `Waiting`, because `enable` needs its type.
struct Listener<'a> {
    future: Pin<Box<Notified<'a>>>,
    wakes: Arc<CountingWaker>,
    /// Whether it was polled since it got in line: who was only enabled has no waker.
    has_waker: bool,
    standing: Standing,
    number: u64,
}

#[derive(Default)]
struct World<'a> {
    listeners: Vec<Listener<'a>>,
    /// Numbers of those in line, in order.
    line: Vec<u64>,
    mark: bool,
    sweeps: usize,
    made: u64,
}

impl<'a> World<'a> {
    fn set(&mut self, number: u64, standing: Standing) {
        let found = self.listeners.iter_mut().find(|listener| listener.number == number);
        found.expect("who is in line exists").standing = standing;
    }

    fn notify(&mut self, last: bool) {
        if self.line.is_empty() {
            self.mark = true;
        } else {
            let place = if last { self.line.len() - 1 } else { 0 };
            let number = self.line.remove(place);
            self.set(number, Standing::Given { last });
        }
    }

    /// What polling, or enabling, the listener at `index` has to say.
    fn expect_poll(&mut self, index: usize) -> bool {
        let Listener { standing, number, .. } = self.listeners[index];
        let done = match standing {
            Standing::Born(sweeps) if sweeps != self.sweeps => true,
            Standing::Born(_) if self.mark => {
                self.mark = false;
                true
            }
            Standing::Born(_) => {
                self.line.push(number);
                self.listeners[index].standing = Standing::InLine;
                false
            }
            Standing::InLine => false,
            Standing::Given { .. } | Standing::Swept | Standing::Done => true,
        };
        if done {
            self.listeners[index].standing = Standing::Done;
        }
        done
    }

    fn apply(&mut self, notify: &'a Notify, operation: &Operation) {
        match *operation {
            Operation::Make => {
                self.made += 1;
                self.listeners.push(Listener {
                    future: Box::pin(notify.notified()),
                    wakes: CountingWaker::new().0,
                    has_waker: false,
                    standing: Standing::Born(self.sweeps),
                    number: self.made,
                });
            }
            Operation::Poll(which, another) => {
                let Some(index) = pick(which, self.listeners.len()) else { return };
                // Polling again what has returned `Ready` is for nobody to do.
                if self.listeners[index].standing == Standing::Done {
                    return;
                }
                let done = self.expect_poll(index);
                let listener = &mut self.listeners[index];
                if another {
                    let last = std::mem::replace(&mut listener.wakes, CountingWaker::new().0);
                    assert!(done || last.count() == 0, "woken for nothing");
                }
                let polled = poll_once(listener.future.as_mut(), &listener.wakes.clone().into());
                listener.has_waker = true;
                assert_eq!(polled.is_ready(), done);
                if done {
                    self.listeners.swap_remove(index);
                }
            }
            Operation::Enable(which) => {
                let Some(index) = pick(which, self.listeners.len()) else { return };
                let done = self.expect_poll(index);
                assert_eq!(self.listeners[index].future.as_mut().enable(), done);
            }
            Operation::Drop(which) => {
                let Some(index) = pick(which, self.listeners.len()) else { return };
                let Listener { standing, number, .. } = self.listeners.swap_remove(index);
                self.line.retain(|other| *other != number);
                if let Standing::Given { last } = standing {
                    self.notify(last);
                }
            }
            Operation::One => {
                notify.notify_one();
                self.notify(false);
            }
            Operation::Last => {
                notify.notify_last();
                self.notify(true);
            }
            Operation::All => {
                notify.notify_waiters();
                self.sweeps += 1;
                for number in std::mem::take(&mut self.line) {
                    self.set(number, Standing::Swept);
                }
            }
        }
    }

    fn compare(&self) {
        for listener in &self.listeners {
            let served = matches!(listener.standing, Standing::Given { .. } | Standing::Swept);
            let expected = usize::from(served && listener.has_waker);
            let seen = listener.standing != Standing::Done;
            assert!(!seen || listener.wakes.count() == expected, "wake-ups of {}", listener.number);
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn notify_is_a_mark_and_a_line(operations in vec(operation(), 1..80)) {
        let notify = Notify::new();
        let mut world = World::default();
        for operation in &operations {
            world.apply(&notify, operation);
            world.compare();
        }
        // In the end, what was given and not used is a mark again.
        while !world.listeners.is_empty() {
            world.apply(&notify, &Operation::Drop(5));
            world.compare();
        }
        let left = Waiting::start(notify.notified()).is_ok();
        assert_eq!(left, world.mark, "a notification was lost, or made up");
    }
}
