//! What a poll spawns, and whose joiners it wakes: next to run, or at the end (Q12).

use super::{Local, Push, Rings};
use std::sync::atomic::Ordering::Relaxed;

/// Most young items of one family (Q12).
pub(super) const FAMILY_MAX: usize = 8;
/// In place of the size of a family that is not young.
const NO_FAMILY: usize = usize::MAX;
/// Most young items popped in a row while new ones are still let in before the old (Q12).
pub(super) const STREAK_MAX: u32 = 64;
/// As many, while joiners are still let in.
const JOINER_STREAK_MAX: u32 = 8 * STREAK_MAX;

#[inline(never)]
fn insert_behind<T>(young: &mut Vec<T>, elders: usize, item: T) {
    young.insert(young.len().saturating_sub(elders), item);
}

impl<T> Local<T> {
    /// The owner is about to poll an item: what is spawned from now on is another family (Q12). Owner only.
    #[inline]
    pub fn begin_family(&self) {
        self.family.set(0);
    }

    /// Adds what the item being polled has spawned (Q12). Owner only.
    #[inline]
    pub fn push_child(&self, item: T) -> Push<T> {
        if self.inside.get() {
            return Push::Refused(item);
        }
        let elders = self.family.get();
        if elders < FAMILY_MAX && self.streak.get() < STREAK_MAX {
            self.family.set(elders + 1);
            return self.push_young(item, elders);
        }
        let is_called = elders == FAMILY_MAX && self.demote_family();
        self.family.set(NO_FAMILY);
        match self.push(item) {
            Push::Done if is_called => Push::Called,
            push => push,
        }
    }

    /// The family being spawned is a large one: all of it goes to the end, in order. Whether a rescuer is to be told.
    #[cold]
    fn demote_family(&self) -> bool {
        let mut is_called = false;
        for _ in 0..FAMILY_MAX {
            let Some(item) = self.with(|rings| rings.young.pop()) else { break };
            is_called |= matches!(self.push(item), Push::Called);
        }
        is_called
    }

    /// Adds the joiner of a young item that is done, near the beginning, behind what may be its siblings. Owner only.
    #[inline]
    pub fn push_joiner(&self, item: T) -> Push<T> {
        if self.streak.get() >= JOINER_STREAK_MAX {
            return self.push(item);
        }
        self.push_young(item, FAMILY_MAX)
    }

    /// Behind `elders` others, or as many as there are: a rescuer may have taken some.
    #[inline(always)]
    fn push_young(&self, item: T, elders: usize) -> Push<T> {
        if self.inside.get() {
            return Push::Refused(item);
        }
        let push = |Rings { young, .. }: &mut Rings<T>| match elders {
            0 => young.push(item),
            elders => insert_behind(young, elders, item),
        };
        // SAFETY: as in `with`.
        let is_called = unsafe { self.private.rings.with_call(push) }.1;
        self.private.has_young.store(true, Relaxed);
        if is_called { Push::Called } else { Push::Done }
    }
}
