//! Transitions one by one; races are in `tests/loom/task_state.rs`.

use super::*;

#[test]
fn a_wake_during_the_poll_keeps_the_right_to_poll() {
    let state = State::new();
    let start = state.start_poll();
    assert_eq!(state.wake_by_ref(), Wake::Nothing);
    assert_eq!(state.finish_poll(start.wakes), Finish::Again);
    let start = state.start_poll();
    assert_eq!(state.finish_poll(start.wakes), Finish::Idle);
    assert_eq!(state.wake_by_ref(), Wake::Submit);
}

#[test]
fn a_saturated_wake_count_neither_overflows_nor_loses_the_wake() {
    let state = State::new();
    let start = state.start_poll();
    state.0.fetch_add((WAKES_SATURATED - 1) << WAKE_SHIFT, AcqRel);
    state.ref_inc();
    assert_eq!(state.wake_by_ref(), Wake::Nothing);
    assert_eq!(state.wake_by_value(), Wake::Nothing);
    assert_eq!(state.load().wakes(), WAKES_SATURATED);
    assert_eq!(state.load().refs(), 2);
    assert_eq!(state.finish_poll(start.wakes), Finish::Again);
}

#[test]
fn a_wake_during_a_poll_that_began_saturated_is_not_lost() {
    let state = State::new();
    state.0.fetch_add((WAKES_SATURATED - 1) << WAKE_SHIFT, AcqRel);
    let start = state.start_poll();
    assert_eq!(state.wake_by_ref(), Wake::Nothing);
    assert_eq!(state.finish_poll(start.wakes), Finish::Again);
    let start = state.start_poll();
    assert_eq!(state.finish_poll(start.wakes), Finish::Idle);
}

#[test]
fn the_last_reference_of_a_complete_task_frees_it() {
    let state = State::new();
    let done = state.complete(state.load()).unwrap();
    assert!(done.released && !done.free && !done.join_waker);
    assert_eq!(state.drop_join_handle(), DropHandle::Output);
    assert!(state.ref_dec());
}

#[test]
fn a_join_waker_holds_back_the_owners_reference() {
    let state = State::new();
    state.set_join_waker().unwrap();
    let done = state.complete(state.load()).unwrap();
    assert!(!done.released && done.join_waker);
    assert!(!state.ref_dec());
    assert!(state.set_join_waker().is_err());
}
