//! The places of the tasks that a worker has linked, as others see them: who completes one of them elsewhere takes it out.
//!
//! The places are numbered, and a task knows its number. They are in rooms of doubling size that never move, so the home can
//! build on while others find their way. A place holds the address of a task, or it is free and holds the number of
//! the next free place, or the home is looking at its task (T23).
//!
//! # Rules
//! - **T11** Only the home fills a place, and with the task goes the owner's reference. The task's completer empties it, before
//!   COMPLETE, and has that reference then. A completer elsewhere chains the place to those that others have emptied, which
//!   the home takes over all at once (R. K. Treiber, 1986); so no number can come back between a read and an exchange. The
//!   completer touches nothing here after that, and the home gives up a room only when as many were emptied as were filled.
//! - **T23** The home may look at a task that others may complete meanwhile. It marks the place, makes a reference of its own, and puts
//!   the task back. A completer that finds the mark stands on the reference which the place still has: it makes one more,
//!   which is its own, and empties the place. If the home finds its mark gone, the place's reference has been left to it.
//!
//! Feared: the home reads an address, and the task completes and is freed elsewhere before the home has its reference. T23 is
//! there for it: while the mark stands, the place's reference is not given up, for its completer has made one instead.
//!
//! What an end elsewhere costs: two read-modify-writes, on the place and on the chain's end. The home's part is to pop.
//!
//! # Safety
//! An address that was put into a place may be followed by who has its reference (T11) or the mark (T23), and a room's by who knows
//! the number of a place in it.

#![allow(unsafe_code)]

use super::cell::Header;
use super::raw::TaskRef;
use crate::loom::sync::atomic::{AtomicPtr, AtomicU64, Ordering::*};
use crate::loom::{FIRST_ROOM, ROOMS, has_failed, left_out};
use std::ptr;

/// Behind the last of a chain. No place has this number, or a greater one.
pub(super) const NONE: u32 = u32::MAX >> 1;

/// The mark of T23: neither a task, whose address is not null, nor the number of a place, which is odd.
const LOOKED_AT: *mut Header = ptr::null_mut();

type Place = AtomicPtr<Header>;

/// The places of one worker.
#[derive(Debug)]
pub struct Places {
    /// Room `n` has `FIRST_ROOM << n` places, if it is there.
    rooms: [AtomicPtr<Place>; ROOMS],
    /// The first of the places that others have emptied, and above it, how many they ever were.
    emptied: AtomicU64,
}

/// What a free place holds.
fn free(next: u32) -> *mut Header {
    ptr::without_provenance_mut((next as usize) << 1 | 1)
}

fn task_in(place: *mut Header) -> Option<TaskRef> {
    let is_task = place != LOOKED_AT && place.addr() & 1 == 0;
    // SAFETY: what is neither free nor marked was put there by `fill`.
    is_task.then(|| unsafe { TaskRef::from_ptr(place) })
}

impl Places {
    pub(crate) fn new() -> Places {
        Places {
            rooms: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            emptied: AtomicU64::new(NONE.into()),
        }
    }

    /// The place of that number, whose room is there: the home has built it, and others have the number from the home.
    #[inline]
    fn at(&self, number: u32) -> &Place {
        let position = number as usize + FIRST_ROOM;
        let room = (position / FIRST_ROOM).ilog2() as usize;
        // Relaxed: written before the number became known; it came with a task, whose way orders that.
        let places = self.rooms[room].load(Relaxed);
        // SAFETY: a room has as many places as there are positions from its first one to the next room's first one. It is
        // not given up while somebody has a number in it (T11).
        unsafe { &*places.add(position - (FIRST_ROOM << room)) }
    }

    /// Empties the place of a task whose home is elsewhere. The caller completes it, and has the owner's reference now (T11).
    pub(crate) fn vacate(&self, task: TaskRef) {
        let number = task.header().place.get();
        let place = self.at(number);
        let filled = task.as_ptr().cast_mut();
        // Acquire: pairs with the Release in `look`: its reference is made before ours is given up.
        if place.compare_exchange(filled, free(NONE), Acquire, Relaxed).is_err() {
            // T23: it is being looked at. On the reference that the place still has:
            task.state().ref_inc();
            // Acquire: as above.
            if place.swap(free(NONE), Acquire) == filled {
                // The look is over, and we have two.
                let is_last = task.state().ref_dec();
                debug_assert!(!is_last);
            }
        }
        // Relaxed: only compared; the exchange synchronizes.
        let mut seen = self.emptied.load(Relaxed);
        loop {
            // Relaxed: published by the exchange.
            place.store(free(seen as u32), Relaxed);
            let count = (seen >> 32).wrapping_add(1) << 32;
            // Release: pairs with `take_emptied` and `emptied`, after which the home uses the place, or gives it up.
            let release = if left_out("T11") { Relaxed } else { Release };
            let next = count | u64::from(number);
            match self.emptied.compare_exchange_weak(seen, next, release, Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// How many tasks were taken out elsewhere, ever; it wraps around.
    #[inline]
    pub(crate) fn emptied(&self) -> u32 {
        // Acquire: pairs with `vacate`.
        (self.emptied.load(Acquire) >> 32) as u32
    }

    /// Whether others have left places for the home to fill.
    #[inline]
    fn has_emptied(&self) -> bool {
        // Relaxed: a hint; `take_emptied` synchronizes.
        self.emptied.load(Relaxed) as u32 != NONE
    }
}

/// What only the home may do.
impl Places {
    /// Takes over what others have emptied: the first of a chain of free places.
    #[inline]
    pub(super) fn take_emptied(&self) -> u32 {
        if !self.has_emptied() {
            return NONE;
        }
        // Acquire: pairs with `vacate`, also with those further down the chain, whose exchanges were followed by others only.
        self.emptied.fetch_or(NONE.into(), Acquire) as u32
    }

    /// Puts `task` into a free place, and says which one is the next of its chain.
    #[inline]
    pub(super) fn fill(&self, number: u32, task: TaskRef) -> u32 {
        let place = self.at(number);
        // Relaxed: whoever emptied it was ordered before us by `take_emptied`. Others learn of the place with the task.
        let next = place.load(Relaxed);
        place.store(task.as_ptr().cast_mut(), Relaxed);
        debug_assert!(next.addr() & 1 == 1, "place {number} is not free");
        (next.addr() >> 1) as u32
    }

    /// Empties the place of a task that completes at home.
    #[inline]
    pub(super) fn empty(&self, task: TaskRef, next: u32) -> u32 {
        let number = task.header().place.get();
        let place = self.at(number);
        debug_assert_eq!(place.load(Relaxed), task.as_ptr().cast_mut());
        // Relaxed: T11: the task's completer is the only one who knows of the place, and we are both.
        place.store(free(next), Relaxed);
        number
    }

    /// The task in that place, with a reference of the caller's (T23).
    pub(super) fn look(&self, number: u32) -> Option<TaskRef> {
        let place = self.at(number);
        // Relaxed, both: it is the home that has put the task there.
        let filled = place.load(Relaxed);
        let task = task_in(filled)?;
        if left_out("T23") {
            task.state().ref_inc();
            return Some(task);
        }
        place.compare_exchange(filled, LOOKED_AT, Relaxed, Relaxed).ok()?;
        task.state().ref_inc();
        // Release: pairs with the Acquire in `vacate`.
        if place.compare_exchange(LOOKED_AT, filled, Release, Relaxed).is_err() {
            // T23: left to us by the completer.
            task.drop_reference();
        }
        Some(task)
    }

    /// Builds a room of free places, and says how many it has.
    #[cold]
    pub(super) fn build(&self, room: usize) -> u32 {
        let places = FIRST_ROOM << room;
        let places: Box<[Place]> = (0..places).map(|_| Place::new(free(NONE))).collect();
        let size = places.len() as u32;
        // Relaxed: known to others only with a number (`at`).
        self.rooms[room].store(Box::into_raw(places).cast(), Relaxed);
        size
    }

    /// Gives up all rooms. No task is linked, and nobody is about to take one out.
    pub(super) fn tear_down(&self) {
        for (number, room) in self.rooms.iter().enumerate() {
            // Relaxed: written by the home, which we are.
            let room = room.swap(ptr::null_mut(), Relaxed);
            if !room.is_null() {
                let room = ptr::slice_from_raw_parts_mut(room, FIRST_ROOM << number);
                // SAFETY: made by `build` from a box of this length, and given up once; the caller has promised the rest.
                drop(unsafe { Box::from_raw(room) });
            }
        }
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        if !has_failed() {
            self.tear_down();
        }
    }
}
