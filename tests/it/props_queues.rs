//! The queues against a list with two lines before it: order, room, who is served, what is done, and the end.

use crate::props_support::{Line, Place, Waiting, config, pick};
use proptest::{collection::vec, prelude::*};
use raddle_sync::queue::{
    LifoQueue, PriorityQueue, Queue,
    error::{GetError, PutError, TryGetError, TryPutError},
};
use std::task::Poll;

/// A rank, and a number that says when it was made.
type Item = (u8, u64);

#[derive(Clone, Copy, Debug)]
enum Operation {
    Put(u8),
    TryPut(u8),
    PollPutting(u8, bool),
    DropPutting(u8),
    Get,
    TryGet,
    PollGetting(u8, bool),
    DropGetting(u8),
    TaskDone,
    Join,
    PollJoining(u8, bool),
    DropJoining(u8),
    Close,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    prop_oneof![
        8 => (0..4_u8).prop_map(Put),
        3 => (0..4_u8).prop_map(TryPut),
        5 => any::<(u8, bool)>().prop_map(|(which, another)| PollPutting(which, another)),
        2 => any::<u8>().prop_map(DropPutting),
        8 => Just(Get),
        3 => Just(TryGet),
        6 => any::<(u8, bool)>().prop_map(|(which, another)| PollGetting(which, another)),
        3 => any::<u8>().prop_map(DropGetting),
        6 => Just(TaskDone),
        2 => Just(Join),
        3 => any::<(u8, bool)>().prop_map(|(which, another)| PollJoining(which, another)),
        1 => any::<u8>().prop_map(DropJoining),
        1 => Just(Close),
    ]
}

/// What the three queues have in common, and what each hands out first.
trait Kind: Default {
    fn with(capacity: Option<usize>) -> Self;
    fn next(items: &[Item]) -> usize;
    async fn put(&self, item: Item) -> Result<(), PutError<Item>>;
    fn try_put(&self, item: Item) -> Result<(), TryPutError<Item>>;
    async fn get(&self) -> Result<Item, GetError>;
    fn try_get(&self) -> Result<Item, TryGetError>;
    fn task_done(&self) -> bool;
    async fn join(&self);
    fn close(&self);
    /// Its length, whether it is closed, whether it is full, and who is in line.
    fn look(&self) -> (usize, bool, bool, usize);
}

macro_rules! kind {
    ($Name:ident, $Queue:ident, $next:expr) => {
        struct $Name($Queue<Item>);
        impl Default for $Name {
            fn default() -> Self {
                Self($Queue::unbounded())
            }
        }
        impl Kind for $Name {
            fn with(capacity: Option<usize>) -> Self {
                Self(capacity.map_or_else($Queue::unbounded, $Queue::bounded))
            }
            fn next(items: &[Item]) -> usize {
                let next: fn(&[Item]) -> usize = $next;
                next(items)
            }
            async fn put(&self, item: Item) -> Result<(), PutError<Item>> {
                self.0.put(item).await
            }
            fn try_put(&self, item: Item) -> Result<(), TryPutError<Item>> {
                self.0.try_put(item)
            }
            async fn get(&self) -> Result<Item, GetError> {
                self.0.get().await
            }
            fn try_get(&self) -> Result<Item, TryGetError> {
                self.0.try_get()
            }
            fn task_done(&self) -> bool {
                self.0.task_done().is_ok()
            }
            async fn join(&self) {
                self.0.join().await
            }
            fn close(&self) {
                self.0.close()
            }
            fn look(&self) -> (usize, bool, bool, usize) {
                let queue = &self.0;
                (queue.len(), queue.is_closed(), queue.is_full(), queue.stats().waiters)
            }
        }
    };
}

kind!(First, Queue, |_| 0);
kind!(Last, LifoQueue, |items| items.len() - 1);
kind!(Least, PriorityQueue, |items| (0..items.len()).min_by_key(|&at| items[at]).unwrap());

struct Putting<'a> {
    number: u64,
    item: Item,
    waiting: Waiting<'a, Result<(), PutError<Item>>>,
}

struct World<'a, K> {
    queue: &'a K,
    capacity: Option<usize>,
    slots: Line,
    items: Line,
    stored: Vec<Item>,
    closed: bool,
    not_done: usize,
    made: u64,
    putting: Vec<Putting<'a>>,
    getting: Vec<(u64, Waiting<'a, Result<Item, GetError>>)>,
    /// Who joins, and whether nothing was left to be done since it last looked.
    joining: Vec<(bool, Waiting<'a, ()>)>,
}

impl<'a, K: Kind> World<'a, K> {
    fn item(&mut self, rank: u8) -> Item {
        self.made += 1;
        (rank, self.made)
    }

    /// Takes a slot, if there are slots.
    fn slot_now(&mut self) -> bool {
        !self.closed && (self.capacity.is_none() || self.slots.take_now(1))
    }

    fn stored(&mut self, item: Item) {
        self.stored.push(item);
        self.not_done += 1;
        self.items.give(1);
    }

    fn taken(&mut self, item: Item) {
        let expected = self.stored.remove(K::next(&self.stored));
        assert_eq!(item, expected, "out of order, or from nowhere");
        if self.capacity.is_some() {
            self.slots.give(1);
        }
        self.end();
    }

    /// Tells getters of the end, if this is it.
    fn end(&mut self) {
        if self.closed && self.stored.is_empty() {
            self.items.close();
        }
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Put(rank) => {
                let item = self.item(rank);
                match Waiting::start(self.queue.put(item)) {
                    Ok(Ok(())) => {
                        assert!(self.slot_now(), "put without room, or past the line");
                        self.stored(item);
                    }
                    Ok(Err(back)) => assert!(self.closed && back.0 == item),
                    Err(waiting) => {
                        assert!(!self.closed && !self.slot_now(), "waits, and need not");
                        self.putting.push(Putting { number: self.slots.wait(1), item, waiting });
                    }
                }
            }
            Operation::TryPut(rank) => {
                let item = self.item(rank);
                match self.queue.try_put(item) {
                    Ok(()) => {
                        assert!(self.slot_now(), "put without room, or past the line");
                        self.stored(item);
                    }
                    Err(TryPutError::Full(back)) => {
                        assert!(!self.closed && !self.slot_now() && back == item);
                    }
                    Err(TryPutError::Closed(back)) => assert!(self.closed && back == item),
                }
            }
            Operation::PollPutting(which, another) => {
                let Some(index) = pick(which, self.putting.len()) else { return };
                let Putting { number, item, waiting } = &mut self.putting[index];
                let (place, item) = (self.slots.place(*number), *item);
                match (waiting.poll(another), place) {
                    (Poll::Pending, Place::Lacks(_)) => return,
                    (Poll::Ready(Ok(())), Place::Served) => assert!(!self.closed),
                    (Poll::Ready(Err(back)), Place::Served) => {
                        assert!(self.closed && back.0 == item);
                        self.slots.give(1);
                    }
                    (Poll::Ready(Err(back)), Place::Refused(_)) => assert_eq!(back.0, item),
                    (polled, place) => panic!("{place:?}, but polling says {polled:?}"),
                }
                let number = self.putting.swap_remove(index).number;
                if self.slots.ended(number) == Place::Served && !self.closed {
                    self.stored(item);
                }
            }
            Operation::DropPutting(which) => {
                let Some(index) = pick(which, self.putting.len()) else { return };
                let number = self.putting.swap_remove(index).number;
                self.slots.leave(number);
            }
            Operation::Get => match Waiting::start(self.queue.get()) {
                Ok(Ok(item)) => {
                    assert!(self.items.take_now(1), "got what was promised to others");
                    self.taken(item);
                }
                Ok(Err(_)) => assert!(self.closed && self.stored.is_empty(), "not the end"),
                Err(waiting) => {
                    assert!(!self.items.closed && !self.items.take_now(1), "waits, and need not");
                    self.getting.push((self.items.wait(1), waiting));
                }
            },
            Operation::TryGet => match self.queue.try_get() {
                Ok(item) => {
                    assert!(self.items.take_now(1), "got what was promised to others");
                    self.taken(item);
                }
                Err(TryGetError::Empty) => {
                    assert!(!self.items.closed && !self.items.take_now(1));
                }
                Err(TryGetError::Closed) => assert!(self.closed && self.stored.is_empty()),
            },
            Operation::PollGetting(which, another) => {
                let Some(index) = pick(which, self.getting.len()) else { return };
                let (number, waiting) = &mut self.getting[index];
                let got = match (waiting.poll(another), self.items.place(*number)) {
                    (Poll::Pending, Place::Lacks(_)) => return,
                    (Poll::Ready(Ok(item)), Place::Served) => Some(item),
                    (Poll::Ready(Err(_)), Place::Refused(_)) => None,
                    (polled, place) => panic!("{place:?}, but polling says {polled:?}"),
                };
                let (number, _) = self.getting.swap_remove(index);
                self.items.ended(number);
                if let Some(item) = got {
                    self.taken(item);
                }
            }
            Operation::DropGetting(which) => {
                let Some(index) = pick(which, self.getting.len()) else { return };
                let (number, _) = self.getting.swap_remove(index);
                self.items.leave(number);
            }
            Operation::TaskDone => {
                assert_eq!(self.queue.task_done(), self.not_done > 0);
                if self.not_done == 1 {
                    self.joining.iter_mut().for_each(|(told, _)| *told = true);
                }
                self.not_done = self.not_done.saturating_sub(1);
            }
            Operation::Join => match Waiting::start(self.queue.join()) {
                Ok(()) => assert_eq!(self.not_done, 0, "joined too early"),
                Err(waiting) => {
                    assert!(self.not_done > 0, "waits for nothing");
                    self.joining.push((false, waiting));
                }
            },
            Operation::PollJoining(which, another) => {
                let Some(index) = pick(which, self.joining.len()) else { return };
                let (told, waiting) = &mut self.joining[index];
                let over = *told && self.not_done == 0;
                assert_eq!(waiting.poll(another).is_ready(), over);
                *told = false;
                if over {
                    drop(self.joining.swap_remove(index));
                }
            }
            Operation::DropJoining(which) => {
                let Some(index) = pick(which, self.joining.len()) else { return };
                drop(self.joining.swap_remove(index));
            }
            Operation::Close => {
                self.queue.close();
                self.closed = true;
                self.slots.close();
                self.end();
            }
        }
    }

    /// All that can be seen from outside is as the model has it.
    fn compare(&self) {
        let putting = self.putting.iter().map(|one| (&self.slots, one.number, one.waiting.wakes()));
        let getting = self.getting.iter().map(|(number, one)| (&self.items, *number, one.wakes()));
        let mut in_line = 0;
        for (line, number, wakes) in putting.chain(getting) {
            let waits = matches!(line.place(number), Place::Lacks(_));
            in_line += usize::from(waits);
            assert_eq!(wakes, usize::from(!waits), "wake-ups of number {number}");
        }
        for (told, waiting) in &self.joining {
            assert_eq!(waiting.wakes_since_poll(), usize::from(*told), "wake-ups of a joiner");
        }
        let full = self.capacity.is_some_and(|capacity| self.stored.len() >= capacity);
        assert_eq!(self.queue.look(), (self.stored.len(), self.closed, full, in_line));
    }
}

fn check<K: Kind>(capacity: Option<usize>, operations: Vec<Operation>) {
    let queue = K::with(capacity);
    let mut world = World {
        queue: &queue,
        capacity,
        slots: Line::new(capacity.unwrap_or(0)),
        items: Line::new(0),
        stored: Vec::new(),
        closed: false,
        not_done: 0,
        made: 0,
        putting: Vec::new(),
        getting: Vec::new(),
        joining: Vec::new(),
    };
    for operation in operations {
        world.apply(operation);
        world.compare();
    }
    // Whoever waits leaves; what is in the queue can then be got by anybody.
    while !world.putting.is_empty() || !world.getting.is_empty() {
        world.apply(Operation::DropPutting(3));
        world.apply(Operation::DropGetting(5));
        world.compare();
    }
    while !world.stored.is_empty() {
        world.apply(Operation::TryGet);
        world.compare();
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_queue_is_a_list_between_two_lines(
        capacity in proptest::option::of(1..4_usize),
        operations in vec(operation(), 1..100),
    ) {
        check::<First>(capacity, operations);
    }

    #[test]
    fn a_lifo_queue_is_a_stack_between_two_lines(
        capacity in proptest::option::of(1..4_usize),
        operations in vec(operation(), 1..100),
    ) {
        check::<Last>(capacity, operations);
    }

    #[test]
    fn a_priority_queue_is_a_sorted_list_between_two_lines(
        capacity in proptest::option::of(1..4_usize),
        operations in vec(operation(), 1..100),
    ) {
        check::<Least>(capacity, operations);
    }
}
