//! Rules L2 to L4 of the wait list, on the smallest primitive that can be built on it.

use crate::sync_support::run_beside;
use loom::{future::block_on, sync::Arc, thread};
use raddle_sync::loom::internals::{Standing, WaitQueue, Waiter};
use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
};

/// Units under a lock, and a line for them.
struct Gate {
    queue: WaitQueue<usize>,
    /// L4. Without it the gate is the negative control.
    hands_on: bool,
}

/// Someone in line.
struct InLine<'a, 'q> {
    gate: &'q Gate,
    waiter: Pin<&'a Waiter<'q, usize>>,
    served: bool,
}

impl Gate {
    fn new(units: usize, hands_on: bool) -> Arc<Self> {
        Arc::new(Self { queue: WaitQueue::new(units), hands_on })
    }

    fn release(&self) {
        let mut locked = self.queue.lock();
        let waker = locked.pop_front(Standing::Granted);
        if waker.is_none() {
            *locked += 1;
        }
        drop(locked);
        if let Some(Some(waker)) = waker {
            waker.wake();
        }
    }

    /// Waits for a unit; gives up at the `patience`-th poll that finds none.
    async fn acquire(&self, mut patience: usize) -> bool {
        let waiter = pin!(Waiter::new(&self.queue));
        let mut line = InLine { gate: self, waiter: waiter.as_ref(), served: false };
        poll_fn(|cx| {
            if line.waiter.standing() == Standing::Idle {
                let mut locked = self.queue.lock();
                if *locked > 0 {
                    *locked -= 1;
                    line.served = true;
                } else {
                    locked.push_back(line.waiter, 1, Some(cx.waker().clone()));
                }
            } else {
                line.served = line.waiter.standing() == Standing::Granted;
            }
            if line.served {
                return Poll::Ready(true);
            }
            patience = patience.saturating_sub(1);
            if patience == 0 { Poll::Ready(false) } else { Poll::Pending }
        })
        .await
    }
}

impl Drop for InLine<'_, '_> {
    fn drop(&mut self) {
        if self.served {
            return;
        }
        let removed = self.gate.queue.lock().remove(self.waiter);
        let granted = self.waiter.standing() == Standing::Granted;
        if removed.is_none() && granted && self.gate.hands_on {
            self.gate.release();
        }
    }
}

/// One patient and one impatient waiter, and a single unit.
fn cancel_against_release(hands_on: bool) {
    loom::model(move || {
        let gate = Gate::new(0, hands_on);
        let impatient = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || {
                if block_on(gate.acquire(1)) {
                    gate.release();
                }
            })
        };
        let releasing = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || gate.release())
        };
        assert!(run_beside(vec![impatient, releasing], gate.acquire(usize::MAX)));
        assert_eq!(*gate.queue.lock(), 0, "the patient waiter has the only unit");
    });
}

#[test]
fn l4_a_waiter_that_gives_up_after_being_served_hands_its_unit_on() {
    cancel_against_release(true);
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn l4_control_without_handing_on_the_next_in_line_sleeps_for_ever() {
    cancel_against_release(false);
}

#[test]
fn l2_a_waiter_dropped_while_it_is_served_is_left_alone() {
    loom::model(|| {
        let gate = Gate::new(0, true);
        let server = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || gate.release())
        };
        // The waiter's memory is gone as soon as the drop has seen that it was served.
        let served = block_on(async { Box::pin(gate.acquire(1)).await });
        server.join().unwrap();
        assert_eq!(*gate.queue.lock() == 0, served);
    });
}
