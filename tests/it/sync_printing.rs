//! What is printed, and where to, is foreign code: no lock of the crate is held meanwhile.

use raddle_sync::{
    Barrier, Notify, broadcast, mpsc,
    queue::{LifoQueue, PriorityQueue, Queue},
};
use std::fmt::{self, Debug, Write};

/// A writer that prints the whole thing once more for each piece of it that it is given.
struct Twice<'a> {
    printed: &'a dyn Debug,
    seen: String,
}

impl Write for Twice<'_> {
    fn write_str(&mut self, _piece: &str) -> fmt::Result {
        write!(self.seen, "{:?}", self.printed)
    }
}

#[track_caller]
fn is_free_while_it_is_printed(printed: &dyn Debug) {
    let mut twice = Twice { printed, seen: String::new() };
    write!(twice, "{printed:?}").unwrap();
    assert!(!twice.seen.is_empty());
    assert!(!twice.seen.contains("<locked>"), "{}", twice.seen);
}

#[test]
fn a_channel_is_free_while_it_is_printed() {
    let (sender, receiver) = mpsc::channel::<u8>(1);
    is_free_while_it_is_printed(&sender);
    is_free_while_it_is_printed(&receiver);
    is_free_while_it_is_printed(&mpsc::unbounded_channel::<u8>().0);
    is_free_while_it_is_printed(&broadcast::channel::<u8>(1).0);
}

#[test]
fn a_queue_is_free_while_it_is_printed() {
    is_free_while_it_is_printed(&Queue::<u8>::bounded(1));
    is_free_while_it_is_printed(&LifoQueue::<u8>::unbounded());
    is_free_while_it_is_printed(&PriorityQueue::<u8>::unbounded());
}

#[test]
fn a_signal_is_free_while_it_is_printed() {
    is_free_while_it_is_printed(&Barrier::new(2));
    is_free_while_it_is_printed(&Notify::new());
}
