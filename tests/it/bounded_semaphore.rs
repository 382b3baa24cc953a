//! The semaphore that takes back no more than it gave.

use crate::support_block_on::{Task, block_on};
use raddle_sync::{BoundedSemaphore, ReleaseError, TryAcquireError};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

#[test]
fn a_release_too_many_changes_nothing() {
    let gate = BoundedSemaphore::new(2);
    let ReleaseError { .. } = gate.release(1).unwrap_err();
    let held = gate.try_acquire().unwrap();
    assert!(gate.release(1).is_err(), "what a guard holds, its drop returns");
    gate.try_acquire().unwrap().forget();
    assert!(gate.release(2).is_err());
    assert_eq!(gate.available_permits(), 0);
    gate.release(1).unwrap();
    drop(held);
    assert_eq!((gate.available_permits(), gate.bound()), (2, 2));
    assert!(gate.release(1).is_err());
    gate.release(0).unwrap();
}

#[test]
fn a_released_permit_goes_to_the_first_in_line() {
    let gate = Arc::new(BoundedSemaphore::new(1));
    block_on(gate.acquire()).unwrap().forget();
    let mut first = Task::waiting(Arc::clone(&gate).acquire_owned());
    let mut second = Task::waiting(gate.acquire());
    gate.release(1).unwrap();
    assert!(first.is_woken() && !second.is_woken());
    assert!(gate.release(1).is_err());
    drop(first.ready().unwrap());
    assert!(second.ready().is_ok());
    assert_eq!(gate.stats().contended, 2);
}

#[test]
fn closing_wakes_everybody_and_forgotten_permits_can_still_be_released() {
    let gate = BoundedSemaphore::new(1);
    gate.try_acquire().unwrap().forget();
    let mut waiting = Task::waiting(gate.acquire_many(1));
    gate.close();
    assert!(waiting.ready().is_err());
    assert_eq!(gate.try_acquire().unwrap_err(), TryAcquireError::Closed);
    gate.release(1).unwrap();
    assert_eq!(gate.available_permits(), 1);
    assert!(gate.is_closed() && gate.blocking_acquire().is_err());
}

#[test]
fn of_many_releases_only_as_many_succeed_as_permits_were_forgotten() {
    let gate = BoundedSemaphore::new(1000);
    gate.try_acquire_many(1000).unwrap().forget();
    let succeeded = AtomicUsize::new(0);
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..400 {
                    succeeded.fetch_add(usize::from(gate.release(1).is_ok()), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(succeeded.into_inner(), 1000);
    assert_eq!(gate.available_permits(), 1000);
}

#[test]
fn debug_shows_the_state() {
    let gate = BoundedSemaphore::new(2);
    let _permit = gate.try_acquire().unwrap();
    let shown = "BoundedSemaphore { bound: 2, available_permits: 1, closed: false }";
    assert_eq!(format!("{gate:?}"), shown);
}
