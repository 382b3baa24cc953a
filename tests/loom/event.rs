//! Rules E1 to E3 of the flag under event and set-once, and I5 of the latter.

use crate::sync_support::{once, run_beside};
use loom::{
    future::block_on,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use raddle_sync::{
    Event, SetOnce,
    loom::internals::{Standing, WaitQueue, Waiter, leaving_out},
};
use std::{future::poll_fn, pin::pin, task::Poll};

#[test]
fn e1_a_set_and_a_waiter_lining_up_see_each_other() {
    loom::model(|| {
        let shared = Arc::new((Event::new(), AtomicUsize::new(0)));
        let others = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.1.fetch_add(1, Ordering::Relaxed);
                    shared.0.set();
                })
            })
            .collect();
        run_beside(others, async {
            shared.0.wait().await;
            assert!(shared.1.load(Ordering::Relaxed) > 0, "what came before the set is not seen");
        });
    });
}

/// The flag in one word, whether somebody waits in another: what E1 forbids.
struct TwoWords {
    flag: AtomicUsize,
    waited: AtomicUsize,
    queue: WaitQueue<()>,
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn e1_control_with_two_words_they_miss_each_other() {
    loom::model(|| {
        let shared = Arc::new(TwoWords {
            flag: AtomicUsize::new(0),
            waited: AtomicUsize::new(0),
            queue: WaitQueue::new(()),
        });
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.flag.store(1, Ordering::Release);
                if shared.waited.load(Ordering::Acquire) == 1 {
                    let waker = shared.queue.lock().pop_front(Standing::Swept);
                    if let Some(Some(waker)) = waker {
                        waker.wake();
                    }
                }
            })
        };
        let waiter = pin!(Waiter::new(&shared.queue));
        let waiter = waiter.as_ref();
        run_beside(
            vec![other],
            poll_fn(|cx| {
                if shared.flag.load(Ordering::Acquire) == 1 {
                    return Poll::Ready(());
                }
                shared.waited.store(1, Ordering::Release);
                shared.queue.lock().push_back(waiter, 1, Some(cx.waker().clone()));
                Poll::Pending
            }),
        );
    });
}

/// Waits for a flag that is set and cleared at once. By `again`, looks again when woken.
fn set_and_clear(again: bool) {
    loom::model(move || {
        let ready = Arc::new(Event::new());
        let mut waiting = Box::pin(ready.wait());
        assert!(block_on(once(waiting.as_mut())).is_none());
        let other = {
            let ready = Arc::clone(&ready);
            thread::spawn(move || {
                ready.set();
                ready.clear();
            })
        };
        run_beside(vec![other], async {
            waiting.await;
            while again && !ready.is_set() {
                ready.wait().await;
            }
        });
    });
}

#[test]
fn e2_a_set_reaches_who_waits_even_if_it_is_cleared_at_once() {
    set_and_clear(false);
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn e2_control_a_waiter_that_looks_again_misses_a_short_set() {
    set_and_clear(true);
}

#[test]
fn e2_a_set_does_not_reach_who_waits_after_the_clearing() {
    loom::model(|| {
        let ready = Arc::new(Event::new());
        let mut first = Box::pin(ready.wait());
        let mut second = Box::pin(ready.wait());
        assert!(block_on(once(first.as_mut())).is_none());
        assert!(block_on(once(second.as_mut())).is_none());
        let setter = {
            let ready = Arc::clone(&ready);
            thread::spawn(move || ready.set())
        };
        // Let through, so the set has happened; its sweep may still be on the way to `second`.
        block_on(first);
        ready.clear();
        assert!(block_on(once(ready.wait())).is_none(), "woken by a set that came before");
        assert!(block_on(once(second)).is_some(), "the set has reached it already");
        setter.join().unwrap();
        assert_eq!(ready.stats().waiters, 0);
    });
}

#[test]
fn e1_a_waiter_that_gives_up_leaves_the_flag_as_it_is() {
    loom::model(|| {
        let ready = Arc::new(Event::new());
        let impatient = {
            let ready = Arc::clone(&ready);
            thread::spawn(move || _ = block_on(once(ready.wait())))
        };
        let setter = {
            let ready = Arc::clone(&ready);
            thread::spawn(move || ready.set())
        };
        run_beside(vec![impatient, setter], ready.wait());
        assert!(ready.is_set());
    });
}

#[test]
fn i5_of_two_sets_one_succeeds_and_who_waits_sees_its_value() {
    loom::model(|| {
        let once = Arc::new(SetOnce::new());
        let others: Vec<_> = (1..=2)
            .map(|id| {
                let once = Arc::clone(&once);
                thread::spawn(move || {
                    let set = once.set(AtomicUsize::new(id)).is_ok();
                    // Relaxed: only the set orders it.
                    let seen = once.get().expect("there is a value").load(Ordering::Relaxed);
                    assert!(!set || seen == id);
                })
            })
            .collect();
        run_beside(others, async {
            let seen = once.wait().await.load(Ordering::Relaxed);
            assert_eq!(once.get().unwrap().load(Ordering::Relaxed), seen);
        });
    });
}

fn of_two_sets_one_succeeds() {
    loom::model(|| {
        let once = Arc::new(SetOnce::new());
        let other = {
            let once = Arc::clone(&once);
            thread::spawn(move || once.set(1).is_ok())
        };
        let ours = once.set(2).is_ok();
        assert!(ours != other.join().unwrap(), "both were put in, or neither");
    });
}

#[test]
fn i5_of_two_sets_one_succeeds() {
    of_two_sets_one_succeeds();
}

#[test]
#[should_panic(expected = "both were put in")]
fn i5_control_a_set_that_does_not_look_at_the_flag_puts_in_a_second_value() {
    leaving_out("I5", of_two_sets_one_succeeds);
}

/// Two set the flag, one of which has said something before; who waits clears it, and looks.
fn a_set_that_is_cleared_has_been_heard() {
    loom::model(|| {
        let shared = Arc::new((Event::new(), AtomicUsize::new(0)));
        let mut waiting = Box::pin(shared.0.wait());
        assert!(block_on(poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx)))).is_pending());
        let setting = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.0.set())
        };
        let saying = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.1.store(1, Ordering::Relaxed);
                shared.0.set();
            })
        };
        block_on(waiting);
        shared.0.clear();
        let heard = shared.1.load(Ordering::Relaxed) == 1;
        setting.join().unwrap();
        saying.join().unwrap();
        assert!(heard || shared.0.is_set(), "it was cleared, and not heard");
    });
}

#[test]
fn e3_a_set_that_is_cleared_has_been_heard() {
    a_set_that_is_cleared_has_been_heard();
}

#[test]
#[should_panic(expected = "it was cleared, and not heard")]
fn e3_control_a_set_that_does_nothing_when_it_is_late_is_not_heard() {
    leaving_out("E3", a_set_that_is_cleared_has_been_heard);
}
