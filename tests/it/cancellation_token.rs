//! Cancellation tokens: who hears of it, who does not, and families of any shape.

use crate::support_block_on::{Task, block_on, poll_with, waker_fn};
use raddle_sync::CancellationToken;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

#[test]
fn cancelling_reaches_all_descendants_and_nobody_else() {
    let root = CancellationToken::new();
    let (left, right) = (root.child_token(), root.child_token());
    let below = left.child_token();
    let mut waiting = [&below, &left, &right].map(|token| Task::waiting(token.cancelled()));
    left.cancel();
    assert_eq!(waiting.each_ref().map(Task::is_woken), [true, true, false]);
    waiting[0].ready();
    waiting[1].ready();
    assert!(!root.is_cancelled() && !right.is_cancelled());
    root.cancel();
    waiting[2].ready();
    assert!(root.child_token().is_cancelled());
}

#[test]
fn children_of_a_dropped_token_answer_to_its_parent() {
    let root = CancellationToken::new();
    let middle = root.child_token();
    let leaves: Vec<_> = (0..3).map(|_| middle.child_token()).collect();
    let sibling = root.child_token();
    drop(middle);
    let mut waiting: Vec<_> = leaves.iter().map(|leaf| Task::waiting(leaf.cancelled())).collect();
    leaves[1].cancel();
    assert!(waiting[1].is_woken() && !leaves[0].is_cancelled() && !sibling.is_cancelled());
    root.cancel();
    assert!(waiting.iter().all(Task::is_woken) && sibling.is_cancelled());
    waiting.iter_mut().for_each(Task::ready);
}

#[test]
fn children_of_a_dropped_root_are_on_their_own() {
    let root = CancellationToken::new();
    let (one, other) = (root.child_token(), root.child_token());
    drop(root);
    one.cancel();
    assert!(!other.is_cancelled());
    let below = other.child_token();
    other.cancel();
    assert!(below.is_cancelled());
}

#[test]
fn a_chain_of_a_million_is_cancelled_and_dropped() {
    const LENGTH: usize = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };
    for cancel in [false, true] {
        for backwards in [false, true] {
            let mut chain = vec![CancellationToken::new()];
            for at in 0..LENGTH {
                let child = chain[at].child_token();
                chain.push(child);
            }
            if cancel {
                chain[0].cancel();
                assert!(chain[LENGTH].is_cancelled());
            }
            if backwards {
                chain.reverse();
            }
            drop(chain);
        }
    }
}

#[test]
fn a_chain_whose_ancestors_are_dropped_stays_short_and_obeys() {
    let root = CancellationToken::new();
    let mut token = root.child_token();
    for _ in 0..10_000 {
        token = token.child_token();
    }
    root.cancel();
    assert!(token.is_cancelled());
}

#[test]
fn rows_that_were_left_are_used_again_for_others() {
    let root = CancellationToken::new();
    let first = root.child_token();
    drop(first.child_token());
    let second = root.child_token();
    first.cancel();
    drop(first);
    let third = second.child_token();
    assert!(!third.is_cancelled());
    second.cancel();
    assert!(third.is_cancelled() && !root.is_cancelled());
}

#[test]
fn a_future_is_dropped_when_its_token_is_cancelled() {
    let token = CancellationToken::new();
    let mut task = Task::waiting(token.run_until_cancelled(std::future::pending::<()>()));
    token.cancel();
    assert!(task.is_woken());
    assert_eq!(task.ready(), None);
    let unpolled = async { panic!("polled after it was cancelled") };
    assert_eq!(block_on(token.run_until_cancelled(unpolled)), None);

    let token = CancellationToken::new();
    let cancels = token.clone();
    let both = token.run_until_cancelled_owned(async move {
        cancels.cancel();
        7
    });
    assert_eq!(block_on(both), Some(7), "the output wins");
}

#[test]
fn guards_cancel_unless_disarmed() {
    let token = CancellationToken::new();
    let guard = token.clone().drop_guard();
    assert!(!guard.token().is_cancelled());
    drop(guard.disarm());
    token.drop_guard_ref().disarm();
    assert!(!token.is_cancelled());
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _guard = token.drop_guard_ref();
        panic!("leaves the scope");
    }));
    assert!(unwound.is_err() && token.is_cancelled());
}

#[test]
fn a_waker_that_panics_costs_nobody_the_wake_up() {
    let token = CancellationToken::new();
    let children = [token.child_token(), token.child_token(), token.child_token()];
    let mut bad = Task::new(children[1].cancelled());
    assert!(poll_with(bad.pin(), &waker_fn(|| panic!("a bad waker"))).is_pending());
    let good = [&token, &children[0], &children[2]].map(|token| Task::waiting(token.cancelled()));
    assert!(catch_unwind(AssertUnwindSafe(|| token.cancel())).is_err());
    assert!(good.iter().all(Task::is_woken));
    bad.ready();
}

#[test]
fn threads_that_come_and_go_all_hear_of_it() {
    let root = CancellationToken::new();
    let threads: Vec<_> = (0..4)
        .map(|at| {
            let token = root.child_token();
            thread::spawn(move || {
                for _ in 0..500 * (at + 1) {
                    let child = token.child_token();
                    let below = child.child_token();
                    if at % 2 == 0 {
                        child.cancel();
                        assert!(below.is_cancelled());
                    }
                    drop(child);
                    assert!(at % 2 == 0 || !below.is_cancelled() || token.is_cancelled());
                }
                block_on(token.child_token().cancelled_owned());
            })
        })
        .collect();
    root.cancel();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn statistics_and_debug_tell_of_the_token() {
    let token = CancellationToken::new();
    let waiting = Task::waiting(token.cancelled());
    assert_eq!((token.stats().waiters, token.stats().contended), (1, 1));
    drop(waiting);
    assert_eq!(token.stats().waiters, 0);
    assert_eq!(format!("{token:?}"), "CancellationToken { is_cancelled: false }");
}
