//! Event and barrier against a flag, a count, and those who wait.

use crate::props_support::{Waiting, config, pick};
use proptest::{collection::vec, prelude::*};
use raddle_sync::{Barrier, BarrierWaitResult, Event};

#[derive(Clone, Copy, Debug)]
enum Operation {
    /// Of the event only.
    Set,
    /// Of the event only.
    Clear,
    Wait,
    Poll(u8, bool),
    Drop(u8),
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        2 => Just(Set),
        2 => Just(Clear),
        8 => Just(Wait),
        5 => any::<(u8, bool)>().prop_map(|(which, another)| Poll(which, another)),
        3 => any::<u8>().prop_map(Drop),
    ]
}

/// Those who wait, and whether they have been let through.
type Crowd<'a, T> = Vec<(bool, Waiting<'a, T>)>;

fn let_through<T>(crowd: &mut Crowd<'_, T>) {
    crowd.iter_mut().for_each(|(through, _)| *through = true);
}

fn in_line<T>(crowd: &Crowd<'_, T>) -> usize {
    crowd.iter().filter(|(through, _)| !through).count()
}

fn compare_wakes<T>(crowd: &Crowd<'_, T>) {
    for (through, waiting) in crowd {
        assert_eq!(waiting.wakes(), usize::from(*through), "wake-ups");
    }
}

/// Polls one of them. What it was let through with, if it was.
fn poll<T>(crowd: &mut Crowd<'_, T>, which: u8, another: bool) -> Option<T> {
    let index = pick(which, crowd.len())?;
    let (through, waiting) = &mut crowd[index];
    let polled = waiting.poll(another);
    assert_eq!(polled.is_ready(), *through, "let through, or not");
    if *through {
        drop(crowd.swap_remove(index));
    }
    match polled {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_event_is_a_flag_and_a_crowd(operations in vec(operation(), 1..80)) {
        let event = Event::new();
        let (mut set, mut crowd) = (false, Crowd::new());
        for operation in operations {
            match operation {
                Operation::Set => {
                    event.set();
                    set = true;
                    let_through(&mut crowd);
                }
                Operation::Clear => {
                    event.clear();
                    set = false;
                }
                Operation::Wait => match Waiting::start(event.wait()) {
                    Ok(()) => assert!(set, "passed a flag that was down"),
                    Err(waiting) => {
                        assert!(!set, "waits for a flag that is up");
                        crowd.push((false, waiting));
                    }
                },
                Operation::Poll(which, another) => drop(poll(&mut crowd, which, another)),
                Operation::Drop(which) => if let Some(index) = pick(which, crowd.len()) {
                    drop(crowd.swap_remove(index));
                },
            }
            compare_wakes(&crowd);
            assert_eq!(event.is_set(), set);
            assert_eq!(event.stats().waiters, in_line(&crowd));
        }
    }

    #[test]
    fn a_barrier_is_a_count_and_a_crowd(
        size in 1..5_usize,
        operations in vec(operation(), 1..80),
    ) {
        let barrier = Barrier::new(size);
        let mut crowd: Crowd<'_, BarrierWaitResult> = Crowd::new();
        for operation in operations {
            match operation {
                Operation::Set | Operation::Clear => {}
                Operation::Wait => match Waiting::start(barrier.wait()) {
                    Ok(result) => {
                        assert!(result.is_leader(), "the last to come leads");
                        assert_eq!(in_line(&crowd) + 1, size, "through with too few");
                        let_through(&mut crowd);
                    }
                    Err(waiting) => {
                        assert!(in_line(&crowd) + 1 < size, "waits with all there");
                        crowd.push((false, waiting));
                    }
                },
                Operation::Poll(which, another) => {
                    let passed = poll(&mut crowd, which, another);
                    assert!(passed.is_none_or(|result| !result.is_leader()), "two lead");
                }
                Operation::Drop(which) => if let Some(index) = pick(which, crowd.len()) {
                    drop(crowd.swap_remove(index));
                },
            }
            compare_wakes(&crowd);
            assert_eq!(barrier.stats().waiters, in_line(&crowd));
        }
    }
}
