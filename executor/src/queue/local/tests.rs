//! The order of a queue, whatever is done to it.

use super::family::{FAMILY_MAX, STREAK_MAX};
use super::*;
use crate::queue::{Part, Rescue, Steal};

fn all(queue: &Local<usize>) -> Vec<usize> {
    std::iter::from_fn(|| queue.pop()).collect()
}

#[test]
fn order_is_kept_whatever_is_open() {
    type Step = fn(&Local<usize>);
    let steps: [Step; 3] = [Local::expose, Local::close, |_| ()];
    for combination in 0..3_usize.pow(4) {
        let (queue, _stealer) = Local::shared();
        let mut expected = 0;
        for round in 0..4_u32 {
            for item in 0..10 {
                assert_eq!(queue.push(round as usize * 10 + item), Push::Done);
            }
            steps[combination / 3_usize.pow(round) % 3](&queue);
            assert_eq!(queue.len(), (round as usize + 1) * 10 - expected);
            for _ in 0..3 {
                assert_eq!(queue.pop(), Some(expected));
                expected += 1;
            }
        }
        assert_eq!(all(&queue), (expected..40).collect::<Vec<_>>());
    }
}

#[test]
fn an_item_whose_turn_is_over_goes_to_the_end() {
    let (queue, stealer) = Local::shared();
    assert_eq!(queue.rotate(0), Ok((0, false)), "there is no other");
    (1..4).for_each(|item| assert_eq!(queue.push(item), Push::Done));
    assert_eq!(queue.rotate(0), Ok((1, false)));
    assert_eq!(queue.push_child(9), Push::Done);
    assert_eq!(queue.rotate(1), Ok((9, false)), "the young come first");
    queue.expose();
    assert_eq!(queue.rotate(9), Err(9), "thieves are in between");
    assert_eq!(all(&queue), [2, 3, 0, 1]);
    let mut rescued = Vec::new();
    while stealer.rescue_into(&mut rescued, Part::Half) == Rescue::Some {}
    assert!(stealer.is_called());
    assert_eq!(queue.rotate(5), Ok((5, false)), "nothing is left that somebody could come for");
    assert_eq!(queue.push(6), Push::Called);
    assert_eq!(queue.rotate(5), Ok((6, true)));
}

#[test]
fn thieves_get_the_newest_and_never_too_many_at_once() {
    let (queue, stealer) = Local::shared();
    (0..10 * EXPOSED_MAX).for_each(|item| assert_eq!(queue.push(item), Push::Done));
    queue.expose();
    assert_eq!(stealer.len(), EXPOSED_MAX);
    let (loot, _) = Local::shared();
    let first = match stealer.steal_into(&loot) {
        Steal::Success(item) => item,
        other => panic!("{other:?}"),
    };
    assert_eq!(first, 9 * EXPOSED_MAX);
    queue.expose();
    assert_eq!(stealer.len(), EXPOSED_MAX - BATCH_MAX);
    queue.close();
    assert_eq!(queue.push(0), Push::Done);
    assert_eq!(stealer.len(), EXPOSED_MAX - BATCH_MAX);
    assert_eq!(queue.len(), 10 * EXPOSED_MAX - BATCH_MAX + 1);
}

#[test]
fn a_rescuer_gets_the_oldest_half_and_then_a_call() {
    let (queue, stealer) = Local::shared();
    (0..5).for_each(|item| assert_eq!(queue.push(item), Push::Done));
    let mut rescued = Vec::new();
    while stealer.rescue_into(&mut rescued, Part::Half) == Rescue::Some {}
    assert_eq!(rescued, [0, 1, 2, 3, 4]);
    assert!(stealer.is_called());
    assert_eq!(queue.push(5), Push::Called);
    queue.take_call();
    assert_eq!(queue.push(6), Push::Done);
}

#[test]
fn what_is_pushed_from_inside_the_deque_is_refused() {
    let (queue, stealer) = Local::shared();
    (0..5).for_each(|item| assert_eq!(queue.push(item), Push::Done));
    let inside = queue.enter().unwrap();
    // As a destructor would that crossbeam-epoch runs in there.
    assert_eq!(queue.push(5), Push::Refused(5));
    queue.expose();
    assert!(matches!(stealer.steal_into(&queue), Steal::Empty));
    assert_eq!((queue.len(), stealer.len()), (5, 0));
    inside.leave();
    queue.expose();
    assert_eq!((queue.push(5), stealer.len()), (Push::Done, 6));
    assert_eq!(all(&queue), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn the_young_come_first_in_their_order_and_keep_nobody_waiting_for_ever() {
    let (queue, _stealer) = Local::shared();
    (0..4).for_each(|item| assert_eq!(queue.push(item), Push::Done));
    queue.begin_family();
    (10..13).for_each(|item| assert_eq!(queue.push_child(item), Push::Done));
    assert_eq!(all(&queue), [10, 11, 12, 0, 1, 2, 3]);
    // A task that spawns one like itself, for ever.
    let spawn = || {
        queue.begin_family();
        assert_eq!(queue.push_child(8), Push::Done);
    };
    assert_eq!(queue.push(7), Push::Done);
    spawn();
    let before = std::iter::from_fn(|| queue.pop()).take_while(|&item| item == 8);
    assert_eq!(before.inspect(|_| spawn()).count(), STREAK_MAX as usize);
}

#[test]
fn a_large_family_goes_to_the_end() {
    let (queue, _stealer) = Local::shared();
    assert_eq!(queue.push(100), Push::Done);
    queue.begin_family();
    (0..=FAMILY_MAX).for_each(|item| assert_eq!(queue.push_child(item), Push::Done));
    let expected: Vec<_> = [100].into_iter().chain(0..=FAMILY_MAX).collect();
    assert_eq!(all(&queue), expected);
}

#[test]
fn a_joiner_comes_behind_the_siblings_of_a_young_child() {
    let (queue, _stealer) = Local::shared();
    assert_eq!(queue.push(7), Push::Done);
    queue.begin_family();
    (0..3).for_each(|item| assert_eq!(queue.push_child(item), Push::Done));
    assert_eq!((queue.pop(), queue.is_young()), (Some(0), true));
    assert_eq!(queue.push_joiner(100), Push::Done);
    assert_eq!(all(&queue), [1, 2, 100, 7]);
}

#[test]
fn what_is_spawned_next_comes_before_what_is_exposed() {
    let (queue, stealer) = Local::shared();
    // The last to come is next: as in a walk down a tree.
    let spawn = |item| {
        queue.begin_family();
        assert_eq!(queue.push_child(item), Push::Done);
    };
    (0..5).for_each(spawn);
    queue.expose();
    spawn(5);
    assert_eq!((stealer.len(), queue.pop(), queue.pop()), (5, Some(5), Some(4)));
}

#[test]
fn a_child_pushed_from_inside_the_deque_leaves_the_others_alone() {
    let (queue, _stealer) = Local::shared();
    queue.begin_family();
    (0..FAMILY_MAX).for_each(|item| assert_eq!(queue.push_child(item), Push::Done));
    let inside = queue.enter().unwrap();
    assert_eq!(queue.push_child(100), Push::Refused(100));
    inside.leave();
    assert_eq!(all(&queue), (0..FAMILY_MAX).collect::<Vec<_>>());
}

#[test]
fn a_chain_of_joiners_keeps_nobody_waiting_for_ever() {
    let (queue, _stealer) = Local::shared();
    assert_eq!(queue.push(7), Push::Done);
    queue.begin_family();
    assert_eq!(queue.push_child(8), Push::Done);
    let join = |_: &usize| assert_eq!(queue.push_joiner(8), Push::Done);
    let before = std::iter::from_fn(|| queue.pop()).take(100_000).take_while(|&item| item == 8);
    let before = before.inspect(join).count();
    assert!(before <= 2_000, "{before} polls before an old one");
}

#[test]
fn a_chain_of_children_beside_tasks_from_elsewhere_keeps_nobody_waiting_for_ever() {
    let (queue, _stealer) = Local::shared();
    assert_eq!(queue.push(7), Push::Done);
    queue.begin_family();
    assert_eq!(queue.push_child(8), Push::Done);
    let mut polls = 0;
    while queue.pop() == Some(8) {
        polls += 1;
        assert!(polls <= 200, "the old one waits for ever");
        queue.begin_family();
        assert_eq!(queue.push_child(8), Push::Done);
        if polls % 16 == 0 {
            queue.begin_old();
            assert!(!queue.is_young());
        }
    }
}

fn polls_before_an_old_one(children: usize, expose_every: usize) -> usize {
    let (queue, _stealer) = Local::shared();
    assert_eq!(queue.push(1), Push::Done);
    assert_eq!(queue.push(7), Push::Done);
    let mut polls = 0;
    while queue.pop() != Some(7) {
        polls += 1;
        queue.begin_family();
        (0..children).for_each(|_| assert_eq!(queue.push_child(1), Push::Done));
        if polls % expose_every == 0 {
            queue.expose();
        }
    }
    polls
}

#[test]
fn exposed_children_keep_nobody_waiting_for_ever() {
    for children in [2, 4, 8] {
        for every in [usize::MAX, 16, 64] {
            let polls = polls_before_an_old_one(children, every);
            assert!(polls <= 1_000, "{children} children, exposed every {every}: {polls}");
        }
    }
}

#[test]
fn loot_comes_before_the_back() {
    let (queue, _stealer) = Local::shared();
    let (victim, exposed) = Local::shared();
    (0..4).for_each(|item| assert_eq!(queue.push(item), Push::Done));
    queue.expose();
    queue.close();
    (4..6).for_each(|item| assert_eq!(queue.push(item), Push::Done));
    assert_eq!(victim.push(50), Push::Done);
    victim.expose();
    // As in `look_at_roots`, whose worker is busy.
    assert!(matches!(exposed.steal_into(&queue), Steal::Success(50)));
    assert_eq!(queue.push(6), Push::Done);
    assert_eq!(all(&queue), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn nothing_in_the_back_waits_for_ever_after_loot() {
    let (queue, _stealer) = Local::shared();
    let (_victim, exposed) = Local::shared();
    (0..2 * EXPOSED_MAX).for_each(|_| assert_eq!(queue.push(1), Push::Done));
    queue.expose();
    (0..2 * EXPOSED_MAX).for_each(|_| assert_eq!(queue.push(1), Push::Done));
    queue.close();
    assert_eq!(queue.push(7), Push::Done);
    assert!(matches!(exposed.steal_into(&queue), Steal::Empty));
    // Everybody yields.
    let len = queue.len();
    for polls in 0..1_000_000 {
        let item = queue.pop().unwrap();
        if item == 7 {
            assert!(polls <= 2 * len, "{polls}");
            return;
        }
        assert_eq!(queue.push(item), Push::Done);
        if polls % 16 == 0 {
            queue.expose();
        }
    }
    panic!("never, among {len}");
}

#[test]
fn old_ones_are_old_after_a_rescue() {
    let (queue, stealer) = Local::shared();
    (0..4).for_each(|item| assert_eq!(queue.push(item), Push::Done));
    queue.begin_family();
    (10..13).for_each(|item| assert_eq!(queue.push_child(item), Push::Done));
    let mut rescued = Vec::new();
    assert_eq!(stealer.rescue_into(&mut rescued, Part::Half), Rescue::Some);
    assert_eq!(rescued, [10, 11, 12, 0]);
    assert_eq!((queue.pop(), queue.is_young()), (Some(1), false));
}

#[test]
fn a_family_that_was_rescued_goes_on_before_the_old() {
    let (queue, stealer) = Local::shared();
    (0..4).for_each(|item| assert_eq!(queue.push(item), Push::Done));
    queue.begin_family();
    (10..13).for_each(|item| assert_eq!(queue.push_child(item), Push::Done));
    let mut rescued = Vec::new();
    assert_eq!(stealer.rescue_into(&mut rescued, Part::Half), Rescue::Some);
    assert_eq!(rescued, [10, 11, 12, 0]);
    assert_eq!(queue.push_child(13), Push::Done);
    assert_eq!((queue.pop(), queue.is_young()), (Some(13), true));
    assert_eq!((queue.pop(), queue.is_young()), (Some(1), false));
}
