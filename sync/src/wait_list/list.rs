//! The nodes of the wait list, and the links between them.
//!
//! # Safety
//! A node is dereferenced only under the lock of its queue (L1) and while it is linked (L2), or by
//! its owner; each function says what of this its caller vouches for.
#![allow(unsafe_code)]
#![allow(unreachable_pub, reason = "the models reach these types through loom::internals")]

use crate::{
    loom::{AtomicU8, Ordering, UnsafeCell},
    stats::Tally,
};
use std::{marker::PhantomPinned, mem::MaybeUninit, ptr::NonNull, task::Waker};

/// How things stand with a waiter. Everything after `Waiting` is final.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not in the list, and never served.
    Idle,
    /// In the list.
    Waiting,
    /// Was first in line and got what it asked for.
    Granted,
    /// As `Granted`, but was taken from the back of the line.
    GrantedLast,
    /// Woken together with everybody else.
    Swept,
    /// There will be nothing to wait for any more.
    Closed,
}

impl Standing {
    fn from_u8(standing: u8) -> Self {
        match standing {
            0 => Self::Idle,
            1 => Self::Waiting,
            2 => Self::Granted,
            3 => Self::GrantedLast,
            4 => Self::Swept,
            _ => Self::Closed,
        }
    }
}

/// What others see of a waiter.
pub(super) struct Node {
    standing: AtomicU8,
    /// Written when the node lines up for the first time. A future that never waits is made, moved and
    /// dropped without touching these bytes.
    links: UnsafeCell<MaybeUninit<Links>>,
    _pinned: PhantomPinned,
}

impl Node {
    #[inline]
    pub(super) fn new() -> Self {
        Self {
            standing: AtomicU8::new(Standing::Idle as u8),
            links: UnsafeCell::new(MaybeUninit::uninit()),
            _pinned: PhantomPinned,
        }
    }

    /// Makes the links what they are for a node about to line up for the first time.
    ///
    /// # Safety
    /// It is in no list, and has never been; the caller holds its queue's lock (L1).
    #[inline]
    pub(super) unsafe fn prepare(
        &self,
        waker: Option<Waker>,
        missing: usize,
        since: u64,
        round: u32,
    ) {
        let links = Links { prev: None, next: None, waker, missing, since, round };
        // SAFETY: nobody else has a way to the links, says the caller.
        self.links.with_mut(|slot| unsafe { _ = (*slot).write(links) });
    }

    /// `Waiting` may be out of date at once, everything else is final.
    #[inline]
    pub(super) fn standing(&self) -> Standing {
        // Acquire: pairs with the Release store in `List::settle`.
        Standing::from_u8(self.standing.load(Ordering::Acquire))
    }

    /// To be called under the lock, after the node was linked (L2).
    #[inline]
    pub(super) fn set_waiting(&self) {
        // Relaxed: who acts on `Waiting` takes the lock first.
        self.standing.store(Standing::Waiting as u8, Ordering::Relaxed);
    }
}

/// The part of a node that the lock guards (L1).
pub(super) struct Links {
    /// Means nothing in the first of a list.
    prev: Option<NonNull<Node>>,
    next: Option<NonNull<Node>>,
    pub(super) waker: Option<Waker>,
    pub(super) missing: usize,
    /// When it got in line, if that is timed.
    pub(super) since: u64,
    pub(super) round: u32,
}

/// Runs `access` on the links of a node.
///
/// The waker in them is taken out when the node leaves its list, so that nothing is left to drop.
///
/// # Safety
/// The node is alive, has lined up, and the caller holds its queue's lock (L1).
#[inline]
pub(super) unsafe fn links<R>(node: NonNull<Node>, access: impl FnOnce(*mut Links) -> R) -> R {
    // SAFETY: alive, says the caller; shared, because its owner may be reading its standing.
    unsafe { node.as_ref() }.links.with_mut(|links| access(links.cast()))
}

/// Ends of a doubly linked list.
pub(super) struct List {
    pub(super) head: Option<NonNull<Node>>,
    pub(super) tail: Option<NonNull<Node>>,
}

// SAFETY: by L1 whoever reaches the nodes through the list holds the lock that the list is in, and
// what it finds there (links, wakers) may be used from any thread.
unsafe impl Send for List {}

impl List {
    pub(super) const EMPTY: Self = Self { head: None, tail: None };

    /// # Safety
    /// `node` is alive and in no list; the lock is held.
    pub(super) unsafe fn push_back(&mut self, node: NonNull<Node>) {
        let last = self.tail.replace(node);
        // SAFETY: the caller vouches for `node`, L2 for `last`.
        unsafe {
            links(node, |links| {
                (*links).prev = last;
                (*links).next = None;
            });
            match last {
                Some(last) => links(last, |links| (*links).next = Some(node)),
                None => self.head = Some(node),
            }
        }
    }

    /// # Safety
    /// `node` is alive and in no list; the lock is held.
    pub(super) unsafe fn push_front(&mut self, node: NonNull<Node>) {
        let first = self.head.replace(node);
        // SAFETY: the caller vouches for `node`, L2 for `first`.
        unsafe {
            links(node, |links| {
                (*links).prev = None;
                (*links).next = first;
            });
            match first {
                Some(first) => links(first, |links| (*links).prev = Some(node)),
                None => self.tail = Some(node),
            }
        }
    }

    /// Who leaves from the front does not touch the one behind, whose line may be in another core's cache:
    /// what `prev` of the first says is never asked.
    ///
    /// # Safety
    /// `node` is in this list; the lock is held.
    unsafe fn unlink(&mut self, node: NonNull<Node>) {
        // SAFETY: `node` is linked, and so are its neighbors; by L2 all three are alive.
        unsafe {
            let (prev, next) = links(node, |links| ((*links).prev, (*links).next));
            let prev = if self.head == Some(node) { None } else { prev };
            match (prev, next) {
                (None, next) => self.head = next,
                (Some(prev), next) => {
                    links(prev, |links| (*links).next = next);
                    if let Some(next) = next {
                        links(next, |links| (*links).prev = Some(prev));
                    }
                }
            }
            if next.is_none() {
                self.tail = prev;
            }
        }
    }

    /// Takes `node` out for good: the waker is the caller's, the node its owner's again.
    ///
    /// # Safety
    /// `node` is in this list; the lock is held. The node may be freed once this returns.
    pub(super) unsafe fn settle(
        &mut self,
        node: NonNull<Node>,
        standing: Standing,
        tally: &mut Tally,
    ) -> Option<Waker> {
        // SAFETY: linked and locked, says the caller. The store comes last (L2), so that nothing
        // here touches the node after its owner may have freed it.
        unsafe {
            self.unlink(node);
            let (waker, since) = links(node, |links| ((*links).waker.take(), (*links).since));
            tally.left(since);
            // Release: pairs with the Acquire load in `Node::standing`, which must see what the
            // granting thread did before, and the end of its accesses to the node.
            node.as_ref().standing.store(standing as u8, Ordering::Release);
            waker
        }
    }

    /// Appends all of `other`.
    ///
    /// # Safety
    /// The lock of both lists is held.
    pub(super) unsafe fn append(&mut self, other: &mut List) {
        let Some(first) = other.head.take() else { return };
        // SAFETY: linked nodes are alive (L2).
        unsafe {
            links(first, |links| (*links).prev = self.tail);
            match self.tail {
                Some(last) => links(last, |links| (*links).next = Some(first)),
                None => self.head = Some(first),
            }
        }
        self.tail = other.tail.take();
    }
}
