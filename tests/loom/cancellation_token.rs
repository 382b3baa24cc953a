//! Rules F1 to F6 of cancellation tokens.

use crate::sync_support::run_beside;
use loom::{future::block_on, thread};
use raddle_sync::{
    CancellationToken,
    loom::internals::{leaving_out, opening},
};

fn a_child_born_while_its_parent_is_cancelled_hears_of_it() {
    loom::model(|| {
        let parent = CancellationToken::new();
        let cancelling = {
            let parent = parent.clone();
            thread::spawn(move || parent.cancel())
        };
        let child = parent.child_token();
        run_beside(vec![cancelling], child.cancelled());
    });
}

#[test]
fn f2_a_child_born_while_its_parent_is_cancelled_hears_of_it() {
    a_child_born_while_its_parent_is_cancelled_hears_of_it();
}

#[test]
#[should_panic(expected = "lost wake-up")]
fn f2_control_a_child_whose_birth_does_not_look_at_the_mark_never_hears_of_it() {
    leaving_out("F2", a_child_born_while_its_parent_is_cancelled_hears_of_it);
}

#[test]
fn f5_a_grandchild_is_reached_while_the_one_between_goes() {
    loom::model(|| {
        let root = CancellationToken::new();
        let middle = root.child_token();
        let leaf = middle.child_token();
        let dropping = thread::spawn(move || drop(middle));
        let cancelling = thread::spawn(move || root.cancel());
        block_on(leaf.cancelled());
        dropping.join().unwrap();
        cancelling.join().unwrap();
    });
}

#[test]
fn f1_a_token_that_goes_while_it_is_cancelled_leaves_its_row_to_nobody() {
    loom::model(|| {
        let root = CancellationToken::new();
        let leaving = root.child_token();
        let dropping = thread::spawn(move || drop(leaving));
        root.cancel();
        // Somebody else's row now, perhaps that of the one that is leaving.
        let other = CancellationToken::new();
        let child = other.child_token();
        dropping.join().unwrap();
        other.cancel();
        assert!(child.is_cancelled());
    });
}

#[test]
fn f1_rows_are_taken_over_while_others_are_left() {
    loom::model(|| {
        let root = CancellationToken::new();
        let first = root.child_token();
        let below = first.child_token();
        let cancelling = thread::spawn(move || first.cancel());
        let second = root.child_token();
        let below_second = second.child_token();
        cancelling.join().unwrap();
        assert!(below.is_cancelled() && !below_second.is_cancelled());
        second.cancel();
        assert!(below_second.is_cancelled() && !root.is_cancelled());
    });
}

#[test]
fn f2_two_cancel_at_once() {
    loom::model(|| {
        let root = CancellationToken::new();
        let child = root.child_token();
        let cancelling = {
            let child = child.clone();
            thread::spawn(move || child.cancel())
        };
        root.cancel();
        // Whoever was first: both marks are set when its cancel has returned.
        assert!(child.is_cancelled() && root.is_cancelled());
        cancelling.join().unwrap();
    });
}

fn who_finds_a_token_cancelled_finds_its_children_cancelled() {
    opening("F6", || {
        loom::model(|| {
            let root = CancellationToken::new();
            let child = root.child_token();
            let cancel = |root: &CancellationToken, child: &CancellationToken| {
                // Perhaps the other is at it, and there is nothing left to do.
                root.cancel();
                child.is_cancelled()
            };
            let other = {
                let (root, child) = (root.clone(), child.clone());
                thread::spawn(move || cancel(&root, &child))
            };
            let here = cancel(&root, &child);
            let there = other.join().unwrap();
            assert!(here && there, "a child is behind");
        });
    });
}

#[test]
fn f6_who_finds_a_token_cancelled_finds_its_children_cancelled() {
    who_finds_a_token_cancelled_finds_its_children_cancelled();
}

#[test]
#[should_panic(expected = "a child is behind")]
fn f6_control_a_parent_that_is_marked_first_is_found_before_its_children() {
    leaving_out("F6", who_finds_a_token_cancelled_finds_its_children_cancelled);
}
